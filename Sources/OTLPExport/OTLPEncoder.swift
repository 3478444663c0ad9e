import JSONTree
package import Tracing

/// Writes spans as the body of an OTLP/HTTP request in JSON
/// (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding): ids as hexadecimal digits, 64-bit integers as strings,
/// enums as numbers. Values in, bytes out.
package struct OTLPEncoder: Sendable {
    /// What the spans come from.
    package var resource: [(String, SpanAttribute)]
    package var scope: String
    package var scopeVersion: String

    package init(resource: [(String, SpanAttribute)], scope: String, scopeVersion: String) {
        self.resource = resource
        self.scope = scope
        self.scopeVersion = scopeVersion
    }

    package func body(_ spans: [FinishedSpan]) -> [UInt8] {
        let request: JSONObject = [
            "resourceSpans": [
                [
                    "resource": ["attributes": Self.attributes(self.resource)],
                    "scopeSpans": [
                        [
                            "scope": ["name": .string(self.scope), "version": .string(self.scopeVersion)],
                            "spans": .array(spans.map { .object(Self.span($0)) }),
                        ]
                    ],
                ]
            ]
        ]
        return request.bytes()
    }

    private static func span(_ span: FinishedSpan) -> JSONObject {
        var json: JSONObject = [
            "traceId": .string(span.identity.traceID),
            "spanId": .string(span.identity.spanID),
        ]
        if !span.identity.state.isEmpty { json["traceState"] = .string(span.identity.state) }
        if span.parent != 0 { json["parentSpanId"] = .string(TraceIdentity.hex(span.parent)) }
        // The W3C flags; bits beyond say whether the parent is remote, which is not known here.
        json["flags"] = span.identity.isSampled ? 1 : 0
        json["name"] = .string(span.name)
        json["kind"] = Self.number(of: span.kind)
        json["startTimeUnixNano"] = .string(String(span.start))
        json["endTimeUnixNano"] = .string(String(max(span.start, span.end)))
        if !span.attributes.isEmpty { json["attributes"] = Self.attributes(span.attributes) }
        if !span.events.isEmpty {
            json["events"] = .array(
                span.events.map { event in
                    [
                        "timeUnixNano": .string(String(event.nanoseconds)), "name": .string(event.name),
                        "attributes": Self.attributes(event.attributes),
                    ]
                }
            )
        }
        if span.droppedEvents > 0 { json["droppedEventsCount"] = .number(JSONNumber(span.droppedEvents)) }
        if !span.links.isEmpty {
            json["links"] = .array(
                span.links.map { ["traceId": .string($0.traceID), "spanId": .string($0.spanID)] }
            )
        }
        switch span.status {
        case .unset: break
        case .ok: json["status"] = ["code": 1]
        case .error(let message): json["status"] = ["message": .string(message), "code": 2]
        }
        return json
    }

    private static func number(of kind: SpanKind) -> JSONValue {
        switch kind {
        case .internal: 1
        case .server: 2
        case .client: 3
        case .producer: 4
        case .consumer: 5
        }
    }

    static func attributes(_ attributes: [(String, SpanAttribute)]) -> JSONValue {
        .array(
            attributes.compactMap { name, attribute in
                guard !name.isEmpty, let value = Self.value(attribute) else { return nil }
                return ["key": .string(name), "value": value]
            }
        )
    }

    /// JSON has no word for some; protobuf's mapping has.
    static func number(_ value: Double) -> JSONValue {
        guard value.isFinite else { return .string(value.isNaN ? "NaN" : value < 0 ? "-Infinity" : "Infinity") }
        return .number(JSONNumber(value))
    }

    /// An AnyValue. `nil` for kinds of attributes that are not known yet.
    private static func value(_ attribute: SpanAttribute) -> JSONValue? {
        func integer(_ value: some BinaryInteger) -> JSONValue { ["intValue": .string(String(value))] }
        func text(_ value: String) -> JSONValue { ["stringValue": .string(value)] }
        func double(_ value: Double) -> JSONValue { ["doubleValue": Self.number(value)] }
        func array(_ values: [JSONValue]) -> JSONValue { ["arrayValue": ["values": .array(values)]] }
        switch attribute {
        case .int32(let value): return integer(value)
        case .int64(let value): return integer(value)
        case .double(let value): return double(value)
        case .bool(let value): return ["boolValue": .bool(value)]
        case .string(let value): return text(value)
        case .int32Array(let values): return array(values.map { integer($0) })
        case .int64Array(let values): return array(values.map { integer($0) })
        case .doubleArray(let values): return array(values.map(double))
        case .boolArray(let values): return array(values.map { ["boolValue": .bool($0)] })
        case .stringArray(let values): return array(values.map(text))
        case .stringConvertible(let value): return text(value.description)
        case .stringConvertibleArray(let values): return array(values.map { text($0.description) })
        default: return nil
        }
    }
}
