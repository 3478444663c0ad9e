import JSONTree
import KubeModel
import PodInjection
import Testing

/// What the pod has already is not given to it twice: the API server would refuse it.
struct ConflictTests {
    private static let go = [key("otel-go-auto-target-exe"): "/app"]

    @Test(arguments: [
        ("java", "containers: [{name: app, image: a}, {name: opentelemetry-auto-instrumentation-java, image: b}]"),
        (
            "java",
            "containers: [{name: app, image: a}]\ninitContainers: [{name: opentelemetry-auto-instrumentation-extension-0, image: b}]"
        ),
        ("python", "containers: [{name: app, image: a}, {name: opentelemetry-auto-instrumentation-python, image: b}]"),
        ("apache-httpd", "containers: [{name: app, image: a}, {name: otel-agent-attach-apache, image: b}]"),
        ("nginx", "containers: [{name: app, image: a}, {name: otel-agent-source-container-clone, image: b}]"),
        ("nginx", "containers: [{name: app, image: a}]\ninitContainers: [{name: otel-agent-attach-nginx, image: b}]"),
        (
            "go",
            "containers: [{name: app, image: a}]\ninitContainers: [{name: opentelemetry-auto-instrumentation, image: b}]"
        ),
    ])
    func names(_ language: String, _ spec: String) throws {
        let result = try scenario(
            [key("inject-\(language)"): "true", key("\(language)-container-names"): "app"].merging(Self.go) { $1 },
            spec: spec,
            instrumentation: "java: {extensions: [{image: e, dir: /e}]}"
        ).run()
        #expect(result.codes == ["\(language) NameConflict"])
        #expect(result.isUnchanged)
    }

    @Test func namesOfTheSidecarsInitContainers() throws {
        let collector = """
            apiVersion: opentelemetry.io/v1beta1
            kind: OpenTelemetryCollector
            metadata: {name: agent}
            spec:
              mode: sidecar
              initContainers: [{name: prepare, image: p}]
              config:
                receivers: {otlp: {protocols: {grpc: {}}}}
                exporters: {debug: {}}
                service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}
            """
        let result = try scenario(
            ["sidecar.opentelemetry.io/inject": "true"],
            spec: "containers: [{name: app, image: a}, {name: prepare, image: b}]",
            more: collector
        ).run()
        #expect(result.codes == ["sidecar NameConflict"])
        #expect(result.isUnchanged)
    }

    @Test(arguments: [
        ("python", "/otel-auto-instrumentation-python"), ("python", "/otel-auto-instrumentation-python/"),
        ("java", "/otel-auto-instrumentation-java-app"), ("nodejs", "/otel-auto-instrumentation-nodejs"),
        ("dotnet", "/otel-auto-instrumentation-dotnet"), ("apache-httpd", "/opt/opentelemetry-webserver/agent"),
        ("nginx", "/opt/opentelemetry-webserver/source-conf"),
    ])
    func mounts(_ language: String, _ path: String) throws {
        let result = try scenario(
            [key("inject-\(language)"): "true"],
            spec: "containers: [{name: app, image: a, volumeMounts: [{name: own, mountPath: '\(path)'}]}]"
        ).run()
        #expect(result.codes == ["\(language) MountConflict"])
        #expect(result.isUnchanged)
    }

    /// Another path is none of ours, also one below.
    @Test(arguments: ["/otel-auto-instrumentation-python-too", "/otel-auto-instrumentation-python/own"])
    func otherMounts(_ path: String) throws {
        let result = try scenario(
            [key("inject-python"): "true"],
            spec: "containers: [{name: app, image: a, volumeMounts: [{name: own, mountPath: '\(path)'}]}]"
        ).run()
        #expect(result.codes == ["python Injected"])
    }

    /// Certificates that the pod mounts itself where ours would be are the ones it wants.
    @Test func certificatesOfThePod() throws {
        let mount = "{name: own, mountPath: /otel-auto-instrumentation-secret-certs}"
        let result = try scenario(
            [key("inject-sdk"): "true"],
            spec: "containers: [{name: app, image: a, volumeMounts: [\(mount)]}]\nvolumes: [{name: own, emptyDir: {}}]",
            instrumentation: "exporter: {endpoint: 'https://c', tls: {secretName: certs, ca_file: ca.crt}}",
            more: "{apiVersion: v1, kind: Secret, metadata: {name: certs}}"
        ).run()
        #expect(result.codes == ["sdk Injected"])
        #expect(try result.container("app").volumeMounts.count == 1)
        #expect(result.pod.spec.volumes.map(\.name) == ["own"])
        #expect(
            try result.value("OTEL_EXPORTER_OTLP_CERTIFICATE") == "/otel-auto-instrumentation-secret-certs/ca.crt"
        )
    }

    /// The API server takes no pod that shares both its own and the node's processes.
    @Test(arguments: [true, false]) func goWithTheNodesProcesses(_ isOnNode: Bool) throws {
        let result = try scenario(
            [key("inject-go"): "true"].merging(Self.go) { $1 },
            spec: "hostPID: \(isOnNode)\ncontainers: [{name: app, image: a}]"
        ).run()
        #expect(result.codes == ["go Injected"])
        #expect(result.pod.spec.json[bool: "shareProcessNamespace"] == (isOnNode ? nil : true))
    }
}
