import CollectorConfig
import JSONTree
import KubeModel
import TelemetryAPI

extension CollectorContext {
    /// ServiceMonitors, or for a sidecar a PodMonitor, when metrics are to be observed and the cluster has these kinds
    /// (specification section 3.12).
    func monitors() throws(ConfigurationError) -> [KubeObject?] {
        guard self.spec.observability.isEnabled, self.facts.prometheusMonitors else { return [] }
        let exporters = try self.ports(of: .exporter).filter { $0.name.contains("prometheus") }
            .map { JSONValue.object(["port": .string($0.name)]) }
        if self.mode == .sidecar { return [self.podMonitor(exporters)] }
        return [
            exporters.isEmpty ? nil : self.serviceMonitor(ObjectName.collector(self.name), .base, exporters),
            self.serviceMonitor(
                ObjectName.monitoringServiceMonitor(self.name),
                .monitoring,
                [["port": "monitoring"]]
            ),
        ]
    }

    private func serviceMonitor(_ name: String, _ type: CollectorServiceType, _ endpoints: [JSONValue]) -> KubeObject {
        var labels = self.labels(name: name, filtered: false)
        labels.merge(self.spec.observability.extraLabels) { $1 }
        var object = self.object(
            GroupVersionKind(group: "monitoring.coreos.com", version: "v1", kind: "ServiceMonitor"),
            name,
            labels: labels
        )
        var selector = self.selectorLabels
        selector[CollectorServiceType.label] = type.rawValue
        object.spec = [
            "endpoints": .array(endpoints), "namespaceSelector": ["matchNames": [.string(self.namespace)]],
            "selector": ["matchLabels": .strings(selector)],
        ]
        return object
    }

    /// Its port `monitoring` and its selector fit what the Go operator writes, not the injected pods; see
    /// docs/decisions.md.
    private func podMonitor(_ exporters: [JSONValue]) -> KubeObject {
        let name = ObjectName.collector(self.name)
        var object = self.object(
            GroupVersionKind(group: "monitoring.coreos.com", version: "v1", kind: "PodMonitor"),
            name,
            labels: self.labels(name: name, filtered: false)
        )
        object.spec = [
            "jobLabel": .string(ObjectLabels.instance),
            "podTargetLabels": .strings([ObjectLabels.name, ObjectLabels.instance, ObjectLabels.managedBy]),
            "namespaceSelector": ["matchNames": [.string(self.namespace)]],
            "selector": ["matchLabels": .strings(self.selectorLabels)],
            "podMetricsEndpoints": .array([["port": "monitoring"]] + exporters),
        ]
        return object
    }
}
