import KubeModel
import KubeRuntime
import Metrics
import Synchronization

/// Brings metrics up to date that nobody tells of a change: ages, times left, sizes. Called before each scrape, so that
/// between two nothing is spent on them.
final class MetricsRefresh: Sendable {
    private let actions = Mutex<[@Sendable () -> Void]>([])

    func add(_ action: @escaping @Sendable () -> Void) { self.actions.withLock { $0.append(action) } }

    func callAsFunction() {
        for action in self.actions.withLock({ $0 }) { action() }
    }
}

/// What the caches hold: `swiftlet_cache_objects`, `swiftlet_cache_bytes` and `swiftlet_cache_synced` by kind and by who
/// reads them (what webhooks read every replica holds, what was rendered only the leader).
final class CacheMetrics: Sendable {
    private struct Handles {
        var objects: Gauge
        var bytes: Gauge
        var synced: Gauge
    }

    private let handles = Mutex<[String: Handles]>([:])
    private let cache: String

    init(cache: String) { self.cache = cache }

    func record(_ stores: [any MeasuredCache]) {
        for store in stores {
            let handles = self.handles(store.name)
            handles.objects.record(store.count)
            handles.bytes.record(store.estimatedBytes)
            handles.synced.record(store.isSynced ? 1 : 0)
        }
    }

    private func handles(_ resource: String) -> Handles {
        self.handles.withLock { all in
            if let known = all[resource] { return known }
            let labels = [("cache", self.cache), ("resource", resource)]
            let made = Handles(
                objects: Gauge(label: "swiftlet_cache_objects", dimensions: labels),
                bytes: Gauge(label: "swiftlet_cache_bytes", dimensions: labels),
                synced: Gauge(label: "swiftlet_cache_synced", dimensions: labels)
            )
            all[resource] = made
            return made
        }
    }
}

/// A store, whatever is in it.
protocol MeasuredCache: Syncable {
    var count: Int { get }
    var estimatedBytes: Int { get }
}

extension Store: MeasuredCache {}
