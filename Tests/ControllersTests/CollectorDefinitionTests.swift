import JSONTree
import KubeModel
import Rendering
import Testing

@testable import Controllers

struct CollectorDefinitionTests {
    private func definition(_ text: String) throws -> CollectorDefinition {
        try JSONCursor.withCursor(over: try yaml(text).bytes()) { (cursor) throws(JSONError) in
            try CollectorDefinition(&cursor)
        }
    }

    private let wanted = WebhookRegistration(
        endpoint: .url("https://127.0.0.1:1"),
        caBundle: "YQ==",
        pods: PodSelection(excludedNamespaces: [])
    ).conversion()

    private static let goOperators = """
        metadata: {name: x, annotations: {cert-manager.io/inject-ca-from: a/b, other: kept}}
        spec:
          versions: [{name: v1alpha1, schema: {deep: {x: 1}}}, {name: v1beta1}]
          conversion:
            strategy: Webhook
            webhook:
              clientConfig: {caBundle: Zm9yZWlnbg==, service: {name: a, namespace: b, path: /convert, port: 443}}
              conversionReviewVersions: [v1alpha1, v1beta1]
        status: {storedVersions: [v1alpha1, v1beta1]}
        """

    @Test func members() throws {
        let definition = try self.definition(Self.goOperators)
        #expect(definition.versions == ["v1alpha1", "v1beta1"] && definition.hasSeveralVersions)
        #expect(definition.needsMigration)
        #expect(definition.injectors == ["cert-manager.io/inject-ca-from"])
    }

    /// The server takes one address, and cert-manager must not put its own bundle back.
    @Test func thePatchTakesOver() throws {
        let object = try yaml(Self.goOperators)
        let patch = try self.definition(Self.goOperators).patch(to: self.wanted)
        let patched = try #require(JSONMergePatch.applied(.object(patch), to: .object(object)).object)
        #expect(patched["spec"]?["conversion"] == .object(self.wanted))
        #expect(patched["metadata"]?["annotations"] == ["other": "kept"])
        let after = try self.definition(JSONValue.object(patched).text())
        #expect(after.holds(conversion: self.wanted))
    }

    @Test(arguments: [
        "{spec: {versions: [{name: v1beta1}]}, status: {storedVersions: [v1beta1]}}", "{}", "{spec: {}, status: {}}",
        "{spec: {versions: [{name: v1beta1}]}, status: {storedVersions: []}}",
    ])
    func nothingToMigrate(_ text: String) throws {
        let definition = try self.definition(text)
        #expect(!definition.needsMigration && !definition.hasSeveralVersions)
        #expect(!definition.holds(conversion: self.wanted))
    }
}
