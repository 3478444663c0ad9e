import JSONTree
import KubeClient
import KubeModel
import KubeTesting
import Synchronization
import Testing

@testable import KubeRuntime

@Suite(.timeLimit(.minutes(1))) struct ResourcePresenceTests {
    private static let deployments = GroupKind(group: "apps", kind: "Deployment")

    /// An API server that serves Deployments, except in those answers to `/apis`.
    private static func server(empty: Range<Int>, lists: Counter) -> ScriptedServer.Script {
        { request, _ in
            switch request.path {
            case "/api": return .json(#"{"kind":"APIVersions","versions":["v1"]}"#)
            case "/apis":
                let number = lists.next()
                let group =
                    #"{"name":"apps","versions":[{"groupVersion":"apps/v1","version":"v1"}],"preferredVersion":{"groupVersion":"apps/v1","version":"v1"}}"#
                return .json(#"{"kind":"APIGroupList","groups":[\#(empty.contains(number) ? "" : group)]}"#)
            case "/apis/apps/v1":
                return .json(
                    #"{"kind":"APIResourceList","groupVersion":"apps/v1","resources":[{"name":"deployments","kind":"Deployment","namespaced":true,"verbs":["list"]}]}"#
                )
            default: return .failure(403, reason: "Forbidden")
            }
        }
    }

    /// A server that has just started lists few groups, or none. That is not believed at once, and what was believed in the
    /// end is taken back when the kind is there again, without any CRD that would tell.
    @Test(arguments: [(Duration.seconds(60), [true]), (.milliseconds(1), [true, false, true])])
    func whatIsMissingForAMoment(_ secondLook: Duration, _ wanted: [Bool]) async throws {
        let lists = Counter()
        try await ScriptedServer.run(script: Self.server(empty: 2..<7, lists: lists)) { server in
            try await KubeClient.with(url: server.url) { client in
                var configuration = ResourcePresence.Configuration()
                configuration.pollPeriod = .milliseconds(20)
                configuration.secondLook = secondLook
                let presence = ResourcePresence(
                    client: client,
                    kinds: [Self.deployments: ["v1"]],
                    configuration: configuration
                )
                let changes = Recorder<ResourcePresence.Change>()
                let subscription = presence.subscribe { changes.add($0) }
                try await running(presence) {
                    await changes.wait(count: wanted.count)
                    while lists.count < 12 { try await Task.sleep(for: .milliseconds(5)) }
                    #expect(changes.values.map { $0.resource != nil } == wanted)
                    #expect(presence[Self.deployments] != nil)
                }
                subscription.cancel()
            }
        }
    }

    private final class Counter: Sendable {
        private let value = Mutex(0)
        var count: Int { self.value.withLock { $0 } }

        /// How often it was called before.
        func next() -> Int {
            self.value.withLock { value in
                value += 1
                return value - 1
            }
        }
    }
}
