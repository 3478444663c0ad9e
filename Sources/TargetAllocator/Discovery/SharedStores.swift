import JSONTree
import KubeClient
import KubeModel
import KubeRuntime
import Logging
import Metrics
import Synchronization
import TargetDiscovery

/// Which objects of a kind a store follows.
struct WatchScope: Sendable, Hashable {
    /// `nil`: all namespaces, or a kind without.
    var namespace: String?
    var labelSelector: String?
    var fieldSelector: String?
}

/// The stores of one kind on one cluster. Who wants the same objects gets the same store.
final class SharedStores<Record: DiscoveryRecord>: Sendable {
    private struct Entry {
        var store: Store<Packed<Record>>
        var failures: WatchFailures
        var task: Task<Void, Never>
        var users: Int
    }

    private let client: KubeClient
    private let kind: WatchedKind<Record>
    private let entries = Mutex<[WatchScope: Entry]>([:])

    init(_ kind: WatchedKind<Record>, client: KubeClient) {
        self.client = client
        self.kind = kind
    }

    /// How many stores run.
    var count: Int { self.entries.withLock { $0.count } }

    /// Starts the store of a scope, or joins it. ``SharedStore/release`` must follow.
    func use(_ scope: WatchScope) -> SharedStore<Record> {
        let (store, failures) = self.entries.withLock { entries in
            if var entry = entries[scope] {
                entry.users += 1
                entries[scope] = entry
                return (entry.store, entry.failures)
            }
            let follower = StoreFollower(client: self.client, kind: self.kind, scope: scope)
            let task = Task { await follower.run() }
            entries[scope] = Entry(store: follower.store, failures: follower.failures, task: task, users: 1)
            return (follower.store, follower.failures)
        }
        return SharedStore(store: store, failures: failures, resource: self.kind.resources[0].plural, scope: scope) {
            self.leave(scope)
        }
    }

    private func leave(_ scope: WatchScope) {
        self.entries.withLock { entries in
            guard var entry = entries[scope] else { return }
            entry.users -= 1
            entries[scope] = entry.users > 0 ? entry : nil
            if entry.users <= 0 { entry.task.cancel() }
        }
    }
}

/// A store as one of its users has it.
struct SharedStore<Record: DiscoveryRecord>: Sendable {
    let store: Store<Packed<Record>>
    let failures: WatchFailures
    let resource: String
    let scope: WatchScope
    let release: @Sendable () -> Void
}

/// Keeps a store up to date, in whatever version the server has the kind.
private struct StoreFollower<Record: DiscoveryRecord>: Sendable {
    let client: KubeClient
    let kind: WatchedKind<Record>
    let scope: WatchScope
    let store: Store<Packed<Record>>
    let failures = WatchFailures()
    private static var pauseWithoutResource: Duration { .seconds(30) }
    private static var pauseAfterFailure: Duration { .seconds(5) }

    init(client: KubeClient, kind: WatchedKind<Record>, scope: WatchScope) {
        self.client = client
        self.kind = kind
        self.scope = scope
        self.store = Store(name: kind.resources[0].plural, indexes: kind.indexes)
        let counters = EventCounters(role: kind.role)
        self.store.subscribe { changes in
            for change in changes { counters.count(change) }
        }
    }

    func run() async {
        do {
            var isAnotherVersion = false
            while true {
                try await self.follow(try await self.servedResource(askAgain: isAnotherVersion))
                isAnotherVersion = true
            }
        } catch {
            // Cancelled: nobody uses the store any more.
        }
    }

    private func servedResource(askAgain: Bool) async throws -> APIResource {
        guard self.kind.resources.count > 1 else { return self.kind.resources[0] }
        var askAgain = askAgain
        while true {
            var pause = Self.pauseWithoutResource
            do {
                if askAgain { try await self.client.discovery.refresh() }
                let found = try await self.client.discovery.resource(
                    for: self.kind.resources[0].groupKind,
                    preferredVersions: self.kind.resources.map(\.version)
                )
                if let found, self.kind.resources.contains(where: { $0.version == found.version }) { return found }
                let versions = self.kind.resources.map(\.apiVersion).joined(separator: " nor ")
                self.failures.failed(
                    WatchFailure(text: "the server serves \(self.kind.resources[0].kind) neither in \(versions)")
                )
                // No such kind, so no objects; what was known before stays.
                if !self.store.isSynced { self.store.receive(.absent) }
            } catch {
                try Task.checkCancellation()
                self.failures.failed(error)
                pause = Self.pauseAfterFailure
            }
            askAgain = true
            try await Task.sleep(for: pause)
        }
    }

    /// Watches until the server has the resource no more, as after its upgrade.
    private func follow(_ resource: APIResource) async throws {
        let gone = Signal()
        let read = KubeObject.projection(of: resource, dropping: self.kind.dropped)
        let watcher = Watcher<Packed<Record>>(
            client: self.client,
            target: WatchTarget(
                resource,
                namespace: self.scope.namespace,
                labelSelector: self.scope.labelSelector,
                fieldSelector: self.scope.fieldSelector
            ),
            failed: { error in
                DiscoveryMetrics.kubernetesFailures.increment()
                self.failures.failed(error)
            },
            projection: { (cursor) throws(JSONError) in Packed(try read(&cursor).json) }
        )
        try await withThrowingTaskGroup { group in
            group.addTask {
                try await watcher.run { event in
                    switch event {
                    // Objects do not end with the version they were served in.
                    case .absent: gone.raise()
                    case .listed, .applied, .deleted:
                        self.failures.worked()
                        self.store.receive(event)
                    case .listing, .page: self.store.receive(event)
                    }
                }
            }
            group.addTask { try await gone.wait() }
            defer { group.cancelAll() }
            try await group.next()
        }
        // A core resource that is not there: an API server that starts, or something else that answers in its place.
        if self.kind.resources.count == 1 { try await Task.sleep(for: Self.pauseAfterFailure) }
    }
}

/// What Prometheus counts of the objects it follows.
private struct EventCounters: Sendable {
    private let added: Counter
    private let changed: Counter
    private let deleted: Counter

    init(role: String) {
        func counter(_ event: String) -> Counter {
            Counter(label: "prometheus_sd_kubernetes_events_total", dimensions: [("role", role), ("event", event)])
        }
        self.added = counter("add")
        self.changed = counter("update")
        self.deleted = counter("delete")
    }

    func count<Item>(_ change: StoreChange<Item>) {
        switch change.kind {
        case .added: self.added.increment()
        case .changed: self.changed.increment()
        case .deleted: self.deleted.increment()
        }
    }
}
