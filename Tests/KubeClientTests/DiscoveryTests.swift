import JSONTree
import KubeModel
import KubeTesting
import NIOHTTP1
import Testing

@testable import KubeClient

struct DiscoveryTests {
    private static let deployments = GroupKind(group: "apps", kind: "Deployment")
    private static let scalers = GroupKind(group: "autoscaling", kind: "HorizontalPodAutoscaler")
    private static let metrics = GroupKind(group: "metrics.k8s.io", kind: "PodMetrics")

    /// A server of 1.20: groups and resources apart. The metrics server is down.
    private static func classic(_ request: RecordedRequest) -> ScriptedAnswer {
        func resources(_ version: String, _ items: String) -> ScriptedAnswer {
            .json(#"{"kind":"APIResourceList","groupVersion":"\#(version)","resources":[\#(items)]}"#)
        }
        func item(_ name: String, _ kind: String, namespaced: Bool = true) -> String {
            #"{"name":"\#(name)","singularName":"","namespaced":\#(namespaced),"kind":"\#(kind)","verbs":["get","list"]}"#
        }
        let scaler = item("horizontalpodautoscalers", "HorizontalPodAutoscaler")
        switch request.path {
        case "/api":
            return .json(#"{"kind":"APIVersions","versions":["v1"],"serverAddressByClientCIDRs":[]}"#)
        case "/apis":
            let groups = [
                ("apps", ["v1"], "v1"), ("autoscaling", ["v1", "v2beta2"], "v2beta2"),
                ("metrics.k8s.io", ["v1beta1"], "v1beta1"),
            ]
            let text = groups.map { name, versions, preferred in
                let list = versions.map { #"{"groupVersion":"\#(name)/\#($0)","version":"\#($0)"}"# }.joined(
                    separator: ","
                )
                return #"{"name":"\#(name)","versions":[\#(list)],"preferredVersion":{"version":"\#(preferred)"}}"#
            }
            return .json(#"{"kind":"APIGroupList","apiVersion":"v1","groups":[\#(text.joined(separator: ","))]}"#)
        case "/api/v1": return resources("v1", item("pods", "Pod") + "," + item("nodes", "Node", namespaced: false))
        case "/apis/apps/v1":
            let parts = [
                item("deployments", "Deployment"), item("deployments/scale", "Scale"),
                item("deployments/status", "Deployment"),
            ]
            return resources("apps/v1", parts.joined(separator: ","))
        case "/apis/autoscaling/v1": return resources("autoscaling/v1", scaler)
        case "/apis/autoscaling/v2beta2": return resources("autoscaling/v2beta2", scaler)
        case "/apis/metrics.k8s.io/v1beta1":
            return .failure(
                503,
                reason: "ServiceUnavailable",
                message: "the server is currently unable to handle the request"
            )
        default: return .failure(404, reason: "NotFound")
        }
    }

    /// A server of 1.27 or later: all in two documents.
    private static func aggregated(_ version: String) -> @Sendable (RecordedRequest, Int) -> ScriptedAnswer {
        { request, _ in
            guard request.headers.first(name: "Accept")?.contains("v=\(version);as=APIGroupDiscoveryList") == true
            else {
                return Self.classic(request)
            }
            func resource(_ plural: String, _ kind: String, scope: String = "Namespaced", subresources: [String] = [])
                -> String
            {
                let under = subresources.map {
                    #"{"subresource":"\#($0)","responseKind":{"kind":"Scale"},"verbs":["get"]}"#
                }
                return """
                    {"resource":"\(plural)","responseKind":{"group":"","version":"","kind":"\(kind)"},"scope":"\(scope)",\
                    "verbs":["get","list","watch"],"subresources":[\(under.joined(separator: ","))]}
                    """
            }
            func group(_ name: String, _ versions: [(String, String, String)]) -> String {
                let list = versions.map { #"{"version":"\#($0.0)","freshness":"\#($0.1)","resources":[\#($0.2)]}"# }
                return #"{"metadata":{"name":"\#(name)"},"versions":[\#(list.joined(separator: ","))]}"#
            }
            let scaler = resource("horizontalpodautoscalers", "HorizontalPodAutoscaler")
            let items: [String] =
                request.path == "/api"
                ? [
                    group(
                        "",
                        [("v1", "Current", resource("pods", "Pod") + "," + resource("nodes", "Node", scope: "Cluster"))]
                    )
                ]
                : [
                    group(
                        "apps",
                        [("v1", "Current", resource("deployments", "Deployment", subresources: ["scale", "status"]))]
                    ),
                    group("autoscaling", [("v2", "Current", scaler), ("v1", "Current", scaler)]),
                    group("metrics.k8s.io", [("v1beta1", "Stale", "")]),
                ]
            return .json(
                """
                {"kind":"APIGroupDiscoveryList","apiVersion":"apidiscovery.k8s.io/\(version)","metadata":{},\
                "items":[\(items.joined(separator: ","))]}
                """,
                headers: []
            )
        }
    }

    @Test(arguments: ["classic", "v2beta1", "v2"])
    func findsKinds(form: String) async throws {
        let script: ScriptedServer.Script
        if form == "classic" {
            script = { request, _ in Self.classic(request) }
        } else {
            script = Self.aggregated(form)
        }
        try await ScriptedServer.run(script: script) { server in
            try await withClient(server.url, configure: { $0.maximumRetries = 0 }) { client in
                let discovery = client.discovery
                let deployment = try #require(try await discovery.entry(for: Self.deployments))
                #expect(deployment.resource == Resources.deployments)
                #expect(deployment.subresources == ["scale", "status"])
                #expect(deployment.verbs.prefix(2) == ["get", "list"])
                #expect(try await discovery.resource(for: GroupKind(group: "", kind: "Pod"))?.plural == "pods")
                #expect(try await discovery.resource(for: GroupKind(group: "", kind: "Node"))?.isNamespaced == false)

                // The caller's order, the server's order, a version nobody serves.
                let newest = form == "classic" ? "v2beta2" : "v2"
                #expect(try await discovery.resource(for: Self.scalers)?.version == newest)
                let known = ["v2", "v2beta2"]
                #expect(try await discovery.resource(for: Self.scalers, preferredVersions: known)?.version == newest)
                #expect(try await discovery.resource(for: Self.scalers, preferredVersions: ["v1"])?.version == "v1")
                #expect(try await discovery.resource(for: Self.scalers, preferredVersions: ["v3"]) == nil)
                let v1 = GroupVersionKind(group: "autoscaling", version: "v1", kind: "HorizontalPodAutoscaler")
                #expect(try await discovery.resource(for: v1)?.version == "v1")
                #expect(try await discovery.versions(ofGroup: "autoscaling") == [newest, "v1"])

                #expect(try await discovery.serves(group: "apps"))
                #expect(try await discovery.serves(group: "route.openshift.io") == false)
                #expect(try await discovery.resource(for: GroupKind(group: "apps", kind: "Nothing")) == nil)

                // An extension server that is down: known to be there, but not what it serves. The rest is not disturbed.
                #expect(try await discovery.serves(group: "metrics.k8s.io"))
                #expect(await apiFailure { try await discovery.resource(for: Self.metrics) }?.code == 503)
            }
        }
    }

    @Test func asksOnceForAll() async throws {
        try await ScriptedServer.run(script: { request, _ in Self.classic(request) }) { server in
            try await withClient(server.url) { client in
                try await withThrowingTaskGroup { group in
                    for _ in 0..<20 { group.addTask { _ = try await client.discovery.resource(for: Self.deployments) } }
                    try await group.waitForAll()
                }
                #expect(server.requests.map(\.path) == ["/api", "/apis", "/apis/apps/v1"])
            }
        }
    }

    @Test func asksAgainForWhatWasNotThere() async throws {
        let clock = ManualClock()
        let installed = Gate()
        let kind = GroupKind(group: "example.com", kind: "Thing")
        let script: ScriptedServer.Script = { request, _ in
            switch request.path {
            case "/apis" where installed.isOpen:
                .json(#"{"kind":"APIGroupList","groups":[{"name":"example.com","versions":[{"version":"v1"}]}]}"#)
            case "/apis/example.com/v1":
                .json(#"{"kind":"APIResourceList","resources":[{"name":"things","kind":"Thing","namespaced":true}]}"#)
            default: Self.classic(request)
            }
        }
        try await ScriptedServer.run(script: script) { server in
            try await withClient(server.url, time: TimeSource(clock)) { client in
                let early = try await client.discovery.resource(for: kind)
                #expect(early == nil)
                installed.open()
                // Not each time somebody asks.
                #expect(try await client.discovery.resource(for: kind) == nil)
                #expect(try await client.discovery.serves(group: "example.com") == false)
                #expect(server.requests.count == 2)
                clock.advance(by: .seconds(10))
                #expect(try await client.discovery.resource(for: kind)?.plural == "things")
                #expect(server.requests.count == 5)
                // A refresh forgets: now it is gone from the kinds of apps, which this server no longer lists.
                #expect(try await client.discovery.resource(for: Self.deployments) == nil)
            }
        }
    }

    @Test func refreshing() async throws {
        let installed = Gate()
        let script: ScriptedServer.Script = { request, _ in
            request.path == "/apis" && !installed.isOpen ? .json(#"{"groups":[]}"#) : Self.classic(request)
        }
        try await ScriptedServer.run(script: script) { server in
            try await withClient(server.url) { client in
                #expect(try await client.discovery.serves(group: "apps") == false)
                installed.open()
                try await client.discovery.refresh()
                #expect(try await client.discovery.serves(group: "apps"))
            }
        }
    }

    @Test func aServerThatIsAway() async throws {
        // Failures are not remembered as "not served".
        let script: ScriptedServer.Script = { request, number in
            number == 0 ? .failure(500, reason: "InternalError") : Self.classic(request)
        }
        try await ScriptedServer.run(script: script) { server in
            try await withClient(server.url) { client in
                #expect(await apiFailure { try await client.discovery.resource(for: Self.deployments) }?.code == 500)
                let later = try await client.discovery.resource(for: Self.deployments)
                #expect(later != nil)
            }
        }
    }

    @Test func aVersionThatVanishes() async throws {
        let script: ScriptedServer.Script = { request, _ in
            request.path == "/apis/apps/v1" ? .failure(404, reason: "NotFound") : Self.classic(request)
        }
        try await ScriptedServer.run(script: script) { server in
            try await withClient(server.url) { client in
                let found = try await client.discovery.resource(for: Self.deployments)
                #expect(found == nil)
            }
        }
    }
}
