package import KubeClient
import KubeModel
package import KubeRuntime
import Logging
import ServiceLifecycle
import Synchronization
package import TelemetryAPI

/// What the cluster offers, now and as that changes: the CRDs of Prometheus, the Gateway API and others come and go while
/// the operator runs.
package final class ClusterAPIs: Service {
    package typealias Subscriber = @Sendable (ClusterFacts) -> Void

    private struct State {
        var facts: ClusterFacts
        var subscribers: [Subscriber] = []
    }

    private let presence: ResourcePresence
    private let state: Mutex<State>
    private let changed = Signal()

    /// - Parameter facts: what ``ClusterProbe`` found at the start.
    package init(
        client: KubeClient,
        facts: ClusterFacts,
        configuration: ResourcePresence.Configuration = ResourcePresence.Configuration()
    ) {
        self.presence = ResourcePresence(
            client: client,
            kinds: OptionalKinds.versions,
            configuration: configuration
        )
        self.state = Mutex(State(facts: facts))
    }

    package var facts: ClusterFacts { self.state.withLock { $0.facts } }

    /// Told of each change, from now on. For the life of this object; must be short.
    package func subscribe(_ subscriber: @escaping Subscriber) {
        self.state.withLock { $0.subscribers.append(subscriber) }
    }

    package func run() async throws {
        let subscription = self.presence.subscribe { [weak self] _ in self?.changed.raise() }
        defer { subscription.cancel() }
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { try await self.presence.run() }
            group.addTask {
                try await untilGracefulShutdown {
                    // Until all has been asked for, what is missing there may be unknown rather than absent.
                    try await self.presence.waitForSync()
                    while true {
                        self.take(self.presence.served)
                        try await self.changed.wait()
                    }
                }
            }
        }
    }

    private func take(_ served: [GroupKind: APIResource]) {
        let (facts, subscribers) = self.state.withLock { state -> (ClusterFacts, [Subscriber]) in
            let facts = state.facts.serving(served)
            guard facts != state.facts else { return (facts, []) }
            state.facts = facts
            return (facts, state.subscribers)
        }
        guard !subscribers.isEmpty else { return }
        Logger.current.info(
            "the cluster serves other APIs now",
            metadata: ["served": .array(served.values.map { "\($0.plural).\($0.group)/\($0.version)" })]
        )
        for subscriber in subscribers { subscriber(facts) }
    }
}
