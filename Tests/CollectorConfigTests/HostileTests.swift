import CollectorConfig
import JSONTree
import Testing
import YAMLTree

/// Configurations that nobody would write but to harm. They come as text (`swiftlet render -f`, v1alpha1) and as JSON
/// (admission); what the readers refuse is tested with them.
struct HostileTests {
    /// Everything that is done with a configuration between admission and ConfigMap.
    @discardableResult
    private static func use(_ config: JSONObject) throws -> CollectorConfiguration {
        var defaulted = config
        try ConfigurationDefaults.apply(to: &defaulted, tls: TLSProfile(minimumVersion: "1.2", cipherSuites: ["A"]))
        let configuration = try CollectorConfiguration(defaulted)
        _ = configuration.findings
        _ = configuration.nullPaths
        _ = configuration.environment
        _ = configuration.healthCheckProbe
        _ = try? configuration.metricsEndpoint()
        _ = try? configuration.permissions()
        _ = try? configuration.ports(of: ComponentKind.allCases)
        _ = configuration.hashInput
        let tree = JSONValue.object(configuration.tree)
        for dialect in [YAMLDialect.kubernetes, .trueFalseOnly] {
            #expect(
                try YAMLReader.document(in: configuration.yaml, limits: YAMLLimits(depth: 100), dialect: dialect)
                    == tree
            )
        }
        _ = configuration.targetAllocatorYAML
        if let asking = try? configuration.asking(TargetAllocatorEndpoint(service: "ta", usesMutualTLS: true)) {
            _ = asking.targetAllocatorYAML
        }
        var again = defaulted
        try ConfigurationDefaults.apply(to: &again)
        #expect(again == defaulted)
        return configuration
    }

    /// As deep as admission lets it through, less what a review lies around it.
    @Test(arguments: [true, false]) func deepestConfigurationFitsASmallStack(_ ofObjects: Bool) {
        onSmallStack {
            let levels = JSONLimits.standard.depth - 5
            let open = String(repeating: ofObjects ? "{\"a\":" : "[", count: levels - 3)
            let close = String(repeating: ofObjects ? "}" : "]", count: levels - 3)
            for section in ["\"receivers\":{\"zipkin\":", "\"exporters\":{\"x\":", "\"service\":{\"telemetry\":"] {
                let text = "{\(section){\"k\":\(open)null\(close)}}}"
                guard let config = try? JSONValue(parsing: text).object else {
                    Issue.record("the deepest configuration is refused")
                    return
                }
                // Read back with the limit of text, so only the walks count here.
                _ = try? CollectorConfiguration(config).deepUse()
            }
        }
    }

    @Test(arguments: [
        ("receivers", "{\"receivers\":{\"a\":{\"k\":\"%\"}}}"), ("exporters", "{\"exporters\":{\"a\":[[[\"%\"]]]}}"),
        ("service.telemetry", "{\"service\":{\"telemetry\":{\"%\":1}}}"),
    ])
    func whatNoConfigMapHoldsIsRefused(_ path: String, _ template: String) throws {
        for (size, isRefused) in [(1 << 17, false), (3 << 20, true)] {
            let text = template.replacing("%", with: String(repeating: "x", count: size))
            let config = try #require(try JSONValue(parsing: text).object)
            guard isRefused else {
                #expect(throws: Never.self) { try Self.use(config) }
                continue
            }
            let error = #expect(throws: ConfigurationError.self) { try CollectorConfiguration(config) }
            #expect(
                error?.description
                    == "\(path): the configuration takes more than 2 MiB as YAML, and a ConfigMap holds 1 MiB"
            )
        }
    }

    /// A megabyte of JSON that would be a hundred as YAML, for each element is indented by all it lies in.
    @Test func whatIndentationBlowsUpIsRefused() throws {
        let text =
            "{\"receivers\":{\"a\":" + String(repeating: "[", count: 90) + String(repeating: "0,", count: 500_000) + "0"
            + String(repeating: "]", count: 90) + "}}"
        let config = try #require(try JSONValue(parsing: text).object)
        let error = #expect(throws: ConfigurationError.self) { try CollectorConfiguration(config) }
        #expect(error?.path == "receivers")
    }

    @Test func idsThatNoCollectorTakesAreRefused() throws {
        let long = String(repeating: "x", count: 2_000)
        let shown = String(repeating: "x", count: 80) + "…"
        for (path, config) in [
            ("receivers", ["receivers": [long: [:]]]), ("connectors", ["connectors": [long: [:]]]),
            ("service.pipelines", ["service": ["pipelines": [long: [:]]]]),
        ] as [(String, JSONObject)] {
            let error = #expect(throws: ConfigurationError.self) { try CollectorConfiguration(config) }
            #expect(
                error?.description == "\(path): \"\(shown)\" has 2000 bytes, more than the 1088 that an id may have"
            )
        }
    }

    /// Nulls under a long key: the paths alone would be a hundred times the configuration.
    @Test func manyNullsUnderALongKeyStaySmall() throws {
        let nulls = JSONObject((0..<20_000).map { ("n\($0)", JSONValue.null) })
        let config: JSONObject = ["exporters": ["x": [String(repeating: "k", count: 500_000): .object(nulls)]]]
        let configuration = try CollectorConfiguration(config)
        #expect(configuration.nullPaths.joined().utf8.count < 10_000)
        #expect(configuration.nullPaths.last == "and 19960 more")
    }

    private static func large(components: Int, pipelines: Int) -> JSONObject {
        let receivers = JSONObject(
            (0..<components).map { ("zipkin/\($0)", ["endpoint": .string(":\($0)")] as JSONValue) }
        )
        let ids = JSONValue.strings(Array(receivers.keys))
        var named = JSONObject(
            (0..<pipelines).map { ("traces/\($0)", ["receivers": ["zipkin/0"], "exporters": ["d"]] as JSONValue) }
        )
        named["traces"] = ["receivers": ids, "exporters": ["d"]]
        return ["receivers": .object(receivers), "exporters": ["d": [:]], "service": ["pipelines": .object(named)]]
    }

    @Test func tenThousandPipelinesAreRead() throws {
        let configuration = try CollectorConfiguration(Self.large(components: 10, pipelines: 10_000))
        #expect(configuration.enabled(.receiver).count == 10)
        #expect(configuration.findings.isEmpty)
        #expect(configuration.hashInput.count > 10_000)
    }

    @Test func aHundredThousandComponentsAreTooMany() throws {
        let error = #expect(throws: ConfigurationError.self) {
            try CollectorConfiguration(Self.large(components: 100_000, pipelines: 1))
        }
        #expect(error?.message == "the configuration takes more than 2 MiB as YAML, and a ConfigMap holds 1 MiB")
    }

    /// Eight times the components and pipelines take about eight times as long; what is quadratic takes 64 times.
    @Test func linearTime() throws {
        let clock = ContinuousClock()
        var best = Double.infinity
        try Self.use(Self.large(components: 100, pipelines: 100))
        for _ in 0..<8 where best > 20 {
            let small = try clock.measure { try Self.use(Self.large(components: 200, pipelines: 200)) }
            let large = try clock.measure { try Self.use(Self.large(components: 1_600, pipelines: 1_600)) }
            best = min(best, large / small)
        }
        #expect(best < 32)
    }

    @Test(arguments: [
        ("receivers: {1: {}, true: {}, 1.5: {}}", "{\"1\":{},\"true\":{},\"1.5\":{}}"),
        ("receivers: &r {a: &a {k: [1]}, b: *a}\nexporters: *r", "{\"a\":{\"k\":[1]},\"b\":{\"k\":[1]}}"),
        ("base: &b {endpoint: x}\nreceivers: {a: {<<: *b, endpoint: z}}", "{\"a\":{\"endpoint\":\"z\"}}"),
        ("\u{FEFF}receivers:\r\n  a: {}\r\n", "{\"a\":{}}"),
        ("receivers: {a: !!python/object:x {k: !local v}}", "{\"a\":{\"k\":\"v\"}}"),
        ("receivers: {a: {k: 1e999, m: 1e400}}", "{\"a\":{\"k\":\"1e999\",\"m\":\"1e400\"}}"),
        ("receivers: {a: {k: 123456789012345678901234567890}}", "{\"a\":{\"k\":123456789012345678901234567890}}"),
    ])
    func oddTextIsUnderstood(_ yaml: String, _ receivers: String) throws {
        let configuration = try Self.use(.yaml(yaml))
        #expect(configuration.receivers == (try JSONValue(parsing: receivers).object))
    }

    /// Nothing that is read leads to a crash, whatever happened to it on the way.
    @Test func survivesMutatedConfigurations() throws {
        var random = SplitMix(seed: 11)
        let sources = [
            ConfigurationLayoutTests.batch,
            "receivers: {zipkin: {endpoint: ':1'}, otlp: {protocols: {grpc: null}}, tcplog: {listen_address: ':2'}, k8sobjects: {objects: [{name: x, mode: pull}]}, prometheus: {config: {}, target_allocator: {}}}\nexporters: {prometheus: {tls: {}}}\nextensions: {health_check: {path: /}, jaeger_query: {grpc: {endpoint: ':3'}}}\nprocessors: {k8sattributes: {extract: {metadata: [k8s.node.name]}}}\nconnectors: {c: {}}\nservice: {extensions: [health_check, jaeger_query], telemetry: {metrics: {address: 'x:1', readers: [{pull: {exporter: {prometheus: {port: 1}}}}]}}, pipelines: {traces: {receivers: [zipkin, otlp, tcplog, k8sobjects, prometheus], processors: [k8sattributes], exporters: [c, prometheus]}, logs: {receivers: [c], exporters: [prometheus]}}}\n",
        ].map { Array($0.utf8) }
        let pieces = [
            "null", "[]", "{}", "1", "'1'", "-1", "65536", "1e9", "true", ":", "*", "${env:X}", "[::1]", "\n", " ", ",",
            "é", "\u{0}", "9999999999",
        ]
        var (accepted, refused) = (0, 0)
        for _ in 0..<400 {
            for source in sources {
                var bytes = source
                for _ in 0..<Int.random(in: 1...3, using: &random) {
                    let place = Int.random(in: 0..<bytes.count, using: &random)
                    switch Int.random(in: 0..<4, using: &random) {
                    case 0: bytes.remove(at: place)
                    case 1: bytes[place] = UInt8.random(in: 0x20...0x7E, using: &random)
                    default:
                        let end = min(bytes.count, place + Int.random(in: 0...6, using: &random))
                        bytes.replaceSubrange(
                            place..<end,
                            with: Array((pieces.randomElement(using: &random) ?? "").utf8)
                        )
                    }
                }
                guard let value = try? YAMLReader.document(in: bytes), case .object(let config) = value else {
                    continue
                }
                do {
                    try Self.use(config)
                    accepted += 1
                } catch is ConfigurationError {
                    refused += 1
                }
                // By the other way in, the same.
                let json = try JSONValue(parsing: value.bytes())
                #expect(json == value)
            }
        }
        #expect(accepted > 50)
        #expect(refused > 10)
    }
}

extension CollectorConfiguration {
    /// The recursive walks over a configuration.
    fileprivate func deepUse() throws {
        var config = self.tree
        try ConfigurationDefaults.apply(to: &config)
        let other = try CollectorConfiguration(config)
        #expect(other != self)
        #expect(other.hashValue != self.hashValue)
        _ = self.findings
        #expect(self.nullPaths.count <= 1)
        #expect(self.hashInput.count > 200)
        #expect(self.yaml.utf8.count > 200)
        #expect(self.targetAllocatorYAML.utf8.count > 200)
    }
}
