import JSONTree
package import PrometheusMetrics
import Tracing

/// Writes metrics as the body of an OTLP/HTTP request in JSON, cumulative since the start. Values in, bytes out.
package struct OTLPMetricEncoder: Sendable {
    package var resource: [OTLPSettings.Attribute]
    package var scope: String
    package var scopeVersion: String
    /// Nanoseconds since 1970 from when on counters count.
    package var start: UInt64

    package init(resource: [OTLPSettings.Attribute], scope: String, scopeVersion: String, start: UInt64) {
        self.resource = resource
        self.scope = scope
        self.scopeVersion = scopeVersion
        self.start = start
    }

    /// - Parameter now: nanoseconds since 1970.
    package func body(_ families: [MetricFamily], now: UInt64) -> [UInt8] {
        let request: JSONObject = [
            "resourceMetrics": [
                [
                    "resource": [
                        "attributes": OTLPEncoder.attributes(self.resource.map { ($0.name, .string($0.value)) })
                    ],
                    "scopeMetrics": [
                        [
                            "scope": ["name": .string(self.scope), "version": .string(self.scopeVersion)],
                            "metrics": .array(families.map { .object(self.metric($0, max(now, self.start))) }),
                        ]
                    ],
                ]
            ]
        ]
        return request.bytes()
    }

    private func metric(_ family: MetricFamily, _ now: UInt64) -> JSONObject {
        var json: JSONObject = ["name": .string(family.name)]
        if !family.help.isEmpty { json["description"] = .string(family.help) }
        if let unit = Self.unit(of: family.name) { json["unit"] = .string(unit) }
        let isCumulative = family.kind != .gauge
        let points = family.points.map { point in
            var json: JSONObject = [:]
            if !point.labels.isEmpty {
                json["attributes"] = OTLPEncoder.attributes(point.labels.map { ($0.name, .string($0.value)) })
            }
            if isCumulative { json["startTimeUnixNano"] = .string(String(self.start)) }
            json["timeUnixNano"] = .string(String(now))
            switch point.value {
            case .count(let value): json["asInt"] = .string(String(Int64(clamping: value)))
            case .number(let value): json["asDouble"] = OTLPEncoder.number(value)
            case .histogram(let counts, let bounds, let sum):
                json["count"] = .string(String(counts.reduce(0, &+)))
                json["sum"] = OTLPEncoder.number(sum)
                json["bucketCounts"] = .array(counts.map { .string(String($0)) })
                json["explicitBounds"] = .array(bounds.map(OTLPEncoder.number))
            }
            return JSONValue.object(json)
        }
        var data: JSONObject = ["dataPoints": .array(points)]
        if isCumulative { data["aggregationTemporality"] = 2 }
        switch family.kind {
        case .gauge: json["gauge"] = .object(data)
        case .histogram: json["histogram"] = .object(data)
        case .counter:
            data["isMonotonic"] = true
            json["sum"] = .object(data)
        }
        return json
    }

    /// By the words that Prometheus ends names with.
    private static func unit(of name: String) -> String? {
        let name = name.hasSuffix("_total") ? String(name.dropLast(6)) : name
        return name.hasSuffix("_seconds") ? "s" : name.hasSuffix("_bytes") ? "By" : nil
    }
}
