import JSONTree
import Testing
import Tracing

@testable import OTLPExport

struct OTLPEncoderTests {
    private static let identity = TraceIdentity(traceHigh: 1, traceLow: 0xAB, span: 0xCD, isSampled: true, state: "v=1")

    private func spans(_ spans: [FinishedSpan]) throws -> [JSONObject] {
        let encoder = OTLPEncoder(resource: [("service.name", .string("op"))], scope: "s", scopeVersion: "1")
        let body = try #require(try JSONValue(parsing: encoder.body(spans)).object)
        let resource = try #require(body[array: "resourceSpans"]?.first?.object)
        #expect(
            resource["resource"] == ["attributes": [["key": "service.name", "value": ["stringValue": "op"]]]]
        )
        let scope = try #require(resource[array: "scopeSpans"]?.first?.object)
        #expect(scope["scope"] == ["name": "s", "version": "1"])
        return (scope[array: "spans"] ?? []).compactMap(\.object)
    }

    @Test func wholeSpan() throws {
        var attributes: [(String, SpanAttribute)] = [
            ("i", .int64(.max)), ("d", .double(0.5)), ("n", .double(.nan)), ("b", .bool(true)), ("s", .string("\"é\n")),
            ("a", .stringArray(["x", "y"])), ("ia", .int32Array([1])),
        ]
        attributes.append(("", .bool(false)))
        let json = try #require(
            self.spans([
                FinishedSpan(
                    identity: Self.identity,
                    parent: 0x1F,
                    name: "n",
                    kind: .server,
                    start: 1_700_000_000_000_000_000,
                    end: 1_700_000_000_000_000_001,
                    attributes: attributes,
                    events: [.init(name: "e", nanoseconds: 5, attributes: [("k", .bool(false))])],
                    links: [Self.identity],
                    status: .error("m"),
                    droppedEvents: 2
                )
            ]).first
        )
        #expect(json["traceId"] == "000000000000000100000000000000ab")
        #expect(json["spanId"] == "00000000000000cd" && json["parentSpanId"] == "000000000000001f")
        #expect(json["traceState"] == "v=1" && json["flags"] == 1 && json["kind"] == 2)
        #expect(json["startTimeUnixNano"] == "1700000000000000000" && json["endTimeUnixNano"] == "1700000000000000001")
        #expect(
            json["attributes"] == [
                ["key": "i", "value": ["intValue": "9223372036854775807"]],
                ["key": "d", "value": ["doubleValue": 0.5]],
                ["key": "n", "value": ["doubleValue": "NaN"]],
                ["key": "b", "value": ["boolValue": true]],
                ["key": "s", "value": ["stringValue": "\"é\n"]],
                [
                    "key": "a",
                    "value": ["arrayValue": ["values": [["stringValue": "x"], ["stringValue": "y"]]]],
                ],
                ["key": "ia", "value": ["arrayValue": ["values": [["intValue": "1"]]]]],
            ]
        )
        #expect(
            json["events"] == [
                [
                    "timeUnixNano": "5", "name": "e", "attributes": [["key": "k", "value": ["boolValue": false]]],
                ]
            ]
        )
        #expect(json["status"] == ["message": "m", "code": 2] && json["droppedEventsCount"] == 2)
        #expect(json["links"]?.array?.count == 1)
    }

    @Test(arguments: [
        (SpanKind.internal, 1), (.server, 2), (.client, 3), (.producer, 4), (.consumer, 5),
    ])
    func plainSpan(_ kind: SpanKind, _ number: Int) throws {
        var identity = Self.identity
        identity.state = ""
        let json = try #require(
            self.spans([FinishedSpan(identity: identity, name: "n", kind: kind, start: 9, end: 3)]).first
        )
        #expect(json["kind"] == .number(JSONNumber(number)))
        #expect(json["endTimeUnixNano"] == "9", "a clock that goes back makes no negative time")
        for absent in ["parentSpanId", "traceState", "attributes", "events", "links", "status", "droppedEventsCount"] {
            #expect(json[absent] == nil, "\(absent)")
        }
    }
}

struct SpanQueueTests {
    private static let span = FinishedSpan(
        identity: TraceIdentity(traceHigh: 1, traceLow: 1, span: 1, isSampled: true),
        name: "n",
        start: 0,
        end: 1
    )

    @Test func isBoundedAndCounts() {
        var queue = SpanQueue(limit: 5, batch: 2)
        let admissions = (0..<7).map { _ in queue.add(Self.span) }
        #expect(admissions == [.queued, .batchIsFull, .queued, .batchIsFull, .queued, .dropped, .dropped])
        #expect(queue.dropped == 2 && queue.count == 5)
        #expect((0..<4).map { _ in queue.next().count } == [2, 2, 1, 0])
        queue.lose(3)
        #expect(queue.dropped == 5 && queue.isEmpty)
    }

    @Test(arguments: [429, 502, 503, 504]) func comesBackWhenAsked(_ code: Int) {
        var retry = ExportRetry()
        let minute = Duration.seconds(60)
        #expect(
            retry.decide(.answered(code, retryAfter: 7), remaining: minute, random: 1) == .retry(after: .seconds(7))
        )
        #expect(retry.decide(.answered(code, retryAfter: 70), remaining: minute, random: 1) == .giveUp)
        #expect(retry.decide(.answered(code, retryAfter: -5), remaining: minute, random: 1) == .retry(after: .zero))
    }

    @Test func waitsLongerEachTime() {
        var retry = ExportRetry()
        let pauses = (0..<8).map { _ in
            retry.decide(.unreachable, remaining: .seconds(100), random: 1)
        }
        #expect(pauses == [1, 2, 4, 8, 16, 30, 30, 30].map { .retry(after: .seconds($0)) })
        #expect(retry.decide(.unreachable, remaining: .zero, random: 0) == .giveUp)
    }

    @Test(arguments: [(200, true), (204, true), (400, false), (401, false), (404, false), (413, false), (500, false)])
    func someAnswersAreFinal(_ code: Int, _ isDelivered: Bool) {
        var retry = ExportRetry()
        let decision = retry.decide(.answered(code, retryAfter: nil), remaining: .seconds(60), random: 0)
        #expect(decision == (isDelivered ? .delivered : .giveUp))
    }
}
