import KubeClient
import KubeRuntime
import PrometheusResources
import Synchronization

/// What the watches learned and the loop of ``ResourceWatcher`` has still to take in.
final class ResourceInbox: Sendable {
    enum Change: Sendable {
        case set(PrometheusResource)
        case remove(PrometheusResourceID)
        /// `nil`: the namespace is gone.
        case namespace(String, labels: [String: String]?)
        /// Something happened to a Secret or ConfigMap.
        case asset(AssetID)
    }

    private let changes = Mutex<[Change]>([])
    private let signal = Signal()

    func add(_ changes: [Change]) {
        if changes.isEmpty { return }
        self.changes.withLock { $0 += changes }
        self.signal.raise()
    }

    func take() -> [Change] {
        self.changes.withLock { changes in
            defer { changes = [] }
            return changes
        }
    }

    /// Until there is something, or the deadline has passed.
    ///
    /// - Throws: `CancellationError`.
    func wait(until deadline: Duration?, on time: TimeSource) async throws {
        if let deadline {
            try await self.signal.wait(until: deadline, on: time)
        } else {
            try await self.signal.wait()
        }
    }
}
