import KubeModel

extension Check {
    /// With so little left the operator should have renewed it long since.
    private static let soon = Duration.seconds(3 * 86_400)

    static func certificates(_ facts: CheckFacts) -> [Finding] {
        var findings: [Finding] = []
        switch facts.secret {
        case .found(let secret):
            let subject = "Secret \(secret.key)"
            if !secret.problem.isEmpty {
                findings.append(
                    Finding(
                        .error,
                        "CertificateUnusable",
                        subject,
                        secret.problem,
                        remedy:
                            "kubectl -n \(secret.key.namespace) delete secret \(secret.key.name): the operator makes a new one"
                    )
                )
            }
            findings += secret.serving.map { self.validity("serving certificate", subject, $0, facts.now) }
            findings += secret.authorities.map { self.validity("authority", subject, $0, facts.now) }
        case .absent where facts.isOutside:
            break
        case .absent:
            findings.append(
                Finding(
                    .error,
                    "CertificateMissing",
                    "Secret of the webhooks",
                    "is not in the operator's namespace",
                    remedy: "the operator makes it at its start: look at its log and its permissions on Secrets there"
                )
            )
        case .unreadable(let reason):
            findings.append(
                Finding(
                    .warning,
                    "CertificateUnreadable",
                    "Secret of the webhooks",
                    reason,
                    remedy: "run this as somebody who may read it"
                )
            )
        }
        if facts.isOutside {
            for (webhooks, dates) in self.byBundle(facts) {
                findings += dates.map { self.validity("trusted authority", self.some(webhooks, of: 2), $0, facts.now) }
            }
        }
        return findings
    }

    private static func byBundle(_ facts: CheckFacts) -> [(webhooks: [String], dates: [CertificateDates])] {
        var seen: [String] = []
        for address in facts.addresses where !seen.contains(address.caBundle) { seen.append(address.caBundle) }
        return seen.map { bundle in
            (facts.addresses.filter { $0.caBundle == bundle }.map(\.webhook), facts.bundles[bundle] ?? [])
        }
    }

    private static func validity(
        _ what: String,
        _ subject: String,
        _ certificate: CertificateDates,
        _ now: Timestamp
    ) -> Finding {
        let span = "\(certificate.notBefore.rfc3339) to \(certificate.notAfter.rfc3339)"
        let remedy = "the operator renews it while it runs: look at its log; kubectl rollout restart its Deployment"
        if now >= certificate.notAfter {
            return Finding(
                .error,
                "CertificateExpired",
                subject,
                "the \(what) '\(certificate.name)' has expired: \(span)",
                remedy: remedy
            )
        }
        if now < certificate.notBefore {
            return Finding(
                .error,
                "CertificateNotYetValid",
                subject,
                "the \(what) '\(certificate.name)' is not valid yet: \(span)",
                remedy: "compare the clocks of this machine and of the operator's node"
            )
        }
        let days = (certificate.notAfter - now).components.seconds / 86_400
        if certificate.notAfter - now < self.soon, certificate.notAfter - certificate.notBefore > self.soon + self.soon
        {
            return Finding(
                .warning,
                "CertificateExpiresSoon",
                subject,
                "the \(what) '\(certificate.name)' ends in \(days) days: \(span)",
                remedy: remedy
            )
        }
        return Finding(.ok, "CertificateValid", subject, "the \(what) is good for \(days) days more: \(span)")
    }
}
