import JSONTree
import KubeModel

extension TargetAllocatorContext {
    /// The ConfigMap that the allocator reads its configuration from.
    func configMap(_ configuration: String) -> KubeObject {
        var object = self.object(GroupVersionKind(group: "", version: "v1", kind: "ConfigMap"), self.objectName)
        object.json["data"] = ["targetallocator.yaml": .string(configuration)]
        return object
    }
}
