import CoreMetrics
import Metrics
import Testing

@testable import PrometheusMetrics

@Suite struct PrometheusMetricsTests {
    let metrics = PrometheusMetrics(options: PrometheusMetrics.Options(seriesPerFamily: 4))

    private func families() throws -> [String: ExpositionParser.Family] {
        try ExpositionParser.parse(self.metrics.exposition())
    }

    private func value(_ name: String, _ labels: [String: String] = [:], in family: String? = nil) throws -> Double? {
        try self.families()[family ?? name]?.samples.first { $0.name == name && $0.labels == labels }?.value
    }

    @Test func countersAddUp() throws {
        let counter = Counter(label: "requests_total", dimensions: [("code", "200")], factory: self.metrics)
        counter.increment()
        counter.increment(by: 41)
        counter.increment(by: -5)
        #expect(try self.value("requests_total", ["code": "200"]) == 42)
        #expect(try self.families()["requests_total"]?.type == "counter")
        counter.reset()
        #expect(try self.value("requests_total", ["code": "200"]) == 0)
    }

    @Test func floatingCountersAddUp() throws {
        let counter = FloatingPointCounter(label: "cpu_seconds_total", factory: self.metrics)
        counter.increment(by: 0.25)
        counter.increment(by: 0.5)
        counter.increment(by: -1)
        counter.increment(by: Double.nan)
        #expect(try self.value("cpu_seconds_total") == 0.75)
    }

    @Test func gaugesHoldTheLastValue() throws {
        let gauge = Gauge(label: "depth", factory: self.metrics)
        gauge.record(7)
        gauge.record(3.5)
        let meter = Meter(label: "level", factory: self.metrics)
        meter.set(10)
        meter.increment(by: 2.5)
        meter.decrement(by: 4)
        #expect(try self.value("depth") == 3.5)
        #expect(try self.value("level") == 8.5)
        #expect(try self.families()["level"]?.type == "gauge")
        for (number, text) in [
            (Double.nan, "NaN"), (.infinity, "+Inf"), (-.infinity, "-Inf"), (1e300, "1e+300"), (-3, "-3"),
        ] {
            meter.set(number)
            #expect(String(decoding: self.metrics.exposition(), as: UTF8.self).contains("\nlevel \(text)\n"))
            _ = try self.families()
        }
    }

    @Test func timersAreHistogramsInSeconds() throws {
        self.metrics.describe("reconcile_seconds", help: "Time of one reconcile.", buckets: [1, 0.1, 0.1, .infinity])
        let timer = Timer(label: "reconcile_seconds", dimensions: [("controller", "c")], factory: self.metrics)
        timer.recordMilliseconds(50)
        timer.recordMilliseconds(100)
        timer.recordMilliseconds(700)
        timer.recordSeconds(30)
        let family = try #require(try self.families()["reconcile_seconds"])
        #expect(family.help == "Time of one reconcile.")
        #expect(family.type == "histogram")
        func bucket(_ bound: String) -> Double? {
            family.samples.first { $0.name == "reconcile_seconds_bucket" && $0.labels["le"] == bound }?.value
        }
        #expect(family.samples.count == 5)
        #expect(bucket("0.1") == 2)
        #expect(bucket("1") == 3)
        #expect(bucket("+Inf") == 4)
        let labels = ["controller": "c"]
        let sum = try #require(try self.value("reconcile_seconds_sum", labels, in: "reconcile_seconds"))
        #expect(abs(sum - 30.85) < 1e-9)
        #expect(try self.value("reconcile_seconds_count", labels, in: "reconcile_seconds") == 4)
    }

    @Test func timerNamesSaySeconds() throws {
        Timer(label: "http.server.duration", factory: self.metrics).recordSeconds(1)
        #expect(try self.value("http_server_duration_seconds_count", in: "http_server_duration_seconds") == 1)
    }

    @Test func recordersThatAggregateAreHistograms() throws {
        let recorder = Recorder(label: "body_bytes", factory: self.metrics)
        recorder.record(300)
        recorder.record(Double.nan)
        #expect(try self.value("body_bytes_sum", in: "body_bytes") == 300)
        #expect(try self.value("body_bytes_count", in: "body_bytes") == 1)
    }

    @Test(arguments: [
        ("http.requests-total", "http_requests_total"), ("9lives", "_9lives"), ("a:b", "a:b"), ("", "_"),
        ("größe", "gr____e"), ("ok_9", "ok_9"),
    ])
    func namesBecomeValid(given: String, expected: String) throws {
        Gauge(label: given, factory: self.metrics).record(1)
        #expect(try self.value(expected) == 1)
    }

    @Test func labelsAreEscapedAndValid() throws {
        let nasty = "a\\b\"c\nd é \u{1F426}\\"
        self.metrics.describe("nasty_total", help: "back\\slash\nand \"quotes\"")
        let dimensions = [("my.label", nasty), ("0", "zero"), ("my_label", "lost"), ("empty", "")]
        Counter(label: "nasty_total", dimensions: dimensions, factory: self.metrics).increment()
        let family = try #require(try self.families()["nasty_total"])
        #expect(family.help == "back\\slash\nand \"quotes\"")
        #expect(family.samples.map(\.labels) == [["my_label": nasty, "_0": "zero", "empty": ""]])
    }

    @Test func boundLabelOfAHistogramIsOurs() throws {
        Timer(label: "t_seconds", dimensions: [("le", "x")], factory: self.metrics).recordSeconds(1)
        #expect(try self.value("t_seconds_count", ["le_": "x"], in: "t_seconds") == 1)
    }

    @Test func equalLabelsAreOneSeries() throws {
        Counter(label: "c_total", dimensions: [("a", "1"), ("b", "2")], factory: self.metrics).increment()
        Counter(label: "c_total", dimensions: [("b", "2"), ("a", "1")], factory: self.metrics).increment()
        #expect(try self.value("c_total", ["a": "1", "b": "2"]) == 2)
    }

    @Test func labelSetsAreBounded() throws {
        for number in 0..<1_000 {
            Counter(label: "c_total", dimensions: [("n", "\(number)")], factory: self.metrics).increment()
        }
        let family = try #require(try self.families()["c_total"])
        #expect(family.samples.count == 5)
        #expect(try self.value("c_total", ["n": PrometheusMetrics.overflowValue]) == 996)
        #expect(try self.value("swiftlet_metrics_rejected_series_total") == 996)
    }

    @Test func oneNameHasOneType() throws {
        Counter(label: "x", factory: self.metrics).increment()
        let gauge = Gauge(label: "x", factory: self.metrics)
        gauge.record(9)
        #expect(try self.value("x") == 1)
        #expect(try self.value("swiftlet_metrics_rejected_series_total") == 1)
    }

    @Test func destroyedSeriesGo() throws {
        let first = Gauge(label: "g", dimensions: [("a", "1")], factory: self.metrics)
        let second = Gauge(label: "g", dimensions: [("a", "1")], factory: self.metrics)
        first.record(1)
        first.destroy()
        second.record(2)
        #expect(try self.value("g", ["a": "1"]) == 2)
        second.destroy()
        #expect(try self.families()["g"] == nil)
    }

    @Test func equalValuesGiveEqualBytes() {
        for name in ["z", "a", "m"] {
            for value in ["2", "1"] {
                Gauge(label: name, dimensions: [("v", value)], factory: self.metrics).record(1)
            }
        }
        #expect(self.metrics.exposition() == self.metrics.exposition())
        let text = String(decoding: self.metrics.exposition(), as: UTF8.self)
        #expect(text.hasPrefix("# TYPE a gauge\na{v=\"1\"} 1\na{v=\"2\"} 1\n# TYPE m gauge\n"))
    }

    @Test func nothingIsLostAmongTasks() async throws {
        let metrics = self.metrics
        let scrapes = await withTaskGroup(of: Int.self) { group in
            for task in 0..<8 {
                group.addTask {
                    for round in 0..<2_000 {
                        // A new handle each time: registration races with use and with scrapes.
                        Counter(label: "c_total", dimensions: [("t", "\(task % 2)")], factory: metrics).increment()
                        FloatingPointCounter(label: "f_total", factory: metrics).increment(by: 0.5)
                        Meter(label: "g", factory: metrics).increment(by: round.isMultiple(of: 2) ? 1 : -1)
                        Timer(label: "t_seconds", factory: metrics).recordMilliseconds(3)
                    }
                    return 0
                }
            }
            group.addTask {
                var good = 0
                for _ in 0..<50 {
                    if (try? ExpositionParser.parse(metrics.exposition())) != nil { good += 1 }
                    await Task.yield()
                }
                return good
            }
            return await group.reduce(0, +)
        }
        #expect(scrapes == 50)
        #expect(try self.value("c_total", ["t": "0"]) == 8_000)
        #expect(try self.value("c_total", ["t": "1"]) == 8_000)
        #expect(try self.value("f_total") == 8_000)
        #expect(try self.value("g") == 0)
        #expect(try self.value("t_seconds_count", in: "t_seconds") == 16_000)
    }
}
