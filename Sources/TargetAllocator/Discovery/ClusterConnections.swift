import KubeClient
import Logging
import Metrics
import PrometheusConfig
import Synchronization

/// The clusters that discovery looks at, each with one client, however many discoveries mean it.
final class ClusterConnections: Sendable {
    /// What tells clusters apart.
    private struct Address: Hashable {
        var server: String?
        var kubeconfig: String?
        var settings: HTTPClientSettings?
    }

    private static let retryPause: Duration = .seconds(15)

    private let own: KubeClient?
    private let clusters = Mutex<[Address: WatchedCluster]>([:])

    init(_ own: KubeClient?) { self.own = own }

    var watchCount: Int { self.clusters.withLock { $0.values.reduce(0) { $0 + $1.watchCount } } }

    /// Closes the connections that were made here.
    func shutdown() async {
        let clusters = self.clusters.withLock { clusters in
            defer { clusters = [:] }
            return Array(clusters.values)
        }
        for cluster in clusters where cluster.client !== self.own { await cluster.client.shutdown() }
    }

    /// The cluster of a discovery; a configuration that can't be used is said, and looked at again later.
    func cluster(for discovery: KubernetesDiscovery, _ channel: GroupChannel) async throws -> WatchedCluster {
        let address = Address(
            server: discovery.apiServer,
            kubeconfig: discovery.kubeconfigFile,
            settings: discovery.apiServer == nil ? nil : discovery.http
        )
        var told: String?
        while true {
            if let known = self.clusters.withLock({ $0[address] }) { return known }
            do {
                let client = try await self.client(address)
                // Another discovery may have been quicker; its client counts.
                return self.clusters.withLock { clusters in
                    if let known = clusters[address] { return known }
                    let cluster = WatchedCluster(client: client)
                    clusters[address] = cluster
                    return cluster
                }
            } catch {
                try Task.checkCancellation()
                let text = "\(error)"
                if told != text {
                    DiscoveryMetrics.kubernetesFailures.increment()
                    Logger.current.warning(
                        "service discovery has no way to a cluster",
                        metadata: [
                            "job": "\(channel.jobs.first ?? "")",
                            "role": "\(discovery.role.rawValue)",
                            "error": "\(text)",
                        ]
                    )
                    told = text
                }
                try await Task.sleep(for: Self.retryPause)
            }
        }
    }

    private func client(_ address: Address) async throws -> KubeClient {
        var configuration: ClientConfiguration
        if let server = address.server, let settings = address.settings {
            configuration = ClientConfiguration(serverURL: server)
            try await configuration.take(settings)
        } else if let kubeconfig = address.kubeconfig {
            configuration = try await ClientConfiguration.load(kubeconfig: kubeconfig)
        } else if let own = self.own {
            return own
        } else {
            configuration = try await ClientConfiguration.load()
        }
        configuration.userAgent = "swiftlet-target-allocator"
        return try KubeClient(configuration: configuration, logger: Logger.current)
    }
}

extension ClientConfiguration {
    /// Takes over how Prometheus' configuration says to reach a server.
    ///
    /// - Throws: for what the client can't do, or files that can't be read.
    fileprivate mutating func take(_ settings: HTTPClientSettings) async throws {
        if settings.oauth2 != nil {
            throw ClusterSettingError("oauth2 is not supported for an API server: use authorization.credentials_file")
        }
        let tls = settings.tls
        self.certificateAuthorities = try await SecretText.bytes(tls.ca, file: tls.caFile)
        self.skipsServerVerification = tls.insecureSkipVerify
        self.tlsServerName = tls.serverName
        if let certificate = PEMSource(tls.cert, file: tls.certFile), let key = PEMSource(tls.key, file: tls.keyFile) {
            self.clientCertificate = ClientCertificate(certificate: certificate, key: key)
        }
        self.proxyURL = settings.proxy.choose(for: self.serverURL)
        if let basic = settings.basicAuth {
            self.authentication = .basic(
                username: try await SecretText.text(basic.username, file: basic.usernameFile),
                password: try await SecretText.text(basic.password, file: basic.passwordFile)
            )
        }
        if let authorization = settings.authorization {
            guard authorization.type.lowercased() == "bearer" else {
                throw ClusterSettingError(
                    "authorization.type '\(authorization.type)' is not supported for an API server"
                )
            }
            self.authentication =
                if let file = authorization.credentialsFile, !file.isEmpty {
                    .tokenFile(file)
                } else {
                    .token(authorization.credentials)
                }
        }
    }
}

extension ClientConfiguration.PEMSource {
    fileprivate init?(_ text: String?, file: String?) {
        if let file, !file.isEmpty {
            self = .file(file)
        } else if let text, !text.isEmpty {
            self = .data(Array(text.utf8))
        } else {
            return nil
        }
    }
}

struct ClusterSettingError: Error, CustomStringConvertible {
    var message: String
    init(_ message: String) { self.message = message }
    var description: String { self.message }
}
