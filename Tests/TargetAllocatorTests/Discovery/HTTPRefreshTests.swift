import KubeTesting
import NIOHTTP1
import PrometheusConfig
import PrometheusModel
import Testing

@testable import TargetAllocator

@Suite(.timeLimit(.minutes(1))) struct HTTPRefreshTests {
    private static let groups = #"[{"targets":["a:1"],"labels":{"env":"x"}}]"#

    private static func refresh(
        _ url: String,
        interval: Int64 = 60_000,
        _ settings: HTTPClientSettings = HTTPClientSettings()
    ) -> HTTPRefresh {
        HTTPRefresh(
            discovery: HTTPDiscovery(
                url: url,
                refreshInterval: PrometheusDuration(milliseconds: interval),
                http: settings
            ),
            channel: GroupChannel { _ in }
        )
    }

    @Test func whatIsAsked() async throws {
        try await ScriptedServer.run([.json(Self.groups)]) { server in
            var settings = HTTPClientSettings(basicAuth: .init(username: "me", password: "s3cret"))
            settings.headers = [.init(name: "X-Scope", values: ["a"], secrets: ["b"])]
            var refresh = Self.refresh(server.url + "/t?q=1", interval: 90_500, settings)
            let found = try await refresh.refresh()?.flatMap(\.groups)
            #expect(found?.map(\.source) == [server.url + "/t?q=1:0"])
            let request = try #require(server.requests.first)
            #expect(request.uri == "/t?q=1")
            #expect(request.headers["Accept"] == ["application/json"])
            #expect(request.headers["X-Prometheus-Refresh-Interval-Seconds"] == ["90.5"])
            #expect(request.headers["Authorization"] == ["Basic bWU6czNjcmV0"])
            #expect(request.headers["X-Scope"] == ["a", "b"])
        }
    }

    @Test(arguments: [
        ScriptedAnswer.json(groups, status: 201), .json(groups, status: 500), .json("[{", status: 200), .json("{}"),
        ScriptedAnswer(headers: [("Content-Type", "text/json")], pieces: [.bytes(Array(groups.utf8))]),
        ScriptedAnswer(headers: [], pieces: [.bytes(Array(groups.utf8))]),
        ScriptedAnswer(pieces: [.bytes(Array(groups.utf8))], ending: .close),
        ScriptedAnswer(pieces: [.bytes([0x5B])], ending: .hang), ScriptedAnswer(status: nil, ending: .close),
        .json("", status: 302, headers: [("Location", "/t")]),
    ]) func answersThatAreNone(_ answer: ScriptedAnswer) async throws {
        try await ScriptedServer.run([answer]) { server in
            var refresh = Self.refresh(server.url + "/t", interval: 300)
            let found = try await refresh.refresh()?.flatMap(\.groups)
            #expect(found == nil)
        }
    }

    /// The token is asked for once; a refused one is asked for anew.
    @Test func tokens() async throws {
        let script: ScriptedServer.Script = { request, _ in
            if request.path == "/token" {
                return .json(#"{"access_token":"t0ken","token_type":"bearer","expires_in":3600}"#)
            }
            return request.headers["Authorization"] == ["Bearer t0ken"] ? .json(Self.groups) : .json("[]", status: 401)
        }
        try await ScriptedServer.run(script: script) { server in
            let oauth = HTTPClientSettings.OAuth2(
                clientID: "id",
                clientSecret: "a b",
                scopes: ["x", "y"],
                tokenURL: server.url + "/token",
                endpointParams: ["audience": "z"]
            )
            var refresh = Self.refresh(server.url + "/t", HTTPClientSettings(oauth2: oauth))
            for _ in 0..<3 {
                let found = try await refresh.refresh()?.flatMap(\.groups)
                #expect(found?.count == 1)
            }
            let asked = server.requests.filter { $0.path == "/token" }
            #expect(asked.count == 1)
            #expect(asked.first?.text == "grant_type=client_credentials&scope=x+y&audience=z")
            // id:a+b
            #expect(asked.first?.headers["Authorization"] == ["Basic aWQ6YSti"])
        }
    }

    /// A server that wants the secret in the form gets it there.
    @Test func tokensFromAServerThatWantsAForm() async throws {
        let script: ScriptedServer.Script = { request, _ in
            guard request.path == "/token" else { return .json(Self.groups) }
            return request.text.contains("client_secret=a+b")
                ? .json(#"{"access_token":"t"}"#) : .json(#"{"error":"invalid_client"}"#, status: 401)
        }
        try await ScriptedServer.run(script: script) { server in
            let oauth = HTTPClientSettings.OAuth2(
                clientID: "id",
                clientSecret: "a b",
                tokenURL: server.url + "/token"
            )
            var refresh = Self.refresh(server.url + "/t", HTTPClientSettings(oauth2: oauth))
            let found = try await refresh.refresh()?.flatMap(\.groups)
            #expect(found?.count == 1)
            #expect(server.requests.last?.headers["Authorization"] == ["Bearer t"])
        }
    }

    @Test func redirects() async throws {
        let script: ScriptedServer.Script = { request, _ in
            request.path == "/old" ? .json("", status: 302, headers: [("Location", "/new")]) : .json(Self.groups)
        }
        try await ScriptedServer.run(script: script) { server in
            var follows = Self.refresh(server.url + "/old")
            let found = try await follows.refresh()?.flatMap(\.groups)
            // The label tells what was configured.
            #expect(found?.first?.labels.first == Label(name: "__meta_url", value: server.url + "/old"))
            var stays = Self.refresh(server.url + "/old", HTTPClientSettings(followRedirects: false))
            let none = try await stays.refresh()?.flatMap(\.groups)
            #expect(none == nil)
        }
    }
}
