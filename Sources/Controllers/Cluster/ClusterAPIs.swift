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
    private let probe: ClusterProbe
    private let state: Mutex<State>
    private let changed = Signal()

    /// - Parameters:
    ///   - facts: what ``ClusterProbe`` found at the start.
    ///   - namespaces: those that the operator works in; empty for all.
    package init(
        client: KubeClient,
        facts: ClusterFacts,
        namespaces: [String] = [],
        configuration: ResourcePresence.Configuration = ResourcePresence.Configuration()
    ) {
        self.presence = ResourcePresence(
            client: client,
            kinds: OptionalKinds.versions,
            configuration: configuration
        )
        self.probe = ClusterProbe(client: client, namespaces: namespaces)
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
                        let served = self.presence.served
                        self.take(served, certManagerRights: await self.certManagerRights(served))
                        try await self.changed.wait()
                    }
                }
            }
        }
    }

    /// Asked again with each change: whoever installs cert-manager may grant the rights to it at the same time.
    private func certManagerRights(_ served: [GroupKind: APIResource]) async -> Bool {
        guard served[OptionalKinds.certificate] != nil else { return true }
        do {
            let mayUse = try await self.probe.mayUseCertManager()
            if !mayUse, self.facts.certManagerRights {
                Logger.current.warning(
                    "cert-manager is installed, but the operator may not write its objects: it issues the certificates of target allocators itself"
                )
            }
            return mayUse
        } catch {
            Logger.current.warning(
                "cannot find out whether cert-manager may be used",
                metadata: ["error": "\((error as? APIError)?.message ?? "\(error)")"]
            )
            return self.facts.certManagerRights
        }
    }

    private func take(_ served: [GroupKind: APIResource], certManagerRights: Bool) {
        let (facts, subscribers) = self.state.withLock { state -> (ClusterFacts, [Subscriber]) in
            var facts = state.facts
            facts.certManagerRights = certManagerRights
            facts = facts.serving(served)
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
