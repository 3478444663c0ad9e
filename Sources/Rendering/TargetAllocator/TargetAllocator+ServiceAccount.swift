import KubeModel
import TelemetryAPI

extension TargetAllocatorContext {
    /// The ServiceAccount of the allocator's pods, unless `spec.serviceAccount` names one. What it may read is the user's to
    /// grant; see docs/target-allocator-resource.md.
    func serviceAccount() -> KubeObject? {
        guard self.spec.serviceAccount == nil else { return nil }
        return self.object(GroupVersionKind(group: "", version: "v1", kind: "ServiceAccount"), self.objectName)
    }
}
