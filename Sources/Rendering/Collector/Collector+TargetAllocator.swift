import JSONTree
import KubeModel
import TelemetryAPI

extension CollectorContext {
    /// The TargetAllocator a collector brings along when `spec.targetAllocator.enabled` (specification section 3.13);
    /// none where that kind is not served.
    func targetAllocatorResource() -> KubeObject? {
        guard let embedded = self.spec.targetAllocator, embedded.isEnabled, self.facts.targetAllocators,
            self.mode == .statefulset || self.mode == .daemonset
        else { return nil }
        var labels = self.metadata.labels
        labels[ObjectLabels.managedBy] = "opentelemetry-operator"
        var object = self.object(
            GroupVersionKind(group: "opentelemetry.io", version: "v1alpha1", kind: "TargetAllocator"),
            self.name,
            labels: labels,
            annotations: self.metadata.annotations
        )
        var spec: JSONObject = [:]
        spec.copy(
            "replicas",
            "nodeSelector",
            "resources",
            "serviceAccount",
            "image",
            "affinity",
            "securityContext",
            "podSecurityContext",
            "topologySpreadConstraints",
            "tolerations",
            "env",
            "podDisruptionBudget",
            "allocationStrategy",
            "filterStrategy",
            "prometheusCR",
            "observability",
            "allowInsecureAuthSecrets",
            "collectorNotReadyGracePeriod",
            "mtls",
            from: embedded.json
        )
        spec.copy("podAnnotations", from: self.spec.json)
        if let enabled = self.spec.networkPolicyEnabled { spec["networkPolicy"] = ["enabled": .bool(enabled)] }
        object.spec = spec
        return object
    }
}
