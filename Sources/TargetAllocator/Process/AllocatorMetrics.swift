import Metrics
import PrometheusConfig
import Synchronization
import TargetAllocation

/// The allocator's metrics: names and labels of the Go allocator (specification targetallocator.md section 9), and ours
/// with the prefix `swiftlet_`.
final class AllocatorMetrics: Sendable {
    private enum Family: String {
        case perCollector = "opentelemetry_allocator_targets_per_collector"
        case perJob = "opentelemetry_allocator_targets"
        case dropped = "swiftlet_allocator_targets_dropped"
    }

    private struct Key: Hashable {
        var family: Family
        var name: String
    }

    private let factory: any MetricsFactory
    private let remaining: Gauge
    private let unassigned: Gauge
    private let discovered: Gauge
    private let handingOver: Gauge
    private let rejectedJobs: Gauge
    private let processing: Timer
    let reloads: Counter
    let failedReloads: Counter
    let fileEvents: Counter
    private let gauges = Mutex<[Key: Gauge]>([:])
    private let timers = Mutex<[String: Timer]>([:])
    private let recorders = Mutex<[String: Recorder]>([:])
    private let strategy = Mutex("")

    init(factory: any MetricsFactory = MetricsSystem.factory) {
        self.factory = factory
        self.remaining = Gauge(label: "opentelemetry_allocator_targets_remaining", factory: factory)
        self.unassigned = Gauge(label: "opentelemetry_allocator_targets_unassigned", factory: factory)
        self.discovered = Gauge(label: "opentelemetry_allocator_collectors_discovered", factory: factory)
        self.handingOver = Gauge(label: "swiftlet_allocator_targets_handing_over", factory: factory)
        self.rejectedJobs = Gauge(label: "swiftlet_allocator_jobs_rejected", factory: factory)
        self.processing = Timer(
            label: "opentelemetry_allocator_process_targets_duration_seconds",
            factory: factory
        )
        func reloads(_ result: String) -> Counter {
            Counter(label: "swiftlet_allocator_reloads_total", dimensions: [("result", result)], factory: factory)
        }
        self.reloads = reloads("success")
        self.failedReloads = reloads("failure")
        self.fileEvents = Counter(
            label: "opentelemetry_allocator_events_total",
            dimensions: [("source", "EventSourceConfigMap")],
            factory: factory
        )
    }

    /// Names and bounds as in the Go allocator.
    static let descriptions: [(name: String, help: String, buckets: [Double]?)] = [
        ("opentelemetry_allocator_targets_per_collector", "Targets of each collector.", nil),
        ("opentelemetry_allocator_collectors_allocatable", "Collectors that targets can be given to.", nil),
        (
            "opentelemetry_allocator_time_to_allocate", "Seconds to give targets to collectors.",
            [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
        ),
        ("opentelemetry_allocator_targets_remaining", "Targets kept after filtering.", nil),
        ("opentelemetry_allocator_targets_unassigned", "Targets that are nobody's.", nil),
        ("opentelemetry_allocator_targets", "Targets of each job before filtering.", nil),
        (
            "opentelemetry_allocator_process_targets_duration_seconds", "Time to take in what was discovered.",
            [1, 5, 10, 30, 60, 120]
        ),
        (
            "opentelemetry_allocator_process_target_groups_duration_seconds",
            "Time to take in what was discovered for a job.", [1, 5, 10, 30, 60, 120]
        ),
        ("opentelemetry_allocator_collectors_discovered", "Collector pods found.", nil),
        (
            "opentelemetry_allocator_http_duration_seconds", "Time to answer a request.",
            [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
        ),
        ("opentelemetry_allocator_events_total", "Changes of what is scraped, by where they came from.", nil),
        ("swiftlet_allocator_targets_dropped", "Targets that a job's relabel rules drop.", nil),
        ("swiftlet_allocator_targets_handing_over", "Targets that their old collector keeps for now.", nil),
        ("swiftlet_allocator_jobs_rejected", "Jobs of the configuration file that can't be used.", nil),
        ("swiftlet_allocator_reloads_total", "Times the configuration file was read again, by result.", nil),
        ("swiftlet_allocator_ready", "1 once targets are given out.", nil),
        ("swiftlet_allocator_replicas", "Replicas of the allocator that share one assignment, this one included.", nil),
        ("swiftlet_allocator_replica_decides", "1 where the others follow this replica's assignment.", nil),
        (
            "swiftlet_allocator_replica_fetches_total",
            "Times the assignment was asked for from the replica that decides, by result.", nil
        ),
    ]

    func use(strategy: String) {
        self.strategy.withLock { $0 = strategy }
    }

    func answered(_ path: String, nanoseconds: Int64) {
        self.timer("opentelemetry_allocator_http_duration_seconds", [("path", path)])
            .recordNanoseconds(nanoseconds)
    }

    func allocated(_ method: String, nanoseconds: Int64) {
        let strategy = self.strategy.withLock { $0 }
        // Not a timer, whose name would end with its unit: the Go allocator's does not.
        self.recorders.withLock { recorders in
            let key = method + "/" + strategy
            let recorder =
                recorders[key]
                ?? Recorder(
                    label: "opentelemetry_allocator_time_to_allocate",
                    dimensions: [("method", method), ("strategy", strategy)],
                    aggregate: true,
                    factory: self.factory
                )
            recorders[key] = recorder
            recorder.record(Double(nanoseconds) / 1e9)
        }
    }

    func processed(jobs: Set<String>, nanoseconds: Int64) {
        self.processing.recordNanoseconds(nanoseconds)
        for job in jobs {
            self.timer("opentelemetry_allocator_process_target_groups_duration_seconds", [("job_name", job)])
                .recordNanoseconds(nanoseconds)
        }
    }

    private func timer(_ label: String, _ dimensions: [(String, String)]) -> Timer {
        let key = label + dimensions.map { "\u{0}" + $0.1 }.joined()
        return self.timers.withLock { timers in
            if let timer = timers[key] { return timer }
            let timer = Timer(label: label, dimensions: dimensions, factory: self.factory)
            timers[key] = timer
            return timer
        }
    }

    func rejected(jobs count: Int) { self.rejectedJobs.record(count) }

    func ready(_ isReady: Bool) {
        Gauge(label: "swiftlet_allocator_ready", factory: self.factory).record(isReady ? 1 : 0)
    }

    func replicas(_ count: Int, decides: Bool) {
        Gauge(label: "swiftlet_allocator_replicas", factory: self.factory).record(count)
        Gauge(label: "swiftlet_allocator_replica_decides", factory: self.factory).record(decides ? 1 : 0)
    }

    func fetchedAssignment(_ result: String) {
        Counter(
            label: "swiftlet_allocator_replica_fetches_total",
            dimensions: [("result", result)],
            factory: self.factory
        ).increment()
    }

    func show(_ overview: AllocationOverview) {
        self.remaining.record(overview.targets)
        self.unassigned.record(overview.unassigned)
        self.discovered.record(overview.collectors.count)
        self.handingOver.record(overview.collectors.reduce(0) { $0 + $1.handingOver })
        let strategy = self.strategy.withLock { $0 }
        Gauge(
            label: "opentelemetry_allocator_collectors_allocatable",
            dimensions: [("strategy", strategy)],
            factory: self.factory
        ).record(overview.collectors.count)
        self.gauges.withLock { gauges in
            var seen: Set<Key> = []
            func record(_ family: Family, _ name: String, _ dimensions: [(String, String)], _ value: Int) {
                let key = Key(family: family, name: name)
                seen.insert(key)
                if let gauge = gauges[key] { return gauge.record(value) }
                let gauge = Gauge(label: family.rawValue, dimensions: dimensions, factory: self.factory)
                gauge.record(value)
                gauges[key] = gauge
            }
            for collector in overview.collectors {
                let labels = [("collector_name", collector.name), ("strategy", strategy)]
                record(.perCollector, collector.name + "/" + strategy, labels, collector.targets)
            }
            for job in overview.jobs {
                let labels = [("job_name", job.name)]
                record(.perJob, job.name, labels, job.discovered)
                record(.dropped, job.name, labels, job.dropped.values.reduce(0, +))
            }
            for key in gauges.keys where !seen.contains(key) { gauges.removeValue(forKey: key)?.destroy() }
        }
    }
}
