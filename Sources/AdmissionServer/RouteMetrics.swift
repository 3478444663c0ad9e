import Metrics
import NIOCore
import Synchronization

/// The metrics of one webhook, named as controller-runtime names them; handles are made once.
package final class RouteMetrics: Sendable {
    private let inFlight: Meter
    private let latency: Timer
    private let succeeded: Counter
    private let panics: Counter
    private let others = Mutex<[Int: Counter]>([:])
    private let path: String
    private let factory: any MetricsFactory

    init(path: String, factory: any MetricsFactory) {
        let webhook = [("webhook", path)]
        self.path = path
        self.factory = factory
        self.inFlight = Meter(
            label: "controller_runtime_webhook_requests_in_flight",
            dimensions: webhook,
            factory: factory
        )
        self.latency = Timer(
            label: "controller_runtime_webhook_latency_seconds",
            dimensions: webhook,
            factory: factory
        )
        self.succeeded = Self.counter(path, 200, factory)
        // There from the start, so that a first failure is a rise.
        self.others.withLock { $0[500] = Self.counter(path, 500, factory) }
        // There is nothing here like a recovered panic: a trap ends the process. For dashboards it is 0.
        self.panics = Counter(label: "controller_runtime_webhook_panics_total", dimensions: [], factory: factory)
    }

    func begin() { self.inFlight.increment() }

    func end(status: Int, duration: TimeAmount) {
        self.inFlight.decrement()
        self.latency.recordNanoseconds(duration.nanoseconds)
        self.count(status)
    }

    /// A request that ended before it reached the handler.
    func count(_ status: Int) {
        if status == 200 { return self.succeeded.increment() }
        self.others.withLock { counters in
            if let counter = counters[status] { return counter }
            let counter = Self.counter(self.path, status, self.factory)
            counters[status] = counter
            return counter
        }.increment()
    }

    private static func counter(_ path: String, _ status: Int, _ factory: any MetricsFactory) -> Counter {
        Counter(
            label: "controller_runtime_webhook_requests_total",
            dimensions: [("webhook", path), ("code", "\(status)")],
            factory: factory
        )
    }
}
