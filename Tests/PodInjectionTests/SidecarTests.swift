import JSONTree
import KubeModel
import PodInjection
import Testing

/// Specification sections 8 and 9.7, and the sidecar rows of 9.6.
struct SidecarTests {
    static let annotation = "sidecar.opentelemetry.io/inject"

    private func collector(
        _ name: String,
        mode: String = "sidecar",
        namespace: String = "shop",
        body: String = "",
        config: String = "receivers: {otlp: {protocols: {grpc: {}}}}"
    )
        -> String
    {
        """
        apiVersion: opentelemetry.io/v1beta1
        kind: OpenTelemetryCollector
        metadata: {name: \(name), namespace: \(namespace)}
        spec:
          mode: \(mode)
          config:
            \(config)
            exporters: {debug: {}}
            service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}
        \(body.indented(2))
        """
    }

    private func run(
        _ value: String,
        _ collectors: [String],
        native: Bool = false,
        spec: String = "containers: [{name: app, image: a}]"
    ) throws -> Scenario.Result {
        var scenario = try scenario([Self.annotation: value], spec: spec, more: collectors.joined(separator: "\n---\n"))
        scenario.settings.usesNativeSidecars = native
        return try scenario.run()
    }

    @Test(arguments: ["true", "agent", "shop/agent"]) func injects(_ value: String) throws {
        let result = try self.run(value, [self.collector("agent"), self.collector("gateway", mode: "deployment")])
        #expect(result.codes == ["sidecar Injected"])
        #expect(result.pod.spec.containers.map(\.name) == ["app", "otc-container"])
        #expect(result.pod.spec.initContainers.isEmpty)
        #expect(try result.container("otc-container").restartPolicy == nil)
        #expect(result.pod.metadata.labels == ["sidecar.opentelemetry.io/injected": "shop.agent"])
        #expect(
            try result.names("otc-container") == [
                "POD_NAME", "GOMEMLIMIT", "GOMAXPROCS", "OTEL_CONFIG", "OTEL_RESOURCE_ATTRIBUTES_POD_NAME",
                "OTEL_RESOURCE_ATTRIBUTES_POD_UID", "OTEL_RESOURCE_ATTRIBUTES_NODE_NAME", "OTEL_RESOURCE_ATTRIBUTES",
            ]
        )
    }

    @Test func namespaceAsks() throws {
        let result = try scenario(
            [:],
            more: """
                {apiVersion: v1, kind: Namespace, metadata: {name: shop, annotations: {\(Self.annotation): "true"}}}
                ---
                \(self.collector("agent"))
                """
        ).run()
        #expect(result.codes == ["sidecar Injected"])
    }

    @Test func thereIsNothingToInject() throws {
        let none = try self.run("true", [self.collector("gateway", mode: "deployment")])
        #expect(none.codes == ["sidecar CollectorNotFound"])
        let several = try self.run("true", [self.collector("a"), self.collector("b")])
        #expect(several.codes == ["sidecar AmbiguousCollector"])
        let wrong = try self.run("gateway", [self.collector("gateway", mode: "deployment")])
        #expect(wrong.codes == ["sidecar CollectorNotSidecar"])
        let broken = try self.run("true", [self.collector("a", config: "receivers: []")])
        #expect(broken.codes == ["sidecar CollectorInvalid"])
        for result in [none, several, wrong, broken] {
            #expect(result.isUnchanged)
            #expect(result.outcome.error == nil)
            #expect(result.outcome.warnings.count == 1)
        }
    }

    @Test func namedCollectorIsMissing() throws {
        let result = try self.run("other/agent", [self.collector("agent")])
        #expect(result.outcome.error == "opentelemetrycollectors.opentelemetry.io \"agent\" not found")
        #expect(result.codes == ["sidecar CollectorNotFound"])
    }

    /// Sharp edge 1.
    @Test func missingCollectorGivesUpInstrumentation() throws {
        let result = try scenario([Self.annotation: "nosuch", key("inject-sdk"): "true"]).run()
        #expect(result.isUnchanged)
        #expect(result.outcome.error != nil)
    }

    /// Sharp edge 2: without a collector the instrumentation still happens.
    @Test func noCollectorKeepsInstrumentation() throws {
        let result = try scenario([Self.annotation: "true", key("inject-sdk"): "true"]).run()
        #expect(result.codes == ["sidecar CollectorNotFound", "sdk Injected"])
    }

    @Test func oneIsEnough() throws {
        let classic = try self.run(
            "nosuch",
            [],
            spec: "containers: [{name: app, image: a}, {name: otc-container, image: c}]"
        )
        #expect(classic.isUnchanged)
        #expect(classic.codes == ["sidecar AlreadyInstrumented"])
        let spec = "containers: [{name: app, image: a}]\ninitContainers: [{name: otc-container, image: c}]"
        #expect(try self.run("nosuch", [], native: true, spec: spec).isUnchanged)
        // Where sidecars aren't native, an init container of that name is something else, and in the way.
        let taken = try self.run("true", [self.collector("agent")], spec: spec)
        #expect(taken.codes == ["sidecar NameConflict"])
        #expect(taken.isUnchanged)
    }

    @Test func nativeSidecar() throws {
        let result = try self.run(
            "true",
            [self.collector("agent", body: "initContainers: [{name: test, image: i}]")],
            native: true,
            spec: "containers: [{name: app, image: a}]\ninitContainers: [{name: my-init, image: i}]"
        )
        #expect(result.pod.spec.initContainers.map(\.name) == ["my-init", "test", "otc-container"])
        #expect(try result.container("otc-container").restartPolicy == "Always")
        #expect(result.pod.spec.containers == result.original.spec.containers)
    }

    @Test func removal() throws {
        let spec = """
            containers: [{name: otc-container, image: c}, {name: app, image: a}, {name: otc-container, image: c}]
            initContainers: [{name: otc-container, image: c}, {name: otc-container, image: c}, {name: other, image: c}]
            """
        let classic = try self.run("False", [], spec: spec)
        #expect(classic.pod.spec.containers.map(\.name) == ["app"])
        #expect(classic.pod.spec.initContainers.count == 3)
        let native = try self.run("false", [], native: true, spec: spec)
        #expect(native.pod.spec.containers.map(\.name) == ["app"])
        #expect(native.pod.spec.initContainers.map(\.name) == ["other"])
        #expect(native.codes == ["sidecar Removed"])
        #expect(try self.run("false", []).isUnchanged)
        #expect(
            try self.run(
                "false",
                [],
                spec: "containers: [{name: app, image: a}]\ninitContainers: [{name: otc-container, image: c}]"
            ).isUnchanged
        )
    }

    @Test func labelOfALongName() throws {
        let result = try scenario(
            [Self.annotation: "some-app/otelcol-sample-with-a-name-that-is-longer-than-sixty-three-characters"],
            more: self.collector(
                "otelcol-sample-with-a-name-that-is-longer-than-sixty-three-characters",
                namespace: "some-app"
            )
        ).run()
        #expect(
            result.pod.metadata.labels["sidecar.opentelemetry.io/injected"]
                == "otelcol-sample-with-a-name-that-is-longer-than-sixty-three-cha"
        )
    }

    @Test func ownAttributesOfTheCollector() throws {
        let result = try self.run(
            "true",
            [self.collector("agent", body: "env: [{name: OTEL_RESOURCE_ATTRIBUTES, value: a=b}]")]
        )
        let names = try result.names("otc-container")
        #expect(names.filter { $0.hasPrefix("OTEL_RESOURCE_ATTRIBUTES") } == ["OTEL_RESOURCE_ATTRIBUTES"])
    }

    /// The unit test of specification section 3.2.
    @Test func patchOfABarePod() throws {
        let pod: JSONObject = [
            "metadata": ["namespace": "shop", "annotations": [Self.annotation: "true"]], "spec": ["containers": .null],
        ]
        var scenario = try scenario([:], more: self.collector("agent"))
        scenario.pod = pod
        let result = try scenario.run()
        let operations = try JSONPatch(JSONValue(parsing: result.outcome.patch)).json.array ?? []
        #expect(
            operations.map { "\($0["op"]?.string ?? "") \($0["path"]?.string ?? "")" } == [
                "add /metadata/labels", "add /metadata/annotations/swiftlet.opentelemetry.io~1injection",
                "replace /spec/containers",
            ]
        )
    }

    @Test func podWithoutMetadataAndSpec() throws {
        let namespace =
            "{apiVersion: v1, kind: Namespace, metadata: {name: shop, annotations: {\(Self.annotation): 'true'}}}"
        var scenario = try scenario([:], more: namespace + "\n---\n" + self.collector("agent"))
        for pod: JSONObject in [[:], ["metadata": .null, "spec": .null]] {
            scenario.pod = pod
            let result = try scenario.run()
            #expect(result.pod.spec.containers.map(\.name) == ["otc-container"])
            #expect(result.pod.metadata.labels.count == 1)
        }
    }
}
