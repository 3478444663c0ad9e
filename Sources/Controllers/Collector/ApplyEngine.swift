import Crypto
import JSONTree
package import KubeClient
package import KubeModel
import Metrics
package import Rendering

/// Makes the cluster hold an object, and writes nothing when it already does.
package struct ApplyEngine: Sendable {
    /// Our name as a field manager of server-side apply.
    package static let fieldManager = "swiftlet"
    /// The Go operator's.
    package static let predecessor = "manager"

    private let client: KubeClient
    private let verified: VerifiedObjects

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
        if let existing, self.isRight(wanted, hash, existing) { return .unchanged }
        let written = try await self.client.apply(wanted, resource, fieldManager: Self.fieldManager)
        Counter(
            label: "swiftlet_api_writes_total",
            dimensions: [("kind", resource.kind), ("reason", existing == nil ? "create" : "update")]
        ).increment()
        self.remember(written, resource, hash)
        return existing == nil ? .created : .updated
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
