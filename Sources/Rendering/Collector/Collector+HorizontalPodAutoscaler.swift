import JSONTree
import KubeModel
import TelemetryAPI

extension CollectorContext {
    /// That an autoscaler is asked for which can't do anything.
    var autoscalerWarnings: [String] {
        guard let autoscaler = self.spec.autoscaler else { return [] }
        if autoscaler.maxReplicas == nil {
            return ["spec.autoscaler has no effect without spec.autoscaler.maxReplicas"]
        }
        guard self.mode == .daemonset || self.mode == .sidecar else { return [] }
        return ["spec.autoscaler has no effect on a collector of mode \(self.mode.rawValue)"]
    }

    /// The autoscaler of the custom resource, when `spec.autoscaler.maxReplicas` is set (specification section 3.9:
    /// without it the API server would refuse the object). Version v2, or v2beta2 where that is the one served; what
    /// the first ones of v2 had is the same there, and newer fields are left out by the server's version.
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
