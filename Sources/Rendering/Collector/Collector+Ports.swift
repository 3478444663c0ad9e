import CollectorConfig
import JSONTree
import TelemetryAPI

// Ports of containers and Services: what follows from the configuration, and what `spec.ports` says about it
// (specification sections 3.4 and 3.7).
//
// Server-side apply keys the entries of both lists by number and protocol, so each entry names its protocol, and no two
// entries may share both. Where two would, the first one in this order stays: `spec.ports`, then the components', then
// the collector's own metrics. (The Go operator writes both; a Service is refused then, a container gets a useless entry.)

/// Number and transport: what tells ports of a pod apart.
private struct PortKey: Hashable {
    var port: Int
    var transport: String

    init(_ port: Int, _ transport: String?) {
        self.port = port
        self.transport = transport.flatMap { $0.isEmpty ? nil : $0 } ?? Transport.tcp.rawValue
    }
}

extension CollectorContext {
    /// The first of those ports that share number and protocol.
    func distinct(_ ports: [DerivedPort]) -> [DerivedPort] {
        var keys: Set<PortKey> = []
        return ports.filter { keys.insert(PortKey($0.port, $0.transport?.rawValue)).inserted }
    }

    /// Inferred ports that neither number nor name of `spec.ports` takes; a taken name becomes `port-<number>`.
    private func surviving(_ inferred: [DerivedPort]) -> [DerivedPort] {
        let given = self.spec.ports
        var keys = Set(given.map { PortKey($0.port, $0.transport) })
        var names = Set(given.map(\.name))
        return inferred.compactMap { port in
            var port = port
            guard keys.insert(PortKey(port.port, port.transport?.rawValue)).inserted else { return nil }
            if !names.insert(port.name).inserted {
                port.name = "port-\(port.port)"
                guard names.insert(port.name).inserted else { return nil }
            }
            return port
        }
    }

    /// The ports of the collector's container, sorted by name.
    var containerPorts: [JSONValue] {
        var inferred: [DerivedPort] = []
        do throws(ConfigurationError) {
            inferred = try self.ports(of: .receiver, .exporter, .extension).compactMap { port in
                var port = port
                port.name = String(decoding: port.name.utf8.prefix(15), as: UTF8.self)
                let isValid = PortName.problems(port.name).isEmpty && PortName.problems(number: port.port).isEmpty
                return isValid ? port : nil
            }
            let metrics = self.metricsPort
            inferred.append(DerivedPort(name: "metrics", port: metrics, transport: .tcp))
        } catch {
            // A configuration no port can be read from has no inferred ones at all; plan() has refused it by now, an
            // injected sidecar has to live with it.
            inferred = []
        }
        var ports: [(name: String, value: JSONObject)] = []
        var names: Set<String> = []
        var keys: Set<PortKey> = []
        for given in self.spec.ports {
            var name = given.name
            if !names.insert(name).inserted {
                name = "port-\(given.port)"
                guard names.insert(name).inserted else { continue }
            }
            guard keys.insert(PortKey(given.port, given.transport)).inserted else { continue }
            var value: JSONObject = ["name": .string(name), "containerPort": .int(given.port)]
            value["protocol"] = .string(PortKey(given.port, given.transport).transport)
            if given.hostPort != 0 { value["hostPort"] = .int(given.hostPort) }
            ports.append((name, value))
        }
        for port in self.surviving(inferred) where names.insert(port.name).inserted {
            ports.append(
                (
                    port.name,
                    [
                        "name": .string(port.name), "containerPort": .int(port.port),
                        "protocol": .string((port.transport ?? .tcp).rawValue),
                    ]
                )
            )
        }
        return ports.enumerated().sorted { left, right in
            left.element.name == right.element.name
                ? left.offset < right.offset
                : left.element.name.utf8.lexicographicallyPrecedes(right.element.name.utf8)
        }.map { .object($0.element.value) }
    }

    /// Where the collector serves its own metrics; the default where that can't be known.
    private var metricsPort: Int {
        do throws(ConfigurationError) { return try self.configuration.metricsEndpoint().port } catch { return 8888 }
    }

    /// Ports of a Service, an Ingress or routes: those of `spec.ports` as given, then those of `inferred` that survive.
    func servicePorts(from inferred: [DerivedPort]) -> [ServicePort] {
        let usesRoutes = self.spec.ingress?.type == "route"
        var keys: Set<PortKey> = []
        var names: Set<String> = []
        var ports: [ServicePort] = []
        for given in self.spec.ports where keys.insert(PortKey(given.port, given.transport)).inserted {
            var json = given.json
            json["hostPort"] = nil
            // A name twice would be refused: the second is called as it is in the container.
            if !names.insert(given.name).inserted {
                let name = "port-\(given.port)"
                guard names.insert(name).inserted else { continue }
                json["name"] = .string(name)
            }
            json["protocol"] = .string(PortKey(given.port, given.transport).transport)
            ports.append(ServicePort(json))
        }
        for port in self.surviving(inferred) where names.insert(port.name).inserted {
            var json = port.serviceJSON
            // OpenShift's router speaks HTTP/2 without TLS under this name only.
            if usesRoutes, port.appProtocol?.lowercased() == "grpc" { json["appProtocol"] = "h2c" }
            ports.append(ServicePort(json))
        }
        return ports
    }
}

/// A port of a Service.
struct ServicePort: JSONView {
    var json: JSONObject
    init(_ json: JSONObject) { self.json = json }

    var name: String { self.json[string: "name"] ?? "" }
    var port: Int { self.json[int: "port"] ?? 0 }
    var appProtocol: String { self.json[string: "appProtocol"] ?? "" }
    /// The name by which an Ingress or a Route points to it.
    var reference: String { PortName.make(self.name, port: self.port) }
}

extension DerivedPort {
    var serviceJSON: JSONObject {
        var json: JSONObject = ["name": .string(self.name), "port": .int(self.port)]
        json["protocol"] = .string((self.transport ?? .tcp).rawValue)
        json[string: "appProtocol"] = self.appProtocol
        json[int: "targetPort"] = self.targetPort
        return json
    }
}
