import JSONTree
import KubeTesting
import Logging
import NIOHTTP1
import PrometheusMetrics
import ServiceLifecycle
import Testing

@testable import OTLPExport

@Suite(.timeLimit(.minutes(2))) struct OTLPMetricTests {
    private static let silence = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

    private static let families = [
        MetricFamily(
            name: "requests_total",
            kind: .counter,
            help: "Requests.",
            points: [MetricPoint(labels: [.init("code", "200")], value: .count(7))]
        ),
        MetricFamily(name: "size_bytes", kind: .gauge, points: [MetricPoint(value: .number(.nan))]),
        MetricFamily(
            name: "time_seconds",
            kind: .histogram,
            points: [MetricPoint(value: .histogram(counts: [1, 0, 2], bounds: [0.5, 1], sum: 9.25))]
        ),
    ]

    /// As opentelemetry-proto's metrics.proto has it, in JSON.
    @Test func whatIsWritten() throws {
        let encoder = OTLPMetricEncoder(
            resource: [.init(name: "service.name", value: "target-allocator")],
            scope: "s",
            scopeVersion: "1",
            start: 5
        )
        let expected = """
            {"resourceMetrics":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"target-allocator"}}]},
            "scopeMetrics":[{"scope":{"name":"s","version":"1"},"metrics":[
            {"name":"requests_total","description":"Requests.","sum":{"dataPoints":[{"attributes":[{"key":"code","value":{"stringValue":"200"}}],
            "startTimeUnixNano":"5","timeUnixNano":"9","asInt":"7"}],"aggregationTemporality":2,"isMonotonic":true}},
            {"name":"size_bytes","unit":"By","gauge":{"dataPoints":[{"timeUnixNano":"9","asDouble":"NaN"}]}},
            {"name":"time_seconds","unit":"s","histogram":{"dataPoints":[{"startTimeUnixNano":"5","timeUnixNano":"9","count":"3","sum":9.25,
            "bucketCounts":["1","0","2"],"explicitBounds":[0.5,1]}],"aggregationTemporality":2}}]}]}]}
            """
        let written = try JSONValue(parsing: encoder.body(Self.families, now: 9))
        #expect(written == (try JSONValue(parsing: Array(expected.utf8))))
    }

    @Test(
        arguments: [
            ("http://a:4318", "http://a:4318/v1/metrics"), ("https://a/", "https://a/v1/metrics"),
            ("http://a/x/y", "http://a/x/y"), ("http://[::1]:4318", "http://[::1]:4318/v1/metrics"),
            ("a:4318", nil), ("http://", nil), ("http:///v1", nil), ("http://a b", nil), ("", nil), ("grpc://a", nil),
        ] as [(String, String?)]
    )
    func endpoints(_ written: String, _ meant: String?) {
        #expect(OTLPMetricSettings.endpoint(written) == meant)
    }

    private func run(
        _ answers: [ScriptedAnswer],
        interval: Duration,
        _ body: (ScriptedServer) async throws -> Void
    ) async throws -> [RecordedRequest] {
        try await ScriptedServer.run(answers) { server in
            let settings = OTLPMetricSettings(
                endpoint: "\(server.url)/v1/metrics",
                headers: [.init(name: "x-key", value: "k")],
                interval: interval,
                timeout: .seconds(10)
            )
            let exporter = OTLPMetricExporter(settings, scope: "s", version: "1", logger: Self.silence) {
                Self.families
            }
            let group = ServiceGroup(services: [exporter], logger: Self.silence)
            async let run: Void = group.run()
            try await body(server)
            await group.triggerGracefulShutdown()
            try await run
            return server.requests
        }
    }

    @Test func pushesInEachInterval() async throws {
        let requests = try await self.run([.json("{}")], interval: .milliseconds(100)) { server in
            await server.waitForRequests(3)
        }
        let request = try #require(requests.first)
        #expect(request.path == "/v1/metrics" && "\(request.method)" == "POST")
        #expect(request.headers["content-type"] == ["application/json"] && request.headers["x-key"] == ["k"])
        let resource = try JSONValue(parsing: request.body).object?[array: "resourceMetrics"]?.first?.object
        #expect(resource?[array: "scopeMetrics"]?.first?.object?[array: "metrics"]?.count == 3)
    }

    @Test func aStopPushesOnceMore() async throws {
        let requests = try await self.run([.json("{}")], interval: .seconds(3_600)) { server in
            // Before the first interval is over nothing is pushed.
            try await Task.sleep(for: .milliseconds(200))
            #expect(server.requests.isEmpty)
        }
        #expect(requests.count == 1)
    }

    /// What is refused is not sent again; the next interval's is.
    @Test func goesOnAfterARefusal() async throws {
        let requests = try await self.run(
            [.failure(400, reason: "Bad"), .json("{}")],
            interval: .milliseconds(100)
        ) { server in
            await server.waitForRequests(3)
        }
        #expect(requests.count >= 3)
    }
}
