import JSONTree
import KubeModel

extension Check {
    static func operatorPods(_ facts: CheckFacts) -> [Finding] {
        if facts.deployments.isEmpty {
            if facts.isOutside {
                let url = facts.addresses.compactMap(\.url).first ?? ""
                return [Finding(.ok, "OperatorOutside", url, "the operator runs outside the cluster")]
            }
            if let reason = facts.deploymentsUnreadable {
                return [Finding(.warning, "OperatorUnreadable", "Deployment of the operator", reason)]
            }
            return [
                Finding(
                    .error,
                    "OperatorMissing",
                    "Deployment of the operator",
                    "no Deployment is labelled app.kubernetes.io/name=opentelemetry-operator",
                    remedy: "install it: kubectl apply -f manifests/install.yaml"
                )
            ]
        }
        return facts.deployments.flatMap { deployment -> [Finding] in
            let subject = "Deployment \(deployment.key)"
            let wanted = deployment.spec?[int: "replicas"] ?? 1
            let ready = deployment.status?[int: "readyReplicas"] ?? 0
            let images = Set(
                (deployment.spec?["template"]?["spec"]?["containers"]?.array ?? []).compactMap { $0["image"]?.string }
            ).sorted().joined(separator: ", ")
            let pods = facts.pods.filter { $0.namespace == deployment.namespace }
            if ready >= wanted, wanted > 0 {
                return [Finding(.ok, "OperatorReady", subject, "\(ready) of \(wanted) replicas ready, image \(images)")]
                    + self.mixture(pods, subject)
            }
            let troubles = pods.flatMap(PodTrouble.all)
            let why = troubles.isEmpty ? "" : ": " + self.some(troubles.map(\.description), of: 3)
            return [
                Finding(
                    ready == 0 ? .error : .warning,
                    wanted == 0 ? "OperatorScaledDown" : "OperatorNotReady",
                    subject,
                    "\(ready) of \(wanted) replicas ready, image \(images)\(why)",
                    remedy: wanted == 0
                        ? "kubectl -n \(deployment.namespace) scale deployment \(deployment.name) --replicas=2"
                        : "kubectl -n \(deployment.namespace) describe pods, and their logs"
                )
            ]
        }
    }

    /// Replicas that run different images: an update that stopped half way, or a tag that was moved meanwhile.
    private static func mixture(_ pods: [KubeObject], _ subject: String) -> [Finding] {
        // By container, as a proxy beside the operator is another image in every pod.
        var running: [String: [String: [String]]] = [:]
        for pod in pods where pod.metadata.deletionTimestamp == nil {
            for status in pod.status?["containerStatuses"]?.array ?? [] {
                guard let image = status["imageID"]?.string ?? status["image"]?.string, !image.isEmpty else { continue }
                running[status["name"]?.string ?? "", default: [:]][image, default: []].append(pod.name)
            }
        }
        guard let differing = running.values.first(where: { $0.count > 1 }) else { return [] }
        let told = differing.sorted { $0.key < $1.key }.map {
            "\($0.value.sorted().joined(separator: ", ")): \($0.key)"
        }
        return [
            Finding(
                .warning,
                "OperatorImagesDiffer",
                subject,
                "its replicas run different images: \(self.some(told, of: 3))",
                remedy: "wait for the update to end, or restart it: kubectl rollout restart"
            )
        ]
    }

    static func lease(_ facts: CheckFacts) -> [Finding] {
        switch facts.lease {
        case .unreadable(let reason):
            return [Finding(.warning, "LeaseUnreadable", "Lease of the operator", reason)]
        case .absent:
            if facts.isOutside {
                return [
                    Finding(.ok, "NoLease", "Lease of the operator", "none: a single operator without leader election")
                ]
            }
            return [
                Finding(
                    .error,
                    "NoLeader",
                    "Lease of the operator",
                    "no operator has ever led here",
                    remedy: "look at the operator's log and its permissions on Leases in its namespace"
                )
            ]
        case .found(let lease):
            let subject = "Lease \(lease.key)"
            let holder = lease.spec?[string: "holderIdentity"] ?? ""
            let remedy = "look at whether the operator's pods run, at their logs and permissions on Leases"
            guard !holder.isEmpty else {
                return [
                    Finding(.error, "NoLeader", subject, "nobody holds it, so nothing is reconciled", remedy: remedy)
                ]
            }
            let text = lease.spec?[string: "renewTime"] ?? ""
            guard let renewed = Timestamp(text) else {
                return [Finding(.error, "NoLeader", subject, "\(holder) never renewed it", remedy: remedy)]
            }
            let duration = Duration.seconds(lease.spec?[int: "leaseDurationSeconds"] ?? 15)
            let age = facts.now - renewed
            // Clocks differ a little.
            if age > duration + .seconds(5) {
                return [
                    Finding(
                        .error,
                        "NoLeader",
                        subject,
                        "\(holder) renewed it last at \(text), \(age.components.seconds) s ago, and it lasts \(duration.components.seconds) s",
                        remedy: remedy
                    )
                ]
            }
            return [Finding(.ok, "Leader", subject, "\(holder) leads, renewed at \(text)")]
        }
    }
}
