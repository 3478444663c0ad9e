import JSONTree
package import KubeModel
package import TelemetryAPI

/// What a collector's status is computed from: values only, the time included.
package struct StatusInputs: Sendable, Hashable {
    /// As read at the start of the reconcile.
    package var collector: Collector
    package var settings: OperatorSettings
    package var outcome: Outcome
    /// The workload as it is now; nil for a sidecar, and before the cluster shows it.
    package var workload: ObservedWorkload?
    /// The plan's warnings.
    package var warnings: [String]
    /// RFC 3339, for conditions that change.
    package var now: String

    package enum Outcome: Sendable, Hashable {
        case applied
        /// Rendering, applying or pruning failed.
        case failed(String)
        /// All was applied, but the workload can't be read.
        case workloadUnreadable(String)
    }

    package init(
        collector: Collector,
        settings: OperatorSettings,
        outcome: Outcome,
        workload: ObservedWorkload? = nil,
        warnings: [String] = [],
        now: String
    ) {
        self.collector = collector
        self.settings = settings
        self.outcome = outcome
        self.workload = workload
        self.warnings = warnings
        self.now = now
    }
}

/// What the status of a collector says about its workload.
package struct ObservedWorkload: Sendable, Hashable {
    package var replicas: Int
    package var readyReplicas: Int
    /// Of the first container.
    package var image: String

    package init(replicas: Int, readyReplicas: Int, image: String) {
        self.replicas = replicas
        self.readyReplicas = readyReplicas
        self.image = image
    }

    /// From a Deployment, StatefulSet or DaemonSet.
    package init(_ object: KubeObject) {
        let status = object.status ?? [:]
        let isDaemonSet = object.kind == "DaemonSet"
        self.init(
            replicas: status[int: isDaemonSet ? "desiredNumberScheduled" : "replicas"] ?? 0,
            readyReplicas: status[int: isDaemonSet ? "numberReady" : "readyReplicas"] ?? 0,
            image: object.spec?["template"]?["spec"]?["containers"]?[0]?["image"]?.string ?? ""
        )
    }
}

/// Types and reasons of a collector's conditions.
package enum CollectorCondition {
    package static let ready = "Ready"
    /// The configuration is accepted, but something in it is likely to go wrong.
    package static let configurationWarning = "ConfigurationWarning"
}

/// The status a collector should have (specification section 7.6). Members of the present status that are not decided
/// here stay as they are; write the result only when it differs from that.
package func collectorStatus(_ inputs: StatusInputs) -> CollectorStatus {
    var status = inputs.collector.status
    status.observedGeneration = inputs.collector.metadata.generation
    var report = ConditionReport(status.conditions, inputs.collector.metadata.generation, inputs.now)
    report.set(inputs.outcome)
    if case .failed = inputs.outcome {
        status.conditions = report.conditions
        return status
    }
    if status.version ?? "" == "" { status.version = inputs.settings.versions.collector }
    var scale = status.scale ?? [:]
    if inputs.collector.mode == .sidecar {
        scale["replicas"] = 0
        scale["selector"] = ""
    } else {
        // Only what never changes: the Go operator writes all labels, which select no pod as soon as one is filtered
        // out or the image changes, and then no autoscaler can work.
        scale["selector"] = .string(
            ObjectLabels.selector(inputs.collector.metadata, component: .collector)
                .map { "\($0.key)=\($0.value)" }.sorted().joined(separator: ",")
        )
        if let workload = inputs.workload {
            scale["replicas"] = .int(workload.replicas)
            scale["statusReplicas"] = .string("\(workload.readyReplicas)/\(workload.replicas)")
            if !workload.image.isEmpty { status.image = workload.image }
        }
    }
    status.scale = scale
    report.set(warnings: inputs.warnings)
    status.conditions = report.conditions
    return status
}

/// The conditions that say how it went: the same for every resource.
struct ConditionReport {
    private(set) var conditions: [Condition]
    private let generation: Int?
    private let now: String

    init(_ conditions: [Condition], _ generation: Int?, _ now: String) {
        self.conditions = conditions
        self.generation = generation
        self.now = now
    }

    mutating func set(_ outcome: StatusInputs.Outcome) {
        switch outcome {
        case .failed(let message): self.set(CollectorCondition.ready, .false, "ReconcileError", message)
        case .workloadUnreadable(let message):
            self.set(
                CollectorCondition.ready,
                .false,
                "StatusUpdateFailed",
                "Failed to update status fields: \(message)"
            )
        case .applied: self.set(CollectorCondition.ready, .true, "Reconciled", "Successfully reconciled")
        }
    }

    mutating func set(warnings: [String]) {
        let type = CollectorCondition.configurationWarning
        if !warnings.isEmpty {
            self.set(type, .true, "Findings", warnings.joined(separator: "; "))
        } else if self.conditions.contains(where: { $0.type == type }) {
            self.set(type, .false, "NoFindings", "")
        }
    }

    private mutating func set(_ type: String, _ value: Condition.Status, _ reason: String, _ message: String) {
        self.conditions.set(
            Condition(
                type: type,
                status: value,
                reason: reason,
                // The API's limit, in characters; messages are cut by bytes, which is never more.
                message: String(decoding: message.utf8.prefix(32_768), as: UTF8.self),
                observedGeneration: self.generation,
                lastTransitionTime: self.now
            )
        )
    }
}

/// The status a target allocator should have; see ``collectorStatus(_:)``.
///
/// - Parameter image: what its Deployment runs; `nil` before the cluster shows it.
package func targetAllocatorStatus(
    _ resource: TargetAllocatorResource,
    _ settings: OperatorSettings,
    _ outcome: StatusInputs.Outcome,
    image: String?,
    warnings: [String],
    now: String
) -> TargetAllocatorStatus {
    var status = resource.status
    status.observedGeneration = resource.metadata.generation
    var report = ConditionReport(status.conditions, resource.metadata.generation, now)
    report.set(outcome)
    if case .applied = outcome {
        report.set(warnings: warnings)
        // Of an image of the user's own nobody knows the version.
        if resource.spec.image == nil { status.version = settings.versions.targetAllocator }
        if let image, !image.isEmpty { status.image = image }
    }
    status.conditions = report.conditions
    return status
}
