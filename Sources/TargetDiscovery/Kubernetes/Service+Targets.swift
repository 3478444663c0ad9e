package import JSONTree
package import KubeModel
package import PrometheusModel

/// What discovery looks at in a service.
package struct ServiceRecord: DiscoveryRecord {
    package var object: ObjectRecord
    package var type: String
    package var clusterAddress: String
    package var externalName: String
    package var loadBalancerAddress: String
    package var ports: [PodRecord.Port]

    package init(_ object: JSONObject) {
        self.object = ObjectRecord(object)
        let spec = object[object: "spec"] ?? [:]
        self.type = spec[string: "type"] ?? ""
        self.clusterAddress = spec[string: "clusterIP"] ?? ""
        self.externalName = spec[string: "externalName"] ?? ""
        self.loadBalancerAddress = spec[string: "loadBalancerIP"] ?? ""
        self.ports = (spec[array: "ports"] ?? []).compactMap { value in
            guard let port = value.object, let number = port[int: "port"] else { return nil }
            return PodRecord.Port(
                name: port[string: "name"] ?? "",
                number: number,
                transport: port[string: "protocol"] ?? ""
            )
        }
    }

    package func pack(into writer: inout PackWriter) {
        self.object.pack(into: &writer)
        for text in [self.type, self.clusterAddress, self.externalName, self.loadBalancerAddress] { writer.write(text) }
        writer.write(self.ports) {
            $0.write($1.name)
            $0.write($1.number)
            $0.write($1.transport)
        }
    }

    package init(unpacking reader: inout PackReader) {
        self.object = ObjectRecord(unpacking: &reader)
        self.type = reader.string()
        self.clusterAddress = reader.string()
        self.externalName = reader.string()
        self.loadBalancerAddress = reader.string()
        self.ports = reader.array { PodRecord.Port(name: $0.string(), number: $0.int(), transport: $0.string()) }
    }
}

extension ServiceRecord {
    package static func source(_ key: ObjectKey) -> String { "svc/\(key.namespace)/\(key.name)" }

    /// Role `service`: a target for each port, at the service's name in the cluster's DNS.
    package func targetGroup(_ lookup: DiscoveryLookup) -> TargetGroup {
        var labels = LabelDraft()
        labels.set(self)
        labels.attach(namespace: self.object.namespace, lookup)
        let host = "\(self.object.name).\(self.object.namespace).svc"
        let targets = self.ports.map { port in
            var own = LabelDraft()
            own.set(Label.address, host.joined(port: port.number))
            own.set("\(Meta.prefix)service_port_name", port.name)
            own.set("\(Meta.prefix)service_port_number", "\(port.number)")
            own.set("\(Meta.prefix)service_port_protocol", port.transport)
            own.set("\(Meta.prefix)service_type", self.type)
            if self.type == "ExternalName" {
                own.set("\(Meta.prefix)service_external_name", self.externalName)
            } else {
                own.set("\(Meta.prefix)service_cluster_ip", self.clusterAddress)
            }
            if self.type == "LoadBalancer" {
                own.set("\(Meta.prefix)service_loadbalancer_ip", self.loadBalancerAddress)
            }
            return own.finished()
        }
        return TargetGroup(source: Self.source(self.object.key), labels: labels.finished(), targets: targets)
    }
}

extension LabelDraft {
    /// What all roles that belong to a service tell about it.
    mutating func set(_ service: ServiceRecord) {
        self.set(Meta.namespace, service.object.namespace)
        self.set(service.object, as: "service")
    }
}
