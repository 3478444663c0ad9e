import JSONTree

/// A port that follows from the configuration.
package struct DerivedPort: Sendable, Hashable {
    package var name: String
    package var port: Int
    /// nil when the component does not say; Kubernetes takes TCP then.
    package var transport: Transport?
    package var appProtocol: String?
    /// Set when a Service is to name it.
    package var targetPort: Int?
    /// Which component it comes from, such as `receivers.otlp`.
    package var component: String

    package init(
        name: String,
        port: Int,
        transport: Transport? = nil,
        appProtocol: String? = nil,
        targetPort: Int? = nil,
        component: String = ""
    ) {
        self.name = name
        self.port = port
        self.transport = transport
        self.appProtocol = appProtocol
        self.targetPort = targetPort
        self.component = component
    }
}

extension CollectorConfiguration {
    /// The ports of all enabled components of some kinds, sorted by name (specification section 5).
    ///
    /// Throws for a body of the wrong shape, an unknown protocol, or a component that cannot be without a port.
    package func ports(of kinds: [ComponentKind]) throws(ConfigurationError) -> [DerivedPort] {
        var ports: [DerivedPort] = []
        for kind in kinds {
            for id in self.enabled(kind) { ports += try self.ports(kind, id) }
        }
        return ports.sortedByName
    }

    /// The ports of one component.
    package func ports(_ kind: ComponentKind, _ id: String) throws(ConfigurationError) -> [DerivedPort] {
        let value = self.components(kind)?[id]
        let path = "\(kind.section).\(id.abbreviated())"
        switch ComponentRegistry.parser(kind, id: id).ports {
        case .none: return []
        case .endpoint(let rule):
            guard let body = try ComponentBody(value, path: path) else { return [] }
            guard let port = try body.endpointPort() ?? rule.defaultPort else {
                guard !rule.isRequired else { throw ConfigurationError(path: path, "port should not be empty") }
                return []
            }
            return [
                DerivedPort(
                    name: PortName.make(id, port: port),
                    port: port,
                    transport: rule.transport,
                    appProtocol: rule.appProtocol,
                    targetPort: rule.setsTargetPort ? port : nil,
                    component: path
                )
            ]
        case .protocols(let rules):
            guard let body = try ComponentBody(value, path: path), let protocols = try body.body("protocols") else {
                return []
            }
            var ports: [DerivedPort] = []
            for (name, value) in protocols.json.sortedByKey() {
                guard let rule = rules.first(where: { $0.name == name }) else {
                    throw ConfigurationError(path: "\(path).protocols", "unknown protocol set: \(name.abbreviated())")
                }
                let body = try ComponentBody(value, path: "\(path).protocols.\(name)")
                let port = try body?.endpointPort() ?? rule.defaultPort
                ports.append(
                    DerivedPort(
                        name: PortName.make("\(id)-\(name)", port: port),
                        port: port,
                        transport: rule.transport,
                        appProtocol: rule.appProtocol,
                        targetPort: port,
                        component: path
                    )
                )
            }
            return ports
        case .prometheusServer:
            guard let server = try ComponentBody(value, path: path)?.body("api_server"),
                try server.bool("enabled") == true,
                let endpoint = try server.body("server_config")?.string("endpoint"), let port = Endpoint.port(endpoint)
            else { return [] }
            return [DerivedPort(name: PortName.make(id, port: port), port: port, component: path)]
        case .healthCheck(let defaultPort):
            let port = try ComponentBody(value, path: path)?.string("endpoint").flatMap(Endpoint.port) ?? defaultPort
            return [DerivedPort(name: PortName.make(id, port: port), port: port, component: path)]
        case .jaegerQuery(let defaultPort):
            guard let body = try ComponentBody(value, path: path) else { return [] }
            let http = try body.body("http")?.string("endpoint").flatMap(Endpoint.port) ?? defaultPort
            var ports = [
                DerivedPort(name: PortName.make(id, port: http), port: http, targetPort: http, component: path)
            ]
            if let grpc = try body.body("grpc")?.string("endpoint").flatMap(Endpoint.port), grpc != http {
                ports.append(
                    DerivedPort(
                        name: PortName.make("\(id)-2", port: grpc),
                        port: grpc,
                        targetPort: grpc,
                        component: path
                    )
                )
            }
            return ports
        }
    }
}

extension [DerivedPort] {
    /// Sorted by name; equal names keep their order, so that the same ports always give the same list.
    package var sortedByName: [DerivedPort] {
        self.enumerated().sorted { left, right in
            left.element.name == right.element.name
                ? left.offset < right.offset
                : left.element.name.utf8.lexicographicallyPrecedes(right.element.name.utf8)
        }.map(\.element)
    }
}

extension ComponentBody {
    /// The port of `endpoint`, or of `listen_address` when `endpoint` is empty.
    package func endpointPort() throws(ConfigurationError) -> Int? {
        let endpoint = try self.string("endpoint") ?? ""
        let address = try self.string("listen_address") ?? ""
        return Endpoint.port(endpoint.isEmpty ? address : endpoint)
    }
}
