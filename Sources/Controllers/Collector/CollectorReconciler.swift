import CollectorVersions
import JSONTree
package import KubeClient
package import KubeModel
package import KubeRuntime
import Logging
import Rendering
import Synchronization
package import TelemetryAPI

/// Gathers what is known of a collector, has a plan made, carries it out and reports.
///
/// All decisions are `Rendering`'s. The order within a reconcile: what must be made anew is deleted, then everything is
/// applied, then what is no longer wanted is deleted, and last the status is written, if it changed.
package struct CollectorReconciler: Sendable {
    private let client: KubeClient
    private let collectors: Store<CollectorRecord>
    private let targetAllocators: Store<TargetAllocatorRecord>
    private let namespaces: Store<NamespaceRecord>
    private let owned: OwnedStores
    private let engine: ApplyEngine
    private let unseenStatus = UnseenStatus()
    private let settings: OperatorSettings
    private let events: EventRecorder?
    private let now: @Sendable () -> String

    /// - Parameters:
    ///   - now: the time for conditions, RFC 3339.
    package init(
        client: KubeClient,
        stores: ClusterStores,
        owned: OwnedStores,
        settings: OperatorSettings,
        events: EventRecorder?,
        now: @escaping @Sendable () -> String
    ) {
        self.client = client
        self.collectors = stores.collectors
        self.targetAllocators = stores.targetAllocators
        self.namespaces = stores.namespaces
        self.owned = owned
        self.engine = ApplyEngine(client: client, verified: owned.verified)
        self.settings = settings
        self.events = events
        self.now = now
    }

    /// A controller that calls ``reconcile(_:)`` for each collector of which something changed.
    package func controller(parallelism: Int) -> Controller<ObjectKey> {
        let controller = Controller<ObjectKey>(
            name: "opentelemetrycollector",
            kind: "OpenTelemetryCollector",
            parallelism: parallelism
        ) { key in
            try await self.reconcile(key)
        }
        controller.watch(self.collectors)
        let (collectors, owned, engine) = (self.collectors, self.owned, self.engine)
        // Who asks an allocator that somebody else made has to know how to reach it.
        controller.watch(self.targetAllocators) { change in
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
            try await self.sweep(key)
            return .done
        }
        var stored = try record.collector()
        if stored.metadata.finalizers.contains(PredecessorFinalizer.name) {
            try await self.releaseFinalizer(of: stored)
        }
        guard !stored.metadata.isDeleting, stored.isManaged else { return .done }
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
            try await self.carryOut(plan, for: key)
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

    // MARK: Carrying out

    private func carryOut(_ plan: CollectorPlan, for key: ObjectKey) async throws {
        for recreation in plan.recreate {
            Logger.current.info(
                "making a workload anew, as the server does not let it change",
                metadata: ["object": "\(recreation.object.reference)", "field": "\(recreation.reason)"]
            )
            try await self.delete(recreation.object)
        }
        // One object that can't be written must not keep the others from being right; nothing is pruned then, though.
        var failures: [String] = []
        var first: (any Error)?
        for object in Self.inOrder(plan.apply) {
            do {
                try await self.apply(object, for: key)
            } catch {
                try Task.checkCancellation()
                first = first ?? error
                failures.append("\(object.kind) \(object.name): \((error as? APIError)?.message ?? "\(error)")")
            }
        }
        if let first {
            throw ReconcileError.retryable("failed to write \(failures.joined(separator: "; "))", cause: first)
        }
        for object in plan.prune { try await self.delete(object) }
    }

    /// Workloads last: their pods need the account and the configuration, and complain in Events when they come first.
    private static func inOrder(_ objects: [KubeObject]) -> [KubeObject] {
        let workloads: Set = ["Deployment", "StatefulSet", "DaemonSet"]
        return objects.filter { !workloads.contains($0.kind) } + objects.filter { workloads.contains($0.kind) }
    }

    private func apply(_ object: KubeObject, for key: ObjectKey) async throws {
        guard let kind = self.owned.kind(of: object.reference) else {
            throw ReconcileError.retryable("this server does not have the kind \(object.groupVersionKind)")
        }
        let existing = kind.store[object.key]
        // Names are made of the collector's, cut where they are too long, so two collectors may want the same. Whoever came
        // first keeps it; taking it by force would be taken back, for ever.
        if let existing, !existing.collector.isEmpty, existing.collector != key.description {
            throw PlanError(
                .nameTaken,
                "it belongs to the collector \(existing.collector); give one of the two another name"
            )
        }
        switch try await self.engine.apply(object, kind.resource, existing: existing) {
        case .unchanged: break
        case .created: Logger.current.debug("created", metadata: ["object": "\(object.reference)"])
        case .updated: Logger.current.debug("updated", metadata: ["object": "\(object.reference)"])
        }
    }

    private func delete(_ object: OwnedObject) async throws {
        guard !object.isDeleting, let kind = self.owned.kind(of: object.reference) else { return }
        do {
            try await self.client.delete(
                kind.resource,
                namespace: kind.resource.isNamespaced ? object.reference.key.namespace : nil,
                name: object.reference.key.name,
                options: DeleteOptions(uid: object.reference.uid, propagation: .background)
            )
            self.engine.observed(kind.resource.groupKind, object.reference.key, nil)
            Logger.current.debug("deleted", metadata: ["object": "\(object.reference)"])
        } catch let error as APIError where error.isNotFound || error.isConflict {
            // Gone already, or another object of that name by now.
        }
    }

    /// Takes off the finalizer that the Go operator put on. We need none, and nobody else would ever take it off.
    private func releaseFinalizer(of collector: Collector) async throws {
        guard let patch = PredecessorFinalizer.removal(from: collector.metadata.finalizers) else { return }
        do {
            try await self.client.patch(
                ResourceCatalog.collectors,
                namespace: collector.namespace,
                name: collector.name,
                .json(patch)
            )
            Logger.current.info("removed the finalizer of the operator before us")
        } catch let error as APIError where error.isNotFound {
            // It was deleted, and this was the last thing that kept it.
        }
    }

    /// Deletes what no owner reference takes along with a collector that is gone: its cluster-scoped objects.
    ///
    /// The server is asked whether it is gone: a store that lags behind, or a list from a server that was still starting,
    /// must not cost a running collector its permissions.
    private func sweep(_ key: ObjectKey) async throws {
        guard self.owned.covers(key.namespace) else { return }
        let left = self.owned.records(of: key).filter { $0.object.reference.key.namespace.isEmpty }
        guard !left.isEmpty else { return }
        do {
            _ = try await self.client.get(
                ResourceCatalog.collectors,
                namespace: key.namespace,
                name: key.name,
                metadataOnly: true
            )
            throw ReconcileError.retryable("the collector is there, but not shown by the watch yet")
        } catch let error as APIError where error.isNotFound {
            for record in left { try await self.delete(record.object) }
        }
    }

    // MARK: Upgrades

    /// Writes the specification that a later collector understands, and after it the version: a stop in between has the
    /// steps run once more, which changes nothing.
    private func store(
        _ upgraded: CollectorUpgrade,
        outcome: CollectorUpgradeOutcome,
        of stored: Collector,
        _ version: String?
    ) async throws {
        let key = ObjectKey(namespace: stored.namespace, name: stored.name)
        if upgraded.changesSpec {
            var patch: JSONObject = [
                "spec": .object(JSONMergePatch.diff(from: stored.spec.json, to: upgraded.collector.spec.json))
            ]
            // Whoever changed it meanwhile meant another one.
            if let version { patch["metadata"] = ["resourceVersion": .string(version)] }
            try await self.client.patch(
                ResourceCatalog.collectors,
                namespace: key.namespace,
                name: key.name,
                .merge(patch),
                options: WriteOptions(fieldManager: ApplyEngine.fieldManager)
            )
            Logger.current.info(
                "upgraded the collector's specification",
                metadata: ["from": "\(upgraded.from)", "to": "\(upgraded.version)"]
            )
        }
        var status = stored.status
        status.version = upgraded.version
        if let news = outcome.condition(for: stored, now: self.now()) {
            var conditions = status.conditions
            conditions.set(news)
            status.conditions = conditions
        }
        try await self.write(status, over: stored.status, of: key)
        self.tell(stored, outcome)
    }

    private func tell(_ collector: Collector, _ upgrade: CollectorUpgradeOutcome) {
        for event in upgrade.events {
            self.events?.record(
                event.isWarning ? .warning : .normal,
                reason: event.reason,
                action: event.reason,
                note: event.note,
                regarding: KubeObject(collector.json)
            )
        }
    }

    // MARK: Reporting

    /// Writes the status if it is another one now, and tells the collector's users when that is news to them.
    ///
    /// - Parameter version: what the store held when the collector was read from it.
    private func report(
        _ collector: Collector,
        _ version: String?,
        _ outcome: StatusInputs.Outcome,
        warnings: [String] = [],
        conditions: [Condition] = []
    ) async throws {
        let key = ObjectKey(namespace: collector.namespace, name: collector.name)
        var status = collectorStatus(
            StatusInputs(
                collector: collector,
                settings: self.settings,
                outcome: outcome,
                workload: self.workload(of: key),
                warnings: warnings,
                now: self.now()
            )
        )
        for condition in conditions {
            var all = status.conditions
            all.set(condition)
            status.conditions = all
        }
        let before = collector.status
        guard status != before, try await self.write(status, over: before, of: key) else { return }
        self.unseenStatus[key, over: version] = status
        self.tell(collector, outcome, before: before, after: status)
    }

    /// - Returns: false when the collector was deleted meanwhile.
    @discardableResult
    private func write(_ status: CollectorStatus, over before: CollectorStatus, of key: ObjectKey) async throws -> Bool
    {
        let patch = JSONMergePatch.diff(from: before.json, to: status.json)
        do {
            try await self.client.patch(
                ResourceCatalog.collectors,
                namespace: key.namespace,
                name: key.name,
                subresource: "status",
                .merge(["status": .object(patch)])
            )
            return true
        } catch let error as APIError where error.isNotFound {
            return false
        }
    }

    private func tell(
        _ collector: Collector,
        _ outcome: StatusInputs.Outcome,
        before: CollectorStatus,
        after: CollectorStatus
    ) {
        let object = KubeObject(collector.json)
        switch outcome {
        case .failed(let message):
            self.events?.record(.warning, reason: "Error", note: message, regarding: object)
        case .workloadUnreadable(let message):
            self.events?.record(.warning, reason: "StatusFailure", note: message, regarding: object)
        case .applied:
            // What pods come to is no news; another generation or condition is.
            func news(_ status: CollectorStatus) -> [String] {
                ["\(status.observedGeneration ?? 0)"]
                    + status.conditions.map { "\($0.type)\($0.status.rawValue)\($0.reason)" }
            }
            guard news(before) != news(after) else { return }
            self.events?.record(.normal, reason: "Info", note: "applied status changes", regarding: object)
        }
    }

    /// What the stores know of the collector's workload.
    private func workload(of key: ObjectKey) -> ObservedWorkload? {
        for record in self.owned.records(of: key) {
            let kind = record.object.reference.groupVersionKind.kind
            guard ["Deployment", "StatefulSet", "DaemonSet"].contains(kind) else { continue }
            let isDaemonSet = kind == "DaemonSet"
            return ObservedWorkload(
                replicas: isDaemonSet ? record.workload.desiredNumberScheduled : record.workload.replicas,
                readyReplicas: isDaemonSet ? record.workload.numberReady : record.workload.readyReplicas,
                image: record.workload.image
            )
        }
        return nil
    }
}

/// Status that was written and that the store does not show yet: a reconcile that is woken meanwhile goes on from it.
/// Otherwise it would write the same again, with other times.
private final class UnseenStatus: Sendable {
    private struct Write {
        var version: String?
        var status: CollectorStatus
    }

    private let writes = Mutex<[ObjectKey: Write]>([:])

    /// What was written while the store held a version of the collector.
    subscript(key: ObjectKey, over version: String?) -> CollectorStatus? {
        get {
            self.writes.withLock { writes in
                guard let write = writes[key] else { return nil }
                if write.version == version { return write.status }
                writes[key] = nil
                return nil
            }
        }
        set { self.writes.withLock { $0[key] = newValue.map { Write(version: version, status: $0) } } }
    }

    func forget(_ key: ObjectKey) { self.writes.withLock { $0[key] = nil } }
}
