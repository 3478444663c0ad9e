import JSONTree
import KubeModel
import KubeTesting
import NIOCore
import NIOHTTP1
import Testing

@testable import KubeClient

/// Watches against a scripted server.
struct WatchTests {
    private static func line(_ type: String, _ version: Int) -> String {
        #"{"type":"\#(type)","object":{"kind":"ConfigMap","metadata":{"name":"ü","resourceVersion":"\#(version)"}}}"#
            + "\n"
    }
    private static let three = line("ADDED", 1) + line("MODIFIED", 2) + line("BOOKMARK", 3)

    private func versions(_ stream: WatchStream) async throws -> [String] {
        var seen: [String] = []
        for try await event in stream {
            seen.append("\(event.kind.rawValue) \(try event.tree().metadata.resourceVersion ?? "")")
        }
        return seen
    }

    @Test func queryAndAccept() async throws {
        try await ScriptedServer.run([.chunks([])]) { server in
            try await withClient(server.url) { client in
                _ = try await client.watch(Resources.configMaps, namespace: "n")
                _ = try await client.watch(
                    Resources.configMaps,
                    options: WatchOptions(
                        labelSelector: "a=b",
                        fieldSelector: "c=d",
                        resourceVersion: "7",
                        allowBookmarks: false,
                        timeout: .seconds(60),
                        metadataOnly: true,
                        sendInitialEvents: true
                    )
                )
            }
            #expect(
                server.requests.map(\.uri) == [
                    "/api/v1/namespaces/n/configmaps?watch=true&allowWatchBookmarks=true&timeoutSeconds=290",
                    """
                    /api/v1/configmaps?watch=true&labelSelector=a%3Db&fieldSelector=c%3Dd&resourceVersion=7\
                    &sendInitialEvents=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=60
                    """,
                ]
            )
            #expect(server.requests.last?.headers.first(name: "Accept")?.contains("as=PartialObjectMetadata;") == true)
        }
    }

    @Test func linesSplitAnywhere() async throws {
        let bytes = Array(Self.three.utf8)
        let answers = (1..<bytes.count).map { ScriptedAnswer.split(Self.three, at: [$0]) }
        try await ScriptedServer.run(answers) { server in
            try await withClient(server.url) { client in
                for _ in answers {
                    let stream = try await client.watch(Resources.configMaps)
                    #expect(try await self.versions(stream) == ["ADDED 1", "MODIFIED 2", "BOOKMARK 3"])
                }
            }
        }
    }

    @Test func byteByByte() async throws {
        let places = Array(1..<Self.three.utf8.count)
        try await ScriptedServer.run([.split(Self.three, at: places)]) { server in
            try await withClient(server.url) { client in
                let stream = try await client.watch(Resources.configMaps)
                #expect(try await self.versions(stream) == ["ADDED 1", "MODIFIED 2", "BOOKMARK 3"])
            }
        }
    }

    @Test func eventsComeAsTheyAreSent() async throws {
        let gate = Gate()
        let answer = ScriptedAnswer(
            pieces: [
                .bytes(Array(Self.line("ADDED", 1).utf8)), .gate(gate), .bytes(Array(Self.line("DELETED", 2).utf8)),
            ]
        )
        try await ScriptedServer.run([answer]) { server in
            try await withClient(server.url) { client in
                var events = try await client.watch(Resources.configMaps).makeAsyncIterator()
                #expect(try await events.next()?.kind == .added)
                gate.open()
                #expect(try await events.next()?.kind == .deleted)
                #expect(try await events.next() == nil)
            }
        }
    }

    @Test func manyEventsWithASlowReader() async throws {
        // Far more than the pieces that are held for a reader: the server is held back instead.
        let count = 20_000
        let chunk = (0..<100).map { Self.line("MODIFIED", $0) }.joined()
        let answer = ScriptedAnswer.chunks(Array(repeating: chunk, count: count / 100))
        try await ScriptedServer.run([answer]) { server in
            try await withClient(server.url) { client in
                var seen = 0
                for try await event in try await client.watch(Resources.configMaps) {
                    if seen % 5_000 == 0 { try await Task.sleep(for: .milliseconds(50)) }
                    #expect(event.kind == .modified)
                    seen += 1
                }
                #expect(seen == count)
            }
        }
    }

    // MARK: Errors

    @Test func tooOldAsAnAnswer() async throws {
        try await ScriptedServer.run([.failure(410, reason: "Expired", message: "too old")]) { server in
            try await withClient(server.url) { client in
                let error = await apiFailure { try await client.watch(Resources.configMaps) }
                #expect(error?.isGone == true && error?.message == "too old")
            }
        }
    }

    @Test func tooOldAsAnEvent() async throws {
        let error = """
            {"type":"ERROR","object":{"kind":"Status","status":"Failure","message":"too old","reason":"Expired","code":410}}

            """
        try await ScriptedServer.run([.chunks([Self.line("ADDED", 1), error])]) { server in
            try await withClient(server.url) { client in
                var events = try await client.watch(Resources.configMaps).makeAsyncIterator()
                #expect(try await events.next()?.kind == .added)
                let event = try #require(try await events.next())
                #expect(event.kind == .error && event.status().isGone)
                #expect(try await events.next() == nil)
            }
        }
    }

    @Test func cutWithinAnEvent() async throws {
        let half = Self.line("ADDED", 1) + #"{"type":"ADDED","obj"#
        for ending in [ScriptedAnswer.Ending.close, .complete] {
            try await ScriptedServer.run([.chunks([half], ending: ending)]) { server in
                try await withClient(server.url) { client in
                    var events = try await client.watch(Resources.configMaps).makeAsyncIterator()
                    #expect(try await events.next()?.kind == .added)
                    let error = await clientFailure { try await events.next() }
                    #expect(error?.code == .connectionClosed)
                }
            }
        }
    }

    @Test func cutBetweenEvents() async throws {
        try await ScriptedServer.run([.chunks([Self.line("ADDED", 1)], ending: .close)]) { server in
            try await withClient(server.url) { client in
                var events = try await client.watch(Resources.configMaps).makeAsyncIterator()
                #expect(try await events.next()?.kind == .added)
                #expect(await clientFailure { try await events.next() }?.code == .connectionClosed)
            }
        }
    }

    @Test func nonsenseInTheStream() async throws {
        try await ScriptedServer.run([.chunks(["<html>\n"])]) { server in
            try await withClient(server.url) { client in
                let stream = try await client.watch(Resources.configMaps)
                #expect(await clientFailure { try await self.versions(stream) }?.code == .malformedResponse)
            }
        }
    }

    @Test func retriesBeforeTheStreamBegins() async throws {
        let busy = ScriptedAnswer.failure(429, reason: "TooManyRequests", headers: [("Retry-After", "0")])
        try await ScriptedServer.run([busy, .close, .chunks([Self.three])]) { server in
            try await withClient(server.url) { client in
                let stream = try await client.watch(Resources.configMaps)
                #expect(try await self.versions(stream).count == 3)
            }
            #expect(server.requests.count == 3)
        }
    }

    // MARK: Time and ends

    @Test func aServerThatDoesNotBegin() async throws {
        try await ScriptedServer.run([.hang]) { server in
            try await withClient(server.url, configure: { $0.requestTimeout = .milliseconds(200) }) { client in
                #expect(await clientFailure { try await client.watch(Resources.configMaps) }?.code == .timeout)
            }
        }
    }

    @Test(.timeLimit(.minutes(1))) func aServerThatForgetsToEnd() async throws {
        // The server's 1 s, and 5 s of grace.
        try await ScriptedServer.run([.chunks([Self.line("ADDED", 1)], ending: .hang)]) { server in
            try await withClient(server.url) { client in
                let start = ContinuousClock.now
                let stream = try await client.watch(Resources.configMaps, options: WatchOptions(timeout: .seconds(1)))
                let error = await clientFailure { try await self.versions(stream) }
                #expect(error?.code == .timeout)
                #expect((6.0...20.0).contains((ContinuousClock.now - start) / .seconds(1)))
            }
        }
    }

    @Test func cancellingTheReaderClosesTheConnection() async throws {
        try await ScriptedServer.run([.chunks([Self.line("ADDED", 1)], ending: .hang)]) { server in
            try await withClient(server.url) { client in
                let first = Gate()
                let task = Task {
                    for try await _ in try await client.watch(Resources.configMaps) { first.open() }
                }
                await first.wait()
                #expect(server.openConnectionCount == 1)
                let start = ContinuousClock.now
                task.cancel()
                #expect(await failure { try await task.value } is CancellationError)
                try await expectConnections(0, of: server)
                #expect(ContinuousClock.now - start < .seconds(10))
            }
        }
    }

    @Test func leavingTheLoopClosesTheConnection() async throws {
        try await ScriptedServer.run([.chunks([Self.three], ending: .hang)]) { server in
            try await withClient(server.url) { client in
                for try await _ in try await client.watch(Resources.configMaps) { break }
                try await expectConnections(0, of: server)
            }
        }
    }

    @Test func aStreamNobodyReadsIsClosed() async throws {
        try await ScriptedServer.run([.chunks([Self.three], ending: .hang)]) { server in
            try await withClient(server.url) { client in
                _ = try await client.watch(Resources.configMaps)
                try await expectConnections(0, of: server)
            }
        }
    }

    @Test func cancellingTheOpening() async throws {
        try await ScriptedServer.run([.hang]) { server in
            try await withClient(server.url) { client in
                let task = Task { try await client.watch(Resources.configMaps) }
                await server.waitForRequests(1)
                task.cancel()
                #expect(await failure { try await task.value } is CancellationError)
                try await expectConnections(0, of: server)
            }
        }
    }
}
