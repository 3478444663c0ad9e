package import Metrics
import Synchronization

/// Counts and times requests through swift-metrics:
/// - `kubernetes_client_requests_total` by verb, resource and code (`error` when there was no answer),
/// - `kubernetes_client_request_duration_seconds` by verb.
package final class MetricsObserver: RequestObserver {
    private struct Key: Hashable {
        var verb: String
        var resource: String
        var code: Int
    }

    private struct Handles {
        var counters: [Key: Counter] = [:]
        var timers: [String: Metrics.Timer] = [:]
    }

    private let factory: any MetricsFactory
    private let handles = Mutex(Handles())

    /// - Parameter factory: where the metrics live; by default the process-wide backend.
    package init(factory: any MetricsFactory = MetricsSystem.factory) {
        self.factory = factory
    }

    package func finished(verb: String, resource: String, code: Int, duration: Duration) {
        let (counter, timer) = self.handles.withLock { handles in
            let key = Key(verb: verb, resource: resource, code: code)
            let counter =
                handles.counters[key]
                ?? Counter(
                    label: "kubernetes_client_requests_total",
                    dimensions: [
                        ("verb", verb), ("resource", resource), ("code", code == 0 ? "error" : String(code)),
                    ],
                    factory: self.factory
                )
            handles.counters[key] = counter
            let timer =
                handles.timers[verb]
                ?? Metrics.Timer(
                    label: "kubernetes_client_request_duration_seconds",
                    dimensions: [("verb", verb)],
                    factory: self.factory
                )
            handles.timers[verb] = timer
            return (counter, timer)
        }
        counter.increment()
        timer.recordNanoseconds(
            duration.components.seconds * 1_000_000_000 + duration.components.attoseconds / 1_000_000_000
        )
    }
}
