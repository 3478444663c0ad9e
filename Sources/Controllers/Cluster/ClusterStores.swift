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

    package init(client: KubeClient, namespaces scope: NamespaceScope) {
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

    package var services: [any Service] {
        [
            self.namespaces, self.instrumentations, self.collectors, self.replicaSets, self.jobs,
            self.targetAllocators,
        ]
    }

    /// What a webhook needs before its first answer.
    package var caches: [any Syncable] {
        [self.namespaces, self.instrumentations, self.collectors, self.replicaSets, self.jobs]
    }

    /// All of them, to be measured.
    var measured: [any MeasuredCache] {
        [
            self.namespaces, self.instrumentations, self.collectors, self.replicaSets, self.jobs,
            self.targetAllocators,
        ]
    }

    package var isSynced: Bool { self.caches.allSatisfy(\.isSynced) }
}
