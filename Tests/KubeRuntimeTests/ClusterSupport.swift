import JSONTree
import KubeModel
import KubeTesting
import Logging
import Testing

@testable import KubeClient

/// A real API server: a client that talks to it straight, a proxy before it, and a namespace of its own.
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
            logger: Logger(label: "test"),
            time: .continuous
        )
        let upstream = FaultProxy.Upstream(host: host.name, port: host.port ?? 443, tls: credentials.clientTLS)
        try await FaultProxy.run(upstream: upstream) { proxy in
            var proxied = direct
            proxied.serverURL = proxy.url
            proxied.certificateAuthorities = nil
            proxied.clientCertificate = nil
            try await KubeClient.with(direct) { client in
                try await TestCluster.withNamespace(
                    "runtime",
                    create: { try await client.create($0, TestCluster.namespaces) },
                    delete: { try await client.delete(TestCluster.namespaces, name: $0) }
                ) { namespace in
                    try await body(Cluster(client: client, proxy: proxy, namespace: namespace, proxied: proxied))
                }
            }
        }
    }

    func configMap(_ name: String, _ value: String, labels: [String: String] = ["app": "x"]) -> KubeObject {
        var object = KubeObject(APIResource.configMaps.groupVersionKind, namespace: self.namespace, name: name)
        object.metadata.labels = labels
        object.json["data"] = .strings(["v": value])
        return object
    }

    func key(_ name: String) -> ObjectKey { ObjectKey(namespace: self.namespace, name: name) }
}
