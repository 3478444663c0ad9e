import CollectorConfig
import JSONTree
import KubeModel
import TelemetryAPI

/// A target allocator made ready for rendering: what several objects need is worked out once.
struct TargetAllocatorContext: Sendable {
    let resource: TargetAllocatorResource
    let spec: TargetAllocatorSpec
    let settings: OperatorSettings
    let facts: ClusterFacts
    /// Whose targets it hands out.
    let collector: Collector?
    /// `global` and `scrape_configs` of its configuration.
    let prometheus: JSONObject
    /// What is accepted and rendered, but likely not what was meant.
    let warnings: [String]

    /// Throws when its collector can't be told, or when the configuration of that has the wrong shape.
    init(_ inputs: TargetAllocatorInputs) throws(PlanError) {
        self.resource = inputs.resource
        self.spec = inputs.resource.spec
        self.settings = inputs.settings
        self.facts = inputs.facts
        self.collector = try inputs.collector()
        self.prometheus = try Self.prometheus(inputs.resource.spec, self.collector)
        self.warnings = Self.warnings(inputs, hasJobs: self.prometheus["scrape_configs"] != nil)
    }

    var name: String { self.resource.name }
    var metadata: ObjectMeta { self.resource.metadata }
    /// Of nearly all its objects.
    var objectName: String { ObjectName.targetAllocator(self.name) }
    /// `spec.serviceAccount`, or the one rendered.
    var serviceAccountName: String { self.spec.serviceAccount ?? self.objectName }
    var annotations: [String: String] { ObjectAnnotations.annotations(self.metadata, self.settings) }

    /// Without the name, as the NetworkPolicy selects.
    var plainSelector: [String: String] { ObjectLabels.selector(self.metadata, component: .targetAllocator) }
    /// The name is among what selects the pods: changing it makes the Deployment anew.
    var selectorLabels: [String: String] {
        var labels = self.plainSelector
        labels[ObjectLabels.name] = self.metadata.labels[ObjectLabels.name] ?? self.objectName
        return labels
    }

    func labels(name: String, image: String? = nil, filtered: Bool = false) -> [String: String] {
        ObjectLabels.labels(
            self.metadata,
            name: name,
            image: image ?? self.spec.image ?? "",
            component: .targetAllocator,
            filter: filtered ? self.settings.labelFilter : .none
        )
    }

    /// An object of its namespace that it owns.
    func object(
        _ groupVersionKind: GroupVersionKind,
        _ name: String,
        labels: [String: String]? = nil,
        annotations: [String: String]? = nil
    ) -> KubeObject {
        var object = KubeObject(groupVersionKind, namespace: self.resource.namespace, name: name)
        object.metadata.labels = labels ?? self.labels(name: name)
        object.metadata.annotations = annotations ?? self.annotations
        object.setController(TargetAllocatorResource.groupVersionKind, self.metadata)
        return object
    }

    /// All objects in the order they are applied (specification section 3.13).
    func objects() -> [KubeObject] {
        let configuration = self.configurationYAML
        let objects: [KubeObject?] =
            [
                self.configMap(configuration), self.deployment(configuration), self.serviceAccount(), self.service(),
                self.podDisruptionBudget(), self.networkPolicy(), self.serviceMonitor(),
            ] + self.certificates()
        return objects.compactMap { $0?.finished(for: self.facts) }
    }

    private static func warnings(_ inputs: TargetAllocatorInputs, hasJobs: Bool) -> [String] {
        let spec = inputs.resource.spec
        var warnings: [String] = []
        if !hasJobs, !spec.prometheusCR.isEnabled {
            warnings.append(
                "it has nothing to hand out and will not start: give it spec.scrapeConfigs, set spec.prometheusCR.enabled, or name it in the label \(Collector.targetAllocatorLabel) of a collector with a prometheus receiver"
            )
        }
        if !hasJobs, spec.prometheusCR.isEnabled, spec.prometheusCR.followedKinds.isEmpty {
            warnings.append(
                "it has nothing to hand out: spec.prometheusCR is enabled without a selector, and one that is absent chooses nothing; set spec.prometheusCR.serviceMonitorSelector to {} to have all ServiceMonitors"
            )
        }
        if spec.observability.isEnabled, !inputs.facts.prometheusMonitors {
            warnings.append(
                "spec.observability.metrics.enableMetrics has no effect: this cluster does not serve ServiceMonitors (monitoring.coreos.com/v1)"
            )
        }
        return warnings
    }
}
