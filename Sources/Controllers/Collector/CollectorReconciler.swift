import CollectorVersions
import JSONTree
package import KubeClient
package import KubeModel
package import KubeRuntime
import Logging
import Rendering
import Synchronization
package import TelemetryAPI
package import Tracing

/// Gathers what is known of a collector, has a plan made, carries it out and reports.
///
/// All decisions are `Rendering`'s. The order within a reconcile: what must be made anew is deleted, then everything is
/// applied, then what is no longer wanted is deleted, and last the status is written, if it changed.
package struct CollectorReconciler: Sendable {
    let client: KubeClient
    private let collectors: Store<CollectorRecord>
    private let targetAllocators: Store<TargetAllocatorRecord>
    private let namespaces: Store<NamespaceRecord>
    let owned: OwnedStores
    let writer: OwnedObjectWriter
    let unseenStatus = UnseenStatus<CollectorStatus>()
    package let readiness = CollectorReadiness()
    let settings: OperatorSettings
    let events: EventRecorder?
    let now: @Sendable () -> String

    /// - Parameters:
    ///   - writer: shared with other reconcilers; `nil` for one of its own.
    ///   - now: the time for conditions, RFC 3339.
    package init(
        client: KubeClient,
        stores: ClusterStores,
        owned: OwnedStores,
        writer: OwnedObjectWriter? = nil,
        settings: OperatorSettings,
        events: EventRecorder?,
        now: @escaping @Sendable () -> String
    ) {
        self.client = client
        self.collectors = stores.collectors
        self.targetAllocators = stores.targetAllocators
        self.namespaces = stores.namespaces
        self.owned = owned
        self.writer = writer ?? OwnedObjectWriter(client: client, owned: owned)
        self.settings = settings
        self.events = events
        self.now = now
    }

    /// A controller that calls ``reconcile(_:)`` for each collector of which something changed.
    package func controller(parallelism: Int, tracer: (any Tracer)? = nil) -> Controller<ObjectKey> {
        let controller = Controller<ObjectKey>(
            name: "opentelemetrycollector",
            kind: "OpenTelemetryCollector",
            parallelism: parallelism,
            tracer: tracer
        ) { key in
            try await self.reconcile(key)
        }
        controller.watch(self.collectors)
        let (collectors, owned, engine) = (self.collectors, self.owned, self.writer.engine)
        // Who asks an allocator that somebody else made has to know how to reach it.
        controller.watch(self.targetAllocators, where: { $0.old?.facts != $0.new?.facts }) { change in
            collectors.items(in: change.key.namespace) { $1.targetAllocator == change.key.name }.map(\.key)
        }
        controller.watch(owned) { wake in
            owned.subscribe { event in
                switch event {
                case .changed(let kind, let changes):
                    var keys: Set<ObjectKey> = []
                    for change in changes {
                        engine.observed(kind.resource.groupKind, change.key, change.new)
                        if change.kind == .deleted, let uid = change.old?.uid { owned.verified.forget(uid) }
                        keys.formUnion(owned.collectors(of: change))
                    }
                    wake(Array(keys))
                case .kindsChanged: wake(collectors.keys())
                }
            }
        }
        return controller
    }

    package func reconcile(_ key: ObjectKey) async throws -> ReconcileResult {
        let version = self.collectors.resourceVersion(of: key)
        guard let record = self.collectors[key] else {
            self.unseenStatus.forget(key)
            self.readiness.forget(key)
            try await self.sweep(key)
            return .done
        }
        var stored = try record.collector()
        var takeover = Takeover()
        defer { self.tell(stored, takeover) }
        if stored.metadata.finalizers.contains(PredecessorFinalizer.name) {
            takeover.releasedFinalizer = try await self.releaseFinalizer(of: stored)
        }
        guard !stored.metadata.isDeleting, stored.isManaged else {
            self.readiness.forget(key)
            return .done
        }
        if let status = self.unseenStatus[key, over: version] { stored.json["status"] = .object(status.json) }
        let upgrade = upgradeCollector(stored, to: self.settings.versions.collector)
        let news = upgrade.condition(for: stored, now: self.now())
        switch upgrade {
        case .upgraded(let upgraded):
            try await self.store(upgraded, outcome: upgrade, of: stored, version)
            // What was written wakes this again.
            return .done
        case .failed(let failure):
            // What runs goes on running as it is: a new image with an old configuration might not.
            try await self.report(stored, version, .failed("\(failure)"), conditions: [news].compactMap(\.self))
            self.tell(stored, upgrade)
            throw ReconcileError.terminal("the collector can't be upgraded", cause: failure)
        case .unchanged: break
        }
        let plan: CollectorPlan
        do {
            // The webhook defaults what is written; what was stored before it was there is defaulted here.
            let collector = try defaultCollector(stored, settings: self.settings).collector
            plan = try Rendering.plan(try self.gather(collector))
        } catch let error as ReconcileError {
            throw error
        } catch {
            try await self.report(stored, version, .failed("\(error)"))
            throw ReconcileError.terminal("the collector can't be rendered", cause: error)
        }
        if self.makesAnew(plan, of: stored), try await !self.stillExists(stored) { return .done }
        do {
            try await self.writer.carryOut(plan, for: .collector(key.description), &takeover)
        } catch {
            try Task.checkCancellation()
            try await self.report(stored, version, .failed("\(error)"))
            throw error
        }
        try await self.report(
            stored,
            version,
            .applied,
            warnings: plan.warnings,
            conditions: [news].compactMap(\.self)
        )
        return .done
    }

    /// Whether something is missing of a collector that once was complete.
    private func makesAnew(_ plan: CollectorPlan, of stored: Collector) -> Bool {
        guard stored.status.observedGeneration == stored.metadata.generation else { return false }
        return plan.apply.contains { self.owned.record($0.reference) == nil }
    }

    /// Whether it is missing because the collector is gone, and only the watch does not show that yet: then what we would
    /// make is what the garbage collector is deleting, over and over.
    private func stillExists(_ stored: Collector) async throws -> Bool {
        do {
            let live = try await self.client.get(
                ResourceCatalog.collectors,
                namespace: stored.namespace,
                name: stored.name,
                metadataOnly: true
            )
            return live.metadata.uid == stored.metadata.uid && !live.metadata.isDeleting
        } catch let error as APIError where error.isNotFound {
            return false
        }
    }

    /// All that the plan may look at.
    private func gather(_ collector: Collector) throws -> CollectorInputs {
        let key = ObjectKey(namespace: collector.namespace, name: collector.name)
        let facts = self.owned.facts
        let owned = self.owned.records(of: key).map(\.object)
        var allocator: TargetAllocatorFacts?
        if let name = collector.targetAllocatorName {
            guard self.targetAllocators.isSynced else {
                throw ReconcileError.retryable("it is not known yet which TargetAllocators there are")
            }
            allocator = self.targetAllocators[ObjectKey(namespace: key.namespace, name: name)]?.facts
        }
        return CollectorInputs(
            collector: collector,
            settings: self.settings,
            facts: facts,
            owned: owned,
            targetAllocator: allocator,
            namespaceAnnotations: facts.openShiftRoutes
                ? self.namespaces[ObjectKey(name: key.namespace)]?.openShiftAnnotations ?? [:] : [:]
        )
    }
}
