import CollectorConfig
import JSONTree
package import KubeModel
package import TelemetryAPI

/// Everything a collector's plan may look at: values only.
package struct CollectorInputs: Sendable, Hashable {
    /// As stored; defaulted by the webhook, or by `defaultCollector` where there is none.
    package var collector: Collector
    package var settings: OperatorSettings
    package var facts: ClusterFacts
    /// What the collector owns now; see the head of `Rendering.swift`.
    package var owned: [OwnedObject]
    /// The TargetAllocator named by the collector's label; nil without the label, or when there is no such resource.
    package var targetAllocator: TargetAllocatorFacts?
    /// On OpenShift: the annotations of the collector's namespace, from which a file system group is taken.
    package var namespaceAnnotations: [String: String]
    /// Another field manager scales the workload: leave `spec.replicas` to it.
    package var leavesReplicas: Bool

    package init(
        collector: Collector,
        settings: OperatorSettings = OperatorSettings(),
        facts: ClusterFacts = ClusterFacts(),
        owned: [OwnedObject] = [],
        targetAllocator: TargetAllocatorFacts? = nil,
        namespaceAnnotations: [String: String] = [:],
        leavesReplicas: Bool = false
    ) {
        self.collector = collector
        self.settings = settings
        self.facts = facts
        self.owned = owned
        self.targetAllocator = targetAllocator
        self.namespaceAnnotations = namespaceAnnotations
        self.leavesReplicas = leavesReplicas
    }
}

/// What a collector needs to know of the target allocator it asks.
package struct TargetAllocatorFacts: Sendable, Hashable {
    /// Name of the TargetAllocator resource.
    package var name: String
    package var mutualTLS: TargetAllocatorMutualTLS?

    package init(name: String, mutualTLS: TargetAllocatorMutualTLS? = nil) {
        self.name = name
        self.mutualTLS = mutualTLS
    }

    /// From a TargetAllocator (opentelemetry.io/v1alpha1).
    package init(_ resource: KubeObject) {
        self.init(name: resource.name, mutualTLS: resource.spec?[view: "mtls"])
    }

    var usesMutualTLS: Bool { self.mutualTLS?.isEnabled ?? false }
}

package typealias CollectorPlan = ResourcePlan

/// What the cluster should hold of a resource next. Equal inputs give an equal plan.
package struct ResourcePlan: Sendable, Hashable {
    /// False for `managementState: unmanaged`: nothing is to be done, not even a status written.
    package var isManaged: Bool
    /// To be applied in this order; all members in canonical order, no nulls.
    package var apply: [KubeObject]
    /// To be deleted once everything was applied: owned, but no longer wanted.
    package var prune: [OwnedObject]
    /// To be deleted first (background propagation): workloads of which something changed that can't be changed. They
    /// are not in ``apply``; the plan made after their disappearance holds them again.
    package var recreate: [Recreation]
    /// ConfigMaps of earlier configurations that stay for now (`spec.configVersions`).
    package var retained: [OwnedObject]
    /// What is likely to go wrong, for a condition and an event.
    package var warnings: [String]

    package struct Recreation: Sendable, Hashable {
        package var object: OwnedObject
        /// Which field changed, such as `spec.serviceName`.
        package var reason: String
    }

    package static let unmanaged = ResourcePlan(
        isManaged: false,
        apply: [],
        prune: [],
        recreate: [],
        retained: [],
        warnings: []
    )
}

/// Decides what the cluster should hold of a collector (specification sections 3 and 7).
///
/// Throws when the resource can't be rendered; nothing should be changed or pruned then.
package func plan(_ inputs: CollectorInputs) throws(PlanError) -> CollectorPlan {
    guard inputs.collector.isManaged else { return .unmanaged }
    let context = try CollectorContext(inputs)
    return try ResourcePlan(
        desired: try context.objects(),
        owned: inputs.owned,
        collector: "\(inputs.collector.namespace)/\(inputs.collector.name)",
        // With an autoscaler of its own, the number comes from the resource, which that autoscaler scales.
        followsScaling: inputs.collector.spec.autoscaler?.maxReplicas == nil,
        retained: retainedConfigMaps(inputs.owned, versions: inputs.collector.spec.configVersions),
        warnings: context.warnings + context.autoscalerWarnings
    )
}

extension ResourcePlan {
    /// Compares what is wanted with what is there.
    ///
    /// - Parameters:
    ///   - collector: what cluster-scoped objects name as theirs; `nil` for resources without such objects.
    ///   - followsScaling: whether another field manager may decide how many pods there are.
    ///   - retained: what is not pruned although it is not wanted any more.
    init(
        desired: [KubeObject],
        owned: [OwnedObject],
        collector: String? = nil,
        followsScaling: Bool = true,
        retained: Set<OwnedKey> = [],
        warnings: [String]
    ) throws(PlanError) {
        var desired = desired
        self.init(isManaged: true, apply: [], prune: [], recreate: [], retained: [], warnings: warnings)
        var live: [OwnedKey: OwnedObject] = [:]
        for object in owned { live[OwnedKey(object.reference)] = object }
        for place in desired.indices {
            guard let existing = live[OwnedKey(desired[place].reference)] else { continue }
            if let other = existing.collector, other != collector {
                throw PlanError(
                    .nameTaken,
                    "\(existing.reference.groupVersionKind.kind) \"\(existing.reference.key.name)\" belongs to the collector \(other); give one of the two a shorter name"
                )
            }
            desired[place].keepAppliedMetadata(of: existing)
            if followsScaling, let note = desired[place].leaveReplicas(to: existing) { self.warnings.append(note) }
            if let reason = desired[place].fixedFieldChange(from: existing) {
                self.recreate.append(Recreation(object: existing, reason: reason))
            }
        }

        let recreated = Set(self.recreate.map { OwnedKey($0.object.reference) })
        self.apply = desired.filter { !recreated.contains(OwnedKey($0.reference)) }

        let wanted = Set(desired.map { OwnedKey($0.reference) })
        // `spec.serviceAccount` may name the account that we made as long as it named none.
        let accounts = Set(desired.compactMap { $0.spec?["template"]?["spec"]?["serviceAccountName"]?.string })
        // Another collector's object of a name that was ours: only its own labels made it look like ours.
        let unwanted = owned.filter { object in
            !wanted.contains(OwnedKey(object.reference)) && !object.isDeleting
                && (object.collector == nil || object.collector == collector)
                && !(object.reference.groupVersionKind.kind == "ServiceAccount"
                    && accounts.contains(object.reference.key.name))
        }
        for object in unwanted.sorted(by: { OwnedKey($0.reference) < OwnedKey($1.reference) }) {
            if retained.contains(OwnedKey(object.reference)) {
                self.retained.append(object)
            } else {
                self.prune.append(object)
            }
        }
    }
}

/// The ConfigMaps that pruning leaves alone: the newest `versions` and one more, for the one about to be created
/// (specification section 7.5).
private func retainedConfigMaps(_ owned: [OwnedObject], versions: Int) -> Set<OwnedKey> {
    let configMaps = owned.filter {
        $0.reference.groupVersionKind.group.isEmpty && $0.reference.groupVersionKind.kind == "ConfigMap"
    }
    let newestFirst = configMaps.sorted { left, right in
        left.creationTimestamp == right.creationTimestamp
            ? left.reference.key < right.reference.key : left.creationTimestamp > right.creationTimestamp
    }
    return Set(newestFirst.prefix(min(versions, newestFirst.count) + 1).map { OwnedKey($0.reference) })
}

/// Kind (of whatever version) and key.
struct OwnedKey: Hashable, Comparable {
    var kind: GroupKind
    var key: ObjectKey

    init(_ reference: ObjectReference) {
        self.kind = reference.groupVersionKind.groupKind
        self.key = reference.key
    }

    static func < (left: OwnedKey, right: OwnedKey) -> Bool {
        (left.kind.group, left.kind.kind, left.key) < (right.kind.group, right.kind.kind, right.key)
    }
}
