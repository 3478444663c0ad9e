package import JSONTree
package import KubeModel

/// Which resource is meant.
package struct PrometheusResourceID: Sendable, Hashable, Comparable, CustomStringConvertible {
    package var kind: PrometheusResourceKind
    package var key: ObjectKey

    package init(_ kind: PrometheusResourceKind, _ key: ObjectKey) {
        self.kind = kind
        self.key = key
    }

    package var description: String { "\(self.kind.rawValue) \(self.key)" }

    /// By kind, then by the bytes of `namespace/name`: the order of the jobs.
    package static func < (left: PrometheusResourceID, right: PrometheusResourceID) -> Bool {
        if left.kind != right.kind { return left.kind < right.kind }
        return left.key.description.utf8.lexicographicallyPrecedes(right.key.description.utf8)
    }
}

/// A ServiceMonitor, PodMonitor, Probe or ScrapeConfig, as far as its jobs depend on it.
package struct PrometheusResource: Sendable, Equatable {
    package var id: PrometheusResourceID
    package var uid: String
    package var labels: [String: String]
    package var spec: JSONObject

    package init(
        _ kind: PrometheusResourceKind,
        _ key: ObjectKey,
        uid: String = "",
        labels: [String: String] = [:],
        spec: JSONObject
    ) {
        self.id = PrometheusResourceID(kind, key)
        self.uid = uid
        self.labels = labels
        self.spec = spec
    }

    /// - Parameter object: of that kind, whatever it says itself.
    package init(_ kind: PrometheusResourceKind, _ object: KubeObject) {
        let metadata = object.metadata
        self.init(kind, object.key, uid: metadata.uid ?? "", labels: metadata.labels, spec: object.spec ?? [:])
    }

    /// `nil` for an object of another kind.
    package init?(_ object: KubeObject) {
        guard let kind = PrometheusResourceKind(rawValue: object.kind) else { return nil }
        self.init(kind, object)
    }

    package var namespace: String { self.id.key.namespace }
    package var name: String { self.id.key.name }

    /// For events.
    package var reference: ObjectReference {
        ObjectReference(self.id.kind.groupVersionKind, self.id.key, uid: self.uid.isEmpty ? nil : self.uid)
    }
}

/// All that there is in a cluster.
package struct PrometheusResourceSet: Sendable, Equatable {
    package var resources: [PrometheusResource]
    /// The labels of the namespaces.
    package var namespaces: [String: [String: String]]

    package init(_ resources: [PrometheusResource] = [], namespaces: [String: [String: String]] = [:]) {
        self.resources = resources
        self.namespaces = namespaces
    }
}
