import Crypto
import JSONTree
package import KubeClient
package import KubeModel
import Rendering
import Synchronization

/// Makes the cluster hold an object, and writes nothing when it already does.
package struct ApplyEngine: Sendable {
    /// Our name as a field manager of server-side apply.
    package static let fieldManager = "swiftlet"
    /// The Go operator's.
    package static let predecessor = "manager"

    private let client: KubeClient
    private let verified: VerifiedObjects
    /// Whether the server's apply puts elements of lists where they are wanted (``ListOrder``).
    private let keepsOrder: Bool
    private let unseen = UnseenWrites()

    /// - Parameter keepsOrder: whether the server is of Kubernetes 1.24 or newer; otherwise a dry run tells before a pod
    ///   template changes.
    package init(client: KubeClient, verified: VerifiedObjects, keepsOrder: Bool = false) {
        self.client = client
        self.verified = verified
        self.keepsOrder = keepsOrder
    }

    package enum Outcome: Sendable, Hashable {
        case unchanged
        case created
        case updated
        /// Was another operator's, whose fields are ours from now on.
        case adopted
    }

    /// - Parameters:
    ///   - wanted: the object as rendered.
    ///   - existing: what a store holds of it, `nil` when there is none.
    /// - Throws: `APIError`.
    package func apply(
        _ wanted: KubeObject,
        _ resource: APIResource,
        existing: OwnedRecord?
    ) async throws -> Outcome {
        var wanted = wanted
        // A plan keeps what was applied before, and that is one such mark: it must not count as wanted.
        wanted.metadata.annotations[OwnedRecord.hashAnnotation] = nil
        wanted.metadata.labels[OwnedRecord.hashAnnotation] = nil
        let hash = Self.hash(wanted)
        let place = OwnedRecord.marksWithLabel(resource) ? "labels" : "annotations"
        wanted.metadata.json.mutateObject(place) { $0[string: OwnedRecord.hashAnnotation] = hash }
        let key = UnseenWrites.Key(kind: resource.groupKind, object: wanted.key)
        if let existing, self.isRight(wanted, hash, existing) { return .unchanged }
        if self.unseen.contains(key, hash: hash, existing) { return .unchanged }
        var isAdopted = false
        if let existing, existing.appliedHash == nil || existing.isWrittenByPredecessor {
            isAdopted = try await self.takeOver(wanted, resource)
        }
        let written: KubeObject
        do {
            if existing != nil, let ordering = try await self.ordering(wanted, resource) {
                written = try await self.applyOver(ordering, wanted, resource)
            } else {
                written = try await self.client.apply(wanted, resource, fieldManager: Self.fieldManager)
            }
        } catch let error as APIError where error.isInvalid && existing != nil {
            written = try await self.replace(wanted, resource, refusal: error)
        }
        APIWrites.count(resource.kind, Self.reason(hash, existing))
        self.remember(written, resource, hash)
        self.unseen.add(key, hash: hash, over: existing, written: written.metadata.resourceVersion ?? "")
        if isAdopted { return .adopted }
        return existing == nil ? .created : .updated
    }

    /// A store has shown a change of an object: what it holds now counts.
    package func observed(_ kind: GroupKind, _ key: ObjectKey, _ record: OwnedRecord?) {
        self.unseen.observed(UnseenWrites.Key(kind: kind, object: key), record)
    }

    /// Takes the fields of an object over from the Go operator, which wrote it: before we write it first, and again when it
    /// was handed back in between.
    ///
    /// - Returns: whether there was something to take over.
    private func takeOver(_ wanted: KubeObject, _ resource: APIResource) async throws -> Bool {
        let namespace = resource.isNamespaced ? wanted.namespace : nil
        let live: KubeObject
        do {
            live = try await self.client.get(resource, namespace: namespace, name: wanted.name)
        } catch let error as APIError where error.isNotFound {
            return false
        }
        let entries = live.metadata.json[array: "managedFields"] ?? []
        guard
            let entries = ManagedFields.handedOver(entries, from: Self.predecessor, to: Self.fieldManager),
            let version = live.metadata.resourceVersion
        else { return false }
        // The version makes it a conflict, and so another try, when somebody else writes meanwhile.
        try await self.client.patch(
            resource,
            namespace: namespace,
            name: wanted.name,
            .merge(["metadata": ["managedFields": .array(entries), "resourceVersion": .string(version)]]),
            options: WriteOptions(fieldManager: Self.fieldManager)
        )
        return true
    }

    /// Puts our lists in place of what is there, for an object of which the server refuses the apply.
    ///
    /// Elements of lists are told apart by some of their members, and others have to be unique as well: when somebody gives
    /// a port of a Service another number, an apply brings ours back beside it, under the same name, and is refused for
    /// ever. A merge patch replaces lists whole. What is wanted and invalid by itself is refused again and nothing happens.
    private func replace(_ wanted: KubeObject, _ resource: APIResource, refusal: APIError) async throws -> KubeObject {
        guard let spec = wanted.replacementSpec else { throw refusal }
        do {
            return try await self.applyOver(.merge(["spec": .object(spec)]), wanted, resource)
        } catch let error as APIError where error.isInvalid {
            throw refusal
        }
    }

    /// What an apply would give, with the lists of the pod template in order; `nil` when the apply alone does that.
    ///
    /// The template is written once: a second change of it would be a second rollout.
    private func ordering(_ wanted: KubeObject, _ resource: APIResource) async throws -> PatchBody? {
        guard !self.keepsOrder, let template = wanted.spec?[object: "template"] else { return nil }
        let outcome = try await self.client.apply(
            wanted,
            resource,
            fieldManager: Self.fieldManager,
            options: WriteOptions(dryRun: true)
        )
        guard let ordered = outcome.spec?[object: "template"].flatMap({ ListOrder.restored($0, as: template) }),
            let version = outcome.metadata.resourceVersion
        else { return nil }
        // The version makes it a conflict, and so another try, when somebody else writes meanwhile.
        return .json([
            ["op": "replace", "path": "/metadata/resourceVersion", "value": .string(version)],
            ["op": "replace", "path": "/spec/template", "value": .object(ordered)],
        ])
    }

    /// Patches an object, then applies what is wanted, so that all of it is ours as after an apply alone.
    private func applyOver(_ patch: PatchBody, _ wanted: KubeObject, _ resource: APIResource) async throws -> KubeObject
    {
        let namespace = resource.isNamespaced ? wanted.namespace : nil
        try await self.client.patch(
            resource,
            namespace: namespace,
            name: wanted.name,
            patch,
            options: WriteOptions(fieldManager: Self.repairer)
        )
        let applied = try await self.client.apply(wanted, resource, fieldManager: Self.fieldManager)
        // What the patch owns would outlive our no longer wanting it.
        let managers = applied.metadata.json[array: "managedFields"] ?? []
        guard let place = managers.firstIndex(where: { $0["manager"]?.string == Self.repairer }) else { return applied }
        return try await self.client.patch(
            resource,
            namespace: namespace,
            name: wanted.name,
            .json([
                [
                    "op": "test", "path": .string("/metadata/managedFields/\(place)/manager"),
                    "value": .string(Self.repairer),
                ],
                ["op": "remove", "path": .string("/metadata/managedFields/\(place)")],
            ])
        )
    }

    private static let repairer = "swiftlet-repair"

    /// Whether nothing needs to be written.
    private func isRight(_ wanted: KubeObject, _ hash: String, _ existing: OwnedRecord) -> Bool {
        guard !existing.object.isDeleting else { return false }
        if self.verified.isVerified(existing.uid, fingerprint: existing.fingerprint, hash: hash) {
            existing.content?.release()
            return true
        }
        // The annotation says that nothing was wanted before that isn't wanted now; the comparison, that all of it is there.
        guard existing.appliedHash == hash, let live = existing.content?.tree(),
            LiveComparison.holds(wanted.json, in: live), Self.isInOrder(wanted.json, live)
        else { return false }
        self.verified.verify(existing.uid, fingerprint: existing.fingerprint, hash: hash)
        existing.content?.release()
        return true
    }

    private static func isInOrder(_ wanted: JSONObject, _ live: JSONObject) -> Bool {
        guard let wanted = wanted[object: "spec"]?[object: "template"],
            let live = live[object: "spec"]?[object: "template"]
        else { return true }
        return ListOrder.restored(live, as: wanted) == nil
    }

    /// Why an object that is not right was written.
    static func reason(_ hash: String, _ existing: OwnedRecord?) -> APIWrites.Reason {
        switch existing {
        case nil: .missing
        case let existing? where existing.appliedHash == nil: .adopted
        case let existing? where existing.appliedHash == hash: .drifted
        default: .changed
        }
    }

    /// What the server answered is what was wanted, whatever it added: seen again in a watch it needs no second look.
    private func remember(_ written: KubeObject, _ resource: APIResource, _ hash: String) {
        let bytes = written.json.bytes()
        let record = try? JSONCursor.withCursor(over: bytes) { (cursor) throws(JSONError) in
            try OwnedRecord(&cursor, resource: resource, verified: self.verified)
        }
        guard let record else { return }
        self.verified.verify(record.uid, fingerprint: record.fingerprint, hash: hash)
    }

    /// SHA-256 of an object in canonical form, the first 16 hex digits: enough to see a change.
    static func hash(_ object: KubeObject) -> String {
        let digest = SHA256.hash(data: object.json.bytes(.canonical))
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: digest.prefix(8).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] },
            as: UTF8.self
        )
    }
}

/// Writes that the store has not shown yet: a reconcile that is woken by one of several objects just written must not write
/// the others again. Short-lived, as nobody tells when an object vanishes before it was ever seen.
private final class UnseenWrites: Sendable {
    struct Key: Hashable {
        var kind: GroupKind
        var object: ObjectKey
    }

    private struct Write {
        var hash: String
        /// Whether the store held the object at all when it was written.
        var isNew: Bool
        /// What the store held then, and what became of it.
        var before: String
        var written: String
        var until: ContinuousClock.Instant

        /// Whether a record holds this write, or something later. Versions of one object grow; where they are no numbers,
        /// the annotation and any other version than before have to do.
        func isShown(by record: OwnedRecord) -> Bool {
            let version = record.object.resourceVersion
            if let shown = UInt64(version), let written = UInt64(self.written) { return shown >= written }
            return record.appliedHash == self.hash || version != self.before
        }
    }

    private static let patience = Duration.seconds(5)
    private let writes = Mutex<[Key: Write]>([:])

    /// Whether just that was written over what a store still holds.
    func contains(_ key: Key, hash: String, _ existing: OwnedRecord?) -> Bool {
        self.writes.withLock { writes in
            guard let write = writes[key] else { return false }
            if write.hash == hash, write.until > .now, existing.map({ !write.isShown(by: $0) }) ?? write.isNew {
                return true
            }
            writes[key] = nil
            return false
        }
    }

    /// A store holds this now; `nil` when the object is gone. Events from before the write don't count.
    func observed(_ key: Key, _ record: OwnedRecord?) {
        self.writes.withLock { writes in
            guard let write = writes[key] else { return }
            if record.map(write.isShown) ?? true { writes[key] = nil }
        }
    }

    func add(_ key: Key, hash: String, over existing: OwnedRecord?, written: String) {
        let now = ContinuousClock.now
        self.writes.withLock { writes in
            if writes.count >= 10_000 { writes = writes.filter { $0.value.until > now } }
            writes[key] = Write(
                hash: hash,
                isNew: existing == nil,
                before: existing?.object.resourceVersion ?? "",
                written: written,
                until: now + Self.patience
            )
        }
    }
}
