package import JSONTree
package import KubeModel
package import PrometheusModel

/// What discovery looks at in an Endpoints object.
package struct EndpointsRecord: DiscoveryRecord {
    package struct Address: Sendable, Equatable {
        package var address: String
        package var hostname: String
        package var nodeName: String?
        package var target: TargetReference?
    }

    package struct Subset: Sendable, Equatable {
        package var ready: [Address]
        package var notReady: [Address]
        package var ports: [PodRecord.Port]
    }

    package var object: ObjectRecord
    package var subsets: [Subset]

    package init(_ object: JSONObject) {
        func addresses(_ values: [JSONValue]?) -> [Address] {
            (values ?? []).compactMap(\.object).map { address in
                Address(
                    address: address[string: "ip"] ?? "",
                    hostname: address[string: "hostname"] ?? "",
                    nodeName: address[string: "nodeName"],
                    target: TargetReference(address[object: "targetRef"])
                )
            }
        }
        self.object = ObjectRecord(object)
        self.subsets = (object[array: "subsets"] ?? []).compactMap(\.object).map { subset in
            Subset(
                ready: addresses(subset[array: "addresses"]),
                notReady: addresses(subset[array: "notReadyAddresses"]),
                ports: (subset[array: "ports"] ?? []).compactMap(\.object).map { port in
                    PodRecord.Port(
                        name: port[string: "name"] ?? "",
                        number: port[int: "port"] ?? 0,
                        transport: port[string: "protocol"] ?? ""
                    )
                }
            )
        }
    }

    package func pack(into writer: inout PackWriter) {
        self.object.pack(into: &writer)
        writer.write(self.subsets) { writer, subset in
            for addresses in [subset.ready, subset.notReady] {
                writer.write(addresses) {
                    $0.write($1.address)
                    $0.write($1.hostname)
                    $0.write($1.nodeName)
                    $0.write($1.target)
                }
            }
            writer.write(subset.ports) {
                $0.write($1.name)
                $0.write($1.number)
                $0.write($1.transport)
            }
        }
    }

    package init(unpacking reader: inout PackReader) {
        func addresses(_ reader: inout PackReader) -> [Address] {
            reader.array {
                Address(
                    address: $0.string(),
                    hostname: $0.string(),
                    nodeName: $0.optionalString(),
                    target: TargetReference(unpacking: &$0)
                )
            }
        }
        self.object = ObjectRecord(unpacking: &reader)
        self.subsets = reader.array { reader in
            Subset(
                ready: addresses(&reader),
                notReady: addresses(&reader),
                ports: reader.array { PodRecord.Port(name: $0.string(), number: $0.int(), transport: $0.string()) }
            )
        }
    }
}

extension EndpointsRecord {
    package static func source(_ key: ObjectKey) -> String { "endpoints/\(key.namespace)/\(key.name)" }

    private var addresses: some Sequence<Address> { self.subsets.lazy.flatMap { $0.ready + $0.notReady } }
    package var pods: [ObjectKey] { self.addresses.compactMap { $0.target?.pod } }
    package var nodes: [String] { self.addresses.compactMap { $0.target?.node ?? $0.nodeName } }

    /// Role `endpoints`: a target for each address and port, and for ports of the pods behind it that it doesn't list. The
    /// service is the one of the same name.
    package func targetGroup(_ lookup: DiscoveryLookup) -> TargetGroup {
        var labels = LabelDraft(reservingCapacity: 48)
        labels.set(Meta.namespace, self.object.namespace)
        labels.set(self.object, as: "endpoints")
        if let service = lookup.service(self.object.key) { labels.set(service) }
        labels.attach(namespace: self.object.namespace, lookup)
        var backing = BackingPods()
        var targets: [[Label]] = []
        for subset in self.subsets {
            for port in subset.ports {
                for (addresses, isReady) in [(subset.ready, true), (subset.notReady, false)] {
                    for address in addresses {
                        let pod = backing.use(address.target, port: port.number, lookup)
                        targets.append(Self.target(address, port, isReady: isReady, pod, lookup))
                    }
                }
            }
        }
        targets += backing.unlistedTargets()
        return TargetGroup(source: Self.source(self.object.key), labels: labels.finished(), targets: targets)
    }

    private static func target(
        _ address: Address,
        _ port: PodRecord.Port,
        isReady: Bool,
        _ pod: PodRecord?,
        _ lookup: DiscoveryLookup
    ) -> [Label] {
        let prefix = "\(Meta.prefix)endpoint_"
        var own = LabelDraft(reservingCapacity: 48)
        own.set(Label.address, address.address.joined(port: port.number))
        own.set(prefix + "port_name", port.name)
        own.set(prefix + "port_protocol", port.transport)
        own.set(prefix + "ready", isReady ? "true" : "false")
        own.set(prefix + "address_target_kind", address.target?.kind)
        own.set(prefix + "address_target_name", address.target?.name)
        own.set(prefix + "node_name", address.nodeName)
        own.set(prefix + "hostname", address.hostname)
        own.attach(node: address.target?.node ?? address.nodeName, lookup)
        if let pod {
            own.set(pod)
            // The protocol is the endpoint's, unlike in slices: so it is in Prometheus.
            if let (container, containerPort) = pod.container(with: port.number) {
                own.set(container, containerPort, transport: port.transport)
            }
        }
        return own.finished()
    }
}
