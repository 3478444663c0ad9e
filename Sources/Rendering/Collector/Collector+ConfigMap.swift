import CollectorConfig
import JSONTree
import KubeModel
import TelemetryAPI

extension CollectorContext {
    /// The ConfigMap of the current configuration (specification section 3.2). Its name has the hash of what is stored;
    /// a target allocator changes the content only.
    func configMap() throws(ConfigurationError) -> KubeObject {
        var object = self.object(
            GroupVersionKind(group: "", version: "v1", kind: "ConfigMap"),
            self.configMapName,
            labels: self.labels(name: ObjectName.collector(self.name), filtered: false),
            annotations: self.annotations
        )
        let text: String
        if let allocator = self.targetAllocator {
            let endpoint = TargetAllocatorEndpoint(
                service: ObjectName.targetAllocator(allocator.name),
                usesMutualTLS: allocator.usesMutualTLS,
                reloadInterval: self.spec.targetAllocator?.collectorTargetReloadInterval
            )
            text = try self.deployedConfiguration.asking(endpoint).targetAllocatorYAML
        } else {
            text = self.deployedConfiguration.yaml
        }
        object.json["data"] = ["collector.yaml": .string(text)]
        return object
    }
}
