package import JSONTree

/// Where the API server is, whom to trust there, and who we are.
package struct ClientConfiguration: Sendable {
    /// Scheme, host, port and maybe a path, without a slash at the end.
    package var serverURL: String
    /// Where namespaced things go that name no namespace.
    package var namespace: String
    /// The longest a request may take, retries included, unless it says otherwise.
    package var requestTimeout: Duration = .seconds(30)
    /// `nil` (the default) sends as fast as asked: the server's priority and fairness decides.
    package var rateLimit: RateLimit?
    package var userAgent: String = "swiftlet"
    /// How often a request is sent again when the server turned it away with 429 or 503.
    package var maximumRetries: Int = 5
    /// How many connections ordinary requests share; more requests wait. Watches have connections of their own.
    package var maximumConnections: Int = 16
    /// The largest answer that is accepted, in bytes.
    package var maximumResponseSize: Int = 256 << 20

    /// PEM certificates of who may sign the server's certificate; `nil` trusts what the system trusts.
    package var certificateAuthorities: [UInt8]?
    /// Accepts whatever certificate the server shows. Anybody in between can then read and change everything.
    package var skipsServerVerification: Bool = false
    /// The name expected in the server's certificate, when it is not the host of the URL.
    package var tlsServerName: String?
    /// `http://[user:password@]host:port` of a proxy that understands CONNECT.
    package var proxyURL: String?
    package var clientCertificate: ClientCertificate?
    package var authentication: Authentication = .none
    package var impersonation: Impersonation?

    package init(serverURL: String, namespace: String = "default") {
        self.serverURL = serverURL.hasSuffix("/") ? String(serverURL.dropLast()) : serverURL
        self.namespace = namespace
    }
}

extension ClientConfiguration {
    /// PEM text, or the file it is in; a file is read again as it may be replaced.
    package enum PEMSource: Sendable, Hashable {
        case data([UInt8])
        case file(String)
    }

    /// The client's certificate (and chain) with its private key.
    package struct ClientCertificate: Sendable, Hashable {
        package var certificate: PEMSource
        package var key: PEMSource

        package init(certificate: PEMSource, key: PEMSource) {
            self.certificate = certificate
            self.key = key
        }
    }

    /// What goes into the `Authorization` header.
    package enum Authentication: Sendable, Hashable {
        case none
        case token(String)
        /// Read again each minute, and when the server refuses the token.
        case tokenFile(String)
        case basic(username: String, password: String)
        case exec(ExecPlugin)
    }

    /// A program that prints a credential (client.authentication.k8s.io).
    package struct ExecPlugin: Sendable, Hashable {
        /// `client.authentication.k8s.io/v1` or `…/v1beta1`.
        package var apiVersion: String
        /// A name to be found in `PATH`, or a path.
        package var command: String
        package var arguments: [String]
        /// Added to our own environment, in this order.
        package var environment: [EnvironmentVariable]
        /// Said to the user when the program is not there.
        package var installHint: String?
        /// Tells the plugin about the cluster.
        package var providesClusterInfo: Bool
        /// `extensions` of the cluster named `client.authentication.k8s.io/exec`, handed to the plugin.
        package var clusterConfiguration: JSONValue?

        package struct EnvironmentVariable: Sendable, Hashable {
            package var name: String
            package var value: String
            package init(name: String, value: String) {
                self.name = name
                self.value = value
            }
        }

        package init(
            apiVersion: String,
            command: String,
            arguments: [String] = [],
            environment: [EnvironmentVariable] = [],
            installHint: String? = nil,
            providesClusterInfo: Bool = false,
            clusterConfiguration: JSONValue? = nil
        ) {
            self.apiVersion = apiVersion
            self.command = command
            self.arguments = arguments
            self.environment = environment
            self.installHint = installHint
            self.providesClusterInfo = providesClusterInfo
            self.clusterConfiguration = clusterConfiguration
        }
    }

    /// Acting as somebody else (`as`, `as-uid`, `as-groups`, `as-user-extra` of a kubeconfig user).
    package struct Impersonation: Sendable, Hashable {
        package var user: String
        package var uid: String?
        package var groups: [String]
        package var extra: [String: [String]]

        package init(user: String, uid: String? = nil, groups: [String] = [], extra: [String: [String]] = [:]) {
            self.user = user
            self.uid = uid
            self.groups = groups
            self.extra = extra
        }
    }
}

/// Says where, never the secrets: configurations end up in logs.
extension ClientConfiguration: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "ClientConfiguration(\(self.serverURL), namespace \(self.namespace))" }
    package var debugDescription: String { self.description }
    package var customMirror: Mirror {
        Mirror(self, children: ["serverURL": self.serverURL, "namespace": self.namespace])
    }
}
