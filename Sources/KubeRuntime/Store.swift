package import KubeClient
package import KubeModel
import ServiceLifecycle
import Synchronization

/// Something that has to be read from the cluster before decisions can rest on it.
package protocol Syncable: Sendable {
    /// Such as `pods`.
    var name: String { get }
    var isSynced: Bool { get }
    /// - Throws: `CancellationError`.
    func waitForSync() async throws
}

/// Which namespaces a store covers.
package enum NamespaceScope: Sendable, Hashable {
    case all
    /// Duplicates count once.
    case only([String])

    /// One watch each.
    var watched: [String?] {
        switch self {
        case .all: [nil]
        case .only(let namespaces): Set(namespaces).sorted()
        }
    }
}

/// What the cluster holds of one kind, as far as the projection keeps it, always up to date while ``run()`` runs.
///
/// Reads are synchronous. Changes are told to subscribers in the order in which they become visible to reads; an update
/// that leaves the projection equal is told to nobody, so a projection is also the predicate of whoever listens.
package final class Store<Item: Sendable & Equatable>: Service, Syncable {
    /// Told of changes. Called on the store's task: be short, don't subscribe or cancel in it.
    package typealias Subscriber = @Sendable ([StoreChange<Item>]) -> Void

    private struct Delivery {
        var subscribers: [Int: Subscriber] = [:]
        var nextSubscriber = 0
        var pending: Set<String?>
    }

    package let name: String
    private let scopes: [String?]
    private let watchers: [Watcher<Item>]
    private let retrySignals: [Signal]
    private let state: Mutex<StoreState<Item>>
    /// Held while a change is made and told, so that subscribers see all changes in order; taken before `state`.
    private let delivery: Mutex<Delivery>
    private let synced = Latch()

    /// - Parameters:
    ///   - target: what to follow. Its namespace counts only for `namespaces` ``NamespaceScope/all``.
    ///   - namespaces: one watch for all or one for each of a list.
    ///   - indexes: how else objects are to be found.
    ///   - failed: as of ``Watcher``: told of each request that failed, and then the log is not.
    ///   - projection: what is kept of each object.
    package convenience init(
        client: KubeClient,
        target: WatchTarget,
        namespaces: NamespaceScope = .all,
        indexes: [StoreIndex<Item>] = [],
        configuration: WatcherState.Configuration = WatcherState.Configuration(),
        clock: some Clock<Duration> = ContinuousClock(),
        jitter: JitterSource = .random,
        failed: (@Sendable (any Error) -> Void)? = nil,
        projection: @escaping Projection<Item>
    ) {
        let time = TimeSource(clock)
        let targets = namespaces.watched.map { namespace in
            var one = target
            one.namespace = namespace ?? target.namespace
            return one
        }
        let signals = targets.map { _ in Signal() }
        let watchers = zip(targets, signals).map { target, signal in
            Watcher(
                client: client,
                target: target,
                configuration: configuration,
                time: time,
                jitter: jitter,
                retryNow: signal,
                failed: failed,
                projection: projection
            )
        }
        self.init(
            name: target.resource.plural,
            scopes: targets.map(\.namespace),
            watchers: watchers,
            retrySignals: signals,
            indexes: indexes
        )
    }

    /// A store without a cluster, for tests: fed with ``receive(_:scope:)``, or complete with these objects.
    package convenience init(
        name: String,
        objects: [WatchedObject<Item>]? = nil,
        indexes: [StoreIndex<Item>] = []
    ) {
        self.init(name: name, scopes: [nil], watchers: [], retrySignals: [], indexes: indexes)
        guard let objects else { return }
        self.receive(.listing)
        self.receive(.page(objects, malformed: []))
        self.receive(.listed)
    }

    private init(
        name: String,
        scopes: [String?],
        watchers: [Watcher<Item>],
        retrySignals: [Signal],
        indexes: [StoreIndex<Item>]
    ) {
        self.name = name
        self.scopes = scopes
        self.watchers = watchers
        self.retrySignals = retrySignals
        self.state = Mutex(StoreState(indexes: indexes))
        self.delivery = Mutex(Delivery(pending: Set(scopes)))
        if scopes.isEmpty { self.synced.open() }
    }

    // MARK: Running

    /// Follows the cluster until graceful shutdown. Afterwards the store still answers, with what it last knew.
    ///
    /// - Throws: `CancellationError`.
    package func run() async throws {
        try await untilGracefulShutdown {
            try await withThrowingDiscardingTaskGroup { group in
                for (watcher, scope) in zip(self.watchers, self.scopes) {
                    group.addTask { try await watcher.run { self.receive($0, scope: scope) } }
                }
            }
            // Without watchers (in tests) there is still nothing to return for.
            try await Signal().wait()
        }
    }

    /// Ends pauses between attempts: the resource is known to be served now.
    package func retryNow() {
        for signal in self.retrySignals { signal.raise() }
    }

    /// True once every namespace was listed (or the resource was found not to be served, so that there are no objects).
    package var isSynced: Bool { self.synced.isOpen }

    package func waitForSync() async throws { try await self.synced.wait() }

    // MARK: Reading

    package var count: Int { self.state.withLock { $0.count } }

    /// See ``StoreState/estimatedBytes``.
    package var estimatedBytes: Int { self.state.withLock { $0.estimatedBytes } }

    package subscript(key: ObjectKey) -> Item? { self.state.withLock { $0[key] } }

    /// The version an object had when it was last seen, also when the projection does not keep it.
    package func resourceVersion(of key: ObjectKey) -> String? { self.state.withLock { $0.resourceVersion(of: key) } }

    /// In no particular order.
    package func keys(in namespace: String? = nil) -> [ObjectKey] { self.state.withLock { $0.keys(in: namespace) } }

    /// In no particular order.
    package func items(in namespace: String? = nil) -> [Item] {
        self.state.withLock { state in
            var items: [Item] = []
            state.forEach(in: namespace) { _, item in items.append(item) }
            return items
        }
    }

    /// Those objects that match, in no particular order. The predicate runs under the store's lock: be short.
    package func items(in namespace: String? = nil, where matches: (ObjectKey, Item) -> Bool) -> [Item] {
        self.state.withLock { state in
            var items: [Item] = []
            state.forEach(in: namespace) { key, item in
                if matches(key, item) { items.append(item) }
            }
            return items
        }
    }

    /// The keys of the objects that an index (one of those given to the initializer) finds under a value.
    package func keys(by index: StoreIndex<Item>, _ value: String) -> [ObjectKey] {
        self.state.withLock { Array($0.keys(by: index.name, value)) }
    }

    package func items(by index: StoreIndex<Item>, _ value: String) -> [Item] {
        self.state.withLock { state in state.keys(by: index.name, value).compactMap { state[$0] } }
    }

    // MARK: Changes

    /// Calls `subscriber` with all there is, as added, and from then on with each change.
    @discardableResult
    package func subscribe(_ subscriber: @escaping Subscriber) -> StoreSubscription {
        let number = self.delivery.withLock { delivery in
            let present = self.state.withLock { $0.replay() }
            if !present.isEmpty { subscriber(present) }
            delivery.nextSubscriber += 1
            delivery.subscribers[delivery.nextSubscriber] = subscriber
            return delivery.nextSubscriber
        }
        return StoreSubscription { [weak self] in
            self?.delivery.withLock { _ = $0.subscribers.removeValue(forKey: number) }
        }
    }

    /// Takes in what a watcher learned about a namespace.
    package func receive(_ event: WatcherEvent<Item>, scope: String? = nil) {
        self.delivery.withLock { delivery in
            let changes = self.state.withLock { state -> [StoreChange<Item>] in
                switch event {
                case .listing:
                    state.beginList(of: scope)
                    return []
                case .page(let objects, let malformed):
                    state.addPage(of: scope, objects, malformed: malformed)
                    return []
                case .listed:
                    return state.completeList(of: scope)
                case .absent:
                    state.beginList(of: scope)
                    return state.completeList(of: scope)
                case .applied(let object):
                    return state.apply(object).map { [$0] } ?? []
                case .deleted(let key):
                    return state.remove(key).map { [$0] } ?? []
                }
            }
            if !changes.isEmpty {
                for subscriber in delivery.subscribers.values { subscriber(changes) }
            }
            switch event {
            case .listed, .absent:
                delivery.pending.remove(scope)
                // Opened last: who waits for it then finds the subscribers told.
                if delivery.pending.isEmpty { self.synced.open() }
            default: break
            }
        }
    }
}

extension Store where Item == ObjectMetadata {
    /// A store of metadata alone: the server sends nothing else.
    ///
    /// - Parameters:
    ///   - annotations: which annotations to keep.
    ///   - versions: see ``ObjectMetadata/projection(annotations:versions:)``.
    package convenience init(
        metadataOf target: WatchTarget,
        client: KubeClient,
        namespaces: NamespaceScope = .all,
        indexes: [StoreIndex<ObjectMetadata>] = [],
        annotations: ObjectMetadata.AnnotationChoice = .none,
        versions: Bool = true,
        clock: some Clock<Duration> = ContinuousClock(),
        failed: (@Sendable (any Error) -> Void)? = nil
    ) {
        var target = target
        target.metadataOnly = true
        self.init(
            client: client,
            target: target,
            namespaces: namespaces,
            indexes: indexes,
            clock: clock,
            failed: failed,
            projection: ObjectMetadata.projection(annotations: annotations, versions: versions)
        )
    }
}

/// Ends with ``cancel()``, not by being dropped.
package struct StoreSubscription: Sendable {
    private let end: @Sendable () -> Void
    package init(_ end: @escaping @Sendable () -> Void) { self.end = end }

    package func cancel() { self.end() }
}
