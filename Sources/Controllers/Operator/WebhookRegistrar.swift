import JSONTree
package import KubeClient
import KubeModel
import KubeRuntime
import Logging
package import Rendering
import ServiceLifecycle
import Synchronization

/// Keeps our two webhook configurations, and the conversion webhook of the collectors' definition, as they have to be:
/// rules, address and trust bundle, whoever changes them.
///
/// Run by the leader, so that replicas of two versions never write over each other.
package final class WebhookRegistrar: Service {
    private let client: KubeClient
    private let registration: @Sendable () -> WebhookRegistration?
    private let onPublished: @Sendable (_ caBundle: String) -> Void
    private struct Written: Equatable {
        var wanted: KubeObject
        /// What the store held before.
        var over: String?
    }

    private let written = Mutex<[String: Written]>([:])
    private let wake = Signal()

    /// - Parameters:
    ///   - registration: what is to be registered now; `nil` while there are no certificates.
    ///   - onPublished: told of the trust bundle that all of them hold.
    package init(
        client: KubeClient,
        registration: @escaping @Sendable () -> WebhookRegistration?,
        onPublished: @escaping @Sendable (_ caBundle: String) -> Void
    ) {
        self.client = client
        self.registration = registration
        self.onPublished = onPublished
    }

    /// The registration may be another one now.
    package func changed() { self.wake.raise() }

    /// Can be run again, as after a lost and regained leadership.
    package func run() async throws {
        self.written.withLock { $0 = [:] }
        func store(_ resource: APIResource, _ name: String) -> Store<KubeObject> {
            Store(
                client: self.client,
                target: WatchTarget(resource, fieldSelector: "metadata.name=\(name)"),
                projection: { (cursor) throws(JSONError) in
                    var object = try cursor.readObjectTree()
                    object.mutateObject("metadata") { metadata in
                        metadata.remove("managedFields")
                        metadata.remove("resourceVersion")
                    }
                    return KubeObject(object)
                }
            )
        }
        let mutating = store(ResourceCatalog.mutatingWebhooks, WebhookRegistration.mutatingName)
        let validating = store(ResourceCatalog.validatingWebhooks, WebhookRegistration.validatingName)
        let definition = CollectorDefinition.store(client: self.client)
        try await withThrowingDiscardingTaskGroup { group in
            for store in [mutating, validating] {
                _ = store.subscribe { _ in self.wake.raise() }
                group.addTask { try await store.run() }
            }
            _ = definition.subscribe { _ in self.wake.raise() }
            group.addTask { try await definition.run() }
            group.addTask { try await self.register(mutating, validating, definition) }
        }
    }

    private func register(
        _ mutating: Store<KubeObject>,
        _ validating: Store<KubeObject>,
        _ definition: Store<CollectorDefinition>
    ) async throws {
        // A stop may come first: then nothing is going to be listed any more.
        try await untilGracefulShutdown {
            try await mutating.waitForSync()
            try await validating.waitForSync()
            try await definition.waitForSync()
        }
        guard !Task.isShuttingDownGracefully else { return }
        var failures = 0
        while !Task.isCancelled, !Task.isShuttingDownGracefully {
            var retry: Task<Void, any Error>?
            if let registration = self.registration() {
                do {
                    try await self.put(registration.mutatingConfiguration(), ResourceCatalog.mutatingWebhooks, mutating)
                    try await self.put(
                        registration.validatingConfiguration(),
                        ResourceCatalog.validatingWebhooks,
                        validating
                    )
                    try await self.putConversion(registration, definition)
                    failures = 0
                    self.onPublished(registration.caBundle)
                } catch {
                    try Task.checkCancellation()
                    failures += 1
                    Logger.current.warning("cannot register the webhooks, will retry", metadata: ["error": "\(error)"])
                    let pause = min(Duration.milliseconds(250) * (1 << min(failures, 8)), .seconds(30))
                    retry = Task {
                        try await Task.sleep(for: pause)
                        self.wake.raise()
                    }
                }
            }
            defer { retry?.cancel() }
            try await withGracefulShutdownHandler {
                try await self.wake.wait()
            } onGracefulShutdown: {
                self.wake.raise()
            }
        }
        if let registration = self.registration(), case .url = registration.endpoint {
            await self.resetConversion(registration, definition)
        }
    }

    /// An operator outside the cluster takes its address along when it stops. With it there, applying the definition again,
    /// which names the Service, would be refused: the server takes only one of the two.
    private func resetConversion(_ registration: WebhookRegistration, _ store: Store<CollectorDefinition>) async {
        guard let live = store[CollectorDefinition.key], live.hasSeveralVersions else { return }
        let atRest = registration.conversionAtRest()
        do {
            try await self.client.patch(
                .customResourceDefinitions,
                name: CollectorDefinition.key.name,
                .merge(live.patch(to: atRest)),
                options: WriteOptions(fieldManager: ApplyEngine.fieldManager, timeout: .seconds(2))
            )
            APIWrites.count(APIResource.customResourceDefinitions.kind, .registration)
        } catch {
            Logger.current.warning(
                "the address of the conversion webhook stays in the definition",
                metadata: ["name": "\(CollectorDefinition.key.name)", "error": "\(error)"]
            )
        }
    }

    private func put(_ wanted: KubeObject, _ resource: APIResource, _ store: Store<KubeObject>) async throws {
        let version = store.resourceVersion(of: wanted.key)
        // Woken before the watch has shown what was just written. Once it has, this is forgotten: a configuration that was
        // made and then deleted looks the same as one that is not shown yet.
        let isUnseen = self.written.withLock { written in
            if written[wanted.name] == Written(wanted: wanted, over: version) { return true }
            written[wanted.name] = nil
            return false
        }
        if isUnseen { return }
        if let live = store[wanted.key], LiveComparison.holds(wanted.json, in: live.json),
            live.json[array: "webhooks"]?.count == wanted.json[array: "webhooks"]?.count,
            Self.selects(wanted) == Self.selects(live), Self.clearance(of: live, for: wanted) == nil
        {
            return
        }
        if let live = store[wanted.key], let patch = Self.clearance(of: live, for: wanted) {
            let options = WriteOptions(fieldManager: ApplyEngine.fieldManager)
            try await self.client.patch(resource, name: wanted.name, .merge(patch), options: options)
            Logger.current.info("took over a webhook configuration", metadata: ["name": "\(wanted.name)"])
        }
        try await self.client.apply(wanted, resource, fieldManager: ApplyEngine.fieldManager)
        APIWrites.count(resource.kind, .registration)
        self.written.withLock { $0[wanted.name] = Written(wanted: wanted, over: version) }
        Logger.current.info("registered webhooks", metadata: ["kind": "\(wanted.kind)", "name": "\(wanted.name)"])
    }

    /// A merge patch that takes out what an apply would leave of the operator that had this configuration before us: its
    /// other webhooks, which nobody answers any more, and the annotation by which cert-manager would go on writing that
    /// operator's trust bundle over ours.
    static func clearance(of live: KubeObject, for wanted: KubeObject) -> JSONObject? {
        var patch: JSONObject = [:]
        let injectors = live.metadata.annotations.keys.filter { $0.hasPrefix("cert-manager.io/inject-") }.sorted()
        if !injectors.isEmpty {
            patch["metadata"] = ["annotations": .object(JSONObject(injectors.map { ($0, .null) }))]
        }
        func names(_ object: KubeObject) -> Set<String> {
            Set((object.json[array: "webhooks"] ?? []).compactMap { $0["name"]?.string })
        }
        if !names(live).isSubset(of: names(wanted)) { patch["webhooks"] = wanted.json["webhooks"] }
        return patch.isEmpty ? nil : patch
    }

    /// What narrows each webhook. More of it than is wanted is not as good as what is wanted: it would keep objects from us.
    private static func selects(_ configuration: KubeObject) -> [[JSONValue]] {
        (configuration.json[array: "webhooks"] ?? []).map { webhook in
            // The server writes `{}` for a selector that was not given.
            ["namespaceSelector", "objectSelector", "matchConditions"].map { key in
                let value = webhook[key] ?? .null
                return value == [:] || value == [] ? .null : value
            }
        }
    }

    /// The definition is the user's (or the Go operator's); only how its versions are converted is ours.
    private func putConversion(_ registration: WebhookRegistration, _ store: Store<CollectorDefinition>) async throws {
        guard let live = store[CollectorDefinition.key], live.hasSeveralVersions else { return }
        let wanted = registration.conversion()
        let version = store.resourceVersion(of: CollectorDefinition.key)
        let write = Written(wanted: KubeObject(wanted), over: version)
        let isUnseen = self.written.withLock { written in
            if written[CollectorDefinition.key.name] == write { return true }
            written[CollectorDefinition.key.name] = nil
            return false
        }
        if isUnseen || live.holds(conversion: wanted) { return }
        try await self.client.patch(
            .customResourceDefinitions,
            name: CollectorDefinition.key.name,
            .merge(live.patch(to: wanted)),
            options: WriteOptions(fieldManager: ApplyEngine.fieldManager)
        )
        APIWrites.count(APIResource.customResourceDefinitions.kind, .registration)
        self.written.withLock { $0[CollectorDefinition.key.name] = write }
        Logger.current.info(
            "registered the conversion webhook",
            metadata: ["kind": "CustomResourceDefinition", "name": "\(CollectorDefinition.key.name)"]
        )
    }
}
