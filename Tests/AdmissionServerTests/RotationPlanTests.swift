import FoundationEssentials
import Testing

@testable import AdmissionServer

@Suite struct RotationPlanTests {
    static let start = Date(timeIntervalSince1970: 1_800_000_000)
    static let day: TimeInterval = 86_400
    let names = ServerNames(["webhook.ns.svc"])

    private func plan(
        _ stored: StoredBundle,
        day: Double,
        names: ServerNames? = nil,
        published: Bool = true
    ) -> RotationPlan {
        RotationPlan(
            stored: stored,
            names: names ?? self.names,
            now: Self.start + day * Self.day,
            isTrustPublished: published
        )
    }

    private func fresh() throws -> CertificateBundle { try self.plan(.absent, day: 0).carryOut() }

    @Test func nothingStoredMakesEverything() throws {
        let plan = self.plan(.absent, day: 0)
        #expect(plan.action == .create(reason: "there are no certificates yet"))
        let bundle = try plan.carryOut()
        let next = self.plan(.intact(bundle), day: 0)
        #expect(next.action == .keep)
        #expect(next.nextCheck == Self.start + 0.5 * Self.day)
        #expect(try next.carryOut() == bundle)
        #expect(bundle.serving.names == self.names)
    }

    @Test func corruptMakesEverything() throws {
        let plan = self.plan(.corrupt(CertificateError(.missing, "the Secret has no ca.key")), day: 0)
        #expect(plan.action == .create(reason: "the Secret has no ca.key"))
        #expect(self.plan(.intact(try plan.carryOut()), day: 0).action == .keep)
    }

    @Test(arguments: [
        (0.1, RotationPlan.Action.keep), (59.9, .keep),
        (60.1, .reissueServing(reason: "it ends within the renewal time")),
        (100, .reissueServing(reason: "it ends within the renewal time")),
        (3_000, .reissueServing(reason: "it ends within the renewal time")),
        (3_651, .create(reason: "the authority is not valid at this time")),
        (-1, .create(reason: "the authority is not valid at this time")),
    ])
    func age(days: Double, action: RotationPlan.Action) throws {
        #expect(self.plan(.intact(try self.fresh()), day: days).action == action)
    }

    @Test func nextCheckIsWhenSomethingIsDue() throws {
        let bundle = try self.fresh()
        let plan = self.plan(.intact(bundle), day: 59.9)
        #expect(abs(plan.nextCheck.timeIntervalSince(Self.start + 60 * Self.day)) < 2)
    }

    @Test func namesMustBeCovered() throws {
        let bundle = try self.fresh()
        let more = ServerNames(["webhook.ns.svc", "10.1.2.3"])
        let plan = self.plan(.intact(bundle), day: 1, names: more)
        #expect(plan.action == .reissueServing(reason: "it does not cover all names"))
        let wider = try plan.carryOut()
        #expect(wider.serving.names == more)
        #expect(wider.authority == bundle.authority)
        // A replica that wants less leaves it alone: otherwise two versions would fight.
        #expect(self.plan(.intact(wider), day: 1).action == .keep)
        #expect(throws: CertificateError.self) {
            try self.plan(.absent, day: 0, names: ServerNames([])).carryOut()
        }
    }

    @Test func anAuthorityIsReplacedInSteps() throws {
        let old = try self.plan(
            .intact(try self.fresh()),
            day: 3_284
        ).carryOut()
        #expect(self.plan(.intact(old), day: 3_284.9).action == .keep)
        let introducing = self.plan(.intact(old), day: 3_285.1)
        #expect(introducing.action == .introduceAuthority(reason: "the authority ends within the renewal time"))

        let introduced = try introducing.carryOut()
        #expect(introduced.serving == old.serving)
        #expect(introduced.authority == old.authority)
        #expect(introduced.trusted.count == 2)
        let waiting = self.plan(.intact(introduced), day: 3_285.11)
        #expect(waiting.action == .keep)
        #expect(waiting.nextCheck == introduced.next?.since.addingTimeInterval(3_600))
        let unpublished = self.plan(.intact(introduced), day: 3_285.2, published: false)
        #expect(unpublished.action == .keep)
        #expect(unpublished.nextCheck > Self.start + 3_285.2 * Self.day)

        let promoting = self.plan(.intact(introduced), day: 3_285.2)
        #expect(promoting.action == .promoteAuthority)
        let promoted = try promoting.carryOut()
        #expect(promoted.authority == introduced.next?.authority)
        #expect(promoted.serving.isSigned(by: promoted.authority.certificate))
        #expect(promoted.previous == [old.authority.certificate])
        #expect(promoted.previousUntil == old.serving.notAfter)
        #expect(Set(promoted.trusted) == Set(introduced.trusted))

        // The serving certificate is replaced in between; the old authority stays until the last of its own has ended.
        let reissued = try self.plan(.intact(promoted), day: 3_346).carryOut()
        #expect(reissued.previous.count == 1)
        #expect(self.plan(.intact(reissued), day: 3_373).action == .keep)
        let dropping = self.plan(.intact(reissued), day: 3_374.1)
        #expect(dropping.action == .dropPreviousAuthorities)
        let dropped = try dropping.carryOut()
        #expect(dropped.trusted == [promoted.authority.certificate])
        #expect(self.plan(.intact(dropped), day: 3_374.1).action == .keep)
    }

    @Test func afterALongAbsence() throws {
        let old = try self.fresh()
        var introduced = old
        let time = Self.start + 3_300 * Self.day
        introduced.next = .init(try CertificateAuthority.make(now: time), since: time)
        // The authority has ended, the next one was in the trust bundle: nobody's trust has to change.
        let plan = self.plan(.intact(introduced), day: 3_700, published: false)
        #expect(plan.action == .promoteAuthority)
        let promoted = try plan.carryOut()
        #expect(promoted.serving.isValid(at: Self.start + 3_700 * Self.day))
        #expect(promoted.authority == introduced.next?.authority)
        // The next one has ended as well, before it ever signed.
        let replaced = try self.plan(.intact(introduced), day: 3_300 + 3_651).carryOut()
        #expect(replaced.next != introduced.next)
    }

    @Test func settlingDoesWhatIsDueAtOnce() throws {
        let first = try RotationPlan.settle(stored: .absent, names: self.names, now: Self.start)
        #expect(first.actions.count == 1)
        let again = try RotationPlan.settle(stored: .intact(first.bundle), names: self.names, now: Self.start)
        #expect(again.actions.isEmpty)
        #expect(again.bundle == first.bundle)
        // A new serving certificate and a new authority, but nothing signed by it yet, even without any spread time.
        let late = try RotationPlan.settle(
            stored: .intact(first.bundle),
            names: self.names,
            now: Self.start + 3_600 * Self.day,
            policy: RotationPolicy(spread: 0)
        )
        #expect(late.actions.count == 2)
        #expect(late.bundle.next != nil)
        #expect(late.bundle.authority == first.bundle.authority)
    }

    @Test func policyCorrectsContradictions() {
        let policy = RotationPolicy(
            authorityLifetime: 1_000,
            authorityRenewBefore: 5_000,
            servingLifetime: 9_000,
            servingRenewBefore: 9_000,
            spread: 9_000
        )
        #expect(policy.authorityRenewBefore == 500)
        #expect(policy.servingLifetime == 1_000)
        #expect(policy.servingRenewBefore == 500)
        #expect(policy.spread == 250)
    }

    /// Thirty years of looks at the times the plan itself asks for, with clients that learn the trust bundle late: at no
    /// time does the server show a certificate that such a client cannot verify.
    @Test(arguments: [1 as UInt64, 2])
    func noClientIsEverLeftBehind(seed: UInt64) throws {
        var random = SplitMix(seed: seed)
        let policy = RotationPolicy()
        var now = Self.start
        var stored = StoredBundle.absent
        /// What was published, from when on.
        var published: [(since: Date, trusted: [IssuedCertificate])] = []
        var actions: [String: Int] = [:]
        var verified: (serving: IssuedCertificate, known: [IssuedCertificate])?
        while now < Self.start + 30 * 365 * Self.day {
            let plan = RotationPlan(stored: stored, names: self.names, now: now, policy: policy)
            let bundle = try plan.carryOut()
            actions[plan.action.description.split(separator: ":")[0].description, default: 0] += 1
            if published.last?.trusted != bundle.trusted { published.append((now, bundle.trusted)) }
            if plan.action != .keep {
                stored = StoredBundle(secretData: bundle.secretData)
                #expect(stored == .intact(bundle))
            }
            // The slowest client knows what was published `spread` ago.
            let known = published.last { $0.since <= now.addingTimeInterval(-policy.spread) } ?? published[0]
            // Verifying a signature takes a millisecond or more in debug builds: once per certificate and trust bundle.
            if verified?.serving != bundle.serving || verified?.known != known.trusted {
                #expect(known.trusted.contains { bundle.serving.isSigned(by: $0) })
                verified = (bundle.serving, known.trusted)
            }
            let issuer = known.trusted.first { bundle.serving.names(issuer: $0) }
            #expect(issuer?.isValid(at: now) == true)
            #expect(bundle.serving.isValid(at: now))
            #expect(plan.action != .keep || plan.nextCheck > now)
            // A look comes late by up to five days, and skips the uneventful ones.
            let due = max(plan.nextCheck, now)
            now = plan.action == .keep ? due + Double(random.next() % UInt64(5 * Self.day)) : due
        }
        #expect(actions["create"] == 1)
        #expect((3...4).contains(actions["promote the next authority", default: 0]), "\(actions)")
        #expect(actions["drop previous authorities"] == actions["promote the next authority"])
    }

    /// Several replicas with optimistic locking: one write wins, the others read it and agree.
    @Test func replicasAgree() throws {
        var stored = StoredBundle.absent
        var version = 0
        var seen: [CertificateBundle] = []
        // Both planned from version 0; the second finds version 1 and plans again.
        for _ in 0..<2 {
            var readVersion = 0
            var read = StoredBundle.absent
            while true {
                let bundle = try RotationPlan.settle(stored: read, names: self.names, now: Self.start)
                if bundle.actions.isEmpty || readVersion == version {
                    if !bundle.actions.isEmpty {
                        stored = .intact(bundle.bundle)
                        version += 1
                    }
                    seen.append(bundle.bundle)
                    break
                }
                (read, readVersion) = (stored, version)
            }
        }
        #expect(version == 1)
        #expect(seen[0] == seen[1])
    }
}

/// A small random generator that gives the same numbers for the same seed.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { self.state = seed }
    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var word = self.state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}

struct RotationPolicyTests {
    @Test(arguments: [30.0, 86_400.0, 7_776_000.0])
    func lifetimesGiveTheRest(serving: Double) {
        let authority = serving * 10
        let policy = RotationPolicy(servingLifetime: serving, authorityLifetime: authority)
        #expect(policy.servingRenewBefore == serving / 3)
        // An authority has time to spread, and its successor signs before the last certificate it can sign would end.
        #expect(policy.spread > 0 && policy.spread <= policy.authorityRenewBefore / 2)
        #expect(policy.authorityRenewBefore <= authority / 3)
    }

    @Test func theStandardLifetimesGiveTheStandardPolicy() {
        let standard = RotationPolicy.standard
        let same = RotationPolicy(
            servingLifetime: standard.servingLifetime,
            authorityLifetime: standard.authorityLifetime
        )
        #expect(same == standard)
    }
}
