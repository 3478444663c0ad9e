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
    var conditions = status.conditions
    func set(_ type: String, _ value: Condition.Status, _ reason: String, _ message: String) {
        conditions.set(
            Condition(
                type: type,
                status: value,
                reason: reason,
                // The API's limit, in characters; messages are cut by bytes, which is never more.
                message: String(decoding: message.utf8.prefix(32_768), as: UTF8.self),
                observedGeneration: inputs.collector.metadata.generation,
                lastTransitionTime: inputs.now
            )
        )
    }
    switch inputs.outcome {
    case .failed(let message):
        set(CollectorCondition.ready, .false, "ReconcileError", message)
        status.conditions = conditions
        return status
    case .workloadUnreadable(let message):
        set(CollectorCondition.ready, .false, "StatusUpdateFailed", "Failed to update status fields: \(message)")
    case .applied:
        set(CollectorCondition.ready, .true, "Reconciled", "Successfully reconciled")
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
    if !inputs.warnings.isEmpty {
        set(CollectorCondition.configurationWarning, .true, "Findings", inputs.warnings.joined(separator: "; "))
    } else if conditions.contains(where: { $0.type == CollectorCondition.configurationWarning }) {
        set(CollectorCondition.configurationWarning, .false, "NoFindings", "")
    }
    status.conditions = conditions
    return status
}
