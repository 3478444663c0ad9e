import JSONTree
import KubeModel
import PodInjection
import TelemetryAPI
import Testing

/// What a pod says of itself after injection, and what its workload is told.
struct StampTests {
    private static let replicaSet = """
        {apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: web-1, namespace: shop, ownerReferences: \
        [{apiVersion: apps/v1, kind: Deployment, name: web, uid: u-deployment, controller: true}]}}
        """
    private static let owned = """
        generateName: web-1-
        ownerReferences:
        - {apiVersion: example.com/v1, kind: Other, name: bystander, uid: u-other}
        - {apiVersion: apps/v1, kind: ReplicaSet, name: web-1, uid: u-set, controller: true}
        """

    private func stamp(_ result: Scenario.Result) throws -> JSONValue {
        let text = try #require(result.stamped.metadata.annotations[InjectionStamp.annotation])
        return try JSONValue(parsing: Array(text.utf8))
    }

    @Test func saysWhatWasInjected() throws {
        let result = try scenario([key("inject-java"): "true"]).run()
        #expect(
            try self.stamp(result) == [
                ["subject": "java", "code": "Injected", "containers": ["app"], "source": "shop/main"]
            ]
        )
        #expect(result.outcome.events.isEmpty)
        #expect(result.outcome.warnings.isEmpty)
    }

    /// What was too long to be said is not said the second time either, as somebody else's work.
    @Test func shortenedStampStays() throws {
        let name = String(repeating: "a", count: 9000)
        let scenario = try scenario([key("inject-python"): "true"], spec: "containers: [{name: \(name), image: a}]")
        let result = try scenario.run()
        #expect(try self.stamp(result)[0]?["code"] == "LeftOut")
        let again = try scenario.run(result.stamped.json)
        #expect(again.outcome.patch.isEmpty)
    }

    /// A sidecar that was taken away is not there to be taken away again, which must not change what is said.
    @Test func removalStaysSaid() throws {
        let scenario = try scenario(
            [key("inject-sdk"): "true", "sidecar.opentelemetry.io/inject": "false"],
            spec: "containers: [{name: app, image: a}, {name: otc-container, image: c}]"
        )
        let result = try scenario.run()
        #expect(result.codes == ["sidecar Removed", "sdk Injected"])
        let again = try scenario.run(result.stamped.json)
        #expect(again.outcome.patch.isEmpty, "\(String(decoding: again.outcome.patch, as: UTF8.self))")
    }

    /// After an error nothing else is changed, and everything that was asked for has an answer.
    @Test func saysWhyNot() throws {
        let result = try scenario([
            key("inject-java"): "true", key("inject-python"): "nosuch", "sidecar.opentelemetry.io/inject": "true",
        ]).run()
        #expect(result.isUnchanged)
        #expect(result.outcome.error == #"instrumentations.opentelemetry.io "nosuch" not found"#)
        let entries = InjectionStamp(
            parsing: try #require(result.stamped.metadata.annotations[InjectionStamp.annotation])
        )
        .entries
        #expect(
            entries.map { "\($0.subject) \($0.code)" } == [
                "sidecar CollectorNotFound", "python InstrumentationNotFound", "java Discarded",
            ]
        )
        #expect(entries[1].message.contains("create Instrumentation nosuch in namespace shop"))
        // The answer admits the pod, says so, and carries the patch that stamps it.
        let answer = try JSONValue(parsing: AdmissionAnswer.answer("u", result.outcome))
        let response = try #require(answer.object?[object: "response"])
        #expect(response[bool: "allowed"] == true)
        #expect(response[object: "status"]?[int: "code"] == 500)
        #expect(response[string: "patchType"] == "JSONPatch")
    }

    @Test func namespaceThatCannotBeRead() throws {
        let scenario = try scenario([key("inject-java"): "true"])
        let document = try PodDocument(scenario.pod)
        let inputs = InjectionInputs(pod: document, namespace: .failed("boom"), settings: scenario.settings)
        let outcome = inject(inputs)
        #expect(outcome.error == "boom")
        #expect(outcome.decisions.map(\.code) == [.namespaceNotFound])
        let changed = try outcome.applied(to: scenario.pod)
        #expect(changed.withoutStamp == scenario.pod)
        #expect(changed != scenario.pod)
        // Nothing is known of what the namespace asks for, so a pod that asks for nothing itself is not marked.
        let silent = try PodDocument(["metadata": [:], "spec": [:]])
        #expect(
            !inject(InjectionInputs(pod: silent, namespace: .failed("boom"), settings: scenario.settings)).isChanged
        )
    }

    @Test(arguments: ["", "no JSON", "[]", "{}", #"[{"subject":"java","code":"Injected"}]"#, "[1,null]"])
    func replacesWhatIsNotTrue(_ old: String) throws {
        var scenario = try scenario([key("inject-nodejs"): "nosuch"])
        scenario.pod.mutateObject("metadata") { metadata in
            metadata.mutateObject("annotations") { $0[InjectionStamp.annotation] = .string(old) }
        }
        let result = try scenario.run()
        let entries = InjectionStamp(
            parsing: try #require(result.stamped.metadata.annotations[InjectionStamp.annotation])
        )
        .entries
        #expect(entries.map { "\($0.subject) \($0.code)" } == ["nodejs InstrumentationNotFound"])
        #expect(try !scenario.run(result.stamped.json).outcome.isChanged)
    }

    /// What was injected once is not said to be somebody else's work when the webhook is asked again, whatever the order
    /// of what was decided then.
    @Test func asksAgain() throws {
        var scenario = try scenario([
            key("inject-java"): "true", key("inject-nginx"): "true", "sidecar.opentelemetry.io/inject": "true",
        ])
        scenario.settings.enabledLanguages = [.java]
        let first = try scenario.run()
        #expect(first.codes == ["sidecar CollectorNotFound", "nginx LanguageDisabled", "java Injected"])
        let second = try scenario.run(first.stamped.json)
        #expect(!second.outcome.isChanged)
        #expect(second.codes.contains("java AlreadyInstrumented"))
        // Without the stamp, a pod that was injected before, by whomever, says so.
        let third = try scenario.run(first.pod.json)
        let entries = InjectionStamp(
            parsing: try #require(third.stamped.metadata.annotations[InjectionStamp.annotation])
        )
        .entries
        #expect(entries.map(\.code) == ["CollectorNotFound", "AlreadyInstrumented", "AlreadyInstrumented"])
    }

    @Test(arguments: ["{}", "{annotations: null}", "null"])
    func podWithoutAnnotations(_ metadata: String) throws {
        let namespace =
            "{apiVersion: v1, kind: Namespace, metadata: {name: shop, annotations: {\(key("inject-java")): nosuch}}}"
        var scenario = try scenario([:], more: namespace)
        scenario.pod["metadata"] = metadata == "null" ? .null : metadata == "{}" ? [:] : ["annotations": .null]
        let result = try scenario.run()
        #expect(result.stamped.metadata.annotations.keys.sorted() == [InjectionStamp.annotation])
    }

    /// One Event for all pods of a workload, at the workload that people know.
    @Test func tellsTheWorkload() throws {
        let result = try scenario(
            [key("inject-java"): "true", key("container-names"): "app,nosuch"],
            metadata: Self.owned,
            more: Self.replicaSet
        ).run()
        #expect(result.codes == ["java ContainerNotFound", "java Injected"])
        let event = try #require(result.outcome.events.first)
        #expect(result.outcome.events.count == 1)
        #expect(event.reason == "ContainerNotFound" && event.action == "Inject-java" && event.type == "Warning")
        #expect(event.note.hasPrefix("java was not injected: the pod has no container nosuch"))
        #expect(
            event.regarding
                == ObjectReference(
                    GroupVersionKind(group: "apps", version: "v1", kind: "Deployment"),
                    ObjectKey(namespace: "shop", name: "web"),
                    uid: "u-deployment"
                )
        )
    }

    /// What could not be found out is said where it matters.
    @Test func ownerThatCannotBeRead() throws {
        let result = try scenario([key("inject-java"): "true"], metadata: Self.owned).run()
        let decision = try #require(result.outcome.decisions.first)
        #expect(decision.code == .injected)
        #expect(decision.message.contains("ReplicaSet web-1 could not be read"))
        let refused = try scenario([key("inject-java"): "nosuch"], metadata: Self.owned).run()
        #expect(refused.outcome.events.first?.regarding?.description == "ReplicaSet shop/web-1")
    }

    @Test(arguments: [",", ",,"]) func listOfNoContainer(_ list: String) throws {
        let result = try scenario([key("inject-java"): "true", key("container-names"): list]).run()
        #expect(result.codes == ["java ContainerNotFound"])
        #expect(result.isUnchanged)
    }

    @Test func messagesAreBounded() throws {
        let name = String(repeating: "ä", count: 4000)
        let result = try scenario([key("inject-java"): name]).run()
        let text = try #require(result.stamped.metadata.annotations[InjectionStamp.annotation])
        #expect(text.utf8.count < 800)
        #expect(text.contains("…"))
    }

    /// A pod with very many wishes that can't be met is admitted all the same.
    @Test func stampIsBounded() throws {
        let names = (0..<500).map { "nosuch\($0)" }.joined(separator: ",")
        var wishes: [String: String] = [key("container-names"): names]
        for language in ["java", "nodejs", "python", "dotnet", "sdk"] { wishes[key("inject-\(language)")] = "true" }
        let result = try scenario(wishes).run()
        let text = try #require(result.stamped.metadata.annotations[InjectionStamp.annotation])
        #expect(text.utf8.count < 9 << 10)
        #expect(text.contains("LeftOut"))
        #expect(result.outcome.warnings.joined().count <= 4096)
        #expect(result.outcome.events.count <= 8)
        #expect(try !scenario(wishes).run(result.stamped.json).outcome.isChanged)
    }

    /// All annotations together may be 256 KiB: where there is no room for the stamp, there is none.
    @Test(arguments: [(200 << 10, true), (255 << 10, false)]) func roomForTheStamp(_ size: Int, _ isStamped: Bool)
        throws
    {
        var wishes = [key("inject-java"): "nosuch", "example.com/big": String(repeating: "x", count: size)]
        wishes["example.com/more"] = String(repeating: "y", count: isStamped ? 10 : 900)
        let result = try scenario(wishes).run()
        #expect(result.codes == ["java InstrumentationNotFound"])
        #expect((result.stamped.metadata.annotations[InjectionStamp.annotation] != nil) == isStamped)
    }
}
