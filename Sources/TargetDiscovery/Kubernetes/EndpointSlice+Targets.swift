package import JSONTree
package import KubeModel
package import PrometheusModel

/// What discovery looks at in an EndpointSlice, of `v1` or of `v1beta1`.
package struct EndpointSliceRecord: DiscoveryRecord {
    package struct Endpoint: Sendable, Equatable {
        package var addresses: [String]
        package var isReady: Bool?
        package var isServing: Bool?
        package var isTerminating: Bool?
        package var hostname: String?
        package var nodeName: String?
        package var zone: String?
        /// `deprecatedTopology` in `v1`, `topology` in `v1beta1`.
        package var topology: [ObjectRecord.Pair]
        package var target: TargetReference?
    }

    package struct Port: Sendable, Equatable {
        package var name: String?
        package var transport: String?
        package var number: Int?
        package var application: String?
    }

    package var object: ObjectRecord
    package var addressType: String
    package var endpoints: [Endpoint]
    package var ports: [Port]

    package init(_ object: JSONObject) {
        self.object = ObjectRecord(object)
        self.addressType = object[string: "addressType"] ?? ""
        self.endpoints = (object[array: "endpoints"] ?? []).compactMap(\.object).map { endpoint in
            let conditions = endpoint[object: "conditions"]
            return Endpoint(
                addresses: endpoint[strings: "addresses"] ?? [],
                isReady: conditions?[bool: "ready"],
                isServing: conditions?[bool: "serving"],
                isTerminating: conditions?[bool: "terminating"],
                hostname: endpoint[string: "hostname"],
                nodeName: endpoint[string: "nodeName"],
                zone: endpoint[string: "zone"],
                topology: ObjectRecord.pairs(endpoint[object: "deprecatedTopology"] ?? endpoint[object: "topology"]),
                target: TargetReference(endpoint[object: "targetRef"])
            )
        }
        self.ports = (object[array: "ports"] ?? []).compactMap(\.object).map { port in
            Port(
                name: port[string: "name"],
                transport: port[string: "protocol"],
                number: port[int: "port"],
                application: port[string: "appProtocol"]
            )
        }
    }

    package func pack(into writer: inout PackWriter) {
        self.object.pack(into: &writer)
        writer.write(self.addressType)
        writer.write(self.endpoints) { writer, endpoint in
            writer.write(endpoint.addresses) { $0.write($1) }
            for flag in [endpoint.isReady, endpoint.isServing, endpoint.isTerminating] { writer.write(flag) }
            for text in [endpoint.hostname, endpoint.nodeName, endpoint.zone] { writer.write(text) }
            ObjectRecord.pack(endpoint.topology, into: &writer)
            writer.write(endpoint.target)
        }
        writer.write(self.ports) {
            $0.write($1.name)
            $0.write($1.transport)
            $0.write($1.number)
            $0.write($1.application)
        }
    }

    package init(unpacking reader: inout PackReader) {
        self.object = ObjectRecord(unpacking: &reader)
        self.addressType = reader.string()
        self.endpoints = reader.array { reader in
            Endpoint(
                addresses: reader.array { $0.string() },
                isReady: reader.optionalBool(),
                isServing: reader.optionalBool(),
                isTerminating: reader.optionalBool(),
                hostname: reader.optionalString(),
                nodeName: reader.optionalString(),
                zone: reader.optionalString(),
                topology: ObjectRecord.unpack(&reader),
                target: TargetReference(unpacking: &reader)
            )
        }
        self.ports = reader.array {
            Port(
                name: $0.optionalString(),
                transport: $0.optionalString(),
                number: $0.optionalInt(),
                application: $0.optionalString()
            )
        }
    }
}

extension EndpointSliceRecord {
    package static func source(_ key: ObjectKey) -> String { "endpointslice/\(key.namespace)/\(key.name)" }

    /// The service that the slice belongs to.
    package var service: ObjectKey? {
        self.object.label("kubernetes.io/service-name").map {
            ObjectKey(namespace: self.object.namespace, name: $0)
        }
    }

    package var pods: [ObjectKey] { self.endpoints.compactMap { $0.target?.pod } }
    package var nodes: [String] { self.endpoints.compactMap { $0.target?.node ?? $0.nodeName } }

    /// Role `endpointslice`: a target for each address and port, and for ports of the pods behind it that it doesn't list.
    package func targetGroup(_ lookup: DiscoveryLookup) -> TargetGroup {
        var labels = LabelDraft(reservingCapacity: 48)
        labels.set(Meta.namespace, self.object.namespace)
        labels.set("\(Meta.prefix)endpointslice_address_type", self.addressType)
        labels.set(self.object, as: "endpointslice")
        if let service = self.service.flatMap(lookup.service) { labels.set(service) }
        labels.attach(namespace: self.object.namespace, lookup)
        var backing = BackingPods()
        var targets: [[Label]] = []
        for endpoint in self.endpoints {
            for port in self.ports {
                for address in endpoint.addresses {
                    let pod = backing.use(endpoint.target, port: port.number, lookup)
                    targets.append(Self.target(address, endpoint, port, pod, lookup))
                }
            }
        }
        targets += backing.unlistedTargets()
        return TargetGroup(source: Self.source(self.object.key), labels: labels.finished(), targets: targets)
    }

    private static func target(
        _ address: String,
        _ endpoint: Endpoint,
        _ port: Port,
        _ pod: PodRecord?,
        _ lookup: DiscoveryLookup
    ) -> [Label] {
        let prefix = "\(Meta.prefix)endpointslice_"
        var own = LabelDraft(reservingCapacity: 48)
        own.set(Label.address, port.number.map { address.joined(port: $0) } ?? address)
        own.set(prefix + "port_name", port.name)
        own.set(prefix + "port_protocol", port.transport)
        own.set(prefix + "port", port.number.map { "\($0)" })
        own.set(prefix + "port_app_protocol", port.application)
        own.set(prefix + "endpoint_conditions_ready", endpoint.isReady.map { "\($0)" })
        own.set(prefix + "endpoint_conditions_serving", endpoint.isServing.map { "\($0)" })
        own.set(prefix + "endpoint_conditions_terminating", endpoint.isTerminating.map { "\($0)" })
        own.set(prefix + "endpoint_hostname", endpoint.hostname)
        own.set(prefix + "address_target_kind", endpoint.target?.kind)
        own.set(prefix + "address_target_name", endpoint.target?.name)
        own.set(prefix + "endpoint_node_name", endpoint.nodeName)
        own.set(prefix + "endpoint_zone", endpoint.zone)
        own.set(
            endpoint.topology,
            prefix + "endpoint_topology_",
            present: prefix + "endpoint_topology_present_"
        )
        own.attach(node: endpoint.target?.node ?? endpoint.nodeName, lookup)
        if let pod {
            own.set(pod)
            if let (container, containerPort) = pod.container(with: port.number) {
                own.set(container, containerPort, transport: containerPort.transport)
            }
        }
        return own.finished()
    }
}
