import JSONTree

/// Which new pods the API server sends to us: all but those that can't have anything to do with us.
///
/// Narrow saves a round trip for each pod of the cluster; too narrow loses a pod silently. So every part leaves out only what
/// is known to ask for nothing, and whatever is new or in doubt comes.
package struct PodSelection: Sendable, Hashable {
    /// Namespaces whose pods are never sent: the operator's own, whose pods must start while it is down, and those that the
    /// user named.
    package var excludedNamespaces: [String]
    /// Namespaces without annotations of ours: pods of these come only if they ask themselves. `nil` where the API server
    /// evaluates no conditions (before 1.28).
    package var quietNamespaces: [String]?

    package init(excludedNamespaces: [String], quietNamespaces: [String]? = nil) {
        self.excludedNamespaces = excludedNamespaces
        self.quietNamespaces = quietNamespaces
    }

    /// So many are listed at most: the expression is evaluated for each pod and kept in each copy of the configuration.
    package static let listCapacity = 1000

    /// A pod with more annotations than this comes unseen. Looking at each costs, and an expression that costs too much
    /// fails, which would mean "not ours".
    private static let annotationLimit = 256

    /// `namespaceSelector`, empty when nothing is excluded. Kubernetes labels every namespace with its name from 1.21 on;
    /// before that, nothing is excluded by it.
    var namespaceSelector: JSONObject {
        guard !self.excludedNamespaces.isEmpty else { return [:] }
        return [
            "matchExpressions": [
                [
                    "key": "kubernetes.io/metadata.name", "operator": "NotIn",
                    "values": .strings(self.excludedNamespaces),
                ]
            ]
        ]
    }

    /// `matchConditions`, `nil` when every pod comes.
    var matchConditions: JSONValue? {
        guard let quiet = self.quietNamespaces, !quiet.isEmpty else { return nil }
        return [["name": "asks-for-injection", "expression": .string(Self.expression(quiet: quiet))]]
    }

    /// The condition in the Common Expression Language. Names of namespaces are DNS labels, so they need no escaping;
    /// what isn't one is not listed.
    package static func expression(quiet: [String]) -> String {
        let names = quiet.filter(Self.isLabel).prefix(Self.listCapacity).map { "'\($0)'" }.joined(separator: ", ")
        return """
            !(request.namespace in [\(names)]) || \
            (has(object.metadata.annotations) && (size(object.metadata.annotations) > \(Self.annotationLimit) || \
            object.metadata.annotations.exists(key, key.startsWith('instrumentation.opentelemetry.io/') || \
            key.startsWith('sidecar.opentelemetry.io/'))))
            """
    }

    /// Whether an expression of ours leaves pods of a namespace out unless they ask themselves.
    package static func expression(_ expression: String, isQuietAbout namespace: String) -> Bool {
        expression.contains("'\(namespace)'")
    }

    private static func isLabel(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 63
            && name.utf8.allSatisfy {
                (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == UInt8(ascii: "-")
            }
    }
}
