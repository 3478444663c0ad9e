import JSONTree
import KubeModel
import TelemetryAPI

extension TargetAllocatorContext {
    /// The ServiceMonitor for the allocator's own metrics, when these are to be observed and the cluster has the kind.
    func serviceMonitor() -> KubeObject? {
        guard self.spec.observability.isEnabled, self.facts.prometheusMonitors else { return nil }
        var labels = self.labels(name: self.objectName)
        labels.merge(self.spec.observability.extraLabels) { $1 }
        var object = self.object(
            GroupVersionKind(group: "monitoring.coreos.com", version: "v1", kind: "ServiceMonitor"),
            self.objectName,
            labels: labels
        )
        object.spec = [
            "endpoints": [["port": "targetallocation"]],
            "namespaceSelector": ["matchNames": [.string(self.resource.namespace)]],
            "selector": ["matchLabels": .object(JSONObject(strings: self.selectorLabels))],
        ]
        return object
    }
}
