import JSONTree
package import KubeClient
package import KubeModel
package import KubeRuntime
import Rendering
import ServiceLifecycle
import Synchronization
package import TelemetryAPI

/// Everything in the cluster that was rendered for our resources: one store for each kind that the server offers.
///
/// Only objects with our `managed-by` label are watched, so foreign ones cost nothing however many there are. Kinds come
/// and go with ``update(_:)``: a store begins when its API appears and ends when that is gone.
package final class OwnedStores: Service, Syncable {
    package struct Kind: Sendable {
        package let resource: APIResource
        package let store: Store<OwnedRecord>
        fileprivate let number: Int
        fileprivate let ended = Latch()
    }

    /// What subscribers are told.
    package enum Event: Sendable {
        case changed(Kind, [StoreChange<OwnedRecord>])
        /// Another set of kinds can be worked with: every collector may look different now.
        case kindsChanged
    }

    /// Must not ask these stores for their kinds or facts: it is called while those are locked.
    package typealias Subscriber = @Sendable (Event) -> Void

    private struct State {
        var facts: ClusterFacts
        var kinds: [Kind] = []
        var places: [GroupKind: Int] = [:]
        var nextKind = 0
        var subscribers: [Int: (subscriber: Subscriber, subscriptions: [Int: StoreSubscription])] = [:]
        var nextSubscriber = 0
    }

    package static let selector = "app.kubernetes.io/managed-by=opentelemetry-operator"
    private static let index = StoreIndex<OwnedRecord>(OwnedRecord.byCollector) { record in
        record.collector.isEmpty ? [] : [record.collector]
    }
    private static let allocatorIndex = StoreIndex<OwnedRecord>(OwnedRecord.byTargetAllocator) { record in
        record.targetAllocator.isEmpty ? [] : [record.targetAllocator]
    }
    /// How long a start waits for kinds that it can do without, such as one that we may not list.
    private static let patience = Duration.seconds(30)

    package let name = "owned objects"
    package let verified = VerifiedObjects()
    private let client: KubeClient
    private let scope: NamespaceScope
    private let state: Mutex<State>
    private let changed = Signal()

    package init(client: KubeClient, namespaces: NamespaceScope, facts: ClusterFacts) {
        self.client = client
        self.scope = namespaces
        self.state = Mutex(State(facts: facts))
        self.update(facts)
    }

    // MARK: Kinds

    package var kinds: [Kind] { self.state.withLock { $0.kinds } }

    /// The facts without those kinds of which it is not known yet what there is: nothing may be planned for them.
    package var facts: ClusterFacts {
        self.state.withLock { state in
            let known = state.kinds.filter(\.store.isSynced).map { ($0.resource.groupKind, $0.resource) }
            let served = Dictionary(known) { $1 }
            var facts = state.facts.serving(served)
            if served[ResourceCatalog.clusterRoles.groupKind] == nil
                || served[ResourceCatalog.clusterRoleBindings.groupKind] == nil
            {
                facts.rbacCreation = false
            }
            return facts
        }
    }

    /// The cluster offers this now.
    package func update(_ facts: ClusterFacts) {
        let wanted = Self.resources(facts)
        let (gone, subscriptions) = self.state.withLock { state -> ([Kind], [StoreSubscription]) in
            state.facts = facts
            let gone = state.kinds.filter { !wanted.contains($0.resource) }
            var kinds = state.kinds.filter { wanted.contains($0.resource) }
            for resource in wanted where !kinds.contains(where: { $0.resource == resource }) {
                let kind = self.kind(resource, number: state.nextKind)
                state.nextKind += 1
                kinds.append(kind)
                for (number, entry) in state.subscribers {
                    let subscription = Self.subscribe(entry.subscriber, to: kind)
                    state.subscribers[number]?.subscriptions[kind.number] = subscription
                }
            }
            state.kinds = kinds
            state.places = Dictionary(uniqueKeysWithValues: kinds.enumerated().map { ($1.resource.groupKind, $0) })
            var subscriptions: [StoreSubscription] = []
            for number in state.subscribers.keys {
                for kind in gone {
                    if let subscription = state.subscribers[number]?.subscriptions.removeValue(forKey: kind.number) {
                        subscriptions.append(subscription)
                    }
                }
            }
            return (gone, subscriptions)
        }
        for subscription in subscriptions { subscription.cancel() }
        for kind in gone {
            kind.ended.open()
            for record in kind.store.items() { self.verified.forget(record.uid) }
        }
        self.changed.raise()
        if !gone.isEmpty { self.tell(.kindsChanged) }
    }

    private func kind(_ resource: APIResource, number: Int) -> Kind {
        let verified = self.verified
        return Kind(
            resource: resource,
            store: Store(
                client: self.client,
                target: WatchTarget(resource, labelSelector: Self.selector),
                namespaces: resource.isNamespaced ? self.scope : .all,
                indexes: [Self.index, Self.allocatorIndex],
                projection: { (cursor) throws(JSONError) in
                    try OwnedRecord(&cursor, resource: resource, verified: verified)
                }
            ),
            number: number
        )
    }

    /// The kinds that a collector may own, in the versions that this server has; those that every server has first.
    private static func resources(_ facts: ClusterFacts) -> [APIResource] {
        var resources = ResourceCatalog.alwaysOwned
        func add(_ isServed: Bool, _ kinds: APIResource...) {
            if isServed { resources += kinds }
        }
        if let version = facts.horizontalPodAutoscaler?.rawValue {
            add(true, ResourceCatalog.horizontalPodAutoscalers(version))
        }
        if let version = facts.podDisruptionBudget?.rawValue {
            add(true, ResourceCatalog.podDisruptionBudgets(version))
        }
        add(facts.prometheusMonitors, ResourceCatalog.serviceMonitors, ResourceCatalog.podMonitors)
        add(facts.gatewayRoutes, ResourceCatalog.httpRoutes)
        add(facts.openShiftRoutes, ResourceCatalog.openShiftRoutes)
        add(facts.targetAllocators, ResourceCatalog.targetAllocators)
        add(facts.certManager, ResourceCatalog.certificates, ResourceCatalog.issuers)
        add(facts.rbacCreation, ResourceCatalog.clusterRoles, ResourceCatalog.clusterRoleBindings)
        return resources
    }

    // MARK: Running

    /// Follows all kinds until graceful shutdown.
    ///
    /// - Throws: `CancellationError`.
    package func run() async throws {
        try await untilGracefulShutdown {
            try await withThrowingDiscardingTaskGroup { group in
                var running: Set<Int> = []
                while true {
                    for kind in self.kinds where running.insert(kind.number).inserted {
                        group.addTask { try await self.follow(kind) }
                    }
                    try await self.changed.wait()
                }
            }
        }
    }

    private func follow(_ kind: Kind) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await kind.store.run() }
            group.addTask {
                guard !kind.store.isSynced else { return }
                try await kind.store.waitForSync()
                self.tell(.kindsChanged)
            }
            try await kind.ended.wait()
            group.cancelAll()
            do { try await group.waitForAll() } catch is CancellationError { try Task.checkCancellation() }
        }
    }

    package var isSynced: Bool { self.kinds.allSatisfy(\.store.isSynced) }

    /// Returns when all kinds were listed. Those that only some clusters serve are not waited for beyond half a minute;
    /// ``Event/kindsChanged`` tells when they can be worked with after all.
    ///
    /// - Throws: `CancellationError`.
    package func waitForSync() async throws {
        let kinds = self.kinds
        for kind in kinds where ResourceCatalog.alwaysOwned.contains(kind.resource) {
            try await kind.store.waitForSync()
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for kind in kinds {
                    // One that is gone meanwhile never syncs.
                    try await withThrowingTaskGroup(of: Void.self) { either in
                        either.addTask { try await kind.store.waitForSync() }
                        either.addTask { try await kind.ended.wait() }
                        try await either.next()
                        either.cancelAll()
                    }
                }
            }
            group.addTask { try await Task.sleep(for: Self.patience) }
            try await group.next()
            group.cancelAll()
        }
    }

    // MARK: Changes

    /// Tells all there is, as added, and from then on each change.
    package func subscribe(_ subscriber: @escaping Subscriber) -> StoreSubscription {
        let number = self.state.withLock { state in
            state.nextSubscriber += 1
            var subscriptions: [Int: StoreSubscription] = [:]
            for kind in state.kinds { subscriptions[kind.number] = Self.subscribe(subscriber, to: kind) }
            state.subscribers[state.nextSubscriber] = (subscriber, subscriptions)
            return state.nextSubscriber
        }
        return StoreSubscription { [weak self] in
            let subscriptions = self?.state.withLock { $0.subscribers.removeValue(forKey: number)?.subscriptions }
            for subscription in (subscriptions ?? [:]).values { subscription.cancel() }
        }
    }

    private static func subscribe(_ subscriber: @escaping Subscriber, to kind: Kind) -> StoreSubscription {
        kind.store.subscribe { changes in subscriber(.changed(kind, changes)) }
    }

    private func tell(_ event: Event) {
        for subscriber in self.state.withLock({ $0.subscribers.values.map(\.subscriber) }) { subscriber(event) }
    }

    // MARK: Reading

    /// The kind of an object, `nil` when this server does not have it.
    package func kind(of reference: ObjectReference) -> Kind? {
        self.state.withLock { state in
            state.places[reference.groupVersionKind.groupKind].map { state.kinds[$0] }
        }
    }

    /// All that belongs to a collector.
    package func records(of collector: ObjectKey) -> [OwnedRecord] {
        self.kinds.flatMap { $0.store.items(by: Self.index, collector.description) }
    }

    /// All that belongs to a target allocator.
    package func records(ofTargetAllocator key: ObjectKey) -> [OwnedRecord] {
        self.kinds.flatMap { $0.store.items(by: Self.allocatorIndex, key.description) }
    }

    /// Whether a kind is served, but not known yet what there is of it.
    package func awaits(_ kind: GroupKind) -> Bool {
        self.state.withLock { state in
            state.places[kind].map { !state.kinds[$0].store.isSynced } ?? false
        }
    }

    package func record(_ reference: ObjectReference) -> OwnedRecord? {
        self.kind(of: reference)?.store[reference.key]
    }

    /// Whose business a change is. Cluster-scoped objects are watched wherever they belong to; those of collectors in
    /// namespaces that we don't watch are another operator's, and to us their collectors would look deleted.
    package func collectors(of change: StoreChange<OwnedRecord>) -> Set<ObjectKey> {
        Set(change.states.compactMap(Self.collector).filter { self.covers($0.namespace) })
    }

    /// Whether collectors of a namespace are ours to look after.
    package func covers(_ namespace: String) -> Bool {
        switch self.scope {
        case .all: true
        case .only(let namespaces): namespaces.contains(namespace)
        }
    }

    /// The collector that an object belongs to.
    static func collector(of record: OwnedRecord) -> ObjectKey? {
        Self.key(record.collector)
    }

    /// The target allocators whose business a change is.
    package func targetAllocators(of change: StoreChange<OwnedRecord>) -> Set<ObjectKey> {
        Set(change.states.compactMap { Self.key($0.targetAllocator) })
    }

    private static func key(_ text: String) -> ObjectKey? {
        let parts = text.split(separator: "/", maxSplits: 1)
        guard parts.count == 2 else { return nil }
        return ObjectKey(namespace: String(parts[0]), name: String(parts[1]))
    }
}
