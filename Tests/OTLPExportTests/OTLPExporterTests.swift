import JSONTree
import KubeTesting
import Logging
import NIOHTTP1
import ServiceLifecycle
import Testing
import Tracing

@testable import OTLPExport

@Suite(.timeLimit(.minutes(1))) struct OTLPExporterTests {
    private static let silence = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

    /// Runs an exporter towards a server with these answers; `body` ends some spans, then it is stopped in good order.
    private func run(
        _ answers: [ScriptedAnswer],
        _ change: (inout OTLPSettings) -> Void = { _ in },
        _ body: (OTLPTracer, ScriptedServer) async throws -> Void
    ) async throws -> [RecordedRequest] {
        try await ScriptedServer.run(answers) { server in
            var settings = OTLPSettings(
                endpoint: "\(server.url)/v1/traces",
                headers: [.init(name: "x-key", value: "k")],
                resource: []
            )
            settings.scheduleDelay = .seconds(3_600)
            change(&settings)
            let exporter = try OTLPExporter(settings, scope: "s", version: "1", logger: Self.silence)
            let group = ServiceGroup(services: [exporter], logger: Self.silence)
            async let run: Void = group.run()
            try await body(exporter.tracer, server)
            await group.triggerGracefulShutdown()
            try await run
            #expect(exporter.waitingCount == 0)
            return server.requests
        }
    }

    private func spans(_ request: RecordedRequest) throws -> [String] {
        let resource = try JSONValue(parsing: request.body).object?[array: "resourceSpans"]?.first?.object
        let scope = resource?[array: "scopeSpans"]?.first?.object
        return (scope?[array: "spans"] ?? []).compactMap { $0["name"]?.string }
    }

    @Test func aStopSendsWhatIsLeft() async throws {
        let requests = try await self.run([.json("{}")]) { tracer, server in
            for name in ["a", "b"] { tracer.startSpan(name, context: .topLevel).end() }
            #expect(server.requests.isEmpty, "it waits for more")
        }
        let request = try #require(requests.first)
        #expect(requests.count == 1 && request.path == "/v1/traces" && "\(request.method)" == "POST")
        #expect(request.headers["content-type"] == ["application/json"] && request.headers["x-key"] == ["k"])
        #expect(request.headers["traceparent"].isEmpty, "exporting is not traced")
        #expect(try self.spans(request) == ["a", "b"])
    }

    @Test func aFullBatchDoesNotWait() async throws {
        let requests = try await self.run([.json("{}")], { $0.batchLimit = 2 }) { tracer, server in
            for name in ["a", "b", "c"] { tracer.startSpan(name, context: .topLevel).end() }
            await server.waitForRequests(2)
        }
        #expect(try requests.map(self.spans) == [["a", "b"], ["c"]])
    }

    @Test func sendsAgainWhenAskedTo() async throws {
        let busy = ScriptedAnswer.failure(503, reason: "Busy", headers: [("Retry-After", "0")])
        let requests = try await self.run([busy, busy, .json("{}")], { $0.batchLimit = 1 }) { tracer, server in
            tracer.startSpan("a", context: .topLevel).end()
            await server.waitForRequests(3)
        }
        #expect(try requests.map(self.spans) == [["a"], ["a"], ["a"]])
    }

    @Test func whatIsRefusedIsNotSentAgain() async throws {
        let requests = try await self.run([.failure(400, reason: "Bad")], { $0.batchLimit = 1 }) { tracer, server in
            tracer.startSpan("a", context: .topLevel).end()
            await server.waitForRequests(1)
            tracer.startSpan("b", context: .topLevel).end()
        }
        #expect(try requests.map(self.spans) == [["a"], ["b"]])
    }

    @Test func aCertificateThatIsNoneIsAnError() throws {
        var settings = OTLPSettings(endpoint: "https://c/", headers: [], resource: [])
        settings.certificate = "/nonexistent/ca.pem"
        let error = #expect(throws: OTLPError.self) {
            try OTLPExporter(settings, scope: "s", version: "1", logger: Self.silence)
        }
        #expect(error?.description.contains("OTEL_EXPORTER_OTLP_CERTIFICATE") == true)
    }
}
