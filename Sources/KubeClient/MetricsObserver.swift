package import Metrics
import Synchronization

/// Counts and times requests through swift-metrics:
/// - `rest_client_requests_total` by code (`<error>` when there was no answer), method and host, as client-go does,
/// - `rest_client_request_duration_seconds` by verb (client-go means the method) and host,
/// - `swiftlet_api_requests_total` by verb, resource and code: which requests those were.
///
/// No label holds a name of an object: paths become plural names of resources before they get here.
package final class MetricsObserver: RequestObserver {
    private struct Handles {
        var counters: [ObservedRequest: (rest: Counter, ours: Counter)] = [:]
        var timers: [String: Metrics.Timer] = [:]
    }

    let host: String
    private let factory: any MetricsFactory
    private let handles = Mutex(Handles())

    /// - Parameters:
    ///   - host: the API server's host and port, a label.
    ///   - factory: where the metrics live; by default the process-wide backend.
    package init(host: String, factory: any MetricsFactory = MetricsSystem.factory) {
        self.host = host
        self.factory = factory
    }

    /// - Parameter configuration: whose server is asked.
    package convenience init(of configuration: ClientConfiguration) {
        let host = ServerHost(configuration.serverURL)
        let name = host.map { $0.name.contains(":") ? "[\($0.name)]" : $0.name } ?? ""
        self.init(host: name + (host?.port.map { ":\($0)" } ?? ""))
    }

    package func finished(_ request: ObservedRequest, duration: Duration) {
        let (counters, timer) = self.handles.withLock { handles in
            let counters = handles.counters[request] ?? self.counters(request)
            handles.counters[request] = counters
            let timer =
                handles.timers[request.method]
                ?? Metrics.Timer(
                    label: "rest_client_request_duration_seconds",
                    dimensions: [("verb", request.method), ("host", self.host)],
                    factory: self.factory
                )
            handles.timers[request.method] = timer
            return (counters, timer)
        }
        counters.rest.increment()
        counters.ours.increment()
        timer.recordNanoseconds(
            duration.components.seconds * 1_000_000_000 + duration.components.attoseconds / 1_000_000_000
        )
    }

    private func counters(_ request: ObservedRequest) -> (rest: Counter, ours: Counter) {
        let code = request.code == 0 ? "<error>" : String(request.code)
        return (
            Counter(
                label: "rest_client_requests_total",
                dimensions: [("code", code), ("method", request.method), ("host", self.host)],
                factory: self.factory
            ),
            Counter(
                label: "swiftlet_api_requests_total",
                dimensions: [("verb", request.verb), ("resource", request.resource), ("code", code)],
                factory: self.factory
            )
        )
    }
}
