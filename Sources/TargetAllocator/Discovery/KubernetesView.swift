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
        pods: SharedStore<PodRecord>? = nil,
        services: SharedStore<ServiceRecord>? = nil,
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

    private func attachedNodes() -> SharedStore<NodeRecord>? {
        self.attachesNodes ? self.cluster.nodes.use(self.selectors.scope("node", namespace: nil)) : nil
    }

    private func attachedNamespaces() -> SharedStore<ObjectRecord>? {
        self.attachesNamespaces ? self.cluster.namespaces.use(WatchScope()) : nil
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
        let nodes = self.attachedNodes()
        let namespaces = self.attachedNamespaces()
        return KubernetesView(
            watches: [main.watch] + [nodes?.watch, namespaces?.watch].compactMap { $0 },
            keys: { main.store.keys() },
            groups: { keys in
                let lookup = BatchLookup().lookup(nodes: nodes, namespaces: namespaces)
                return keys.map { main.store[$0]?.record.targetGroup(lookup) }
            },
            source: { PodRecord.source($0) },
            subscribe: { tell in
                [
                    main.subscribe { key in [key] }(tell),
                    nodes?.subscribe { key in main.store.keys(by: .podNode, key.name) }(tell),
                    namespaces?.subscribe { key in main.store.keys(in: key.name) }(tell),
                ].compactMap { $0 }
            }
        )
    }

    func services(in namespace: String?) -> KubernetesView {
        let main = self.cluster.services.use(self.selectors.scope("service", namespace: namespace))
        let namespaces = self.attachedNamespaces()
        return KubernetesView(
            watches: [main.watch] + [namespaces?.watch].compactMap { $0 },
            keys: { main.store.keys() },
            groups: { keys in
                let lookup = BatchLookup().lookup(nodes: nil, namespaces: namespaces)
                return keys.map { main.store[$0]?.record.targetGroup(lookup) }
            },
            source: { ServiceRecord.source($0) },
            subscribe: { tell in
                [
                    main.subscribe { key in [key] }(tell),
                    namespaces?.subscribe { key in main.store.keys(in: key.name) }(tell),
                ].compactMap { $0 }
            }
        )
    }

    func ingresses(in namespace: String?) -> KubernetesView {
        let main = self.cluster.ingresses.use(self.selectors.scope("ingress", namespace: namespace))
        let namespaces = self.attachedNamespaces()
        return KubernetesView(
            watches: [main.watch] + [namespaces?.watch].compactMap { $0 },
            keys: { main.store.keys() },
            groups: { keys in
                let lookup = BatchLookup().lookup(nodes: nil, namespaces: namespaces)
                return keys.map { main.store[$0]?.record.targetGroup(lookup) }
            },
            source: { IngressRecord.source($0) },
            subscribe: { tell in
                [
                    main.subscribe { key in [key] }(tell),
                    namespaces?.subscribe { key in main.store.keys(in: key.name) }(tell),
                ].compactMap { $0 }
            }
        )
    }

    func endpoints(in namespace: String?) -> KubernetesView {
        let main = self.cluster.endpoints.use(self.selectors.scope("endpoints", namespace: namespace))
        let pods = self.cluster.pods.use(self.selectors.scope("pod", namespace: namespace))
        let services = self.cluster.services.use(self.selectors.scope("service", namespace: namespace))
        let nodes = self.attachedNodes()
        let namespaces = self.attachedNamespaces()
        return KubernetesView(
            watches: [main.watch, pods.watch, services.watch] + [nodes?.watch, namespaces?.watch].compactMap { $0 },
            keys: { main.store.keys() },
            groups: { keys in
                let lookup = BatchLookup().lookup(pods: pods, services: services, nodes: nodes, namespaces: namespaces)
                return keys.map { main.store[$0]?.record.targetGroup(lookup) }
            },
            source: { EndpointsRecord.source($0) },
            subscribe: { tell in
                [
                    main.subscribe { key in [key] }(tell),
                    pods.subscribe { key in main.store.keys(by: .endpointsPod, key.description) }(tell),
                    services.subscribe { key in [key] }(tell),
                    nodes?.subscribe { key in main.store.keys(by: .endpointsNode, key.name) }(tell),
                    namespaces?.subscribe { key in main.store.keys(in: key.name) }(tell),
                ].compactMap { $0 }
            }
        )
    }

    func endpointSlices(in namespace: String?) -> KubernetesView {
        let main = self.cluster.endpointSlices.use(self.selectors.scope("endpointslice", namespace: namespace))
        let pods = self.cluster.pods.use(self.selectors.scope("pod", namespace: namespace))
        let services = self.cluster.services.use(self.selectors.scope("service", namespace: namespace))
        let nodes = self.attachedNodes()
        let namespaces = self.attachedNamespaces()
        return KubernetesView(
            watches: [main.watch, pods.watch, services.watch] + [nodes?.watch, namespaces?.watch].compactMap { $0 },
            keys: { main.store.keys() },
            groups: { keys in
                let lookup = BatchLookup().lookup(pods: pods, services: services, nodes: nodes, namespaces: namespaces)
                return keys.map { main.store[$0]?.record.targetGroup(lookup) }
            },
            source: { EndpointSliceRecord.source($0) },
            subscribe: { tell in
                [
                    main.subscribe { key in [key] }(tell),
                    pods.subscribe { key in main.store.keys(by: .slicePod, key.description) }(tell),
                    services.subscribe { key in main.store.keys(by: .sliceService, key.description) }(tell),
                    nodes?.subscribe { key in main.store.keys(by: .sliceNode, key.name) }(tell),
                    namespaces?.subscribe { key in main.store.keys(in: key.name) }(tell),
                ].compactMap { $0 }
            }
        )
    }
}
