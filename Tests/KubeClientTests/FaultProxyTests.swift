import JSONTree
import KubeModel
import KubeTesting
import NIOCore
import NIOHTTP1
import Testing

@testable import KubeClient

/// The fault proxy before a real API server, and the client behind it.
@Suite(.enabled(if: TestCluster.isAvailable, "\(TestCluster.skipReason)"))
struct FaultProxyTests {
    private let maps = Resources.configMaps

    /// A client that goes through a proxy, and a namespace of its own.
    private func withProxy(_ body: (KubeClient, FaultProxy, String) async throws -> Void) async throws {
        let direct = try await ClientConfiguration.load(kubeconfig: TestCluster.kubeconfig)
        let endpoint = try direct.endpoint()
        let upstream = FaultProxy.Upstream(host: endpoint.host, port: endpoint.port, tls: endpoint.tls)
        try await FaultProxy.run(upstream: upstream) { proxy in
            var configuration = direct
            configuration.serverURL = proxy.url
            configuration.certificateAuthorities = nil
            configuration.clientCertificate = nil
            configuration.requestTimeout = .seconds(20)
            try await withConfiguredClient(configuration) { client in
                try await TestCluster.withNamespace(
                    "faults",
                    create: { try await client.create($0, TestCluster.namespaces) },
                    delete: {
                        proxy.clearFaults()
                        proxy.setDown(false)
                        try await client.delete(TestCluster.namespaces, name: $0)
                    }
                ) { namespace in
                    proxy.clearRequests()
                    try await body(client, proxy, namespace)
                }
            }
        }
    }

    private func create(_ name: String, _ client: KubeClient, _ namespace: String) async throws {
        try await client.create(KubeObject(self.maps.groupVersionKind, namespace: namespace, name: name), self.maps)
    }

    private func get(_ name: String, _ client: KubeClient, _ namespace: String, timeout: Duration? = nil) async throws {
        _ = try await client.get(self.maps, namespace: namespace, name: name, timeout: timeout)
    }

    @Test func passesRequestsThrough() async throws {
        try await self.withProxy { client, proxy, namespace in
            try await self.create("a", client, namespace)
            try await self.get("a", client, namespace)
            #expect(proxy.requests.map(\.method) == [.POST, .GET])
            #expect(await apiFailure { try await self.get("b", client, namespace) }?.isNotFound == true)
        }
    }

    @Test func answersForTheNextRequestsThatMatch() async throws {
        try await self.withProxy { client, proxy, namespace in
            proxy.inject(.status(429, retryAfter: 0), next: 2) { $0.method == .POST }
            try await self.create("a", client, namespace)
            #expect(proxy.requests.count == 3 && proxy.pendingFaultCount == 0)
            proxy.inject(.status(409))
            #expect(await apiFailure { try await self.create("b", client, namespace) }?.isConflict == true)
            proxy.inject(.status(503, retryAfter: 0))
            try await self.get("a", client, namespace)
            proxy.inject(.status(410))
            #expect(await apiFailure { try await client.watch(self.maps, namespace: namespace) }?.isGone == true)
        }
    }

    @Test func dropsRequestsAndAnswers() async throws {
        try await self.withProxy { client, proxy, namespace in
            try await self.create("a", client, namespace)
            proxy.inject(.drop)
            try await self.get("a", client, namespace)
            // Never arrived, and not sent again: it might have.
            proxy.inject(.drop)
            #expect(await clientFailure { try await self.create("b", client, namespace) }?.code == .connectionClosed)
            #expect(await apiFailure { try await self.get("b", client, namespace) }?.isNotFound == true)
            // Arrived, but nobody heard.
            proxy.inject(.dropAnswer)
            #expect(await clientFailure { try await self.create("b", client, namespace) }?.code == .connectionClosed)
            try await self.get("b", client, namespace)
        }
    }

    @Test func stallsAndDelays() async throws {
        try await self.withProxy { client, proxy, namespace in
            try await self.create("a", client, namespace)
            proxy.inject(.stall)
            let error = await clientFailure { try await self.get("a", client, namespace, timeout: .milliseconds(300)) }
            #expect(error?.code == .timeout)
            proxy.inject(.delay(.milliseconds(200)))
            let start = ContinuousClock.now
            try await self.get("a", client, namespace)
            #expect(ContinuousClock.now - start >= .milliseconds(200))
        }
    }

    @Test func cutsAnswers() async throws {
        try await self.withProxy { client, proxy, namespace in
            try await self.create("a", client, namespace)
            proxy.inject(.cut(afterBytes: 20), next: 2)
            #expect(await clientFailure { try await self.get("a", client, namespace) }?.code == .connectionClosed)
            #expect(proxy.requests.count == 3)
        }
    }

    @Test func cutsWatches() async throws {
        try await self.withProxy { client, proxy, namespace in
            var events = try await client.watch(self.maps, namespace: namespace).makeAsyncIterator()
            try await self.create("a", client, namespace)
            while try await events.next()?.tree().name != "a" {}
            #expect(proxy.openWatchCount == 1)
            proxy.cutWatches()
            #expect(await clientFailure { while try await events.next() != nil {} }?.code == .connectionClosed)
            let ended = try await TestCluster.eventually { proxy.openWatchCount == 0 }
            #expect(ended)
            try await self.get("a", client, namespace)
        }
    }

    @Test func holdsWatches() async throws {
        try await self.withProxy { client, proxy, namespace in
            let first = Gate()
            let last = Gate()
            let reader = Task {
                for try await event in try await client.watch(self.maps, namespace: namespace) {
                    let name = try event.tree().name
                    if name == "a" { first.open() }
                    if name == "b" {
                        last.open()
                        return
                    }
                }
            }
            try await self.create("a", client, namespace)
            await first.wait()
            proxy.holdWatches()
            try await self.create("b", client, namespace)
            try await Task.sleep(for: .milliseconds(200))
            #expect(!last.isOpen)
            proxy.releaseWatches()
            await last.wait()
            try await reader.value
        }
    }

    @Test func aServerThatIsAway() async throws {
        try await self.withProxy { client, proxy, namespace in
            try await self.create("a", client, namespace)
            proxy.setDown(true)
            #expect(await clientFailure { try await self.get("a", client, namespace) }?.code == .connectionClosed)
            proxy.setDown(false)
            try await self.get("a", client, namespace)
        }
    }
}
