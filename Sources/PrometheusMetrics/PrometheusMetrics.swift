package import CoreMetrics
import Synchronization

/// A swift-metrics backend that answers a scrape in Prometheus' text format 0.0.4.
///
///     let metrics = PrometheusMetrics()
///     metrics.describe("workqueue_adds_total", help: "Keys added to the queue.")
///     metrics.describe("reconcile_seconds", help: "Time of one reconcile.", buckets: [0.01, 0.1, 1, 10])
///     metrics.collect(ProcessMetrics().write)
///     MetricsSystem.bootstrap(metrics)
///     …
///     let body = metrics.exposition()   // [UInt8], content type PrometheusMetrics.contentType
///
/// What becomes what: `Counter` and `FloatingPointCounter` a counter; `Gauge`, `Meter` and `Recorder(aggregate: false)` a
/// gauge; `Recorder(aggregate: true)` a histogram; `Timer` a histogram in seconds. Dimensions become labels. Names and
/// label names are made valid by replacing what Prometheus does not allow with `_`.
///
/// Handles are meant to be made once and kept: making one takes a lock and a look-up, using one an atomic addition (a
/// histogram: a short lock of its own).
///
/// A family holds at most ``Options/seriesPerFamily`` label sets. Label sets beyond that share one series whose label
/// values are all ``overflowValue``, so hostile or mistaken label values cannot grow the process. A name used as two
/// types keeps its first type; the handles of the second work but are not exposed. Both cases are counted in
/// `swiftlet_metrics_rejected_series_total`.
package final class PrometheusMetrics: MetricsFactory, Sendable {
    /// The media type of ``exposition()``.
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// The value of every label of the series that stands for all label sets beyond the limit.
    package static let overflowValue = "overflow"

    /// Bounds of timers for which ``describe(_:help:buckets:)`` named none, in seconds: from a tenth of a millisecond,
    /// what an admission review takes, to a minute.
    package static let defaultTimerBuckets: [Double] = [
        0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
    ]

    /// Bounds of aggregating recorders for which none were named.
    package static let defaultRecorderBuckets: [Double] = [
        1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 100_000, 1_000_000,
    ]

    package struct Options: Sendable {
        /// How many label sets one name may have.
        package var seriesPerFamily: Int

        package init(seriesPerFamily: Int = 1_000) {
            self.seriesPerFamily = max(1, seriesPerFamily)
        }
    }

    /// Writes metrics that are looked up at scrape time, such as those of the process. It must be quick and must not use
    /// names that handles use too.
    package typealias Collector = @Sendable (inout ExpositionWriter) -> Void

    private struct Description {
        var help: String
        var buckets: [Double]?
    }

    private struct Family {
        let kind: MetricKind
        var series: [String: any Series] = [:]
        /// Empty for what is not a histogram.
        let bounds: HistogramBounds
    }

    private struct State {
        var descriptions: [String: Description] = [:]
        var families: [String: Family] = [:]
        var collectors: [Collector] = []
        var rejected = 0
    }

    private let options: Options
    private let state = Mutex(State())

    package init(options: Options = Options()) {
        self.options = options
    }

    /// Gives a metric its help text and, if it is a histogram, its bucket bounds. Call it before the first handle is made:
    /// bounds of an existing histogram stay.
    ///
    /// - Parameters:
    ///   - name: the name as in the exposition.
    ///   - buckets: upper bounds; sorted, duplicates and values that are not finite left out.
    package func describe(_ name: String, help: String, buckets: [Double]? = nil) {
        let name = MetricNaming.metricName(name)
        self.state.withLock { $0.descriptions[name] = Description(help: help, buckets: buckets) }
    }

    /// Adds metrics that are looked up at each scrape.
    package func collect(_ collector: @escaping Collector) {
        self.state.withLock { $0.collectors.append(collector) }
    }

    /// All metrics as text, families by name, series by label text: equal values give equal bytes.
    package func exposition() -> [UInt8] {
        // Only references are taken under the lock; rendering does not hold up who makes handles.
        let (families, descriptions, collectors, rejected) = self.state.withLock { state in
            (state.families, state.descriptions, state.collectors, state.rejected)
        }
        var writer = ExpositionWriter()
        for (name, family) in families.sorted(by: { $0.key < $1.key }) where !family.series.isEmpty {
            writer.family(name, kind: family.kind, help: descriptions[name]?.help)
            for (labels, series) in family.series.sorted(by: { $0.key < $1.key }) {
                series.write(to: &writer, name: name, labels: labels)
            }
        }
        for collector in collectors { collector(&writer) }
        if rejected > 0 {
            let name = "swiftlet_metrics_rejected_series_total"
            writer.family(name, kind: .counter, help: "Handles whose series is not exposed as it was asked for.")
            writer.sample(name, labels: "", value: Double(rejected))
        }
        return writer.bytes
    }

    /// All metrics as values, in the order of the exposition. Of collectors it is what they write with
    /// ``ExpositionWriter/value(_:kind:help:labels:_:)``.
    package func metricFamilies() -> [MetricFamily] {
        let (families, descriptions, collectors) = self.state.withLock { state in
            (state.families, state.descriptions, state.collectors)
        }
        var found: [MetricFamily] = []
        for (name, family) in families.sorted(by: { $0.key < $1.key }) where !family.series.isEmpty {
            let points = family.series.sorted { $0.key < $1.key }.map { labels, series in
                MetricPoint(labels: MetricNaming.labels(in: labels), value: series.point)
            }
            let help = descriptions[name]?.help ?? ""
            found.append(MetricFamily(name: name, kind: family.kind, help: help, points: points))
        }
        var writer = ExpositionWriter()
        for collector in collectors { collector(&writer) }
        return found + writer.values
    }

    // MARK: MetricsFactory

    package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        self.series(MetricNaming.metricName(label), .counter, dimensions, { _ in CounterSeries() })
    }

    package func makeFloatingPointCounter(
        label: String,
        dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        self.series(MetricNaming.metricName(label), .counter, dimensions, { _ in CounterSeries() })
    }

    package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        self.series(MetricNaming.metricName(label), .gauge, dimensions, { _ in GaugeSeries() })
    }

    package func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        let name = MetricNaming.metricName(label)
        guard aggregate else { return self.series(name, .gauge, dimensions, { _ in GaugeSeries() }) }
        return self.histogram(name, dimensions, standard: Self.defaultRecorderBuckets)
    }

    package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        self.histogram(MetricNaming.timerName(label), dimensions, standard: Self.defaultTimerBuckets)
    }

    package func destroyCounter(_ handler: any CounterHandler) { self.remove(handler) }
    package func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) { self.remove(handler) }
    package func destroyMeter(_ handler: any MeterHandler) { self.remove(handler) }
    package func destroyRecorder(_ handler: any RecorderHandler) { self.remove(handler) }
    package func destroyTimer(_ handler: any TimerHandler) { self.remove(handler) }

    // MARK: Families

    private func histogram(
        _ name: String,
        _ dimensions: [(String, String)],
        standard: [Double]
    ) -> HistogramSeries {
        self.series(name, .histogram, dimensions, standard: standard, { HistogramSeries(bounds: $0) })
    }

    private func series<S: Series>(
        _ name: String,
        _ kind: MetricKind,
        _ dimensions: [(String, String)],
        standard: [Double] = [],
        _ make: (HistogramBounds) -> S
    ) -> S {
        let labels = MetricNaming.labels(dimensions, reservesBound: kind == .histogram)
        return self.state.withLock { state in
            if state.families[name] == nil {
                let bounds = HistogramBounds(state.descriptions[name]?.buckets ?? standard)
                state.families[name] = Family(kind: kind, bounds: bounds)
            }
            guard let family = state.families[name], family.kind == kind else {
                state.rejected += 1
                return make(HistogramBounds([]))
            }
            var key = MetricNaming.text(of: labels)
            if family.series[key] == nil, family.series.count >= self.options.seriesPerFamily {
                state.rejected += 1
                key = MetricNaming.text(of: labels.map { ($0.0, Self.overflowValue) })
            }
            if let existing = family.series[key] as? S {
                existing.retainHandle()
                return existing
            }
            let series = make(family.bounds)
            series.retainHandle()
            state.families[name]?.series[key] = series
            return series
        }
    }

    /// Takes a series out when the last of its handles is destroyed. Destroying is rare, so looking through all is fine.
    private func remove(_ handler: AnyObject) {
        guard let series = handler as? any Series else { return }
        self.state.withLock { state in
            guard series.releaseHandle() else { return }
            for (name, family) in state.families {
                if let key = family.series.first(where: { $0.value === series })?.key {
                    state.families[name]?.series[key] = nil
                    return
                }
            }
        }
    }
}
