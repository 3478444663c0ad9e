import JSONTree
import KubeModel
import PodInjection
import Testing

/// What `swiftlet explain` says.
struct ExplanationTests {
    private func explain(_ result: Scenario.Result, isStored: Bool = true) -> Explanation {
        Explanation(result.stamped.json, result.outcome, isStored: isStored)
    }

    @Test func podThatWasInjected() throws {
        let scenario = try scenario([key("inject-java"): "true"])
        let created = try scenario.run()
        let explanation = self.explain(try scenario.run(created.stamped.json))
        #expect(explanation.text == "when it was created:\n  java  Injected (app) from shop/main")
        #expect(!explanation.isRefusal)
        #expect(
            explanation.json == [
                "then": [["subject": "java", "code": "Injected", "containers": ["app"], "source": "shop/main"]]
            ]
        )
    }

    @Test func podThatWasNot() throws {
        let scenario = try scenario([key("inject-java"): "nosuch"])
        let created = try scenario.run()
        let explanation = self.explain(try scenario.run(created.stamped.json))
        #expect(explanation.isRefusal)
        #expect(explanation.text.hasPrefix("when it was created:\n  java  InstrumentationNotFound: "))
        #expect(explanation.text.hasSuffix("\nwere it created now: the same"))
    }

    /// What was missing then is there now.
    @Test func podThatWouldBe() throws {
        var late = try scenario([key("inject-java"): "late"])
        let created = try late.run()
        late = try scenario(
            [key("inject-java"): "late"],
            more: "{apiVersion: opentelemetry.io/v1alpha1, kind: Instrumentation, metadata: {name: late}, spec: {}}"
        )
        let now = try late.run(created.stamped.json)
        let explanation = Explanation(created.stamped.json, now.outcome, isStored: true)
        #expect(explanation.then.map(\.code) == ["InstrumentationNotFound"])
        #expect(explanation.now.map(\.code) == ["Injected"])
        #expect(explanation.isRefusal)
    }

    @Test func podThatTheWebhookNeverSaw() throws {
        let result = try scenario([key("inject-java"): "true"]).run()
        let explanation = Explanation(result.original.json, result.outcome, isStored: true)
        #expect(explanation.then.isEmpty)
        #expect(explanation.now.map(\.code) == ["Injected"])
        #expect(explanation.remark.contains("the webhook was not asked"))
        #expect(explanation.isRefusal)
        // A template is yet to be created.
        let template = Explanation(result.original.json, result.outcome, isStored: false)
        #expect(template.remark.isEmpty && !template.isRefusal)
        #expect(template.text == "  java  Injected (app) from shop/main")
    }

    @Test func podThatAsksForNothing() throws {
        let result = try scenario([:]).run()
        let explanation = self.explain(result)
        #expect(explanation.now.map(\.code) == ["NoAnnotation"])
        #expect(!explanation.isRefusal)
    }

    /// The Go operator injects and says nothing.
    @Test func podThatSomebodyElseInjected() throws {
        let result = try scenario(
            [key("inject-java"): "true"],
            spec: "containers: [{name: app, image: a, env: [{name: OTEL_RESOURCE_ATTRIBUTES_NODE_NAME, value: x}]}]"
        ).run()
        let explanation = Explanation(result.original.json, result.outcome, isStored: true)
        #expect(explanation.now.map(\.code) == ["AlreadyInstrumented"])
        #expect(explanation.remark.isEmpty && !explanation.isRefusal)
    }
}
