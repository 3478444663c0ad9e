import KubeModel
import KubeTesting
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import Testing

@testable import KubeClient

/// Retries, timeouts, cancellation and connections, against a scripted server.
struct ConnectionTests {
    private static let object = ScriptedAnswer.json(#"{"metadata":{"name":"a"}}"#)
    private static func busy(_ code: Int, after: String?) -> ScriptedAnswer {
        .failure(code, reason: "Busy", headers: after.map { [("Retry-After", $0)] } ?? [])
    }

    private func get(_ client: KubeClient, timeout: Duration? = nil) async throws -> KubeObject {
        try await client.get(Resources.configMaps, namespace: "n", name: "a", timeout: timeout)
    }

    private func create(_ client: KubeClient) async throws {
        let object = KubeObject(Resources.configMaps.groupVersionKind, namespace: "n", name: "a")
        try await client.create(object, Resources.configMaps)
    }

    // MARK: Retry-After

    @Test func waitsAsLongAsTheServerAsks() async throws {
        let clock = ManualClock()
        try await ScriptedServer.run([Self.busy(429, after: "2"), Self.busy(503, after: "3"), Self.object]) { server in
            try await withClient(server.url, time: TimeSource(clock), configure: { $0.requestTimeout = .seconds(20) }) {
                client in
                async let object = self.get(client)
                await clock.waitUntilSleeping()
                #expect(server.requests.count == 1)
                #expect(clock.nextDeadline?.offset == .seconds(2))
                clock.advance(by: .seconds(2))
                await clock.waitUntilSleeping()
                #expect(server.requests.count == 2)
                #expect(clock.nextDeadline?.offset == .seconds(5))
                clock.advance(by: .seconds(3))
                let name = try await object.name
                #expect(name == "a")
                #expect(server.requests.count == 3)
            }
        }
    }

    @Test func givesUpAfterTheAllowedRetries() async throws {
        try await ScriptedServer.run([Self.busy(429, after: "0")]) { server in
            try await withClient(server.url) { client in
                let error = await apiFailure { try await self.get(client) }
                #expect(error?.isTooManyRequests == true && error?.retryAfter == .zero)
            }
            #expect(server.requests.count == 6)
        }
    }

    @Test func givesUpAtOnceWhenItWouldBeTooLate() async throws {
        try await ScriptedServer.run([Self.busy(429, after: "30")]) { server in
            try await withClient(server.url) { client in
                let error = await apiFailure { try await self.get(client) }
                #expect(error?.retryAfter == .seconds(30))
            }
            #expect(server.requests.count == 1)
        }
    }

    @Test func createIsSentAgainOnlyWhenItWasNotBegun() async throws {
        try await ScriptedServer.run([Self.busy(429, after: "0"), Self.busy(503, after: "0")]) { server in
            try await withClient(server.url) { client in
                #expect(await apiFailure { try await self.create(client) }?.code == 503)
            }
            #expect(server.requests.count == 2)
            #expect(server.requests.allSatisfy { !$0.body.isEmpty })
        }
    }

    @Test func waitingCanBeCancelled() async throws {
        let clock = ManualClock()
        try await ScriptedServer.run([Self.busy(429, after: "2")]) { server in
            try await withClient(server.url, time: TimeSource(clock)) { client in
                let task = Task { try await self.get(client) }
                await clock.waitUntilSleeping()
                task.cancel()
                #expect(await failure { try await task.value } is CancellationError)
            }
        }
    }

    @Test func rateLimitHoldsRequestsBack() async throws {
        let clock = ManualClock()
        try await ScriptedServer.run([Self.object]) { server in
            try await withClient(
                server.url,
                time: TimeSource(clock),
                configure: { $0.rateLimit = RateLimit(requestsPerSecond: 1, burst: 2) }
            ) { client in
                _ = try await self.get(client)
                _ = try await self.get(client)
                async let third = self.get(client)
                await clock.waitUntilSleeping()
                #expect(server.requests.count == 2)
                clock.advance(by: .seconds(1))
                _ = try await third
                #expect(server.requests.count == 3)
            }
        }
    }

    // MARK: Lost connections

    @Test func aConnectionClosedOnReuseIsRetried() async throws {
        try await ScriptedServer.run([Self.object, .close, Self.object]) { server in
            try await withClient(server.url, configure: { $0.maximumConnections = 1 }) { client in
                _ = try await self.get(client)
                #expect(try await self.get(client).name == "a")
            }
            #expect(server.requests.map(\.connection) == [0, 0, 1])
        }
    }

    @Test func onlyOnceAndNotForCreate() async throws {
        try await ScriptedServer.run([.close]) { server in
            try await withClient(server.url) { client in
                #expect(await clientFailure { try await self.get(client) }?.code == .connectionClosed)
                #expect(server.requests.count == 2)
                #expect(await clientFailure { try await self.create(client) }?.code == .connectionClosed)
                #expect(server.requests.count == 3)
            }
        }
    }

    @Test func anAnswerCutShortIsNotTaken() async throws {
        let half = ScriptedAnswer.chunks([#"{"metadata":{"name":"a"},"#, #""data":{"#], ending: .close)
        try await ScriptedServer.run([half, half, Self.object]) { server in
            try await withClient(server.url) { client in
                #expect(await clientFailure { try await self.get(client) }?.code == .connectionClosed)
            }
            #expect(server.requests.count == 2)
        }
    }

    @Test func nobodyListens() async throws {
        // A port that was free a moment ago.
        let url = try await ScriptedServer.run([]) { $0.url }
        try await withClient(url) { client in
            let start = ContinuousClock.now
            let error = await clientFailure { try await self.get(client) }
            #expect(error?.code == .connection)
            #expect(error?.message == "cannot connect to \(url): connection refused")
            #expect(ContinuousClock.now - start < .seconds(10))
        }
    }

    @Test func noSuchHost() async throws {
        try await withClient("http://nowhere.invalid:1") { client in
            let error = await clientFailure { try await self.get(client) }
            #expect(error?.code == .connection)
            #expect(error?.message.contains("nowhere.invalid") == true, "\(error?.message ?? "")")
        }
    }

    @Test func aURLThatIsNone() async throws {
        for url in ["", "kube", "https://", "https://host:0"] {
            let error = await clientFailure { try await withClient(url) { _ in } }
            #expect(error?.code == .configuration, "\(url)")
        }
    }

    // MARK: Time

    @Test func noAnswerInTime() async throws {
        try await ScriptedServer.run([.hang]) { server in
            try await withClient(server.url) { client in
                let start = ContinuousClock.now
                let error = await clientFailure { try await self.get(client, timeout: .milliseconds(200)) }
                #expect(error?.code == .timeout)
                #expect(error?.message == "GET /api/v1/namespaces/n/configmaps/a: no answer within 0.2 seconds")
                #expect(ContinuousClock.now - start < .seconds(10))
            }
            // The connection is of no use any more.
            try await expectConnections(0, of: server)
        }
    }

    @Test func anAnswerThatNeverEnds() async throws {
        let slow = ScriptedAnswer(pieces: [.bytes(Array(#"{"a":"#.utf8)), .pause(.seconds(30))], ending: .hang)
        try await ScriptedServer.run([slow]) { server in
            try await withClient(server.url) { client in
                let error = await clientFailure { try await self.get(client, timeout: .milliseconds(200)) }
                #expect(error?.code == .timeout)
            }
        }
    }

    @Test func cancellationClosesTheRequest() async throws {
        try await ScriptedServer.run([.hang]) { server in
            try await withClient(server.url) { client in
                let task = Task { try await self.get(client) }
                await server.waitForRequests(1)
                task.cancel()
                #expect(await failure { try await task.value } is CancellationError)
                try await expectConnections(0, of: server)
            }
        }
    }

    @Test func shutdownEndsRequests() async throws {
        try await ScriptedServer.run([.hang]) { server in
            try await withClient(server.url) { client in
                async let error = clientFailure { try await self.get(client) }
                await server.waitForRequests(1)
                await client.shutdown()
                let code = await error?.code
                #expect(code == .shutDown)
                #expect(await clientFailure { try await self.get(client) }?.code == .shutDown)
            }
        }
    }

    // MARK: Connections

    @Test func manyRequestsShareFewConnections() async throws {
        try await ScriptedServer.run([Self.object]) { server in
            try await withClient(server.url, configure: { $0.maximumConnections = 4 }) { client in
                try await withThrowingTaskGroup { group in
                    for _ in 0..<200 { group.addTask { _ = try await self.get(client) } }
                    try await group.waitForAll()
                }
            }
            #expect(server.requests.count == 200)
            #expect(server.connectionCount <= 4, "\(server.connectionCount)")
        }
    }

    @Test func waitingForAConnectionEndsInTime() async throws {
        try await ScriptedServer.run([.hang]) { server in
            try await withClient(server.url, configure: { $0.maximumConnections = 1 }) { client in
                let first = Task { try await self.get(client) }
                await server.waitForRequests(1)
                let late = await clientFailure { try await self.get(client, timeout: .milliseconds(200)) }
                #expect(late?.code == .timeout)
                let second = Task { try await self.get(client) }
                let waits = try await TestCluster.eventually { client.transport.waitingCount == 1 }
                #expect(waits)
                second.cancel()
                #expect(await failure { try await second.value } is CancellationError)
                first.cancel()
                #expect(await failure { try await first.value } is CancellationError)
            }
            #expect(server.requests.count == 1)
        }
    }

    @Test func slotsAreGivenInOrder() async throws {
        let slots = RequestSlots(count: 1)
        let loop = MultiThreadedEventLoopGroup.singleton.any()
        try await slots.acquire(within: .seconds(60), on: loop)
        let order = Numbers()
        try await withThrowingTaskGroup { group in
            for number in 0..<5 {
                group.addTask {
                    try await slots.acquire(within: .seconds(60), on: loop)
                    order.append(number)
                    slots.release()
                }
                let waits = try await TestCluster.eventually { slots.waitingCount == number + 1 }
                #expect(waits)
            }
            slots.release()
            try await group.waitForAll()
        }
        #expect(order.all == [0, 1, 2, 3, 4])
        // All given back.
        try await slots.acquire(within: .zero, on: loop)
        await #expect(throws: RequestSlots.Late.self) { try await slots.acquire(within: .zero, on: loop) }
    }

    @Test func watchesDoNotStarveRequests() async throws {
        try await ScriptedServer.run(
            script: { request, _ in request.isWatch ? ScriptedAnswer(ending: .hang) : Self.object }
        ) { server in
            try await withClient(server.url, configure: { $0.maximumConnections = 1 }) { client in
                var watches: [WatchStream] = []
                for _ in 0..<20 { watches.append(try await client.watch(Resources.configMaps)) }
                #expect(try await self.get(client, timeout: .seconds(15)).name == "a")
                #expect(server.openConnectionCount == 21)
                watches.removeAll()
                try await expectConnections(1, of: server)
            }
        }
    }
}
