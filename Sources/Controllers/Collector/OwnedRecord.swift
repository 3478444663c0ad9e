package import JSONTree
import KubeModel
package import Rendering
import Synchronization

/// What is kept of an object that we rendered: what a plan has to know of it, and enough to see whether it still is as it
/// was when it was last found right.
///
/// The object itself (``content``) is kept only until it has been compared once; from then on its fingerprint says whether
/// anything but status and bookkeeping changed. So a thousand collectors cost hundreds of bytes an object at rest.
package struct OwnedRecord: Sendable, Equatable {
    package var object: OwnedObject
    /// `namespace/name` of the collector it belongs to: its controller, or for cluster-scoped objects what its annotation
    /// says. Empty when it belongs to something else.
    package var collector: String
    /// The same of the target allocator that controls it.
    package var targetAllocator: String
    /// Hash of the wanted object when it was last applied, from its mark.
    package var appliedHash: String?
    /// Whether the Go operator has written it (again): what it set beside metadata and status.
    package var isWrittenByPredecessor: Bool
    /// Over everything but status, versions, managed fields and times.
    package var fingerprint: UInt64
    /// What a workload's status says; zeros for other kinds.
    package var workload: Workload
    /// The bytes as the server sent them, until they were compared.
    package var content: Content?

    package struct Workload: Sendable, Hashable {
        package var replicas = 0
        package var readyReplicas = 0
        package var desiredNumberScheduled = 0
        package var numberReady = 0
        /// Image of the first container of the template.
        package var image = ""
    }

    /// Bytes that can be let go while the record stays in a store.
    package final class Content: Sendable {
        private let bytes: Mutex<[UInt8]?>
        init(_ bytes: [UInt8]) { self.bytes = Mutex(bytes) }

        /// How many bytes are still held.
        var size: Int { self.bytes.withLock { $0?.count ?? 0 } }

        package func release() { self.bytes.withLock { $0 = nil } }

        /// The object as a tree, `nil` when it was released.
        package func tree() -> JSONObject? {
            guard let bytes = self.bytes.withLock({ $0 }) else { return nil }
            return (try? JSONValue(parsing: bytes))?.object
        }
    }

    package var uid: String { self.object.reference.uid ?? "" }

    /// Versions and content are left out: two records are equal when nothing that a decision looks at differs.
    package static func == (left: OwnedRecord, right: OwnedRecord) -> Bool {
        left.fingerprint == right.fingerprint && left.uid == right.uid && left.workload == right.workload
            && left.object.isDeleting == right.object.isDeleting && left.collector == right.collector
            && left.targetAllocator == right.targetAllocator
    }

    /// Holds the hash of the wanted object; what it held before tells whether a field is no longer wanted.
    package static let hashAnnotation = "operator.opentelemetry.io/applied-sha256"

    /// Whether the hash is a label, of the same name: annotations of a Deployment count in its generation and are copied to
    /// its ReplicaSets, so one more would look like a change of what runs.
    static func marksWithLabel(_ resource: APIResource) -> Bool {
        resource.group == "apps" && resource.kind == "Deployment"
    }

    /// Under which a store of these finds what a collector owns.
    package static let byCollector = "collector"
    package static let byTargetAllocator = "targetallocator"

    /// Which resource it belongs to, if any of ours.
    package var owner: ResourceOwner? {
        if !self.collector.isEmpty { return .collector(self.collector) }
        return self.targetAllocator.isEmpty ? nil : .targetAllocator(self.targetAllocator)
    }
}

/// A resource that objects are rendered for, `namespace/name`.
package enum ResourceOwner: Sendable, Hashable, CustomStringConvertible {
    case collector(String)
    case targetAllocator(String)

    package var description: String {
        switch self {
        case .collector(let key): "the collector \(key)"
        case .targetAllocator(let key): "the target allocator \(key)"
        }
    }
}

/// Which objects were found right: by uid the fingerprint they had and the hash of what was wanted then.
package final class VerifiedObjects: Sendable {
    private struct Entry {
        var fingerprint: UInt64
        var hash: String
    }

    private let entries = Mutex<[String: Entry]>([:])

    package init() {}

    package func fingerprint(of uid: String) -> UInt64? { self.entries.withLock { $0[uid]?.fingerprint } }

    package func isVerified(_ uid: String, fingerprint: UInt64, hash: String) -> Bool {
        self.entries.withLock { entries in
            guard let entry = entries[uid] else { return false }
            return entry.fingerprint == fingerprint && entry.hash == hash
        }
    }

    package func verify(_ uid: String, fingerprint: UInt64, hash: String) {
        self.entries.withLock { $0[uid] = Entry(fingerprint: fingerprint, hash: hash) }
    }

    package func forget(_ uid: String) { self.entries.withLock { _ = $0.removeValue(forKey: uid) } }
    package var count: Int { self.entries.withLock { $0.count } }
}
