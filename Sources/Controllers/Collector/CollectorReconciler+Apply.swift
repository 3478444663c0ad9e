import JSONTree
import KubeClient
import KubeModel
import KubeRuntime
import Logging
import Rendering
import TelemetryAPI

extension CollectorReconciler {
    // MARK: Carrying out

    func carryOut(_ plan: CollectorPlan, for key: ObjectKey, _ takeover: inout Takeover) async throws {
        for recreation in plan.recreate {
            Logger.current.info(
                "making a workload anew, as the server does not let it change",
                metadata: ["object": "\(recreation.object.reference)", "field": "\(recreation.reason)"]
            )
            try await self.delete(recreation.object, .recreated)
        }
        // One object that can't be written must not keep the others from being right; nothing is pruned then, though.
        var failures: [String] = []
        var first: (any Error)?
        for object in Self.inOrder(plan.apply) {
            do {
                if try await self.apply(object, for: key) == .adopted { takeover.adopted.append(object.reference) }
            } catch {
                try Task.checkCancellation()
                first = first ?? error
                failures.append("\(object.kind) \(object.name): \((error as? APIError)?.message ?? "\(error)")")
            }
        }
        if let first {
            throw ReconcileError.retryable("failed to write \(failures.joined(separator: "; "))", cause: first)
        }
        for object in plan.prune { try await self.delete(object, .pruned) }
    }

    /// Workloads last: their pods need the account and the configuration, and complain in Events when they come first.
    private static func inOrder(_ objects: [KubeObject]) -> [KubeObject] {
        let workloads: Set = ["Deployment", "StatefulSet", "DaemonSet"]
        return objects.filter { !workloads.contains($0.kind) } + objects.filter { workloads.contains($0.kind) }
    }

    private func apply(_ object: KubeObject, for key: ObjectKey) async throws -> ApplyEngine.Outcome {
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
        let outcome = try await self.engine.apply(object, kind.resource, existing: existing)
        switch outcome {
        case .unchanged: break
        case .created: Logger.current.debug("created", metadata: ["object": "\(object.reference)"])
        case .updated: Logger.current.debug("updated", metadata: ["object": "\(object.reference)"])
        case .adopted: Logger.current.info("took over", metadata: ["object": "\(object.reference)"])
        }
        return outcome
    }

    private func delete(_ object: OwnedObject, _ reason: APIWrites.Reason) async throws {
        guard !object.isDeleting, let kind = self.owned.kind(of: object.reference) else { return }
        do {
            try await self.client.delete(
                kind.resource,
                namespace: kind.resource.isNamespaced ? object.reference.key.namespace : nil,
                name: object.reference.key.name,
                options: DeleteOptions(uid: object.reference.uid, propagation: .background)
            )
            APIWrites.count(kind.resource.kind, reason)
            self.engine.observed(kind.resource.groupKind, object.reference.key, nil)
            Logger.current.debug("deleted", metadata: ["object": "\(object.reference)"])
        } catch let error as APIError where error.isNotFound || error.isConflict {
            // Gone already, or another object of that name by now.
        }
    }

    /// Takes off the finalizer that the Go operator put on. We need none, and nobody else would ever take it off.
    ///
    /// - Returns: whether it is off, and was not gone with the collector.
    func releaseFinalizer(of collector: Collector) async throws -> Bool {
        guard let patch = PredecessorFinalizer.removal(from: collector.metadata.finalizers) else { return false }
        do {
            try await self.client.patch(
                ResourceCatalog.collectors,
                namespace: collector.namespace,
                name: collector.name,
                .json(patch)
            )
            APIWrites.count(ResourceCatalog.collectors.kind, .finalizer)
            Logger.current.info("removed the finalizer of the operator before us")
            return !collector.metadata.isDeleting
        } catch let error as APIError where error.isNotFound {
            // It was deleted, and this was the last thing that kept it.
            return false
        }
    }

    /// Deletes what no owner reference takes along with a collector that is gone: its cluster-scoped objects.
    ///
    /// The server is asked whether it is gone: a store that lags behind, or a list from a server that was still starting,
    /// must not cost a running collector its permissions.
    func sweep(_ key: ObjectKey) async throws {
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
            for record in left { try await self.delete(record.object, .swept) }
        }
    }
}
