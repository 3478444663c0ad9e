import JSONTree
import KubeModel
import Rendering
import TelemetryAPI
import Testing

/// The collector's container: ports, environment, probes, mounts (specification sections 3.3 to 3.5 and 9.3).
struct CollectorContainerTests {
    private func container(_ collector: Collector, settings: OperatorSettings = OperatorSettings()) throws -> JSONObject
    {
        let deployment = try plan(CollectorInputs(collector: collector, settings: settings)).apply[0]
        return try #require(deployment.spec?["template"]?["spec"]?["containers"]?[0]?.object)
    }

    /// Specification section 3.4: `spec.ports` against what follows from the configuration.
    @Test(arguments: [
        (
            "[]", "receivers: {x: {endpoint: '0.0.0.0:12345'}}", "exporters: {d: {}}",
            ["metrics 8888/TCP", "x 12345/TCP"]
        ),
        (
            "[{name: testport1, port: 12345}, {name: testport2, port: 54321, protocol: UDP}]",
            "receivers: {x: {endpoint: '0.0.0.0:12345'}}", "exporters: {d: {}}",
            ["metrics 8888/TCP", "testport1 12345/TCP", "testport2 54321/UDP"]
        ),
        (
            "[{name: testport1, port: 12345}, {name: testport1, port: 11111}]",
            "receivers: {x: {endpoint: '0.0.0.0:12345'}}",
            "exporters: {d: {}}", ["metrics 8888/TCP", "port-11111 11111/TCP", "testport1 12345/TCP"]
        ),
        (
            "[{name: metrics, port: 8888}, {name: prometheus, port: 9090}]", "receivers: {x: {}}",
            "exporters: {prometheus: {endpoint: ':9090'}}", ["metrics 8888/TCP", "prometheus 9090/TCP"]
        ),
        (
            "[{name: metrics, port: 8888, protocol: TCP}]", "receivers: {x: {}}",
            "exporters: {prometheusremotewrite: {}}", ["metrics 8888/TCP"]
        ),
        // The name is taken by another port.
        (
            "[{name: x, port: 1}]", "receivers: {x: {endpoint: ':2'}}", "exporters: {d: {}}",
            ["metrics 8888/TCP", "port-2 2/TCP", "x 1/TCP"]
        ),
        (
            "[{name: x, port: 1}, {name: port-2, port: 3}]", "receivers: {x: {endpoint: ':2'}}", "exporters: {d: {}}",
            ["metrics 8888/TCP", "port-2 3/TCP", "x 1/TCP"]
        ),
        // One number, two protocols.
        (
            "[{name: u, port: 12345, protocol: UDP}]", "receivers: {x: {endpoint: ':12345'}}", "exporters: {d: {}}",
            ["metrics 8888/TCP", "u 12345/UDP", "x 12345/TCP"]
        ),
        // Server-side apply takes a port once: the component's stays, the collector's own metrics share it.
        ("[]", "receivers: {x: {}}", "exporters: {prometheus: {}}", ["prometheus 8888/TCP"]),
        (
            "[{name: a, port: 1}, {name: b, port: 1}]", "receivers: {x: {}}", "exporters: {d: {}}",
            ["a 1/TCP", "metrics 8888/TCP"]
        ),
        // Two components of one name.
        (
            "[]", "receivers: {prometheus: {api_server: {enabled: true, server_config: {endpoint: ':9099'}}}}",
            "exporters: {prometheus: {endpoint: ':9090'}}",
            ["metrics 8888/TCP", "port-9090 9090/TCP", "prometheus 9099/TCP"]
        ),
    ])
    func ports(_ ports: String, _ receivers: String, _ exporters: String, _ expected: [String]) throws {
        let receiver = try #require(receivers.split(separator: "{").dropFirst().first?.split(separator: ":").first)
        let exporter = try #require(exporters.split(separator: "{").dropFirst().first?.split(separator: ":").first)
        let collector = try Collector.yaml(
            """
            spec:
              ports: \(ports)
              config:
                \(receivers)
                \(exporters)
                service: {pipelines: {traces: {receivers: [\(receiver)], exporters: [\(exporter)]}}}
            """
        )
        let rendered = try self.container(collector)[array: "ports"] ?? []
        #expect(
            rendered.map {
                "\($0["name"]?.string ?? "") \($0["containerPort"]?.int ?? 0)/\($0["protocol"]?.string ?? "")"
            } == expected
        )
    }

    @Test func metricsPortFollowsTheConfiguration() throws {
        let collector = try Collector.yaml(
            """
            spec:
              config:
                receivers: {}
                exporters: {}
                service: {pipelines: {}, telemetry: {metrics: {address: "0.0.0.0:9464"}}}
            """
        )
        #expect(
            try self.container(collector)["ports"] == [["name": "metrics", "containerPort": 9464, "protocol": "TCP"]]
        )
    }

    @Test func argumentsAreSortedAndTheConfigurationComesFirst() throws {
        let collector = try Collector.otlp("  args: {z: '1', a: '2', config: x}")
        #expect(try self.container(collector)[strings: "args"] == ["--config=/conf/collector.yaml", "--a=2", "--z=1"])
    }

    @Test func environmentOfTheUserWins() throws {
        var settings = OperatorSettings()
        settings.proxy = ProxyEnvironment(http: "p")
        let collector = try Collector.otlp("  env: [{name: POD_NAME, value: x}, {name: http_proxy, value: y}]")
        let environment = try self.container(collector, settings: settings)[array: "env"] ?? []
        #expect(
            environment.compactMap { $0["name"]?.string } == [
                "POD_NAME", "http_proxy", "GOMEMLIMIT", "GOMAXPROCS", "HTTP_PROXY",
            ]
        )
        #expect(environment[0]["value"] == "x")
    }

    @Test(arguments: [
        ("", "/var/conf/configmap-m"), ("dir", "/var/conf/dir/configmap-m"), ("/", "/var/conf/configmap-m"),
        ("/tmp/test", "/var/conf/tmp/test/configmap-m"), ("a//./b/../c/", "/var/conf/a/c/configmap-m"),
        ("../x", "/var/x/configmap-m"),
    ])
    func configMapMounts(_ path: String, _ expected: String) throws {
        let collector = try Collector.otlp("  configmaps: [{name: m, mountpath: '\(path)'}]")
        #expect(try self.container(collector)[array: "volumeMounts"]?.last?["mountPath"]?.string == expected)
    }

    /// One ConfigMap in two places is one volume.
    @Test func configMapMountedTwice() throws {
        let collector = try Collector.otlp(
            "  configmaps: [{name: m, mountpath: a}, {name: m, mountpath: b}, {name: m, mountpath: b}]"
        )
        let template = try #require(try plan(CollectorInputs(collector: collector)).apply[0].spec?["template"]?["spec"])
        #expect(template["volumes"]?.array?.compactMap { $0["name"]?.string } == ["otc-internal", "configmap-m"])
        #expect(
            try self.container(collector)[array: "volumeMounts"]?.compactMap { $0["mountPath"]?.string } == [
                "/conf", "/var/conf/a/configmap-m", "/var/conf/b/configmap-m",
            ]
        )
    }

    @Test func probesNeedTheExtension() throws {
        let collector = try Collector.otlp("  livenessProbe: {timeoutSeconds: 3}")
        let container = try self.container(collector)
        #expect(container["livenessProbe"] == nil)
    }
}
