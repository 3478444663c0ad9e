package import JSONTree

/// What a TLS profile says to components that serve TLS.
package struct TLSProfile: Sendable, Hashable {
    /// `1.0` to `1.3`.
    package var minimumVersion: String
    /// Never written for 1.3, whose suites can't be chosen.
    package var cipherSuites: [String]

    package init(minimumVersion: String, cipherSuites: [String] = []) {
        self.minimumVersion = minimumVersion
        self.cipherSuites = cipherSuites
    }
}

/// Fills in what a configuration leaves to the operator (specification sections 4.2 and 4.3).
///
/// It works on the tree as the custom resource holds it: members it does not know stay, and applying it twice is the
/// same as once.
package enum ConfigurationDefaults {
    /// What was done beyond filling in endpoints.
    package struct Outcome: Sendable, Hashable {
        /// The default metrics reader was added.
        package var addedTelemetry = false
        /// Components that a pipeline uses, that nobody defined and that got a body of defaults: `receivers.otlp`.
        package var insertedComponents: [String] = []
    }

    /// Fills in the defaults of all enabled components and of telemetry.
    ///
    /// Throws for an unknown protocol or a body of the wrong shape, and when receivers are used where the section is
    /// null.
    @discardableResult
    package static func apply(to config: inout JSONObject, tls: TLSProfile? = nil) throws(ConfigurationError) -> Outcome
    {
        var outcome = Outcome()
        let configuration = try CollectorConfiguration(config)
        for kind in [ComponentKind.receiver, .exporter, .extension] {
            // Extensions without a section stay so: their ids may name what another file defines.
            if kind == .extension, configuration.extensions == nil { continue }
            for id in configuration.enabled(kind) {
                let path = "\(kind.section).\(id)"
                let old = configuration.components(kind)?[id]
                guard
                    let new = try self.defaulted(
                        ComponentRegistry.parser(kind, id: id).ports,
                        old,
                        path: path,
                        tls: tls
                    )
                else { continue }
                guard configuration.components(kind) != nil else {
                    throw ConfigurationError(
                        path: kind.section,
                        "must be a map: a pipeline uses the \(kind.rawValue) \"\(id)\", but the section is null or missing"
                    )
                }
                if old == nil { outcome.insertedComponents.append(path) }
                guard old != .object(new) else { continue }
                config.mutateObject(kind.section) { $0[id] = .object(new) }
            }
        }
        outcome.addedTelemetry = self.addTelemetry(to: &config)
        return outcome
    }

    /// Adds the default metrics reader unless readers or an address are given. Everything else in `telemetry` stays,
    /// also where the Go operator, unable to decode it, would throw it away.
    private static func addTelemetry(to config: inout JSONObject) -> Bool {
        let metrics = config[object: "service"]?[object: "telemetry"]?[object: "metrics"]
        if let metrics {
            if let address = metrics[string: "address"], !address.isEmpty { return false }
            if let readers = metrics[array: "readers"], !readers.isEmpty { return false }
        }
        config.mutateObject("service") { service in
            service.mutateObject("telemetry") { telemetry in
                telemetry.mutateObject("metrics") { metrics in
                    metrics["readers"] = [["pull": ["exporter": ["prometheus": ["host": "0.0.0.0", "port": 8888]]]]]
                }
            }
        }
        return true
    }

    /// The body with its defaults; nil for components that have none.
    private static func defaulted(
        _ rule: PortRule,
        _ value: JSONValue?,
        path: String,
        tls: TLSProfile?
    ) throws(ConfigurationError) -> JSONObject? {
        switch rule {
        case .none, .prometheusServer: return nil
        case .endpoint(let rule):
            guard let defaultPort = rule.defaultPort else { return nil }
            let body = try ComponentBody(value, path: path)
            let defaults = try self.endpoint(body, defaultPort: defaultPort, tls: tls)
            return self.merge(defaults, over: body?.json ?? [:])
        case .protocols(let rules):
            let body = try ComponentBody(value, path: path)
            var protocols: JSONObject = [:]
            for (name, value) in try body?.body("protocols")?.json ?? [:] {
                guard let rule = rules.first(where: { $0.name == name }) else {
                    throw ConfigurationError(path: "\(path).protocols", "unknown protocol set: \(name.abbreviated())")
                }
                let inner = try ComponentBody(value, path: "\(path).protocols.\(name)")
                let port = try inner?.endpointPort() ?? rule.defaultPort
                protocols[name] = .object(try self.endpoint(inner, defaultPort: port, tls: tls))
            }
            return self.merge(["protocols": .object(protocols)], over: body?.json ?? [:])
        case .healthCheck(let defaultPort):
            let body = try ComponentBody(value, path: path)
            var defaults: JSONObject = [:]
            let endpoint = try body?.string("endpoint") ?? ""
            if endpoint.isEmpty {
                defaults["endpoint"] = .string("0.0.0.0:\(defaultPort)")
            } else if endpoint.hasPrefix(":"), let port = Int(endpoint.dropFirst()), (1...65535).contains(port) {
                defaults["endpoint"] = .string("0.0.0.0:\(port)")
            } else {
                defaults["endpoint"] = .string(endpoint)
            }
            let healthPath = try body?.string("path") ?? ""
            defaults["path"] = .string(healthPath.isEmpty ? "/" : healthPath)
            if let secured = try self.secured(body, tls) { defaults["tls"] = .object(secured) }
            return self.merge(defaults, over: body?.json ?? [:])
        case .jaegerQuery(let defaultPort):
            let body = try ComponentBody(value, path: path)
            var defaults: JSONObject = [
                "http": .object(try self.endpoint(try body?.body("http"), defaultPort: defaultPort, tls: tls))
            ]
            if let grpc = try body?.body("grpc")?.string("endpoint"), !grpc.isEmpty {
                defaults["grpc"] = ["endpoint": .string(Endpoint.filled(grpc, defaultPort: 0))]
            }
            return self.merge(defaults, over: body?.json ?? [:])
        }
    }

    private static func endpoint(
        _ body: ComponentBody?,
        defaultPort: Int,
        tls: TLSProfile?
    ) throws(ConfigurationError) -> JSONObject {
        var defaults: JSONObject = [
            "endpoint": .string(Endpoint.filled(try body?.string("endpoint"), defaultPort: defaultPort))
        ]
        if let secured = try self.secured(body, tls) { defaults["tls"] = .object(secured) }
        return defaults
    }

    /// The members a TLS profile adds to a body that has a `tls` map.
    private static func secured(_ body: ComponentBody?, _ tls: TLSProfile?) throws(ConfigurationError) -> JSONObject? {
        guard let tls, let given = try body?.body("tls") else { return nil }
        var added: JSONObject = [:]
        if try (given.string("min_version") ?? "").isEmpty { added["min_version"] = .string(tls.minimumVersion) }
        if try given.strings("cipher_suites").isEmpty, !tls.cipherSuites.isEmpty, tls.minimumVersion != "1.3" {
            added["cipher_suites"] = .strings(tls.cipherSuites)
        }
        return added.isEmpty ? nil : added
    }

    /// The defaults, and each member of the body that they lack. Nulls of the body are dropped at every level that takes
    /// part.
    static func merge(_ defaults: JSONObject, over body: JSONObject) -> JSONObject {
        var result = defaults
        for (key, value) in body where !value.isNull {
            switch (result[key], value) {
            case (nil, _): result[key] = value
            case (.object(let inner), .object(let given)): result[key] = .object(self.merge(inner, over: given))
            default: break
            }
        }
        return result
    }
}
