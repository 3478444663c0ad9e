package import JSONTree
package import KubeModel
import PodInjection
import TelemetryAPI

/// What of us is in a cluster, as tables: collectors, target allocators, instrumented workloads, pods that were missed, Instrumentations.
package struct StatusReport: Sendable {
    package private(set) var collectors = Table(
        "Collectors",
        ["NAMESPACE", "NAME", "MODE", "VERSION", "READY", "IMAGE", "CONDITION"]
    )
    package private(set) var targetAllocators = Table(
        "Target allocators",
        ["NAMESPACE", "NAME", "STRATEGY", "VERSION", "READY", "COLLECTORS", "IMAGE", "CONDITION"]
    )
    package private(set) var workloads = Table(
        "Instrumented workloads",
        ["NAMESPACE", "WORKLOAD", "ASKED FOR", "INJECTED", "NOT INJECTED", "REASONS"]
    )
    package private(set) var missed = Table("Pods missed", ["NAMESPACE", "WORKLOAD", "PODS", "REASON"])
    package private(set) var instrumentations = Table(
        "Instrumentations",
        ["NAMESPACE", "NAME", "INJECTED", "REFUSED", "REASONS", "LAST"]
    )

    /// - Parameter pods: metadata are enough.
    package init(
        collectors: [KubeObject],
        targetAllocators: [AllocatorFacts] = [],
        pods: [KubeObject],
        missed: [MissedWorkload],
        instrumentations: [KubeObject]
    ) {
        for collector in collectors.sorted(by: { $0.key < $1.key }) {
            self.collectors.add(
                collector.namespace,
                collector.name,
                Collector(collector.json).mode?.rawValue ?? collector.spec?[string: "mode"] ?? "",
                collector.status?[string: "version"] ?? "",
                CollectorReadiness.text(collector),
                collector.status?[string: "image"] ?? collector.spec?[string: "image"] ?? "",
                Self.condition(collector, isManaged: Collector(collector.json).isManaged)
            )
        }
        for allocator in targetAllocators.sorted(by: { $0.resource.key < $1.resource.key }) { self.add(allocator) }
        for (name, tally) in WorkloadTally.all(pods).sorted(by: { $0.key < $1.key }) {
            self.workloads.add(
                name.namespace,
                name.text,
                tally.subjects.sorted().joined(separator: ","),
                String(tally.injected),
                String(tally.refused),
                Self.counts(tally.reasons)
            )
        }
        for one in missed {
            self.missed.add(one.namespace, one.workload, String(one.pods), ReasonCode.webhookNotAsked.rawValue)
        }
        for instrumentation in instrumentations.sorted(by: { $0.key < $1.key }) { self.add(instrumentation) }
    }

    private mutating func add(_ allocator: AllocatorFacts) {
        let resource = TargetAllocatorResource(allocator.resource.json)
        self.targetAllocators.add(
            resource.namespace,
            resource.name,
            resource.spec.allocationStrategy ?? "consistent-hashing",
            resource.status.version ?? "",
            AllocatorReadiness.text(allocator),
            allocator.collectors.joined(separator: ","),
            resource.status.image ?? resource.spec.image ?? "",
            Self.condition(allocator.resource, isManaged: resource.isManaged)
        )
    }

    private mutating func add(_ instrumentation: KubeObject) {
        let counts = InstrumentationStatus(instrumentation.status ?? [:]).injections
        var reasons: [String: Int] = [:]
        var injected = 0
        for count in counts {
            if count.reason == ReasonCode.injected.rawValue {
                injected += count.count
            } else if ReasonCode(rawValue: count.reason).isRefusal {
                reasons[count.reason, default: 0] += count.count
            }
        }
        self.instrumentations.add(
            instrumentation.namespace,
            instrumentation.name,
            String(injected),
            String(reasons.values.reduce(0, +)),
            Self.counts(reasons),
            counts.map(\.lastTime).max() ?? ""
        )
    }

    /// The condition that matters: what is not well, or that it is ready.
    private static func condition(_ resource: KubeObject, isManaged: Bool) -> String {
        if !isManaged { return "Unmanaged" }
        let conditions: [Condition] = resource.status?[views: "conditions"] ?? []
        if let ready = conditions.first(where: { $0.type == "Ready" }) {
            if ready.status != .true { return "\(ready.reason): \(ready.message.prefix(80))" }
            let warned = conditions.contains { $0.type == "ConfigurationWarning" && $0.status == .true }
            return warned ? "\(ready.reason), ConfigurationWarning" : ready.reason
        }
        return "not seen by an operator"
    }

    /// `NotFound (3), Other (1)`.
    private static func counts(_ reasons: [String: Int]) -> String {
        reasons.sorted { $0.key < $1.key }.map { "\($0.key) (\($0.value))" }.joined(separator: ", ")
    }

    package func text(_ paint: Paint) -> String {
        [self.collectors, self.targetAllocators, self.workloads, self.missed, self.instrumentations]
            .map { $0.text(paint) }.joined(separator: "\n")
    }

    package var json: JSONObject {
        [
            "collectors": self.collectors.json, "targetAllocators": self.targetAllocators.json,
            "workloads": self.workloads.json, "missed": self.missed.json,
            "instrumentations": self.instrumentations.json,
        ]
    }
}

/// What became of the pods of a workload that asked for something, as their stamps say.
package struct WorkloadTally: Sendable, Hashable {
    /// Languages, and `sidecar`.
    package private(set) var subjects: Set<String> = []
    /// Pods that got all that they asked for.
    package private(set) var injected = 0
    /// Pods that did not.
    package private(set) var refused = 0
    package private(set) var reasons: [String: Int] = [:]

    package static func all(_ pods: [KubeObject]) -> [WorkloadName: WorkloadTally] {
        var tallies: [WorkloadName: WorkloadTally] = [:]
        for pod in pods {
            guard !pod.metadata.isDeleting, let text = pod.metadata.annotations[InjectionStamp.annotation] else {
                continue
            }
            let stamp = InjectionStamp(parsing: text)
            if !stamp.entries.isEmpty { tallies[WorkloadName(of: pod), default: WorkloadTally()].add(stamp) }
        }
        return tallies
    }

    private mutating func add(_ stamp: InjectionStamp) {
        var isRefused = false
        for entry in stamp.entries {
            if entry.subject != "pod" { self.subjects.insert(entry.subject) }
            guard ReasonCode(rawValue: entry.code).isRefusal else { continue }
            isRefused = true
            self.reasons[entry.code, default: 0] += 1
        }
        if isRefused { self.refused += 1 } else { self.injected += 1 }
    }
}
