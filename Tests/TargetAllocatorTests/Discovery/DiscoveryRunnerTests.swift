import JSONTree
import KubeClient
import KubeTesting
import Logging
import PrometheusConfig
import PrometheusModel
import Synchronization
import Testing

@testable import TargetAllocator

@Suite(.timeLimit(.minutes(1))) struct DiscoveryRunnerTests {
    private static func statics(_ address: String) -> DiscoveryConfig {
        .statics([TargetGroup(source: "0", labels: [], targets: [[Label(name: "__address__", value: address)]])])
    }

    private static func with(
        _ client: KubeClient?,
        _ body: (DiscoveryRunner, Updates) async throws -> Void
    ) async throws {
        let updates = Updates()
        let runner = DiscoveryRunner(client: client) { updates.add($0) }
        let task = Task { try await runner.run() }
        try await body(runner, updates)
        task.cancel()
        _ = await task.result
    }

    /// Waits until updates make this true.
    private static func until(
        _ updates: Updates,
        _ found: inout DiscoveredTargets,
        _ test: (DiscoveredTargets) -> Bool
    ) async throws {
        while true {
            for update in updates.taken { found.apply(update) }
            if test(found) { return }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    @Test func jobsComeAndGo() async throws {
        try await Self.with(nil) { runner, updates in
            var found = DiscoveredTargets()
            runner.setJobs([
                .test("a", [Self.statics("a:1")]), .test("b", [Self.statics("b:1"), Self.statics("b:2")]),
            ])
            try await Self.until(updates, &found) { $0.json["b"]?.array?.count == 2 && $0.json["a"] != nil }
            #expect(runner.counts.discoveries == 3)
            // Only what is new is told.
            runner.setJobs([.test("a", [Self.statics("a:1")]), .test("b", [Self.statics("b:3")])])
            try await Self.until(updates, &found) { $0.json["b"]?.description.contains("b:3") == true }
            #expect(runner.counts.discoveries == 2)
            try await Task.sleep(for: .milliseconds(20))
            #expect(updates.taken == [])
            runner.setJobs([])
            #expect(runner.counts.discoveries == 0)
        }
    }

    /// Equal discoveries are one, and their stores, too; discoveries that differ share what they have in common.
    @Test func whatIsEqualRunsOnce() async throws {
        try await ScriptedServer.run(script: { request, _ in Self.answer(request) }) { server in
            try await Self.withClient(server) { client in
                try await Self.with(client) { runner, updates in
                    let slices = DiscoveryConfig.kubernetes(
                        KubernetesDiscovery(role: .endpointslice, namespaces: ["x"])
                    )
                    let pods = DiscoveryConfig.kubernetes(KubernetesDiscovery(role: .pod, namespaces: ["x"]))
                    var found = DiscoveredTargets(waitingFor: [("a", 1), ("b", 1), ("c", 1)])
                    runner.setJobs([.test("a", [slices]), .test("b", [slices]), .test("c", [pods])])
                    try await Self.until(updates, &found) { $0.isComplete }
                    // Slices, services and pods; the role pod follows the same pods.
                    #expect(runner.counts.discoveries == 2)
                    #expect(runner.counts.watches == 3)
                    let lists = server.requests.filter { !$0.isWatch && $0.path.contains("/namespaces/x/") }.map(\.path)
                    #expect(lists.count == Set(lists).count, "\(lists)")
                    #expect(lists.contains("/apis/discovery.k8s.io/v1beta1/namespaces/x/endpointslices"))
                    #expect(found.json["a"] == found.json["b"])
                    #expect(found.json["c"]?.array?.count == 1)
                    // A job under another name goes on with what there is.
                    runner.setJobs([.test("z", [slices])])
                    var again = DiscoveredTargets(waitingFor: [("z", 1)])
                    try await Self.until(updates, &again) { $0.isComplete }
                    #expect(again.json["z"] == found.json["a"])
                    #expect(runner.counts.discoveries == 1)
                    #expect(
                        server.requests.filter { !$0.isWatch && $0.path.contains("/namespaces/x/") }.count
                            == lists.count
                    )
                }
            }
        }
    }

    /// One namespace may not be read: the other's targets come all the same, and nothing is called complete.
    @Test func aNamespaceThatMayNotBeRead() async throws {
        try await ScriptedServer.run(script: { request, _ in Self.answer(request) }) { server in
            try await Self.withClient(server) { client in
                try await Self.with(client) { runner, updates in
                    let pods = KubernetesDiscovery(role: .pod, namespaces: ["x", "forbidden"])
                    var found = DiscoveredTargets(waitingFor: [("a", 1)])
                    runner.setJobs([.test("a", [.kubernetes(pods)])])
                    try await Self.until(updates, &found) { $0.json["a"]?.array?.count == 1 }
                    #expect(!found.isComplete)
                }
            }
        }
    }

    /// The server is upgraded and has the kind in another version only: its targets stay until they are seen there.
    @Test func aVersionThatGoes() async throws {
        let upgrade = Gate()
        let isUpgraded = Mutex(false)
        let script: ScriptedServer.Script = { request, _ in
            let isNew = isUpgraded.withLock { $0 }
            if request.path.contains("endpointslices"), request.path.contains("v1beta1") {
                if isNew { return .failure(404, reason: "NotFound") }
                if request.isWatch { return ScriptedAnswer(pieces: [.gate(upgrade)]) }
            }
            if isNew, request.path.hasPrefix("/apis") {
                var old = request
                old.uri = request.uri.replacing("/discovery.k8s.io/v1", with: "/discovery.k8s.io/v1beta1")
                return Self.answer(old).replacing("v1beta1", with: "v1").replacing("10.0.0.1", with: "10.0.0.2")
            }
            return Self.answer(request)
        }
        try await ScriptedServer.run(script: script) { server in
            try await Self.withClient(server) { client in
                try await Self.with(client) { runner, updates in
                    let slices = KubernetesDiscovery(role: .endpointslice, namespaces: ["x"])
                    var found = DiscoveredTargets(waitingFor: [("a", 1)])
                    runner.setJobs([.test("a", [.kubernetes(slices)])])
                    try await Self.until(updates, &found) { $0.isComplete }
                    #expect(found.json.description.contains("10.0.0.1:80"))
                    isUpgraded.withLock { $0 = true }
                    upgrade.open()
                    try await Self.until(updates, &found) { found in
                        #expect(found.json["a"]?.array?.count == 1)
                        return found.json.description.contains("10.0.0.2:80")
                    }
                }
            }
        }
    }

    private static func withClient(_ server: ScriptedServer, _ body: (KubeClient) async throws -> Void) async throws {
        let client = try KubeClient(
            configuration: ClientConfiguration(serverURL: server.url),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        do {
            try await body(client)
        } catch {
            await client.shutdown()
            throw error
        }
        await client.shutdown()
    }

    /// A server of Kubernetes 1.20: EndpointSlices in v1beta1 alone.
    private static func answer(_ request: RecordedRequest) -> ScriptedAnswer {
        if request.isWatch { return ScriptedAnswer(ending: .hang) }
        switch request.path {
        case "/api": return .json(#"{"kind":"APIVersions","versions":["v1"]}"#)
        case "/apis":
            return .json(
                #"""
                {"kind":"APIGroupList","groups":[{"name":"discovery.k8s.io","versions":[
                {"groupVersion":"discovery.k8s.io/v1beta1","version":"v1beta1"}],
                "preferredVersion":{"groupVersion":"discovery.k8s.io/v1beta1","version":"v1beta1"}}]}
                """#
            )
        case "/apis/discovery.k8s.io/v1beta1":
            return .json(
                #"""
                {"kind":"APIResourceList","groupVersion":"discovery.k8s.io/v1beta1","resources":[
                {"name":"endpointslices","kind":"EndpointSlice","namespaced":true,"verbs":["get","list","watch"]}]}
                """#
            )
        case "/api/v1/namespaces/x/pods":
            return .json(
                #"""
                {"metadata":{"resourceVersion":"7"},"items":[{"metadata":{"name":"p","namespace":"x","uid":"1",
                "resourceVersion":"5"},"spec":{"containers":[{"name":"c","image":"i","ports":[{"containerPort":80}]}]},
                "status":{"podIP":"10.0.0.1"}}]}
                """#
            )
        case "/apis/discovery.k8s.io/v1beta1/namespaces/x/endpointslices":
            return .json(
                #"""
                {"metadata":{"resourceVersion":"7"},"items":[{"metadata":{"name":"s","namespace":"x",
                "resourceVersion":"5"},"addressType":"IPv4","ports":[{"port":80}],"endpoints":[
                {"addresses":["10.0.0.1"],"targetRef":{"kind":"Pod","name":"p","namespace":"x"}}]}]}
                """#
            )
        case "/api/v1/namespaces/x/services": return .json(#"{"metadata":{"resourceVersion":"7"},"items":[]}"#)
        default: return .failure(403, reason: "Forbidden")
        }
    }
}

extension ScriptedAnswer {
    fileprivate func replacing(_ text: String, with other: String) -> ScriptedAnswer {
        var answer = self
        answer.pieces = answer.pieces.map { piece in
            guard case .bytes(let bytes) = piece else { return piece }
            return .bytes(Array(String(decoding: bytes, as: UTF8.self).replacing(text, with: other).utf8))
        }
        return answer
    }
}

extension ScrapeJob {
    fileprivate static func test(_ name: String, _ discoveries: [DiscoveryConfig]) -> ScrapeJob {
        ScrapeJob(name: name, discoveries: discoveries)
    }
}
