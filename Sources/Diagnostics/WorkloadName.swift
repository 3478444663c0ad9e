package import KubeModel

/// What a pod belongs to, as far as its own metadata tell.
package struct WorkloadName: Sendable, Hashable, Comparable {
    package var namespace: String
    package var kind: String
    package var name: String

    /// A ReplicaSet that carries the hash of a pod template is a Deployment's.
    package init(of pod: KubeObject) {
        self.namespace = pod.namespace
        self.kind = "Pod"
        self.name = pod.name.isEmpty ? (pod.metadata.generateName ?? "") : pod.name
        guard let owner = pod.metadata.controller else { return }
        self.kind = owner.kind
        self.name = owner.name
        if owner.kind == "ReplicaSet", let hash = pod.metadata.labels["pod-template-hash"],
            owner.name.hasSuffix("-\(hash)")
        {
            self.kind = "Deployment"
            self.name = String(owner.name.dropLast(hash.count + 1))
        }
    }

    /// `deployment/shop`, as kubectl takes it.
    package var text: String { "\(self.kind.lowercased())/\(self.name)" }

    package static func < (left: WorkloadName, right: WorkloadName) -> Bool {
        (left.namespace, left.kind, left.name) < (right.namespace, right.kind, right.name)
    }
}
