import JSONTree
import KubeModel
import TelemetryAPI

extension CollectorContext {
    /// The ServiceAccount of the collector's pods, unless `spec.serviceAccount` names one.
    func serviceAccount() -> KubeObject? {
        guard self.spec.serviceAccount == nil else { return nil }
        let name = ObjectName.collector(self.name)
        return self.object(
            GroupVersionKind(group: "", version: "v1", kind: "ServiceAccount"),
            name,
            labels: self.labels(name: name, filtered: false),
            annotations: self.annotations
        )
    }
}
