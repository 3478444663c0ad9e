import JSONTree
package import KubeClient
package import KubeModel
package import KubeRuntime
import Logging
import Rendering
package import TelemetryAPI
package import Tracing

/// Gathers what is known of a target allocator, has a plan made, carries it out and reports: as ``CollectorReconciler`` does
/// for collectors.
package struct TargetAllocatorReconciler: Sendable {
    private let client: KubeClient
    private let targetAllocators: Store<TargetAllocatorRecord>
    private let collectors: Store<CollectorRecord>
    private let writer: OwnedObjectWriter
    private let certificates: MutualTLSIssuer
    private let unseenStatus = UnseenStatus<TargetAllocatorStatus>()
    private let settings: OperatorSettings
    private let events: EventRecorder?
    private let now: @Sendable () -> String
    /// Until then a cert-manager of which it is not known yet what there is may still become usable.
    private let patienceEnds = ContinuousClock.now + .seconds(60)

    /// - Parameters:
    ///   - writer: shared with the reconciler of collectors.
    ///   - now: the time for conditions, RFC 3339.
    package init(
        client: KubeClient,
        stores: ClusterStores,
        writer: OwnedObjectWriter,
        settings: OperatorSettings,
        events: EventRecorder?,
        now: @escaping @Sendable () -> String
    ) {
        self.client = client
        self.targetAllocators = stores.targetAllocators
        self.collectors = stores.collectors
        self.writer = writer
        self.certificates = MutualTLSIssuer(client: client, settings: settings)
        self.settings = settings
        self.events = events
        self.now = now
    }

    /// A controller that calls ``reconcile(_:)`` for each target allocator of which something changed.
    package func controller(parallelism: Int, tracer: (any Tracer)? = nil) -> Controller<ObjectKey> {
        let controller = Controller<ObjectKey>(
            name: "targetallocator",
            kind: "TargetAllocator",
            parallelism: parallelism,
            tracer: tracer
        ) { key in
            try await self.reconcile(key)
        }
        controller.watch(self.targetAllocators) { [$0.key] }
        let (allocators, owned, engine) = (self.targetAllocators, self.writer.owned, self.writer.engine)
        controller.watch(self.collectors) { change in
            let names = change.states.flatMap { collector in
                [collector.targetAllocator, collector.embedsTargetAllocator ? collector.key.name : nil]
                    .compactMap { $0 }
            }
            return Set(names).map { ObjectKey(namespace: change.key.namespace, name: $0) }
                .filter { allocators[$0] != nil }
        }
        controller.watch(owned) { wake in
            owned.subscribe { event in
                switch event {
                case .changed(let kind, let changes):
                    var keys: Set<ObjectKey> = []
                    for change in changes {
                        engine.observed(kind.resource.groupKind, change.key, change.new)
                        keys.formUnion(owned.targetAllocators(of: change))
                    }
                    wake(Array(keys))
                case .kindsChanged: wake(allocators.keys())
                }
            }
        }
        return controller
    }

    package func reconcile(_ key: ObjectKey) async throws -> ReconcileResult {
        let version = self.targetAllocators.resourceVersion(of: key)
        guard let record = self.targetAllocators[key] else {
            self.unseenStatus.forget(key)
            return .done
        }
        var stored = try record.resource()
        var takeover = Takeover()
        defer { self.tell(stored, takeover) }
        guard !stored.metadata.isDeleting, stored.isManaged else { return .done }
        if let status = self.unseenStatus[key, over: version] { stored.json["status"] = .object(status.json) }
        let facts = self.writer.owned.facts
        if stored.spec.usesMutualTLS, !facts.certManager, self.writer.owned.awaits(OptionalKinds.certificate),
            .now < self.patienceEnds
        {
            // Certificates of our own would be in the way of those that cert-manager may be about to issue.
            return .requeue(after: .seconds(2))
        }
        let plan: TargetAllocatorPlan
        do {
            plan = try Rendering.plan(
                TargetAllocatorInputs(
                    resource: stored,
                    settings: self.settings,
                    facts: facts,
                    owned: self.writer.owned.records(ofTargetAllocator: key).map(\.object),
                    collectors: try self.collectors(of: stored)
                )
            )
        } catch {
            try await self.report(stored, version, .failed("\(error)"))
            throw ReconcileError.terminal("the target allocator can't be rendered", cause: error)
        }
        var next: Duration?
        do {
            if MutualTLSSecrets.areOurs(stored, facts) {
                let outcome = try await self.certificates.keep(for: stored)
                self.tell(stored, outcome)
                next = outcome.next
            }
            try await self.writer.carryOut(plan, for: .targetAllocator(key.description), &takeover)
        } catch {
            try Task.checkCancellation()
            try await self.report(stored, version, .failed("\((error as? APIError)?.message ?? "\(error)")"))
            throw error
        }
        try await self.report(stored, version, .applied, warnings: plan.warnings)
        return next.map { .requeue(after: $0) } ?? .done
    }

    /// Those that may be its own.
    private func collectors(of resource: TargetAllocatorResource) throws -> [Collector] {
        let owner = resource.owningCollector?.name
        return try self.collectors.items(in: resource.namespace) { key, record in
            record.targetAllocator == resource.name || key.name == owner
        }.map { try $0.collector() }
    }

    // MARK: Reporting

    private func report(
        _ resource: TargetAllocatorResource,
        _ version: String?,
        _ outcome: StatusInputs.Outcome,
        warnings: [String] = []
    ) async throws {
        let before = resource.status
        let workload = self.writer.owned.records(ofTargetAllocator: resource.key)
            .first { $0.object.reference.groupVersionKind.kind == "Deployment" }?.workload
        let status = targetAllocatorStatus(
            resource,
            self.settings,
            outcome,
            image: workload?.image,
            warnings: warnings,
            now: self.now()
        )
        guard status != before else { return }
        do {
            try await self.client.patch(
                ResourceCatalog.targetAllocators,
                namespace: resource.namespace,
                name: resource.name,
                subresource: "status",
                .merge(["status": .object(JSONMergePatch.diff(from: before.json, to: status.json))])
            )
        } catch let error as APIError where error.isNotFound {
            return
        }
        APIWrites.count(ResourceCatalog.targetAllocators.kind, .status)
        self.unseenStatus[resource.key, over: version] = status
        switch outcome {
        case .failed(let message), .workloadUnreadable(let message):
            self.events?.record(.warning, reason: "Error", note: message, regarding: resource.object)
        case .applied:
            func news(_ status: TargetAllocatorStatus) -> [String] {
                ["\(status.observedGeneration ?? 0)"]
                    + status.conditions.map { "\($0.type)\($0.status.rawValue)\($0.reason)" }
            }
            guard news(before) != news(status) else { return }
            self.events?.record(
                .normal,
                reason: "Info",
                note: "applied status changes",
                regarding: resource.object
            )
        }
    }

    private func tell(_ resource: TargetAllocatorResource, _ certificates: MutualTLSIssuer.Outcome) {
        if !certificates.repaired.isEmpty {
            self.events?.record(
                .warning,
                reason: "CertificatesRepaired",
                action: "Issue",
                note: certificates.repaired.joined(separator: "; "),
                regarding: resource.object
            )
        } else if !certificates.issued.isEmpty {
            self.events?.record(
                .normal,
                reason: "CertificatesIssued",
                action: "Issue",
                note: certificates.issued.joined(separator: "; "),
                regarding: resource.object
            )
        }
    }

    private func tell(_ resource: TargetAllocatorResource, _ takeover: Takeover) {
        guard let note = takeover.note(from: ApplyEngine.predecessor) else { return }
        self.events?.record(
            .normal,
            reason: "TakenOver",
            action: "TakeOver",
            note: note,
            regarding: resource.object
        )
    }
}
