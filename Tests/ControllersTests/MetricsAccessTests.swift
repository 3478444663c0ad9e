import AdmissionServer
import JSONTree
import KubeClient
import KubeTesting
import Logging
import Testing

@testable import Controllers

/// Who may read `/metrics`.
struct MetricsAccessTests {
    /// An API server that knows one token, `good`, whose owner may read, and one, `poor`, whose owner may not.
    private func run(
        broken: Bool = false,
        _ body: (MetricsAccess, ScriptedServer) async throws -> Void
    ) async throws {
        try await ScriptedServer.run(script: { request, _ in
            if broken { return .failure(403, reason: "Forbidden", message: "swiftlet may not create tokenreviews") }
            guard let spec = (try? JSONValue(parsing: request.body))?.object?[object: "spec"] else {
                return .failure(400, reason: "Bad")
            }
            if let token = spec[string: "token"] {
                let isKnown = token == "good" || token == "poor"
                return .json(
                    #"{"status":{"authenticated":\#(isKnown),"user":{"username":"\#(token)","groups":["g"]}}}"#
                )
            }
            let isAsked =
                spec[object: "nonResourceAttributes"] == ["path": "/metrics", "verb": "get"]
                && spec["groups"] == ["g"]
            return .json(#"{"status":{"allowed":\#(isAsked && spec[string: "user"] == "good")}}"#)
        }) { server in
            try await KubeClient.with(url: server.url) { client in
                try await body(MetricsAccess(client: client, logger: silence), server)
            }
        }
    }

    @Test func asksOnceInAWhile() async throws {
        try await self.run { access, server in
            for _ in 0..<3 {
                let verdicts = [
                    await access.verdict("good"), await access.verdict("poor"), await access.verdict("none"),
                ]
                #expect(verdicts == [.allowed, .forbidden, .unauthenticated])
            }
            // Two questions each about those who are known, one about who is not.
            #expect(server.requests.count == 5)
        }
    }

    @Test func whatCannotBeFoundOutIsAskedAgainAndNotTold() async throws {
        try await self.run(broken: true) { access, server in
            for _ in 0..<2 {
                guard case .failed(let reason) = await access.verdict("good") else {
                    Issue.record("it is not known")
                    return
                }
                #expect(!reason.contains("swiftlet"), "what we may not do is nobody's business")
            }
            #expect(server.requests.count == 2)
        }
    }

    @Test func verdictsAreForgotten() {
        let memory = VerdictMemory(lifetime: .seconds(10), limit: 3)
        let start = ContinuousClock.now
        let key = VerdictMemory.key(of: "a")
        #expect(memory.verdict(of: key, now: start) == nil)
        memory.remember(.allowed, of: key, now: start)
        #expect(memory.verdict(of: key, now: start + .seconds(9)) == .allowed)
        #expect(memory.verdict(of: key, now: start + .seconds(10)) == nil)
        #expect(memory.count == 0)
        memory.remember(.failed("x"), of: key, now: start)
        #expect(memory.count == 0)
    }

    @Test func manyTokensTakeNoMemory() {
        let memory = VerdictMemory(limit: 3)
        let now = ContinuousClock.now
        let key = VerdictMemory.key(of: "prometheus")
        memory.remember(.allowed, of: key, now: now)
        for number in 0..<1_000 {
            memory.remember(.unauthenticated, of: VerdictMemory.key(of: "guess \(number)"), now: now)
            #expect(memory.count <= 3)
        }
        #expect(memory.verdict(of: key, now: now) == .allowed, "who guesses does not push out who may")
    }
}
