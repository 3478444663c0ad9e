import JSONTree
import KubeModel
import Testing
import YAMLTree

@testable import PodInjection

/// How a security context is filled, rule by rule, and who gets which.
struct ContainerSecurityTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var context: String
        var pod = "{}"
        var image = ContainerSecurity.Image.agent
        /// What is added or changed.
        var filled: String
        var testDescription: String { self.name }
    }

    /// What is added to a context that says nothing, in a pod that says nothing.
    private static let all =
        "{allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, seccompProfile: {type: RuntimeDefault}}"

    static let cases: [Case] = [
        Case(name: "nothing is said", context: "{}", filled: Self.all),
        Case(
            name: "nulls say nothing",
            context: "{allowPrivilegeEscalation: null, capabilities: null, seccompProfile: null, runAsUser: null}",
            pod: "{seccompProfile: null, runAsUser: null, runAsNonRoot: null}",
            filled: Self.all
        ),
        Case(
            name: "what is said stays",
            context: """
                {allowPrivilegeEscalation: true, capabilities: {drop: [NET_RAW]}, seccompProfile: {type: Unconfined},
                runAsUser: 5, runAsGroup: 6, readOnlyRootFilesystem: true, future: [1]}
                """,
            filled: "{}"
        ),
        Case(
            name: "what is added stays, and all else is dropped",
            context: "{capabilities: {add: [CHOWN]}}",
            filled: """
                {allowPrivilegeEscalation: false, capabilities: {add: [CHOWN], drop: [ALL]},
                seccompProfile: {type: RuntimeDefault}}
                """
        ),
        Case(name: "an empty list drops nothing", context: "{capabilities: {drop: []}}", filled: Self.all),
        Case(name: "privileged", context: "{privileged: true}", pod: "{runAsNonRoot: true}", filled: "{}"),
        Case(name: "not privileged", context: "{privileged: false}", filled: Self.all),
        Case(
            name: "SYS_ADMIN",
            context: "{capabilities: {add: [SYS_ADMIN]}}",
            filled: "{capabilities: {add: [SYS_ADMIN], drop: [ALL]}, seccompProfile: {type: RuntimeDefault}}"
        ),
        Case(
            name: "CAP_SYS_ADMIN",
            context: "{capabilities: {add: [CHOWN, CAP_SYS_ADMIN], drop: [ALL]}}",
            filled: "{seccompProfile: {type: RuntimeDefault}}"
        ),
        Case(
            name: "the pod's seccomp profile",
            context: "{}",
            pod: "{seccompProfile: {type: Localhost, localhostProfile: x}}",
            filled: "{allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}"
        ),
        Case(
            name: "the pod's word is Unconfined",
            context: "{}",
            pod: "{seccompProfile: {type: Unconfined}}",
            filled: "{allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}"
        ),
        Case(
            name: "the pod demands non-root",
            context: "{}",
            pod: "{runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}",
            filled: "{allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, runAsUser: 65532}"
        ),
        Case(
            name: "the container demands non-root",
            context: "{runAsNonRoot: true}",
            pod: "{runAsNonRoot: false, seccompProfile: {type: RuntimeDefault}}",
            filled: "{allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, runAsUser: 65532}"
        ),
        Case(
            name: "the container may be root",
            context: "{runAsNonRoot: false}",
            pod: "{runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}",
            filled: "{allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}"
        ),
        Case(
            name: "the pod names a user",
            context: "{}",
            pod: "{runAsNonRoot: true, runAsUser: 1000, seccompProfile: {type: RuntimeDefault}}",
            filled: "{allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}"
        ),
        Case(
            name: "the container names a user",
            context: "{runAsUser: 1000}",
            pod: "{runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}",
            filled: "{allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}"
        ),
        Case(
            name: "the program's image keeps its user",
            context: "{runAsNonRoot: true}",
            image: .program,
            filled: Self.all
        ),
        Case(
            name: "the collector's image keeps its user, but must not be root",
            context: "{}",
            image: .collector,
            filled: """
                {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, seccompProfile: {type: RuntimeDefault},
                runAsNonRoot: true}
                """
        ),
        Case(
            name: "the collector's pod demands it",
            context: "{}",
            pod: "{runAsNonRoot: true}",
            image: .collector,
            filled: Self.all
        ),
        Case(name: "a collector as root", context: "{runAsUser: 0}", image: .collector, filled: Self.all),
        Case(
            name: "a collector that may be root",
            context: "{runAsNonRoot: false}",
            image: .collector,
            filled: Self.all
        ),
    ]

    @Test(arguments: Self.cases) func fills(_ example: Case) throws {
        let context = try Self.object(example.context)
        let filled = ContainerSecurity(context, pod: try Self.object(example.pod)).filled(for: example.image)
        var expected = context
        for member in try Self.object(example.filled).members { expected[member.key] = member.value }
        #expect(filled == expected)
        // Nothing is left to do the second time.
        let again = ContainerSecurity(filled, pod: try Self.object(example.pod)).filled(for: example.image)
        #expect(again == filled)
    }

    @Test func withoutAnyContext() throws {
        #expect(ContainerSecurity(nil, pod: nil).filled(for: .agent) == (try Self.object(Self.all)))
    }

    private static func object(_ yaml: String) throws -> JSONObject {
        try #require(YAMLReader.documents(in: Array(yaml.utf8)).first?.object)
    }

    // MARK: Who gets which

    private static let restrictedPod = """
        securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
        containers:
        - name: app
          image: a:1
          securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, readOnlyRootFilesystem: true}
        """

    @Test(arguments: ["java", "nodejs", "python", "dotnet"]) func agents(_ language: String) throws {
        let result = try scenario(
            [key("inject-\(language)"): "true"],
            spec: Self.restrictedPod,
            instrumentation: "java: {extensions: [{image: e, dir: /e}]}"
        ).run()
        #expect(result.pod.spec.initContainers.count == (language == "java" ? 2 : 1))
        for container in result.pod.spec.initContainers {
            var expected = try #require(result.original.spec.containers[0].securityContext)
            expected["runAsUser"] = 65532
            #expect(container.securityContext == expected)
        }
        #expect(RestrictedChecker().violations(result.pod.json) == [])
    }

    @Test(arguments: ["apache-httpd", "nginx"]) func webServers(_ language: String) throws {
        let result = try scenario([key("inject-\(language)"): "true"], spec: Self.restrictedPod).run()
        let clone = try result.container("otel-agent-source-container-clone").securityContext
        let attach = try #require(result.pod.spec.initContainers.last?.securityContext)
        #expect(result.pod.spec.initContainers.count == 2)
        var expected = try #require(result.original.spec.containers[0].securityContext)
        #expect(clone == expected)
        expected["runAsUser"] = 65532
        #expect(attach == expected)
        #expect(RestrictedChecker().violations(result.pod.json) == [])
    }

    /// Of several targets the first decides.
    @Test func severalTargets() throws {
        let result = try scenario(
            [key("inject-nodejs"): "true", key("container-names"): "b,a"],
            spec: """
                containers:
                - {name: a, image: a, securityContext: {runAsUser: 1}}
                - {name: b, image: b, securityContext: {runAsUser: 2, privileged: true}}
                """
        ).run()
        #expect(result.pod.spec.initContainers.map(\.securityContext) == [["runAsUser": 2, "privileged": true]])
    }

    /// What the Instrumentation says is used as it is.
    @Test(arguments: ["java", "nodejs", "python", "dotnet", "apache-httpd", "nginx"])
    func instrumentationDecides(_ language: String) throws {
        for own in ["{runAsUser: 0}", "{}"] {
            let result = try scenario(
                [key("inject-\(language)"): "true"],
                spec: Self.restrictedPod,
                instrumentation: "initContainerSecurityContext: \(own)"
            ).run()
            let expected = try Self.object(own)
            #expect(!result.pod.spec.initContainers.isEmpty)
            #expect(result.pod.spec.initContainers.allSatisfy { $0.securityContext == expected })
        }
    }

    /// eBPF needs what the profile forbids.
    @Test func goStays() throws {
        let result = try scenario(
            [key("inject-go"): "true", key("otel-go-auto-target-exe"): "/app"],
            spec: Self.restrictedPod
        ).run()
        let agent = try result.container("opentelemetry-auto-instrumentation")
        #expect(agent.securityContext == ["runAsUser": 0, "privileged": true])
    }

    // MARK: Sidecars

    private func sidecar(_ spec: String, collector: String = "", native: Bool = false) throws -> Scenario.Result {
        var scenario = try scenario(
            ["sidecar.opentelemetry.io/inject": "true"],
            spec: spec,
            more: """
                apiVersion: opentelemetry.io/v1beta1
                kind: OpenTelemetryCollector
                metadata: {name: agent, namespace: shop}
                spec:
                  mode: sidecar
                  initContainers: [{name: prepare, image: p}]
                  config:
                    receivers: {otlp: {protocols: {grpc: {}}}}
                    exporters: {debug: {}}
                    service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}
                \(collector.indented(2))
                """
        )
        scenario.settings.usesNativeSidecars = native
        return try scenario.run()
    }

    @Test(arguments: [false, true]) func sidecarOfARestrictedPod(_ native: Bool) throws {
        let result = try self.sidecar(
            Self.restrictedPod,
            collector: "securityContext: {readOnlyRootFilesystem: true}",
            native: native
        )
        #expect(
            try result.container("otc-container").securityContext == [
                "readOnlyRootFilesystem": true, "allowPrivilegeEscalation": false, "capabilities": ["drop": ["ALL"]],
            ]
        )
        #expect(
            try result.container("prepare").securityContext == [
                "allowPrivilegeEscalation": false, "capabilities": ["drop": ["ALL"]],
            ]
        )
        #expect(RestrictedChecker().violations(result.pod.json) == [])
    }

    /// Each container for itself, and no word of the pod.
    @Test func sidecarWhereContainersAreRestricted() throws {
        let result = try self.sidecar(
            """
            containers:
            - name: app
              image: a:1
              securityContext:
                allowPrivilegeEscalation: false
                capabilities: {drop: [ALL]}
                runAsNonRoot: true
                seccompProfile: {type: Localhost, localhostProfile: x}
            """
        )
        #expect(try result.container("otc-container").securityContext?[bool: "runAsNonRoot"] == true)
        #expect(RestrictedChecker().violations(result.pod.json) == [])
    }

    /// Any other pod gets exactly what the collector says.
    @Test(arguments: [
        "hostNetwork: true", "hostPID: true", "hostIPC: true", "volumes: [{name: v, hostPath: {path: /}}]",
        "volumes: [{name: v, nfs: {server: s, path: /}}]", "initContainers: [{name: i, image: i}]",
        "ephemeralContainers: [{name: i, image: i}]",
    ])
    func sidecarOfALaxPod(_ lax: String) throws {
        for own in ["", "securityContext: {readOnlyRootFilesystem: true}"] {
            let result = try self.sidecar(Self.restrictedPod + "\n" + lax, collector: own)
            let expected: JSONObject? = own.isEmpty ? nil : ["readOnlyRootFilesystem": true]
            #expect(try result.container("otc-container").securityContext == expected)
            #expect(try result.container("prepare").securityContext == nil)
        }
    }

    @Test func appArmorByAnnotation() throws {
        for (profile, isRestricted) in [("unconfined", false), ("runtime/default", true), ("localhost/x", true)] {
            let annotation = "container.apparmor.security.beta.kubernetes.io/app"
            var scenario = try scenario(
                ["sidecar.opentelemetry.io/inject": "true", annotation: profile],
                spec: Self.restrictedPod
            )
            scenario.settings.usesNativeSidecars = false
            #expect(RestrictedChecker().isSatisfied(by: scenario.pod) == isRestricted)
            #expect(RestrictedProfile.isSatisfied(by: try PodDocument(scenario.pod)) == isRestricted)
        }
    }

    // MARK: Windows

    @Test(arguments: ["java", "nodejs", "python", "dotnet", "go", "apache-httpd", "nginx"])
    func agentsAreNotForWindows(_ language: String) throws {
        let result = try scenario(
            [key("inject-\(language)"): "true", key("otel-go-auto-target-exe"): "/app"],
            spec: "os: {name: windows}\ncontainers: [{name: app, image: a}]"
        ).run()
        #expect(result.codes == ["\(language) UnsupportedPlatform"])
        #expect(result.isUnchanged)
        #expect(result.outcome.error == nil)
        #expect(result.outcome.warnings.count == 1)
    }

    @Test func settingsAreForWindowsToo() throws {
        let result = try scenario(
            [key("inject-sdk"): "true"],
            spec: "os: {name: windows}\ncontainers: [{name: app, image: a}]"
        ).run()
        #expect(result.codes == ["sdk Injected"])
    }

    @Test func sidecarsAreNotForWindows() throws {
        let result = try self.sidecar("os: {name: windows}\ncontainers: [{name: app, image: a}]")
        #expect(result.codes == ["sidecar UnsupportedPlatform"])
        #expect(result.isUnchanged)
    }

    @Test(arguments: ["os: {name: linux}", "os: null", "os: {name: null}"]) func otherSystems(_ system: String) throws {
        let result = try scenario(
            [key("inject-java"): "true"],
            spec: "\(system)\ncontainers: [{name: app, image: a}]"
        ).run()
        #expect(result.codes == ["java Injected"])
    }
}
