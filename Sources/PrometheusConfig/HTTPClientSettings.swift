/// How a server is reached: what Prometheus calls an HTTP client configuration, checked and with its defaults.
package struct HTTPClientSettings: Sendable, Hashable {
    package struct Basic: Sendable, Hashable {
        package var username: String
        package var usernameFile: String?
        package var password: String
        package var passwordFile: String?

        package init(
            username: String = "",
            usernameFile: String? = nil,
            password: String = "",
            passwordFile: String? = nil
        ) {
            self.username = username
            self.usernameFile = usernameFile
            self.password = password
            self.passwordFile = passwordFile
        }
    }

    package struct Authorization: Sendable, Hashable {
        package var type: String
        package var credentials: String
        package var credentialsFile: String?

        package init(type: String = "Bearer", credentials: String = "", credentialsFile: String? = nil) {
            self.type = type
            self.credentials = credentials
            self.credentialsFile = credentialsFile
        }
    }

    package struct OAuth2: Sendable, Hashable {
        package var clientID: String
        package var clientSecret: String
        package var clientSecretFile: String?
        package var scopes: [String]
        package var tokenURL: String
        package var endpointParams: [String: String]
        package var tls: TLS
        package var proxy: Proxy

        package init(
            clientID: String,
            clientSecret: String = "",
            clientSecretFile: String? = nil,
            scopes: [String] = [],
            tokenURL: String,
            endpointParams: [String: String] = [:],
            tls: TLS = TLS(),
            proxy: Proxy = Proxy()
        ) {
            self.clientID = clientID
            self.clientSecret = clientSecret
            self.clientSecretFile = clientSecretFile
            self.scopes = scopes
            self.tokenURL = tokenURL
            self.endpointParams = endpointParams
            self.tls = tls
            self.proxy = proxy
        }
    }

    /// PEM texts are empty when not given; of a text and a file at most one is given.
    package struct TLS: Sendable, Hashable {
        package var ca: String
        package var cert: String
        package var key: String
        package var caFile: String?
        package var certFile: String?
        package var keyFile: String?
        package var serverName: String?
        package var insecureSkipVerify: Bool
        /// TLS10, TLS11, TLS12 or TLS13.
        package var minVersion: String?
        package var maxVersion: String?

        package init(
            ca: String = "",
            cert: String = "",
            key: String = "",
            caFile: String? = nil,
            certFile: String? = nil,
            keyFile: String? = nil,
            serverName: String? = nil,
            insecureSkipVerify: Bool = false,
            minVersion: String? = nil,
            maxVersion: String? = nil
        ) {
            self.ca = ca
            self.cert = cert
            self.key = key
            self.caFile = caFile
            self.certFile = certFile
            self.keyFile = keyFile
            self.serverName = serverName
            self.insecureSkipVerify = insecureSkipVerify
            self.minVersion = minVersion
            self.maxVersion = maxVersion
        }
    }

    package struct Proxy: Sendable, Hashable {
        package var url: String?
        package var noProxy: String?
        package var fromEnvironment: Bool
        /// Headers for the proxy itself, each with its values.
        package var connectHeaders: [String: [String]]

        package init(
            url: String? = nil,
            noProxy: String? = nil,
            fromEnvironment: Bool = false,
            connectHeaders: [String: [String]] = [:]
        ) {
            self.url = url
            self.noProxy = noProxy
            self.fromEnvironment = fromEnvironment
            self.connectHeaders = connectHeaders
        }
    }

    /// Values of one header that is sent with each request.
    package struct Header: Sendable, Hashable {
        package var name: String
        package var values: [String]
        package var secrets: [String]
        package var files: [String]

        package init(name: String, values: [String] = [], secrets: [String] = [], files: [String] = []) {
            self.name = name
            self.values = values
            self.secrets = secrets
            self.files = files
        }
    }

    package var basicAuth: Basic?
    package var authorization: Authorization?
    package var oauth2: OAuth2?
    package var tls: TLS
    package var proxy: Proxy
    package var headers: [Header]
    package var followRedirects: Bool
    package var enableHTTP2: Bool

    package init(
        basicAuth: Basic? = nil,
        authorization: Authorization? = nil,
        oauth2: OAuth2? = nil,
        tls: TLS = TLS(),
        proxy: Proxy = Proxy(),
        headers: [Header] = [],
        followRedirects: Bool = true,
        enableHTTP2: Bool = true
    ) {
        self.basicAuth = basicAuth
        self.authorization = authorization
        self.oauth2 = oauth2
        self.tls = tls
        self.proxy = proxy
        self.headers = headers
        self.followRedirects = followRedirects
        self.enableHTTP2 = enableHTTP2
    }
}
