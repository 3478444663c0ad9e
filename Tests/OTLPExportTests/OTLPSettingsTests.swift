import Testing

@testable import OTLPExport

struct OTLPSettingsTests {
    private static let endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT"

    private func read(_ more: [String: String] = [:]) -> (settings: OTLPSettings?, warnings: [String]) {
        OTLPSettings.read(
            [Self.endpoint: "http://c:4318"].merging(more) { $1 },
            service: "op",
            version: "1.2"
        )
    }

    @Test func offUnlessAnEndpointIsSet() {
        let nothing = OTLPSettings.read(["OTEL_SERVICE_NAME": "x", "PATH": "/"], service: "op", version: "1")
        #expect(nothing.settings == nil && nothing.warnings == [])
        for more in [
            ["OTEL_SDK_DISABLED": "TRUE"], ["OTEL_TRACES_EXPORTER": "none"], [Self.endpoint: "  "],
        ] {
            let (settings, warnings) = self.read(more)
            #expect(settings == nil && warnings == [])
        }
        // Only "true" is true.
        #expect(self.read(["OTEL_SDK_DISABLED": "1"]).settings != nil)
    }

    @Test(arguments: [
        ([endpoint: "http://c:4318"], "http://c:4318/v1/traces"),
        ([endpoint: "http://c:4318/"], "http://c:4318/v1/traces"),
        ([endpoint: "https://c/otlp"], "https://c/otlp/v1/traces"),
        (["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://c:1/own"], "https://c:1/own"),
        (["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://c:1"], "https://c:1/"),
    ])
    func endpoints(_ environment: [String: String], _ url: String) {
        #expect(self.read(environment).settings?.endpoint == url)
    }

    @Test(arguments: ["c:4318", "grpc://c", "http://", "http:///x", "http://a b", "http://a\nb"])
    func whatIsNoURLIsSaid(_ text: String) {
        let (settings, warnings) = self.read([Self.endpoint: text])
        #expect(settings == nil && warnings.count == 1 && warnings[0].contains(Self.endpoint))
    }

    @Test func headersAndAttributes() throws {
        let (read, warnings) = self.read([
            "OTEL_EXPORTER_OTLP_HEADERS": "api-key = a%20secret%3D , x=1,broken,é=2,bad=%zz,inject=a%0d%0ab",
            "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=prod,service.name=other,k=a%2Cb",
            "OTEL_SERVICE_NAME": "mine", "POD_NAME": "pod-1", "NAMESPACE": "ns",
        ])
        let settings = try #require(read)
        #expect(settings.headers.map { "\($0.name)=\($0.value)" } == ["api-key=a secret=", "x=1"])
        let attributes = Dictionary(uniqueKeysWithValues: settings.resource.map { ($0.name, $0.value) })
        #expect(attributes["service.name"] == "mine" && attributes["service.version"] == "1.2")
        #expect(attributes["k"] == "a,b" && attributes["deployment.environment.name"] == "prod")
        #expect(attributes["k8s.pod.name"] == "pod-1" && attributes["k8s.namespace.name"] == "ns")
        #expect(warnings.count == 4)
        #expect(!warnings.joined().contains("secret") && !warnings.joined().contains("broken"))
        let own = self.read(["OTEL_EXPORTER_OTLP_TRACES_HEADERS": "a=1", "OTEL_EXPORTER_OTLP_HEADERS": "b=2"])
        #expect(own.settings?.headers.map(\.name) == ["a"])
    }

    @Test(arguments: [
        ("always_on", nil, SpanSampler(root: .always, followsParent: false), 0),
        ("always_off", nil, SpanSampler(root: .never, followsParent: false), 0),
        ("traceidratio", "0.25", SpanSampler(root: .ratio(0.25), followsParent: false), 0),
        ("parentbased_traceidratio", nil, SpanSampler(root: .ratio(1)), 0),
        ("parentbased_always_off", nil, SpanSampler(root: .never), 0),
        ("ParentBased_Always_On", nil, SpanSampler(root: .always), 0),
        ("traceidratio", "2", SpanSampler(root: .ratio(1), followsParent: false), 1),
        ("traceidratio", "nan", SpanSampler(root: .ratio(1), followsParent: false), 1),
        ("jaeger_remote", nil, SpanSampler(root: .always), 1),
    ])
    func samplers(_ name: String, _ argument: String?, _ sampler: SpanSampler, _ warnings: Int) {
        var environment = ["OTEL_TRACES_SAMPLER": name]
        environment["OTEL_TRACES_SAMPLER_ARG"] = argument
        let read = self.read(environment)
        #expect(read.settings?.sampler == sampler && read.warnings.count == warnings)
    }

    @Test func numbers() throws {
        let (read, warnings) = self.read([
            "OTEL_EXPORTER_OTLP_TIMEOUT": "2500", "OTEL_BSP_SCHEDULE_DELAY": "100", "OTEL_BSP_EXPORT_TIMEOUT": "x",
            "OTEL_BSP_MAX_QUEUE_SIZE": "10", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "0",
            "OTEL_EXPORTER_OTLP_CERTIFICATE": "/ca.pem",
        ])
        let settings = try #require(read)
        #expect(settings.timeout == .milliseconds(2500) && settings.scheduleDelay == .milliseconds(100))
        #expect(settings.exportTimeout == .seconds(30) && settings.queueLimit == 10)
        #expect(settings.batchLimit == 10, "no batch is larger than the queue")
        #expect(settings.certificate == "/ca.pem")
        #expect(warnings.count == 2)
        #expect(
            self.read(["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": "7", "OTEL_EXPORTER_OTLP_TIMEOUT": "9"]).settings?.timeout
                == .milliseconds(7)
        )
    }

    @Test(arguments: [
        ["OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"], ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf"],
        ["OTEL_EXPORTER_OTLP_COMPRESSION": "gzip"], ["OTEL_TRACES_EXPORTER": "zipkin"],
        ["OTEL_EXPORTER_OTLP_CLIENT_KEY": "/k"],
    ])
    func whatIsNotSupportedIsSaid(_ environment: [String: String]) {
        let (settings, warnings) = self.read(environment)
        #expect(settings != nil && warnings.count == 1 && warnings[0].contains("not supported"))
    }

    @Test func jsonIsSupported() {
        #expect(self.read(["OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"]).warnings == [])
    }
}
