import CollectorConfig
import JSONTree
import KubeModel
import TelemetryAPI

/// Which Service of a collector: the value of its type label.
enum CollectorServiceType: String {
    case base, headless, monitoring
    case `extension`

    static let label = "operator.opentelemetry.io/collector-service-type"
}

extension CollectorContext {
    /// The Service for what sends to the collector; none without ports (specification section 3.7).
    func service() throws(ConfigurationError) -> KubeObject? {
        let ports = self.servicePorts(from: try self.ports(of: .receiver, .exporter))
        guard !ports.isEmpty else { return nil }
        let name = ObjectName.collector(self.name)
        var object = self.service(.base, name, nameLabel: name, ports: ports, hasIPFamilies: true)
        object.spec?["internalTrafficPolicy"] = .string(self.internalTrafficPolicy)
        return object
    }

    /// The same ports without a cluster address, for clients that balance themselves.
    func headlessService() throws(ConfigurationError) -> KubeObject? {
        let ports = self.servicePorts(from: try self.ports(of: .receiver, .exporter))
        guard !ports.isEmpty else { return nil }
        let name = ObjectName.headlessService(self.name)
        var object = self.service(
            .headless,
            name,
            nameLabel: ObjectName.collector(self.name),
            ports: ports,
            hasIPFamilies: true
        )
        object.metadata.labels["operator.opentelemetry.io/collector-headless-service"] = "Exists"
        // OpenShift makes a serving certificate for who asks so; the user's own wish wins.
        var annotations = ["service.beta.openshift.io/serving-cert-secret-name": "\(name)-tls"]
        annotations.merge(object.metadata.annotations) { $1 }
        object.metadata.annotations = annotations
        object.spec?["internalTrafficPolicy"] = .string(self.internalTrafficPolicy)
        object.spec?["clusterIP"] = "None"
        return object
    }

    /// The Service of the collector's own metrics.
    func monitoringService() throws(ConfigurationError) -> KubeObject {
        let name = ObjectName.monitoringService(self.name)
        let port = ServicePort([
            "name": "monitoring", "port": .int(try self.configuration.metricsEndpoint().port), "protocol": "TCP",
        ])
        var object = self.service(.monitoring, name, nameLabel: name, ports: [port], hasIPFamilies: true)
        object.metadata.labels["operator.opentelemetry.io/collector-monitoring-service"] = "Exists"
        return object
    }

    /// The Service of extensions that listen; none without such.
    func extensionService() throws(ConfigurationError) -> KubeObject? {
        let ports = self.distinct(try self.ports(of: .extension))
        guard !ports.isEmpty else { return nil }
        let name = ObjectName.extensionService(self.name)
        return self.service(
            .extension,
            name,
            nameLabel: name,
            ports: ports.map { ServicePort($0.serviceJSON) },
            hasIPFamilies: false
        )
    }

    /// A collector on each node serves its own node only.
    private var internalTrafficPolicy: String { self.mode == .daemonset ? "Local" : "Cluster" }

    private func service(
        _ type: CollectorServiceType,
        _ name: String,
        nameLabel: String,
        ports: [ServicePort],
        hasIPFamilies: Bool
    ) -> KubeObject {
        var labels = self.labels(name: nameLabel, filtered: false)
        labels[CollectorServiceType.label] = type.rawValue
        var object = self.object(
            GroupVersionKind(group: "", version: "v1", kind: "Service"),
            name,
            labels: labels,
            annotations: self.annotations
        )
        var spec: JSONObject = [
            "selector": .strings(self.selectorLabels), "ports": .array(ports.map { .object($0.json) }),
        ]
        if hasIPFamilies {
            if let families = self.spec.json[array: "ipFamilies"], !families.isEmpty {
                spec["ipFamilies"] = .array(families)
            }
            spec[string: "ipFamilyPolicy"] = self.spec.text("ipFamilyPolicy")
        }
        spec.copy("trafficDistribution", "sessionAffinity", from: self.spec.json)
        // Without affinity the server drops it silently, so that it would be missing from the live object for ever.
        if self.spec.text("sessionAffinity") == "ClientIP" { spec.copy("sessionAffinityConfig", from: self.spec.json) }
        object.spec = spec
        return object
    }
}
