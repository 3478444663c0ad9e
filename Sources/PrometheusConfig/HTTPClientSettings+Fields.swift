import JSONTree

extension FieldSchema {
    static let tls = FieldSchema(
        [
            Field("ca", .text), Field("cert", .text), Field("key", .text), Field("ca_file", .text),
            Field("cert_file", .text), Field("key_file", .text), Field("server_name", .text),
            Field("insecure_skip_verify", .flag, false), Field("min_version", .choice(Self.tlsVersions)),
            Field("max_version", .choice(Self.tlsVersions)),
        ],
        check: { (tls) throws(FieldError) in try Self.checkTLS(tls) }
    )

    private static let tlsVersions = ["TLS10", "TLS11", "TLS12", "TLS13"]

    static let proxyFields: [Field] = [
        Field("proxy_url", .url), Field("no_proxy", .text), Field("proxy_from_environment", .flag),
        Field("proxy_connect_header", .textLists),
    ]

    /// What every place has that says how a server is reached; ``checkHTTP(_:)`` belongs to it.
    static let httpFields: [Field] =
        proxyFields + [
            Field("basic_auth", .object(basicAuth)), Field("authorization", .object(authorization)),
            Field("oauth2", .object(oauth2)), Field("bearer_token", .text), Field("bearer_token_file", .text),
            Field("tls_config", .object(tls)), Field("follow_redirects", .flag, true),
            Field("enable_http2", .flag, true), Field("http_headers", .headers),
        ]

    private static let basicAuth = FieldSchema([
        Field("username", .text), Field("username_file", .text), Field("password", .text),
        Field("password_file", .text),
    ])

    private static let authorization = FieldSchema([
        Field("type", .text), Field("credentials", .text), Field("credentials_file", .text),
    ])

    private static let oauth2 = FieldSchema(
        [
            Field("client_id", .text), Field("client_secret", .text), Field("client_secret_file", .text),
            Field("scopes", .texts), Field("token_url", .url), Field("endpoint_params", .textMap),
            Field("tls_config", .object(tls)),
        ] + proxyFields
    )

    private static let header = FieldSchema([
        Field("values", .texts), Field("secrets", .texts), Field("files", .texts),
    ])

    static func header(_ value: JSONValue) throws(FieldError) -> JSONObject {
        try Self.header.normalised(try Self.object(value))
    }

    // MARK: - Rules between fields

    /// Not shown as long as it says nothing, unlike its members.
    private static func dropUnsaidTLS(_ json: inout JSONObject) {
        if json[object: "tls_config"]?.isDeeplyEmpty == true { json.remove("tls_config") }
    }

    private static func checkTLS(_ tls: JSONObject) throws(FieldError) {
        for name in ["ca", "cert", "key"] { try Self.checkAtMostOne([name, "\(name)_file"], of: tls) }
        let hasCertificate = tls.contains("cert") || tls.contains("cert_file")
        let hasKey = tls.contains("key") || tls.contains("key_file")
        if hasCertificate && !hasKey {
            throw FieldError("a client certificate needs its key", hint: "add key or key_file")
        }
        if hasKey && !hasCertificate {
            throw FieldError("a client key needs its certificate", hint: "add cert or cert_file")
        }
        if let lowest = tls[string: "min_version"], let highest = tls[string: "max_version"], highest < lowest {
            throw FieldError("max_version \(highest) is below min_version \(lowest)", hint: "exchange them")
        }
    }

    /// What holds between the fields of ``httpFields``; older spellings become the present ones.
    static func checkHTTP(_ json: inout JSONObject) throws(FieldError) {
        try Self.checkAtMostOne(["bearer_token", "bearer_token_file"], of: json)
        try Self.checkAtMostOne(
            ["basic_auth", "authorization", "oauth2", "bearer_token", "bearer_token_file"],
            of: json
        )
        if let basic = json[object: "basic_auth"] {
            do throws(FieldError) {
                try Self.checkAtMostOne(["username", "username_file"], of: basic)
                try Self.checkAtMostOne(["password", "password_file"], of: basic)
            } catch {
                throw error.within("basic_auth")
            }
        }
        if let authorization = json[object: "authorization"] {
            do throws(FieldError) {
                json["authorization"] = .object(try Self.checkedAuthorization(authorization))
            } catch {
                throw error.within("authorization")
            }
        }
        if let token = json.remove("bearer_token") {
            json["authorization"] = ["type": "Bearer", "credentials": token]
        }
        if let file = json.remove("bearer_token_file") {
            json["authorization"] = ["type": "Bearer", "credentials_file": file]
        }
        if var oauth2 = json[object: "oauth2"] {
            do throws(FieldError) {
                try Self.checkAtMostOne(["client_secret", "client_secret_file"], of: oauth2)
                for name in ["client_id", "token_url"] where !oauth2.contains(name) {
                    throw FieldError("must be given").within(name)
                }
                try Self.checkProxy(oauth2)
            } catch {
                throw error.within("oauth2")
            }
            Self.dropUnsaidTLS(&oauth2)
            json["oauth2"] = .object(oauth2)
        }
        Self.dropUnsaidTLS(&json)
        try Self.checkProxy(json)
        for name in json[object: "http_headers"]?.keys.map(\.self) ?? []
        where Self.reservedHeaders.contains(name.lowercased()) {
            throw FieldError("the header can't be set here", hint: "remove it").within("http_headers.\(name)")
        }
    }

    private static func checkedAuthorization(_ authorization: JSONObject) throws(FieldError) -> JSONObject {
        var authorization = authorization
        try Self.checkAtMostOne(["credentials", "credentials_file"], of: authorization)
        let type = (authorization[string: "type"] ?? "").trimmingBlanks
        if type.lowercased() == "basic" {
            throw FieldError("can't be Basic", hint: "use basic_auth with username and password").within("type")
        }
        authorization["type"] = .string(type.isEmpty ? "Bearer" : type)
        return authorization
    }

    private static func checkProxy(_ json: JSONObject) throws(FieldError) {
        let fromEnvironment = json[bool: "proxy_from_environment"] ?? false
        let hasURL = json.contains("proxy_url")
        if fromEnvironment && hasURL {
            throw FieldError("proxy_url and proxy_from_environment exclude each other", hint: "remove one of them")
        }
        if json.contains("no_proxy") && fromEnvironment {
            throw FieldError("no_proxy and proxy_from_environment exclude each other", hint: "remove one of them")
        }
        if json.contains("no_proxy") && !hasURL {
            throw FieldError("no_proxy needs a proxy_url", hint: "add proxy_url or remove no_proxy")
        }
        if json.contains("proxy_connect_header") && !hasURL && !fromEnvironment {
            throw FieldError(
                "proxy_connect_header needs a proxy",
                hint: "add proxy_url or proxy_from_environment, or remove it"
            )
        }
    }

    private static func checkAtMostOne(_ names: [String], of json: JSONObject) throws(FieldError) {
        let given = names.filter(json.contains)
        if given.count > 1 {
            throw FieldError("\(given.joined(separator: " and ")) exclude each other", hint: "keep one of them")
        }
    }

    /// Prometheus sets these itself.
    private static let reservedHeaders: Set<String> = [
        "accept", "accept-charset", "accept-encoding", "authorization", "connection", "content-encoding",
        "content-length", "content-type", "date", "dnt", "expect", "host", "keep-alive", "origin", "referer", "te",
        "trailer", "transfer-encoding", "upgrade", "user-agent", "via", "x-prometheus-scrape-timeout-seconds",
        "proxy-authenticate", "proxy-authorization", "www-authenticate",
    ]
}

extension HTTPClientSettings {
    /// From fields that ``FieldSchema/checkHTTP(_:)`` has seen.
    init(checked json: JSONObject) {
        self.init(
            basicAuth: json[object: "basic_auth"].map(Basic.init(checked:)),
            authorization: json[object: "authorization"].map(Authorization.init(checked:)),
            oauth2: json[object: "oauth2"].map(OAuth2.init(checked:)),
            tls: TLS(checked: json[object: "tls_config"] ?? [:]),
            proxy: Proxy(checked: json),
            headers: (json[object: "http_headers"] ?? [:]).map { name, value in
                Header(
                    name: name,
                    values: value.object?[strings: "values"] ?? [],
                    secrets: value.object?[strings: "secrets"] ?? [],
                    files: value.object?[strings: "files"] ?? []
                )
            },
            followRedirects: json[bool: "follow_redirects"] ?? true,
            enableHTTP2: json[bool: "enable_http2"] ?? true
        )
    }
}

extension HTTPClientSettings.Basic {
    fileprivate init(checked json: JSONObject) {
        self.init(
            username: json[string: "username"] ?? "",
            usernameFile: json[string: "username_file"],
            password: json[string: "password"] ?? "",
            passwordFile: json[string: "password_file"]
        )
    }
}

extension HTTPClientSettings.Authorization {
    fileprivate init(checked json: JSONObject) {
        self.init(
            type: json[string: "type"] ?? "Bearer",
            credentials: json[string: "credentials"] ?? "",
            credentialsFile: json[string: "credentials_file"]
        )
    }
}

extension HTTPClientSettings.OAuth2 {
    fileprivate init(checked json: JSONObject) {
        self.init(
            clientID: json[string: "client_id"] ?? "",
            clientSecret: json[string: "client_secret"] ?? "",
            clientSecretFile: json[string: "client_secret_file"],
            scopes: json[strings: "scopes"] ?? [],
            tokenURL: json[string: "token_url"] ?? "",
            endpointParams: json[stringMap: "endpoint_params"] ?? [:],
            tls: HTTPClientSettings.TLS(checked: json[object: "tls_config"] ?? [:]),
            proxy: HTTPClientSettings.Proxy(checked: json)
        )
    }
}

extension HTTPClientSettings.TLS {
    fileprivate init(checked json: JSONObject) {
        self.init(
            ca: json[string: "ca"] ?? "",
            cert: json[string: "cert"] ?? "",
            key: json[string: "key"] ?? "",
            caFile: json[string: "ca_file"],
            certFile: json[string: "cert_file"],
            keyFile: json[string: "key_file"],
            serverName: json[string: "server_name"],
            insecureSkipVerify: json[bool: "insecure_skip_verify"] ?? false,
            minVersion: json[string: "min_version"],
            maxVersion: json[string: "max_version"]
        )
    }
}

extension HTTPClientSettings.Proxy {
    fileprivate init(checked json: JSONObject) {
        self.init(
            url: json[string: "proxy_url"],
            noProxy: json[string: "no_proxy"],
            fromEnvironment: json[bool: "proxy_from_environment"] ?? false,
            connectHeaders: (json[object: "proxy_connect_header"] ?? [:]).reduce(into: [:]) { headers, member in
                headers[member.key] = member.value.array?.compactMap(\.string) ?? []
            }
        )
    }
}

extension String {
    /// Without blanks at both ends.
    var trimmingBlanks: String {
        let blanks: Set<Character> = [" ", "\t", "\n", "\r"]
        guard let first = self.firstIndex(where: { !blanks.contains($0) }),
            let last = self.lastIndex(where: { !blanks.contains($0) })
        else { return "" }
        return String(self[first...last])
    }
}
