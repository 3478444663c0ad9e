import JSONTree
import KubeTesting
import Rendering
import Testing

@testable import Controllers

/// The validation of target allocators, as the API server asks for it.
extension WebhooksTests {
    private static let contradiction = "{prometheusCR: {allowNamespaces: [a], denyNamespaces: [b]}}"
    private static let refusal = "allowNamespaces and denyNamespaces are mutually exclusive"

    private func allocator(_ spec: String, labels: String = "{}", more: String = "") throws -> JSONObject {
        try yaml(
            """
            apiVersion: opentelemetry.io/v1alpha1
            kind: TargetAllocator
            metadata: {name: ta, namespace: shop, labels: \(labels)\(more)}
            spec: \(spec)
            """
        )
    }

    @Test func allocatorsAreRefusedWithCauses() async throws {
        try await self.run { server, handlers in
            let answer = try await self.ask(
                handlers,
                WebhookPath.validateTargetAllocator,
                self.review(try self.allocator(Self.contradiction))
            )
            #expect(answer[bool: "allowed"] == false)
            let status = try #require(answer[object: "status"])
            #expect(status[string: "message"] == Self.refusal)
            let cause = status["details"]?["causes"]?[0]
            #expect(cause?["field"]?.string == "spec.prometheusCR.denyNamespaces")
            #expect(cause?["message"]?.string == Self.refusal)
            #expect(server.requests.isEmpty)
        }
    }

    /// What was stored once can still get other labels, lose its finalizers and be deleted.
    @Test func storedAllocatorsAreNotHeldUp() async throws {
        try await self.run { _, handlers in
            let old = try self.allocator(Self.contradiction)
            let path = WebhookPath.validateTargetAllocator
            let labelled = try self.allocator(Self.contradiction, labels: "{a: b}")
            let answer = try await self.ask(handlers, path, self.review(labelled, "UPDATE", old: old))
            #expect(answer[bool: "allowed"] == true && answer["warnings"] == [.string(Self.refusal)])
            let worse = try self.allocator("{prometheusCR: {allowNamespaces: [a], denyNamespaces: [b, c]}}")
            let refused = try await self.ask(handlers, path, self.review(worse, "UPDATE", old: old))
            #expect(refused[bool: "allowed"] == false)
            let leaving = try self.allocator(
                "{prometheusCR: {allowNamespaces: [a], denyNamespaces: [b, c]}}",
                more: ", deletionTimestamp: '2026-06-01T12:00:00Z'"
            )
            #expect(
                try await self.ask(handlers, path, self.review(leaving, "UPDATE", old: old))[bool: "allowed"] == true
            )
            #expect(try await self.ask(handlers, path, self.review(nil, "DELETE", old: old))[bool: "allowed"] == true)
        }
    }

    /// Rights of its account are asked about when it is to read Prometheus' resources, and missing ones are warned of.
    @Test func allocatorsAccountsAreAskedAbout() async throws {
        let script: ScriptedServer.Script = { request, _ in
            guard let spec = (try? JSONValue(parsing: request.body))?.object?[object: "spec"] else {
                return .failure(400, reason: "Bad")
            }
            let resource = spec["resourceAttributes"]?["resource"]?.string ?? ""
            let isAllowed = spec[string: "user"] == "system:serviceaccount:shop:mine" && resource != "podmonitors"
            return .json(#"{"status":{"allowed":\#(isAllowed)}}"#)
        }
        try await self.run(script: script) { server, handlers in
            let path = WebhookPath.validateTargetAllocator
            let spec = "{serviceAccount: mine, prometheusCR: {enabled: true}}"
            let answer = try await self.ask(handlers, path, self.review(try self.allocator(spec)))
            #expect(answer[bool: "allowed"] == true)
            #expect(
                answer["warnings"] == [
                    "missing the following rules for system:serviceaccount:shop:mine - monitoring.coreos.com/podmonitors: [*]"
                ]
            )
            let asked = server.requests.count
            #expect(asked == AccessCheck.targetAllocator.count)
            _ = try await self.ask(handlers, path, self.review(try self.allocator("{serviceAccount: mine}")))
            #expect(server.requests.count == asked)
        }
    }
}
