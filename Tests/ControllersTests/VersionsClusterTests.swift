import CollectorVersions
import JSONTree
import KubeClient
import KubeModel
import KubeRuntime
import KubeTesting
import Rendering
import ServiceLifecycle
import TelemetryAPI
import Testing

@testable import AdmissionServer
@testable import Controllers

extension ClusterTests {
    /// Collectors that older operators stored.
    @Suite(.timeLimit(.minutes(2))) struct Upgrades {
        private func create(_ cluster: Cluster, version: String, _ spec: JSONObject = [:]) async throws {
            try await cluster.create(try cluster.collector("web", spec: spec))
            try await cluster.client.patch(
                ResourceCatalog.collectors,
                namespace: cluster.namespace,
                name: "web",
                subresource: "status",
                .merge(["status": ["version": .string(version)]])
            )
        }

        private func condition(_ cluster: Cluster) async throws -> Condition? {
            try await cluster.status("web").conditions.first { $0.type == CollectorUpgradeOutcome.conditionType }
        }

        @Test func stepsAreStoredAndTold() async throws {
            try await Cluster.run { cluster in
                try await self.create(
                    cluster,
                    version: "0.104.0",
                    ["args": ["feature-gates": "-component.UseLocalHostAsDefaultHost", "set": "x"]]
                )
                try await Process.run(cluster) { process in
                    try await process.settle(cluster, "web")
                    let collector = try #require(try await cluster.get(ResourceCatalog.collectors, "web"))
                    #expect(collector.spec?["args"] == ["set": "x"])
                    #expect(try await cluster.status("web").version == OperatorSettings().versions.collector)
                    let condition = try #require(try await self.condition(cluster))
                    #expect(condition.status == .true && condition.message.contains("0.110.0"))
                    let deployment = try await cluster.get(ResourceCatalog.deployments, "web-collector")
                    let args = deployment?.spec?["template"]?["spec"]?["containers"]?[0]?["args"]?.array
                    #expect(args?.contains("--set=x") == true && args?.count == 2)
                }
            }
        }

        @Test func whatCannotBeUpgradedIsLeftAsItIs() async throws {
            try await Cluster.run { cluster in
                try await self.create(cluster, version: "nonsense")
                try await Process.run(cluster) { process in
                    try await process.catchUp(cluster)
                    await #expect(throws: (any Error).self) {
                        try await process.reconciler.reconcile(cluster.key("web"))
                    }
                    #expect(try await cluster.status("web").version == "nonsense")
                    #expect(try await self.condition(cluster)?.status == .false)
                    #expect(try await cluster.names(ResourceCatalog.deployments).isEmpty)
                }
            }
        }

        /// The operator was rolled back: it goes on with its work, and says so.
        @Test func aNewerOneIsReconciled() async throws {
            try await Cluster.run { cluster in
                try await self.create(cluster, version: "9.9.9")
                try await Process.run(cluster) { process in
                    try await process.settle(cluster, "web")
                    #expect(try await cluster.names(ResourceCatalog.deployments) == ["web-collector"])
                    #expect(try await cluster.status("web").version == "9.9.9")
                    #expect(try await self.condition(cluster)?.reason == "NewerVersion")
                }
            }
        }
    }

    /// The definition's two versions, with a real API server that asks a real conversion webhook.
    @Suite(.timeLimit(.minutes(3))) struct Conversion {
        private static let old = APIResource(
            group: "opentelemetry.io",
            version: "v1alpha1",
            plural: "opentelemetrycollectors",
            kind: "OpenTelemetryCollector"
        )

        /// Runs an operator that serves webhooks, and puts the definition back afterwards.
        private func run(_ body: (Cluster) async throws -> Void) async throws {
            try await Cluster.run { cluster in
                var options = OperatorOptions()
                options.webhookURL = "https://127.0.0.1:\(Self.port)"
                options.webhookHost = "127.0.0.1"
                options.webhookPort = Self.port
                options.metricsAddress = "0"
                options.healthAddress = "127.0.0.1:\(Self.port + 1)"
                options.watchNamespaces = [cluster.namespace]
                let services = try Operator(
                    options: options,
                    client: cluster.client,
                    exposition: { [] },
                    logger: silence
                ).services()
                do {
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for service in services {
                            group.addTask {
                                do { try await service.run() } catch is CancellationError {}
                            }
                        }
                        let isRegistered = try await TestCluster.eventually {
                            let definition = try await cluster.get(
                                .customResourceDefinitions,
                                CollectorDefinition.key.name
                            )
                            let config = definition?.spec?["conversion"]?["webhook"]?["clientConfig"]
                            return config?["url"] != nil && config?["caBundle"] != nil && config?["service"] == nil
                        }
                        #expect(isRegistered)
                        try await body(cluster)
                        group.cancelAll()
                    }
                } catch {
                    try? await Self.restore(cluster)
                    throw error
                }
                try await Self.restore(cluster)
            }
        }

        private static let port = 18_871

        /// Without the operator nobody converts and nobody answers webhooks.
        private static func restore(_ cluster: Cluster) async throws {
            for (resource, name) in [
                (ResourceCatalog.mutatingWebhooks, WebhookRegistration.mutatingName),
                (ResourceCatalog.validatingWebhooks, WebhookRegistration.validatingName),
            ] {
                do {
                    try await cluster.client.delete(resource, name: name)
                } catch let error as APIError where error.isNotFound {}
            }
            try await cluster.client.patch(
                .customResourceDefinitions,
                name: CollectorDefinition.key.name,
                .merge([
                    "spec": [
                        "conversion": [
                            "webhook": [
                                "clientConfig": [
                                    "url": nil, "caBundle": nil,
                                    "service": [
                                        "namespace": "opentelemetry-operator-system",
                                        "name": "opentelemetry-operator-webhook-service", "path": "/convert",
                                    ],
                                ]
                            ]
                        ]
                    ]
                ])
            )
        }

        private func create(_ cluster: Cluster, _ name: String, config: String) async throws {
            var object = KubeObject(Self.old.groupVersionKind, namespace: cluster.namespace, name: name)
            object.spec = ["mode": "deployment", "config": .string(config), "replicas": 2]
            // The API server hears of a changed webhook a moment later.
            let isCreated = try await TestCluster.eventually {
                do {
                    try await cluster.client.create(object, Self.old)
                    return true
                } catch let error as APIError where error.code >= 500 {
                    return false
                }
            }
            try #require(isCreated)
        }

        @Test func bothVersionsAreServed() async throws {
            try await self.run { cluster in
                try await self.create(cluster, "web", config: "null")
                let old = try #require(try await cluster.get(Self.old, "web"))
                #expect(
                    old.spec?[string: "config"] == """
                        receivers: {}
                        exporters: {}
                        service:
                          telemetry:
                            metrics:
                              readers:
                                - pull:
                                    exporter:
                                      prometheus:
                                        host: 0.0.0.0
                                        port: 8888
                          pipelines: {}

                        """
                )
                let new = try #require(try await cluster.get(ResourceCatalog.collectors, "web"))
                #expect(new.spec?["config"]?["receivers"] == [:])
                #expect(
                    try await TestCluster.eventually {
                        try await cluster.get(ResourceCatalog.deployments, "web-collector")?.spec?[int: "replicas"] == 2
                    }
                )

                // A field that only v1beta1 knows survives a change in v1alpha1.
                try await cluster.change("web", ["dnsPolicy": "Default"])
                try await cluster.client.patch(
                    Self.old,
                    namespace: cluster.namespace,
                    name: "web",
                    .merge(["spec": ["replicas": 3]])
                )
                let after = try #require(try await cluster.get(ResourceCatalog.collectors, "web"))
                #expect(after.spec?["dnsPolicy"] == "Default" && after.spec?["replicas"] == 3)
                #expect(after.metadata.annotations[CollectorConversion.keptAnnotation] == nil)
            }
        }

        /// A text that is no configuration: accepted as ever, but the status says why nothing runs, and it is not lost.
        @Test func textThatIsNoConfiguration() async throws {
            try await self.run { cluster in
                let text = "receivers: [otlp\n"
                try await self.create(cluster, "web", config: text)
                #expect(
                    try await TestCluster.eventually {
                        try await cluster.status("web").conditions.contains {
                            $0.type == CollectorCondition.configurationWarning && $0.message.contains("v1alpha1")
                        }
                    }
                )
                #expect(try await cluster.get(Self.old, "web")?.spec?[string: "config"] == text)
            }
        }

        /// As after an installation that stored v1alpha1: the definition says so, and what is stored is written anew.
        @Test func storageIsMigratedOnce() async throws {
            try await self.run { cluster in
                try await self.create(cluster, "web", config: "receivers: {otlp: {protocols: {grpc: {}}}}")
                let name = CollectorDefinition.key.name
                // The old version becomes the stored one, an object is written in it, and it ceases to be.
                func store(_ version: String) async throws {
                    let definition = try #require(try await cluster.get(.customResourceDefinitions, name))
                    let versions = definition.spec?[array: "versions"] ?? []
                    var patch: [JSONValue] = []
                    for (place, entry) in versions.enumerated() {
                        patch.append([
                            "op": "replace", "path": .string("/spec/versions/\(place)/storage"),
                            "value": .bool(entry["name"] == .string(version)),
                        ])
                    }
                    try await cluster.client.patch(.customResourceDefinitions, name: name, .json(patch))
                }
                try await store("v1alpha1")
                try await self.create(cluster, "late", config: "receivers: {zipkin: {}}")
                let between = try await cluster.get(.customResourceDefinitions, name)?.status
                #expect(between?[strings: "storedVersions"]?.contains("v1alpha1") == true, "nothing to migrate")
                try await store("v1beta1")
                let isMigrated = try await TestCluster.eventually(within: .seconds(40)) {
                    let definition = try await cluster.get(.customResourceDefinitions, name)
                    return definition?.status?["storedVersions"] == ["v1beta1"]
                }
                #expect(isMigrated)
                let late = try #require(try await cluster.get(ResourceCatalog.collectors, "late"))
                #expect(late.spec?["config"]?["receivers"]?["zipkin"] != nil)
            }
        }
    }
}
