import JSONTree
import KubeModel
import TelemetryAPI

extension CollectorContext {
    /// The Deployment of mode deployment (specification section 3.6).
    func deployment() -> KubeObject {
        var object = self.workload("Deployment")
        var spec = object.spec ?? [:]
        if let replicas = self.replicas { spec["replicas"] = .int(replicas) }
        if let strategy = self.spec.json[object: "deploymentUpdateStrategy"], !strategy.isDeeplyEmpty {
            spec["strategy"] = .object(strategy)
        }
        object.spec = spec
        return object
    }

    /// What Deployment, StatefulSet and DaemonSet have in common.
    func workload(_ kind: String) -> KubeObject {
        let name = ObjectName.collector(self.name)
        var object = self.object(
            GroupVersionKind(group: "apps", version: "v1", kind: kind),
            name,
            labels: self.labels(name: name, filtered: true),
            annotations: self.annotations
        )
        object.spec = [
            "selector": ["matchLabels": .strings(self.selectorLabels)],
            "template": .object(self.podTemplate()),
        ]
        return object
    }

    /// How many pods a Deployment or StatefulSet has; nil when the number is another's to decide.
    ///
    /// An autoscaler does not scale the workload but the custom resource, whose `replicas` come to here; its minimum is
    /// kept also before it first acts.
    var replicas: Int? {
        if self.leavesReplicas { return nil }
        guard let least = self.spec.autoscaler?.minReplicas else { return self.spec.replicas }
        return max(least, self.spec.replicas ?? least)
    }
}
