import JSONTree
package import KubeClient
import KubeModel
package import KubeRuntime
import Logging
import ServiceLifecycle
package import TelemetryAPI

/// Moves the agents' images of stored Instrumentations on to this version's defaults, once after each start of a leader
/// (specification injection.md section 1.6). Images that users chose stay.
///
/// Only what changes is written: the Go operator writes every Instrumentation at every start, and forgets by that which
/// image it had given itself.
package struct InstrumentationUpgrader: Service {
    private let client: KubeClient
    private let namespaces: [String]
    private let defaults: InstrumentationDefaulting
    private let languages: Set<Language>
    private let events: EventRecorder
    private let isRegistered: @Sendable () -> Bool

    /// - Parameters:
    ///   - namespaces: to look into; empty for all.
    ///   - isRegistered: whether the API server can reach our webhooks, which it asks about each change.
    package init(
        client: KubeClient,
        namespaces: [String],
        defaults: InstrumentationDefaulting,
        languages: Set<Language>,
        events: EventRecorder,
        isRegistered: @escaping @Sendable () -> Bool
    ) {
        self.client = client
        self.namespaces = namespaces
        self.defaults = defaults
        self.languages = languages
        self.events = events
        self.isRegistered = isRegistered
    }

    package func run() async throws {
        try await untilGracefulShutdown {
            var pause = Duration.milliseconds(250)
            while !self.isRegistered() { try await Task.sleep(for: pause) }
            while true {
                let failures = await self.upgrade()
                try Task.checkCancellation()
                if failures.isEmpty { break }
                Logger.current.warning(
                    "Instrumentations could not be upgraded, will retry",
                    metadata: ["errors": "\(failures.prefix(5).joined(separator: "; "))", "retry_after": "\(pause)"]
                )
                try await Task.sleep(for: pause)
                pause = min(pause * 2, .seconds(300))
            }
            // Done for this term; a service that returned would end the leader.
            try await untilGracefulShutdown()
        }
    }

    /// - Returns: what could not be done, a line each; empty when all is done.
    package func upgrade() async -> [String] {
        var failures: [String] = []
        for namespace in self.namespaces.isEmpty ? [nil] : self.namespaces.map(Optional.some) {
            do {
                for object in try await self.client.listAll(ResourceCatalog.instrumentations, namespace: namespace)
                    .items
                {
                    do {
                        try await self.upgrade(Instrumentation(object.json))
                    } catch let error as APIError where error.isNotFound {
                        // Deleted meanwhile.
                    } catch {
                        failures.append("\(object.key): \((error as? APIError)?.message ?? "\(error)")")
                    }
                }
            } catch let error as APIError where error.isNotFound {
                // The kind is not served here: there is nothing to upgrade.
            } catch {
                failures.append((error as? APIError)?.message ?? "\(error)")
            }
        }
        return failures
    }

    private func upgrade(_ stored: Instrumentation) async throws {
        let plan = InstrumentationUpgrade.plan(stored, defaults: self.defaults) { self.languages.contains($0) }
        let key = stored.key
        if plan.instrumentation != stored {
            var patch = JSONMergePatch.diff(from: stored.json, to: plan.instrumentation.json)
            patch.mutateObject("metadata") { $0["resourceVersion"] = .string(stored.metadata.resourceVersion ?? "") }
            try await self.client.patch(
                ResourceCatalog.instrumentations,
                namespace: key.namespace,
                name: key.name,
                .merge(patch)
            )
            APIWrites.count(ResourceCatalog.instrumentations.kind, .upgraded)
            Logger.current.info(
                "upgraded an Instrumentation",
                metadata: ["kind": "Instrumentation", "namespace": "\(key.namespace)", "name": "\(key.name)"]
            )
        }
        for (action, note) in plan.events {
            self.events.record(
                EventNote(
                    .warning,
                    reason: "UpgradeBlocked",
                    action: action,
                    note: note,
                    regarding: ObjectReference(Instrumentation.groupVersionKind, key, uid: stored.metadata.uid)
                )
            )
        }
        guard plan.blocked != stored.status.upgradeBlockedVersions else { return }
        // A member that is gone has to be named in a merge patch.
        var blocked = JSONObject(stored.status.upgradeBlockedVersions.keys.sorted().map { ($0, JSONValue.null) })
        for (language, message) in plan.blocked.sorted(by: { $0.key < $1.key }) { blocked[language] = .string(message) }
        try await self.client.patch(
            ResourceCatalog.instrumentations,
            namespace: key.namespace,
            name: key.name,
            subresource: "status",
            .merge(["status": ["upgradeBlockedVersions": plan.blocked.isEmpty ? .null : .object(blocked)]])
        )
        APIWrites.count(ResourceCatalog.instrumentations.kind, .status)
    }
}
