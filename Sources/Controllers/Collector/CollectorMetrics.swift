import CollectorConfig
import JSONTree
import KubeModel
package import KubeRuntime
import Metrics
import ServiceLifecycle
import Synchronization
import TelemetryAPI

/// Counts what collectors are made of (`--enable-cr-metrics`, specification section 7.8): a series of value 1 for each
/// collector and each type of component that its configuration defines, and one for its mode.
///
/// These are the only metrics of ours with names of users' objects in their labels, and so not on by default. Run by the
/// leader alone: a sum over replicas would count each collector several times.
package final class CollectorMetrics: Service {
    /// One time series: the name after `opentelemetry_collector_`, and the type.
    struct Series: Hashable {
        var name: String
        var type: String
    }

    private let collectors: Store<CollectorRecord>
    private let series = Mutex<[ObjectKey: [Series: Meter]]>([:])

    package init(collectors: Store<CollectorRecord>) { self.collectors = collectors }

    package func run() async throws {
        let subscription = self.collectors.subscribe { changes in
            for change in changes { self.count(change.key, change.new) }
        }
        defer {
            subscription.cancel()
            for key in self.series.withLock({ Array($0.keys) }) { self.count(key, nil) }
        }
        try await untilGracefulShutdown()
    }

    private func count(_ key: ObjectKey, _ record: CollectorRecord?) {
        let wanted = record.flatMap { try? $0.collector() }.map(Self.series(of:)) ?? []
        self.series.withLock { all in
            var known = all[key] ?? [:]
            for (series, meter) in known where !wanted.contains(series) {
                meter.destroy()
                known[series] = nil
            }
            for series in wanted where known[series] == nil {
                let meter = Meter(
                    label: "opentelemetry_collector_\(series.name)",
                    dimensions: [
                        ("collector_name", key.name), ("namespace", key.namespace), ("type", series.type),
                    ]
                )
                meter.set(1)
                known[series] = meter
            }
            all[key] = known.isEmpty ? nil : known
        }
    }

    /// What is counted of one collector.
    static func series(of collector: Collector) -> Set<Series> {
        var series: Set<Series> = [Series(name: "info", type: collector.mode?.rawValue ?? "")]
        guard let configuration = try? CollectorConfiguration(collector.spec.config ?? [:]) else { return series }
        for kind in ComponentKind.allCases {
            for id in configuration.components(kind)?.keys.map({ $0 }) ?? [] {
                series.insert(Series(name: kind.section, type: CollectorConfiguration.type(ofComponent: id)))
            }
        }
        return series
    }
}
