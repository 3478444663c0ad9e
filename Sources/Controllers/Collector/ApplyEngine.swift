import Crypto
import JSONTree
package import KubeClient
package import KubeModel
import Metrics
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
    private let unseen = UnseenWrites()

    package init(client: KubeClient, verified: VerifiedObjects) {
        self.client = client
        self.verified = verified
    }

    package enum Outcome: Sendable, Hashable {
        case unchanged
        case created
        case updated
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
        // A plan keeps what was applied before, and that is one such annotation: it must not count as wanted.
        wanted.metadata.annotations[OwnedRecord.hashAnnotation] = nil
        let hash = Self.hash(wanted)
        wanted.metadata.json.mutateObject("annotations") { $0[string: OwnedRecord.hashAnnotation] = hash }
        let key = UnseenWrites.Key(kind: resource.groupKind, object: wanted.key)
        if let existing, self.isRight(wanted, hash, existing) { return .unchanged }
        if self.unseen.contains(key, hash: hash, version: existing?.object.resourceVersion) { return .unchanged }
        let written = try await self.client.apply(wanted, resource, fieldManager: Self.fieldManager)
        Counter(
            label: "swiftlet_api_writes_total",
            dimensions: [("kind", resource.kind), ("reason", existing == nil ? "create" : "update")]
        ).increment()
        self.remember(written, resource, hash)
        self.unseen.add(key, hash: hash, version: existing?.object.resourceVersion)
        return existing == nil ? .created : .updated
    }

    /// A store has shown a change of an object: what it holds now counts.
    package func observed(_ kind: GroupKind, _ key: ObjectKey, _ record: OwnedRecord?) {
        self.unseen.remove(UnseenWrites.Key(kind: kind, object: key))
    }

    /// Whether nothing needs to be written.
    private func isRight(_ wanted: KubeObject, _ hash: String, _ existing: OwnedRecord) -> Bool {
        guard !existing.object.isDeleting else { return false }
        if self.verified.isVerified(existing.uid, fingerprint: existing.fingerprint, hash: hash) {
            existing.content?.release()
            return true
        }
        // The annotation says that nothing was wanted before that isn't wanted now; the comparison, that all of it is there.
        guard existing.appliedHash == hash, let live = existing.content?.tree(),
            LiveComparison.holds(wanted.json, in: live)
        else { return false }
        self.verified.verify(existing.uid, fingerprint: existing.fingerprint, hash: hash)
        existing.content?.release()
        return true
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
    private static func hash(_ object: KubeObject) -> String {
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
        /// What the store held when it was written; as long as it holds that, it has not seen the write.
        var version: String?
        var until: ContinuousClock.Instant
    }

    private static let patience = Duration.seconds(5)
    private let writes = Mutex<[Key: Write]>([:])

    func contains(_ key: Key, hash: String, version: String?) -> Bool {
        self.writes.withLock { writes in
            guard let write = writes[key] else { return false }
            if write.hash == hash, write.version == version, write.until > .now { return true }
            writes[key] = nil
            return false
        }
    }

    func remove(_ key: Key) {
        self.writes.withLock { _ = $0.removeValue(forKey: key) }
    }

    func add(_ key: Key, hash: String, version: String?) {
        let now = ContinuousClock.now
        self.writes.withLock { writes in
            if writes.count >= 10_000 { writes = writes.filter { $0.value.until > now } }
            writes[key] = Write(hash: hash, version: version, until: now + Self.patience)
        }
    }
}
