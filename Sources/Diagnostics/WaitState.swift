import JSONTree
package import KubeModel
import PodInjection

/// How far something has come that somebody waits for.
package enum WaitState: Sendable, Hashable {
    case met(String)
    /// What is still missing, and why.
    case waiting(String)

    package var isMet: Bool {
        if case .met = self { true } else { false }
    }

    package var text: String {
        switch self {
        case .met(let text), .waiting(let text): text
        }
    }

    /// A collector whose newest generation is reconciled and whose pods are ready.
    package static func ready(collector facts: CollectorFacts) -> WaitState {
        if let finding = Check.collector(facts) { return .waiting(finding.message) }
        let text = CollectorReadiness.text(facts.collector)
        return .met(text.isEmpty ? "reconciled" : "\(text) pods ready")
    }

    /// The same for a target allocator.
    package static func ready(targetAllocator facts: AllocatorFacts) -> WaitState {
        if let finding = Check.targetAllocator(facts) { return .waiting(finding.message) }
        let observed = facts.resource.status?[int: "observedGeneration"] ?? 0
        guard observed >= facts.resource.metadata.generation ?? 0 else {
            return .waiting("its newest generation is not observed yet")
        }
        return .met("\(AllocatorReadiness.text(facts)) pods ready")
    }

    /// A workload or pod whose pods are all of the newest generation, and ready.
    package static func ready(_ object: KubeObject, pods: [KubeObject]) -> WaitState {
        if object.kind == "Pod" {
            let troubles = PodTrouble.all(of: object)
            return troubles.isEmpty ? .met("ready") : .waiting(troubles.map(\.description).joined(separator: "; "))
        }
        let status = object.status ?? [:]
        guard status[int: "observedGeneration"] ?? 0 >= object.metadata.generation ?? 0 else {
            return .waiting("its newest generation is not observed yet")
        }
        let isDaemonSet = object.kind == "DaemonSet"
        let wanted =
            isDaemonSet ? status[int: "desiredNumberScheduled"] ?? 0 : object.spec?[int: "replicas"] ?? 1
        let ready = status[int: isDaemonSet ? "numberReady" : "readyReplicas"] ?? 0
        let updated = status[int: isDaemonSet ? "updatedNumberScheduled" : "updatedReplicas"] ?? 0
        let total = isDaemonSet ? wanted : status[int: "replicas"] ?? 0
        if ready >= wanted, updated >= wanted, total <= wanted { return .met("\(ready) of \(wanted) pods ready") }
        let troubles = pods.flatMap(PodTrouble.all).prefix(3).map(\.description)
        let why = troubles.isEmpty ? "" : ": " + troubles.joined(separator: "; ")
        return .waiting("\(ready) of \(wanted) pods ready, \(updated) of the newest generation\(why)")
    }

    /// A workload or pod all of whose pods got what they asked for.
    package static func injected(_ pods: [KubeObject], wanted: Int) -> WaitState {
        let alive = pods.filter { !$0.metadata.isDeleting }
        var injected = 0
        var reasons: [String] = []
        for pod in alive {
            let stamp = InjectionStamp(parsing: pod.metadata.annotations[InjectionStamp.annotation] ?? "")
            let refusals = stamp.entries.filter { ReasonCode(rawValue: $0.code).isRefusal }
            if refusals.isEmpty, stamp.entries.contains(where: { $0.code == ReasonCode.injected.rawValue }) {
                injected += 1
                continue
            }
            let reason =
                refusals.first.map { "\($0.subject) \($0.code)" + ($0.message.isEmpty ? "" : ": \($0.message)") }
                ?? "the webhook was not asked, or nothing was asked of it"
            if reasons.count < 3 { reasons.append("pod \(pod.name): \(reason)") }
        }
        if injected >= wanted, injected == alive.count, injected > 0 { return .met("\(injected) pods injected") }
        if alive.isEmpty { return .waiting("there are no pods yet") }
        let why = reasons.isEmpty ? "" : ": " + reasons.joined(separator: "; ")
        return .waiting("\(injected) of \(max(wanted, alive.count)) pods injected\(why)")
    }

    private static let notOfTheOperator: Set<String> = [
        "CollectorNotReady", "CollectorNotReconciled", "CollectorNotSeen", "OperatorPermissionMissing",
        "TargetAllocatorNotReady", "TargetAllocatorNotReconciled", "TargetAllocatorNotSeen",
    ]

    /// An operator of which nothing that is needed to serve is wrong.
    package static func ready(operatorFindings findings: [Finding]) -> WaitState {
        let errors = findings.filter { $0.severity == .error && !self.notOfTheOperator.contains($0.code) }
        guard let first = errors.first else { return .met("it leads, and the API server reaches its webhooks") }
        return .waiting("\(first.code): \(first.subject): \(first.message)")
    }
}
