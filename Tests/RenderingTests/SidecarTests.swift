import JSONTree
import Rendering
import TelemetryAPI
import Testing

/// What an injected collector brings along (specification section 2.8).
struct SidecarTests {
    static let spec = """
          mode: sidecar
          args: {config: x, a: b}
          env: [{name: OTEL_CONFIG, value: mine}, {name: FIRST, value: '1'}]
          initContainers: [{name: init, image: busybox}]
          volumes: [{name: data, emptyDir: {}}]
          volumeMounts: [{name: data, mountPath: /data}]
          configmaps: [{name: example-config, mountpath: /tmp/example}]
        """

    @Test func parts() throws {
        let collector = try Collector.otlp(Self.spec)
        let parts = try sidecarParts(
            for: collector,
            settings: OperatorSettings(),
            facts: ClusterFacts(nativeSidecars: false)
        )
        #expect(parts.container[string: "name"] == "otc-container")
        #expect(parts.container[strings: "args"] == ["--a=b", "--config=x", "--config=env:OTEL_CONFIG"])
        #expect(
            parts.container[array: "env"]?.compactMap { $0["name"]?.string } == [
                "FIRST", "POD_NAME", "GOMEMLIMIT", "GOMAXPROCS", "OTEL_CONFIG",
            ]
        )
        #expect(
            parts.container[array: "env"]?.last?["value"]?.string?.hasPrefix("receivers:\n  otlp:\n    protocols:\n")
                == true
        )
        #expect(
            parts.container[array: "volumeMounts"]?.compactMap { $0["mountPath"]?.string } == [
                "/data", "/var/conf/tmp/example/configmap-example-config",
            ]
        )
        #expect(parts.initContainers == [["name": "init", "image": "busybox"]])
        #expect(
            parts.volumes == [
                ["name": "data", "emptyDir": [:]],
                ["name": "configmap-example-config", "configMap": ["name": "example-config"]],
            ]
        )
        #expect(parts.label == SidecarParts.Label(key: "sidecar.opentelemetry.io/injected", value: "default.simplest"))
        #expect(parts.container["restartPolicy"] == nil)
        #expect(
            parts.container[array: "ports"]?.compactMap { $0["name"]?.string } == ["metrics", "otlp-grpc", "otlp-http"]
        )
    }

    @Test func nativeSidecarsRestartAndReportTheirStart() throws {
        let collector = try Collector.yaml(
            """
            spec:
              mode: sidecar
              config:
                receivers: {}
                exporters: {}
                extensions: {health_check: {}}
                service: {extensions: [health_check], pipelines: {}}
              startupProbe: {failureThreshold: 30}
            """
        )
        let container = try sidecarParts(for: collector, settings: OperatorSettings(), facts: ClusterFacts()).container
        #expect(container["restartPolicy"] == "Always")
        #expect(container["startupProbe"]?["failureThreshold"] == 30)
        #expect(container["startupProbe"]?["httpGet"]?["port"] == 13133)
    }

    /// A configuration no port can be read from is still injected, without ports.
    @Test func unreadablePortsAreNone() throws {
        var collector = try Collector.otlp("  mode: sidecar")
        collector.spec.config = try JSONValue.yaml(
            "{receivers: {tcplog: {}}, exporters: {}, service: {pipelines: {l: {receivers: [tcplog], exporters: []}}}}"
        ).object
        let container = try sidecarParts(for: collector, settings: OperatorSettings(), facts: ClusterFacts()).container
        #expect(container["ports"] == nil)
        collector.spec.config = ["receivers": 7]
        #expect(throws: PlanError.self) {
            try sidecarParts(for: collector, settings: OperatorSettings(), facts: ClusterFacts())
        }
    }
}
