import JSONTree
import KubeClient
import KubeModel
import KubeRuntime
import KubeTesting
import Logging
import Rendering
import ServiceLifecycle
import TelemetryAPI
import Testing
import YAMLTree

@testable import Controllers
@testable import KubeClient

/// Tests against a real API server, one after the other: some of them change what belongs to the whole cluster.
@Suite(.serialized, .enabled(if: TestCluster.isAvailable, "\(TestCluster.skipReason)"))
enum ClusterTests {}

/// A real API server with our CRDs: a client that talks to it straight, a proxy before it, and a namespace.
struct Cluster {
    var client: KubeClient
    var proxy: FaultProxy
    var namespace: String
    /// For clients behind the proxy.
    var proxied: ClientConfiguration

    static func run(_ body: (Cluster) async throws -> Void) async throws {
        let direct = try await ClientConfiguration.load(kubeconfig: TestCluster.kubeconfig)
        let host = try #require(ServerHost(direct.serverURL))
        let credentials = try Credentials(
            configuration: direct,
            settings: try TLSSettings(direct),
            logger: silence,
            time: .continuous
        )
        let upstream = FaultProxy.Upstream(host: host.name, port: host.port ?? 443, tls: credentials.clientTLS)
        try await FaultProxy.run(upstream: upstream) { proxy in
            var proxied = direct
            proxied.serverURL = proxy.url
            proxied.certificateAuthorities = nil
            proxied.clientCertificate = nil
            try await KubeClient.with(direct) { client in
                try await Self.installDefinitions(client)
                try await TestCluster.withNamespace(
                    "controllers",
                    create: { try await client.create($0, TestCluster.namespaces) },
                    delete: { try await client.delete(TestCluster.namespaces, name: $0) }
                ) { namespace in
                    try await body(
                        Cluster(client: client, proxy: proxy, namespace: namespace, proxied: proxied)
                    )
                }
            }
        }
    }

    private static let definitions = APIResource(
        group: "apiextensions.k8s.io",
        version: "v1",
        plural: "customresourcedefinitions",
        kind: "CustomResourceDefinition",
        isNamespaced: false
    )

    private static func installDefinitions(_ client: KubeClient) async throws {
        let version = try await client.version()
        for definition in try CustomResourceDefinition.all(
            for: KubernetesVersion(major: version.major, minor: version.minor)
        ) {
            var live: KubeObject?
            do {
                live = try await client.get(Self.definitions, name: definition.name)
            } catch let error as APIError where error.isNotFound {}
            try await client.apply(
                CustomResourceDefinition.keepingAddress(definition, of: live),
                Self.definitions,
                fieldManager: "test"
            )
        }
        let isServed = try await TestCluster.eventually {
            do {
                for resource in [
                    ResourceCatalog.collectors, ResourceCatalog.instrumentations, ResourceCatalog.targetAllocators,
                ] {
                    _ = try await client.list(resource, options: ListOptions(limit: 1))
                }
                return true
            } catch let error as APIError where error.isNotFound {
                return false
            }
        }
        try #require(isServed)
    }

    /// Has a kind served that takes everything, as a CRD of somebody else's would.
    func serve(_ resource: APIResource) async throws {
        try await self.client.create(
            KubeObject([
                "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                "metadata": [
                    "name": .string("\(resource.plural).\(resource.group)"),
                    "annotations": ["api-approved.kubernetes.io": "unapproved, for a test"],
                ],
                "spec": [
                    "group": .string(resource.group), "scope": "Namespaced",
                    "names": [
                        "plural": .string(resource.plural), "singular": .string(resource.kind.lowercased()),
                        "kind": .string(resource.kind), "listKind": .string(resource.kind + "List"),
                    ],
                    "versions": [
                        [
                            "name": .string(resource.version), "served": true, "storage": true,
                            "schema": [
                                "openAPIV3Schema": ["type": "object", "x-kubernetes-preserve-unknown-fields": true]
                            ],
                        ]
                    ],
                ],
            ]),
            .customResourceDefinitions
        )
    }

    /// Ends that, with all objects of the kind.
    func withdraw(_ resource: APIResource) async throws {
        let name = "\(resource.plural).\(resource.group)"
        do {
            try await self.client.delete(.customResourceDefinitions, name: name)
        } catch let error as APIError where error.isNotFound {
            return
        }
        let isGone = try await TestCluster.eventually { try await self.get(.customResourceDefinitions, name) == nil }
        try #require(isGone)
    }

    func key(_ name: String) -> ObjectKey { ObjectKey(namespace: self.namespace, name: name) }

    // MARK: Objects

    static let otlp = """
        receivers: {otlp: {protocols: {grpc: {}, http: {}}}}
        exporters: {debug: {}}
        service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}
        """
    static let zipkin = """
        receivers: {zipkin: {}}
        exporters: {debug: {}}
        service: {pipelines: {traces: {receivers: [zipkin], exporters: [debug]}}}
        """
    static let events = """
        receivers: {k8s_events: {}}
        exporters: {debug: {}}
        service: {pipelines: {logs: {receivers: [k8s_events], exporters: [debug]}}}
        """

    /// What the schema lets through and nobody can render.
    static let broken = """
        receivers: {otlp: {protocols: {nonsense: {}}}}
        exporters: {debug: {}}
        service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}
        """

    /// A collector as a user would write it.
    func collector(_ name: String, config: String = otlp, spec: JSONObject = [:]) throws -> KubeObject {
        var object = KubeObject(ResourceCatalog.collectors.groupVersionKind, namespace: self.namespace, name: name)
        object.spec = ["config": .object(try yaml(config))]
        for (key, value) in spec { object.spec?[key] = value }
        return object
    }

    @discardableResult
    func create(_ object: KubeObject) async throws -> KubeObject {
        try await self.client.create(object, ResourceCatalog.collectors)
    }

    /// Changes a collector as a user with `kubectl patch` does.
    func change(_ name: String, _ patch: JSONObject) async throws {
        try await self.client.patch(
            ResourceCatalog.collectors,
            namespace: self.namespace,
            name: name,
            .merge(["spec": .object(patch)])
        )
    }

    func get(_ resource: APIResource, _ name: String) async throws -> KubeObject? {
        do {
            return try await self.client.get(
                resource,
                namespace: resource.isNamespaced ? self.namespace : nil,
                name: name
            )
        } catch let error as APIError where error.isNotFound {
            return nil
        }
    }

    func status(_ name: String) async throws -> CollectorStatus {
        Collector(try #require(try await self.get(ResourceCatalog.collectors, name)).json).status
    }

    func names(_ resource: APIResource) async throws -> [String] {
        try await self.client.list(
            resource,
            namespace: self.namespace,
            options: ListOptions(labelSelector: OwnedStores.selector)
        ).items.map(\.name).sorted()
    }
}

/// One process of the operator: the stores and the reconciler as `Operator` wires them, without webhooks.
struct Process: Sendable {
    let client: KubeClient
    let log: RequestLog
    let stores: ClusterStores
    let owned: OwnedStores
    let reconciler: CollectorReconciler
    let allocators: TargetAllocatorReconciler

    /// Runs `body` while the stores run; reconciles are `body`'s to call, unless `controls`.
    static func run(
        _ cluster: Cluster,
        settings: OperatorSettings = OperatorSettings(),
        rbac: Bool = true,
        events: Bool = false,
        controls: Bool = false,
        namespaces: [String]? = nil,
        _ body: (Process) async throws -> Void
    ) async throws {
        let log = RequestLog()
        var facts = try await ClusterProbe(client: cluster.client).facts()
        facts.rbacCreation = facts.rbacCreation && rbac
        let found = facts
        try await KubeClient.with(cluster.proxied, observer: log) { client in
            let scope = NamespaceScope.only(namespaces ?? [cluster.namespace])
            let stores = ClusterStores(client: client, namespaces: scope)
            let owned = OwnedStores(client: client, namespaces: scope, facts: found)
            let recorder = EventRecorder(
                client: client,
                reporter: EventReporter(controller: "opentelemetry-operator", instance: "test")
            )
            let writer = OwnedObjectWriter(client: client, owned: owned)
            let reconciler = CollectorReconciler(
                client: client,
                stores: stores,
                owned: owned,
                writer: writer,
                settings: settings,
                events: events ? recorder : nil,
                now: { Timestamp.now().rfc3339 }
            )
            let allocators = TargetAllocatorReconciler(
                client: client,
                stores: stores,
                writer: writer,
                settings: settings,
                events: events ? recorder : nil,
                now: { Timestamp.now().rfc3339 }
            )
            var services: [any Service] = [stores.collectors, stores.targetAllocators, recorder, owned]
            if controls {
                services += [reconciler.controller(parallelism: 4), allocators.controller(parallelism: 4)]
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for service in services {
                    group.addTask {
                        do { try await service.run() } catch is CancellationError {}
                    }
                }
                try await stores.collectors.waitForSync()
                try await stores.targetAllocators.waitForSync()
                try await owned.waitForSync()
                log.clear()
                do {
                    try await body(
                        Process(
                            client: client,
                            log: log,
                            stores: stores,
                            owned: owned,
                            reconciler: reconciler,
                            allocators: allocators
                        )
                    )
                } catch {
                    group.cancelAll()
                    throw error
                }
                group.cancelAll()
                try await group.waitForAll()
            }
        }
    }

    /// Returns when the stores hold what the server holds of the namespace, in the same versions.
    func catchUp(_ cluster: Cluster) async throws {
        func isCurrent<Item>(_ store: Store<Item>, _ resource: APIResource, _ selector: String?) async throws -> Bool {
            let namespace = resource.isNamespaced ? cluster.namespace : nil
            let live = try await cluster.client.list(
                resource,
                namespace: namespace,
                options: ListOptions(labelSelector: selector)
            ).items
            return live.count == store.keys(in: namespace).count
                && live.allSatisfy { store.resourceVersion(of: $0.key) == $0.metadata.resourceVersion }
        }
        let isCaughtUp = try await TestCluster.eventually {
            guard try await isCurrent(self.stores.collectors, ResourceCatalog.collectors, nil),
                try await isCurrent(self.stores.targetAllocators, ResourceCatalog.targetAllocators, nil)
            else { return false }
            for kind in self.owned.kinds {
                guard try await isCurrent(kind.store, kind.resource, OwnedStores.selector) else { return false }
            }
            return true
        }
        try #require(isCaughtUp, "the stores never caught up")
    }

    /// Reconciles until there is nothing left to do, as a controller would.
    ///
    /// - Returns: all writes, in order.
    @discardableResult
    func settle(_ cluster: Cluster, _ name: String) async throws -> [String] {
        try await self.settle(cluster, name) { _ = try await self.reconciler.reconcile(cluster.key(name)) }
    }

    /// The same for a target allocator.
    @discardableResult
    func settle(_ cluster: Cluster, targetAllocator name: String) async throws -> [String] {
        try await self.settle(cluster, name) { _ = try await self.allocators.reconcile(cluster.key(name)) }
    }

    private func settle(
        _ cluster: Cluster,
        _ name: String,
        _ reconcile: () async throws -> Void
    ) async throws -> [String] {
        var writes: [String] = []
        for _ in 0..<20 {
            // Asked before the stores catch up: what the cluster's controllers do afterwards, the reconcile has not seen.
            let wasAtRest = try await self.workloadIsAtRest(cluster)
            try await self.catchUp(cluster)
            self.log.clear()
            try await reconcile()
            let written = self.log.writes
            writes += written
            if written.isEmpty {
                if wasAtRest { return writes }
                let isAtRest = try await TestCluster.eventually { try await self.workloadIsAtRest(cluster) }
                try #require(isAtRest, "the cluster's own controllers do nothing")
            }
        }
        Issue.record("\(name) never comes to rest: \(writes)")
        return writes
    }

    /// The cluster's own controllers have seen every Deployment (and more pods than wanted exist while one rolls out, for
    /// ever in a cluster without nodes).
    private func workloadIsAtRest(_ cluster: Cluster) async throws -> Bool {
        try await cluster.client.list(ResourceCatalog.deployments, namespace: cluster.namespace).items.allSatisfy {
            $0.status?[int: "observedGeneration"] == $0.metadata.generation
                && $0.status?[int: "replicas"] ?? 0 >= $0.spec?[int: "replicas"] ?? 1
        }
    }
}
