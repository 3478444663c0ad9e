import JSONTree
import KubeModel
import TelemetryAPI

extension CollectorContext {
    /// The disruption budget of a Deployment or StatefulSet (specification section 3.10), in the version that is served.
    func podDisruptionBudget() -> KubeObject? {
        guard let version = self.facts.podDisruptionBudget else { return nil }
        let name = ObjectName.collector(self.name)
        var object = self.object(
            GroupVersionKind(group: "policy", version: version.rawValue, kind: "PodDisruptionBudget"),
            name,
            labels: self.labels(name: name, filtered: true),
            annotations: self.annotations
        )
        var spec: JSONObject = ["selector": ["matchLabels": .strings(self.selectorLabels)]]
        let given = self.spec.json[object: "podDisruptionBudget"]
        spec.copy("minAvailable", "maxUnavailable", from: given ?? ["maxUnavailable": 1])
        object.spec = spec
        return object
    }
}
