package import KubeClient
package import KubeModel
import Logging
import ServiceLifecycle
import Synchronization

/// Which of some kinds the server serves, now and as that changes: optional APIs come and go with their CRDs.
///
/// CustomResourceDefinitions are watched (metadata only) where that is allowed, and each change has discovery asked
/// again; besides, discovery is asked now and then, for extension servers and where the watch is not allowed.
package final class ResourcePresence: Service, Syncable {
    package struct Configuration: Sendable, Equatable {
        /// How often discovery is asked when nothing tells of changes.
        package var pollPeriod: Duration = .seconds(60)
        /// The same while CRDs are watched.
        package var watchedPollPeriod: Duration = .seconds(600)
        /// How long after a change of a CRD, which come in groups.
        package var settleTime: Duration = .milliseconds(500)
        /// When to look once more after that: some servers serve a kind seconds after they accepted it. Also after which
        /// time a kind that was not there has to be missing again before that is believed.
        package var secondLook: Duration = .seconds(5)

        package init() {}
    }

    /// A kind that began or ceased to be served.
    package struct Change: Sendable, Equatable {
        package var kind: GroupKind
        /// Where it is served, `nil` when it is not any more.
        package var resource: APIResource?
    }

    package typealias Subscriber = @Sendable ([Change]) -> Void

    private struct State {
        var served: [GroupKind: APIResource] = [:]
        var subscribers: [Int: Subscriber] = [:]
        var nextSubscriber = 0
        /// When to ask next.
        var due: Duration = .zero
        /// Whether that is because a CRD changed.
        var looksAgain = false
        /// Kinds that were served, and since when they are not.
        var missing: [GroupKind: Duration] = [:]
    }

    package let name = "api-resources"
    private let client: KubeClient
    private let kinds: [GroupKind: [String]]
    private let configuration: Configuration
    private let time: TimeSource
    private let jitter: JitterSource
    private let definitions: Store<ObjectMetadata>
    private let refusal = Refusal()
    private let state = Mutex(State())
    private let changed = Signal()
    private let synced = Latch()

    /// - Parameter kinds: the kinds of interest, each with the versions that can be worked with, best first (empty: any).
    package init(
        client: KubeClient,
        kinds: [GroupKind: [String]],
        configuration: Configuration = Configuration(),
        clock: some Clock<Duration> = ContinuousClock(),
        jitter: JitterSource = .random
    ) {
        self.client = client
        self.kinds = kinds
        self.configuration = configuration
        self.time = TimeSource(clock)
        self.jitter = jitter
        let refusal = self.refusal
        let period = configuration.pollPeriod
        self.definitions = Store(
            metadataOf: WatchTarget(.customResourceDefinitions),
            client: client,
            clock: clock,
            failed: { refusal.tell($0, period) }
        )
    }

    /// That CRDs can't be watched, told once and not with each attempt: nothing is lost by it but time.
    private final class Refusal: Sendable {
        private let isTold = Mutex(false)

        func tell(_ error: any Error, _ period: Duration) {
            guard let error = error as? APIError, error.isForbidden || error.isUnauthorized else { return }
            let isNew = self.isTold.withLock { isTold in
                defer { isTold = true }
                return !isTold
            }
            guard isNew else { return }
            Logger.current.info(
                "CRDs can't be watched; which kinds are served is asked now and then",
                metadata: [
                    "seconds": "\(period.components.seconds)", "error": "\(error.code) \(error.reason)",
                    "mend": "let the account list and watch customresourcedefinitions, if that is too slow",
                ]
            )
        }

        func end() { self.isTold.withLock { $0 = false } }
    }

    /// True once discovery has answered.
    package var isSynced: Bool { self.synced.isOpen }

    package func waitForSync() async throws { try await self.synced.wait() }

    /// Where a kind of interest is served, in the best version; `nil` when it is not.
    package subscript(kind: GroupKind) -> APIResource? { self.state.withLock { $0.served[kind] } }

    package var served: [GroupKind: APIResource] { self.state.withLock { $0.served } }

    /// Tells what is served, as if it had just appeared, and from then on each change.
    @discardableResult
    package func subscribe(_ subscriber: @escaping Subscriber) -> StoreSubscription {
        let number = self.state.withLock { state in
            let present = state.served.map { Change(kind: $0.key, resource: $0.value) }
            if !present.isEmpty { subscriber(present.sorted { $0.kind.description < $1.kind.description }) }
            state.nextSubscriber += 1
            state.subscribers[state.nextSubscriber] = subscriber
            return state.nextSubscriber
        }
        return StoreSubscription { [weak self] in
            self?.state.withLock { _ = $0.subscribers.removeValue(forKey: number) }
        }
    }

    /// Runs until graceful shutdown.
    ///
    /// - Throws: `CancellationError`.
    package func run() async throws {
        let groups = Set(self.kinds.keys.map(\.group))
        let subscription = self.definitions.subscribe { [weak self] changes in
            self?.refusal.end()
            // `plural.group` is the name of a CRD.
            let isOfInterest = changes.contains { change in
                change.key.name.firstIndex(of: ".").map { groups.contains(String(change.key.name[$0...].dropFirst())) }
                    ?? false
            }
            if isOfInterest { self?.askSoon() }
        }
        defer { subscription.cancel() }
        try await untilGracefulShutdown {
            try await withThrowingDiscardingTaskGroup { group in
                group.addTask { try await self.definitions.run() }
                while true {
                    let due = self.state.withLock { $0.due }
                    if self.time.now < due {
                        try await self.changed.wait(until: due, on: self.time)
                        continue
                    }
                    await self.ask()
                }
            }
        }
    }

    private func askSoon() {
        let due = self.time.now + self.configuration.settleTime
        self.state.withLock {
            $0.due = min($0.due, due)
            $0.looksAgain = true
        }
        self.changed.raise()
    }

    private func ask() async {
        let now = self.time.now
        // What is gone may come back without a CRD that would tell.
        let isQuiet = self.definitions.isSynced && self.state.withLock { $0.missing.isEmpty }
        let period = isQuiet ? self.configuration.watchedPollPeriod : self.configuration.pollPeriod
        let next = now + period * (0.9 + 0.2 * self.jitter.next())
        // Set before asking: a change that comes meanwhile has it asked again.
        self.state.withLock {
            $0.due = $0.looksAgain ? min(next, now + self.configuration.secondLook) : next
            $0.looksAgain = false
        }
        var found: [GroupKind: APIResource] = [:]
        var unknown: Set<GroupKind> = []
        do {
            try await self.client.discovery.refresh()
        } catch {
            Logger.current.debug("discovery failed", metadata: ["error": "\(error)"])
            self.retrySoon()
            return
        }
        for (kind, versions) in self.kinds {
            do {
                found[kind] = try await self.client.discovery.resource(for: kind, preferredVersions: versions)
            } catch {
                // An extension server that is down: what it serves has not gone.
                unknown.insert(kind)
                Logger.current.debug("discovery failed", metadata: ["kind": "\(kind)", "error": "\(error)"])
            }
        }
        if Task.isCancelled { return }
        self.take(found, unknown: unknown)
        if unknown.isEmpty { self.synced.open() } else { self.retrySoon() }
    }

    /// Whether a kind that is not there has been missing for a while. An API server that has just started lists few groups,
    /// or none; believing it would stop everything that needs them.
    private func isConfirmed(_ kind: GroupKind, _ state: inout State) -> Bool {
        let now = self.time.now
        let since = state.missing[kind] ?? now
        state.missing[kind] = since
        if now - since >= self.configuration.secondLook { return true }
        state.due = min(state.due, now + self.configuration.secondLook)
        return false
    }

    private func retrySoon() {
        let due = self.time.now + .seconds(5)
        self.state.withLock { $0.due = min($0.due, due) }
    }

    private func take(_ found: [GroupKind: APIResource], unknown: Set<GroupKind>) {
        // Told under the lock: subscribers see changes in order, and must be short.
        self.state.withLock { state in
            var changes: [Change] = []
            for kind in self.kinds.keys where !unknown.contains(kind) {
                if found[kind] != nil { state.missing[kind] = nil }
                guard state.served[kind] != found[kind] else { continue }
                if found[kind] == nil, !self.isConfirmed(kind, &state) { continue }
                changes.append(Change(kind: kind, resource: found[kind]))
                state.served[kind] = found[kind]
            }
            guard !changes.isEmpty else { return }
            changes.sort { $0.kind.description < $1.kind.description }
            for subscriber in state.subscribers.values { subscriber(changes) }
        }
    }
}

extension APIResource {
    package static let customResourceDefinitions = APIResource(
        group: "apiextensions.k8s.io",
        version: "v1",
        plural: "customresourcedefinitions",
        kind: "CustomResourceDefinition",
        isNamespaced: false
    )
}
