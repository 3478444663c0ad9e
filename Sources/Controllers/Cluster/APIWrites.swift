import Metrics
import Synchronization

/// Counts what this operator writes into the cluster, by kind and by why it was written: `swiftlet_api_writes_total`.
///
/// At rest none of them grows, so a rate that is not 0 says what keeps the operator busy, and the reason says who is to
/// blame: `changed` is a user of ours, `drifted` is somebody who changes what we rendered. Events and the Lease are not
/// among them: they are in `swiftlet_api_requests_total`.
package enum APIWrites {
    /// Why something was written.
    package enum Reason: String, Sendable, Hashable, CaseIterable {
        /// It was not there.
        case missing
        /// Another object is wanted than was before.
        case changed
        /// Somebody else changed or deleted part of what we wrote.
        case drifted
        /// It was written by the operator before us, or by hand.
        case adopted
        /// It is no longer wanted.
        case pruned
        /// It has to be made anew, as the server does not let it change.
        case recreated
        /// What it belonged to is gone.
        case swept
        /// A status was another one.
        case status
        /// A stored resource was one of an older version.
        case upgraded
        /// Webhooks or the CRD's conversion had to be registered, or trust another authority.
        case registration
        /// Certificates were made or renewed.
        case certificates
        /// An object was stored anew in the current version of its API.
        case migrated
        /// A finalizer of the operator before us was taken off.
        case finalizer
    }

    private struct Key: Hashable {
        var kind: String
        var reason: Reason
    }

    private static let counters = Mutex<[Key: Counter]>([:])

    package static func count(_ kind: String, _ reason: Reason) {
        self.counters.withLock { counters in
            let key = Key(kind: kind, reason: reason)
            if let counter = counters[key] { return counter }
            let counter = Counter(
                label: "swiftlet_api_writes_total",
                dimensions: [("kind", kind), ("reason", reason.rawValue)]
            )
            counters[key] = counter
            return counter
        }.increment()
    }
}
