package import JSONTree
package import KubeModel

/// A `TargetAllocator` (opentelemetry.io/v1alpha1) as a view, like ``Collector``. One that was stored without a `spec`, or
/// with a null one, reads as if it were empty: the API server sets no defaults there.
package struct TargetAllocatorResource: JSONView {
    package var json: JSONObject
    package init(_ json: JSONObject) { self.json = json }

    package static let groupVersionKind = GroupVersionKind(
        group: "opentelemetry.io",
        version: "v1alpha1",
        kind: "TargetAllocator"
    )

    package var object: KubeObject { KubeObject(self.json) }
    package var metadata: ObjectMeta {
        get { ObjectMeta(self.json[object: "metadata"] ?? [:]) }
        set { self.json[object: "metadata"] = newValue.json }
    }
    package var name: String { self.metadata.name ?? "" }
    package var namespace: String { self.metadata.namespace ?? "" }
    package var key: ObjectKey { ObjectKey(namespace: self.namespace, name: self.name) }

    package var spec: TargetAllocatorSpec {
        get { TargetAllocatorSpec(self.json[object: "spec"] ?? [:]) }
        set { self.json[object: "spec"] = newValue.json }
    }
    package var status: TargetAllocatorStatus {
        get { TargetAllocatorStatus(self.json[object: "status"] ?? [:]) }
        set { self.json[object: "status"] = newValue.json.isEmpty ? nil : newValue.json }
    }

    /// False only for `managementState: unmanaged`.
    package var isManaged: Bool { self.spec.json[string: "managementState"] != "unmanaged" }
    /// The collector that brought it along, if one did.
    package var owningCollector: OwnerReference? {
        self.metadata.ownerReferences.first { $0.kind == "OpenTelemetryCollector" && $0.group == "opentelemetry.io" }
    }
}

/// `spec` of a target allocator. Fields that only pass into a rendered object have no accessor: read them from ``json``.
package struct TargetAllocatorSpec: JSONView {
    package var json: JSONObject
    package init(_ json: JSONObject) { self.json = json }

    package var image: String? { self.text("image") }
    package var replicas: Int? { self.json[int: "replicas"] }
    package var serviceAccount: String? { self.text("serviceAccount") }
    /// As written; `nil` when absent or empty, which means `consistent-hashing`.
    package var allocationStrategy: String? { self.text("allocationStrategy") }
    package var args: [String: String] { self.json[stringMap: "args"] ?? [:] }
    package var ports: [PortsSpec] { self.json[views: "ports"] }
    package var podAnnotations: [String: String] { self.json[stringMap: "podAnnotations"] ?? [:] }
    package var networkPolicyEnabled: Bool? { self.json[object: "networkPolicy"]?[bool: "enabled"] }
    package var mutualTLS: TargetAllocatorMutualTLS? { self.json[view: "mtls"] }
    package var usesMutualTLS: Bool { self.mutualTLS?.isEnabled ?? false }
    package var prometheusCR: PrometheusResourcesSpec {
        PrometheusResourcesSpec(self.json[object: "prometheusCR"] ?? [:])
    }
    package var observability: CollectorObservability {
        CollectorObservability(self.json[object: "observability"]?[object: "metrics"] ?? [:])
    }
    package var scrapeConfigs: [JSONValue] { self.list("scrapeConfigs") }
    package var global: JSONObject { self.json[object: "global"] ?? [:] }

    /// The elements of an array member, `[]` when absent.
    package func list(_ key: String) -> [JSONValue] { self.json[array: key] ?? [] }
    /// A string member, `nil` when absent or empty: Go does not tell these apart.
    package func text(_ key: String) -> String? {
        guard let text = self.json[string: key], !text.isEmpty else { return nil }
        return text
    }
}

/// `prometheusCR` of a target allocator: which of the Prometheus operator's resources it follows.
package struct PrometheusResourcesSpec: JSONView {
    package var json: JSONObject
    package init(_ json: JSONObject) { self.json = json }

    package var isEnabled: Bool { self.json[bool: "enabled"] ?? false }
    package var allowNamespaces: [String] { self.json[strings: "allowNamespaces"] ?? [] }
    package var denyNamespaces: [String] { self.json[strings: "denyNamespaces"] ?? [] }

    /// The kinds of the Prometheus operator of which any can be chosen; a selector that is absent chooses none.
    package var followedKinds: [String] {
        guard self.isEnabled else { return [] }
        return [
            ("serviceMonitorSelector", "ServiceMonitor"), ("podMonitorSelector", "PodMonitor"),
            ("probeSelector", "Probe"), ("scrapeConfigSelector", "ScrapeConfig"),
        ].filter { self.json[object: $0.0] != nil }.map(\.1)
    }
}

/// `status` of a target allocator.
package struct TargetAllocatorStatus: JSONView {
    package var json: JSONObject
    package init(_ json: JSONObject) { self.json = json }

    package var version: String? {
        get { self.json[string: "version"] }
        set { self.json[string: "version"] = newValue }
    }
    package var image: String? {
        get { self.json[string: "image"] }
        set { self.json[string: "image"] = newValue }
    }
    package var observedGeneration: Int? {
        get { self.json[int: "observedGeneration"] }
        set { self.json[int: "observedGeneration"] = newValue }
    }
    package var conditions: [Condition] {
        get { self.json[views: "conditions"] }
        set { self.json[views: "conditions"] = newValue }
    }
}
