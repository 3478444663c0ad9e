import JSONTree
import KubeClient
import KubeModel
import KubeTesting
import Rendering
import TelemetryAPI
import Testing

@testable import Controllers

extension ClusterTests {
    /// What the Go operator left behind, and others who own a field.
    @Suite(.timeLimit(.minutes(2))) struct Adoption {
        /// Creates a collector and its objects as the Go operator would: by plain requests of a field manager `manager`,
        /// with its finalizer, without anything that is only ours.
        private func leave(_ cluster: Cluster, _ collector: KubeObject) async throws {
            var collector = collector
            collector.metadata.finalizers = [PredecessorFinalizer.name]
            let stored = try await cluster.create(collector)
            let facts = try await ClusterProbe(client: cluster.client).facts()
            let defaulted = try defaultCollector(Collector(stored.json), settings: OperatorSettings()).collector
            for object in try plan(CollectorInputs(collector: defaulted, facts: facts)).apply {
                var object = object
                object.metadata.annotations[ObjectAnnotations.collector] = nil
                if object.metadata.annotations.isEmpty { object.metadata.json["annotations"] = nil }
                let found = try await cluster.client.discovery.resource(for: object.groupVersionKind)
                try await cluster.client.create(
                    object,
                    try #require(found),
                    options: WriteOptions(fieldManager: "manager")
                )
            }
        }

        private func managers(_ object: KubeObject) -> [String] {
            object.metadata.json[array: "managedFields"]?.compactMap { $0["manager"]?.string } ?? []
        }

        private func container(_ deployment: KubeObject?) -> JSONValue? {
            deployment?.spec?["template"]?["spec"]?["containers"]?[0]
        }

        @Test func takesOverWithoutARestart() async throws {
            try await Cluster.run { cluster in
                try await self.leave(
                    cluster,
                    try cluster.collector(
                        "web",
                        config: Cluster.events,
                        spec: ["env": [["name": "OLD", "value": "1"]]]
                    )
                )
                let before = try #require(try await cluster.get(ResourceCatalog.deployments, "web-collector"))
                #expect(self.managers(before).contains("manager"))
                try await Process.run(cluster) { process in
                    try await process.settle(cluster, "web")
                    let after = try #require(try await cluster.get(ResourceCatalog.deployments, "web-collector"))
                    #expect(after.metadata.uid == before.metadata.uid)
                    // The generation of a Deployment counts annotations too; its pods follow the template.
                    #expect(after.spec == before.spec)
                    for resource in ResourceCatalog.alwaysOwned {
                        for object in try await cluster.client.list(
                            resource,
                            namespace: cluster.namespace,
                            options: ListOptions(labelSelector: OwnedStores.selector)
                        ).items {
                            #expect(!self.managers(object).contains("manager"), "\(object.reference)")
                            #expect(self.managers(object).contains("swiftlet"), "\(object.reference)")
                        }
                    }
                    let collector = try #require(try await cluster.get(ResourceCatalog.collectors, "web"))
                    #expect(collector.metadata.finalizers.isEmpty)

                    // What is taken out later goes, although somebody else had put it there.
                    try await cluster.change("web", ["env": nil])
                    try await process.settle(cluster, "web")
                    let changed = try await cluster.get(ResourceCatalog.deployments, "web-collector")
                    let names = self.container(changed)?["env"]?.array?.compactMap { $0["name"]?.string }
                    #expect(names?.contains("OLD") == false)
                }
            }
        }

        /// It was deleted while no operator ran, or one that could do nothing: its finalizer holds it.
        @Test func aCollectorThatIsHeldIsLetGoWithItsRoles() async throws {
            try await Cluster.run { cluster in
                try await self.leave(cluster, try cluster.collector("web", config: Cluster.events))
                try await cluster.client.delete(ResourceCatalog.collectors, namespace: cluster.namespace, name: "web")
                let role = "web-\(cluster.namespace)-cluster-role"
                #expect(try await cluster.get(ResourceCatalog.clusterRoles, role) != nil)
                try await Process.run(cluster, controls: true) { _ async throws in
                    #expect(
                        try await TestCluster.eventually {
                            try await cluster.get(ResourceCatalog.collectors, "web") == nil
                        }
                    )
                    #expect(
                        try await TestCluster.eventually {
                            let binding = "web-\(cluster.namespace)-collector"
                            let roles = try await cluster.get(ResourceCatalog.clusterRoles, role)
                            return try await cluster.get(ResourceCatalog.clusterRoleBindings, binding) == nil
                                && roles == nil
                        }
                    )
                }
            }
        }

        @Test func foreignFinalizersStay() async throws {
            try await Cluster.run { cluster in
                var collector = try cluster.collector("web")
                collector.metadata.finalizers = ["example.com/a", PredecessorFinalizer.name, "example.com/b"]
                try await cluster.create(collector)
                try await Process.run(cluster) { process in
                    try await process.settle(cluster, "web")
                    let stored = try #require(try await cluster.get(ResourceCatalog.collectors, "web"))
                    #expect(stored.metadata.finalizers == ["example.com/a", "example.com/b"])
                }
                try await cluster.client.patch(
                    ResourceCatalog.collectors,
                    namespace: cluster.namespace,
                    name: "web",
                    .merge(["metadata": ["finalizers": nil]])
                )
            }
        }

        @Test func replicasOfAnotherManagerStay() async throws {
            try await Cluster.run { cluster in
                try await cluster.create(try cluster.collector("web", spec: ["replicas": 2]))
                try await Process.run(cluster) { process in
                    try await process.settle(cluster, "web")
                    try await cluster.client.apply(
                        KubeObject([
                            "apiVersion": "apps/v1", "kind": "Deployment",
                            "metadata": ["name": "web-collector", "namespace": .string(cluster.namespace)],
                            "spec": ["replicas": 5],
                        ]),
                        ResourceCatalog.deployments,
                        fieldManager: "autoscaler"
                    )
                    try await process.settle(cluster, "web")
                    // Also when there is something else to write.
                    try await cluster.change("web", ["image": "registry.test/collector:2"])
                    try await process.settle(cluster, "web")
                    let deployment = try await cluster.get(ResourceCatalog.deployments, "web-collector")
                    #expect(deployment?.spec?[int: "replicas"] == 5)
                    #expect(self.container(deployment)?["image"] == "registry.test/collector:2")
                }
            }
        }
    }
}
