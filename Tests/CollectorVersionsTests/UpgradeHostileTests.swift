import JSONTree
import KubeModel
import TelemetryAPI
import Testing

@testable import CollectorVersions

/// Specs that nobody would write: steps leave alone what they do not understand, and settle after one run.
struct UpgradeHostileTests {
    private static let to = "0.158.0"

    /// Upgrades from 0.2.0 and checks what holds for every spec.
    private func check(_ spec: JSONValue) throws {
        let collector = Collector(spec: spec, version: "0.2.0")
        let result = upgrade(collector, to: Self.to)
        #expect(result.events.allSatisfy { $0.note.utf8.count <= 1_024 })
        #expect(result.condition(now: "", generation: 1) != nil)
        guard case .upgraded(var upgraded, let reports) = result.outcome else { return }
        #expect(reports.allSatisfy { !$0.message.isEmpty })
        let first = upgraded.json.text
        if reports.allSatisfy({ $0.outcome == .skipped }) {
            #expect(upgraded.json["spec"]?.text() == spec.text(), "changed without a report")
        }
        // Nothing else of the spec moves.
        let untouched: Set<String> = ["args", "autoscaler", "config"]
        #expect(
            upgraded.spec.json.filter { !untouched.contains($0.key) }.map { "\($0.key) \($0.value)" }
                == (spec.object ?? [:]).filter { !untouched.contains($0.key) }.map { "\($0.key) \($0.value)" }
        )
        upgraded.status = collector.status
        guard case .upgraded(let second, _) = upgrade(upgraded, to: Self.to).outcome else {
            Issue.record("the second run fails on \(first)")
            return
        }
        #expect(second.json.text == first)
    }

    /// Each value of each fixture, one at a time, replaced by one of another kind.
    @Test(arguments: try UpgradeGoldenTests.names) func survivesAnyShape(_ name: String) throws {
        let spec = try #require(try UpgradeGoldenTests.input(name).collector.json["spec"])
        let shapes: [JSONValue] = [nil, true, 7, 1.5, "", "text", ":", "a:${", "}", [], [nil], ["x"], [:], ["x": nil]]
        for path in spec.paths() {
            for shape in shapes { try self.check(spec.replacing(path[...], with: shape)) }
        }
    }

    @Test(arguments: 0..<40) func settlesOnRandomSpecs(_ seed: Int) throws {
        var random = Seeded(state: UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 &+ 1)
        for _ in 0..<25 { try self.check(random.spec()) }
    }
}

extension JSONValue {
    /// The way to each value inside, keys and places mixed.
    fileprivate func paths() -> [[Step]] {
        let inner: [(Step, JSONValue)]
        switch self {
        case .object(let object): inner = object.map { (.key($0.key), $0.value) }
        case .array(let elements): inner = elements.enumerated().map { (.place($0.offset), $0.element) }
        default: return [[]]
        }
        return [[]] + inner.flatMap { step, value in value.paths().map { [step] + $0 } }
    }

    fileprivate enum Step {
        case key(String), place(Int)
    }

    fileprivate func replacing(_ path: ArraySlice<Step>, with value: JSONValue) -> JSONValue {
        switch (path.first, self) {
        case (.key(let key), .object(var object)):
            object[key] = (object[key] ?? .null).replacing(path.dropFirst(), with: value)
            return .object(object)
        case (.place(let place), .array(var elements)):
            elements[place] = elements[place].replacing(path.dropFirst(), with: value)
            return .array(elements)
        default: return value
        }
    }
}

/// A generator that gives the same numbers for the same seed (xorshift).
private struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state ^= self.state << 13
        self.state ^= self.state >> 7
        self.state ^= self.state << 17
        return self.state
    }

    private mutating func pick<T>(_ values: [T], _ fallback: T) -> T { values.randomElement(using: &self) ?? fallback }
    private mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }

    private static let members = [
        "type", "labels", "attributes", "port", "endpoint", "tls", "tls_settings", "ca_file", "insecure", "min_version",
        "metrics_schema", "metrics_schema/x", "ballast_size_mib", "cors", "cors_allowed_origins", "reconnection_delay",
        "cors_allowed_headers", "protocols", "grpc", "http", "other", "é", "", "logs", "metrics", "readers", "address",
        "level",
    ]
    private static let ids = [
        "otlp", "otlp/2", "otlphttp", "prometheus", "my/prometheus", "httpd", "httpd/2", "apache", "influxdb",
        "resource",
        "resource/x", "resourcedetection", "queued_retry", "queued_retry/x", "memory_limiter", "health_check",
        "health_check/x", "opencensus", "jaeger", "batch", "",
    ]

    private mutating func scalar() -> JSONValue {
        self.pick(
            [
                nil, true, false, 0, 8888, 1.5, "", "text", "localhost:8888", ":1", "localhost", "[::]:99999", "[::1]",
                "${env:A}", "${env:A}:${env:B}", "a:${B}", .number(JSONNumber(uncheckedLiteral: "1.50e2")), [], [:],
            ],
            nil
        )
    }

    private mutating func value(_ depth: Int) -> JSONValue {
        if depth == 0 || self.chance(40) { return self.scalar() }
        if self.chance(15) { return .array((0..<2).map { _ in self.value(depth - 1) }) }
        return .object(self.object(Self.members, depth) { $0.value(depth - 1) })
    }

    private mutating func object(
        _ keys: [String],
        _ depth: Int,
        _ value: (inout Seeded) -> JSONValue
    ) -> JSONObject {
        var object: JSONObject = [:]
        for _ in 0..<Int.random(in: 0...4, using: &self) { object[self.pick(keys, "x")] = value(&self) }
        return object
    }

    private mutating func idList() -> JSONValue {
        if self.chance(10) { return self.scalar() }
        return .array((0..<3).map { _ in self.chance(10) ? self.scalar() : .string(self.pick(Self.ids, "x")) })
    }

    mutating func spec() -> JSONValue {
        var config: JSONObject = [:]
        for section in ["receivers", "processors", "exporters", "extensions"].shuffled(using: &self)
        where self.chance(80) {
            config[section] = self.chance(5) ? self.scalar() : .object(self.object(Self.ids, 4) { $0.value(4) })
        }
        var service = self.object(["telemetry", "extensions"], 4) { $0.value(4) }
        if self.chance(70) {
            service["telemetry"] = .object(self.object(["metrics", "logs", "traces"], 3) { $0.value(3) })
        }
        service["pipelines"] = .object(
            self.object(["traces", "metrics", "metrics/2"], 2) { random in
                .object(random.object(["receivers", "processors", "exporters"], 2) { $0.idList() })
            }
        )
        config["service"] = self.chance(5) ? self.scalar() : .object(service)
        let gates: [JSONValue] = [
            "", ",", "+a", "-confmap.unifyEnvVarExpansion", "a, -component.UseLocalHostAsDefaultHost ,b",
            "component.UseLocalHostAsDefaultHost", nil, 1, [],
        ]
        var args: JSONObject = [:]
        for name in [
            "--new-metrics", "--log-level", "--log-profile", "--log-format", "--metrics-addr", "--metrics-level",
            "other",
        ].shuffled(using: &self) where self.chance(30) { args[name] = self.scalar() }
        if self.chance(50) { args["feature-gates"] = self.pick(gates, nil) }
        var spec: JSONObject = ["mode": "deployment", "z": .number(JSONNumber(uncheckedLiteral: "1.0"))]
        if self.chance(80) { spec["args"] = self.chance(5) ? self.scalar() : .object(args) }
        spec["replicas"] = self.scalar()
        spec["config"] = .object(config)
        if self.chance(30) {
            spec["autoscaler"] = .object(self.object(["minReplicas", "maxReplicas"], 1) { $0.scalar() })
        }
        return .object(spec)
    }
}
