import JSONTree
import KubeModel
import TelemetryAPI

extension CollectorContext {
    /// The autoscaler of the custom resource, when `spec.autoscaler.maxReplicas` is set (specification section 3.9:
    /// without it the API server would refuse the object). Version v2, or v2beta2 where that is the one served; the two
    /// have the same fields.
    func horizontalPodAutoscaler() -> KubeObject? {
        guard let autoscaler = self.spec.autoscaler, let version = self.facts.horizontalPodAutoscaler,
            let most = autoscaler.maxReplicas
        else { return nil }
        let name = ObjectName.collector(self.name)
        var object = self.object(
            GroupVersionKind(group: "autoscaling", version: version.rawValue, kind: "HorizontalPodAutoscaler"),
            name,
            labels: self.labels(name: name, filtered: true),
            annotations: self.annotations
        )
        var metrics: [JSONValue] = []
        for (resource, target) in [
            ("memory", autoscaler.targetMemoryUtilization), ("cpu", autoscaler.targetCPUUtilization),
        ] {
            guard let target else { continue }
            metrics.append([
                "type": "Resource",
                "resource": [
                    "name": .string(resource), "target": ["type": "Utilization", "averageUtilization": .int(target)],
                ],
            ])
        }
        metrics += autoscaler.metrics.filter { $0["type"]?.string == "Pods" }
        var spec: JSONObject = [
            "scaleTargetRef": [
                "apiVersion": .string(Collector.groupVersionKind.apiVersion),
                "kind": .string(Collector.groupVersionKind.kind),
                "name": .string(ObjectName.truncated("%s", [.string(self.name)])),
            ],
            "maxReplicas": .int(most),
        ]
        spec[int: "minReplicas"] = autoscaler.minReplicas
        if !metrics.isEmpty { spec["metrics"] = .array(metrics) }
        spec[object: "behavior"] = autoscaler.behavior
        object.spec = spec
        return object
    }
}
