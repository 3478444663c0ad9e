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
    /// ReplicaSets and Jobs whose own owners could not be read: what belongs to them is named incompletely.
    private(set) var unread: [String] = []

    /// Owners own each other two deep in practice. Whoever makes a pod says what owns it, as often as he likes: neither a
    /// cycle nor a crowd of owners must keep us, or the API server that is asked for each, busy.
    private static let maximumLookups = 8
    private static let maximumDepth = 4
    /// The owners that were looked at, or are to be.
    private var looked: [InjectionLookup] = []

    /// What it was made from, for what few pods need.
    private let references: [ParsedPod.Owner]
    private let namespace: String
    private let answers: LookupAnswers

    private struct Reference {
        var kind: String
        var name: String
        var uid: String
    }

    /// - Parameter need: called for each lookup that has no answer yet.
    init(
        _ owners: [ParsedPod.Owner],
        namespace: String,
        _ answers: LookupAnswers,
        need: (InjectionLookup) -> Void = { _ in }
    ) {
        self.references = owners
        self.namespace = namespace
        self.answers = answers
        for owner in owners { self.add(Reference(kind: owner.kind, name: owner.name, uid: owner.uid), need) }
    }

    /// The workload that people know, the outermost controller as far as it could be found out: pod, ReplicaSet,
    /// Deployment or whatever makes ReplicaSets; pod, Job, CronJob.
    var workload: ObjectReference? {
        guard var current = self.references.first(where: \.isController) ?? self.references.first,
            !current.name.isEmpty
        else { return nil }
        for _ in 0..<Self.maximumDepth {
            guard let next = Self.keys(current.kind)?.next,
                case .owners(let references)? = self.answers[
                    .owners(next, ObjectKey(namespace: self.namespace, name: current.name))
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
            ObjectKey(namespace: self.namespace, name: current.name),
            uid: current.uid
        )
    }

    private mutating func add(_ owner: Reference, _ need: (InjectionLookup) -> Void) {
        guard let kind = Self.keys(owner.kind) else { return }
        if owner.name.isEmpty { return }
        self.owners.append(Owner(nameKey: kind.name, name: owner.name, uidKey: kind.uid, uid: owner.uid))
        guard let next = kind.next else { return }
        let lookup = InjectionLookup.owners(next, ObjectKey(namespace: self.namespace, name: owner.name))
        guard self.looked.count < Self.maximumLookups, !self.looked.contains(lookup) else { return }
        self.looked.append(lookup)
        switch self.answers[lookup] {
        case .owners(let references)?:
            for reference in references {
                let further = Reference(kind: reference.kind, name: reference.name, uid: reference.uid)
                self.add(further, need)
            }
        case nil: need(lookup)
        default: self.unread.append("\(next.rawValue) \(owner.name)")
        }
    }

    /// Specification section 8.4: the first ReplicaSet that could be read and its first Deployment, both of an
    /// exact kind. Name and uid of an owner reference are
    /// those of the object, so the Deployment itself need not be read.
    var ownersForSidecar: [Owner] {
        guard let set = self.references.first(where: { $0.kind == "ReplicaSet" }), let keys = Self.keys(set.kind)
        else { return [] }
        let lookup = InjectionLookup.owners(.replicaSet, ObjectKey(namespace: self.namespace, name: set.name))
        guard case .owners(let references)? = self.answers[lookup] else { return [] }
        var found = [Owner(nameKey: keys.name, name: set.name, uidKey: keys.uid, uid: set.uid)]
        if let deployment = references.first(where: { $0.kind == "Deployment" }), let keys = Self.keys(deployment.kind)
        {
            found.append(
                Owner(nameKey: keys.name, name: deployment.name, uidKey: keys.uid, uid: deployment.uid)
            )
        }
        return found
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
