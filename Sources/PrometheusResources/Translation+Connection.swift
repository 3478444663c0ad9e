import JSONTree
import KubeModel

// How a client connects: proxy, TLS and authentication. Values of Secrets and ConfigMaps are put in as they are.
extension Translation {
    /// Everything about connections of a scrape, together with the scrape class.
    ///
    /// - Parameters:
    ///   - files: whether the field may name files.
    ///   - proxy: whether the proxy is in this field.
    ///   - http2: how HTTP/2 is called in it.
    mutating func addScrapeConnection(
        _ field: Field,
        files: Bool,
        proxy: Bool = true,
        http2: String = "enableHttp2",
        to job: inout JSONObject
    ) throws(Rejection) {
        try self.addConnection(field, files: files, proxy: proxy, http2: http2, usesClass: true, to: &job)
    }

    mutating func addConnection(
        _ field: Field,
        files: Bool = false,
        proxy: Bool = true,
        http2: String,
        usesClass: Bool = false,
        to client: inout JSONObject
    ) throws(Rejection) {
        client[bool: "follow_redirects"] = try field.bool("followRedirects")
        client[bool: "enable_http2"] = try field.bool(http2)
        if proxy { try self.addProxy(field, to: &client) }
        try self.addAuthentication(field, files: files, usesClass: usesClass, to: &client)
        try self.addTLS(field, files: files, usesClass: usesClass, to: &client)
    }

    // MARK: Proxy

    mutating func addProxy(_ field: Field, to client: inout JSONObject) throws(Rejection) {
        let url = try field.string("proxyUrl")
        let exceptions = try field.string("noProxy")
        let fromEnvironment = try field.bool("proxyFromEnvironment") ?? false
        client[string: "proxy_url"] = url
        client[string: "no_proxy"] = exceptions
        if fromEnvironment { client["proxy_from_environment"] = true }
        let headers = try field.object("proxyConnectHeader")
        if fromEnvironment, url != nil || exceptions != nil {
            let other = url != nil ? "proxyUrl" : "noProxy"
            throw Rejection(
                .invalidField,
                "\(field.path("proxyFromEnvironment")): takes the proxy from the environment, so "
                    + "\(field.path(other)) can't be given, too"
            )
        }
        if url == nil {
            for (key, isGiven) in [("noProxy", exceptions != nil), ("proxyConnectHeader", headers != nil)]
            where isGiven && !(fromEnvironment && key == "proxyConnectHeader") {
                throw Rejection(
                    .invalidField,
                    "\(field.path(key)): is for a proxy; give \(field.path("proxyUrl")), too"
                )
            }
        }
        guard let headers, !headers.json.isEmpty else { return }
        var values = JSONObject()
        for (name, _) in headers.json.sortedByKey() {
            var texts: [String] = []
            for selector in try headers.objects(name) {
                texts.append(try self.secretText(selector, in: self.resource.namespace))
            }
            values[name] = .strings(texts)
        }
        client["proxy_connect_header"] = .object(values)
    }

    // MARK: Authentication

    private mutating func addAuthentication(
        _ field: Field,
        files: Bool,
        usesClass: Bool,
        to client: inout JSONObject
    ) throws(Rejection) {
        let authorization = try field.object("authorization").flatMap { $0.json.isDeeplyEmpty ? nil : $0 }
        let basic = try field.object("basicAuth")
        let oauth = try field.object("oauth2")
        let tokenSecret = try field.object("bearerTokenSecret")
        let hasTokenSecret = try tokenSecret?.string("name") != nil
        let tokenFile = files ? try field.string("bearerTokenFile") : nil
        let given = [
            ("authorization", authorization != nil), ("basicAuth", basic != nil), ("oauth2", oauth != nil),
            ("bearerTokenSecret", hasTokenSecret), ("bearerTokenFile", tokenFile != nil),
        ].filter(\.1).map(\.0)
        if given.count > 1 {
            throw Rejection(
                .conflictingAuthentication,
                "\(field.path): \(given.joined(separator: " and ")) are both given; a client has one of them"
            )
        }
        // A class gives what a resource that authenticates in another way would not understand.
        let fromClass = usesClass && (given.isEmpty || authorization != nil)
        let classAuthorization = fromClass ? try self.scrapeClass.field.object("authorization") : nil
        if let authorization {
            client["authorization"] = try self.authorization(authorization, orElse: classAuthorization)
        } else if let classAuthorization {
            client["authorization"] = try self.authorization(classAuthorization, orElse: classAuthorization)
        }
        if let basic {
            client["basic_auth"] = [
                "username": .string(try self.requiredSecretText(basic, "username")),
                "password": .string(try self.requiredSecretText(basic, "password")),
            ]
        }
        if let oauth { client["oauth2"] = .object(try self.oauth2(oauth)) }
        if hasTokenSecret, let tokenSecret {
            let token = try self.secretText(tokenSecret, in: self.resource.namespace)
            client["authorization"] = ["type": "Bearer", "credentials": .string(token)]
        }
        if let tokenFile {
            client["authorization"] = ["type": "Bearer", "credentials_file": .string(tokenFile)]
        }
    }

    /// Credentials come from the class when the resource gives only a type.
    private mutating func authorization(
        _ field: Field,
        orElse classField: Field?
    ) throws(Rejection) -> JSONValue {
        let type = try field.string("type")?.trimmingSpaces() ?? ""
        if type.lowercased() == "basic" {
            throw Rejection(.invalidField, "\(field.path("type")): can't be \"\(type)\"; use basicAuth instead")
        }
        var authorization: JSONObject = ["type": .string(type.isEmpty ? "Bearer" : type)]
        let isOwn = field.path != classField?.path
        if isOwn, let credentials = try field.object("credentials"), try credentials.string("name") != nil {
            authorization["credentials"] = .string(try self.secretText(credentials, in: self.resource.namespace))
        } else if let classField {
            if let credentials = try classField.object("credentials"), try credentials.string("name") != nil {
                authorization["credentials"] = .string(try self.secretText(credentials, in: self.settings.namespace))
            } else {
                authorization[string: "credentials_file"] = try classField.string("credentialsFile")
            }
        }
        return .object(authorization)
    }

    private mutating func oauth2(_ field: Field) throws(Rejection) -> JSONObject {
        guard let id = try field.object("clientId"), let secret = try field.object("clientSecret"),
            let url = try field.string("tokenUrl")
        else {
            throw Rejection(.invalidField, "\(field.path): clientId, clientSecret and tokenUrl are needed")
        }
        var oauth = JSONObject()
        guard let clientID = try self.secretOrConfigMapText(id, in: self.resource.namespace) else {
            throw Rejection(.invalidField, "\(id.path): either secret or configMap is needed")
        }
        oauth["client_id"] = .string(clientID)
        oauth["client_secret"] = .string(try self.secretText(secret, in: self.resource.namespace))
        oauth["token_url"] = .string(url)
        let scopes = try field.strings("scopes")
        if !scopes.isEmpty { oauth["scopes"] = .strings(scopes) }
        let parameters = try field.stringMap("endpointParams")
        if !parameters.isEmpty { oauth["endpoint_params"] = .object(JSONObject(pairs: parameters)) }
        try self.addTLS(field, files: false, usesClass: false, to: &oauth)
        try self.addProxy(field, to: &oauth)
        return oauth
    }

    // MARK: TLS

    private mutating func addTLS(
        _ field: Field,
        files: Bool,
        usesClass: Bool,
        to client: inout JSONObject
    ) throws(Rejection) {
        let own = try field.object("tlsConfig")
        let classField = usesClass ? try self.scrapeClass.field.object("tlsConfig") : nil
        var tls = JSONObject()
        if let own {
            try self.addTLS(own, files: files, namespace: self.resource.namespace, to: &tls)
            // The class fills in the files that the resource does not replace, and nothing else.
            for part in ["ca", "cert", "key"] where !tls.contains(part) && !tls.contains("\(part)_file") {
                tls[string: "\(part)_file"] = try classField?.string("\(part)File")
            }
            try Self.checkKeyPair(tls, own)
        } else if let classField {
            try self.addTLS(classField, files: true, namespace: self.settings.namespace, to: &tls)
            try Self.checkKeyPair(tls, classField)
        }
        if !tls.isEmpty { client["tls_config"] = .object(tls) }
    }

    private mutating func addTLS(
        _ field: Field,
        files: Bool,
        namespace: String,
        to tls: inout JSONObject
    ) throws(Rejection) {
        for (part, kind) in [("ca", PEM.certificate), ("cert", .certificate)] {
            guard let value = try field.object(part),
                let text = try self.secretOrConfigMapText(value, in: namespace)
            else { continue }
            try self.check(text, is: kind, value)
            tls[part] = .string(text)
        }
        if let value = try field.object("keySecret"), try value.string("name") != nil {
            let text = try self.secretText(value, in: namespace)
            try self.check(text, is: .privateKey, value)
            tls["key"] = .string(text)
        }
        if files {
            for (part, key) in [("ca", "caFile"), ("cert", "certFile"), ("key", "keyFile")] {
                guard let file = try field.string(key) else { continue }
                if tls.contains(part) {
                    let other = part == "key" ? "keySecret" : part
                    throw Rejection(
                        .invalidField,
                        "\(field.path): \(key) and \(other) are both given; give one of them"
                    )
                }
                tls["\(part)_file"] = .string(file)
            }
        }
        tls[string: "server_name"] = try field.string("serverName")
        if let skips = try field.bool("insecureSkipVerify") { tls["insecure_skip_verify"] = .bool(skips) }
        let versions = ["tls10", "tls11", "tls12", "tls13"]
        let lowest = try field.choice("minVersion", of: versions)
        let highest = try field.choice("maxVersion", of: versions)
        tls[string: "min_version"] = lowest?.uppercased()
        tls[string: "max_version"] = highest?.uppercased()
        if let lowest, let highest, lowest > highest {
            throw Rejection(
                .invalidField,
                "\(field.path("maxVersion")): \(highest.uppercased()) is below minVersion, \(lowest.uppercased())"
            )
        }
    }

    private static func checkKeyPair(_ tls: JSONObject, _ field: Field) throws(Rejection) {
        let hasCertificate = tls.contains("cert") || tls.contains("cert_file")
        let hasKey = tls.contains("key") || tls.contains("key_file")
        if hasCertificate != hasKey {
            throw Rejection(
                .invalidField,
                "\(field.path): a client certificate and its key belong together; "
                    + "\(hasCertificate ? "the key" : "the certificate") is missing"
            )
        }
    }

    private enum PEM {
        case certificate, privateKey
    }

    /// Whether a text is what it should be, as far as its frame tells: what is no such thing at all would have the
    /// scraping side refuse the job later, where nobody sees it.
    private func check(_ text: String, is kind: PEM, _ field: Field) throws(Rejection) {
        if self.assets.isCollecting { return }
        let isGood =
            switch kind {
            case .certificate: text.contains("-----BEGIN CERTIFICATE-----")
            case .privateKey: text.contains("-----BEGIN ") && text.contains("PRIVATE KEY-----")
            }
        if isGood { return }
        let what = kind == .certificate ? "certificate" : "private key"
        throw Rejection(.unreadableAsset, "\(field.path): what it names does not hold a \(what) in PEM form")
    }

    // MARK: Secrets and ConfigMaps

    private mutating func requiredSecretText(_ field: Field, _ key: String) throws(Rejection) -> String {
        guard let selector = try field.object(key) else {
            throw Rejection(.invalidField, "\(field.path(key)): name and key of a Secret are needed")
        }
        return try self.secretText(selector, in: self.resource.namespace)
    }

    private mutating func secretText(_ selector: Field, in namespace: String) throws(Rejection) -> String {
        try self.text(.secret, selector, in: namespace)
    }

    /// `nil` when neither is given.
    private mutating func secretOrConfigMapText(
        _ field: Field,
        in namespace: String
    ) throws(Rejection) -> String? {
        let secret = try field.object("secret")
        let configMap = try field.object("configMap")
        if secret != nil, configMap != nil {
            throw Rejection(.invalidField, "\(field.path): secret and configMap are both given; give one of them")
        }
        if let secret { return try self.text(.secret, secret, in: namespace) }
        if let configMap { return try self.text(.configMap, configMap, in: namespace) }
        return nil
    }

    private mutating func text(
        _ kind: AssetID.Kind,
        _ selector: Field,
        in namespace: String
    ) throws(Rejection) -> String {
        guard let name = try selector.string("name"), let key = try selector.string("key") else {
            throw Rejection(.invalidField, "\(selector.path): name and key of a \(kind.rawValue) are needed")
        }
        let asset = AssetID(kind, ObjectKey(namespace: namespace, name: name))
        return try self.assets.text(AssetReference(asset, key: key), at: selector.path)
    }
}

extension String {
    fileprivate func trimmingSpaces() -> String {
        let isSpace: (Character) -> Bool = { $0.isWhitespace }
        return String(self.drop(while: isSpace).reversed().drop(while: isSpace).reversed())
    }
}
