import JSONTree
package import KubeClient
import KubeModel
package import KubeRuntime
import Logging
import PodInjection
package import Rendering
import ServiceLifecycle
import Synchronization

/// Follows the namespaces and says which pods have to come (``PodSelection``). Run by the leader, beside the registrar.
package final class PodSelectionKeeper: Service {
    private let namespaces: Store<NamespaceRecord>
    private let excluded: [String]
    private let state = Mutex(QuietNamespaces())
    private let onChange: Mutex<(@Sendable () -> Void)?> = Mutex(nil)
    /// Whether the API server evaluates conditions at all.
    private let isEnabled: Bool

    package init(namespaces: Store<NamespaceRecord>, excluded: [String], isEnabled: Bool) {
        self.namespaces = namespaces
        self.excluded = excluded
        self.isEnabled = isEnabled
    }

    package var selection: PodSelection {
        PodSelection(
            excludedNamespaces: self.excluded,
            quietNamespaces: self.isEnabled ? self.state.withLock { $0.listed.sorted() } : nil
        )
    }

    package func onChange(_ body: @escaping @Sendable () -> Void) { self.onChange.withLock { $0 = body } }

    package func run() async throws {
        try await untilGracefulShutdown {
            guard self.isEnabled else { return try await untilGracefulShutdown() }
            // A leader that comes back knows nothing of what it listed in its last term.
            self.state.withLock { $0 = QuietNamespaces() }
            let subscription = self.namespaces.subscribe { [weak self] changes in self?.take(changes) }
            defer { subscription.cancel() }
            while true {
                try await Task.sleep(for: QuietNamespaces.settling)
                if self.state.withLock({ $0.narrow(now: .now) }) { self.tell() }
            }
        }
    }

    private func take(_ changes: [StoreChange<NamespaceRecord>]) {
        let now = ContinuousClock.now
        let isWider = self.state.withLock { state in
            var isWider = false
            for change in changes {
                let name = change.key.name
                let changed =
                    change.new.map { state.observe(name, asks: !$0.annotations.isEmpty, now: now) }
                    ?? state.forget(name)
                if changed { isWider = true }
            }
            return isWider
        }
        if isWider { self.tell() }
    }

    private func tell() { self.onChange.withLock { $0 }?() }
}

/// Run by every replica: takes the condition out of the registered webhook when it would keep a pod from us that a
/// namespace asks for. The leader does better, but there may be none for as long as a lease lasts.
package final class PodSelectionGuard: Service {
    /// The leader's time to do it itself.
    private static let patience = Duration.milliseconds(500)

    private let client: KubeClient
    private let namespaces: Store<NamespaceRecord>

    package init(client: KubeClient, namespaces: Store<NamespaceRecord>) {
        self.client = client
        self.namespaces = namespaces
    }

    /// What is registered: the condition of the webhook for pods, and where in the list that is.
    private struct Registered: Sendable, Equatable {
        var expression: String
        var place: Int

        init(_ cursor: inout JSONCursor) throws(JSONError) {
            self.expression = ""
            self.place = 0
            let webhooks = try cursor.readObjectTree()[array: "webhooks"] ?? []
            for (place, webhook) in webhooks.enumerated() {
                guard let object = webhook.object, object[string: "name"] == WebhookRegistration.podWebhookName else {
                    continue
                }
                self.place = place
                let conditions = object[array: "matchConditions"] ?? []
                self.expression = conditions.first?.object?[string: "expression"] ?? ""
            }
        }
    }

    package func run() async throws {
        let store = Store(
            client: self.client,
            target: WatchTarget(
                ResourceCatalog.mutatingWebhooks,
                fieldSelector: "metadata.name=\(WebhookRegistration.mutatingName)"
            ),
            projection: { (cursor) throws(JSONError) in try Registered(&cursor) }
        )
        let changed = Signal()
        let asking = Mutex<Set<String>>([])
        try await untilGracefulShutdown {
            try await withThrowingDiscardingTaskGroup { group in
                group.addTask { try await store.run() }
                let registered = store.subscribe { _ in changed.raise() }
                defer { registered.cancel() }
                let followed = self.namespaces.subscribe { changes in
                    asking.withLock { asking in
                        for change in changes {
                            if change.new?.annotations.isEmpty == false {
                                asking.insert(change.key.name)
                            } else {
                                asking.remove(change.key.name)
                            }
                        }
                    }
                    changed.raise()
                }
                defer { followed.cancel() }
                while true {
                    try await changed.wait()
                    guard self.isTooNarrow(store, asking.withLock { $0 }) else { continue }
                    try await Task.sleep(for: Self.patience)
                    guard self.isTooNarrow(store, asking.withLock { $0 }) else { continue }
                    await self.widen(store)
                    // Whoever narrows it again sees less than we do; that must not become a fight.
                    try await Task.sleep(for: .seconds(2))
                    changed.raise()
                }
            }
        }
    }

    private static let key = ObjectKey(name: WebhookRegistration.mutatingName)

    private func isTooNarrow(_ store: Store<Registered>, _ asking: Set<String>) -> Bool {
        guard let expression = store[Self.key]?.expression, !expression.isEmpty else { return false }
        return asking.contains { PodSelection.expression(expression, isQuietAbout: $0) }
    }

    private func widen(_ store: Store<Registered>) async {
        guard let registered = store[Self.key] else { return }
        let path = "/webhooks/\(registered.place)"
        do {
            try await self.client.patch(
                ResourceCatalog.mutatingWebhooks,
                name: Self.key.name,
                .json([
                    [
                        "op": "test", "path": .string(path + "/name"),
                        "value": .string(WebhookRegistration.podWebhookName),
                    ],
                    ["op": "remove", "path": .string(path + "/matchConditions")],
                ]),
                options: WriteOptions(fieldManager: ApplyEngine.fieldManager, timeout: .seconds(2))
            )
            APIWrites.count(ResourceCatalog.mutatingWebhooks.kind, .registration)
            Logger.current.info("took the condition out of the webhook for pods, as a namespace asks for injection")
        } catch {
            Logger.current.warning(
                "the webhook's condition leaves out a namespace that asks for injection, and could not be changed",
                metadata: ["error": "\(error)"]
            )
        }
    }
}
