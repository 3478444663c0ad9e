import JSONTree

/// `spec` of both versions. `kept` is what v1beta1 has beyond v1alpha1, by the object it belongs to; `left` the reverse.
///
/// Kept members come back only into objects that are still there: who removes `targetAllocator` in v1alpha1 means all
/// of it.
enum SpecConversion {
    static let newFields = [
        "command", "configVersions", "dnsPolicy", "hostAliases", "hostPID", "hostUsers", "httpRoute", "ipFamilies",
        "ipFamilyPolicy", "networkPolicy", "persistentVolumeClaimRetentionPolicy", "podDnsConfig",
        "podManagementPolicy", "readinessProbe", "sessionAffinity", "sessionAffinityConfig", "startupProbe",
    ]
    static let newAllocatorFields = [
        "allowInsecureAuthSecrets", "collectorNotReadyGracePeriod", "collectorTargetReloadInterval", "mtls",
    ]
    static let newPrometheusFields = [
        "allowNamespaces", "denyNamespaces", "evaluationInterval", "podMonitorNamespaceSelector",
        "probeNamespaceSelector", "probeSelector", "scrapeConfigNamespaceSelector", "scrapeConfigSelector",
        "scrapeProtocols", "secretNamespaces", "serviceMonitorNamespaceSelector",
    ]
    private static let selectors = ["serviceMonitorSelector", "podMonitorSelector"]
    private static let strategies = [
        "allocationStrategy": ["least-weighted", "consistent-hashing", "per-node"],
        "filterStrategy": ["relabel-config"],
    ]
    private static let oldAnnotationsKey = "DisablePrometheusAnnotations"
    private static let newAnnotationsKey = "disablePrometheusAnnotations"

    static func upward(_ spec: JSONObject, kept: JSONObject, left: inout JSONObject) -> JSONObject {
        var spec = spec
        ConfigText.upward(&spec, kept: kept, left: &left)
        spec.rename("updateStrategy", "daemonSetUpdateStrategy")
        self.fillAutoscaler(&spec, left: &left)
        self.observabilityUpward(&spec, kept[object: "metrics"])
        var leftOfAllocator: JSONObject = [:]
        spec.changeObject("targetAllocator") { allocator in
            for (key, known) in self.strategies {
                guard let text = allocator[string: key], !text.isEmpty, !known.contains(text) else { continue }
                leftOfAllocator[key] = .string(text)
                allocator[key] = ""
            }
            self.observabilityUpward(&allocator, kept[object: "allocatorMetrics"])
            allocator.changeObject("prometheusCR") { self.prometheusUpward(&$0, kept) }
            allocator.add(kept[object: "targetAllocator"])
        }
        left.keep("targetAllocator", leftOfAllocator)
        spec.add(kept[object: "spec"])
        return spec
    }

    static func downward(_ spec: JSONObject, left: JSONObject, kept: inout JSONObject) -> JSONObject {
        var spec = spec
        var found: JSONObject = [:]
        ConfigText.downward(&spec, left: left, kept: &found)
        spec.rename("daemonSetUpdateStrategy", "updateStrategy")
        self.emptyAutoscaler(&spec, left: left)
        self.observabilityDownward(&spec, "metrics", &found)
        spec.changeObject("targetAllocator") { allocator in
            found.keep("targetAllocator", allocator.take(self.newAllocatorFields))
            for (key, value) in left[object: "targetAllocator"] ?? [:] where allocator[string: key] == "" {
                allocator[key] = value
            }
            self.observabilityDownward(&allocator, "allocatorMetrics", &found)
            allocator.changeObject("prometheusCR") { self.prometheusDownward(&$0, &found) }
        }
        found.keep("spec", spec.take(self.newFields))
        kept.add(found)
        return spec
    }
}

// The deprecated minReplicas and maxReplicas come back where they stood, as long as nobody changed the autoscaler: a
// later change of them in a v1alpha1 manifest would otherwise be covered by the autoscaler's own.
extension SpecConversion {
    private static let oldLimits = ["minReplicas", "maxReplicas"]

    private static func fillAutoscaler(_ spec: inout JSONObject, left: inout JSONObject) {
        let old = JSONObject(spec.take(self.oldLimits).filter { !$0.value.isNull }.map { ($0.key, $0.value) })
        guard !old.isEmpty else { return }
        if spec["autoscaler"]?.isNull ?? true {
            spec["autoscaler"] = [:]
            left["addedAutoscaler"] = true
        }
        var moved: JSONObject = [:]
        spec.changeObject("autoscaler") { autoscaler in
            for (key, value) in old where autoscaler[key]?.isNull ?? true {
                autoscaler[key] = value
                moved[key] = value
            }
        }
        left.keep("movedLimits", moved)
        left.keep("coveredLimits", JSONObject(old.filter { !moved.contains($0.key) }.map { ($0.key, $0.value) }))
    }

    private static func emptyAutoscaler(_ spec: inout JSONObject, left: JSONObject) {
        for (key, value) in left[object: "movedLimits"] ?? [:] where self.oldLimits.contains(key) {
            guard spec[object: "autoscaler"]?[key] == value else { continue }
            spec.changeObject("autoscaler") { $0.remove(key) }
            spec[key] = value
        }
        // Without the autoscaler's own they would count.
        for (key, value) in left[object: "coveredLimits"] ?? [:] where self.oldLimits.contains(key) {
            let isCovered = spec[object: "autoscaler"].map { $0.contains(key) } ?? spec.contains("autoscaler")
            if isCovered { spec[key] = value }
        }
        if left[bool: "addedAutoscaler"] == true, spec[object: "autoscaler"]?.isEmpty == true {
            spec.remove("autoscaler")
        }
    }
}

extension SpecConversion {
    private static func observabilityUpward(_ owner: inout JSONObject, _ kept: JSONObject?) {
        owner.changeObject("observability") { observability in
            observability.changeObject("metrics") { metrics in
                metrics.rename(self.oldAnnotationsKey, self.newAnnotationsKey)
                metrics.add(kept)
            }
        }
    }

    private static func observabilityDownward(_ owner: inout JSONObject, _ name: String, _ kept: inout JSONObject) {
        var taken: JSONObject = [:]
        owner.changeObject("observability") { observability in
            observability.changeObject("metrics") { metrics in
                taken = metrics.take(["extraLabels"])
                metrics.rename(self.newAnnotationsKey, self.oldAnnotationsKey)
            }
        }
        kept.keep(name, taken)
    }

    /// A v1alpha1 selector is a map of labels, and without one everything is selected; in v1beta1 no selector selects
    /// nothing, an empty one everything.
    private static func prometheusUpward(_ prometheus: inout JSONObject, _ kept: JSONObject) {
        let unset = kept[strings: "unsetSelectors"] ?? []
        for key in self.selectors {
            switch prometheus[key] {
            case nil, .null:
                if unset.contains(key) { prometheus.remove(key) } else { prometheus[key] = [:] }
            case .object(let labels): prometheus[key] = ["matchLabels": .object(labels)]
            default: break
            }
            prometheus.changeObject(key) { $0.add(kept[object: key]) }
        }
        prometheus.add(kept[object: "prometheusCR"])
    }

    private static func prometheusDownward(_ prometheus: inout JSONObject, _ kept: inout JSONObject) {
        var unset: [String] = []
        for key in self.selectors {
            switch prometheus[key] {
            case nil, .null:
                prometheus.remove(key)
                unset.append(key)
            case .object(var selector):
                let labels = selector.remove("matchLabels")
                prometheus[key] = labels.flatMap { $0.isNull ? nil : $0 }
                kept.keep(key, selector)
            default: break
            }
        }
        if !unset.isEmpty { kept["unsetSelectors"] = .strings(unset) }
        kept.keep("prometheusCR", prometheus.take(self.newPrometheusFields))
    }
}
