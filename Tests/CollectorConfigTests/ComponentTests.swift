import JSONTree
import Testing

@testable import CollectorConfig

/// The registry and the ports that follow from it (specification sections 5 and 9.1).
struct ComponentTests {
    @Test func registryIsComplete() {
        let parsers = ComponentRegistry.parsers
        #expect(parsers.count == 58)
        #expect(parsers.filter { $0.kind == .receiver }.count == 51)
        #expect(parsers.filter { $0.kind == .processor }.count == 2)
        #expect(parsers.filter { $0.kind == .exporter }.count == 1)
        #expect(parsers.filter { $0.kind == .extension }.count == 4)
        #expect(parsers.flatMap { $0.names.dropFirst() }.count == 11)
        let names = parsers.flatMap { parser in parser.names.map { "\(parser.kind) \($0)" } }
        #expect(Set(names).count == names.count)
    }

    /// The names of the specification, so that none is lost or spelled otherwise; in brackets those of old.
    @Test func registryHoldsTheNamesOfTheSpecification() {
        let names: [ComponentKind: String] = [
            .receiver: """
            otlp skywalking jaeger loki awsxray carbon collectd fluent_forward[fluentforward] influxdb sapm signalfx
            splunk_hec statsd wavefront zipkin tcp_log[tcplog] udp_log[udplog] prometheus kubelet_stats[kubeletstats]
            k8s_events k8s_cluster k8s_objects[k8sobjects] ssh_check[sshcheck] cloud_foundry[cloudfoundry] vcenter
            oracledb snmp googlecloudpubsub chrony jmx podman_stats pulsar docker_stats aerospike zookeeper
            prometheus_simple saphana riak redis rabbitmq purefb postgresql nsxt nginx mysql memcached
            http_check[httpcheck] haproxy flink_metrics[flinkmetrics] couchdb filelog
            """,
            .processor: "k8s_attributes[k8sattributes] resource_detection[resourcedetection]", .exporter: "prometheus",
            .extension: "health_check jaeger_query k8s_leader_elector k8s_observer",
        ]
        for (kind, text) in names {
            let expected = text.split(whereSeparator: \.isWhitespace).map { word in
                word.split(whereSeparator: { $0 == "[" || $0 == "]" }).map(String.init)
            }
            #expect(Set(ComponentRegistry.parsers.filter { $0.kind == kind }.map(\.names)) == Set(expected))
        }
    }

    /// A scraper's `endpoint` is where it goes to.
    @Test func scrapersNeverHaveAPort() throws {
        let scrapers = ComponentRegistry.parsers.filter { $0.kind == .receiver && $0.ports == .none }
        #expect(scrapers.count == 33)
        for name in scrapers.flatMap(\.names) {
            let body = "{endpoint: 'host:1234', listen_address: ':1'}"
            #expect(try CollectorConfiguration.using(.receiver, name, body).ports(of: [.receiver]).isEmpty)
        }
    }

    @Test(arguments: [
        ("otlp", "otlp"), ("otlp/2", "otlp"), ("otlp/2/3", "otlp"), ("/x", ""), ("", ""), ("otlp/\u{301}x", "otlp"),
    ])
    func types(_ id: String, _ type: String) { #expect(CollectorConfiguration.type(ofComponent: id) == type) }

    struct Port: Sendable, CustomTestStringConvertible {
        var name: String
        var port: Int
        var transport: Transport?
        var appProtocol: String?
        var target: Bool
        init(
            _ name: String,
            _ port: Int,
            _ transport: Transport? = nil,
            _ appProtocol: String? = nil,
            target: Bool = true
        ) {
            (self.name, self.port, self.transport, self.appProtocol, self.target) = (
                name, port, transport, appProtocol, target
            )
        }
        var testDescription: String { "\(self.name) \(self.port)" }
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var kind: ComponentKind
        var id: String
        var body: String
        var ports: [Port]
        init(_ kind: ComponentKind, _ id: String, _ body: String, _ ports: Port...) {
            (self.kind, self.id, self.body, self.ports) = (kind, id, body, ports)
        }
        var testDescription: String { "\(self.kind) \(self.id): \(self.body)" }
    }

    @Test(arguments: [
        Case(
            .receiver,
            "otlp",
            "{protocols: {grpc: {}, http: null}}",
            Port("otlp-grpc", 4317, nil, "grpc"),
            Port("otlp-http", 4318, nil, "http")
        ),
        Case(.receiver, "otlp", "{protocols: {}}"), Case(.receiver, "otlp", "{}"), Case(.receiver, "otlp", "null"),
        Case(.receiver, "otlp/test", "{protocols: {grpc: {}}}", Port("otlp-test-grpc", 4317, nil, "grpc")),
        Case(.receiver, "otlp/a-very-long-id", "{protocols: {grpc: {}}}", Port("port-4317", 4317, nil, "grpc")),
        Case(
            .receiver,
            "otlp",
            "{protocols: {grpc: {endpoint: '0.0.0.0:1234'}}}",
            Port("otlp-grpc", 1234, nil, "grpc")
        ),
        Case(
            .receiver,
            "skywalking",
            "{protocols: {grpc: {}, http: {}}}",
            Port("skywalking-grpc", 11800, nil, "grpc"),
            Port("skywalking-http", 12800, nil, "http")
        ),
        Case(
            .receiver,
            "jaeger",
            "{protocols: {grpc: {}, thrift_http: {}, thrift_compact: {}, thrift_binary: {}}}",
            Port("jaeger-grpc", 14250, .tcp, "grpc"),
            Port("port-14268", 14268, .tcp, "http"),
            Port("port-6831", 6831, .udp),
            Port("port-6832", 6832, .udp)
        ),
        Case(
            .receiver,
            "loki",
            "{protocols: {grpc: {}, http: {}}}",
            Port("loki-grpc", 9095, nil, "grpc"),
            Port("loki-http", 3100, nil, "http")
        ),
        Case(.receiver, "awsxray", "{}", Port("awsxray", 2000, .udp)),
        Case(.receiver, "carbon", "{}", Port("carbon", 2003)),
        Case(.receiver, "collectd", "{}", Port("collectd", 8081)),
        Case(.receiver, "fluent_forward", "{}", Port("fluent-forward", 8006)),
        Case(.receiver, "fluentforward", "{}", Port("fluentforward", 8006)),
        Case(.receiver, "influxdb", "{}", Port("influxdb", 8086)), Case(.receiver, "sapm", "{}", Port("sapm", 7276)),
        Case(.receiver, "signalfx", "{}", Port("signalfx", 9943)),
        Case(.receiver, "splunk_hec", "{}", Port("splunk-hec", 8088)),
        Case(.receiver, "statsd", "{}", Port("statsd", 8125, .udp)),
        Case(.receiver, "wavefront", "{}", Port("wavefront", 2003)),
        Case(.receiver, "zipkin", "{}", Port("zipkin", 9411, .tcp, "http")), Case(.receiver, "zipkin", "null"),
        Case(.receiver, "zipkin", "{Endpoint: ':99'}", Port("zipkin", 99, .tcp, "http")),
        Case(.receiver, "zipkin", "{endpoint: '0.0.0.0:0'}", Port("zipkin", 9411, .tcp, "http")),
        Case(.receiver, "zipkin", "{endpoint: ':-1'}", Port("zipkin", 9411, .tcp, "http")),
        Case(.receiver, "zipkin", "{endpoint: '0.0.0.0:99999999999'}", Port("zipkin", 9411, .tcp, "http")),
        Case(.receiver, "zipkin", "{endpoint: '0.0.0.0:65536'}", Port("zipkin", 65536, .tcp, "http")),
        Case(.receiver, "tcplog", "{listen_address: '0.0.0.0:65535'}", Port("tcplog", 65535, .tcp, target: false)),
        Case(.receiver, "tcp_log", "{endpoint: ':1', listen_address: ':2'}", Port("tcp-log", 1, .tcp, target: false)),
        Case(.receiver, "udp_log", "{listen_address: '0.0.0.0:514'}", Port("udp-log", 514, .udp, target: false)),
        Case(.receiver, "myreceiver", "{endpoint: '0.0.0.0:1234'}", Port("myreceiver", 1234, target: false)),
        Case(.receiver, "myreceiver", "{endpoint: '0.0.0.0'}"), Case(.receiver, "myreceiver", "null"),
        Case(.receiver, "host_metrics", "{endpoint: ':1'}", Port("host-metrics", 1, target: false)),
        Case(.receiver, "my&receiver", "{endpoint: ':7'}", Port("port-7", 7, target: false)),
        Case(.receiver, "prometheus", "{config: {}}"), Case(.receiver, "prometheus", "{api_server: {enabled: false}}"),
        Case(
            .receiver,
            "prometheus/x",
            "{api_server: {enabled: true, server_config: {endpoint: ':9090'}}}",
            Port("prometheus-x", 9090, target: false)
        ),
        Case(.receiver, "kubeletstats", "{endpoint: 'https://x:10250'}"),
        Case(.receiver, "redis", "{endpoint: 'redis:6379'}"),
        Case(.receiver, "filelog", "{endpoint: ':1'}"), Case(.receiver, "redis", "just text"),
        Case(.exporter, "prometheus", "{}", Port("prometheus", 8888, target: false)),
        Case(.exporter, "prometheus/dev", "{endpoint: '0.0.0.0:8885'}", Port("prometheus-dev", 8885, target: false)),
        Case(.exporter, "prometheusremotewrite", "{endpoint: 'http://x:9'}"),
        Case(.exporter, "otlp", "{endpoint: 'x:4317'}"),
        Case(.extension, "health_check", "{}", Port("health-check", 13133, target: false)),
        Case(.extension, "health_check", "null", Port("health-check", 13133, target: false)),
        Case(.extension, "health_check/1", "{endpoint: ':8'}", Port("health-check-1", 8, target: false)),
        Case(.extension, "jaeger_query", "{}", Port("jaeger-query", 16686)), Case(.extension, "jaeger_query", "null"),
        Case(
            .extension,
            "jaeger_query",
            "{http: {endpoint: ':16686'}, grpc: {endpoint: '0.0.0.0:16685'}}",
            Port("jaeger-query", 16686),
            Port("jaeger-query-2", 16685)
        ),
        Case(.extension, "jaeger_query", "{grpc: {endpoint: ':16686'}}", Port("jaeger-query", 16686)),
        Case(.extension, "jaeger_query", "{grpc: {}}", Port("jaeger-query", 16686)),
        Case(.extension, "zpages", "{endpoint: ':55679'}"), Case(.processor, "k8sattributes", "{endpoint: ':1'}"),
    ])
    func ports(_ test: Case) throws {
        let ports = try CollectorConfiguration.using(test.kind, test.id, test.body).ports(of: [test.kind])
        #expect(ports.map(\.name) == test.ports.map(\.name))
        #expect(ports.map(\.port) == test.ports.map(\.port))
        #expect(ports.map(\.transport) == test.ports.map(\.transport))
        #expect(ports.map(\.appProtocol) == test.ports.map(\.appProtocol))
        #expect(ports.map(\.targetPort) == test.ports.map { $0.target ? $0.port : nil })
    }

    @Test(arguments: [
        (ComponentKind.receiver, "tcplog", "{}", "receivers.tcplog: port should not be empty"),
        (.receiver, "udplog/2", "{listen_address: x}", "receivers.udplog/2: port should not be empty"),
        (
            .receiver, "otlp", "{protocols: {carrier_pigeon: {}}}",
            "receivers.otlp.protocols: unknown protocol set: carrier_pigeon"
        ),
        (.receiver, "otlp", "[]", "receivers.otlp: expected a map, got 'slice'"),
        (.receiver, "otlp", "{protocols: x}", "receivers.otlp.protocols: expected a map, got 'string'"),
        (.receiver, "zipkin", "{endpoint: 9411}", "receivers.zipkin.endpoint: expected a string, got 'float64'"),
        (.receiver, "unknown", "text", "receivers.unknown: expected a map, got 'string'"),
        (.extension, "health_check", "7", "extensions.health_check: expected a map, got 'float64'"),
        (
            .receiver, "prometheus", "{api_server: {enabled: 'true'}}",
            "receivers.prometheus.api_server.enabled: expected a bool, got 'string'"
        ),
    ])
    func refusedPorts(_ kind: ComponentKind, _ id: String, _ body: String, _ message: String) throws {
        let configuration = try CollectorConfiguration.using(kind, id, body)
        let error = #expect(throws: ConfigurationError.self) { try configuration.ports(of: [kind]) }
        #expect(error?.description == message)
    }

    @Test(arguments: [
        ("http://host:8080/path:9", 8080), ("http://[::1]:8080", 8080), ("[${env:POD_IP}]:4317", 4317),
        ("[::1:4317", 1), ("a:\u{301}b:1", 1), ("[::1]:4317", 4317), ("[::]:4317", 4317), ("[::1]", nil), ("", nil),
        ("host", nil),
        ("host:", nil), ("host:0", nil), (":4317", 4317), ("tcp://x", nil), ("x:00080", 80),
        ("${env:POD_IP}:4317", 4317),
        ("0.0.0.0:4317abc", 4317), ("unix:/tmp/x", nil),
    ])
    func portOfEndpoint(_ endpoint: String, _ port: Int?) { #expect(Endpoint.port(endpoint) == port) }

    @Test(arguments: [
        ("otlp_http", 4318, "otlp-http"), ("otlp/http", 4318, "otlp-http"), ("otlp&&**http", 4318, "port-4318"),
        ("0123456789abcdef", 4318, "port-4318"), ("0123456789abcde", 1, "0123456789abcde"), ("-x", 1, "port-1"),
        ("x_", 1, "port-1"), ("", 1, ""), ("a.b", 1, "a.b"), ("éé", 2, "port-2"),
    ])
    func names(_ name: String, _ port: Int, _ expected: String) { #expect(PortName.make(name, port: port) == expected) }

    @Test(arguments: [
        ("otlp-grpc", 0), ("", 2), ("0123456789abcdef", 1), ("a--b", 1), ("-a", 1), ("a-", 1), ("1234", 1), ("A", 2),
        ("a_b", 1),
    ])
    func nameProblems(_ name: String, _ count: Int) { #expect(PortName.problems(name).count == count) }

    @Test func onlyEnabledComponentsCountAndAllAreSorted() throws {
        let configuration = try CollectorConfiguration.yaml(
            """
            receivers: {zipkin: {}, otlp: {protocols: {http: {}, grpc: {}}}, statsd: {}}
            exporters: {prometheus: {}}
            extensions: {health_check: {}, zpages: {}}
            service:
              extensions: [health_check]
              pipelines: {traces: {receivers: [zipkin, otlp, zipkin], exporters: [prometheus]}, metrics: null}
            """
        )
        #expect(
            try configuration.ports(of: [.receiver, .exporter, .extension]).map(\.name) == [
                "health-check", "otlp-grpc", "otlp-http", "prometheus", "zipkin",
            ]
        )
    }

    /// Without an `extensions` section there are no defaults and no probe, but a port there is.
    @Test func extensionsWithoutSection() throws {
        var config = try JSONObject.yaml(
            "{receivers: {}, exporters: {}, service: {extensions: [health_check], pipelines: {}}}"
        )
        try ConfigurationDefaults.apply(to: &config)
        #expect(config["extensions"] == nil)
        let configuration = try CollectorConfiguration(config)
        #expect(try configuration.ports(of: [.extension]).map(\.port) == [13133])
        #expect(configuration.healthCheckProbe == nil)
    }

    @Test(arguments: [
        ("{}", "/", 13133), ("null", "/", 13133), ("{path: /health, endpoint: ':8'}", "/health", 8),
        ("{endpoint: '${env:POD_IP}:13133'}", "/", 13133),
    ])
    func probes(_ body: String, _ path: String, _ port: Int) throws {
        let probe = try CollectorConfiguration.using(.extension, "health_check", body).healthCheckProbe
        #expect(probe?.path == path)
        #expect(probe?.port == port)
    }

    @Test func probeOfAWrongBodyIsNone() throws {
        #expect(try CollectorConfiguration.using(.extension, "health_check", "{path: 7}").healthCheckProbe == nil)
        #expect(try CollectorConfiguration.using(.extension, "zpages", "{}").healthCheckProbe == nil)
    }
}
