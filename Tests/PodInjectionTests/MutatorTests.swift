import JSONTree
import KubeModel
import PodInjection
import TelemetryAPI
import Testing

/// Specification sections 3.2, 3.3, 4.5 and 9.6.
struct MutatorTests {
    @Test func namedInstrumentationIsMissing() throws {
        let result = try scenario([key("inject-java"): "doesnotexists"]).run()
        #expect(result.outcome.error == "instrumentations.opentelemetry.io \"doesnotexists\" not found")
        #expect(result.isUnchanged)
        #expect(result.codes == ["java InstrumentationNotFound"])
    }

    @Test func instrumentationOfAnotherNamespace() throws {
        var scenario = try scenario(
            [key("inject-java"): "other/java"],
            more:
                "{apiVersion: opentelemetry.io/v1alpha1, kind: Instrumentation, metadata: {name: java, namespace: other}}"
        )
        #expect(try scenario.run().codes == ["java Injected"])
        scenario.pod.mutateObject("metadata") { metadata in
            metadata.mutateObject("annotations") { $0[key("inject-java")] = "other/main" }
        }
        #expect(try scenario.run().outcome.error == "instrumentations.opentelemetry.io \"main\" not found")
    }

    @Test func noInstrumentation() throws {
        let scenario = try scenario([key("inject-java"): "TRUE"])
        let document = try PodDocument(scenario.pod)
        var bare = InjectionInputs(
            pod: document,
            namespace: .found(InjectionNamespace(name: "shop", annotations: InjectionAnnotations())),
            settings: InjectionSettings()
        )
        #expect(bare.missingLookups() == [.instrumentations(namespace: "shop")])
        bare.answer(.instrumentations(namespace: "shop"), with: .instrumentations([]))
        #expect(bare.missingLookups() == [])
        #expect(inject(bare).error == "no OpenTelemetry Instrumentation instances available")
        bare.answer(.instrumentations(namespace: "shop"), with: .failed("it is on fire"))
        #expect(inject(bare).error == "it is on fire")
    }

    @Test func severalInstrumentations() throws {
        let result = try scenario(
            [key("inject-java"): "true"],
            more: "{apiVersion: opentelemetry.io/v1alpha1, kind: Instrumentation, metadata: {name: another}}"
        ).run()
        #expect(
            result.outcome.error
                == "multiple OpenTelemetry Instrumentation instances available, cannot determine which one to select"
        )
        #expect(result.codes == ["java AmbiguousInstrumentation"])
        #expect(result.outcome.decisions[0].message.hasSuffix("one of: another, main"))
    }

    /// Sharp edge 7.
    @Test func resolutionComesBeforeTheSwitch() throws {
        var scenario = try scenario([key("inject-go"): "nosuch"])
        scenario.settings.enabledLanguages = []
        #expect(try scenario.run().outcome.error == "instrumentations.opentelemetry.io \"nosuch\" not found")
    }

    @Test func certificatesAreMissing() throws {
        let result = try scenario(
            [key("inject-java"): "true", key("inject-sdk"): "true", key("container-names"): "app"],
            instrumentation: "exporter: {tls: {secretName: s, configMapName: c}}"
        ).run()
        #expect(
            result.outcome.error == """
                secret shop/s with certificates does not exists: secrets "s" not found
                configmap shop/c with CA certificate does not exists: configmaps "c" not found
                """
        )
        #expect(result.isUnchanged)
    }

    /// Only "not found" counts; what can't be read may well be there.
    @Test func unreadableCertificatesAreTakenAsThere() throws {
        let scenario = try scenario(
            [key("inject-sdk"): "true"],
            instrumentation: "exporter: {tls: {secretName: s}}"
        )
        var inputs = scenario.inputs(try PodDocument(scenario.pod))
        inputs.answer(.secret(ObjectKey(namespace: "shop", name: "s")), with: .failed("forbidden"))
        let outcome = inject(inputs)
        #expect(outcome.error == nil)
        #expect(outcome.isChanged)
    }

    @Test func namespaceAsksForARuntime() throws {
        let result = try scenario(
            [:],
            instrumentation: "{}",
            more: """
                apiVersion: v1
                kind: Namespace
                metadata:
                  name: shop
                  annotations: {\(key("inject-dotnet")): main, \(key("otel-dotnet-auto-runtime")): linux-musl-x64}
                """
        ).run()
        #expect(
            try result.value("CORECLR_PROFILER_PATH")
                == "/otel-auto-instrumentation-dotnet/linux-musl/OpenTelemetry.AutoInstrumentation.Native.so"
        )
    }

    static let goRefusals: [(String, [String: String], String)] = [
        ("shareProcessNamespace: false", [key("otel-go-auto-target-exe"): "/a"], "ProcessNamespaceNotShared"),
        ("{}", [key("otel-go-auto-target-exe"): "/a", key("go-container-names"): "app,other"], "UnsupportedContainer"),
        ("{}", [:], "TargetExecutableNotSet"),
        (
            "initContainers: [{name: warm, image: a}]",
            [key("otel-go-auto-target-exe"): "/a", key("go-container-names"): "warm"], "UnsupportedContainer"
        ),
    ]

    @Test(arguments: Self.goRefusals)
    func goIsRefused(_ spec: String, _ annotations: [String: String], _ code: String) throws {
        let result = try scenario(
            annotations.merging([key("inject-go"): "true"]) { $1 },
            spec: "containers: [{name: app, image: a}, {name: other, image: a}]" + (spec == "{}" ? "" : "\n\(spec)")
        ).run()
        #expect(result.isUnchanged)
        #expect(result.codes == ["go \(code)"])
    }

    @Test func goTargetFromTheAnnotationWins() throws {
        let result = try scenario(
            [key("inject-go"): "true", key("otel-go-auto-target-exe"): "annotated"],
            spec: "containers: [{name: app, image: a}]\nshareProcessNamespace: null",
            instrumentation: "go: {env: [{name: OTEL_GO_AUTO_TARGET_EXE, value: spec}]}"
        ).run()
        #expect(try result.value("OTEL_GO_AUTO_TARGET_EXE", "opentelemetry-auto-instrumentation") == "annotated")
        #expect(result.pod.spec.shareProcessNamespace == true)
        #expect(try result.env("app").isEmpty)
    }

    @Test func goTargetMayComeFromTheCommonEnvironment() throws {
        let result = try scenario(
            [key("inject-go"): "true", key("go-container-names"): "nosuch"],
            instrumentation: "env: [{name: OTEL_GO_AUTO_TARGET_EXE, value: common}]"
        ).run()
        #expect(result.codes == ["go ContainerNotFound", "go Injected"])
        #expect(try result.value("OTEL_GO_AUTO_TARGET_EXE", "opentelemetry-auto-instrumentation") == "common")
    }

    // MARK: Marks of injection

    static let marks = [
        "initContainers: [{name: opentelemetry-auto-instrumentation-java}]",
        "initContainers: [{name: opentelemetry-auto-instrumentation-nodejs}]",
        "initContainers: [{name: opentelemetry-auto-instrumentation-python}]",
        "initContainers: [{name: opentelemetry-auto-instrumentation-dotnet}]",
        "initContainers: [{name: otel-agent-attach-apache}]",
        "initContainers: [{name: otel-agent-source-container-clone}]",
        "containers: [{name: app, image: a}, {name: opentelemetry-auto-instrumentation}]",
        "containers: [{name: app, image: a, env: [{name: OTEL_RESOURCE_ATTRIBUTES_NODE_NAME}]}]",
    ]

    @Test(arguments: Self.marks) func leavesInjectedPodsAlone(_ mark: String) throws {
        let spec = mark.hasPrefix("containers") ? mark : "containers: [{name: app, image: a}]\n" + mark
        let result = try scenario([key("inject-java"): "nosuch"], spec: spec).run()
        #expect(result.isUnchanged)
        #expect(result.outcome.error == nil)
        #expect(result.codes == ["java AlreadyInstrumented"])
        #expect(result.outcome.warnings == [])
    }

    @Test(arguments: [
        "containers: [{name: app, image: a}, {name: otc-container, env: [{name: OTEL_RESOURCE_ATTRIBUTES_NODE_NAME}]}]",
        "containers: [{name: app, image: a}]\ninitContainers: [{name: warm, env: [{name: OTEL_RESOURCE_ATTRIBUTES_NODE_NAME}]}]",
        "containers: [{name: app, image: a}]\ninitContainers: [{name: opentelemetry-auto-instrumentation}]",
    ])
    func otherMarksDoNotCount(_ spec: String) throws {
        #expect(try scenario(spec: spec).run().codes == ["sdk Injected"])
    }

    // MARK: The request

    @Test func namespaceIsMissing() throws {
        let document = try PodDocument(["metadata": [:], "spec": ["containers": []]])
        var inputs = InjectionInputs(
            pod: document,
            namespace: .failed("namespaces \"shop\" not found"),
            settings: InjectionSettings()
        )
        #expect(!inputs.asksForNothing)
        #expect(inputs.missingLookups() == [])
        #expect(inject(inputs).error == "namespaces \"shop\" not found")
    }

    @Test func podOfAWrongShapeIsRefused() throws {
        var scenario = try scenario()
        scenario.pod["spec"] = ["containers": "none"]
        let outcome = inject(scenario.inputs(try PodDocument(scenario.pod)))
        #expect(outcome.rejection != nil)
        #expect(!outcome.isChanged)
    }

    @Test func badContainerNames() throws {
        for name in ["container-names", "java-container-names"] {
            let result = try scenario([key("inject-java"): "true", key(name): "a, b"]).run()
            #expect(
                result.outcome.error == "not valid characters included in the instrumentation container annotation a, b"
            )
            #expect(result.codes == ["java InvalidContainerNames"])
        }
    }

    @Test func podWithoutContainers() throws {
        for spec in ["containers: null", "containers: []", "{}"] {
            let result = try scenario(spec: spec).run()
            #expect(result.isUnchanged)
            #expect(result.codes == ["sdk NoContainer"])
        }
    }

    @Test func instrumentationWithoutAnImage() throws {
        var scenario = try scenario([key("inject-java"): "true"])
        scenario.settings.staticInstrumentation = Instrumentation(["spec": ["exporter": ["endpoint": "x"]]])
        let result = try scenario.run()
        #expect(result.isUnchanged)
        #expect(result.codes == ["java ImageNotSet"])
    }

    /// Specification section 1.7: only `true` means the static Instrumentation.
    @Test func staticInstrumentationHasNoName() throws {
        var scenario = try scenario([key("inject-sdk"): "main2"])
        scenario.settings.staticInstrumentation = Instrumentation([:])
        #expect(try scenario.run().outcome.error == "instrumentations.opentelemetry.io \"main2\" not found")
    }

    /// Sharp edge 4: what the namespace asks for isn't meant for the operator's own collectors.
    @Test func ownOperandsAreLeftAlone() throws {
        let namespace =
            "{apiVersion: v1, kind: Namespace, metadata: {name: shop, annotations: {\(key("inject-java")): 'true', sidecar.opentelemetry.io/inject: 'true', \(key("container-names")): other}}}"
        let labels = "labels: {app.kubernetes.io/managed-by: opentelemetry-operator}"
        let left = try scenario([:], metadata: labels, more: namespace).run()
        #expect(left.isUnchanged)
        #expect(left.codes == [])
        let asked = try scenario([key("inject-sdk"): "true"], metadata: labels, more: namespace).run()
        #expect(asked.codes == ["sdk Injected"])
    }

    @Test func asksForWhatItNeedsOnce() throws {
        let scenario = try scenario(
            [
                key("inject-java"): "true", key("inject-sdk"): "true", key("container-names"): "app",
                "sidecar.opentelemetry.io/inject": "other/agent",
            ],
            metadata: "ownerReferences: [{kind: ReplicaSet, name: rs, uid: u}, {kind: Job, name: j, uid: v}]",
            instrumentation: "exporter: {tls: {secretName: s, configMapName: c}}"
        )
        var inputs = InjectionInputs(
            pod: try PodDocument(scenario.pod),
            namespace: .found(InjectionNamespace(name: "shop", annotations: InjectionAnnotations())),
            settings: InjectionSettings()
        )
        let first = inputs.missingLookups()
        #expect(
            first == [
                .collector(ObjectKey(namespace: "other", name: "agent")), .instrumentations(namespace: "shop"),
                .owners(.replicaSet, ObjectKey(namespace: "shop", name: "rs")),
                .owners(.job, ObjectKey(namespace: "shop", name: "j")),
            ]
        )
        for lookup in first { inputs.answer(lookup, with: scenario.catalog.answer(to: lookup)) }
        #expect(
            inputs.missingLookups() == [
                .secret(ObjectKey(namespace: "shop", name: "s")), .configMap(ObjectKey(namespace: "shop", name: "c")),
            ]
        )
    }
}
