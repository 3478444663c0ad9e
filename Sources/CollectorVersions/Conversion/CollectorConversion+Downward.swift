import CollectorConfig
import JSONTree

extension CollectorConversion {
    /// v1beta1 to v1alpha1.
    static func downward(_ new: JSONObject) -> JSONObject {
        var old = new
        old["apiVersion"] = .string(Version.v1alpha1.apiVersion)
        var sayable: JSONObject = [:]
        if let spec = new[object: "spec"] {
            let lowered = self.lowered(spec)
            sayable["spec"] = .object(self.raised(lowered).spec)
            old["spec"] = .object(lowered)
            if let text = new["metadata"]?["annotations"]?[self.textAnnotation]?.string {
                if self.saysNothing(spec[object: "config"] ?? [:]) {
                    sayable.mutateObject("spec") { $0["config"] = .object(OldConfiguration.nothing) }
                    old.mutateObject("spec") { $0["config"] = .string(text) }
                }
                self.annotate(&old, self.textAnnotation, nil)
            }
        }
        if let status = new[object: "status"] {
            let lowered = status.only(self.oldStatus)
            sayable["status"] = .object(self.raised(status: lowered))
            old["status"] = .object(lowered)
        }
        let kept = KeptFields(of: new, beyond: sayable)
        self.annotate(&old, self.keptAnnotation, kept.isEmpty ? nil : kept.json)
        return old
    }

    /// A v1beta1 spec in the words of v1alpha1, without what that has no words for.
    static func lowered(_ new: JSONObject) -> JSONObject {
        var spec = new
        switch new["config"] {
        case .object(let config): spec["config"] = .string(self.text(of: config))
        case nil, .null: spec["config"] = .string(self.text(of: OldConfiguration.nothing))
        default: break
        }
        // It has a field of this name as well, of another meaning.
        spec.remove("updateStrategy")
        spec.rename("daemonSetUpdateStrategy", to: "updateStrategy")
        spec.mutateIfObject("observability") { self.lowerObservability(&$0) }
        spec.mutateIfObject("targetAllocator") { allocator in
            allocator = allocator.only(self.oldTargetAllocator)
            allocator.mutateIfObject("observability") { self.lowerObservability(&$0) }
            allocator.mutateIfObject("prometheusCR") { source in
                source = source.only(self.oldPrometheusCR)
                for name in ["podMonitorSelector", "serviceMonitorSelector"] {
                    guard let selector = source[object: name] else { continue }
                    source[name] = selector[object: "matchLabels"].map { .object($0) }
                }
            }
        }
        return spec.only(self.oldSpec)
    }

    private static func text(of config: JSONObject) -> String {
        do throws(ConfigurationError) {
            return try CollectorConfiguration(config).yaml
        } catch {
            // Of a shape that the schema of v1beta1 refuses. What it says is shown, whatever it means.
            return CollectorYAML(indentation: 2).text(config)
        }
    }

    private static func lowerObservability(_ observability: inout JSONObject) {
        observability = observability.only(["metrics"])
        observability.mutateIfObject("metrics") { metrics in
            metrics.remove("DisablePrometheusAnnotations")
            metrics.rename("disablePrometheusAnnotations", to: "DisablePrometheusAnnotations")
            metrics = metrics.only(["enableMetrics", "DisablePrometheusAnnotations"])
        }
    }

    // MARK: What v1alpha1 knows (specification section 1.4)

    private static let oldSpec: Set<String> = [
        "additionalContainers", "affinity", "args", "autoscaler", "config", "configmaps", "deploymentUpdateStrategy",
        "env", "envFrom", "hostNetwork", "image", "imagePullPolicy", "ingress", "initContainers", "lifecycle",
        "livenessProbe", "managementState", "maxReplicas", "minReplicas", "mode", "nodeSelector", "observability",
        "podAnnotations", "podDisruptionBudget", "podSecurityContext", "ports", "priorityClassName", "replicas",
        "resources", "securityContext", "serviceAccount", "serviceName", "shareProcessNamespace", "targetAllocator",
        "terminationGracePeriodSeconds", "tolerations", "topologySpreadConstraints", "trafficDistribution",
        "updateStrategy", "upgradeStrategy", "volumeClaimTemplates", "volumeMounts", "volumes",
    ]
    private static let oldTargetAllocator: Set<String> = [
        "affinity", "allocationStrategy", "enabled", "env", "filterStrategy", "image", "nodeSelector",
        "observability", "podDisruptionBudget", "podSecurityContext", "prometheusCR", "replicas", "resources",
        "securityContext", "serviceAccount", "tolerations", "topologySpreadConstraints",
    ]
    private static let oldPrometheusCR: Set<String> = [
        "enabled", "scrapeInterval", "scrapeClasses", "podMonitorSelector", "serviceMonitorSelector",
        "denyFSAccessThroughSMs",
    ]
    private static let oldStatus: Set<String> = ["scale", "version", "image"]
}

extension JSONObject {
    /// Only members of these names.
    fileprivate func only(_ names: Set<String>) -> JSONObject {
        JSONObject(self.filter { names.contains($0.key) }.map { ($0.key, $0.value) })
    }
}
