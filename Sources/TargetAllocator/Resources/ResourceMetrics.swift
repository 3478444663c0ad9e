import Metrics
import PrometheusResources
import Synchronization

/// What is measured of the resources of the Prometheus operator.
final class ResourceMetrics: Sendable {
    /// Changes seen, under the name that the Go allocator gives them.
    let changed: Counter
    let translations: Counter

    private struct Rejected: Hashable {
        var kind: PrometheusResourceKind
        var reason: RejectionReason
    }

    private let factory: any MetricsFactory
    private let takenGauges: [PrometheusResourceKind: Gauge]
    private let rejectedGauges = Mutex<[Rejected: Gauge]>([:])

    init(factory: any MetricsFactory = MetricsSystem.factory) {
        self.factory = factory
        self.changed = Counter(
            label: "opentelemetry_allocator_events_total",
            dimensions: [("source", "EventSourcePrometheusCR")],
            factory: factory
        )
        self.translations = Counter(label: "swiftlet_allocator_resource_translations_total", factory: factory)
        self.takenGauges = Dictionary(
            uniqueKeysWithValues: PrometheusResourceKind.allCases.map { kind in
                let labels = [("kind", kind.rawValue)]
                return (kind, Gauge(label: "swiftlet_allocator_resources", dimensions: labels, factory: factory))
            }
        )
    }

    /// How many resources of a kind the selectors take.
    func taken(_ kind: PrometheusResourceKind, count: Int) { self.takenGauges[kind]?.record(count) }

    /// All that are rejected now.
    func rejected(_ resources: [RejectedResource]) {
        var counts: [Rejected: Int] = [:]
        for resource in resources { counts[Rejected(kind: resource.id.kind, reason: resource.reason), default: 0] += 1 }
        self.rejectedGauges.withLock { gauges in
            for rejected in counts.keys where gauges[rejected] == nil {
                gauges[rejected] = Gauge(
                    label: "swiftlet_allocator_resources_rejected",
                    dimensions: [("kind", rejected.kind.rawValue), ("reason", rejected.reason.rawValue)],
                    factory: self.factory
                )
            }
            // One that was there once goes on, at 0.
            for (rejected, gauge) in gauges { gauge.record(counts[rejected] ?? 0) }
        }
    }
}
