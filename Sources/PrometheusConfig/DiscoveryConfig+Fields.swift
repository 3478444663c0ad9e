import JSONTree
import KubeModel
import PrometheusModel

extension FieldSchema {
    private static func refresh(_ preset: JSONValue) -> Field { Field("refresh_interval", .duration, preset) }

    static let staticGroup = FieldSchema([Field("targets", .texts), Field("labels", .textMap)])
    static let file = FieldSchema([Field("files", .texts), refresh("5m")])
    static let http = FieldSchema(
        [Field("url", .text), refresh("1m")] + httpFields,
        check: { (json) throws(FieldError) in try Self.checkHTTP(&json) }
    )
    static let dns = FieldSchema([
        Field("names", .texts), Field("type", .text, "SRV"), Field("port", .count), refresh("30s"),
    ])
    static let kubernetes = FieldSchema(
        [
            Field("role", .text), Field("api_server", .url), Field("kubeconfig_file", .text),
            Field(
                "namespaces",
                .object(FieldSchema([Field("names", .texts), Field("own_namespace", .flag)]))
            ),
            Field(
                "selectors",
                .objects(FieldSchema([Field("role", .text), Field("label", .text), Field("field", .text)]))
            ),
            Field(
                "attach_metadata",
                .object(FieldSchema([Field("node", .flag), Field("namespace", .flag)]))
            ),
        ] + httpFields,
        check: { (json) throws(FieldError) in
            try Self.checkHTTP(&json)
            for name in ["namespaces", "attach_metadata"] where json[object: name]?.isEmpty == true {
                json.remove(name)
            }
        }
    )
}

extension DiscoveryConfig {
    /// What we know how to run.
    static let kinds = [
        "static_configs", "kubernetes_sd_configs", "file_sd_configs", "http_sd_configs", "dns_sd_configs",
    ]

    /// Reads the value of a field such as `dns_sd_configs` and gives it back in Prometheus' form.
    static func read(
        _ name: String,
        _ value: JSONValue,
        into discoveries: inout [DiscoveryConfig]
    ) throws(FieldError) -> JSONValue? {
        do throws(FieldError) {
            if value.isNull { return nil }
            switch name {
            case "static_configs": return try Self.readStatics(value, &discoveries)
            case "kubernetes_sd_configs":
                return try Self.readEach(value, .kubernetes, &discoveries) { (json) throws(FieldError) in
                    .kubernetes(try KubernetesDiscovery(checking: json))
                }
            case "file_sd_configs":
                return try Self.readEach(value, .file, &discoveries) { (json) throws(FieldError) in
                    .file(try FileDiscovery(checking: json))
                }
            case "http_sd_configs":
                return try Self.readEach(value, .http, &discoveries) { (json) throws(FieldError) in
                    .http(try HTTPDiscovery(checking: json))
                }
            case "dns_sd_configs":
                return try Self.readEach(value, .dns, &discoveries) { (json) throws(FieldError) in
                    .dns(try DNSDiscovery(checking: json))
                }
            default:
                if value.array?.isEmpty == true { return nil }
                throw FieldError(
                    "\(Self.kindName(name)) is not supported",
                    hint: "use one of \(Self.kinds.joined(separator: ", "))"
                )
            }
        } catch {
            throw error.within(name.abbreviated())
        }
    }

    /// `consul_sd_configs` is service discovery of kind consul.
    private static func kindName(_ field: String) -> String {
        "service discovery of kind \(String(field.dropLast("_sd_configs".count)).abbreviated())"
    }

    private static func readEach(
        _ value: JSONValue,
        _ schema: FieldSchema,
        _ discoveries: inout [DiscoveryConfig],
        _ make: (JSONObject) throws(FieldError) -> DiscoveryConfig
    ) throws(FieldError) -> JSONValue? {
        let objects = try FieldSchema.objects(value, schema)
        for (index, object) in objects.enumerated() {
            do throws(FieldError) {
                discoveries.append(try make(object))
            } catch {
                throw error.within(index)
            }
        }
        return objects.isEmpty ? nil : .array(objects.map(JSONValue.object))
    }

    private static func readStatics(
        _ value: JSONValue,
        _ discoveries: inout [DiscoveryConfig]
    ) throws(FieldError) -> JSONValue? {
        let objects = try FieldSchema.objects(value, .staticGroup)
        if objects.isEmpty { return nil }
        var groups: [TargetGroup] = []
        groups.reserveCapacity(objects.count)
        for (index, object) in objects.enumerated() {
            var labels: [Label] = []
            for (name, value) in object[object: "labels"] ?? [:] {
                labels.append(Label(name: name, value: value.string ?? ""))
            }
            groups.append(
                TargetGroup(
                    source: "\(index)",
                    labels: labels,
                    targets: (object[strings: "targets"] ?? []).map { [Label(name: "__address__", value: $0)] }
                )
            )
        }
        discoveries.append(.statics(groups))
        return .array(objects.map(JSONValue.object))
    }
}

extension KubernetesDiscovery {
    init(checking json: JSONObject) throws(FieldError) {
        let roles = Role.allCases.map(\.rawValue)
        let text = json[string: "role"] ?? ""
        if text.isEmpty {
            throw FieldError("must be given", hint: "one of \(roles.joined(separator: ", "))").within("role")
        }
        guard let role = Role(rawValue: text) else { throw FieldSchema.notOneOf(roles, text).within("role") }
        self.init(
            role: role,
            apiServer: json[string: "api_server"],
            kubeconfigFile: json[string: "kubeconfig_file"],
            http: HTTPClientSettings(checked: json),
            namespaces: json[object: "namespaces"]?[strings: "names"] ?? [],
            ownNamespace: json[object: "namespaces"]?[bool: "own_namespace"] ?? false,
            selectors: [],
            attachNode: json[object: "attach_metadata"]?[bool: "node"] ?? false,
            attachNamespace: json[object: "attach_metadata"]?[bool: "namespace"] ?? false
        )
        try self.checkConnection()
        for (index, element) in (json[array: "selectors"] ?? []).enumerated() {
            do throws(FieldError) {
                try self.add(selector: element.object ?? [:])
            } catch {
                throw error.within(index).within("selectors")
            }
        }
    }

    private func checkConnection() throws(FieldError) {
        if self.apiServer != nil && self.kubeconfigFile != nil {
            throw FieldError("api_server and kubeconfig_file exclude each other", hint: "keep one of them")
        }
        if self.http != HTTPClientSettings() {
            if self.kubeconfigFile != nil {
                throw FieldError(
                    "kubeconfig_file says how to connect, so authentication, TLS and proxy can't be set beside it",
                    hint: "remove them, or use api_server"
                )
            }
            if self.apiServer == nil {
                throw FieldError(
                    "authentication, TLS and proxy are for an api_server, which is not given",
                    hint: "add api_server, or remove them"
                )
            }
        }
        if self.ownNamespace && (self.apiServer != nil || self.kubeconfigFile != nil) {
            throw FieldError(
                "own_namespace is the namespace of the pod, which another cluster does not have",
                hint: "list the namespace under namespaces.names"
            ).within("namespaces")
        }
    }

    /// The kinds that each role looks at.
    private var selectableRoles: [Role] {
        switch self.role {
        case .pod: self.attachNode ? [.pod, .node] : [.pod]
        case .service: [.service]
        case .endpoints: self.attachNode ? [.pod, .service, .endpoints, .node] : [.pod, .service, .endpoints]
        case .endpointslice:
            self.attachNode ? [.pod, .service, .endpointslice, .node] : [.pod, .service, .endpointslice]
        case .node: [.node]
        case .ingress: [.ingress]
        }
    }

    private mutating func add(selector json: JSONObject) throws(FieldError) {
        let text = json[string: "role"] ?? ""
        let allowed = self.selectableRoles.map(\.rawValue)
        guard let role = Role(rawValue: text), self.selectableRoles.contains(role) else {
            throw FieldError(
                "\"\(text.abbreviated())\" can't be selected under role \(self.role.rawValue)",
                hint: "use \(allowed.joined(separator: " or "))"
            ).within("role")
        }
        if self.selectors.contains(where: { $0.role == role }) {
            throw FieldError(
                "there is a selector for \(text) already",
                hint: "put both into one, with a comma between them"
            ).within("role")
        }
        let selector = Selector(role: role, label: json[string: "label"] ?? "", field: json[string: "field"] ?? "")
        do {
            _ = try LabelSelector(query: selector.label)
        } catch {
            throw FieldError(error.message).within("label")
        }
        for part in selector.field.split(separator: ",") where !part.contains("=") {
            throw FieldError(
                "\"\(String(part).abbreviated())\" has no =",
                hint: "write it as metadata.name=NAME"
            ).within("field")
        }
        self.selectors.append(selector)
    }
}

extension FileDiscovery {
    private static let endings = [".json", ".yml", ".yaml", ".JSON", ".YML", ".YAML"]

    init(checking json: JSONObject) throws(FieldError) {
        self.init(files: json[strings: "files"] ?? [], refreshInterval: try interval(of: json))
        if self.files.isEmpty { throw FieldError("must name at least one file").within("files") }
        for (index, pattern) in self.files.enumerated() where !Self.isUsable(pattern) {
            throw FieldError(
                "\"\(pattern.abbreviated())\" is not a path of JSON or YAML files",
                hint: "it must end with .json, .yml or .yaml, and may have a * in its last part only"
            ).within(index).within("files")
        }
    }

    private static func isUsable(_ pattern: String) -> Bool {
        guard let ending = Self.endings.first(where: pattern.hasSuffix) else { return false }
        let stem = pattern.dropLast(ending.count)
        guard let star = stem.firstIndex(of: "*") else { return true }
        return !stem[stem.index(after: star)...].contains("/")
    }
}

extension HTTPDiscovery {
    init(checking json: JSONObject) throws(FieldError) {
        self.init(
            url: json[string: "url"] ?? "",
            refreshInterval: try interval(of: json),
            http: HTTPClientSettings(checked: json)
        )
        do throws(FieldError) {
            if self.url.isEmpty { throw FieldError("must be given", hint: "write it as http://HOST:PORT/PATH") }
            try URLText.check(self.url)
            guard let scheme = URLText(self.url)?.scheme, scheme == "http" || scheme == "https" else {
                throw FieldError("the URL's scheme is not http or https")
            }
        } catch {
            throw error.within("url")
        }
    }
}

extension DNSDiscovery {
    init(checking json: JSONObject) throws(FieldError) {
        let types = RecordType.allCases.map(\.rawValue)
        let text = json[string: "type"] ?? ""
        guard let type = RecordType(rawValue: text.uppercased()) else {
            throw FieldSchema.notOneOf(types, text).within("type")
        }
        self.init(
            names: json[strings: "names"] ?? [],
            type: type,
            port: json[int: "port"] ?? 0,
            refreshInterval: try interval(of: json)
        )
        if self.names.isEmpty { throw FieldError("must hold at least one name").within("names") }
        if type != .srv && self.port == 0 {
            throw FieldError("must be given for records of type \(type.rawValue)", hint: "only SRV records have ports")
                .within("port")
        }
        if self.port > 65535 { throw FieldError("\(self.port) is not a port", hint: "1 to 65535").within("port") }
    }
}

private func interval(of json: JSONObject) throws(FieldError) -> PrometheusDuration {
    guard let value = json["refresh_interval"] else { return PrometheusDuration(milliseconds: 60_000) }
    return try FieldSchema.duration(value)
}
