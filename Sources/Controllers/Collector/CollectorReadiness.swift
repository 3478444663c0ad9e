package import KubeModel
import Metrics
import Synchronization

/// How many collectors are ready and how many are not, as their condition `Ready` says: `swiftlet_collectors`.
///
/// Filled by reconciles, so only the leader knows; unmanaged collectors are not counted.
package final class CollectorReadiness: Sendable {
    private let states = Mutex<[ObjectKey: Condition.Status]>([:])
    private let ready = Gauge(label: "swiftlet_collectors", dimensions: [("ready", "true")])
    private let notReady = Gauge(label: "swiftlet_collectors", dimensions: [("ready", "false")])
    private let unknown = Gauge(label: "swiftlet_collectors", dimensions: [("ready", "unknown")])

    package init() {}

    package func set(_ key: ObjectKey, _ conditions: [Condition]) {
        let status = conditions.first { $0.type == "Ready" }?.status ?? .unknown
        self.states.withLock { $0[key] = status }
    }

    package func forget(_ key: ObjectKey) { self.states.withLock { _ = $0.removeValue(forKey: key) } }

    /// Brings the metric up to date, for a scrape.
    package func refreshMetrics() {
        let (all, ready, notReady) = self.states.withLock { states in
            (states.count, states.values.count { $0 == .true }, states.values.count { $0 == .false })
        }
        self.ready.record(ready)
        self.notReady.record(notReady)
        self.unknown.record(all - ready - notReady)
    }
}
