import JSONTree
import KubeClient
import KubeModel
import KubeRuntime
import Logging
import Rendering
import TelemetryAPI

extension CollectorReconciler {
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
            for record in left { try await self.writer.delete(record.object, .swept) }
        }
    }
}
