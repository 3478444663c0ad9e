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
    /// The reconciler over real stores.
    @Suite(.timeLimit(.minutes(3))) struct Reconciling {
        static let clusterRoles = APIResource(
            group: "rbac.authorization.k8s.io",
            version: "v1",
            plural: "clusterroles",
            kind: "ClusterRole",
            isNamespaced: false
        )
        static let clusterRoleBindings = APIResource(
            group: "rbac.authorization.k8s.io",
            version: "v1",
            plural: "clusterrolebindings",
            kind: "ClusterRoleBinding",
            isNamespaced: false
        )

        @Test func createdOnceThenAtRest() async throws {
            try await Cluster.run { cluster in
                try await cluster.create(try cluster.collector("web"))
                try await Process.run(cluster) { process in
                    try await process.catchUp(cluster)
                    process.log.clear()
                    #expect(try await process.reconciler.reconcile(cluster.key("web")) == .done)
                    #expect(
                        process.log.writes.sorted() == [
                            "apply configmaps", "apply deployments", "apply networkpolicies",
                            "apply poddisruptionbudgets", "apply serviceaccounts", "apply services", "apply services",
                            "apply services", "patch opentelemetrycollectors/status",
                        ]
                    )
                    // Pods complain in Events when they come before their account and configuration.
                    #expect(process.log.writes.dropLast().last == "apply deployments")

                    // The rest is status: nothing is applied a second time.
                    let later = try await process.settle(cluster, "web")
                    #expect(
                        later.allSatisfy { $0 == "patch opentelemetrycollectors/status" } && later.count <= 2,
                        "\(later)"
                    )
                    process.log.clear()
                    for _ in 0..<3 { _ = try await process.reconciler.reconcile(cluster.key("web")) }
                    #expect(process.log.all.isEmpty, "at rest there is no request at all")

                    #expect(try await cluster.names(ResourceCatalog.deployments) == ["web-collector"])
                    #expect(
                        try await cluster.names(ResourceCatalog.services)
                            == ["web-collector", "web-collector-headless", "web-collector-monitoring"]
                    )
                    let status = try await cluster.status("web")
                    #expect(status.conditions.map(\.type) == ["Ready"] && status.conditions.first?.status == .true)
                    #expect(status.observedGeneration == 1)
                    let deployment = try #require(try await cluster.get(ResourceCatalog.deployments, "web-collector"))
                    #expect(deployment.metadata.controller?.name == "web")
                    #expect(deployment.spec?["template"]?["spec"]?["containers"]?[0]?["image"]?.string == status.image)
                }
            }
        }

        /// Before the watches show anything of it, a reconcile is woken again: it must not write once more.
        @Test func notWrittenTwiceWhileWatchesLag() async throws {
            try await Cluster.run { cluster in
                try await cluster.create(try cluster.collector("web"))
                try await Process.run(cluster) { process in
                    try await process.catchUp(cluster)
                    cluster.proxy.holdWatches()
                    _ = try await process.reconciler.reconcile(cluster.key("web"))
                    process.log.clear()
                    _ = try await process.reconciler.reconcile(cluster.key("web"))
                    let again = process.log.writes
                    cluster.proxy.releaseWatches()
                    #expect(again.isEmpty, "\(again)")
                }
            }
        }

        @Test(arguments: ["deployment", "daemonset", "statefulset"])
        func aNewProcessWritesNothing(_ mode: String) async throws {
            try await Cluster.run { cluster in
                var object = try cluster.collector(
                    "web",
                    spec: [
                        "mode": .string(mode), "replicas": 2,
                        "resources": ["limits": ["cpu": "0.5", "memory": "1024Mi"], "requests": ["cpu": 1]],
                        "env": [["name": "EMPTY", "value": ""], ["name": "A", "value": "b"]],
                        "podSecurityContext": ["runAsNonRoot": false, "fsGroup": 0],
                        "ports": [["name": "extra", "port": 9999, "protocol": "UDP"]],
                        "podAnnotations": ["x": "y"], "tolerations": [["operator": "Exists"]],
                        "volumes": [["name": "scratch", "emptyDir": [:]]],
                        "volumeMounts": [["name": "scratch", "mountPath": "/scratch"]],
                    ]
                )
                object.spec?["resources"] = [
                    "limits": ["cpu": "1.5", "memory": "1024Mi"], "requests": ["cpu": "500m"],
                ]
                if mode == "statefulset" {
                    object.spec?["volumeClaimTemplates"] = [
                        [
                            "metadata": ["name": "data"],
                            "spec": [
                                "accessModes": ["ReadWriteOnce"], "resources": ["requests": ["storage": "1024Mi"]],
                            ],
                        ]
                    ]
                }
                if mode == "daemonset" { object.spec?["replicas"] = nil }
                if mode == "deployment" { object.spec?["podDisruptionBudget"] = ["minAvailable": 1] }
                try await cluster.create(object)
                try await Process.run(cluster) { process in try await process.settle(cluster, "web") }
                try await Process.run(cluster) { process in
                    try await process.catchUp(cluster)
                    process.log.clear()
                    _ = try await process.reconciler.reconcile(cluster.key("web"))
                    let writes = process.log.writes
                    #expect(writes.isEmpty, "\(writes)")
                    #expect(process.owned.records(of: cluster.key("web")).allSatisfy { $0.content?.tree() == nil })
                }
            }
        }

        @Test func driftIsRepaired() async throws {
            try await Cluster.run { cluster in
                try await cluster.create(try cluster.collector("web"))
                try await Process.run(cluster, controls: true) { process in
                    #expect(
                        try await TestCluster.eventually {
                            try await cluster.status("web").conditions.first?.status == .true
                        }
                    )
                    let before = try #require(try await cluster.get(ResourceCatalog.services, "web-collector"))

                    // An edited Service.
                    try await cluster.client.patch(
                        ResourceCatalog.services,
                        namespace: cluster.namespace,
                        name: "web-collector",
                        .json([["op": "replace", "path": "/spec/ports/0/port", "value": 1234]])
                    )
                    #expect(
                        try await TestCluster.eventually {
                            let ports = try await cluster.get(ResourceCatalog.services, "web-collector")?.spec?[
                                array: "ports"
                            ]
                            let wanted = before.spec?[array: "ports"]?.compactMap { $0["port"] } ?? []
                            return wanted.allSatisfy { port in ports?.contains { $0["port"] == port } == true }
                        }
                    )
                    // A label that selectors need. The repair of the ports takes several writes, so this may meet one.
                    let isChanged = try await TestCluster.eventually {
                        do {
                            try await cluster.client.patch(
                                ResourceCatalog.services,
                                namespace: cluster.namespace,
                                name: "web-collector",
                                .merge(["metadata": ["labels": ["app.kubernetes.io/managed-by": nil]]])
                            )
                            return true
                        } catch let error as APIError where error.isConflict {
                            return false
                        }
                    }
                    #expect(isChanged)
                    #expect(
                        try await TestCluster.eventually {
                            try await cluster.get(ResourceCatalog.services, "web-collector")?.metadata
                                .labels["app.kubernetes.io/managed-by"] == "opentelemetry-operator"
                        }
                    )
                    // A deleted ConfigMap.
                    let map = try #require(try await cluster.names(ResourceCatalog.configMaps).first)
                    let uid = try await cluster.get(ResourceCatalog.configMaps, map)?.metadata.uid
                    try await cluster.client.delete(ResourceCatalog.configMaps, namespace: cluster.namespace, name: map)
                    #expect(
                        try await TestCluster.eventually {
                            let now = try await cluster.get(ResourceCatalog.configMaps, map)
                            return now != nil && now?.metadata.uid != uid
                        }
                    )
                    // The hash that says what was applied.
                    try await cluster.client.patch(
                        ResourceCatalog.serviceAccounts,
                        namespace: cluster.namespace,
                        name: "web-collector",
                        .merge(["metadata": ["annotations": [OwnedRecord.hashAnnotation: nil]]])
                    )
                    #expect(
                        try await TestCluster.eventually {
                            try await cluster.get(ResourceCatalog.serviceAccounts, "web-collector")?.metadata
                                .annotations[OwnedRecord.hashAnnotation] != nil
                        }
                    )
                }
            }
        }

        /// Apply tells ports apart by number and protocol, and the server wants their names unique as well: ours beside the
        /// one that somebody renumbered is refused.
        @Test func renumberedPortsAreRepaired() async throws {
            try await Cluster.run { cluster in
                try await cluster.create(try cluster.collector("web"))
                try await Process.run(cluster) { process in
                    try await process.settle(cluster, "web")
                    func ports(_ resource: APIResource, _ name: String, _ path: [String]) async throws -> [JSONValue] {
                        var value = try await cluster.get(resource, name).map { JSONValue.object($0.json) }
                        for key in path { value = Int(key).map { value?[$0] } ?? value?[key] }
                        return value?.array ?? []
                    }
                    let containers = ["spec", "template", "spec", "containers", "0", "ports"]
                    for (resource, name, path, member) in [
                        (ResourceCatalog.services, "web-collector", ["spec", "ports"], "port"),
                        (ResourceCatalog.services, "web-collector-monitoring", ["spec", "ports"], "port"),
                        (ResourceCatalog.deployments, "web-collector", containers, "containerPort"),
                    ] {
                        let before = try await ports(resource, name, path)
                        #expect(!before.isEmpty)
                        try await cluster.client.patch(
                            resource,
                            namespace: cluster.namespace,
                            name: name,
                            .json([
                                [
                                    "op": "replace",
                                    "path": .string("/" + path.joined(separator: "/") + "/0/" + member),
                                    "value": 1234,
                                ]
                            ]),
                            options: WriteOptions(fieldManager: "somebody")
                        )
                        try await process.settle(cluster, "web")
                        let after = try await ports(resource, name, path)
                        let wanted = before.compactMap { $0[member] }
                        #expect(wanted.allSatisfy { port in after.contains { $0[member] == port } }, "\(name) \(after)")
                        #expect(try await cluster.status("web").conditions.first?.status == .true)
                        // Nobody else is left as an owner of our fields, so that we can give them up.
                        let managers =
                            try await cluster.get(resource, name)?.metadata.json[array: "managedFields"] ?? []
                        #expect(!managers.contains { $0["manager"] == "swiftlet-repair" })
                    }
                    #expect(try await ports(ResourceCatalog.services, "web-collector", ["spec", "ports"]).count == 2)
                    try await cluster.change("web", ["config": ["receivers": ["otlp": ["protocols": ["http": nil]]]]])
                    try await process.settle(cluster, "web")
                    #expect(try await ports(ResourceCatalog.services, "web-collector", ["spec", "ports"]).count == 1)
                }
            }
        }

        /// Apply of servers before 1.24 puts behind what is there what is new: init containers would run in another order,
        /// and a variable come after the one that refers to it.
        @Test func newContainersAndVariablesComeInOrder() async throws {
            try await Cluster.run { cluster in
                func container(_ name: String) -> JSONValue { ["name": .string(name), "image": "busybox:1"] }
                func pod() async throws -> (KubeObject, [String], [String]) {
                    let live = try #require(try await cluster.get(ResourceCatalog.deployments, "web-collector"))
                    let pod = live.spec?["template"]?["spec"]
                    func names(_ list: JSONValue?) -> [String] { list?.array?.compactMap { $0["name"]?.string } ?? [] }
                    return (live, names(pod?["initContainers"]), names(pod?["containers"]?[0]?["env"]))
                }
                try await cluster.create(
                    try cluster.collector(
                        "web",
                        spec: ["env": [["name": "B", "value": "$(A)"]], "initContainers": [container("second")]]
                    )
                )
                try await Process.run(cluster) { process in
                    try await process.settle(cluster, "web")
                    let before = try await pod().0
                    // Somebody else's stays where it is.
                    try await cluster.client.patch(
                        ResourceCatalog.deployments,
                        namespace: cluster.namespace,
                        name: "web-collector",
                        .json([
                            [
                                "op": "add", "path": "/spec/template/spec/containers/0/env/0",
                                "value": ["name": "THEIRS", "value": "x"],
                            ]
                        ]),
                        options: WriteOptions(fieldManager: "somebody")
                    )
                    try await cluster.change(
                        "web",
                        [
                            "env": [["name": "A", "value": "a"], ["name": "B", "value": "$(A)"]],
                            "initContainers": [container("first"), container("second")],
                        ]
                    )
                    try await process.settle(cluster, "web")
                    let (live, initial, variables) = try await pod()
                    #expect(initial == ["first", "second"])
                    #expect(variables.first == "THEIRS")
                    #expect(variables.filter { ["A", "B"].contains($0) } == ["A", "B"])
                    // Theirs and ours, one change of the template each.
                    #expect(live.metadata.generation == (before.metadata.generation ?? 0) + 2)
                    let managers = live.metadata.json[array: "managedFields"] ?? []
                    #expect(!managers.contains { $0["manager"] == "swiftlet-repair" })

                    // What is given up goes, as after any apply.
                    try await cluster.change(
                        "web",
                        ["env": [["name": "B", "value": "b"]], "initContainers": [container("second")]]
                    )
                    try await process.settle(cluster, "web")
                    let (_, left, rest) = try await pod()
                    #expect(left == ["second"])
                    #expect(rest.contains("B") && rest.contains("THEIRS") && !rest.contains("A"))
                }
            }
        }

        @Test func whatIsInvalidByItselfIsLeftAsItWas() async throws {
            try await Cluster.run { cluster in
                try await cluster.create(try cluster.collector("web"))
                try await Process.run(cluster) { process in
                    try await process.settle(cluster, "web")
                    let before = try #require(try await cluster.get(ResourceCatalog.deployments, "web-collector"))
                    try await cluster.change("web", ["volumeMounts": [["name": "absent", "mountPath": "/x"]]])
                    try await process.catchUp(cluster)
                    await #expect(throws: (any Error).self) {
                        try await process.reconciler.reconcile(cluster.key("web"))
                    }
                    let after = try #require(try await cluster.get(ResourceCatalog.deployments, "web-collector"))
                    #expect(after.metadata.uid == before.metadata.uid && after.spec == before.spec)
                    let condition = try #require(try await cluster.status("web").conditions.first)
                    #expect(condition.status == .false && condition.message.contains("absent"), "\(condition.message)")
                }
            }
        }

        @Test func whatIsNoLongerWantedGoes() async throws {
            try await Cluster.run { cluster in
                try await cluster.create(
                    try cluster.collector("web", spec: ["podDisruptionBudget": ["minAvailable": 1]])
                )
                try await Process.run(cluster) { process in
                    try await process.settle(cluster, "web")
                    #expect(try await cluster.names(ResourceCatalog.services).count == 3)
                    // Without a receiver there is no port and so no Service.
                    try await cluster.change(
                        "web",
                        [
                            "config": [
                                "receivers": ["otlp": nil, "hostmetrics": ["scrapers": ["cpu": [:]]]],
                                "service": [
                                    "pipelines": [
                                        "traces": nil,
                                        "metrics": ["receivers": ["hostmetrics"], "exporters": ["debug"]],
                                    ]
                                ],
                            ]
                        ]
                    )
                    try await process.settle(cluster, "web")
                    #expect(try await cluster.names(ResourceCatalog.services) == ["web-collector-monitoring"])
                    #expect(try await cluster.get(ResourceCatalog.services, "web-collector") == nil)
                }
            }
        }

        @Test func earlierConfigurationsAreKept() async throws {
            try await Cluster.run { cluster in
                try await cluster.create(try cluster.collector("web", spec: ["configVersions": 2]))
                try await Process.run(cluster) { process in
                    var seen: [String] = []
                    for number in 1...5 {
                        try await cluster.change(
                            "web",
                            ["config": ["exporters": ["debug": ["sampling_initial": .int(number)]]]]
                        )
                        try await process.settle(cluster, "web")
                        let deployment = try #require(
                            try await cluster.get(ResourceCatalog.deployments, "web-collector")
                        )
                        let volumes = deployment.spec?["template"]?["spec"]?["volumes"]?.array ?? []
                        let used = volumes.compactMap { $0["configMap"]?["name"]?.string }
                        #expect(used.count == 1)
                        seen += used
                        // Its own and those of the versions before it.
                        let maps = try await cluster.names(ResourceCatalog.configMaps)
                        #expect(Set(used).isSubset(of: maps))
                        #expect((min(number, 2)...3).contains(maps.count), "\(number): \(maps)")
                    }
                    #expect(Set(seen).count == 5)
                    // Back to an earlier one: its ConfigMap comes back under the same name.
                    try await cluster.change("web", ["config": ["exporters": ["debug": ["sampling_initial": 1]]]])
                    try await process.settle(cluster, "web")
                    #expect(try await cluster.get(ResourceCatalog.configMaps, seen[0]) != nil)
                }
            }
        }

        @Test func workloadsAreMadeAnewWhenTheyMustBe() async throws {
            try await Cluster.run { cluster in
                try await cluster.create(try cluster.collector("web"))
                try await cluster.create(
                    try cluster.collector("set", spec: ["mode": "statefulset", "serviceName": "first"])
                )
                // A Deployment of the same name with another selector, as an older operator left it.
                let owner = try #require(try await cluster.get(ResourceCatalog.collectors, "web"))
                var old = KubeObject(
                    ResourceCatalog.deployments.groupVersionKind,
                    namespace: cluster.namespace,
                    name: "web-collector"
                )
                old.metadata.labels = ["app.kubernetes.io/managed-by": "opentelemetry-operator"]
                old.metadata.ownerReferences = [OwnerReference(controller: owner)]
                old.spec = [
                    "selector": ["matchLabels": ["app": "old"]], "replicas": 0,
                    "template": [
                        "metadata": ["labels": ["app": "old"]], "spec": ["containers": [["name": "c", "image": "x"]]],
                    ],
                ]
                let before = try await cluster.client.create(old, ResourceCatalog.deployments)
                try await Process.run(cluster) { process in
                    try await process.settle(cluster, "web")
                    let after = try #require(try await cluster.get(ResourceCatalog.deployments, "web-collector"))
                    #expect(after.metadata.uid != before.metadata.uid)
                    #expect(after.spec?["selector"]?["matchLabels"]?["app"] == nil)

                    try await process.settle(cluster, "set")
                    let first = try #require(try await cluster.get(ResourceCatalog.statefulSets, "set-collector"))
                    #expect(first.spec?[string: "serviceName"] == "first")
                    try await cluster.change("set", ["serviceName": "second"])
                    let writes = try await process.settle(cluster, "set")
                    let second = try #require(try await cluster.get(ResourceCatalog.statefulSets, "set-collector"))
                    #expect(second.spec?[string: "serviceName"] == "second")
                    #expect(second.metadata.uid != first.metadata.uid)
                    #expect(writes.count { $0 == "delete statefulsets" } == 1, "\(writes)")
                }
            }
        }

        @Test func anotherModeReplacesTheWorkload() async throws {
            try await Cluster.run { cluster in
                try await cluster.create(try cluster.collector("web"))
                try await Process.run(cluster) { process in
                    try await process.settle(cluster, "web")
                    try await cluster.change("web", ["mode": "daemonset"])
                    try await process.settle(cluster, "web")
                    #expect(try await cluster.names(ResourceCatalog.deployments).isEmpty)
                    #expect(try await cluster.names(ResourceCatalog.daemonSets) == ["web-collector"])
                    try await cluster.change("web", ["mode": "sidecar"])
                    try await process.settle(cluster, "web")
                    #expect(try await cluster.names(ResourceCatalog.daemonSets).isEmpty)
                    let status = try await cluster.status("web")
                    #expect(status.scale?["replicas"] == 0)
                }
            }
        }

        @Test func unmanagedIsLeftAlone() async throws {
            try await Cluster.run { cluster in
                try await cluster.create(try cluster.collector("web", spec: ["managementState": "unmanaged"]))
                // Not even a broken one is told so.
                try await cluster.create(
                    try cluster.collector(
                        "broken",
                        config: Cluster.broken,
                        spec: ["managementState": "unmanaged"]
                    )
                )
                try await Process.run(cluster) { process in
                    try await process.catchUp(cluster)
                    for name in ["web", "broken"] {
                        #expect(try await process.reconciler.reconcile(cluster.key(name)) == .done)
                    }
                    #expect(process.log.writes.isEmpty)
                    // Managed for a while: afterwards changes have no effect.
                    try await cluster.change("web", ["managementState": "managed"])
                    try await process.settle(cluster, "web")
                    let before = try #require(try await cluster.get(ResourceCatalog.deployments, "web-collector"))
                    try await cluster.change("web", ["managementState": "unmanaged", "replicas": 5])
                    try await cluster.client.delete(
                        ResourceCatalog.services,
                        namespace: cluster.namespace,
                        name: "web-collector"
                    )
                    #expect(try await process.settle(cluster, "web") == [])
                    let after = try #require(try await cluster.get(ResourceCatalog.deployments, "web-collector"))
                    #expect(after.spec == before.spec)
                    #expect(try await cluster.get(ResourceCatalog.services, "web-collector") == nil)
                }
            }
        }

        // MARK: What no owner reference takes along

        /// Names of the cluster roles of a collector.
        private func roles(_ cluster: Cluster, of name: String) async throws -> [String] {
            var found: [String] = []
            for resource in [Self.clusterRoles, Self.clusterRoleBindings] {
                found += try await cluster.client.list(
                    resource,
                    options: ListOptions(labelSelector: OwnedStores.selector)
                ).items.filter {
                    $0.metadata.annotations[ObjectAnnotations.collector] == "\(cluster.namespace)/\(name)"
                }
                .map { "\(resource.kind) \($0.name)" }
            }
            return found.sorted()
        }

        @Test func clusterRolesAreSweptAfterAnAbsence() async throws {
            try await Cluster.run { cluster in
                try await cluster.create(try cluster.collector("gone", config: Cluster.events))
                try await cluster.create(try cluster.collector("stays", config: Cluster.events))
                try await Process.run(cluster) { process in
                    try await process.settle(cluster, "gone")
                    try await process.settle(cluster, "stays")
                    #expect(try await self.roles(cluster, of: "gone").count == 2)
                }
                // Nobody looks.
                try await cluster.client.delete(
                    ResourceCatalog.collectors,
                    namespace: cluster.namespace,
                    name: "gone"
                )
                try await Process.run(cluster, controls: true) { process in
                    #expect(try await TestCluster.eventually { try await self.roles(cluster, of: "gone").isEmpty })
                    #expect(try await self.roles(cluster, of: "stays").count == 2)
                    // Without the receiver nothing has to be granted.
                    try await cluster.client.delete(
                        ResourceCatalog.collectors,
                        namespace: cluster.namespace,
                        name: "stays"
                    )
                    #expect(try await TestCluster.eventually { try await self.roles(cluster, of: "stays").isEmpty })
                }
            }
        }

        /// An operator that is confined to some namespaces sees every ClusterRole, and those of others are not its own.
        @Test func anotherOperatorsClusterRolesStay() async throws {
            try await Cluster.run { other in
                try await other.create(try other.collector("web", config: Cluster.events))
                try await Process.run(other) { try await $0.settle(other, "web") }
                #expect(try await self.roles(other, of: "web").count == 2)
                try await Cluster.run { cluster in
                    try await cluster.create(try cluster.collector("web"))
                    try await Process.run(cluster, controls: true) { process in
                        #expect(
                            try await TestCluster.eventually {
                                try await cluster.status("web").conditions.first?.status == .true
                            }
                        )
                        // Whatever the other namespace's roles woke has run by now or never will.
                        _ = try await process.reconciler.reconcile(other.key("web"))
                    }
                }
                #expect(try await self.roles(other, of: "web").count == 2)
                // Its own operator still sweeps.
                try await Process.run(other, controls: true) { _ in
                    try await other.client.delete(ResourceCatalog.collectors, namespace: other.namespace, name: "web")
                    #expect(try await TestCluster.eventually { try await self.roles(other, of: "web").isEmpty })
                }
            }
        }

        /// A store that lags behind, or a server that just started, must not cost a living collector its permissions.
        @Test func nothingIsSweptOfACollectorThatExists() async throws {
            try await Cluster.run { cluster in
                try await cluster.create(try cluster.collector("web", config: Cluster.events))
                try await Process.run(cluster) { process in
                    try await process.settle(cluster, "web")
                    // As after a list that the server answered from an old cache.
                    process.stores.collectors.receive(.deleted(cluster.key("web")), scope: cluster.namespace)
                    _ = try? await process.reconciler.reconcile(cluster.key("web"))
                }
                #expect(try await self.roles(cluster, of: "web").count == 2)
                try await Process.run(cluster, controls: true) { _ in
                    try await cluster.client.delete(
                        ResourceCatalog.collectors,
                        namespace: cluster.namespace,
                        name: "web"
                    )
                    #expect(try await TestCluster.eventually { try await self.roles(cluster, of: "web").isEmpty })
                }
            }
        }

        /// Names of cluster-scoped objects are made of namespace and name; two collectors must not fight over one.
        @Test func aClusterRoleOfAnotherCollectorIsNotTaken() async throws {
            try await Cluster.run { cluster in
                try await cluster.create(try cluster.collector("web", config: Cluster.events))
                try await Process.run(cluster) { process in
                    try await process.settle(cluster, "web")
                    let name = try #require(try await self.roles(cluster, of: "web").first).dropFirst(
                        "ClusterRole ".count
                    )
                    try await cluster.client.patch(
                        Self.clusterRoles,
                        name: String(name),
                        .merge(["metadata": ["annotations": [ObjectAnnotations.collector: "elsewhere/other"]]])
                    )
                    try await process.catchUp(cluster)
                    process.log.clear()
                    await #expect(throws: (any Error).self) {
                        try await process.reconciler.reconcile(cluster.key("web"))
                    }
                    #expect(!process.log.writes.contains("apply clusterroles"))
                    let status = try await cluster.status("web")
                    #expect(status.conditions.first?.status == .false)
                    #expect(status.conditions.first?.message.contains("elsewhere/other") == true)
                    try await cluster.client.delete(Self.clusterRoles, name: String(name))
                    try await cluster.client.delete(
                        ResourceCatalog.collectors,
                        namespace: cluster.namespace,
                        name: "web"
                    )
                    try await process.catchUp(cluster)
                    _ = try await process.reconciler.reconcile(cluster.key("web"))
                    #expect(try await self.roles(cluster, of: "web").isEmpty)
                }
            }
        }

        // MARK: Status, trouble

        @Test func aMalformedCollectorIsToldAndOthersGoOn() async throws {
            try await Cluster.run { cluster in
                try await cluster.create(
                    try cluster.collector("broken", config: Cluster.broken)
                )
                try await cluster.create(try cluster.collector("fine"))
                try await Process.run(cluster, events: true, controls: true) { process in
                    #expect(
                        try await TestCluster.eventually {
                            try await cluster.status("fine").conditions.first?.status == .true
                        }
                    )
                    #expect(
                        try await TestCluster.eventually {
                            try await cluster.status("broken").conditions.first?.status == .false
                        }
                    )
                    let condition = try #require(try await cluster.status("broken").conditions.first)
                    #expect(condition.type == "Ready" && condition.reason == "ReconcileError")
                    #expect(!condition.message.isEmpty && !condition.message.contains("\n"), "\(condition.message)")
                    let events = APIResource(group: "", version: "v1", plural: "events", kind: "Event")
                    #expect(
                        try await TestCluster.eventually {
                            try await cluster.client.list(events, namespace: cluster.namespace).items.contains {
                                event in
                                event.json["involvedObject"]?["name"] == "broken"
                                    && event.json[string: "type"] == "Warning"
                                    && event.json[string: "reason"] == "Error"
                            }
                        }
                    )
                    // Mended, it becomes ready.
                    try await cluster.client.patch(
                        ResourceCatalog.collectors,
                        namespace: cluster.namespace,
                        name: "broken",
                        .json([["op": "replace", "path": "/spec/config", "value": .object(try yaml(Cluster.otlp))]])
                    )
                    #expect(
                        try await TestCluster.eventually {
                            try await cluster.status("broken").conditions.first?.status == .true
                        }
                    )
                    // While it was broken its status was written once, not once a look.
                    let patches = process.log.writes.count { $0 == "patch opentelemetrycollectors/status" }
                    #expect(patches <= 8, "\(patches)")
                }
            }
        }

        @Test func aCollectorThatIsBeingDeletedIsLeftAlone() async throws {
            try await Cluster.run { cluster in
                var object = try cluster.collector("web")
                object.metadata.json["finalizers"] = ["example.com/wait"]
                try await cluster.create(object)
                try await Process.run(cluster) { process in
                    try await cluster.client.delete(
                        ResourceCatalog.collectors,
                        namespace: cluster.namespace,
                        name: "web"
                    )
                    #expect(try await process.settle(cluster, "web") == [])
                }
                try await cluster.client.patch(
                    ResourceCatalog.collectors,
                    namespace: cluster.namespace,
                    name: "web",
                    .merge(["metadata": ["finalizers": nil]])
                )
            }
        }

        @Test(arguments: [
            FaultProxy.Fault.status(409), .status(429, retryAfter: 1), .status(503), .status(500), .drop, .dropAnswer,
            .cut(afterBytes: 20),
        ])
        func faultsInTheMiddleOfApplies(_ fault: FaultProxy.Fault) async throws {
            try await Cluster.run { cluster in
                try await Process.run(cluster, controls: true) { process in
                    // Anything that is written meets it, the middle of a reconcile as well as its end.
                    cluster.proxy.inject(fault, next: 4) { !$0.body.isEmpty && $0.path.contains("/services/") }
                    cluster.proxy.inject(fault, next: 2) { !$0.body.isEmpty && $0.path.contains("/deployments/") }
                    cluster.proxy.inject(fault, next: 2) { !$0.body.isEmpty && $0.path.hasSuffix("/status") }
                    try await cluster.create(try cluster.collector("web"))
                    #expect(
                        try await TestCluster.eventually(within: .seconds(40)) {
                            guard cluster.proxy.pendingFaultCount == 0 else { return false }
                            return try await cluster.status("web").conditions.first?.status == .true
                        },
                        "\(cluster.proxy.pendingFaultCount) \(process.log.writes)"
                    )
                    cluster.proxy.clearFaults()
                    #expect(try await cluster.names(ResourceCatalog.services).count == 3)
                    #expect(try await cluster.names(ResourceCatalog.deployments) == ["web-collector"])
                    #expect(try await cluster.names(ResourceCatalog.configMaps).count == 1)
                }
            }
        }

        @Test func theServerIsAwayAndTheWorldChanges() async throws {
            try await Cluster.run { cluster in
                try await cluster.create(try cluster.collector("web"))
                try await Process.run(cluster, controls: true) { process in
                    #expect(
                        try await TestCluster.eventually {
                            try await cluster.status("web").conditions.first?.status == .true
                        }
                    )
                    cluster.proxy.setDown(true)
                    try await cluster.change("web", ["replicas": 2])
                    try await cluster.client.delete(
                        ResourceCatalog.services,
                        namespace: cluster.namespace,
                        name: "web-collector"
                    )
                    try await cluster.create(try cluster.collector("new"))
                    cluster.proxy.setDown(false)
                    #expect(
                        try await TestCluster.eventually(within: .seconds(40)) {
                            let deployment = try await cluster.get(ResourceCatalog.deployments, "web-collector")
                            let service = try await cluster.get(ResourceCatalog.services, "web-collector")
                            let new = try await cluster.get(ResourceCatalog.deployments, "new-collector")
                            return deployment?.spec?[int: "replicas"] == 2 && service != nil && new != nil
                        }
                    )
                }
            }
        }
    }
}
