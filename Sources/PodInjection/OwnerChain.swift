import KubeModel
import TelemetryAPI

/// The workload that a pod belongs to, as resource attributes name it (specification section 6.2). Resolved once per
/// request and shared by all languages, containers and the sidecar (sharp edge 14).
struct OwnerChain: Sendable {
    struct Owner: Sendable {
        var nameKey: String
        var name: String
        var uidKey: String
        var uid: String
    }

    /// In the order of discovery; a later one of a kind overrides an earlier one.
    private(set) var owners: [Owner] = []
    /// For the sidecar: only owners of an exact kind, and only those that could be read.
    private(set) var readReplicaSet: Owner?
    private(set) var readDeployment: Owner?
    /// ReplicaSets and Jobs whose own owners could not be read: what belongs to them is named incompletely.
    private(set) var unread: [String] = []

    /// Owners own each other two deep in practice. Whoever makes a pod says what owns it, as often as he likes: neither a
    /// cycle nor a crowd of owners must keep us, or the API server that is asked for each, busy.
    private static let maximumLookups = 8
    private static let maximumDepth = 4
    /// The owners that were looked at, or are to be.
    private var looked: [InjectionLookup] = []

    /// The workload that people know: the outermost controller as far as it could be found out.
    private(set) var workload: ObjectReference?

    private struct Reference {
        var kind: String
        var name: String
        var uid: String
    }

    init(_ owners: [ParsedPod.Owner], namespace: String, _ answers: LookupAnswers) {
        for owner in owners {
            self.add(Reference(kind: owner.kind, name: owner.name, uid: owner.uid), namespace, answers, { _ in })
        }
        self.readForSidecar(owners, namespace, answers)
        self.workload = Self.workload(owners.first(where: \.isController) ?? owners.first, namespace, answers)
    }

    /// Follows the controllers outwards: pod, ReplicaSet, Deployment or whatever makes ReplicaSets; pod, Job, CronJob.
    private static func workload(
        _ owner: ParsedPod.Owner?,
        _ namespace: String,
        _ answers: LookupAnswers
    ) -> ObjectReference? {
        guard var current = owner, !current.name.isEmpty else { return nil }
        for _ in 0..<Self.maximumDepth {
            guard let next = Self.keys(current.kind)?.next,
                case .owners(let references)? = answers[
                    .owners(next, ObjectKey(namespace: namespace, name: current.name))
                ],
                let outer = references.first(where: \.isController) ?? references.first, !outer.name.isEmpty
            else { break }
            current = ParsedPod.Owner(
                apiVersion: outer.apiVersion,
                kind: outer.kind,
                name: outer.name,
                uid: outer.uid,
                isController: outer.isController
            )
        }
        return ObjectReference(
            GroupVersionKind(apiVersion: current.apiVersion, kind: current.kind),
            ObjectKey(namespace: namespace, name: current.name),
            uid: current.uid
        )
    }

    /// The lookups that the chain needs and has no answer for yet.
    static func lookups(
        _ owners: [ParsedPod.Owner],
        namespace: String,
        _ answers: LookupAnswers
    ) -> [InjectionLookup] {
        var missing: [InjectionLookup] = []
        var chain = OwnerChain()
        for owner in owners {
            let reference = Reference(kind: owner.kind, name: owner.name, uid: owner.uid)
            chain.add(reference, namespace, answers) { missing.append($0) }
        }
        return missing
    }

    private init() {}

    private mutating func add(
        _ owner: Reference,
        _ namespace: String,
        _ answers: LookupAnswers,
        _ need: (InjectionLookup) -> Void
    ) {
        guard let kind = Self.keys(owner.kind) else { return }
        if owner.name.isEmpty { return }
        self.owners.append(Owner(nameKey: kind.name, name: owner.name, uidKey: kind.uid, uid: owner.uid))
        guard let next = kind.next else { return }
        let lookup = InjectionLookup.owners(next, ObjectKey(namespace: namespace, name: owner.name))
        guard self.looked.count < Self.maximumLookups, !self.looked.contains(lookup) else { return }
        self.looked.append(lookup)
        switch answers[lookup] {
        case .owners(let references)?:
            for reference in references {
                let further = Reference(kind: reference.kind, name: reference.name, uid: reference.uid)
                self.add(further, namespace, answers, need)
            }
        case nil: need(lookup)
        default: self.unread.append("\(next.rawValue) \(owner.name)")
        }
    }

    /// Specification section 8.4: the first ReplicaSet and its first Deployment. Name and uid of an owner reference are
    /// those of the object, so the Deployment itself need not be read.
    private mutating func readForSidecar(
        _ owners: [ParsedPod.Owner],
        _ namespace: String,
        _ answers: LookupAnswers
    ) {
        guard let set = owners.first(where: { $0.kind == "ReplicaSet" }), let keys = Self.keys(set.kind) else { return }
        let lookup = InjectionLookup.owners(.replicaSet, ObjectKey(namespace: namespace, name: set.name))
        guard case .owners(let references)? = answers[lookup] else { return }
        self.readReplicaSet = Owner(nameKey: keys.name, name: set.name, uidKey: keys.uid, uid: set.uid)
        if let deployment = references.first(where: { $0.kind == "Deployment" }), let keys = Self.keys(deployment.kind)
        {
            self.readDeployment = Owner(
                nameKey: keys.name,
                name: deployment.name,
                uidKey: keys.uid,
                uid: deployment.uid
            )
        }
    }

    private static func keys(_ kind: String) -> (name: String, uid: String, next: OwnerKind?)? {
        if kind.equalsIgnoringCase("replicaset") { return ("k8s.replicaset.name", "k8s.replicaset.uid", .replicaSet) }
        if kind.equalsIgnoringCase("deployment") { return ("k8s.deployment.name", "k8s.deployment.uid", nil) }
        if kind.equalsIgnoringCase("statefulset") { return ("k8s.statefulset.name", "k8s.statefulset.uid", nil) }
        if kind.equalsIgnoringCase("daemonset") { return ("k8s.daemonset.name", "k8s.daemonset.uid", nil) }
        if kind.equalsIgnoringCase("job") { return ("k8s.job.name", "k8s.job.uid", .job) }
        if kind.equalsIgnoringCase("cronjob") { return ("k8s.cronjob.name", "k8s.cronjob.uid", nil) }
        return nil
    }
}
