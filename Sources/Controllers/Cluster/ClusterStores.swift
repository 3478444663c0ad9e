import JSONTree
package import KubeClient
import KubeModel
package import KubeRuntime
package import ServiceLifecycle

/// What every replica watches: all that a webhook has to know so that it answers without asking the API server.
package struct ClusterStores: Sendable {
    package let namespaces: Store<NamespaceRecord>
    package let instrumentations: Store<InstrumentationRecord>
    package let collectors: Store<CollectorRecord>
    package let replicaSets: Store<OwnersRecord>
    package let jobs: Store<OwnersRecord>
    /// Those that collectors name by their label. Empty where the kind is not served.
    package let targetAllocators: Store<TargetAllocatorRecord>
    /// Without webhooks nobody asks for what pods belong to, and it is not watched; namespaces are, on OpenShift, for what is
    /// rendered there.
    private var runs = (reviews: true, namespaces: true)

    package init(
        namespaces: Store<NamespaceRecord>,
        instrumentations: Store<InstrumentationRecord>,
        collectors: Store<CollectorRecord>,
        replicaSets: Store<OwnersRecord>,
        jobs: Store<OwnersRecord>,
        targetAllocators: Store<TargetAllocatorRecord> = Store(name: "targetallocators", objects: [])
    ) {
        self.namespaces = namespaces
        self.instrumentations = instrumentations
        self.collectors = collectors
        self.replicaSets = replicaSets
        self.jobs = jobs
        self.targetAllocators = targetAllocators
    }

    /// - Parameters:
    ///   - scope: the namespaces that are watched.
    ///   - answersReviews: whether there are webhooks.
    ///   - needsNamespaces: whether controllers look at namespaces.
    package init(
        client: KubeClient,
        namespaces scope: NamespaceScope,
        answersReviews: Bool = true,
        needsNamespaces: Bool = true
    ) {
        self.runs = (answersReviews, answersReviews || needsNamespaces)
        self.namespaces = Store(
            client: client,
            target: WatchTarget(ResourceCatalog.namespaces, metadataOnly: true),
            projection: { (cursor) throws(JSONError) in try NamespaceRecord(&cursor) }
        )
        self.instrumentations = Store(
            client: client,
            target: WatchTarget(ResourceCatalog.instrumentations),
            namespaces: scope,
            projection: { (cursor) throws(JSONError) in try InstrumentationRecord(&cursor) }
        )
        self.collectors = Store(
            client: client,
            target: WatchTarget(ResourceCatalog.collectors),
            namespaces: scope,
            projection: { (cursor) throws(JSONError) in try CollectorRecord(&cursor) }
        )
        self.replicaSets = Store(
            client: client,
            target: WatchTarget(ResourceCatalog.replicaSets, metadataOnly: true),
            namespaces: scope,
            projection: { (cursor) throws(JSONError) in try OwnersRecord(&cursor) }
        )
        self.jobs = Store(
            client: client,
            target: WatchTarget(ResourceCatalog.jobs, metadataOnly: true),
            namespaces: scope,
            projection: { (cursor) throws(JSONError) in try OwnersRecord(&cursor) }
        )
        var patient = WatcherState.Configuration()
        // Many clusters have none; whoever learns that the kind appeared ends the pause.
        patient.absentBackoff = Backoff.Policy(base: .seconds(5), cap: .seconds(300))
        self.targetAllocators = Store(
            client: client,
            target: WatchTarget(ResourceCatalog.targetAllocators),
            namespaces: scope,
            configuration: patient,
            projection: { (cursor) throws(JSONError) in try TargetAllocatorRecord(&cursor) }
        )
    }

    package var services: [any Service] { self.running }

    /// What a webhook needs before its first answer; without webhooks, what controllers can't do without.
    package var caches: [any Syncable] {
        self.running.filter { $0.name != self.targetAllocators.name }
    }

    /// All that run, to be measured.
    var measured: [any MeasuredCache] { self.running }

    private var running: [any Service & Syncable & MeasuredCache] {
        var stores: [any Service & Syncable & MeasuredCache] = self.runs.namespaces ? [self.namespaces] : []
        if self.runs.reviews { stores.append(self.instrumentations) }
        stores.append(self.collectors)
        if self.runs.reviews { stores += [self.replicaSets, self.jobs] }
        return stores + [self.targetAllocators]
    }

    package var isSynced: Bool { self.caches.allSatisfy(\.isSynced) }
}
