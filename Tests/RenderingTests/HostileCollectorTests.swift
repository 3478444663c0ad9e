import JSONTree
import KubeModel
import Rendering
import TelemetryAPI
import Testing

/// Resources that no schema has seen: whatever they hold, the answer is objects or an error, in bounded time.
struct HostileCollectorTests {
    /// Values of the wrong kind, at the edges of numbers, empty or odd.
    private static let values: [JSONValue] = [
        nil, true, false, 0, -1, 1, 65536, 9_223_372_036_854_775_807, .number(JSONNumber(uncheckedLiteral: "1e999")),
        0.5, "", "a", ":", "[::1]:4317",
        "a/b_c", "\u{0}", "é\n: x", "9".asRepeated(400), [], [nil], [[]], ["a", "a"], [1],
        [["name": "a"], ["name": "a"]], [:], ["": ""],
        ["enabled": true], ["name": "x", "port": 1], ["metrics": ["enableMetrics": true]], ["matchLabels": nil],
    ]

    private static let fields = [
        "mode", "config", "replicas", "autoscaler", "ingress", "httpRoute", "targetAllocator", "observability",
        "networkPolicy", "args",
        "podAnnotations", "serviceAccount", "serviceName", "hostNetwork", "hostPID", "hostUsers", "dnsPolicy", "ports",
        "configmaps",
        "configVersions", "env", "envFrom", "image", "command", "resources", "securityContext", "lifecycle",
        "livenessProbe", "volumes",
        "volumeMounts", "initContainers", "additionalContainers", "hostAliases", "podDnsConfig", "tolerations",
        "podSecurityContext",
        "volumeClaimTemplates", "persistentVolumeClaimRetentionPolicy", "podManagementPolicy", "ipFamilies",
        "ipFamilyPolicy",
        "trafficDistribution", "podDisruptionBudget", "deploymentUpdateStrategy", "managementState", "upgradeStrategy",
    ]

    private static let inner = [
        "receivers", "exporters", "processors", "connectors", "extensions", "service", "pipelines", "telemetry",
        "metrics", "readers", "otlp",
        "protocols", "grpc", "endpoint", "prometheus", "config", "api_server", "health_check", "jaeger_query",
        "k8sattributes", "extract",
        "metadata", "k8sobjects", "objects", "zipkin", "traces", "enabled", "type", "ruleType", "hostname",
        "maxReplicas", "minReplicas",
        "behavior", "scaleUp", "stabilizationWindowSeconds", "mtls", "tls", "gateway", "name", "port", "address",
        "labels", "annotations",
    ]

    private struct Random {
        var state: UInt64
        mutating func next(_ count: Int) -> Int {
            self.state = self.state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((self.state >> 33) % UInt64(count))
        }

        mutating func value(_ depth: Int) -> JSONValue {
            if depth == 0 || self.next(3) == 0 { return values[self.next(values.count)] }
            if self.next(5) == 0 { return .array((0..<self.next(3)).map { _ in self.value(depth - 1) }) }
            var object: JSONObject = [:]
            for _ in 0..<self.next(6) { object[inner[self.next(inner.count)]] = self.value(depth - 1) }
            return .object(object)
        }
    }

    @Test(arguments: 0..<8) func randomResources(_ seed: Int) throws {
        var random = Random(state: UInt64(seed) &* 7919 &+ 1)
        var rendered = 0
        for _ in 0..<80 {
            var collector = try Collector.otlp()
            for _ in 0..<random.next(6) {
                let field = Self.fields[random.next(Self.fields.count)]
                collector.json.setInSpec(field, random.value(6))
            }
            if random.next(2) == 0, var config = collector.spec.config {
                for _ in 0..<3 { config[Self.inner[random.next(8)]] = random.value(6) }
                collector.spec.config = config
            }
            if random.next(8) == 0 { collector.json["metadata"] = random.value(3) }
            let settings = OperatorSettings()
            let facts = ClusterFacts(
                prometheusMonitors: true,
                gatewayRoutes: true,
                openShiftRoutes: true,
                targetAllocators: true
            )
            _ = validateCollector(collector, old: collector, settings: settings, facts: facts)
            do throws(PlanError) {
                let defaulted = try defaultCollector(collector, settings: settings).collector
                _ = validateCollector(defaulted, settings: settings, facts: facts)
                let twice = try defaultCollector(defaulted, settings: settings).collector
                #expect(twice == defaulted, "\(JSONValue.object(collector.json))")
                let first = try plan(CollectorInputs(collector: defaulted, facts: facts))
                #expect(first == (try plan(CollectorInputs(collector: defaulted, facts: facts))))
                _ = try sidecarParts(for: defaulted, settings: settings, facts: facts)
                rendered += 1
            } catch {
                #expect(!error.message.isEmpty)
            }
        }
        // The other way round it would show nothing.
        #expect(rendered > 15)
    }

    @Test(.timeLimit(.minutes(1))) func tenThousandPipelines() throws {
        var collector = try Collector.otlp()
        var receivers: JSONObject = [:]
        var pipelines: JSONObject = [:]
        for number in 0..<10_000 {
            receivers["otlp/\(number)"] = ["protocols": ["grpc": ["endpoint": .string(":\(number + 1)")]]]
            pipelines["traces/\(number)"] = ["receivers": [.string("otlp/\(number)")], "exporters": ["debug"]]
        }
        collector.spec.config = [
            "receivers": .object(receivers), "exporters": ["debug": [:]], "service": ["pipelines": .object(pipelines)],
        ]
        collector = try defaultCollector(collector, settings: OperatorSettings()).collector
        let result = validateCollector(collector, settings: OperatorSettings(), facts: ClusterFacts())
        #expect(result.errors == [])
        let ports = try plan(CollectorInputs(collector: collector)).object("Service", "simplest-collector")?.spec?[
            array: "ports"
        ]
        #expect(ports?.count == 10_000)
    }

    @Test(.timeLimit(.minutes(1))) func aMegabyteInOneValue() throws {
        var collector = try Collector.otlp()
        let text = String(repeating: "line: of text # \\ \u{0} é\n", count: 30_000)
        collector.json.mutateObject("spec") { spec in
            spec.mutateObject("config") { config in
                config.mutateObject("exporters") {
                    $0["debug"] = ["a": .string(text), "b": .string(String(repeating: "x\n", count: 500_000))]
                }
            }
        }
        let yaml = try plan(CollectorInputs(collector: collector)).apply.first { $0.kind == "ConfigMap" }?.json[
            "data"
        ]?["collector.yaml"]
        #expect((yaml?.string?.utf8.count ?? 0) > 2_000_000)
    }
}

extension String {
    fileprivate func asRepeated(_ count: Int) -> JSONValue { .string(String(repeating: self, count: count)) }
}
