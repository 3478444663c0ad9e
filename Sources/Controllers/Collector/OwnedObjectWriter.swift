import JSONTree
package import KubeClient
import KubeModel
import KubeRuntime
import Logging
package import Rendering

/// Carries plans out: the same for every resource that objects are rendered for.
package struct OwnedObjectWriter: Sendable {
    package let client: KubeClient
    package let owned: OwnedStores
    package let engine: ApplyEngine

    /// - Parameter keepsOrder: see ``ApplyEngine``.
    package init(client: KubeClient, owned: OwnedStores, keepsOrder: Bool = false) {
        self.client = client
        self.owned = owned
        self.engine = ApplyEngine(client: client, verified: owned.verified, keepsOrder: keepsOrder)
    }

    /// Deletes what must be made anew, applies everything, then deletes what is no longer wanted.
    package func carryOut(_ plan: ResourcePlan, for owner: ResourceOwner, _ takeover: inout Takeover) async throws {
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
                if try await self.apply(object, for: owner) == .adopted { takeover.adopted.append(object.reference) }
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

    private func apply(_ object: KubeObject, for owner: ResourceOwner) async throws -> ApplyEngine.Outcome {
        guard let kind = self.owned.kind(of: object.reference) else {
            throw ReconcileError.retryable("this server does not have the kind \(object.groupVersionKind)")
        }
        let existing = kind.store[object.key]
        // Names are made of the resource's, cut where they are too long, so two resources may want the same. Whoever came
        // first keeps it; taking it by force would be taken back, for ever.
        if let other = existing?.owner, other != owner {
            throw PlanError(.nameTaken, "it belongs to \(other); give one of the two another name")
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

    package func delete(_ object: OwnedObject, _ reason: APIWrites.Reason) async throws {
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
}
