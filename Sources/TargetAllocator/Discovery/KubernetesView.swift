import KubeModel
import KubeRuntime
import PrometheusModel
import TargetDiscovery

/// What one role sees of one namespace (or of all): its objects, what they refer to, and which of its groups a change
/// touches.
struct KubernetesView: Sendable {
    /// A store behind the view, without the type of its objects.
    struct Watch: Sendable {
        var resource: String
        var scope: WatchScope
        var isSynced: @Sendable () -> Bool
        var waitForSync: @Sendable () async throws -> Void
        var failures: WatchFailures
        var release: @Sendable () -> Void
    }

    var watches: [Watch]
    /// The role's own objects, in no particular order.
    var keys: @Sendable () -> [ObjectKey]
    /// The groups of these objects, `nil` for those that are gone.
    var groups: @Sendable ([ObjectKey]) -> [TargetGroup?]
    var source: @Sendable (ObjectKey) -> String
    /// Calls with the keys whose groups may have changed, beginning with all there are.
    var subscribe: @Sendable (@escaping @Sendable ([ObjectKey]) -> Void) -> [StoreSubscription]

    func release() { for watch in self.watches { watch.release() } }
}

extension SharedStore {
    var watch: KubernetesView.Watch {
        KubernetesView.Watch(
            resource: self.resource,
            scope: self.scope,
            isSynced: { self.store.isSynced },
            waitForSync: { try await self.store.waitForSync() },
            failures: self.failures,
            release: self.release
        )
    }

    /// Calls with what a change of an object of this store means for the role's objects.
    func subscribe(_ affected: @escaping @Sendable (ObjectKey) -> [ObjectKey])
        -> @Sendable (@escaping @Sendable ([ObjectKey]) -> Void) -> StoreSubscription
    {
        { tell in
            self.store.subscribe { changes in
                let keys = changes.flatMap { affected($0.key) }
                if !keys.isEmpty { tell(keys) }
            }
        }
    }
}

/// Looks up what a batch of groups refers to, each thing once.
private final class BatchLookup {
    private var nodes: [String: NodeRecord?] = [:]
    private var namespaces: [String: ObjectRecord?] = [:]

    func lookup(
        pods: SharedStore<PodRecord>?,
        services: SharedStore<ServiceRecord>?,
        nodes: SharedStore<NodeRecord>?,
        namespaces: SharedStore<ObjectRecord>?
    ) -> DiscoveryLookup {
        DiscoveryLookup(
            pod: { pods?.store[$0]?.record },
            service: { services?.store[$0]?.record },
            node: nodes.map { shared in
                { name in
                    if let known = self.nodes[name] { return known }
                    let found = shared.store[ObjectKey(name: name)]?.record
                    self.nodes[name] = .some(found)
                    return found
                }
            },
            namespace: namespaces.map { shared in
                { name in
                    if let known = self.namespaces[name] { return known }
                    let found = shared.store[ObjectKey(name: name)]?.record
                    self.namespaces[name] = .some(found)
                    return found
                }
            }
        )
    }
}

/// The selectors of a discovery, by role.
struct RoleSelectors: Sendable {
    struct Selector: Sendable {
        var label: String?
        var field: String?
    }

    var byRole: [String: Selector] = [:]

    func scope(_ role: String, namespace: String?) -> WatchScope {
        let selector = self.byRole[role]
        return WatchScope(
            namespace: namespace,
            labelSelector: selector?.label.flatMap { $0.isEmpty ? nil : $0 },
            fieldSelector: selector?.field.flatMap { $0.isEmpty ? nil : $0 }
        )
    }
}

/// What every view of a cluster is made with.
struct KubernetesViewMaker {
    var cluster: WatchedCluster
    var selectors: RoleSelectors
    var attachesNodes: Bool
    var attachesNamespaces: Bool

    /// Something that the role's objects refer to, and which of them one of it concerns.
    private struct Related<Record: DiscoveryRecord> {
        var shared: SharedStore<Record>
        var affected: @Sendable (ObjectKey) -> [ObjectKey]
    }

    func nodes() -> KubernetesView {
        let main = self.cluster.nodes.use(self.selectors.scope("node", namespace: nil))
        return KubernetesView(
            watches: [main.watch],
            keys: { main.store.keys() },
            groups: { keys in keys.map { main.store[$0]?.record.targetGroup() } },
            source: { NodeRecord.source($0.name) },
            subscribe: { tell in [main.subscribe { key in [key] }(tell)] }
        )
    }

    func pods(in namespace: String?) -> KubernetesView {
        let main = self.cluster.pods.use(self.selectors.scope("pod", namespace: namespace))
        return self.view(
            of: main,
            nodes: self.attachedNodes { main.store.keys(by: .podNode, $0.name) },
            source: { PodRecord.source($0) },
            group: { $0.targetGroup($1) }
        )
    }

    func services(in namespace: String?) -> KubernetesView {
        self.view(
            of: self.cluster.services.use(self.selectors.scope("service", namespace: namespace)),
            source: { ServiceRecord.source($0) },
            group: { $0.targetGroup($1) }
        )
    }

    func ingresses(in namespace: String?) -> KubernetesView {
        self.view(
            of: self.cluster.ingresses.use(self.selectors.scope("ingress", namespace: namespace)),
            source: { IngressRecord.source($0) },
            group: { $0.targetGroup($1) }
        )
    }

    func endpoints(in namespace: String?) -> KubernetesView {
        let main = self.cluster.endpoints.use(self.selectors.scope("endpoints", namespace: namespace))
        return self.view(
            of: main,
            pods: self.pods(of: namespace) { main.store.keys(by: .endpointsPod, $0.description) },
            // They have the name of their Service.
            services: self.services(of: namespace) { [$0] },
            nodes: self.attachedNodes { main.store.keys(by: .endpointsNode, $0.name) },
            source: { EndpointsRecord.source($0) },
            group: { $0.targetGroup($1) }
        )
    }

    func endpointSlices(in namespace: String?) -> KubernetesView {
        let main = self.cluster.endpointSlices.use(self.selectors.scope("endpointslice", namespace: namespace))
        return self.view(
            of: main,
            pods: self.pods(of: namespace) { main.store.keys(by: .slicePod, $0.description) },
            services: self.services(of: namespace) { main.store.keys(by: .sliceService, $0.description) },
            nodes: self.attachedNodes { main.store.keys(by: .sliceNode, $0.name) },
            source: { EndpointSliceRecord.source($0) },
            group: { $0.targetGroup($1) }
        )
    }

    private func pods(
        of namespace: String?,
        affecting affected: @escaping @Sendable (ObjectKey) -> [ObjectKey]
    ) -> Related<PodRecord> {
        Related(
            shared: self.cluster.pods.use(self.selectors.scope("pod", namespace: namespace)),
            affected: affected
        )
    }

    private func services(
        of namespace: String?,
        affecting affected: @escaping @Sendable (ObjectKey) -> [ObjectKey]
    ) -> Related<ServiceRecord> {
        Related(
            shared: self.cluster.services.use(self.selectors.scope("service", namespace: namespace)),
            affected: affected
        )
    }

    private func attachedNodes(
        affecting affected: @escaping @Sendable (ObjectKey) -> [ObjectKey]
    ) -> Related<NodeRecord>? {
        guard self.attachesNodes else { return nil }
        return Related(
            shared: self.cluster.nodes.use(self.selectors.scope("node", namespace: nil)),
            affected: affected
        )
    }

    /// A role whose objects lie in namespaces.
    private func view<Record: DiscoveryRecord>(
        of main: SharedStore<Record>,
        pods: Related<PodRecord>? = nil,
        services: Related<ServiceRecord>? = nil,
        nodes: Related<NodeRecord>? = nil,
        source: @escaping @Sendable (ObjectKey) -> String,
        group: @escaping @Sendable (Record, DiscoveryLookup) -> TargetGroup
    ) -> KubernetesView {
        let namespaces = self.attachesNamespaces ? self.cluster.namespaces.use(WatchScope()) : nil
        let (podStore, serviceStore, nodeStore) = (pods?.shared, services?.shared, nodes?.shared)
        let subscriptions = [
            main.subscribe { key in [key] },
            pods.map { $0.shared.subscribe($0.affected) },
            services.map { $0.shared.subscribe($0.affected) },
            nodes.map { $0.shared.subscribe($0.affected) },
            namespaces?.subscribe { key in main.store.keys(in: key.name) },
        ].compactMap { $0 }
        return KubernetesView(
            watches: [main.watch, podStore?.watch, serviceStore?.watch, nodeStore?.watch, namespaces?.watch]
                .compactMap { $0 },
            keys: { main.store.keys() },
            groups: { keys in
                let lookup = BatchLookup().lookup(
                    pods: podStore,
                    services: serviceStore,
                    nodes: nodeStore,
                    namespaces: namespaces
                )
                return keys.map { key in main.store[key].map { group($0.record, lookup) } }
            },
            source: source,
            subscribe: { tell in subscriptions.map { $0(tell) } }
        )
    }
}
