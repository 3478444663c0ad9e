import JSONTree
import KubeModel
import PodInjection
import TelemetryAPI
import Testing

@testable import PodInjection

/// Specification sections 4.3, 4.4, 5.3 and 9.5.
struct ContainerSelectionTests {
    private func draft(_ containers: [String], _ initContainers: [String] = []) throws -> PodDraft {
        func list(_ names: [String]) -> JSONValue { .array(names.map { ["name": .string($0)] }) }
        let pod: JSONObject = ["spec": ["containers": list(containers), "initContainers": list(initContainers)]]
        return PodDraft(try ParsedPod(PodDocument(pod)))
    }

    private func names(_ draft: PodDraft, _ list: [String]) -> [String] {
        draft.targets(list).places.map { draft[$0].name }
    }

    static let orders: [([String], [String], [String], [String])] = [
        ([], ["app1", "app2"], [], ["app1"]),
        (["app", "init-b", "init-a"], ["app"], ["init-a", "init-b"], ["init-a", "init-b", "app"]),
        (
            ["app2", "init-b", "app1", "init-a"], ["app1", "app2"], ["init-a", "init-b"],
            ["init-a", "init-b", "app2", "app1"]
        ),
        (["unknown"], ["app"], ["init"], []),
        (["app", "app"], ["app"], [], ["app"]),
        (["both"], ["both"], ["both"], ["both"]),
        (["", "app"], ["app"], [], ["app"]),
        ([], [], ["init"], []),
    ]

    @Test(arguments: Self.orders)
    func order(_ list: [String], _ regular: [String], _ initial: [String], _ expected: [String]) throws {
        #expect(self.names(try self.draft(regular, initial), list) == expected)
    }

    @Test func tellsUnknownNames() throws {
        #expect(try self.draft(["a"], ["i"]).targets(["x", "a", "i", "y"]).unknown == ["x", "y"])
    }

    @Test(arguments: [
        ("a,b-C9", ["a", "b-C9"]), ("a", ["a"]), ("a,,b", ["a", "", "b"]), ("a, b", nil), ("a.b", nil), ("ä", nil),
        ("a_b", nil), ("a\nb", nil),
    ])
    func parsesLists(_ text: String, _ names: [String]?) {
        #expect(ContainerSelection.names(in: text) == names)
    }

    @Test func duplicates() {
        #expect(
            ContainerSelection.duplicates(["app1", "app2", "app1", "app1", "app3", "app4", "app4"]) == ["app1", "app4"]
        )
        #expect(ContainerSelection.duplicates(["", ""]) == [])
    }

    static let checks: [([(Language, [String])], String?)] = [
        ([(.java, ["a"]), (.nodejs, ["a"])], nil),
        ([(.java, ["x"]), (.go, ["x"])], nil),
        ([(.java, [])], nil),
        ([(.java, ["a"])], nil),
        ([(.java, ["a"]), (.nodejs, [])], "MissingContainerNames"),
        ([(.java, []), (.nodejs, [])], "MissingContainerNames"),
        ([(.java, ["app1", "app1"])], "DuplicateContainerNames"),
        ([], "NoAnnotation"),
    ]

    @Test(arguments: Self.checks) func check(_ lists: [(Language, [String])], _ code: String?) {
        let problem = ContainerSelection.problem(lists.map { (language: $0.0, names: $0.1) })
        #expect(problem?.code.rawValue == code)
    }

    @Test func namesTwoContainersOfOneLanguage() throws {
        let result = try scenario(
            [
                key("inject-go"): "true", key("inject-java"): "true", key("container-names"): "initContainer",
                key("go-container-names"): "initContainer", key("java-container-names"): "other",
            ]
        ).run()
        #expect(result.isUnchanged)
        #expect(result.outcome.error == nil)
        #expect(result.codes == ["java DuplicateContainerNames", "go DuplicateContainerNames"])
        #expect(result.outcome.decisions[0].message.hasPrefix("duplicated container names detected: [initContainer]: "))
    }

    /// Sharp edge 10: both lists count together.
    @Test func commonListServesAllLanguages() throws {
        let result = try scenario(
            [key("inject-java"): "true", key("inject-sdk"): "true", key("container-names"): "x"],
            spec: "containers: [{name: other, image: a}, {name: x, image: a}]"
        ).run()
        #expect(result.codes == ["java Injected", "sdk Injected"])
        #expect(try result.env("other").isEmpty)
    }

    @Test func severalLanguagesWithoutLists() throws {
        let annotations = Dictionary(
            uniqueKeysWithValues: ["java", "nodejs", "python", "dotnet"].map { (key("inject-\($0)"), "true") }
        )
        let result = try scenario(annotations).run()
        #expect(result.isUnchanged)
        #expect(
            result.outcome.decisions[0].message.hasPrefix(
                "incorrect instrumentation configuration - please provide container names for all instrumentations: "
            )
        )
    }

    @Test func oneLanguageWithoutAList() throws {
        let result = try scenario(
            [key("inject-java"): "true"],
            spec: "containers: [{name: a, image: a}, {name: b, image: b}]"
        ).run()
        #expect(try result.env("a").count > 3)
        #expect(try result.env("b").isEmpty)
    }

    /// Without multi instrumentation all languages go into the common list or the first container, unchecked.
    @Test func withoutMultiInstrumentation() throws {
        var scenario = try scenario(
            [key("inject-java"): "true", key("inject-nodejs"): "true", key("java-container-names"): "b"],
            spec: "containers: [{name: a, image: a}, {name: b, image: b}]"
        )
        scenario.settings.allowsMultipleLanguages = false
        let result = try scenario.run()
        #expect(result.codes == ["java Injected", "nodejs Injected"])
        #expect(try result.names("a").contains("JAVA_TOOL_OPTIONS"))
        #expect(try result.names("a").contains("NODE_OPTIONS"))
        #expect(try result.env("b").isEmpty)
    }

    @Test func nothingEnabled() throws {
        var scenario = try scenario(
            Dictionary(
                uniqueKeysWithValues: Language.withAgent.map { (key("inject-\($0.id)"), "true") }
            )
        )
        scenario.settings.enabledLanguages = []
        scenario.settings.allowsMultipleLanguages = false
        let result = try scenario.run()
        #expect(result.isUnchanged)
        #expect(result.outcome.decisions.allSatisfy { $0.code == .languageDisabled })
        #expect(result.outcome.events.count == 7)
        #expect(
            result.outcome.events.first
                == InjectionEvent(
                    type: "Warning",
                    reason: "InstrumentationRequestRejected",
                    action: "InstrumentationRequestRejected",
                    note: "support for Java auto instrumentation is not enabled"
                )
        )
    }

    @Test(arguments: [("first", 0), ("middle", 1), ("last", 2), ("app", 3)])
    func agentComesRightBeforeItsTarget(_ target: String, _ place: Int) throws {
        let result = try scenario(
            [key("inject-nodejs"): "true", key("container-names"): target],
            spec: """
                containers: [{name: app, image: a}]
                initContainers: [{name: first, image: a}, {name: middle, image: a}, {name: last, image: a}]
                """
        ).run()
        #expect(
            result.pod.spec.initContainers.map(\.name).firstIndex(of: "opentelemetry-auto-instrumentation-nodejs")
                == place
        )
    }

    /// What is inherited is filled, what the Instrumentation says is not; the rules are in ``ContainerSecurityTests``.
    static let contexts: [(own: String, instrumentation: String, expected: JSONValue)] = [
        (
            "{runAsUser: 7}", "{}",
            [
                "runAsUser": 7, "allowPrivilegeEscalation": false, "capabilities": ["drop": ["ALL"]],
                "seccompProfile": ["type": "RuntimeDefault"],
            ]
        ),
        (
            "null", "{}",
            [
                "allowPrivilegeEscalation": false, "capabilities": ["drop": ["ALL"]],
                "seccompProfile": ["type": "RuntimeDefault"],
            ]
        ),
        ("{runAsUser: 7}", "initContainerSecurityContext: {runAsUser: 8}", ["runAsUser": 8]),
        ("null", "initContainerSecurityContext: {runAsUser: 8}", ["runAsUser": 8]),
    ]

    @Test(arguments: ["java", "nodejs", "python", "dotnet"], Self.contexts)
    func securityContext(_ language: String, _ row: (own: String, instrumentation: String, expected: JSONValue)) throws
    {
        let (own, instrumentation, expected) = row
        let result = try scenario(
            [key("inject-\(language)"): "true", key("container-names"): "warm"],
            spec: """
                containers: [{name: app, image: a, securityContext: {runAsUser: 1}}]
                initContainers: [{name: warm, image: a, securityContext: \(own)}]
                """,
            instrumentation: instrumentation
        ).run()
        let agent = try result.container("opentelemetry-auto-instrumentation-\(language)")
        #expect(agent.json["securityContext"] == expected)
    }
}
