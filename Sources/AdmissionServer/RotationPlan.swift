package import FoundationEssentials

/// How long certificates live and when they are replaced, all in seconds.
package struct RotationPolicy: Sendable, Hashable {
    /// How long an authority is valid.
    package var authorityLifetime: TimeInterval
    /// How long before its end an authority gets a successor.
    package var authorityRenewBefore: TimeInterval
    /// How long a serving certificate is valid.
    package var servingLifetime: TimeInterval
    /// How long before its end a serving certificate is replaced.
    package var servingRenewBefore: TimeInterval
    /// How long clients get to learn a new authority before it signs: the trust bundle has to reach the webhook
    /// configurations, and from there every API server.
    package var spread: TimeInterval
    /// Certificates are valid from this long before they are made, for clients whose clocks are behind.
    package var backdate: TimeInterval
    /// The latest next look, whatever else is due.
    package var checkInterval: TimeInterval

    /// Values that contradict each other are corrected: what is replaced early is replaced after half its life at the
    /// latest, and an authority has time to spread.
    package init(
        authorityLifetime: TimeInterval = 10 * 365 * 86_400,
        authorityRenewBefore: TimeInterval = 365 * 86_400,
        servingLifetime: TimeInterval = 90 * 86_400,
        servingRenewBefore: TimeInterval = 30 * 86_400,
        spread: TimeInterval = 3_600,
        backdate: TimeInterval = 3_600,
        checkInterval: TimeInterval = 12 * 3_600
    ) {
        self.authorityLifetime = max(1, authorityLifetime)
        self.servingLifetime = min(max(1, servingLifetime), self.authorityLifetime)
        self.authorityRenewBefore = min(max(0, authorityRenewBefore), self.authorityLifetime / 2)
        self.servingRenewBefore = min(max(0, servingRenewBefore), self.servingLifetime / 2)
        self.spread = min(max(0, spread), self.authorityRenewBefore / 2)
        self.backdate = max(0, backdate)
        self.checkInterval = max(1, checkInterval)
    }

    package static let standard = RotationPolicy()

    /// Certificates that live for this long, and are replaced when two thirds of it have passed, as the standard ones are.
    package init(servingLifetime: TimeInterval, authorityLifetime: TimeInterval) {
        self.init(
            authorityLifetime: authorityLifetime,
            authorityRenewBefore: min(Self.standard.authorityRenewBefore, authorityLifetime / 3),
            servingLifetime: servingLifetime,
            servingRenewBefore: servingLifetime / 3
        )
    }
}

/// What has to happen to the certificates now, and when to look again. Pure: the shell around it reads and writes the
/// Secret with optimistic locking, so of several replicas one wins and the others read what it wrote.
///
///     let plan = RotationPlan(stored: StoredBundle(secretData: data), names: names, now: now)
///     if plan.action != .keep {
///         let bundle = try plan.carryOut()          // write bundle.secretData, then publish bundle.caBundle
///     }
///     // look again at plan.nextCheck, or when the Secret changes; after a write at once
///
/// An authority's replacement takes three steps, each visible in the Secret before the next: ``Action/introduceAuthority``
/// puts the new one into the trust bundle; when clients have had ``RotationPolicy/spread`` to learn it (and
/// `isTrustPublished` says that the trust bundle has reached the webhook configurations) ``Action/promoteAuthority`` lets
/// it sign; ``Action/dropPreviousAuthorities`` removes the old one when the last certificate it signed has ended.
package struct RotationPlan: Sendable, Hashable {
    package enum Action: Sendable, Hashable, CustomStringConvertible {
        /// All is well.
        case keep
        /// Everything anew; what clients trust now does not help, so the trust bundle has to be published at once.
        case create(reason: String)
        /// A new serving certificate from the current authority.
        case reissueServing(reason: String)
        /// A new authority that clients are to learn.
        case introduceAuthority(reason: String)
        /// The next authority becomes the current one and signs a new serving certificate.
        case promoteAuthority
        /// Authorities that sign nothing any more leave the trust bundle.
        case dropPreviousAuthorities

        package var description: String {
            switch self {
            case .keep: "keep"
            case .create(let reason): "create: \(reason)"
            case .reissueServing(let reason): "reissue the serving certificate: \(reason)"
            case .introduceAuthority(let reason): "introduce a new authority: \(reason)"
            case .promoteAuthority: "promote the next authority"
            case .dropPreviousAuthorities: "drop previous authorities"
            }
        }
    }

    package let action: Action
    /// When to decide again; after an action that was carried out, decide again at once.
    package let nextCheck: Date

    private let bundle: CertificateBundle?
    private let names: ServerNames
    private let now: Date
    private let policy: RotationPolicy

    /// - Parameters:
    ///   - names: what the serving certificate must cover; it may cover more, so that replicas of two versions with
    ///     different wishes do not replace each other's certificate for ever.
    ///   - isTrustPublished: whether the webhook configurations hold the stored trust bundle; a new authority does not
    ///     sign before that.
    package init(
        stored: StoredBundle,
        names: ServerNames,
        now: Date,
        policy: RotationPolicy = .standard,
        isTrustPublished: Bool = true
    ) {
        self.names = names
        // The Secret holds whole seconds; so does everything derived from now.
        self.now = Date(timeIntervalSince1970: now.timeIntervalSince1970.rounded(.down))
        self.policy = policy
        self.bundle = stored.bundle
        switch stored {
        case .absent:
            self.action = .create(reason: "there are no certificates yet")
        case .corrupt(let error):
            self.action = .create(reason: error.message)
        case .intact(let bundle):
            self.action = Self.action(bundle, names, self.now, policy, isTrustPublished)
        }
        self.nextCheck = Self.nextCheck(stored.bundle, self.now, policy, self.action, isTrustPublished)
    }

    private static func action(
        _ bundle: CertificateBundle,
        _ names: ServerNames,
        _ now: Date,
        _ policy: RotationPolicy,
        _ isTrustPublished: Bool
    ) -> Action {
        let current = bundle.authority.certificate
        if let next = bundle.next {
            guard next.authority.certificate.isValid(at: now) else {
                // It was never used: dropping it for another harms nobody.
                return .introduceAuthority(reason: "the next authority is not valid")
            }
            // An ended authority serves nobody, so then the next one signs even if not everyone has learnt it.
            let hasSpread = isTrustPublished && now >= next.since.addingTimeInterval(policy.spread)
            if hasSpread || !current.isValid(at: now) { return .promoteAuthority }
        } else if !current.isValid(at: now) {
            return .create(reason: "the authority is not valid at this time")
        }
        if let reason = Self.reasonToReissue(bundle, names, now, policy) { return .reissueServing(reason: reason) }
        if bundle.next == nil, now >= current.notAfter.addingTimeInterval(-policy.authorityRenewBefore) {
            return .introduceAuthority(reason: "the authority ends within the renewal time")
        }
        if let until = bundle.previousUntil, now >= until { return .dropPreviousAuthorities }
        return .keep
    }

    private static func reasonToReissue(
        _ bundle: CertificateBundle,
        _ names: ServerNames,
        _ now: Date,
        _ policy: RotationPolicy
    ) -> String? {
        let serving = bundle.serving
        if !serving.names(issuer: bundle.authority.certificate) { return "another authority signed it" }
        if !serving.names.covers(names) { return "it does not cover all names" }
        if now < serving.notBefore { return "it is not valid yet" }
        // A certificate that ends with its authority cannot be made to live longer: replacing it again and again would
        // change nothing.
        let isLast = serving.notAfter >= bundle.authority.certificate.notAfter
        if now >= serving.notAfter.addingTimeInterval(-policy.servingRenewBefore), !isLast {
            return "it ends within the renewal time"
        }
        return nil
    }

    private static func nextCheck(
        _ bundle: CertificateBundle?,
        _ now: Date,
        _ policy: RotationPolicy,
        _ action: Action,
        _ isTrustPublished: Bool
    ) -> Date {
        guard let bundle, action == .keep else { return now }
        var times = [
            now.addingTimeInterval(policy.checkInterval),
            bundle.serving.notAfter.addingTimeInterval(-policy.servingRenewBefore),
            bundle.authority.certificate.notAfter.addingTimeInterval(-policy.authorityRenewBefore),
            bundle.authority.certificate.notAfter,
        ]
        if let next = bundle.next { times.append(next.since.addingTimeInterval(policy.spread)) }
        if let until = bundle.previousUntil { times.append(until) }
        if let next = bundle.next, next.since.addingTimeInterval(policy.spread) <= now {
            // Due, but the trust bundle is not published yet: the shell looks again after publishing it, or soon.
            times.append(now.addingTimeInterval(60))
        }
        // What is due already and stays so must not make the shell spin.
        return times.filter { $0 > now }.min() ?? now.addingTimeInterval(policy.checkInterval)
    }

    /// The bundle after this plan's action; the same one for ``Action/keep``.
    ///
    /// - Throws: ``CertificateError`` (signing), for instance without any name.
    package func carryOut() throws(CertificateError) -> CertificateBundle {
        guard let bundle = self.bundle else { return try self.created() }
        switch self.action {
        case .keep:
            return bundle
        case .create:
            return try self.created()
        case .reissueServing:
            return try self.reissued(bundle)
        case .introduceAuthority:
            var bundle = bundle
            bundle.next = CertificateBundle.NextAuthority(try self.makeAuthority(), since: self.now)
            return bundle
        case .promoteAuthority:
            return try self.promoted(bundle)
        case .dropPreviousAuthorities:
            var bundle = bundle
            bundle.previous = []
            bundle.previousUntil = nil
            return bundle
        }
    }

    /// Plans and carries out until nothing is left to do: what the shell writes in one go.
    ///
    /// - Returns: the bundle, what was done to get there (empty: nothing to write), and when to look again.
    package static func settle(
        stored: StoredBundle,
        names: ServerNames,
        now: Date,
        policy: RotationPolicy = .standard,
        isTrustPublished: Bool = true
    ) throws(CertificateError) -> (bundle: CertificateBundle, actions: [Action], nextCheck: Date) {
        var stored = stored
        var isTrustPublished = isTrustPublished
        var actions: [Action] = []
        while true {
            let plan = RotationPlan(
                stored: stored,
                names: names,
                now: now,
                policy: policy,
                isTrustPublished: isTrustPublished
            )
            let bundle = try plan.carryOut()
            // Each action removes its own reason, so a handful of rounds is the most there can be.
            if plan.action == .keep || actions.count >= 6 { return (bundle, actions, plan.nextCheck) }
            if bundle.trusted != stored.bundle?.trusted { isTrustPublished = false }
            actions.append(plan.action)
            stored = .intact(bundle)
        }
    }

    private func makeAuthority() throws(CertificateError) -> CertificateAuthority {
        try CertificateAuthority.make(
            now: self.now,
            lifetime: self.policy.authorityLifetime,
            backdate: self.policy.backdate
        )
    }

    private func created() throws(CertificateError) -> CertificateBundle {
        let authority = try self.makeAuthority()
        let serving = try self.issue(from: authority)
        return try CertificateBundle(authority: authority, serving: serving.certificate, servingKeyPEM: serving.keyPEM)
    }

    private func issue(
        from authority: CertificateAuthority
    ) throws(CertificateError) -> (certificate: IssuedCertificate, keyPEM: String) {
        try authority.issueServing(
            for: self.names,
            now: self.now,
            lifetime: self.policy.servingLifetime,
            backdate: self.policy.backdate
        )
    }

    private func reissued(_ bundle: CertificateBundle) throws(CertificateError) -> CertificateBundle {
        var bundle = bundle
        let serving = try self.issue(from: bundle.authority)
        bundle.serving = serving.certificate
        bundle.servingKeyPEM = serving.keyPEM
        return bundle
    }

    private func promoted(_ bundle: CertificateBundle) throws(CertificateError) -> CertificateBundle {
        guard let next = bundle.next else { return bundle }
        var bundle = bundle
        // Other replicas may go on serving what the old authority signed until they see this bundle, at worst until the
        // end of that certificate.
        let last = bundle.serving.notAfter
        bundle.previous.insert(bundle.authority.certificate, at: 0)
        bundle.previousUntil = max(last, bundle.previousUntil ?? last)
        bundle.authority = next.authority
        bundle.next = nil
        return try self.reissued(bundle)
    }
}
