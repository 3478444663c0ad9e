import JSONTree
import KubeModel
import TelemetryAPI

extension Check {
    static func targetAllocators(_ facts: CheckFacts) -> [Finding] {
        var findings: [Finding] = []
        var ready = 0
        for allocator in facts.targetAllocators {
            if let finding = self.targetAllocator(allocator) {
                findings.append(facts.unlessUnwatched(finding, allocator.resource, "TargetAllocatorNotWatched"))
            } else {
                ready += 1
            }
            findings += self.use(of: allocator, facts)
        }
        guard ready > 0 else { return findings }
        let text = "\(ready) of \(facts.targetAllocators.count) ready"
        return [Finding(.ok, "TargetAllocatorsReady", "target allocators", text)] + findings
    }

    /// Why a target allocator is not ready; `nil` when it is.
    package static func targetAllocator(_ facts: AllocatorFacts) -> Finding? {
        let resource = TargetAllocatorResource(facts.resource.json)
        guard resource.isManaged, !resource.metadata.isDeleting else { return nil }
        let subject = self.subject(facts.resource)
        let conditions = resource.status.conditions
        if let ready = conditions.first(where: { $0.type == "Ready" && $0.status == .false }) {
            return Finding(
                .error,
                "TargetAllocatorNotReconciled",
                subject,
                "\(ready.reason): \(ready.message)",
                remedy: "mend the resource as the message says"
            )
        }
        guard let deployment = facts.deployment, resource.status.observedGeneration != nil else {
            return Finding(
                .error,
                "TargetAllocatorNotSeen",
                subject,
                "no operator has looked at it",
                remedy: "see the findings on the operator and its leader; it may watch other namespaces only"
            )
        }
        let (ready, wanted) = AllocatorReadiness.replicas(facts)
        if ready >= wanted { return nil }
        let rights = facts.missingRights.isEmpty ? "" : "; " + self.some(facts.missingRights, of: 4)
        let warnings = conditions.filter { $0.type == "ConfigurationWarning" && $0.status == .true }.map(\.message)
        return Finding(
            .error,
            "TargetAllocatorNotReady",
            subject,
            "\(ready) of \(wanted) pods ready" + warnings.map { "; \($0)" }.joined() + rights
                + self.reasons(facts.pods, facts.events),
            remedy: rights.isEmpty
                ? "kubectl -n \(deployment.namespace) logs deployment/\(deployment.name)"
                : "grant its account what docs/target-allocator-resource.md lists"
        )
    }

    /// What keeps it from being of use, ready or not.
    private static func use(of allocator: AllocatorFacts, _ facts: CheckFacts) -> [Finding] {
        let resource = TargetAllocatorResource(allocator.resource.json)
        guard resource.isManaged, !resource.metadata.isDeleting else { return [] }
        let subject = self.subject(allocator.resource)
        var findings: [Finding] = []
        if allocator.collectors.isEmpty {
            findings.append(
                Finding(
                    .warning,
                    "TargetAllocatorUnused",
                    subject,
                    "it hands out targets for no collector",
                    remedy:
                        "give a collector of its namespace the label \(Collector.targetAllocatorLabel): \(resource.name)"
                )
            )
        }
        let followed = resource.spec.prometheusCR.followedKinds
        let missing = followed.filter(facts.missingPrometheusKinds.contains)
        if !missing.isEmpty {
            findings.append(
                Finding(
                    .warning,
                    "PrometheusKindsMissing",
                    subject,
                    "it is to follow \(missing.joined(separator: ", ")), which the cluster does not serve",
                    remedy: "install the definitions of the Prometheus operator (monitoring.coreos.com)"
                )
            )
        }
        return findings
    }

    private static func subject(_ resource: KubeObject) -> String { "TargetAllocator \(resource.key)" }
}

/// How many pods of a target allocator are ready, as its Deployment says.
package enum AllocatorReadiness {
    package static func replicas(_ facts: AllocatorFacts) -> (ready: Int, wanted: Int) {
        let wanted = TargetAllocatorResource(facts.resource.json).spec.replicas ?? 1
        guard let deployment = facts.deployment else { return (0, wanted) }
        return (
            deployment.status?[int: "readyReplicas"] ?? 0, max(wanted, deployment.spec?[int: "replicas"] ?? 1)
        )
    }

    static func text(_ facts: AllocatorFacts) -> String {
        let (ready, wanted) = self.replicas(facts)
        return "\(ready)/\(wanted)"
    }
}
