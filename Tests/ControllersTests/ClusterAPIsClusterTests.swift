import JSONTree
import KubeClient
import KubeModel
import KubeRuntime
import KubeTesting
import Rendering
import TelemetryAPI
import Testing

@testable import Controllers

extension ClusterTests {
    /// APIs that come and go while the operator runs.
    @Suite(.timeLimit(.minutes(2))) struct APIs {
        private func hasWarning(_ cluster: Cluster) async throws -> Bool {
            try await cluster.status("web").conditions.contains {
                $0.type == CollectorCondition.configurationWarning && $0.status == .true
                    && $0.message.contains("HTTPRoutes")
            }
        }

        @Test func routesFollowTheirAPI() async throws {
            try await Cluster.run { cluster in
                let routes = ResourceCatalog.httpRoutes
                try await cluster.withdraw(routes)
                let name = "web-otlp-http-httproute"
                try await cluster.create(
                    try cluster.collector("web", spec: ["httpRoute": ["enabled": true, "gateway": "edge"]])
                )
                do {
                    try await Process.run(cluster, controls: true) { process in
                        var configuration = ResourcePresence.Configuration()
                        configuration.settleTime = .milliseconds(100)
                        configuration.secondLook = .milliseconds(500)
                        let apis = ClusterAPIs(
                            client: cluster.client,
                            facts: process.owned.facts,
                            configuration: configuration
                        )
                        apis.subscribe { process.owned.update($0) }
                        try await withThrowingTaskGroup(of: Void.self) { group in
                            group.addTask {
                                do { try await apis.run() } catch is CancellationError {}
                            }
                            #expect(try await TestCluster.eventually { try await self.hasWarning(cluster) })
                            // Comes, goes, and comes again.
                            for _ in 0..<2 {
                                try await cluster.serve(routes)
                                #expect(
                                    try await TestCluster.eventually(within: .seconds(20)) {
                                        do {
                                            return try await cluster.get(routes, name) != nil
                                        } catch let error as APIError where error.isNotFound {
                                            return false
                                        }
                                    }
                                )
                                #expect(
                                    try await TestCluster.eventually { try await !self.hasWarning(cluster) }
                                )
                                try await cluster.withdraw(routes)
                                #expect(
                                    try await TestCluster.eventually(within: .seconds(20)) {
                                        try await self.hasWarning(cluster)
                                    }
                                )
                            }
                            #expect(try await cluster.get(ResourceCatalog.services, "web-collector") != nil)
                            #expect(
                                process.owned.kind(of: ObjectReference(routes.groupVersionKind, cluster.key("x")))
                                    == nil
                            )
                            group.cancelAll()
                        }
                    }
                } catch {
                    try? await cluster.withdraw(routes)
                    throw error
                }
            }
        }
    }
}
