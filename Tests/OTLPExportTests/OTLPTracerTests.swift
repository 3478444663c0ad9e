import Synchronization
import Testing
import Tracing

@testable import OTLPExport

/// Collects what ends.
private final class Ended: Sendable {
    private let list = Mutex<[FinishedSpan]>([])
    var spans: [FinishedSpan] { self.list.withLock { $0 } }
    func add(_ span: FinishedSpan) { self.list.withLock { $0.append(span) } }
}

private struct Headers: Extractor, Injector {
    func extract(key: String, from carrier: [String: String]) -> String? { carrier[key] }
    func inject(_ value: String, forKey key: String, into carrier: inout [String: String]) { carrier[key] = value }
}

struct OTLPTracerTests {
    private func tracer(_ ended: Ended, _ sampler: SpanSampler = SpanSampler(root: .always)) -> OTLPTracer {
        OTLPTracer(sampler: sampler) { ended.add($0) }
    }

    @Test func childrenBelongToTheirParents() async throws {
        let ended = Ended()
        let tracer = self.tracer(ended)
        tracer.withSpan("outer") { outer in
            outer.attributes["a"] = 1
            tracer.withSpan("inner", ofKind: .client) { inner in
                inner.operationName = "renamed"
                inner.setStatus(SpanStatus(code: .error, message: "m"))
                inner.addEvent("e")
                inner.addLink(SpanLink(context: outer.context, attributes: [:]))
            }
        }
        let (inner, outer) = (try #require(ended.spans.first), try #require(ended.spans.last))
        #expect(ended.spans.count == 2 && outer.parent == 0 && inner.parent == outer.identity.span)
        #expect(inner.identity.traceID == outer.identity.traceID && inner.identity.span != outer.identity.span)
        #expect(inner.name == "renamed" && inner.kind == .client && inner.status == .error("m"))
        #expect(inner.events.map(\.name) == ["e"] && inner.links == [outer.identity])
        #expect(outer.attributes.map(\.0) == ["a"] && outer.end >= inner.end && outer.start <= inner.start)
    }

    @Test func contextComesInAndGoesOut() throws {
        let ended = Ended()
        let tracer = self.tracer(ended)
        var context = InstrumentationContext.topLevel
        tracer.extract(
            ["traceparent": TraceIdentityTests.text, "tracestate": "v=1"],
            into: &context,
            using: Headers()
        )
        let span = tracer.startSpan("s", context: context)
        var headers: [String: String] = [:]
        tracer.inject(span.context, into: &headers, using: Headers())
        span.end()
        let finished = try #require(ended.spans.first)
        #expect(finished.parent == 0x00F0_67AA_0BA9_02B7)
        #expect(headers["traceparent"] == "00-4bf92f3577b34da6a3ce929d0e0e4736-\(finished.identity.spanID)-01")
        #expect(headers["tracestate"] == "v=1")
        var nothing: [String: String] = [:]
        tracer.inject(.topLevel, into: &nothing, using: Headers())
        #expect(nothing.isEmpty)
    }

    @Test func whatIsNotRecordedKeepsNothingButPassesTheContextOn() throws {
        let ended = Ended()
        let tracer = self.tracer(ended, SpanSampler(root: .never))
        let span = tracer.startSpan("s", context: .topLevel)
        span.attributes["a"] = 1
        span.addEvent("e")
        #expect(!span.isRecording && span.attributes.isEmpty)
        var headers: [String: String] = [:]
        tracer.inject(span.context, into: &headers, using: Headers())
        #expect(headers["traceparent"]?.hasSuffix("-00") == true)
        tracer.startSpan("child", context: span.context).end()
        span.end()
        #expect(ended.spans.isEmpty)
    }

    @Test func anOpenSpanIsFoundFromWithin() throws {
        let ended = Ended()
        let tracer = self.tracer(ended)
        try tracer.withSpan("s") { _ in
            let current = try #require(InstrumentationContext.current)
            try #require(tracer.activeSpan(identifiedBy: current)).attributes["found"] = true
        }
        #expect(ended.spans.first?.attributes.map(\.0) == ["found"])
        #expect(tracer.activeSpan(identifiedBy: .topLevel) == nil)
    }

    @Test func endsOnceAndIsBounded() {
        let ended = Ended()
        let span = self.tracer(ended).startSpan("s", context: .topLevel)
        for number in 0..<200 { span.addEvent(SpanEvent(name: "\(number)")) }
        span.end()
        span.end()
        #expect(ended.spans.count == 1 && !span.isRecording)
        #expect(ended.spans.first?.events.count == 128 && ended.spans.first?.droppedEvents == 72)
    }

    @Test func recordsErrors() throws {
        struct Broken: Error {}
        let ended = Ended()
        let tracer = self.tracer(ended)
        #expect(throws: Broken.self) { try tracer.withSpan("s") { _ in throw Broken() } }
        let span = try #require(ended.spans.first)
        #expect(span.status == .error("") && span.events.first?.name == "exception")
    }
}
