import JSONTree
package import KubeModel
import TelemetryAPI

extension Check {
    static func collectors(_ facts: CheckFacts) -> [Finding] {
        if let reason = facts.collectorsUnreadable {
            return [Finding(.warning, "CollectorsUnreadable", "collectors", reason)]
        }
        let findings = facts.collectors.compactMap { collector in
            self.collector(collector).map { facts.unlessUnwatched($0, collector.collector, "CollectorNotWatched") }
        }
        let ready = facts.collectors.count - findings.count
        guard ready > 0 else { return findings }
        return [Finding(.ok, "CollectorsReady", "collectors", "\(ready) of \(facts.collectors.count) ready")] + findings
    }

    /// Why a collector is not ready; `nil` when it is.
    package static func collector(_ facts: CollectorFacts) -> Finding? {
        let collector = Collector(facts.collector.json)
        let subject = "OpenTelemetryCollector \(facts.collector.key)"
        if !collector.isManaged { return nil }
        let conditions: [Condition] = facts.collector.status?[views: "conditions"] ?? []
        if let ready = conditions.first(where: { $0.type == "Ready" && $0.status == .false }) {
            return Finding(
                .error,
                "CollectorNotReconciled",
                subject,
                "\(ready.reason): \(ready.message)",
                remedy: "mend the resource as the message says"
            )
        }
        if facts.collector.status?[string: "version"] == nil {
            return Finding(
                .error,
                "CollectorNotSeen",
                subject,
                "no operator has looked at it",
                remedy: "see the findings on the operator and its leader; it may watch other namespaces only"
            )
        }
        if collector.mode == .sidecar { return nil }
        let (ready, wanted) = CollectorReadiness.replicas(facts.collector)
        if ready >= wanted { return nil }
        return Finding(
            .error,
            "CollectorNotReady",
            subject,
            "\(ready) of \(wanted) pods ready" + self.reasons(facts.pods, facts.events),
            remedy:
                "kubectl -n \(facts.collector.namespace) describe pods -l app.kubernetes.io/instance=\(facts.collector.namespace).\(facts.collector.name)"
        )
    }

    /// The first few things that pods and Events complain of, after a colon.
    static func reasons(_ pods: [KubeObject], _ events: [KubeObject]) -> String {
        let troubles = pods.flatMap(PodTrouble.all).map(\.description)
        let told = events.map { event in
            let name = event.json["involvedObject"]?["name"]?.string ?? event.json["regarding"]?["name"]?.string ?? ""
            let message = event.json[string: "message"] ?? event.json[string: "note"] ?? ""
            return "event \(event.json[string: "reason"] ?? "") of \(name): \(message.prefix(200))"
        }
        let reasons = (troubles + told).prefix(4)
        return reasons.isEmpty ? "; no pod and no event says why" : ": " + reasons.joined(separator: "; ")
    }

    static func missed(_ facts: CheckFacts) -> [Finding] {
        switch facts.missed {
        case .absent: []
        case .unreadable(let reason):
            [Finding(.warning, "PodsMissedUnknown", "pods that ask for injection", reason)]
        case .found(let missed) where missed.isEmpty:
            [Finding(.ok, "NoPodsMissed", "pods that ask for injection", "all were answered by the webhook")]
        case .found(let missed):
            missed.map {
                Finding(
                    .warning,
                    "PodsMissed",
                    "\($0.workload) in namespace \($0.namespace)",
                    "\($0.pods) pods ask for injection and were created while the webhook was not asked",
                    remedy: "create them anew, such as with kubectl rollout restart"
                )
            }
        }
    }
}

extension CheckFacts {
    /// A finding about a resource; where the operator does not look, that is all there is to tell.
    func unlessUnwatched(_ finding: Finding, _ resource: KubeObject, _ code: String) -> Finding {
        let watched = self.deployments.map(OperatorNamespaces.watched)
        // An operator that watches all namespaces is among them, or nothing tells what is watched.
        guard !watched.isEmpty, watched.allSatisfy({ !$0.isEmpty }) else { return finding }
        let namespaces = Set(watched.joined())
        if namespaces.contains(resource.namespace) { return finding }
        return Finding(
            .warning,
            code,
            finding.subject,
            "the operator watches only \(Check.some(namespaces.sorted()))",
            remedy: "if Swiftlet is to reconcile it, add its namespace to the operator's --watch-namespace"
        )
    }
}

/// How many pods of a collector are ready, as its status says.
package enum CollectorReadiness {
    package static func replicas(_ collector: KubeObject) -> (ready: Int, wanted: Int) {
        let text = collector.status?["scale"]?["statusReplicas"]?.string ?? ""
        let parts = text.split(separator: "/").compactMap { Int($0) }
        let wanted = Collector(collector.json).mode == .daemonset ? nil : collector.spec?[int: "replicas"]
        guard parts.count == 2 else { return (0, wanted ?? 1) }
        return (parts[0], max(parts[1], wanted ?? 0))
    }

    package static func text(_ collector: KubeObject) -> String {
        if Collector(collector.json).mode == .sidecar { return "" }
        let (ready, wanted) = self.replicas(collector)
        return "\(ready)/\(wanted)"
    }
}
