import JSONTree
import KubeModel
import Rendering

extension Check {
    static let install = "swiftlet crds --server-version cluster | kubectl apply --server-side --force-conflicts -f -"

    static func definitions(_ facts: CheckFacts) -> [Finding] {
        facts.definitions.map { wanted, live in
            let subject = "CustomResourceDefinition \(wanted.name)"
            switch live {
            case .absent:
                return Finding(.error, "CRDMissing", subject, "is not in the cluster", remedy: self.install)
            case .unreadable(let reason):
                return Finding(.warning, "CRDUnreadable", subject, reason, remedy: "run this as somebody who may")
            case .found(let object):
                return self.definition(subject, wanted, object)
            }
        }
    }

    private static func definition(_ subject: String, _ wanted: KubeObject, _ live: KubeObject) -> Finding {
        let conditions: [Condition] = live.status?[views: "conditions"] ?? []
        if let refused = conditions.first(where: { $0.type == "NamesAccepted" && $0.status == .false }) {
            return Finding(
                .error,
                "CRDNamesTaken",
                subject,
                "its names are not accepted: \(refused.message)",
                remedy: "delete the definition that has these names"
            )
        }
        guard conditions.contains(where: { $0.type == "Established" && $0.status == .true }) else {
            return Finding(
                .error,
                "CRDNotEstablished",
                subject,
                "the API server does not serve it yet",
                remedy: "wait; if it stays so, kubectl describe crd \(wanted.name)"
            )
        }
        let served = Set(self.versions(live).filter { $0.isServed }.map(\.name))
        let absent = self.versions(wanted).filter { $0.isServed && !served.contains($0.name) }.map(\.name)
        guard absent.isEmpty else {
            return Finding(
                .error,
                "CRDVersionNotServed",
                subject,
                "does not serve \(absent.joined(separator: ", "))",
                remedy: self.install
            )
        }
        // Who converts is the operator's business, and looked at elsewhere.
        var schemas: JSONObject = [:]
        schemas["versions"] = wanted.spec?["versions"]
        guard LiveComparison.holds(schemas, in: live.spec ?? [:]) else {
            return Finding(
                .warning,
                "CRDOfOtherVersion",
                subject,
                "its schema is not the one of this version, so fields may be refused or dropped",
                remedy: self.install
            )
        }
        return Finding(.ok, "CRDReady", subject, "established and of this version")
    }

    private static func versions(_ definition: KubeObject) -> [(name: String, isServed: Bool)] {
        (definition.spec?[array: "versions"] ?? []).map {
            ($0["name"]?.string ?? "", $0["served"]?.bool ?? false)
        }
    }
}
