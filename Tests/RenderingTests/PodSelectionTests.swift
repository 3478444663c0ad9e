import Glibc
import JSONTree
import KubeModel
import Rendering
import Testing

/// Which pods the API server is told to send. What the expression comes to for pods is tested by
/// Tests/EndToEnd/test_conditions.py, on the same text.
struct PodSelectionTests {
    private static let expressionFile =
        "\(#filePath)".split(separator: "/", omittingEmptySubsequences: false).dropLast(2).joined(separator: "/")
        + "/EndToEnd/conditions/expression.cel"

    private func podWebhook(_ selection: PodSelection) throws -> JSONObject {
        let registration = WebhookRegistration(endpoint: .url("https://127.0.0.1:1"), caBundle: "eA==", pods: selection)
        let webhooks = try #require(registration.mutatingConfiguration().json[array: "webhooks"])
        let named = webhooks.compactMap(\.object).first { $0[string: "name"] == WebhookRegistration.podWebhookName }
        return try #require(named)
    }

    @Test func everythingComesByDefault() throws {
        let webhook = try self.podWebhook(PodSelection(excludedNamespaces: []))
        #expect(webhook["namespaceSelector"] == [:] && webhook["objectSelector"] == [:])
        #expect(webhook["matchConditions"] == nil)
        #expect(webhook[string: "reinvocationPolicy"] == "IfNeeded")
        #expect(webhook[string: "failurePolicy"] == "Ignore")
        // Known to ask for nothing: nobody yet.
        let early = try self.podWebhook(PodSelection(excludedNamespaces: [], quietNamespaces: []))
        #expect(early["matchConditions"] == nil)
    }

    @Test func namespacesAreExcluded() throws {
        let webhook = try self.podWebhook(PodSelection(excludedNamespaces: ["swiftlet", "kube-system"]))
        #expect(
            webhook["namespaceSelector"] == [
                "matchExpressions": [
                    [
                        "key": "kubernetes.io/metadata.name", "operator": "NotIn",
                        "values": ["swiftlet", "kube-system"],
                    ]
                ]
            ]
        )
    }

    /// UPDATE_GOLDEN=1 writes what comes out now.
    @Test func expressionIsTheTestedOne() throws {
        let selection = PodSelection(excludedNamespaces: [], quietNamespaces: ["calm", "kube-system"])
        let conditions = try #require(try self.podWebhook(selection)[array: "matchConditions"])
        #expect(conditions.count == 1)
        let expression = try #require(conditions[0].object?[string: "expression"])
        if getenv("UPDATE_GOLDEN") != nil {
            let file = try #require(fopen(Self.expressionFile, "w"))
            fputs(expression + "\n", file)
            fclose(file)
        }
        let file = try #require(fopen(Self.expressionFile, "r"), "\(Self.expressionFile) can't be read")
        defer { fclose(file) }
        var buffer = [UInt8](repeating: 0, count: 1 << 14)
        let count = fread(&buffer, 1, buffer.count, file)
        #expect(String(decoding: buffer.prefix(count), as: UTF8.self) == expression + "\n")
    }

    @Test func listIsBoundedAndHarmless() {
        let many = (0..<3000).map { "n\($0)" }
        #expect(PodSelection.expression(quiet: many).split(separator: ",").count < 1010)
        let odd = PodSelection.expression(quiet: ["a'] || true || '", "Upper", "", "fine"])
        #expect(odd.contains("in ['fine'])"))
    }

    @Test func tellsWhomItIsQuietAbout() {
        let expression = PodSelection.expression(quiet: ["calm", "calm-too"])
        #expect(PodSelection.expression(expression, isQuietAbout: "calm"))
        #expect(PodSelection.expression(expression, isQuietAbout: "calm-too"))
        #expect(!PodSelection.expression(expression, isQuietAbout: "too"))
        #expect(!PodSelection.expression("", isQuietAbout: "calm"))
    }
}
