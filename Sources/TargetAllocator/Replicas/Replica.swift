import JSONTree
package import KubeModel

/// A pod of the allocator itself.
package struct Replica: Sendable, Hashable {
    package var name: String
    /// Empty as long as it has none.
    package var address: String
    /// By the API server's clock, so that all replicas see the same order whatever their own clocks say.
    package var created: Timestamp?
    package var isRunning: Bool
    package var isLeaving: Bool
    /// What made it: kind and name, a ReplicaSet's without the hash of its template. Empty for a pod that nothing made.
    package var workload: String

    package init(
        name: String,
        address: String,
        created: Timestamp? = nil,
        isRunning: Bool = true,
        isLeaving: Bool = false,
        workload: String = ""
    ) {
        self.name = name
        self.address = address
        self.created = created
        self.isRunning = isRunning
        self.isLeaving = isLeaving
        self.workload = workload
    }

    package init(_ pod: KubeObject) {
        var workload = ""
        if let controller = pod.metadata.controller {
            var name = controller.name
            let hash = pod.metadata.labels["pod-template-hash"] ?? ""
            if !hash.isEmpty, name.hasSuffix("-" + hash) { name.removeLast(hash.count + 1) }
            workload = controller.kind + "/" + name
        }
        self.init(
            name: pod.name,
            address: pod.status?[string: "podIP"] ?? "",
            created: pod.metadata.creationTimestamp.flatMap { Timestamp($0) },
            isRunning: pod.status?[string: "phase"] == "Running",
            isLeaving: pod.metadata.isDeleting,
            workload: workload
        )
    }

    /// The labels that other replicas have, too, also those of another version of the same Deployment.
    package static func selector(of pod: KubeObject) -> LabelSelector {
        let labels = pod.metadata.labels
        let usual = ["name", "instance", "component", "part-of", "managed-by"].map { "app.kubernetes.io/" + $0 }
        var chosen = labels.filter { usual.contains($0.key) }
        if chosen["app.kubernetes.io/name"] == nil, chosen["app.kubernetes.io/instance"] == nil {
            let own = [
                "pod-template-hash", "controller-revision-hash", "statefulset.kubernetes.io/pod-name",
                "apps.kubernetes.io/pod-index",
            ]
            chosen = labels.filter { !own.contains($0.key) }
        }
        return LabelSelector(labels: chosen)
    }
}

/// Whom a replica asks for the assignment. The oldest that gives it out decides, the others do as it does: of the same pods
/// each replica makes the same order.
package struct ReplicaOrder: Sendable, Hashable {
    /// Those that decide rather than this one, the first of them first.
    package var elders: [Replica] = []
    /// Those that follow this one, and know what it gave out before its container was started again.
    package var juniors: [Replica] = []

    /// - Parameter name: this replica's. When it is leaving, everybody who stays decides rather than it.
    package init(_ replicas: [Replica], own name: String) {
        guard let own = replicas.first(where: { $0.name == name }) else { return }
        let rank = { (replica: Replica) in (replica.created ?? .distantFuture, replica.name) }
        for other in replicas.sorted(by: { rank($0) < rank($1) }) {
            guard other.name != name, other.workload == own.workload, !other.isLeaving, other.isRunning,
                !other.address.isEmpty
            else { continue }
            if own.isLeaving || rank(other) < rank(own) {
                self.elders.append(other)
            } else {
                self.juniors.append(other)
            }
        }
    }
}

extension Timestamp {
    fileprivate static let distantFuture = Timestamp(seconds: .max / 4)
}
