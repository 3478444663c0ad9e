import JSONTree
import KubeModel
import TelemetryAPI

extension TargetAllocatorContext {
    /// The disruption budget: the user's, else at most one pod away. With `least-weighted`, whose answers depend on history,
    /// only if the user asks for one. (The Go operator refuses to render such an allocator at all.)
    func podDisruptionBudget() -> KubeObject? {
        guard let version = self.facts.podDisruptionBudget else { return nil }
        let given = self.spec.json[object: "podDisruptionBudget"]
        if given == nil, self.spec.allocationStrategy == "least-weighted" { return nil }
        var object = self.object(
            GroupVersionKind(group: "policy", version: version.rawValue, kind: "PodDisruptionBudget"),
            self.objectName
        )
        var spec: JSONObject = ["selector": ["matchLabels": .object(JSONObject(strings: self.selectorLabels))]]
        spec.copy("minAvailable", "maxUnavailable", from: given ?? ["maxUnavailable": 1])
        object.spec = spec
        return object
    }
}
