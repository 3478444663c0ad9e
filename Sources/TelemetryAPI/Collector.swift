package import JSONTree
package import KubeModel

/// An `OpenTelemetryCollector` (opentelemetry.io/v1beta1) as a view: accessors for what is decided on, everything else
/// passes through ``json`` untouched.
///
/// An accessor answers as if a member of the wrong kind were absent; the CRD schema has refused those before they get
/// here.
package struct Collector: JSONView {
    package var json: JSONObject
    package init(_ json: JSONObject) { self.json = json }

    package static let groupVersionKind = GroupVersionKind(
        group: "opentelemetry.io",
        version: "v1beta1",
        kind: "OpenTelemetryCollector"
    )
    package static let resource = APIResource(
        group: "opentelemetry.io",
        version: "v1beta1",
        plural: "opentelemetrycollectors",
        kind: "OpenTelemetryCollector"
    )
    /// The label by which a collector chooses a TargetAllocator of its namespace.
    package static let targetAllocatorLabel = "opentelemetry.io/target-allocator"

    package var object: KubeObject {
        get { KubeObject(self.json) }
        set { self.json = newValue.json }
    }
    package var metadata: ObjectMeta {
        get { ObjectMeta(self.json[object: "metadata"] ?? [:]) }
        set { self.json[object: "metadata"] = newValue.json }
    }
    package var name: String { self.metadata.name ?? "" }
    package var namespace: String { self.metadata.namespace ?? "" }

    package var spec: CollectorSpec {
        get { CollectorSpec(self.json[object: "spec"] ?? [:]) }
        set { self.json[object: "spec"] = newValue.json }
    }
    package var status: CollectorStatus {
        get { CollectorStatus(self.json[object: "status"] ?? [:]) }
        set { self.json[object: "status"] = newValue.json.isEmpty ? nil : newValue.json }
    }

    /// The mode; a collector without one is a deployment, as the webhook makes it. `nil` for an unknown word.
    package var mode: CollectorMode? {
        guard let text = self.spec.modeText, !text.isEmpty else { return .deployment }
        return CollectorMode(rawValue: text)
    }
    /// False only for `managementState: unmanaged`.
    package var isManaged: Bool { self.spec.managementState != "unmanaged" }
    /// The TargetAllocator this collector names by its label.
    package var targetAllocatorName: String? {
        guard let name = self.metadata.labels[Self.targetAllocatorLabel], !name.isEmpty else { return nil }
        return name
    }
}

/// `spec` of a collector. Fields that only pass into a rendered object have no accessor: read them from ``json``.
package struct CollectorSpec: JSONView {
    package var json: JSONObject
    package init(_ json: JSONObject) { self.json = json }

    package var modeText: String? {
        get { self.json[string: "mode"] }
        set { self.json[string: "mode"] = newValue }
    }
    package var managementState: String? {
        get { self.json[string: "managementState"] }
        set { self.json[string: "managementState"] = newValue }
    }
    package var upgradeStrategy: String? {
        get { self.json[string: "upgradeStrategy"] }
        set { self.json[string: "upgradeStrategy"] = newValue }
    }
    package var config: JSONObject? {
        get { self.json[object: "config"] }
        set { self.json[object: "config"] = newValue }
    }
    package var image: String? { self.text("image") }
    package var replicas: Int? {
        get { self.json[int: "replicas"] }
        set { self.json[int: "replicas"] = newValue }
    }
    package var autoscaler: CollectorAutoscaler? {
        get { self.json[view: "autoscaler"] }
        set { self.json[view: "autoscaler"] = newValue }
    }
    package var ingress: CollectorIngress? {
        get { self.json[view: "ingress"] }
        set { self.json[view: "ingress"] = newValue }
    }
    package var httpRoute: CollectorHTTPRoute? { self.json[view: "httpRoute"] }
    package var targetAllocator: EmbeddedTargetAllocator? {
        get { self.json[view: "targetAllocator"] }
        set { self.json[view: "targetAllocator"] = newValue }
    }
    package var observability: CollectorObservability {
        CollectorObservability(self.json[object: "observability"]?[object: "metrics"] ?? [:])
    }
    package var networkPolicyEnabled: Bool? {
        get { self.json[object: "networkPolicy"]?[bool: "enabled"] }
        set {
            guard let newValue else {
                self.json["networkPolicy"] = nil
                return
            }
            self.json.mutateObject("networkPolicy") { $0[bool: "enabled"] = newValue }
        }
    }
    package var args: [String: String] { self.json[stringMap: "args"] ?? [:] }
    package var podAnnotations: [String: String] { self.json[stringMap: "podAnnotations"] ?? [:] }
    package var serviceAccount: String? { self.text("serviceAccount") }
    package var serviceName: String? { self.text("serviceName") }
    package var hostNetwork: Bool { self.json[bool: "hostNetwork"] ?? false }
    package var dnsPolicy: String? { self.text("dnsPolicy") }
    package var ports: [PortsSpec] { self.json[views: "ports"] }
    package var configMaps: [ConfigMapMount] { self.json[views: "configmaps"] }
    /// How many superseded ConfigMaps are kept: 3 when unset, at least 1.
    package var configVersions: Int { max(self.json[int: "configVersions"] ?? 3, 1) }

    /// The objects of an array member, `[]` when absent.
    package func list(_ key: String) -> [JSONValue] { self.json[array: key] ?? [] }
    /// A string member, `nil` when absent or empty: Go does not tell these apart.
    package func text(_ key: String) -> String? {
        guard let text = self.json[string: key], !text.isEmpty else { return nil }
        return text
    }
}

/// `spec.autoscaler`.
package struct CollectorAutoscaler: JSONView {
    package var json: JSONObject
    package init(_ json: JSONObject) { self.json = json }

    package var minReplicas: Int? {
        get { self.json[int: "minReplicas"] }
        set { self.json[int: "minReplicas"] = newValue }
    }
    package var maxReplicas: Int? { self.json[int: "maxReplicas"] }
    package var targetCPUUtilization: Int? {
        get { self.json[int: "targetCPUUtilization"] }
        set { self.json[int: "targetCPUUtilization"] = newValue }
    }
    package var targetMemoryUtilization: Int? { self.json[int: "targetMemoryUtilization"] }
    package var behavior: JSONObject? { self.json[object: "behavior"] }
    package var metrics: [JSONValue] { self.json[array: "metrics"] ?? [] }
}

/// `spec.ingress`.
package struct CollectorIngress: JSONView {
    package var json: JSONObject
    package init(_ json: JSONObject) { self.json = json }

    package var type: String { self.json[string: "type"] ?? "" }
    package var ruleType: String {
        get { self.json[string: "ruleType"] ?? "" }
        set { self.json[string: "ruleType"] = newValue }
    }
    package var hostname: String { self.json[string: "hostname"] ?? "" }
    package var annotations: [String: String] { self.json[stringMap: "annotations"] ?? [:] }
    package var tls: [JSONValue] { self.json[array: "tls"] ?? [] }
    package var ingressClassName: String? { self.json[string: "ingressClassName"] }
    package var routeTermination: String {
        get { self.json[object: "route"]?[string: "termination"] ?? "" }
        set { self.json.mutateObject("route") { $0[string: "termination"] = newValue } }
    }
}

/// `spec.httpRoute`.
package struct CollectorHTTPRoute: JSONView {
    package var json: JSONObject
    package init(_ json: JSONObject) { self.json = json }

    package var isEnabled: Bool { self.json[bool: "enabled"] ?? false }
    package var gateway: String { self.json[string: "gateway"] ?? "" }
    package var gatewayNamespace: String { self.json[string: "gatewayNamespace"] ?? "" }
    package var hostnames: [String] { self.json[strings: "hostnames"] ?? [] }
}

/// `spec.observability.metrics`.
package struct CollectorObservability: JSONView {
    package var json: JSONObject
    package init(_ json: JSONObject) { self.json = json }

    package var isEnabled: Bool { self.json[bool: "enableMetrics"] ?? false }
    package var extraLabels: [String: String] { self.json[stringMap: "extraLabels"] ?? [:] }
    package var disablesPrometheusAnnotations: Bool { self.json[bool: "disablePrometheusAnnotations"] ?? false }
}

/// One entry of `spec.ports`: a ServicePort with `hostPort`.
package struct PortsSpec: JSONView {
    package var json: JSONObject
    package init(_ json: JSONObject) { self.json = json }

    package var name: String { self.json[string: "name"] ?? "" }
    package var port: Int { self.json[int: "port"] ?? 0 }
    /// As written; empty means TCP.
    package var transport: String { self.json[string: "protocol"] ?? "" }
    package var hostPort: Int { self.json[int: "hostPort"] ?? 0 }
    package var appProtocol: String? { self.json[string: "appProtocol"] }
}

/// One entry of `spec.configmaps`.
package struct ConfigMapMount: JSONView {
    package var json: JSONObject
    package init(_ json: JSONObject) { self.json = json }

    package var name: String { self.json[string: "name"] ?? "" }
    package var mountPath: String { self.json[string: "mountpath"] ?? "" }
}

/// `spec.targetAllocator` of a collector.
package struct EmbeddedTargetAllocator: JSONView {
    package var json: JSONObject
    package init(_ json: JSONObject) { self.json = json }

    package var isEnabled: Bool { self.json[bool: "enabled"] ?? false }
    package var replicas: Int? {
        get { self.json[int: "replicas"] }
        set { self.json[int: "replicas"] = newValue }
    }
    /// The CRD's default when unset.
    package var allocationStrategy: String {
        guard let strategy = self.json[string: "allocationStrategy"], !strategy.isEmpty else {
            return "consistent-hashing"
        }
        return strategy
    }
    package var prometheusCREnabled: Bool { self.json[object: "prometheusCR"]?[bool: "enabled"] ?? false }
    package var serviceAccount: String? { self.json[string: "serviceAccount"] }
    package var mutualTLS: TargetAllocatorMutualTLS? { self.json[view: "mtls"] }
    /// A duration in Go's notation, such as `30s`.
    package var collectorTargetReloadInterval: String? { self.json[string: "collectorTargetReloadInterval"] }
}

/// `mtls` of a target allocator, embedded or not.
package struct TargetAllocatorMutualTLS: JSONView {
    package var json: JSONObject
    package init(_ json: JSONObject) { self.json = json }

    package var isEnabled: Bool { self.json[bool: "enabled"] ?? false }
    /// cert-manager issues the certificates unless this is explicitly false.
    package var usesCertManager: Bool { self.json[bool: "useCertManager"] ?? true }
    package var tls: JSONObject { self.json[object: "tls"] ?? [:] }
}

/// `status` of a collector.
package struct CollectorStatus: JSONView {
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
    /// `scale.replicas`, `scale.selector` and `scale.statusReplicas`.
    package var scale: JSONObject? {
        get { self.json[object: "scale"] }
        set { self.json[object: "scale"] = newValue }
    }
    package var conditions: [Condition] {
        get { self.json[views: "conditions"] }
        set { self.json[views: "conditions"] = newValue }
    }
}
