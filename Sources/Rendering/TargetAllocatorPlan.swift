import JSONTree
import KubeModel
package import TelemetryAPI

/// Everything a target allocator's plan may look at: values only.
package struct TargetAllocatorInputs: Sendable, Hashable {
    /// As stored; one that a file holds gets the schema's defaults first (``TargetAllocatorResource/withSchemaDefaults``).
    package var resource: TargetAllocatorResource
    package var settings: OperatorSettings
    package var facts: ClusterFacts
    /// What the allocator owns now.
    package var owned: [OwnedObject]
    /// The collectors of its namespace that may be its own: the one that owns it, and those whose label names it.
    package var collectors: [Collector]

    package init(
        resource: TargetAllocatorResource,
        settings: OperatorSettings = OperatorSettings(),
        facts: ClusterFacts = ClusterFacts(),
        owned: [OwnedObject] = [],
        collectors: [Collector] = []
    ) {
        self.resource = resource
        self.settings = settings
        self.facts = facts
        self.owned = owned
        self.collectors = collectors
    }
}

package typealias TargetAllocatorPlan = ResourcePlan

/// Decides what the cluster should hold of a target allocator (specification sections 3.13 and 3.14).
///
/// Throws when the resource can't be rendered; nothing should be changed or pruned then.
package func plan(_ inputs: TargetAllocatorInputs) throws(PlanError) -> TargetAllocatorPlan {
    guard inputs.resource.isManaged else { return .unmanaged }
    let context = try TargetAllocatorContext(inputs)
    return try ResourcePlan(desired: context.objects(), owned: inputs.owned, warnings: context.warnings)
}

extension TargetAllocatorInputs {
    /// Whose targets it hands out: the collector that owns it, else the one whose label names it, else nobody's.
    func collector() throws(PlanError) -> Collector? {
        if let owner = self.resource.owningCollector {
            guard let collector = self.collectors.first(where: { $0.name == owner.name }) else {
                throw PlanError(
                    .missingCollector,
                    path: "metadata.ownerReferences",
                    "there is no OpenTelemetryCollector \"\(owner.name)\" in namespace \"\(self.resource.namespace)\", which owns it"
                )
            }
            return collector
        }
        // One that is going away has its targets no more.
        let named = self.collectors.filter {
            $0.targetAllocatorName == self.resource.name && !$0.metadata.isDeleting
        }
        if named.count > 1 {
            throw PlanError(
                .severalCollectors,
                "found multiple OpenTelemetry collectors annotated with the same Target Allocator: \(self.resource.namespace)/\(self.resource.name)"
            )
        }
        return named.first
    }
}
