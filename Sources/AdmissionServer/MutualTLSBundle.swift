package import FoundationEssentials
package import JSONTree

/// The certificates of two sides that show each other who they are, from one authority of ours: what is stored, and what it
/// should become. Pure, as ``RotationPlan``, which moves the authority along: both sides trust a new authority for
/// ``RotationPolicy/spread`` before it signs, and an old one until the last certificate it signed has ended. So neither is
/// ever cut off, however late it reads its files again.
package struct MutualTLSBundle: Sendable, Hashable {
    /// Data of three Secrets. Only the first holds the authority's key; nobody mounts it.
    package struct Secrets: Sendable, Hashable {
        package var authority: JSONObject
        /// `ca.crt`, `tls.crt` and `tls.key` of the side that is connected to.
        package var server: JSONObject
        package var client: JSONObject

        package init(authority: JSONObject = [:], server: JSONObject = [:], client: JSONObject = [:]) {
            self.authority = authority
            self.server = server
            self.client = client
        }
    }

    /// What should be stored.
    package let secrets: Secrets
    /// What was done to get there; empty when all is well.
    package let actions: [String]
    package let nextCheck: Date

    /// - Throws: ``CertificateError`` (signing).
    package init(
        stored: Secrets,
        names: ServerNames,
        now: Date,
        policy: RotationPolicy = .mutualTLS
    ) throws(CertificateError) {
        var bundle = StoredBundle(secretData: stored.authority)
        let isPublished = [stored.server, stored.client].allSatisfy {
            $0["ca.crt"] != nil && $0["ca.crt"] == bundle.bundle?.secretData["ca.crt"]
        }
        if case .intact(var intact) = bundle, var next = intact.next, !isPublished {
            // Somebody does not trust it yet: the time to learn it begins when it is there.
            next.since = Date(timeIntervalSince1970: now.timeIntervalSince1970.rounded(.down))
            intact.next = next
            bundle = .intact(intact)
        }
        let settled = try RotationPlan.settle(
            stored: bundle,
            names: names,
            now: now,
            policy: policy,
            isTrustPublished: isPublished
        )
        var actions = settled.actions.map(\.description)
        let data = settled.bundle.secretData
        var server: JSONObject = [:]
        for key in ["ca.crt", "tls.crt", "tls.key"] { server[key] = data[key] }
        var client = stored.client
        if let reason = Self.reasonToReissue(stored.client, settled.bundle, names, now, policy) {
            let issued = try settled.bundle.authority.issueServing(
                for: names,
                now: now,
                // Not longer than the other side's, by which the end of an authority is told.
                lifetime: min(policy.servingLifetime, settled.bundle.serving.notAfter.timeIntervalSince(now)),
                backdate: policy.backdate,
                isClient: true
            )
            client = [:]
            client["tls.crt"] = .string(Data(issued.certificate.pem.utf8).base64EncodedString())
            client["tls.key"] = .string(Data(issued.keyPEM.utf8).base64EncodedString())
            actions.append("reissue the client certificate: \(reason)")
        }
        var ordered: JSONObject = ["ca.crt": data["ca.crt"] ?? ""]
        for key in ["tls.crt", "tls.key"] { ordered[key] = client[key] }
        self.secrets = Secrets(authority: data, server: server, client: ordered)
        self.actions = actions
        self.nextCheck = settled.nextCheck
    }

    private static func reasonToReissue(
        _ data: JSONObject,
        _ bundle: CertificateBundle,
        _ names: ServerNames,
        _ now: Date,
        _ policy: RotationPolicy
    ) -> String? {
        func text(_ key: String) -> String? {
            data[string: key].flatMap { Data(base64Encoded: $0) }.flatMap { String(validating: $0, as: UTF8.self) }
        }
        guard let pem = text("tls.crt"), let keyPEM = text("tls.key"),
            let certificate = try? IssuedCertificate.parse(pem: pem).first,
            let key = try? CertificateAuthority.key(pem: keyPEM, named: "tls.key"), certificate.holds(key)
        else { return "there is none" }
        if !certificate.isSigned(by: bundle.authority.certificate) { return "another authority signed it" }
        if !certificate.names.covers(names) { return "it does not cover all names" }
        let isLast = certificate.notAfter >= bundle.serving.notAfter
        if now >= certificate.notAfter.addingTimeInterval(-policy.servingRenewBefore), !isLast {
            return "it ends within the renewal time"
        }
        return now >= certificate.notAfter ? "it has ended" : nil
    }
}

extension RotationPolicy {
    /// As long as those that the operator asks of cert-manager.
    package static let mutualTLS = RotationPolicy(
        authorityLifetime: 17_280 * 3_600,
        authorityRenewBefore: 4_344 * 3_600,
        servingLifetime: 2_160 * 3_600,
        servingRenewBefore: 720 * 3_600
    )
}
