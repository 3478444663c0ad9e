import JSONTree

/// An address that a collector will listen on.
struct Listener: Hashable {
    /// Where the configuration says so, such as `receivers.otlp.protocols.grpc.endpoint`.
    var path: String
    /// As written, or the default.
    var endpoint: String
    var transport: Transport
}

extension CollectorConfiguration {
    /// What the enabled components that are known to be servers will listen on, as far as that can be read.
    ///
    /// A receiver nobody told us of may well be a client, so it is left out. Bodies of the wrong shape are told elsewhere.
    var listeners: [Listener] {
        var listeners: [Listener] = []
        for kind in [ComponentKind.receiver, .exporter, .extension] {
            for id in self.enabled(kind) where ComponentRegistry.isKnown(kind, id: id) {
                let path = "\(kind.section).\(id.abbreviated())"
                let value = self.components(kind)?[id]
                guard let found = try? Self.listeners(ComponentRegistry.parser(kind, id: id).ports, value, path) else {
                    continue
                }
                listeners += found
            }
        }
        return listeners + self.metricsListeners
    }

    private static func listeners(
        _ rule: PortRule,
        _ value: JSONValue?,
        _ path: String
    ) throws(ConfigurationError) -> [Listener] {
        let body = try ComponentBody(value, path: path) ?? ComponentBody(json: [:], path: path)
        switch rule {
        case .none: return []
        case .endpoint(let rule):
            // What has no default port takes the other name for its address.
            let key = rule.defaultPort == nil && body.value("endpoint") == nil ? "listen_address" : "endpoint"
            return try [body.listener(key, defaultPort: rule.defaultPort, rule.transport)].compactMap(\.self)
        case .protocols(let rules):
            guard let protocols = try body.body("protocols") else { return [] }
            var listeners: [Listener] = []
            for rule in rules where protocols.json.contains(rule.name) {
                let path = "\(protocols.path).\(rule.name)"
                let inner =
                    try ComponentBody(protocols.json[rule.name], path: path) ?? ComponentBody(json: [:], path: path)
                let listener = try inner.listener("endpoint", defaultPort: rule.defaultPort, rule.transport)
                if let listener { listeners.append(listener) }
            }
            return listeners
        case .prometheusServer:
            guard let server = try body.body("api_server"), try server.bool("enabled") == true,
                let inner = try server.body("server_config")
            else { return [] }
            return try [inner.listener("endpoint", defaultPort: nil, .tcp)].compactMap(\.self)
        case .healthCheck(let defaultPort):
            return try [body.listener("endpoint", defaultPort: defaultPort, .tcp)].compactMap(\.self)
        case .jaegerQuery(let defaultPort):
            let http = try body.body("http") ?? ComponentBody(json: [:], path: path + ".http")
            // Both may share one port.
            let served = try http.listener("endpoint", defaultPort: defaultPort, .tcp)
            let grpc = try body.body("grpc")?.listener("endpoint", defaultPort: nil, .tcp)
            return [served, grpc?.endpoint == served?.endpoint ? nil : grpc].compactMap(\.self)
        }
    }

    /// Where the collector serves its own metrics.
    private var metricsListeners: [Listener] {
        let path = "service.telemetry.metrics"
        let metrics = self.service.telemetry?[object: "metrics"] ?? [:]
        if metrics[string: "level"]?.lowercased() == "none" { return [] }
        if let readers = metrics[array: "readers"], !readers.isEmpty {
            return readers.enumerated().compactMap { place, reader in
                guard let exporter = reader["pull"]?["exporter"]?["prometheus"]?.object else { return nil }
                // A port that a variable sets is not known here; without one it is the default.
                let port = exporter["port"].map { $0.int.map(String.init) ?? "${}" } ?? "8888"
                let host = exporter[string: "host"] ?? ""
                let bracketed = host.utf8.contains(UInt8(ascii: ":")) && !host.utf8.starts(with: "[".utf8)
                return Listener(
                    path: "\(path).readers[\(place)]",
                    endpoint: "\(bracketed ? "[\(host)]" : host):\(port)",
                    transport: .tcp
                )
            }
        }
        guard let endpoint = try? self.metricsEndpoint() else { return [] }
        return [Listener(path: path, endpoint: "\(endpoint.host):\(endpoint.port)", transport: .tcp)]
    }
}

extension ComponentBody {
    /// What a member says to listen on; nil for a unix socket, and without a port to take.
    fileprivate func listener(
        _ key: String,
        defaultPort: Int?,
        _ transport: Transport?
    ) throws(ConfigurationError) -> Listener? {
        let named = try self.string("transport")?.lowercased() ?? ""
        if named.hasPrefix("unix") { return nil }
        let given = try self.string(key) ?? ""
        guard !given.isEmpty || defaultPort != nil else { return nil }
        return Listener(
            path: "\(self.path).\(key)",
            endpoint: given.isEmpty ? "0.0.0.0:\(defaultPort ?? 0)" : given,
            transport: named.hasPrefix("udp") ? .udp : named.hasPrefix("tcp") ? .tcp : transport ?? .tcp
        )
    }
}
