import JSONTree
import KubeModel
import KubeTesting
import Logging
import PrometheusConfig
import PrometheusResources
import ServiceLifecycle
import Synchronization
import Testing

@testable import KubeClient
@testable import KubeRuntime
@testable import TargetAllocator

/// A real API server that serves the kinds of the Prometheus operator, a proxy before it, and a namespace.
struct ResourceCluster {
    var client: KubeClient
    /// Goes through the proxy.
    var proxied: KubeClient
    var proxy: FaultProxy
    var namespace: String

    static func run(
        kinds: [PrometheusResourceKind] = [.serviceMonitor, .podMonitor, .probe],
        _ body: (ResourceCluster) async throws -> Void
    ) async throws {
        let direct = try await ClientConfiguration.load(kubeconfig: TestCluster.kubeconfig)
        let host = try #require(ServerHost(direct.serverURL))
        let credentials = try Credentials(
            configuration: direct,
            settings: try TLSSettings(direct),
            logger: Logger(label: "test"),
            time: .continuous
        )
        let upstream = FaultProxy.Upstream(host: host.name, port: host.port ?? 443, tls: credentials.clientTLS)
        try await FaultProxy.run(upstream: upstream) { proxy in
            var throughProxy = direct
            throughProxy.serverURL = proxy.url
            throughProxy.certificateAuthorities = nil
            throughProxy.clientCertificate = nil
            try await Self.withClient(direct) { client in
                try await Self.withClient(throughProxy) { proxied in
                    for kind in kinds { try await Self.define(kind, client) }
                    try await TestCluster.withNamespace(
                        "resources",
                        create: { try await client.create($0, TestCluster.namespaces) },
                        delete: { try await client.delete(TestCluster.namespaces, name: $0) }
                    ) { namespace in
                        try await body(
                            ResourceCluster(client: client, proxied: proxied, proxy: proxy, namespace: namespace)
                        )
                    }
                }
            }
        }
    }

    private static func withClient(
        _ configuration: ClientConfiguration,
        _ body: (KubeClient) async throws -> Void
    ) async throws {
        let client = try KubeClient(configuration: configuration, logger: Logger(label: "test"))
        do {
            try await body(client)
            await client.shutdown()
        } catch {
            await client.shutdown()
            throw error
        }
    }

    // MARK: Definitions

    /// A definition that lets everything through.
    static func define(_ kind: PrometheusResourceKind, _ client: KubeClient) async throws {
        let resource = kind.resource
        var object = KubeObject(
            APIResource.customResourceDefinitions.groupVersionKind,
            name: Self.definitionName(of: kind)
        )
        object.spec = [
            "group": .string(resource.group), "scope": "Namespaced",
            "names": [
                "plural": .string(resource.plural), "singular": .string(resource.kind.lowercased()),
                "kind": .string(resource.kind), "listKind": .string(resource.kind + "List"),
            ],
            "versions": [
                [
                    "name": .string(resource.version), "served": true, "storage": true, "subresources": ["status": [:]],
                    "schema": [
                        "openAPIV3Schema": ["type": "object", "x-kubernetes-preserve-unknown-fields": true]
                    ],
                ]
            ],
        ]
        do {
            try await client.create(object, .customResourceDefinitions)
        } catch let error as APIError where error.isAlreadyExists {
            // Of an earlier test.
        }
        let isServed = try await TestCluster.eventually {
            do {
                _ = try await client.list(resource)
                return true
            } catch let error as APIError where error.isNotFound {
                return false
            }
        }
        #expect(isServed)
    }

    static func undefine(_ kind: PrometheusResourceKind, _ client: KubeClient) async throws {
        do {
            try await client.delete(.customResourceDefinitions, name: Self.definitionName(of: kind))
        } catch let error as APIError where error.isNotFound {
            return
        }
        let isGone = try await TestCluster.eventually {
            do {
                _ = try await client.get(.customResourceDefinitions, name: Self.definitionName(of: kind))
                return false
            } catch let error as APIError where error.isNotFound {
                return true
            }
        }
        #expect(isGone)
    }

    private static func definitionName(of kind: PrometheusResourceKind) -> String {
        "\(kind.resource.plural).\(kind.resource.group)"
    }

    // MARK: Objects

    func object(
        _ kind: PrometheusResourceKind,
        _ name: String,
        labels: [String: String] = [:],
        spec: JSONObject
    ) -> KubeObject {
        var object = KubeObject(kind.groupVersionKind, namespace: self.namespace, name: name)
        object.metadata.labels = labels
        object.spec = spec
        return object
    }

    func create(
        _ kind: PrometheusResourceKind,
        _ name: String,
        labels: [String: String] = [:],
        spec: JSONObject
    ) async throws {
        try await self.client.create(self.object(kind, name, labels: labels, spec: spec), kind.resource)
    }

    func delete(_ kind: PrometheusResourceKind, _ name: String) async throws {
        try await self.client.delete(kind.resource, namespace: self.namespace, name: name)
    }

    /// A ServiceMonitor's `spec` with one port and, given a Secret, a token from it.
    static func monitor(port: String = "metrics", secret: String? = nil) -> JSONObject {
        var endpoint: JSONObject = ["port": .string(port)]
        if let secret { endpoint["authorization"] = ["credentials": ["name": .string(secret), "key": "token"]] }
        return ["selector": [:], "endpoints": [.object(endpoint)]]
    }

    func put(secret name: String, token: String) async throws {
        var object = KubeObject(APIResource.secrets.groupVersionKind, namespace: self.namespace, name: name)
        object.json["data"] = ["token": .string(Base64.encode(token.utf8))]
        do {
            try await self.client.create(object, .secrets)
        } catch let error as APIError where error.isAlreadyExists {
            try await self.client.patch(
                .secrets,
                namespace: self.namespace,
                name: name,
                .merge(["data": ["token": .string(Base64.encode(token.utf8))]])
            )
        }
    }

    func put(label: String, _ value: String?) async throws {
        try await self.client.patch(
            TestCluster.namespaces,
            name: self.namespace,
            .merge(["metadata": ["labels": [label: value.map { .string($0) } ?? .null]]])
        )
    }

    // MARK: Following

    /// Takes everything of all kinds in this namespace.
    var configuration: ResourceWatcher.Configuration {
        var settings = ResourceSettings(namespace: self.namespace)
        for kind in PrometheusResourceKind.allCases {
            settings.selections[kind] = ResourceSelection(objects: LabelSelector())
        }
        settings.allowedNamespaces = [self.namespace]
        var configuration = ResourceWatcher.Configuration(settings: settings, secretNamespaces: [self.namespace])
        configuration.retryPeriod = .seconds(1)
        return configuration
    }

    func jobName(_ name: String, _ index: Int = 0) -> String { "serviceMonitor/\(self.namespace)/\(name)/\(index)" }

    /// Runs a watcher for the time of `body`.
    func following(
        _ configuration: ResourceWatcher.Configuration? = nil,
        events: EventRecorder? = nil,
        presence: ResourcePresence.Configuration = ResourcePresence.Configuration(),
        _ body: (Outcomes) async throws -> Void
    ) async throws {
        let outcomes = Outcomes()
        let watcher = ResourceWatcher(
            client: self.proxied,
            configuration: configuration ?? self.configuration,
            events: events,
            presence: presence
        ) { outcomes.add($0) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                do { try await watcher.run() } catch is CancellationError {}
            }
            if let events {
                group.addTask {
                    do { try await events.run() } catch is CancellationError {}
                }
            }
            try await watcher.waitForSync()
            try await body(outcomes)
            group.cancelAll()
            try await group.waitForAll()
        }
    }
}

/// What a watcher told.
final class Outcomes: Sendable {
    private let state = Mutex<[ResourceOutcome]>([])

    var all: [ResourceOutcome] { self.state.withLock { $0 } }
    var latest: ResourceOutcome { self.all.last ?? ResourceOutcome() }

    func add(_ outcome: ResourceOutcome) { self.state.withLock { $0.append(outcome) } }

    /// Whether the jobs become these, in the order of their names.
    func become(_ jobs: [String], within limit: Duration = .seconds(20)) async throws -> Bool {
        try await TestCluster.eventually(within: limit) { self.latest.jobs.map(\.name) == jobs }
    }

    /// The token that a job authenticates with.
    func token(of job: String) -> String? {
        let json = self.latest.jobs.first { $0.name == job }?.json
        return json?[path: "authorization", "credentials"]?.string
    }
}
