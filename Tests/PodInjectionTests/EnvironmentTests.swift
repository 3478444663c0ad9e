import JSONTree
import KubeModel
import PodInjection
import Testing

/// Specification sections 5.5, 6.4 and 9.4.
struct EnvironmentTests {
    private func run(
        _ language: String,
        env: String = "[]",
        instrumentation: String = "{}",
        annotations: [String: String] = [:],
        more: String = ""
    ) throws -> Scenario.Result {
        try scenario(
            annotations.merging([key("inject-\(language)"): "true"]) { $1 },
            spec: "containers:\n- name: app\n  image: app\n  env: \(env)",
            instrumentation: instrumentation,
            more: more
        ).run()
    }

    private let pythonPath =
        "/otel-auto-instrumentation-python/opentelemetry/instrumentation/auto_instrumentation:/otel-auto-instrumentation-python"
    private let tail = [
        "OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES_POD_NAME", "OTEL_RESOURCE_ATTRIBUTES_NODE_NAME",
        "OTEL_RESOURCE_ATTRIBUTES",
    ]

    /// The first row of section 9.4.
    @Test func variablesAreAddedIfAbsent() throws {
        let result = try self.run(
            "java",
            env: "[{name: foo, value: bar}]",
            instrumentation:
                "java: {env: [{name: foo, value: x}, {name: alpha, value: beta}, {name: alpha, value: twice}]}"
        )
        let values = try result.env().filter { ["foo", "alpha"].contains($0.name) }.map {
            "\($0.name)=\($0.value ?? "")"
        }
        #expect(values == ["foo=bar", "alpha=beta"])
    }

    @Test func pythonWithASpecVariable() throws {
        let result = try self.run("python", instrumentation: "env: [{name: OTEL_METRICS_EXPORTER, value: none}]")
        #expect(
            try result.names() == [
                "OTEL_NODE_IP", "OTEL_POD_IP", "PYTHONPATH", "OTEL_METRICS_EXPORTER", "OTEL_EXPORTER_OTLP_PROTOCOL",
                "OTEL_TRACES_EXPORTER", "OTEL_LOGS_EXPORTER",
            ] + self.tail
        )
        #expect(try result.value("OTEL_METRICS_EXPORTER") == "none")
        #expect(try result.value("PYTHONPATH") == self.pythonPath)
    }

    @Test func pythonWithAProtocol() throws {
        let result = try self.run("python", env: "[{name: OTEL_EXPORTER_OTLP_PROTOCOL, value: somebackend}]")
        #expect(
            try result.names() == [
                "OTEL_NODE_IP", "OTEL_POD_IP", "OTEL_EXPORTER_OTLP_PROTOCOL", "PYTHONPATH", "OTEL_TRACES_EXPORTER",
                "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER",
            ] + self.tail
        )
        #expect(try result.value("OTEL_EXPORTER_OTLP_PROTOCOL") == "somebackend")
    }

    @Test func pythonPathIsJoined() throws {
        let result = try self.run("python", env: "[{name: PYTHONPATH, value: '/foo:/bar'}]")
        let parts = self.pythonPath.split(separator: ":")
        #expect(try result.value("PYTHONPATH") == "\(parts[0]):/foo:/bar:\(parts[1])")
    }

    @Test func javaOptionsAreJoined() throws {
        let result = try self.run("java", env: "[{name: JAVA_TOOL_OPTIONS, value: -Dbaz=bar}]")
        #expect(
            try result.value("JAVA_TOOL_OPTIONS")
                == "-Dbaz=bar -javaagent:/otel-auto-instrumentation-java-app/javaagent.jar"
        )
    }

    @Test func javaExtensions() throws {
        let result = try self.run(
            "java",
            instrumentation: "java: {extensions: [{image: 'e:1', dir: /a}, {image: 'e:2', dir: /b}]}"
        )
        #expect(
            result.pod.spec.initContainers.map(\.name) == [
                "opentelemetry-auto-instrumentation-java", "opentelemetry-auto-instrumentation-extension-0",
                "opentelemetry-auto-instrumentation-extension-1",
            ]
        )
        #expect(
            try result.value("JAVA_TOOL_OPTIONS")?.hasSuffix(
                "-Dotel.javaagent.extensions=/otel-auto-instrumentation-java-app/extensions"
            ) == true
        )
    }

    @Test func nodeOptionsAreJoined() throws {
        let result = try self.run("nodejs", env: "[{name: NODE_OPTIONS, value: -Dbaz=bar}]")
        #expect(
            try result.value("NODE_OPTIONS")
                == "-Dbaz=bar --require /otel-auto-instrumentation-nodejs/autoinstrumentation.js"
        )
        #expect(try result.value("OTEL_METRICS_EXPORTER") == "otlp")
    }

    @Test func dotnetWithAllVariables() throws {
        let names = [
            "CORECLR_ENABLE_PROFILING", "CORECLR_PROFILER", "CORECLR_PROFILER_PATH", "DOTNET_STARTUP_HOOKS",
            "DOTNET_ADDITIONAL_DEPS", "DOTNET_SHARED_STORE",
        ]
        let env = names.map { "{name: \($0), value: '/foo:/bar'}" }.joined(separator: ", ")
        let result = try self.run("dotnet", env: "[\(env)]")
        let path = "/otel-auto-instrumentation-dotnet"
        #expect(try result.names() == ["OTEL_NODE_IP", "OTEL_POD_IP"] + names + ["OTEL_DOTNET_AUTO_HOME"] + self.tail)
        for name in names.prefix(3) { #expect(try result.value(name) == "/foo:/bar") }
        #expect(
            try result.value("DOTNET_STARTUP_HOOKS")
                == "/foo:/bar:\(path)/net/OpenTelemetry.AutoInstrumentation.StartupHook.dll"
        )
        #expect(try result.value("DOTNET_ADDITIONAL_DEPS") == "/foo:/bar:\(path)/AdditionalDeps")
        #expect(try result.value("DOTNET_SHARED_STORE") == "/foo:/bar:\(path)/store")
        #expect(try result.value("OTEL_DOTNET_AUTO_HOME") == path)
    }

    @Test func dotnetRuntimes() throws {
        let runtime = key("otel-dotnet-auto-runtime")
        for (value, library) in [("", "linux"), ("linux-x64", "linux"), ("linux-musl-x64", "linux-musl")] {
            let result = try self.run("dotnet", annotations: [runtime: value])
            #expect(
                try result.value("CORECLR_PROFILER_PATH")
                    == "/otel-auto-instrumentation-dotnet/\(library)/OpenTelemetry.AutoInstrumentation.Native.so"
            )
        }
    }

    static let refusals: [(String, String, String, [String: String], String)] = [
        ("java", "[{name: JAVA_TOOL_OPTIONS, valueFrom: {}}]", "{}", [:], "EnvFromConflict"),
        ("nodejs", "[{name: NODE_OPTIONS, valueFrom: {fieldRef: {fieldPath: x}}}]", "{}", [:], "EnvFromConflict"),
        ("python", "[{name: PYTHONPATH, valueFrom: {fieldRef: {fieldPath: x}}}]", "{}", [:], "EnvFromConflict"),
        ("dotnet", "[{name: DOTNET_STARTUP_HOOKS, valueFrom: {fieldRef: {}}}]", "{}", [:], "EnvFromConflict"),
        ("dotnet", "[{name: DOTNET_ADDITIONAL_DEPS, valueFrom: {fieldRef: {}}}]", "{}", [:], "EnvFromConflict"),
        ("dotnet", "[{name: DOTNET_SHARED_STORE, valueFrom: {fieldRef: {}}}]", "{}", [:], "EnvFromConflict"),
        ("dotnet", "[{name: OTEL_DOTNET_AUTO_HOME, value: x}]", "{}", [:], "EnvironmentConflict"),
        ("dotnet", "[]", "dotnet: {env: [{name: OTEL_DOTNET_AUTO_HOME, value: x}]}", [:], "EnvironmentConflict"),
        ("dotnet", "[]", "{}", [key("otel-dotnet-auto-runtime"): "win-x64"], "UnsupportedPlatform"),
        ("python", "[]", "{}", [key("otel-python-platform"): "Musl"], "UnsupportedPlatform"),
    ]

    /// Sharp edge 16: without an accepted container nothing of the agent is added.
    @Test(arguments: Self.refusals)
    func refusesAContainer(
        _ language: String,
        _ env: String,
        _ instrumentation: String,
        _ annotations: [String: String],
        _ code: String
    ) throws {
        let result = try self.run(language, env: env, instrumentation: instrumentation, annotations: annotations)
        #expect(result.isUnchanged)
        #expect(result.codes == ["\(language) \(code)"])
        #expect(result.outcome.warnings.count == 1)
        #expect(result.outcome.error == nil)
    }

    /// A null is nothing: the container isn't refused.
    @Test func nullIsNoReference() throws {
        let result = try self.run("java", env: "[{name: JAVA_TOOL_OPTIONS, valueFrom: null, value: -Da=b}]")
        #expect(try result.value("JAVA_TOOL_OPTIONS")?.hasPrefix("-Da=b -javaagent:") == true)
    }

    /// A variable without a value is an empty one.
    @Test func missingValueIsFilled() throws {
        let result = try self.run("java", env: "[{name: JAVA_TOOL_OPTIONS}, {name: NIL, value: null}]")
        #expect(try result.value("JAVA_TOOL_OPTIONS")?.hasPrefix(" -javaagent:") == true)
        #expect(try result.env().first { $0.name == "NIL" }?.json["value"] == .null)
    }

    /// Of two variables of one name a program sees the last.
    @Test func lastOfEqualNamesIsChanged() throws {
        let result = try self.run(
            "java",
            env: "[{name: JAVA_TOOL_OPTIONS, value: first}, {name: JAVA_TOOL_OPTIONS, value: second}]"
        )
        let values = try result.env().filter { $0.name == "JAVA_TOOL_OPTIONS" }.map(\.value)
        #expect(values == ["first", "second -javaagent:/otel-auto-instrumentation-java-app/javaagent.jar"])
    }

    /// Sharp edge 17: the Instrumentation's own reference is left as it is, and said.
    @Test func referenceOfTheInstrumentationIsLeftAlone() throws {
        let result = try self.run(
            "python",
            instrumentation: "python: {env: [{name: PYTHONPATH, valueFrom: {configMapKeyRef: {name: c, key: k}}}]}"
        )
        let entry = try #require(try result.env().first { $0.name == "PYTHONPATH" })
        #expect(entry.json == ["name": "PYTHONPATH", "valueFrom": ["configMapKeyRef": ["name": "c", "key": "k"]]])
        #expect(result.codes == ["python EnvFromConflict", "python Injected"])
    }

    @Test func ownAddressesStay() throws {
        let result = try self.run("sdk", env: "[{name: OTEL_POD_IP, value: '1.2.3.4'}]")
        #expect(try result.names().prefix(2) == ["OTEL_NODE_IP", "OTEL_POD_IP"])
        #expect(try result.value("OTEL_POD_IP") == "1.2.3.4")
    }

    // MARK: Certificates

    private let objects = """
        {apiVersion: v1, kind: Secret, metadata: {name: my.certs}}
        ---
        {apiVersion: v1, kind: ConfigMap, metadata: {name: ca.bundle}}
        """

    @Test func volumeNamesHaveNoDots() throws {
        let result = try self.run(
            "sdk",
            instrumentation:
                "exporter: {tls: {secretName: my.certs, configMapName: ca.bundle, ca_file: ca, cert_file: /abs, key_file: k}}",
            more: self.objects
        )
        #expect(result.pod.spec.volumes.map(\.name) == ["otel-auto-secret-my-certs", "otel-auto-configmap-ca-bundle"])
        #expect(
            try result.container("app").volumeMounts.map(\.mountPath) == [
                "/otel-auto-instrumentation-secret-my.certs", "/otel-auto-instrumentation-configmap-ca.bundle",
            ]
        )
        #expect(
            try result.value("OTEL_EXPORTER_OTLP_CERTIFICATE") == "/otel-auto-instrumentation-configmap-ca.bundle/ca"
        )
        #expect(try result.value("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE") == "/abs")
        #expect(try result.value("OTEL_EXPORTER_OTLP_CLIENT_KEY") == "/otel-auto-instrumentation-secret-my.certs/k")
    }

    @Test func caFromTheSecret() throws {
        let result = try self.run(
            "sdk",
            instrumentation: "exporter: {tls: {secretName: my.certs, ca_file: ca}}",
            more: self.objects
        )
        #expect(try result.value("OTEL_EXPORTER_OTLP_CERTIFICATE") == "/otel-auto-instrumentation-secret-my.certs/ca")
    }

    @Test func filesWithoutAnObjectStayAsTheyAre() throws {
        let result = try self.run("sdk", instrumentation: "exporter: {tls: {ca_file: certs/ca, key_file: /k}}")
        #expect(try result.value("OTEL_EXPORTER_OTLP_CERTIFICATE") == "certs/ca")
        #expect(try result.value("OTEL_EXPORTER_OTLP_CLIENT_KEY") == "/k")
        #expect(result.pod.spec.volumes.isEmpty)
    }

    @Test func twoContainersShareTheVolume() throws {
        let result = try scenario(
            [key("inject-sdk"): "true", key("container-names"): "a,b"],
            spec: "containers: [{name: a, image: a}, {name: b, image: b}]\nvolumes: []",
            instrumentation: "exporter: {tls: {secretName: my.certs}}",
            more: self.objects
        ).run()
        #expect(result.pod.spec.volumes.count == 1)
        #expect(try result.container("a").volumeMounts == result.container("b").volumeMounts)
        #expect(try result.container("a").volumeMounts.count == 1)
    }
}
