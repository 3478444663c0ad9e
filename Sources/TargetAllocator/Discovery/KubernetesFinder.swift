import KubeClient
import KubeModel
import KubeRuntime
import Logging
import PrometheusConfig
import PrometheusModel
import Synchronization

/// Discovery from the objects of a cluster: told of each change, looks again only at the groups it touches.
struct KubernetesFinder: GroupFinder {
    let discovery: KubernetesDiscovery
    let clusters: ClusterConnections

    /// So many changes as come in this time are one update.
    private static let settleTime: Duration = .milliseconds(50)

    func run(_ channel: GroupChannel) async throws {
        let cluster = try await self.clusters.cluster(for: self.discovery, channel)
        let maker = KubernetesViewMaker(
            cluster: cluster,
            selectors: RoleSelectors(self.discovery),
            attachesNodes: self.discovery.attachNode,
            attachesNamespaces: self.discovery.attachNamespace
        )
        let parts = self.views(maker, ownNamespace: cluster.client.configuration.namespace).map {
            ViewPart($0, signal: channel.signal)
        }
        let subscriptions = parts.flatMap { $0.subscribe() }
        let listeners = parts.flatMap { self.listenForFailures($0.view, channel) }
        defer {
            for subscription in subscriptions { subscription.cancel() }
            for stop in listeners { stop() }
            for part in parts { part.view.release() }
        }
        try await withThrowingDiscardingTaskGroup { group in
            for part in parts { group.addTask { try await part.waitForSync() } }
            try await self.publish(parts, channel)
        }
    }

    private func publish(_ parts: [ViewPart], _ channel: GroupChannel) async throws {
        while true {
            let isComplete = parts.allSatisfy(\.isSynced)
            for part in parts where part.isSynced {
                let (changed, removed) = part.takeChanges()
                channel.publish(changed: changed, removed: removed)
                // Some namespaces may never be readable; that is no reason to do without the others.
                if !isComplete { channel.publishPart(changed, removed: removed) }
            }
            if isComplete { channel.admitNewcomers { parts.flatMap { $0.everything() } } }
            try await channel.signal.wait()
            if isComplete, !channel.hasNewcomers { try await Task.sleep(for: Self.settleTime) }
        }
    }

    /// One view for each namespace: what lacks in one does not hold up the others.
    private func views(_ maker: KubernetesViewMaker, ownNamespace: String) -> [KubernetesView] {
        if self.discovery.role == .node { return [maker.nodes()] }
        var names = Set(self.discovery.namespaces)
        if self.discovery.ownNamespace { names.insert(ownNamespace) }
        let namespaces: [String?] = names.isEmpty ? [nil] : names.sorted()
        return namespaces.map { namespace in
            switch self.discovery.role {
            case .node: maker.nodes()
            case .pod: maker.pods(in: namespace)
            case .service: maker.services(in: namespace)
            case .endpoints: maker.endpoints(in: namespace)
            case .endpointslice: maker.endpointSlices(in: namespace)
            case .ingress: maker.ingresses(in: namespace)
            }
        }
    }

    private func listenForFailures(_ view: KubernetesView, _ channel: GroupChannel) -> [@Sendable () -> Void] {
        let role = "\(self.discovery.role.rawValue)"
        return view.watches.map { watch in
            watch.failures.listen { failure in
                let jobs = channel.jobs
                var metadata: Logger.Metadata = [
                    "job": "\(jobs.first ?? "")",
                    "role": "\(role)",
                    "resource": "\(watch.resource)",
                    "namespace": "\(watch.scope.namespace ?? "all")",
                    "error": "\(failure.text)",
                ]
                if jobs.count > 1 { metadata["other_jobs"] = "\(jobs.count - 1)" }
                Logger.current.warning(
                    failure.isForbidden
                        ? "service discovery lacks a permission: let the service account get, list and watch the resource"
                        : "service discovery can't follow a resource: targets stay as they were last seen",
                    metadata: metadata
                )
            }
        }
    }
}

/// A view with what was published of it and what has changed since.
private final class ViewPart: Sendable {
    private struct State {
        var isSynced = false
        /// Those whose groups may have changed; everything, before the first time.
        var touched: Set<ObjectKey> = []
        var isNew = true
        /// What each group that was published looked like, as a hash: most changes of objects change no target.
        var published: [ObjectKey: Int] = [:]
    }

    let view: KubernetesView
    private let signal: Signal
    private let state = Mutex(State())

    init(_ view: KubernetesView, signal: Signal) {
        self.view = view
        self.signal = signal
    }

    var isSynced: Bool { self.state.withLock { $0.isSynced } }

    func waitForSync() async throws {
        for watch in self.view.watches { try await watch.waitForSync() }
        self.state.withLock { $0.isSynced = true }
        self.signal.raise()
    }

    func subscribe() -> [StoreSubscription] {
        self.view.subscribe { keys in
            let isWanted = self.state.withLock { state in
                // Before it is complete, all of it will be looked at.
                guard state.isSynced else { return false }
                state.touched.formUnion(keys)
                return true
            }
            if isWanted { self.signal.raise() }
        }
    }

    /// What has changed since the last time. On the publishing task only.
    func takeChanges() -> (changed: [TargetGroup], removed: [String]) {
        var (keys, isNew, published) = self.state.withLock { state in
            defer {
                state.touched = []
                state.isNew = false
                state.published = [:]
            }
            return (state.touched, state.isNew, state.published)
        }
        if isNew { keys = Set(self.view.keys()) }
        var changed: [TargetGroup] = []
        var removed: [String] = []
        let order = Array(keys)
        for (key, group) in zip(order, self.view.groups(order)) {
            guard let group else {
                if published.removeValue(forKey: key) != nil { removed.append(self.view.source(key)) }
                continue
            }
            let hash = group.contentHash
            if published.updateValue(hash, forKey: key) != hash { changed.append(group) }
        }
        self.state.withLock { $0.published = published }
        return (changed, removed)
    }

    func everything() -> [TargetGroup] { self.view.groups(self.view.keys()).compactMap { $0 } }
}

extension TargetGroup {
    fileprivate var contentHash: Int {
        var hasher = Hasher()
        hasher.combine(self.labels)
        hasher.combine(self.targets)
        return hasher.finalize()
    }
}

extension RoleSelectors {
    init(_ discovery: KubernetesDiscovery) {
        for selector in discovery.selectors {
            self.byRole[selector.role.rawValue] = Selector(label: selector.label, field: selector.field)
        }
    }
}
