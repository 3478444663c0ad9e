import JSONTree

extension Kubeconfig {
    /// What a context stands for.
    ///
    /// - Parameter name: the context; `nil` is the current one.
    /// - Throws: ``KubeClientError`` that names file, place and remedy.
    func configuration(context name: String?) async throws -> ClientConfiguration {
        let context = try self.context(named: name)
        guard let clusterName = try context.string("cluster") else {
            throw context.error("cluster", "is missing: a context names its cluster")
        }
        guard let cluster = self.clusters[clusterName] else {
            throw context.error(
                "cluster",
                "is '\(clusterName)', which is not among the clusters (\(Self.list(self.clusters)))"
            )
        }
        guard let server = try cluster.string("server") else {
            throw cluster.error("server", "is missing: the URL of the API server, such as https://127.0.0.1:6443")
        }
        guard server.hasPrefix("https://") || server.hasPrefix("http://") else {
            throw cluster.error("server", "is '\(server)', which does not begin with https:// (or http://)")
        }
        var configuration = ClientConfiguration(serverURL: server)
        if let namespace = try context.string("namespace") { configuration.namespace = namespace }
        try await Self.read(cluster, into: &configuration)

        // A context without a user is anonymous.
        if let userName = try context.string("user") {
            guard let user = self.users[userName] else {
                throw context.error("user", "is '\(userName)', which is not among the users (\(Self.list(self.users)))")
            }
            try await Self.read(user, of: cluster, into: &configuration)
        }
        return configuration
    }

    private func context(named name: String?) throws -> Entry {
        let files = self.files.joined(separator: ", ")
        guard let name = name ?? self.currentContext else {
            throw KubeClientError(
                .configuration,
                self.contexts.isEmpty
                    ? "the kubeconfig \(files) has no contexts"
                    : "the kubeconfig \(files) has no current-context; choose one of: \(Self.list(self.contexts))"
            )
        }
        guard let context = self.contexts[name] else {
            throw KubeClientError(
                .configuration,
                "the kubeconfig \(files) has no context '\(name)'; it has: \(Self.list(self.contexts))"
            )
        }
        return context
    }

    private static func list(_ entries: [String: Entry]) -> String {
        entries.isEmpty ? "none" : entries.keys.sorted().joined(separator: ", ")
    }

    // MARK: Cluster

    private static func read(_ cluster: Entry, into configuration: inout ClientConfiguration) async throws {
        configuration.skipsServerVerification = try cluster.bool("insecure-skip-tls-verify")
        configuration.tlsServerName = try cluster.string("tls-server-name")
        if let data = try cluster.data("certificate-authority-data") {
            configuration.certificateAuthorities = data
        } else if let path = try cluster.path("certificate-authority") {
            configuration.certificateAuthorities = try await FileReading.bytes(
                of: path,
                what: "certificate-authority of cluster '\(cluster.name)'"
            )
        }
        if configuration.skipsServerVerification, configuration.certificateAuthorities != nil {
            throw cluster.error(
                "insecure-skip-tls-verify",
                "is set together with a certificate authority; remove one of the two"
            )
        }
        if let proxy = try cluster.string("proxy-url") {
            guard ProxyAddress(proxy) != nil else {
                throw cluster.error(
                    "proxy-url",
                    "must be http://host:port (the proxy is asked to CONNECT); https and socks5 are not supported"
                )
            }
            configuration.proxyURL = proxy
        }
    }

    // MARK: User

    private static func read(
        _ user: Entry,
        of cluster: Entry,
        into configuration: inout ClientConfiguration
    ) async throws {
        let certificate = try user.pem("client-certificate")
        let key = try user.pem("client-key")
        switch (certificate, key) {
        case (nil, nil): break
        case (let certificate?, let key?):
            for case .file(let path) in [certificate, key] {
                _ = try await FileReading.bytes(of: path, what: "the client certificate of user '\(user.name)'")
            }
            configuration.clientCertificate = .init(certificate: certificate, key: key)
        case (.some, nil):
            throw user.error("client-key", "is missing: a client certificate needs its key (or client-key-data)")
        case (nil, .some):
            throw user.error("client-certificate", "is missing: a client key needs its certificate")
        }
        if user.json.contains("auth-provider"), user.json[object: "exec"] == nil {
            throw user.error("auth-provider", "was removed from Kubernetes 1.26; use an exec plugin instead")
        }
        configuration.authentication = try await Self.authentication(user, cluster)
        configuration.impersonation = try Self.impersonation(user)
    }

    private static func authentication(
        _ user: Entry,
        _ cluster: Entry
    ) async throws -> ClientConfiguration.Authentication {
        let username = try user.string("username")
        let password = try user.string("password")
        let tokenFile = try user.path("tokenFile")
        let token = try user.string("token")
        if username != nil || password != nil, token != nil || tokenFile != nil {
            throw user.error("username", "is set together with a token; only one of the two may be")
        }
        // As in kubectl a token file wins over a token, and a token over a plugin.
        if let tokenFile {
            _ = try await FileReading.bytes(of: tokenFile, what: "tokenFile of user '\(user.name)'")
            return .tokenFile(tokenFile)
        }
        if let token { return .token(token) }
        if username != nil || password != nil {
            return .basic(username: username ?? "", password: password ?? "")
        }
        switch user.json["exec"] {
        case nil, .null: return .none
        case .object(let exec):
            let entry = Entry(name: user.name, json: exec, file: user.file, place: "\(user.place).exec")
            return .exec(try Self.execPlugin(entry, cluster))
        case let other?: throw user.error("exec", "must be an object, not \(other.kindName)")
        }
    }

    private static func execPlugin(_ exec: Entry, _ cluster: Entry) throws -> ClientConfiguration.ExecPlugin {
        guard let apiVersion = try exec.string("apiVersion") else {
            throw exec.error("apiVersion", "is missing; it must be client.authentication.k8s.io/v1")
        }
        guard ExecCredentials.supportedVersions.contains(apiVersion) else {
            throw exec.error(
                "apiVersion",
                "is '\(apiVersion)'; \(ExecCredentials.supportedVersions.joined(separator: " and ")) are supported"
            )
        }
        guard let command = try exec.string("command") else {
            throw exec.error("command", "is missing: the program that prints a credential")
        }
        if try exec.string("interactiveMode") == "Always" {
            throw exec.error("interactiveMode", "is Always, but there is no terminal here")
        }
        var plugin = ClientConfiguration.ExecPlugin(
            apiVersion: apiVersion,
            command: command.contains("/") ? Entry.resolve(command, besides: exec.file) : command
        )
        plugin.arguments = try exec.strings("args")
        plugin.installHint = try exec.string("installHint")
        plugin.providesClusterInfo = try exec.bool("provideClusterInfo")
        if let variables = exec.json["env"], !variables.isNull {
            guard case .array(let elements) = variables else { throw exec.error("env", "must be a list") }
            for element in elements {
                guard let name = element["name"]?.string, !name.isEmpty else {
                    throw exec.error("env", "has an element without a name")
                }
                plugin.environment.append(.init(name: name, value: element["value"]?.string ?? ""))
            }
        }
        for element in cluster.json[array: "extensions"] ?? []
        where element["name"]?.string == "client.authentication.k8s.io/exec" {
            plugin.clusterConfiguration = element["extension"]
        }
        return plugin
    }

    private static func impersonation(_ user: Entry) throws -> ClientConfiguration.Impersonation? {
        guard let name = try user.string("as") else {
            for key in ["as-uid", "as-groups", "as-user-extra"] where user.json.contains(key) {
                throw user.error(key, "is set without 'as', the user to act as")
            }
            return nil
        }
        var extra: [String: [String]] = [:]
        for (key, value) in user.json[object: "as-user-extra"] ?? [:] {
            extra[key] = (value.array ?? []).compactMap(\.string)
        }
        return .init(
            user: name,
            uid: try user.string("as-uid"),
            groups: try user.strings("as-groups"),
            extra: extra
        )
    }
}

extension Kubeconfig.Entry {
    fileprivate func pem(_ key: String) throws -> ClientConfiguration.PEMSource? {
        if let data = try self.data("\(key)-data") { return .data(data) }
        return try self.path(key).map(ClientConfiguration.PEMSource.file)
    }

    fileprivate func strings(_ key: String) throws -> [String] {
        switch self.json[key] {
        case nil, .null: return []
        case .array(let elements):
            return try elements.map {
                guard let text = $0.string else {
                    throw self.error(key, "must be a list of strings (does \($0) need quotes?)")
                }
                return text
            }
        case let other?: throw self.error(key, "must be a list, not \(other.kindName)")
        }
    }
}
