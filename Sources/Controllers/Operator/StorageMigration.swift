import JSONTree
package import KubeClient
import KubeModel
import KubeRuntime
import Logging
import ServiceLifecycle

/// Has every collector stored in the version that is served from now on, and says so in the definition, so that the old
/// version can be taken out of it one day.
///
/// The API server stores an object anew, in the storage version, when it is written, even unchanged. Run by the leader; it
/// does something once in the life of a cluster, after an installation that still stored v1alpha1.
package struct StorageMigration: Service {
    private let client: KubeClient
    private let isRegistered: @Sendable () -> Bool

    /// - Parameter isRegistered: whether the API server can have old objects converted; before, they can't be read.
    package init(client: KubeClient, isRegistered: @escaping @Sendable () -> Bool) {
        self.client = client
        self.isRegistered = isRegistered
    }

    package func run() async throws {
        let definition = CollectorDefinition.store(client: self.client)
        try await untilGracefulShutdown {
            try await withThrowingDiscardingTaskGroup { group in
                let changed = Signal()
                let subscription = definition.subscribe { _ in changed.raise() }
                defer { subscription.cancel() }
                group.addTask { try await definition.run() }
                try await definition.waitForSync()
                var pause = Duration.seconds(1)
                while true {
                    guard definition[CollectorDefinition.key]?.needsMigration == true else {
                        pause = .seconds(1)
                        try await changed.wait()
                        continue
                    }
                    if self.isRegistered() {
                        do {
                            try await self.migrate()
                            try await changed.wait()
                            continue
                        } catch {
                            try Task.checkCancellation()
                            Logger.current.warning(
                                "collectors of an old version are still stored, will retry",
                                metadata: ["error": "\(error)", "retry_after": "\(pause)"]
                            )
                        }
                    }
                    try await Task.sleep(for: pause)
                    pause = min(pause * 2, .seconds(600))
                }
            }
        }
    }

    /// - Throws: `APIError` when something could not be read or written; what was written stays so.
    package func migrate() async throws {
        // Read before the objects are written: whoever changes the definition meanwhile has it looked at again.
        let definition = try await self.client.get(.customResourceDefinitions, name: CollectorDefinition.key.name)
        let stored = definition.status?[strings: "storedVersions"] ?? []
        guard stored != [CollectorDefinition.storageVersion] else { return }
        var count = 0
        var failures: [String] = []
        for object in try await self.client.listAll(
            ResourceCatalog.collectors,
            options: ListOptions(metadataOnly: true)
        ).items {
            do {
                try await self.rewrite(object.key)
                count += 1
            } catch {
                try Task.checkCancellation()
                failures.append("\(object.key): \((error as? APIError)?.message ?? "\(error)")")
            }
        }
        guard failures.isEmpty else {
            throw OperatorError(
                "\(failures.count) collectors could not be written: \(failures.prefix(3).joined(separator: "; "))"
            )
        }
        try await self.client.patch(
            .customResourceDefinitions,
            name: CollectorDefinition.key.name,
            subresource: "status",
            .merge([
                "metadata": ["resourceVersion": .string(definition.metadata.resourceVersion ?? "")],
                "status": ["storedVersions": [.string(CollectorDefinition.storageVersion)]],
            ])
        )
        APIWrites.count(APIResource.customResourceDefinitions.kind, .migrated)
        Logger.current.info(
            "stored all collectors in the current version",
            metadata: ["collectors": "\(count)", "version": "\(CollectorDefinition.storageVersion)"]
        )
    }

    /// Reads one and writes it as it is.
    private func rewrite(_ key: ObjectKey) async throws {
        for attempt in 1...5 {
            do {
                let object = try await self.client.get(
                    ResourceCatalog.collectors,
                    namespace: key.namespace,
                    name: key.name
                )
                try await self.client.update(object, ResourceCatalog.collectors)
                APIWrites.count(ResourceCatalog.collectors.kind, .migrated)
                return
            } catch let error as APIError where error.isNotFound {
                return
            } catch let error as APIError where error.isConflict && attempt < 5 {
                // Written by somebody else meanwhile, and so in the new version; once more to be sure.
                continue
            }
        }
    }
}
