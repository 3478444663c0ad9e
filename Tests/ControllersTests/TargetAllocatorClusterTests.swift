import AdmissionServer
import FoundationEssentials
import JSONTree
import KubeClient
import KubeModel
import KubeRuntime
import KubeTesting
import Rendering
import TelemetryAPI
import Testing

@testable import Controllers

extension Cluster {
    fileprivate static let jobs: JSONObject = [
        "scrapeConfigs": [["job_name": "a", "static_configs": [["targets": ["b:1"]]]]]
    ]

    /// A target allocator with a job of its own.
    @discardableResult
    fileprivate func allocator(_ name: String, spec: JSONObject = [:]) async throws -> TargetAllocatorResource {
        var object = KubeObject(TargetAllocatorResource.groupVersionKind, namespace: self.namespace, name: name)
        object.spec = Self.jobs
        for (key, value) in spec { object.spec?[key] = value }
        return TargetAllocatorResource(try await self.client.create(object, ResourceCatalog.targetAllocators).json)
    }

    fileprivate func change(allocator name: String, _ patch: JSONObject) async throws {
        try await self.client.patch(
            ResourceCatalog.targetAllocators,
            namespace: self.namespace,
            name: name,
            .merge(["spec": .object(patch)])
        )
    }

    fileprivate func ready(_ name: String) async throws -> Condition? {
        let live = try #require(try await self.get(ResourceCatalog.targetAllocators, name))
        return TargetAllocatorResource(live.json).status.conditions.first { $0.type == "Ready" }
    }

    /// A collector whose label names an allocator.
    fileprivate func labelled(_ name: String, _ allocator: String) async throws {
        var object = try self.collector(
            name,
            config: """
                receivers: {prometheus: {config: {scrape_configs: [{job_name: theirs}]}}}
                exporters: {debug: {}}
                service: {pipelines: {metrics: {receivers: [prometheus], exporters: [debug]}}}
                """,
            spec: ["mode": "statefulset"]
        )
        object.metadata.labels = [Collector.targetAllocatorLabel: allocator]
        try await self.create(object)
    }

    fileprivate func configuration(_ allocator: String) async throws -> String {
        let map = try await self.get(ResourceCatalog.configMaps, ObjectName.targetAllocator(allocator))
        return map?.json["data"]?["targetallocator.yaml"]?.string ?? ""
    }

    /// Data of a Secret, and who owns it.
    fileprivate func secret(_ name: String) async throws -> (data: JSONObject, owner: String?) {
        let live = try #require(try await self.get(ResourceCatalog.secrets, name))
        return (live.json[object: "data"] ?? [:], live.metadata.controller?.uid)
    }

    fileprivate func events(_ reason: String) async throws -> [KubeObject] {
        let events = APIResource(group: "", version: "v1", plural: "events", kind: "Event")
        return try await self.client.list(events, namespace: self.namespace).items
            .filter { $0.json[string: "reason"] == reason }
    }
}

extension ClusterTests {
    @Suite(.timeLimit(.minutes(3))) struct TargetAllocators {
        @Test func createdOnceThenAtRest() async throws {
            try await Cluster.run { cluster in
                let stored = try await cluster.allocator("ta", spec: ["networkPolicy": ["enabled": true]])
                try await Process.run(cluster) { process in
                    try await process.catchUp(cluster)
                    process.log.clear()
                    #expect(try await process.allocators.reconcile(cluster.key("ta")) == .done)
                    #expect(
                        process.log.writes.sorted() == [
                            "apply configmaps", "apply deployments", "apply networkpolicies",
                            "apply poddisruptionbudgets", "apply serviceaccounts", "apply services",
                            "patch targetallocators/status",
                        ]
                    )
                    try await process.settle(cluster, targetAllocator: "ta")
                    process.log.clear()
                    for _ in 0..<3 { _ = try await process.allocators.reconcile(cluster.key("ta")) }
                    #expect(process.log.all.isEmpty, "at rest there is no request at all")

                    let deployment = try #require(
                        try await cluster.get(ResourceCatalog.deployments, "ta-targetallocator")
                    )
                    #expect(deployment.metadata.controller?.uid == stored.metadata.uid)
                    let live = try #require(try await cluster.get(ResourceCatalog.targetAllocators, "ta"))
                    let status = TargetAllocatorResource(live.json).status
                    #expect(status.version == OperatorSettings().versions.targetAllocator)
                    #expect(
                        status.image == deployment.spec?["template"]?["spec"]?["containers"]?[0]?["image"]?.string
                    )
                    #expect(status.conditions.map(\.type) == ["Ready"])

                    // What it no longer wants goes.
                    try await cluster.change(allocator: "ta", ["networkPolicy": nil, "serviceAccount": "mine"])
                    try await process.settle(cluster, targetAllocator: "ta")
                    #expect(try await cluster.names(ResourceCatalog.networkPolicies) == [])
                    #expect(try await cluster.names(ResourceCatalog.serviceAccounts) == [])
                }
                try await Process.run(cluster) { process in
                    try await process.catchUp(cluster)
                    process.log.clear()
                    _ = try await process.allocators.reconcile(cluster.key("ta"))
                    #expect(process.log.writes.isEmpty, "a new process writes nothing")
                }
            }
        }

        @Test func collectorsNameItAndLeave() async throws {
            try await Cluster.run { cluster in
                try await cluster.allocator("ta")
                try await Process.run(cluster, events: true, controls: true) { process in
                    #expect(
                        try await TestCluster.eventually {
                            try await cluster.configuration("ta").contains("collector_selector: null")
                        }
                    )
                    try await cluster.labelled("one", "ta")
                    #expect(
                        try await TestCluster.eventually {
                            let text = try await cluster.configuration("ta")
                            return text.contains("\(cluster.namespace).one") && text.contains("job_name: theirs")
                        }
                    )
                    // A second one: nothing is changed, and both the condition and an Event say why.
                    try await cluster.labelled("two", "ta")
                    #expect(
                        try await TestCluster.eventually {
                            let ready = try await cluster.ready("ta")
                            return ready?.status == .false
                                && ready?.message.contains("found multiple OpenTelemetry collectors") == true
                        }
                    )
                    #expect(try await cluster.configuration("ta").contains("\(cluster.namespace).one"))
                    #expect(try await TestCluster.eventually { try await !cluster.events("Error").isEmpty })
                    for name in ["one", "two"] {
                        try await cluster.client.patch(
                            ResourceCatalog.collectors,
                            namespace: cluster.namespace,
                            name: name,
                            .merge(["metadata": ["labels": [Collector.targetAllocatorLabel: nil]]])
                        )
                    }
                    #expect(
                        try await TestCluster.eventually {
                            let isAlone = try await cluster.configuration("ta").contains("collector_selector: null")
                            return try await cluster.ready("ta")?.status == .true && isAlone
                        }
                    )
                }
            }
        }

        @Test func unmanagedIsLeftAlone() async throws {
            try await Cluster.run { cluster in
                try await cluster.allocator("ta", spec: ["managementState": "unmanaged", "mtls": ["enabled": true]])
                try await Process.run(cluster) { process in
                    try await process.catchUp(cluster)
                    process.log.clear()
                    #expect(try await process.allocators.reconcile(cluster.key("ta")) == .done)
                    #expect(process.log.all.isEmpty)
                }
            }
        }
    }

    /// Certificates of the operator's own, where there is no cert-manager.
    @Suite(.timeLimit(.minutes(3))) struct MutualTLS {
        private static let names = MutualTLSSecrets.names(of: "ta")
        private static let day = 86_400.0

        @Test func issuedAndRenewed() async throws {
            try await Cluster.run { cluster in
                let stored = try await cluster.allocator("ta", spec: ["mtls": ["enabled": true]])
                let issuer = MutualTLSIssuer(client: cluster.client, settings: OperatorSettings())
                let start = Date()
                let first = try await issuer.keep(for: stored, now: start)
                #expect(first.issued.first == "create: there are no certificates yet" && first.repaired.isEmpty)
                for name in [Self.names.authority, Self.names.server, Self.names.client] {
                    let live = try #require(try await cluster.get(ResourceCatalog.secrets, name))
                    #expect(live.json[string: "type"] == "kubernetes.io/tls")
                    #expect(live.metadata.controller?.uid == stored.metadata.uid)
                    // Nobody who mounts one gets the authority's key.
                    let keys = Set((live.json[object: "data"] ?? [:]).keys)
                    #expect(keys.contains("ca.key") == (name == Self.names.authority))
                    #expect(keys.isSuperset(of: ["ca.crt", "tls.crt", "tls.key"]))
                }
                // Two thirds of the life of a certificate nothing happens.
                let before = try await cluster.secret(Self.names.server).data
                let young = try await issuer.keep(for: stored, now: start + 59 * Self.day)
                #expect(young.issued.isEmpty && young.repaired.isEmpty && young.next == .seconds(300))
                #expect(try await cluster.secret(Self.names.server).data == before)
                let old = try await issuer.keep(for: stored, now: start + 60 * Self.day + 60)
                #expect(old.issued.contains { $0.hasPrefix("reissue the serving certificate") }, "\(old)")
                #expect(old.issued.contains { $0.hasPrefix("reissue the client certificate") }, "\(old)")
                #expect(old.repaired.isEmpty)
                let after = try await cluster.secret(Self.names.server).data
                #expect(after["tls.crt"] != before["tls.crt"] && after["ca.crt"] == before["ca.crt"])
            }
        }

        @Test(arguments: [0, 1, 2]) func othersSecretsStay(_ place: Int) async throws {
            try await Cluster.run { cluster in
                let stored = try await cluster.allocator("ta", spec: ["mtls": ["enabled": true]])
                let name = [Self.names.authority, Self.names.server, Self.names.client][place]
                let theirs = KubeObject([
                    "apiVersion": "v1", "kind": "Secret",
                    "metadata": ["name": .string(name), "namespace": .string(cluster.namespace)],
                    "data": ["tls.key": "bWluZQ=="],
                ])
                try await cluster.client.create(theirs, ResourceCatalog.secrets)
                let issuer = MutualTLSIssuer(client: cluster.client, settings: OperatorSettings())
                let error = await #expect(throws: ReconcileError.self) { try await issuer.keep(for: stored) }
                #expect("\(error.map { "\($0)" } ?? "")".contains("the Secret \(name) is not the operator's"))
                #expect(try await cluster.secret(name).data == ["tls.key": "bWluZQ=="])
                #expect(try await cluster.secret(name).owner == nil)
                // Not one of the others was made either.
                #expect(try await cluster.names(ResourceCatalog.secrets) == [])
            }
        }

        /// What somebody changed is put right, and an Event says so.
        @Test func brokenSecretsAreRepaired() async throws {
            try await Cluster.run { cluster in
                try await cluster.allocator("ta", spec: ["mtls": ["enabled": true]])
                try await Process.run(cluster, events: true) { process in
                    try await process.settle(cluster, targetAllocator: "ta")
                    #expect(
                        try await TestCluster.eventually { try await !cluster.events("CertificatesIssued").isEmpty }
                    )
                    #expect(try await cluster.events("CertificatesRepaired").isEmpty)
                    let first = try await cluster.secret(Self.names.server).data

                    try await self.put(cluster, Self.names.server, ["tls.key": "bm9uc2Vuc2U="])
                    _ = try await process.allocators.reconcile(cluster.key("ta"))
                    #expect(try await cluster.secret(Self.names.server).data == first)
                    #expect(try await self.told(cluster, "the Secret \(Self.names.server) was changed"))

                    // Without the authority nothing can be kept: all three are made anew.
                    try await self.put(cluster, Self.names.authority, ["ca.key": "bm9uc2Vuc2U="])
                    _ = try await process.allocators.reconcile(cluster.key("ta"))
                    #expect(try await self.told(cluster, "the Secret \(Self.names.authority) can't be used"))
                    let server = try await cluster.secret(Self.names.server).data
                    #expect(server["ca.crt"] != first["ca.crt"])
                    #expect(try await cluster.secret(Self.names.client).data["ca.crt"] == server["ca.crt"])
                    #expect(try await cluster.secret(Self.names.authority).data["ca.crt"] == server["ca.crt"])

                    try await cluster.client.delete(
                        ResourceCatalog.secrets,
                        namespace: cluster.namespace,
                        name: Self.names.server
                    )
                    _ = try await process.allocators.reconcile(cluster.key("ta"))
                    #expect(try await cluster.secret(Self.names.server).data == server)
                }
            }
        }

        private func put(_ cluster: Cluster, _ name: String, _ data: JSONObject) async throws {
            try await cluster.client.patch(
                ResourceCatalog.secrets,
                namespace: cluster.namespace,
                name: name,
                .merge(["data": .object(data)])
            )
        }

        private func told(_ cluster: Cluster, _ text: String) async throws -> Bool {
            try await TestCluster.eventually {
                try await cluster.events("CertificatesRepaired").contains {
                    $0.json[string: "type"] == "Warning"
                        && ($0.json[string: "message"] ?? $0.json[string: "note"] ?? "").contains(text)
                }
            }
        }
    }

    /// Certificates that cert-manager is to issue: its definitions are there, it is not.
    @Suite(.timeLimit(.minutes(3))) struct CertManager {
        private func run(_ body: (Cluster) async throws -> Void) async throws {
            try await Cluster.run { cluster in
                let kinds = [ResourceCatalog.certificates, ResourceCatalog.issuers]
                do {
                    for kind in kinds {
                        try await cluster.withdraw(kind)
                        try await cluster.serve(kind)
                    }
                    for kind in kinds {
                        let isServed = try await TestCluster.eventually {
                            do {
                                _ = try await cluster.client.list(kind, namespace: cluster.namespace)
                                return true
                            } catch let error as APIError where error.isNotFound {
                                return false
                            }
                        }
                        try #require(isServed)
                    }
                    try await cluster.client.discovery.refresh()
                    try await body(cluster)
                } catch {
                    for kind in kinds { try? await cluster.withdraw(kind) }
                    throw error
                }
                for kind in kinds { try await cluster.withdraw(kind) }
            }
        }

        @Test func itsObjectsAreWrittenAndGo() async throws {
            try await self.run { cluster in
                let stored = try await cluster.allocator("ta", spec: ["mtls": ["enabled": true]])
                try await Process.run(cluster) { process in
                    #expect(process.owned.facts.certManager)
                    try await process.settle(cluster, targetAllocator: "ta")
                    let certificates = ["ta-ca-cert", "ta-ta-client-cert", "ta-ta-server-cert"]
                    #expect(try await cluster.names(ResourceCatalog.certificates) == certificates)
                    #expect(
                        try await cluster.names(ResourceCatalog.issuers) == ["ta-ca-issuer", "ta-self-signed-issuer"]
                    )
                    // The Secrets are cert-manager's to make.
                    #expect(try await cluster.names(ResourceCatalog.secrets) == [])
                    for name in certificates {
                        let live = try #require(try await cluster.get(ResourceCatalog.certificates, name))
                        #expect(live.metadata.controller?.uid == stored.metadata.uid)
                        #expect(live.spec?[string: "secretName"] == name)
                    }
                    let server = try await cluster.get(ResourceCatalog.certificates, "ta-ta-server-cert")
                    #expect(
                        server?.spec == [
                            "dnsNames": [
                                "ta-targetallocator", .string("ta-targetallocator.\(cluster.namespace).svc"),
                                .string("ta-targetallocator.\(cluster.namespace).svc.cluster.local"),
                            ],
                            "duration": "2160h", "issuerRef": ["kind": "Issuer", "name": "ta-ca-issuer"],
                            "secretName": "ta-ta-server-cert",
                            "subject": ["organizationalUnits": ["opentelemetry-operator"]],
                            "usages": ["client auth", "server auth"],
                        ]
                    )
                    // Switched off they are pruned, and on again they are back.
                    try await cluster.change(allocator: "ta", ["mtls": nil])
                    try await process.settle(cluster, targetAllocator: "ta")
                    #expect(try await cluster.names(ResourceCatalog.certificates) == [])
                    #expect(try await cluster.names(ResourceCatalog.issuers) == [])
                    try await cluster.change(allocator: "ta", ["mtls": ["enabled": true]])
                    try await process.settle(cluster, targetAllocator: "ta")
                    #expect(try await cluster.names(ResourceCatalog.certificates) == certificates)

                    // The owner references take them away with the allocator; the collector of garbage learns new kinds
                    // every half a minute only.
                    try await cluster.client.delete(
                        ResourceCatalog.targetAllocators,
                        namespace: cluster.namespace,
                        name: "ta"
                    )
                    #expect(
                        try await TestCluster.eventually(within: .seconds(90)) {
                            let left = try await cluster.names(ResourceCatalog.certificates)
                            return try await cluster.names(ResourceCatalog.issuers) + left == []
                        }
                    )
                }
            }
        }

        /// Whoever may not write its objects issues the certificates himself.
        @Test func rightsAreAskedFor() async throws {
            try await self.run { cluster in
                #expect(try await ClusterProbe(client: cluster.client).facts().certManager)
                var configuration = try await ClientConfiguration.load(kubeconfig: TestCluster.kubeconfig)
                configuration.impersonation = .init(user: "nobody", groups: ["system:authenticated"])
                try await KubeClient.with(configuration) { client in
                    let facts = try await ClusterProbe(client: client).facts()
                    #expect(!facts.certManager && !facts.certManagerRights)
                    // Rights in the namespaces that are watched are enough, if it is all of them.
                    try await self.grant(cluster, to: "nobody")
                    let isGranted = try await TestCluster.eventually {
                        try await ClusterProbe(client: client, namespaces: [cluster.namespace]).facts().certManager
                    }
                    #expect(isGranted)
                    let more = ClusterProbe(client: client, namespaces: [cluster.namespace, "default"])
                    #expect(try await !more.facts().certManager)
                    #expect(try await !ClusterProbe(client: client).facts().certManager)
                }
            }
        }

        private func grant(_ cluster: Cluster, to user: String) async throws {
            func resource(_ plural: String, _ kind: String) -> APIResource {
                APIResource(group: "rbac.authorization.k8s.io", version: "v1", plural: plural, kind: kind)
            }
            let metadata: JSONValue = ["name": "cert-manager", "namespace": .string(cluster.namespace)]
            try await cluster.client.create(
                KubeObject([
                    "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": metadata,
                    "rules": [
                        [
                            "apiGroups": ["cert-manager.io"], "resources": ["certificates", "issuers"],
                            "verbs": ["create", "delete", "get", "list", "patch", "update", "watch"],
                        ]
                    ],
                ]),
                resource("roles", "Role")
            )
            try await cluster.client.create(
                KubeObject([
                    "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": metadata,
                    "roleRef": [
                        "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "cert-manager",
                    ],
                    "subjects": [
                        ["apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": .string(user)]
                    ],
                ]),
                resource("rolebindings", "RoleBinding")
            )
        }
    }
}
