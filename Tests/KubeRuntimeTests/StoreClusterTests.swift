import JSONTree
import KubeClient
import KubeModel
import KubeTesting
import Logging
import Synchronization
import Testing

@testable import KubeRuntime

@Suite(.enabled(if: TestCluster.isAvailable, "\(TestCluster.skipReason)"), .timeLimit(.minutes(5)))
struct StoreClusterTests {
    private func store(_ client: KubeClient, _ cluster: Cluster) -> Store<String> {
        var configuration = WatcherState.Configuration()
        // As in life, in fast motion.
        configuration.backoff = Backoff.Policy(
            base: .milliseconds(20),
            cap: .milliseconds(200),
            resetAfter: .seconds(2)
        )
        return Store(
            client: client,
            target: WatchTarget(.configMaps, namespace: cluster.namespace, labelSelector: "app=x"),
            indexes: [StoreIndex("value") { [$0] }],
            configuration: configuration,
            projection: valueProjection
        )
    }

    @Test func followsCreateUpdateDeleteAndRelabel() async throws {
        try await Cluster.run { cluster in
            let store = self.store(cluster.client, cluster)
            let metadata = Store(
                metadataOf: WatchTarget(.configMaps, namespace: cluster.namespace, labelSelector: "app=x"),
                client: cluster.client,
                versions: false
            )
            let changes = Recorder<String>()
            let quiet = Recorder<String>()
            store.subscribe { changes.add($0.map { "\($0.kind) \($0.key.name)" }) }
            metadata.subscribe { quiet.add($0.map { "\($0.kind) \($0.key.name)" }) }
            let client = cluster.client
            try await client.create(cluster.configMap("before", "1"), .configMaps)
            try await running(store) {
                try await running(metadata) {
                    try await store.waitForSync()
                    try await metadata.waitForSync()
                    try await client.create(cluster.configMap("a", "1"), .configMaps)
                    try await client.create(cluster.configMap("ignored", "1", labels: [:]), .configMaps)
                    try await client.update(cluster.configMap("a", "2"), .configMaps)
                    // Leaves the selection: for us the same as deleted.
                    try await client.update(cluster.configMap("before", "1", labels: ["app": "y"]), .configMaps)
                    try await client.delete(.configMaps, namespace: cluster.namespace, name: "a")
                    await changes.wait(count: 5)
                    await quiet.wait(count: 4)
                }
            }
            #expect(changes.values == ["added before", "added a", "changed a", "deleted before", "deleted a"])
            #expect(
                quiet.values == ["added before", "added a", "deleted before", "deleted a"],
                "metadata did not change"
            )
        }
    }

    @Test func learnsWhatHappenedWhileTheServerWasAway() async throws {
        try await Cluster.run { cluster in
            try await KubeClient.with(cluster.proxied) { proxied in
                let store = self.store(proxied, cluster)
                for name in ["keep", "gone", "changed"] {
                    try await cluster.client.create(cluster.configMap(name, "1"), .configMaps)
                }
                try await running(store) {
                    try await store.waitForSync()
                    let changes = Recorder<String>()
                    let subscription = store.subscribe { changes.add($0.map { "\($0.kind) \($0.key.name)" }) }
                    await changes.wait(count: 3)
                    cluster.proxy.setDown(true)
                    try await cluster.client.delete(.configMaps, namespace: cluster.namespace, name: "gone")
                    try await cluster.client.update(cluster.configMap("changed", "2"), .configMaps)
                    try await cluster.client.create(cluster.configMap("new", "1"), .configMaps)
                    // The history is lost as well.
                    cluster.proxy.inject(.status(410)) { $0.isWatch }
                    cluster.proxy.setDown(false)
                    await changes.wait(count: 6)
                    #expect(Array(changes.values.dropFirst(3)) == ["deleted gone", "changed changed", "added new"])
                    subscription.cancel()
                }
                #expect(store.isSynced && store.count == 3, "a store that ended still answers")
            }
        }
    }

    /// 2,000 objects, changed by eight writers while the network fails in every way: in the end the store holds what the
    /// server does, and the changes it told add up to that.
    @Test func staysConsistentUnderChurn() async throws {
        try await Cluster.run { cluster in
            try await KubeClient.with(cluster.proxied) { proxied in
                let store = self.store(proxied, cluster)
                let mirror = Mutex<[ObjectKey: String]>([:])
                let mismatches = Recorder<String>()
                let subscription = store.subscribe { changes in
                    mirror.withLock { mirror in
                        for change in changes {
                            if mirror[change.key] != change.old { mismatches.add("\(change.key)") }
                            mirror[change.key] = change.new
                        }
                    }
                }
                try await self.inParallel(0..<2000) { number, _ in
                    try await cluster.client.create(cluster.configMap("m\(number)", "0"), .configMaps)
                }
                try await running(store) {
                    try await store.waitForSync()
                    #expect(store.count == 2000)
                    let isDone = Latch()
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        group.addTask { try await self.disturb(cluster.proxy, until: isDone) }
                        try await self.churn(cluster)
                        isDone.open()
                        try await group.waitForAll()
                    }
                    cluster.proxy.clearFaults()
                    let expected = try await cluster.client.listAll(
                        .configMaps,
                        namespace: cluster.namespace,
                        options: ListOptions(labelSelector: "app=x")
                    ).items
                    let versions = Dictionary(
                        uniqueKeysWithValues: expected.map { ($0.key, $0.metadata.resourceVersion) }
                    )
                    let caughtUp = try await TestCluster.eventually(within: .seconds(30)) {
                        store.count == versions.count
                            && versions.allSatisfy { store.resourceVersion(of: $0.key) == $0.value }
                    }
                    #expect(caughtUp, "\(store.count) of \(versions.count) objects")
                    let values = Dictionary(
                        uniqueKeysWithValues: expected.map { ($0.key, $0.json[path: "data", "v"]?.string ?? "") }
                    )
                    #expect(mirror.withLock { $0 } == values)
                    #expect(mismatches.values.isEmpty)
                    for value in Set(values.values) {
                        let keys = Set(values.filter { $0.value == value }.keys)
                        #expect(Set(store.keys(by: StoreIndex("value") { [$0] }, value)) == keys)
                    }
                }
                subscription.cancel()
            }
        }
    }

    private func churn(_ cluster: Cluster) async throws {
        try await self.inParallel(0..<1200) { number, writer in
            // Each writer has objects of its own, so that nobody meets a conflict.
            let name = "m\(Int.random(in: 0..<250) * 8 + writer)"
            switch number % 3 {
            case 0:
                try? await cluster.client.delete(.configMaps, namespace: cluster.namespace, name: name)
            case 1:
                _ = try? await cluster.client.create(cluster.configMap(name, "\(number)"), .configMaps)
            default:
                _ = try? await cluster.client.patch(
                    .configMaps,
                    namespace: cluster.namespace,
                    name: name,
                    .merge(["data": ["v": .string("\(number % 7)")]])
                )
            }
        }
    }

    private func disturb(_ proxy: FaultProxy, until isDone: Latch) async throws {
        var round = 0
        while !isDone.isOpen {
            switch round % 6 {
            case 0: proxy.cutWatches()
            case 1: proxy.inject(.cut(afterBytes: 3000), next: 1) { $0.isWatch }
            case 2:
                proxy.inject(.status(410), next: 1) { $0.isWatch }
                proxy.cutWatches()
            case 3:
                proxy.inject(.status(500), next: 2)
                proxy.dropConnections()
            case 4:
                proxy.inject(.cut(afterBytes: 50_000), next: 1) { !$0.isWatch }
                proxy.inject(.status(410), next: 1) { $0.isWatch }
                proxy.cutWatches()
            default:
                proxy.setDown(true)
                try await Task.sleep(for: .milliseconds(150))
                proxy.setDown(false)
            }
            round += 1
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    /// Eight writers share the numbers.
    private func inParallel(
        _ numbers: Range<Int>,
        _ body: @escaping @Sendable (_ number: Int, _ writer: Int) async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for writer in 0..<8 {
                group.addTask {
                    for number in numbers where number % 8 == writer { try await body(number, writer) }
                }
            }
            try await group.waitForAll()
        }
    }
}
