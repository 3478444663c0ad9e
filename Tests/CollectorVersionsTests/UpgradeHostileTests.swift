import JSONTree
import TelemetryAPI
import Testing

@testable import CollectorVersions

/// Whatever is stored, an upgrade ends with an answer, and the answer holds.
struct UpgradeHostileTests {
    /// Every place that a step looks at.
    static let paths: [[String]] = [
        ["args"], ["args", "feature-gates"], ["args", "--log-level"], ["args", "metrics-addr"], ["autoscaler"],
        ["autoscaler", "maxReplicas"], ["config"], ["config", "receivers"], ["config", "processors"],
        ["config", "exporters"], ["config", "extensions"], ["config", "service"], ["config", "service", "pipelines"],
        ["config", "service", "pipelines", "metrics"], ["config", "service", "pipelines", "metrics", "receivers"],
        ["config", "service", "pipelines", "metrics", "processors"], ["config", "service", "telemetry"],
        ["config", "service", "telemetry", "metrics"], ["config", "service", "telemetry", "metrics", "address"],
        ["config", "service", "telemetry", "metrics", "readers"], ["config", "service", "telemetry", "logs"],
        ["config", "exporters", "opencensus"], ["config", "exporters", "otlp"], ["config", "exporters", "otlp", "tls"],
        ["config", "processors", "queued_retry"], ["config", "processors", "resource"],
        ["config", "processors", "resource", "attributes"], ["config", "processors", "resource", "labels"],
        ["config", "processors", "resource", "type"], ["config", "processors", "memory_limiter"],
        ["config", "extensions", "health_check"], ["config", "extensions", "health_check", "port"],
        ["config", "extensions", "health_check", "endpoint"], ["config", "receivers", "influxdb"],
        ["config", "receivers", "otlp"], ["config", "receivers", "otlp", "protocols"],
        ["config", "receivers", "otlp", "protocols", "grpc"], ["config", "receivers", "otlp", "protocols", "http"],
        ["config", "receivers", "otlp", "protocols", "http", "cors"], ["config", "receivers", "otlp", "cors"],
        ["config", "receivers", "httpd"], ["config", "receivers", "apache"], ["config", "receivers", "jaeger"],
        ["config", "receivers", "prometheus"],
    ]
    static let shapes: [JSONValue] = [
        nil, true, 0, -1.5, "", "text", [], [nil], ["a"], [["a": 1]], [:], ["a": nil], ["": ""],
        .number(JSONNumber(uncheckedLiteral: "1e400")),
    ]
    static let whole: JSONObject = [
        "args": [
            "--new-metrics": "", "--log-level": "debug", "metrics-addr": ":1",
            "feature-gates": "-confmap.unifyEnvVarExpansion",
        ],
        "autoscaler": ["maxReplicas": 2],
        "config": [
            "receivers": [
                "influxdb": ["metrics_schema": "x"], "httpd": nil, "jaeger": ["protocols": [:]], "prometheus": [:],
                "otlp": [
                    "cors_allowed_origins": ["a"],
                    "protocols": ["grpc": ["tls_settings": [:]], "http": ["cors_allowed_headers": ["b"]]],
                ],
            ],
            "processors": [
                "queued_retry": [:], "memory_limiter": ["ballast_size_mib": 1],
                "resource": ["type": "t", "labels": ["a": "b"]],
            ],
            "exporters": ["opencensus": ["reconnection_delay": 1], "otlp": ["insecure": true]],
            "extensions": ["health_check": ["port": 1]],
            "service": [
                "telemetry": ["metrics": ["level": "basic"]],
                "pipelines": ["metrics": ["receivers": ["httpd"], "processors": ["queued_retry", "resource"]]],
            ],
        ],
    ]

    static func putting(_ value: JSONValue?, at path: ArraySlice<String>, in object: JSONObject) -> JSONObject {
        guard let key = path.first else { return object }
        var object = object
        if path.count == 1 {
            object[key] = value
        } else {
            object[key] = .object(Self.putting(value, at: path.dropFirst(), in: object[object: key] ?? [:]))
        }
        return object
    }

    /// The answer to a specification holds: the same again, and steps that ran once find nothing more to do.
    static func check(_ spec: JSONObject, from version: String = "0.2.0") {
        let collector = UpgradeTests.collector(version, spec)
        let outcome = upgradeCollector(collector, to: UpgradeTests.current)
        #expect(outcome == upgradeCollector(collector, to: UpgradeTests.current))
        _ = outcome.condition(for: collector, now: "n")
        if let failure = outcome.failure {
            #expect(["0.9.0", "0.61.0"].contains(failure.version))
            return
        }
        guard let upgrade = outcome.upgrade else {
            Issue.record("neither upgraded nor failed: \(outcome)")
            return
        }
        // Every step again on its own result, as if status.version could not be written.
        let again = upgradeCollector(upgrade.collector, to: UpgradeTests.current)
        #expect(again.upgrade?.changesSpec == false, "\(spec) -> \(upgrade.collector.spec.json) -> \(again)")
        #expect(upgrade.changesSpec || upgrade.collector == collector)
    }

    @Test(arguments: Self.paths) func anyShapeAtAPath(_ path: [String]) {
        Self.check(Self.putting(nil, at: path[...], in: Self.whole))
        for shape in Self.shapes { Self.check(Self.putting(shape, at: path[...], in: Self.whole)) }
    }

    @Test func namesTheWrongShape() throws {
        let spec = Self.putting("text", at: ["config", "service", "telemetry"], in: Self.whole)
        let outcome = upgradeCollector(UpgradeTests.collector("0.110.0", spec), to: UpgradeTests.current)
        let reports = try #require(outcome.upgrade).reports
        #expect(reports.map(\.effect) == [.skipped, .skipped])
        #expect(reports.first?.message == "config.service.telemetry is a string, not a map")
    }

    @Test(arguments: 0..<100) func randomSpecifications(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var spec = Self.whole
        for _ in 0..<Int.random(in: 1...8, using: &random) {
            guard let path = Self.paths.randomElement(using: &random) else { continue }
            spec = Self.putting(Self.value(3, &random), at: path[...], in: spec)
        }
        let versions = ["0.2.0", "0.18", "0.35.0", "0.60", "0.103.0", "0.109.0", "0.121"]
        Self.check(spec, from: versions.randomElement(using: &random) ?? "0.2.0")
    }

    private static let words = [
        "otlp", "otlp/2", "otlphttp", "httpd", "httpd/2", "apache", "prometheus", "jaeger", "queued_retry",
        "resource/x",
        "health_check", "port", "endpoint", "tls", "tls_settings", "insecure", "cors", "cors_allowed_origins", "labels",
        "type", "attributes", "metrics", "logs", "address", "readers", "protocols", "http", "grpc", "feature-gates",
        "-component.UseLocalHostAsDefaultHost", "localhost:1", "0.0.0.0:${env:P}", ":${", "}", "[::]:99999", "é",
    ]

    private static func value(_ depth: Int, _ random: inout SeededGenerator) -> JSONValue? {
        let word = Self.words.randomElement(using: &random) ?? ""
        switch Int.random(in: 0...(depth > 0 ? 8 : 4), using: &random) {
        case 0: return nil
        case 1: return .null
        case 2: return .int(Int.random(in: -1...70_000, using: &random))
        case 3: return .bool(Bool.random(using: &random))
        case 4: return .string(word)
        case 5: return .array((0..<3).compactMap { _ in Self.value(depth - 1, &random) })
        default:
            var object = JSONObject()
            for _ in 0..<4 {
                object[Self.words.randomElement(using: &random) ?? ""] = Self.value(depth - 1, &random)
            }
            return .object(object)
        }
    }
}
