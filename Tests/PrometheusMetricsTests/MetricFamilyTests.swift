import Metrics
import Testing

@testable import PrometheusMetrics

struct MetricFamilyTests {
    @Test func valuesAreThoseOfTheExposition() throws {
        let metrics = PrometheusMetrics()
        metrics.describe("wait_seconds", help: "Waits.", buckets: [1, 2])
        Counter(label: "b_total", dimensions: [("kind", "x\"\\\n,y=\"z\""), ("a", "")], factory: metrics)
            .increment(by: 3)
        Gauge(label: "a", factory: metrics).record(1.5)
        Timer(label: "wait", factory: metrics).recordSeconds(1.5)
        metrics.collect { $0.value("process_x", kind: .gauge, help: "X.", labels: [("l", "v")], 4) }
        let expected = [
            MetricFamily(name: "a", kind: .gauge, points: [MetricPoint(value: .number(1.5))]),
            MetricFamily(
                name: "b_total",
                kind: .counter,
                points: [
                    MetricPoint(
                        labels: [.init("a", ""), .init("kind", "x\"\\\n,y=\"z\"")],
                        value: .count(3)
                    )
                ]
            ),
            MetricFamily(
                name: "wait_seconds",
                kind: .histogram,
                help: "Waits.",
                points: [MetricPoint(value: .histogram(counts: [0, 1, 0], bounds: [1, 2], sum: 1.5))]
            ),
            MetricFamily(
                name: "process_x",
                kind: .gauge,
                help: "X.",
                points: [MetricPoint(labels: [.init("l", "v")], value: .number(4))]
            ),
        ]
        #expect(metrics.metricFamilies() == expected)
    }
}
