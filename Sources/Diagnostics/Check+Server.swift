package import KubeModel
import Rendering

extension Check {
    /// The oldest and the newest version that Swiftlet is tested with.
    package static let oldestServer = KubernetesVersion(major: 1, minor: 20)
    package static let newestServer = KubernetesVersion(major: 1, minor: 36)

    static func server(_ facts: CheckFacts) -> [Finding] {
        let subject = "Kubernetes \(facts.serverText)"
        var findings: [Finding] = []
        if facts.serverVersion < self.oldestServer {
            findings.append(
                Finding(
                    .error,
                    "ServerTooOld",
                    subject,
                    "older than \(self.oldestServer), the oldest that Swiftlet works with",
                    remedy: "upgrade the cluster"
                )
            )
        } else if facts.serverVersion > self.newestServer {
            findings.append(
                Finding(
                    .warning,
                    "ServerNewerThanTested",
                    subject,
                    "newer than \(self.newestServer), the newest that Swiftlet \(facts.version) was tried with"
                )
            )
        } else {
            findings.append(Finding(.ok, "ServerSupported", subject, "reachable, and of a supported version"))
        }
        let served = facts.optionalKinds.compactMap { kind, version in version.map { "\(kind) \($0)" } }
        let absent = facts.optionalKinds.filter { $0.version == nil }.map { "\($0.kind)" }
        var message = served.isEmpty ? "none of them is served" : "served: \(served.joined(separator: ", "))"
        if !absent.isEmpty { message += "; not served: \(absent.joined(separator: ", "))" }
        if !facts.optionalKinds.isEmpty { findings.append(Finding(.ok, "OptionalAPIs", "optional APIs", message)) }
        return findings
    }

    static func installer(_ facts: CheckFacts) -> [Finding] {
        self.access(
            facts.installer,
            "InstallerPermissions",
            "InstallerPermissionMissing",
            "your user",
            remedy: "have it installed by somebody who may, or be granted these"
        ) + self.grants(facts)
    }

    /// The API server lets nobody grant what he does not hold.
    private static func grants(_ facts: CheckFacts) -> [Finding] {
        let missing = facts.grants.filter { $0.isAllowed == false }
        guard !missing.isEmpty else { return [] }
        var names: [String] = []
        for answer in missing {
            let name = "\(answer.check.verb) \(answer.check.item)"
            if !names.contains(name) { names.append(name) }
        }
        return [
            Finding(
                .error,
                "InstallerGrantMissing",
                "your user",
                "lacks \(missing.count) of the \(facts.grants.count) permissions that the operator is granted, and nobody may grant what he does not hold: \(self.some(names))",
                remedy: "have it installed by somebody who holds them, or who may escalate and bind roles"
            )
        ]
    }

    static func operatorAccount(_ facts: CheckFacts) -> [Finding] {
        guard !facts.operatorAccountName.isEmpty else { return [] }
        return self.access(
            facts.operatorAccount,
            "OperatorPermissions",
            "OperatorPermissionMissing",
            facts.operatorAccountName,
            remedy: "apply the operator's roles again: swiftlet rbac operator -o yaml | kubectl apply -f -"
        )
    }

    /// One finding for each resource of which verbs are missing.
    private static func access(
        _ answers: [AccessAnswer],
        _ allowed: String,
        _ missing: String,
        _ subject: String,
        remedy: String
    ) -> [Finding] {
        guard !answers.isEmpty else { return [] }
        if answers.contains(where: { $0.isAllowed == nil }) {
            return [
                Finding(
                    .warning,
                    "PermissionsUnknown",
                    subject,
                    "the API server did not say what it may do",
                    remedy: "run this as somebody who may create subjectaccessreviews"
                )
            ]
        }
        var groups: [(answer: AccessAnswer, verbs: [String])] = []
        for answer in answers where answer.isAllowed == false {
            if let place = groups.firstIndex(where: {
                $0.answer.check.item == answer.check.item && $0.answer.namespace == answer.namespace
                    && $0.answer.check.name == answer.check.name
            }) {
                groups[place].verbs.append(answer.check.verb)
            } else {
                groups.append((answer, [answer.check.verb]))
            }
        }
        if groups.isEmpty {
            return [Finding(.ok, allowed, subject, "has all \(answers.count) permissions that it needs")]
        }
        return groups.map { answer, verbs in
            let place = answer.namespace.isEmpty ? "" : " in namespace \(answer.namespace)"
            let name = answer.check.name.map { " '\($0)'" } ?? ""
            return Finding(
                .error,
                missing,
                subject,
                "may not \(verbs.joined(separator: ", ")) \(answer.check.item)\(name)\(place): \(answer.reason)",
                remedy: remedy
            )
        }
    }

    static func leftovers(_ facts: CheckFacts) -> [Finding] {
        if facts.leftovers.isEmpty {
            return [Finding(.ok, "NoOtherOperator", "cluster", "nothing of the Go operator is here")]
        }
        return facts.leftovers.map {
            Finding(.warning, "OtherOperator", $0.subject, $0.message, remedy: $0.remedy)
        }
    }
}
