import JSONTree
import KubeModel
import KubeTesting
import NIOCore
import NIOHTTP1
import Testing

@testable import KubeClient

/// Requests against a scripted server: what is sent, and what becomes of each kind of answer.
struct RequestTests {
    private static let object = #"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","namespace":"n"}}"#

    private func configMap(_ name: String = "a") -> KubeObject {
        KubeObject(Resources.configMaps.groupVersionKind, namespace: "n", name: name)
    }

    // MARK: What is sent

    @Test func pathsQueriesAndHeaders() async throws {
        try await ScriptedServer.run([.json(Self.object)]) { server in
            try await withClient(
                server.url + "/prefix/",
                configure: {
                    $0.userAgent = "test/1"
                    $0.maximumConnections = 1
                }
            ) { client in
                _ = try await client.get(Resources.configMaps, namespace: "n", name: "a", metadataOnly: true)
                _ = try await client.get(Resources.clusterRoles, name: "system:what? 50%")
                _ = try await client.list(
                    Resources.configMaps,
                    options: ListOptions(
                        labelSelector: "a in (b)",
                        fieldSelector: "metadata.name=x",
                        limit: 7,
                        continueToken: "t=",
                        resourceVersion: "0",
                        resourceVersionMatch: .notOlderThan,
                        metadataOnly: true
                    )
                )
                let options = WriteOptions(dryRun: true, fieldManager: "me", fieldValidation: .strict)
                _ = try await client.create(self.configMap(), Resources.configMaps, options: options)
                _ = try await client.create(self.configMap(), Resources.configMaps, subresource: "token")
                _ = try await client.update(self.configMap(), Resources.configMaps, subresource: "status")
                _ = try await client.apply(self.configMap(), Resources.configMaps, fieldManager: "me")
                _ = try await client.apply(self.configMap(), Resources.configMaps, fieldManager: "me", force: false)
                _ = try await client.patch(
                    Resources.configMaps,
                    namespace: "n",
                    name: "a",
                    .json([["op": "remove", "path": "/x"]])
                )
                _ = try await client.patch(Resources.configMaps, namespace: "n", name: "a", .merge(["x": nil]))
                try await client.delete(Resources.configMaps, namespace: "n", name: "a")
                try await client.deleteCollection(
                    Resources.configMaps,
                    namespace: "n",
                    matching: ListOptions(labelSelector: "a=b"),
                    options: DeleteOptions(
                        uid: "u",
                        resourceVersion: "5",
                        propagation: .foreground,
                        gracePeriodSeconds: 0,
                        dryRun: true
                    )
                )
            }
            let maps = "/prefix/api/v1/namespaces/n/configmaps"
            let expected = [
                "GET \(maps)/a",
                "GET /prefix/apis/rbac.authorization.k8s.io/v1/clusterroles/system:what%3F%2050%25",
                """
                GET /prefix/api/v1/configmaps?labelSelector=a%20in%20%28b%29&fieldSelector=metadata.name%3Dx&limit=7\
                &continue=t%3D&resourceVersion=0&resourceVersionMatch=NotOlderThan
                """,
                "POST \(maps)?dryRun=All&fieldManager=me&fieldValidation=Strict",
                "POST \(maps)/a/token",
                "PUT \(maps)/a/status",
                "PATCH \(maps)/a?fieldManager=me&force=true",
                "PATCH \(maps)/a?fieldManager=me",
                "PATCH \(maps)/a",
                "PATCH \(maps)/a",
                "DELETE \(maps)/a",
                "DELETE \(maps)?labelSelector=a%3Db",
            ]
            let requests = server.requests
            #expect(requests.map { "\($0.method) \($0.uri)" } == expected)
            func header(_ name: String, _ place: Int) -> String { requests[place].headers.first(name: name) ?? "" }
            #expect(header("Accept", 0).hasPrefix("application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"))
            #expect(header("Accept", 1) == "application/json")
            #expect(header("Accept", 2).contains("as=PartialObjectMetadataList"))
            #expect(header("User-Agent", 0) == "test/1")
            #expect(header("Host", 0) == "127.0.0.1:\(server.port)")
            #expect(header("Content-Type", 3) == "application/json")
            #expect(header("Content-Type", 6) == "application/apply-patch+yaml")
            #expect(header("Content-Type", 8) == "application/json-patch+json")
            #expect(header("Content-Type", 9) == "application/merge-patch+json")
            #expect(requests[8].text == #"[{"op":"remove","path":"/x"}]"#)
            #expect(requests[9].text == #"{"x":null}"#)
            #expect(requests[10].body.isEmpty)
            #expect(
                requests[11].text
                    == """
                    {"apiVersion":"v1","kind":"DeleteOptions","gracePeriodSeconds":0,"propagationPolicy":"Foreground",\
                    "preconditions":{"uid":"u","resourceVersion":"5"},"dryRun":["All"]}
                    """
            )
            // One after the other on one connection.
            #expect(server.connectionCount == 1)
        }
    }

    @Test func refusesPathsThatMeanSomethingElse() async throws {
        try await ScriptedServer.run([.json(Self.object)]) { server in
            try await withClient(server.url) { client in
                func refused(_ body: () async throws -> Void) async -> Bool {
                    await clientFailure(body)?.code == .invalidRequest
                }
                let maps = Resources.configMaps
                #expect(await refused { try await client.delete(maps, namespace: "n", name: "") })
                #expect(await refused { try await client.delete(maps, name: "a") })
                #expect(await refused { try await client.delete(maps, namespace: "n", name: "..") })
                #expect(await refused { try await client.delete(maps, namespace: "n", name: "a/b") })
                #expect(await refused { try await client.delete(maps, namespace: "../x", name: "a") })
                #expect(await refused { try await client.deleteCollection(maps) })
                #expect(await refused { _ = try await client.get(maps, namespace: "n", name: "a", subresource: "") })
                let homeless = KubeObject(maps.groupVersionKind, name: "a")
                #expect(await refused { _ = try await client.create(homeless, maps) })
                #expect(await refused { _ = try await client.apply(self.configMap(), maps, fieldManager: "") })
                #expect(
                    await refused { _ = try await client.patch(maps, namespace: "n", name: "a", .apply([:])) }
                )
            }
            #expect(server.requests.isEmpty)
        }
    }

    @Test func impersonationAndBasicLogin() async throws {
        try await ScriptedServer.run([.json(Self.object)]) { server in
            try await withClient(
                server.url,
                configure: {
                    $0.authentication = .basic(username: "me", password: "pä:ss")
                    $0.impersonation = .init(user: "other", uid: "7", groups: ["a", "b"], extra: ["scopes/x": ["v"]])
                }
            ) { _ = try await $0.get(Resources.configMaps, namespace: "n", name: "a") }
            let headers = try #require(server.requests.first?.headers)
            #expect(headers.first(name: "Authorization") == "Basic \(Base64.encode("me:pä:ss".utf8))")
            #expect(headers.first(name: "Impersonate-User") == "other")
            #expect(headers.first(name: "Impersonate-Uid") == "7")
            #expect(headers["Impersonate-Group"] == ["a", "b"])
            #expect(headers.first(name: "Impersonate-Extra-scopes%2Fx") == "v")
        }
    }

    // MARK: Lists

    @Test func listsNameTheirItems() async throws {
        let page = """
            {"kind":"ConfigMapList","apiVersion":"v1","metadata":{"resourceVersion":"42","continue":"more",\
            "remainingItemCount":3},"items":[{"metadata":{"name":"a"}},{"apiVersion":"x/v1","kind":"Y","metadata":{}}]}
            """
        let empty = #"{"metadata":{"resourceVersion":"43","continue":""},"items":null}"#
        try await ScriptedServer.run([.json(page), .json(empty), .json(page)]) { server in
            try await withClient(server.url) { client in
                let list = try await client.list(Resources.configMaps)
                #expect(list.resourceVersion == "42" && list.continueToken == "more" && list.remainingItemCount == 3)
                #expect(
                    list.items.map { JSONValue.object($0.json).text() }
                        == [
                            #"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}"#,
                            #"{"apiVersion":"x/v1","kind":"Y","metadata":{}}"#,
                        ]
                )
                let none = try await client.list(Resources.configMaps)
                #expect(none.items.isEmpty && none.resourceVersion == "43" && none.continueToken == nil)
                let read = try await client.listPage(Resources.configMaps, namespace: nil, options: .init()) {
                    (cursor) throws(JSONError) in
                    try cursor.readObjectTree()["metadata"]
                }
                #expect(read.items == [["name": "a"], [:]] && read.continueToken == "more")
            }
        }
    }

    @Test func allPages() async throws {
        func page(_ names: [String], next: String) -> ScriptedAnswer {
            let items = names.map { #"{"metadata":{"name":"\#($0)"}}"# }.joined(separator: ",")
            return .json(#"{"metadata":{"resourceVersion":"9","continue":"\#(next)"},"items":[\#(items)]}"#)
        }
        let answers = [
            page(["a", "b"], next: "1"), page(["c"], next: "2"),
            // The snapshot is gone: from the start.
            .failure(410, reason: "Expired"), page(["a"], next: "3"), page(["d"], next: ""),
        ]
        try await ScriptedServer.run(answers) { server in
            try await withClient(server.url) { client in
                let list = try await client.listAll(
                    Resources.configMaps,
                    options: ListOptions(labelSelector: "x", resourceVersion: "0")
                )
                #expect(list.items.map(\.name) == ["a", "d"])
                #expect(list.resourceVersion == "9")
            }
            let requests = server.requests
            #expect(requests.map { $0.query("continue") } == [nil, "1", "2", nil, "3"])
            #expect(requests.map { $0.query("resourceVersion") } == ["0", nil, nil, "0", nil])
            #expect(requests.allSatisfy { $0.query("limit") == "500" && $0.query("labelSelector") == "x" })
        }
    }

    @Test func aLostSnapshotIsGivenUpInTheEnd() async throws {
        let page = ScriptedAnswer.json(#"{"metadata":{"resourceVersion":"9","continue":"1"},"items":[]}"#)
        try await ScriptedServer.run(
            script: { request, _ in
                request.query("continue") == nil ? page : .failure(410, reason: "Expired")
            }
        ) { server in
            try await withClient(server.url) { client in
                #expect(await apiFailure { try await client.listAll(Resources.configMaps) }?.isGone == true)
            }
            #expect(server.requests.count == 6)
        }
    }

    // MARK: Errors

    @Test func theWholeStatusIsKept() async throws {
        let body = """
            {"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Apply failed with 1 conflict",\
            "reason":"Conflict","details":{"causes":[{"reason":"FieldManagerConflict","field":".data.a"}]},"code":409}
            """
        try await ScriptedServer.run([.json(body, status: 409)]) { server in
            try await withClient(server.url) { client in
                let error = try #require(
                    await apiFailure {
                        try await client.apply(self.configMap(), Resources.configMaps, fieldManager: "me", force: false)
                    }
                )
                #expect(error.isConflict && !error.isAlreadyExists && error.code == 409)
                #expect(error.causes.first?[string: "field"] == ".data.a")
                #expect(JSONValue.object(error.status).text() == body)
                #expect(
                    "\(error)"
                        == "PATCH /api/v1/namespaces/n/configmaps/a: 409 Conflict: Apply failed with 1 conflict"
                )
            }
        }
    }

    @Test(arguments: [
        (400, "BadRequest", "none"), (401, "Unauthorized", "unauthorized"), (403, "Forbidden", "forbidden"),
        (404, "NotFound", "notFound"), (409, "Conflict", "conflict"), (409, "AlreadyExists", "alreadyExists"),
        (410, "Expired", "gone"), (422, "Invalid", "invalid"), (429, "TooManyRequests", "tooManyRequests"),
        (500, "ServerTimeout", "serverTimeout"), (504, "Timeout", "serverTimeout"),
    ])
    func eachErrorIsOneOfThem(code: Int, reason: String, kind: String) async throws {
        try await ScriptedServer.run([.failure(code, reason: reason, message: "m")]) { server in
            try await withClient(server.url) { client in
                let error = try #require(
                    await apiFailure { try await client.get(Resources.configMaps, namespace: "n", name: "a") }
                )
                #expect(error.code == code && error.reason == reason && error.message == "m")
                let kinds = [
                    "unauthorized": error.isUnauthorized, "forbidden": error.isForbidden, "notFound": error.isNotFound,
                    "conflict": error.isConflict, "alreadyExists": error.isAlreadyExists, "gone": error.isGone,
                    "invalid": error.isInvalid, "tooManyRequests": error.isTooManyRequests,
                    "serverTimeout": error.isServerTimeout,
                ]
                #expect(kinds.filter(\.value).keys.sorted() == (kind == "none" ? [] : [kind]))
            }
        }
    }

    @Test(arguments: [
        (
            "<html>\n<head><title>502 Bad Gateway</title></head><body><center>nginx</center></body></html>",
            "text/html",
            "502 Bad Gateway nginx"
        ),
        ("upstream connect error\r\n", "text/plain", "upstream connect error"),
        ("", "text/plain", "Bad Gateway"),
        (#"{"error":"no"}"#, "application/json", #"{"error":"no"}"#),
        (String(repeating: "long ", count: 200), "text/plain", String(repeating: "long ", count: 60) + "…"),
    ])
    func bodiesThatAreNoStatus(body: String, type: String, message: String) async throws {
        let answer = ScriptedAnswer(status: 502, headers: [("Content-Type", type)], pieces: [.bytes(Array(body.utf8))])
        try await ScriptedServer.run([answer]) { server in
            try await withClient(server.url) { client in
                let error = try #require(
                    await apiFailure { try await client.get(Resources.configMaps, namespace: "n", name: "a") }
                )
                #expect(error.code == 502 && error.reason == "" && error.status.isEmpty)
                #expect(error.message == message)
            }
        }
    }

    @Test(arguments: ["", "<html>", "[1]", #"{"kind":"#])
    func successThatIsNoObject(body: String) async throws {
        try await ScriptedServer.run([.json(body)]) { server in
            try await withClient(server.url) { client in
                let one = await clientFailure { try await client.get(Resources.configMaps, namespace: "n", name: "a") }
                #expect(one?.code == .malformedResponse)
                let list = await clientFailure { try await client.list(Resources.configMaps) }
                #expect(list?.code == .malformedResponse)
            }
        }
    }

    @Test func answersTooLarge() async throws {
        try await ScriptedServer.run([.json(#"{"a":"\#(String(repeating: "x", count: 5_000))"}"#)]) { server in
            try await withClient(server.url, configure: { $0.maximumResponseSize = 1_000 }) { client in
                let error = await clientFailure { try await client.list(Resources.configMaps) }
                #expect(error?.code == .tooLarge)
                #expect(error?.message.contains("larger than 1000 bytes; ask for fewer objects") == true)
            }
        }
    }

    @Test func whatIsNotHTTP() async throws {
        try await ScriptedServer.run([.raw("SSH-2.0-OpenSSH_9.2\r\n")]) { server in
            try await withClient(server.url) { client in
                let error = await clientFailure { try await client.list(Resources.configMaps) }
                #expect(error?.code == .malformedResponse, "\(error.map { "\($0)" } ?? "no error")")
            }
        }
    }

    @Test func rawRequestsGiveEveryAnswer() async throws {
        try await ScriptedServer.run([.json("no", status: 500)]) { server in
            try await withClient(server.url) { client in
                let answer = try await client.request(
                    .POST,
                    path: "/readyz",
                    query: [("verbose", "")],
                    body: [1],
                    contentType: "x/y",
                    accept: "*/*"
                )
                #expect(answer.status == 500 && answer.body.text == "no")
            }
            let request = try #require(server.requests.first)
            #expect(request.uri == "/readyz?verbose=" && request.body == [1])
            #expect(request.headers.first(name: "Content-Type") == "x/y")
            #expect(request.headers.first(name: "Accept") == "*/*")
        }
    }

    @Test func versions() async throws {
        let body = #"{"major":"1","minor":"27+","gitVersion":"v1.27.3-gke.100","platform":"linux/amd64"}"#
        try await ScriptedServer.run([.json(body)]) { server in
            try await withClient(server.url) { client in
                let version = try await client.version()
                #expect(version == ServerVersion(gitVersion: "v1.27.3-gke.100", major: 1, minor: 27))
            }
        }
    }

    // MARK: Watching over requests

    @Test func warningsAreLoggedOnce() async throws {
        let lines = LogLines()
        let answer = ScriptedAnswer.json(
            Self.object,
            headers: [("Warning", #"299 - "old version""#), ("Warning", #"299 - "unknown field""#)]
        )
        try await ScriptedServer.run([answer]) { server in
            try await withClient(server.url, logger: lines.logger) { client in
                for _ in 0..<3 { _ = try await client.get(Resources.configMaps, namespace: "n", name: "a") }
            }
        }
        let warnings = lines.lines.filter { $0.hasPrefix("warning") }
        #expect(warnings.count == 2)
        #expect(warnings.first?.contains("warning=old version") == true, "\(warnings)")
    }

    @Test func endlessNewWarningsAreBounded() async throws {
        let lines = LogLines()
        try await ScriptedServer.run(
            script: { _, number in .json(Self.object, headers: [("Warning", #"299 - "number \#(number)""#)]) }
        ) { server in
            try await withClient(server.url, logger: lines.logger) { client in
                for _ in 0..<300 { _ = try await client.get(Resources.configMaps, namespace: "n", name: "a") }
            }
        }
        #expect(lines.lines.count { $0.hasPrefix("warning") } == 256)
    }

    @Test func observersSeeEachAttempt() async throws {
        let observer = Observations()
        let answers = [
            ScriptedAnswer.failure(429, reason: "TooManyRequests", headers: [("Retry-After", "0")]),
            .json(Self.object), .close,
        ]
        try await ScriptedServer.run(answers) { server in
            try await withClient(server.url, observer: observer) { client in
                try await client.create(self.configMap(), Resources.configMaps)
                _ = await failure { try await client.create(self.configMap(), Resources.configMaps, subresource: "x") }
            }
        }
        #expect(
            observer.entries == [
                .init(verb: "create", resource: "configmaps", code: 429),
                .init(verb: "create", resource: "configmaps", code: 200),
                .init(verb: "create", resource: "configmaps/x", code: 0),
            ]
        )
    }
}
