import AdmissionServer
import KubeRuntime
import Logging
import ServiceLifecycle
import Synchronization

/// How far the operator is, as its probes tell it: it waits for an API server, it works, it leaves.
final class OperatorStage: Sendable {
    private struct State {
        var checks = [
            HealthCheck("ping"),
            HealthCheck("start") { "the API server could not be asked yet what the cluster offers" },
        ]
        var isLeaving = false
        var onLeave: [@Sendable () -> Void] = []
    }

    private let state = Mutex(State())

    /// What `/readyz` asks at this moment.
    var checks: [HealthCheck] {
        self.state.withLock { state in
            // First, so that it stands in the probe's answer whatever else is the matter.
            state.isLeaving ? [HealthCheck("shutdown") { "the operator is stopping" }] + state.checks : state.checks
        }
    }

    /// The services are there: from now on these tell.
    func start(_ checks: [HealthCheck]) { self.state.withLock { $0.checks = checks } }

    /// - Parameter body: called when the stop begins; must be short.
    func onLeave(_ body: @escaping @Sendable () -> Void) { self.state.withLock { $0.onLeave.append(body) } }

    /// A stop has begun: it is told at once, however long the services take to end one after the other.
    func leave() {
        let bodies = self.state.withLock { state in
            state.isLeaving = true
            return state.onLeave
        }
        for body in bodies { body() }
    }
}

/// Holds reviews back until the caches that answer them are complete: a container that was restarted still gets
/// connections, and a pod that is answered out of an empty cache stays without its agent for good.
struct AdmissionGate: Service {
    let stores: ClusterStores
    let server: AdmissionServer

    func run() async throws {
        try await untilGracefulShutdown {
            // Collectors of an old version are listed through our own conversion webhook, so they can't be waited for.
            for cache in self.stores.caches where cache.name != self.stores.collectors.name {
                try await cache.waitForSync()
            }
            self.server.admit()
            try await untilGracefulShutdown()
        }
    }
}
