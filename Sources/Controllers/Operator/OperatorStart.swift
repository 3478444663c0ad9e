import KubeClient
import KubeRuntime
import Logging
import ServiceLifecycle
import Synchronization
import TelemetryAPI

/// Waits for an API server that says what the cluster offers, then runs the operator's services.
///
/// Where the API server is away, replicas that ended would be restarted later and later, and with it back they would be
/// missing just when it calls the webhooks again. So a replica waits, alive and not ready.
struct OperatorStart: Service {
    let client: KubeClient
    let kind: CollectorKind
    /// Those that the operator works in; empty for all.
    let namespaces: [String]
    let stage: OperatorStage
    let logger: Logger
    let services: @Sendable (ClusterFacts) async throws -> [any Service]

    /// How long a server that answers may go on refusing: one that has just started knows of no permissions yet.
    private static let patience = Duration.seconds(60)

    /// - Throws: `APIError` when the API server refuses us; whatever a service throws.
    func run() async throws {
        let found = Mutex<ClusterFacts?>(nil)
        try await untilGracefulShutdown {
            let facts = try await self.facts()
            try await self.kind.require()
            found.withLock { $0 = facts }
        }
        guard let facts = found.withLock({ $0 }) else { return }
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: try await self.services(facts).map { .init(service: $0) },
                logger: self.logger
            )
        )
        try await withGracefulShutdownHandler {
            try await group.run()
        } onGracefulShutdown: {
            self.stage.leave()
        }
    }

    private func facts() async throws -> ClusterFacts {
        let policy = Backoff.Policy(base: .milliseconds(250), cap: .seconds(5))
        var failures = 0
        var refusedSince: ContinuousClock.Instant?
        while true {
            do {
                return try await ClusterProbe(client: self.client, namespaces: self.namespaces).facts()
            } catch {
                try Task.checkCancellation()
                let now = ContinuousClock.now
                if let error = error as? APIError, (400..<500).contains(error.code), error.code != 429 {
                    refusedSince = refusedSince ?? now
                } else {
                    refusedSince = nil
                }
                if let refusedSince, now - refusedSince > Self.patience { throw error }
                self.logger.warning("waiting for the API server", metadata: ["error": "\(error)"])
            }
            failures += 1
            try await Task.sleep(for: policy.pause(failures: failures, random: .random(in: 0..<1)))
        }
    }
}
