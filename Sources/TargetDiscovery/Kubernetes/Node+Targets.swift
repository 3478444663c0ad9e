package import JSONTree
package import PrometheusModel

/// What discovery looks at in a node.
package struct NodeRecord: DiscoveryRecord {
    package struct Entry: Sendable, Equatable {
        package var type: String
        package var value: String
    }

    package var object: ObjectRecord
    package var providerID: String
    package var addresses: [Entry]
    /// Type and status.
    package var conditions: [Entry]
    package var kubeletPort: Int

    package init(_ object: JSONObject) {
        self.object = ObjectRecord(object)
        self.providerID = object[object: "spec"]?[string: "providerID"] ?? ""
        let status = object[object: "status"] ?? [:]
        self.addresses = Self.entries(status[array: "addresses"], "address")
        self.conditions = Self.entries(status[array: "conditions"], "status")
        self.kubeletPort = status[path: "daemonEndpoints", "kubeletEndpoint", "Port"]?.int ?? 0
    }

    package func pack(into writer: inout PackWriter) {
        self.object.pack(into: &writer)
        writer.write(self.providerID)
        for entries in [self.addresses, self.conditions] {
            writer.write(entries) {
                $0.write($1.type)
                $0.write($1.value)
            }
        }
        writer.write(self.kubeletPort)
    }

    package init(unpacking reader: inout PackReader) {
        self.object = ObjectRecord(unpacking: &reader)
        self.providerID = reader.string()
        self.addresses = reader.array { Entry(type: $0.string(), value: $0.string()) }
        self.conditions = reader.array { Entry(type: $0.string(), value: $0.string()) }
        self.kubeletPort = reader.int()
    }

    private static func entries(_ values: [JSONValue]?, _ member: String) -> [Entry] {
        (values ?? []).compactMap { value in
            guard let entry = value.object, let type = entry[string: "type"] else { return nil }
            return Entry(type: type, value: entry[string: member] ?? "")
        }
    }
}

extension NodeRecord {
    /// Which address of a node is taken, the best first.
    private static let preferredAddresses = [
        "InternalIP", "InternalDNS", "ExternalIP", "ExternalDNS", "LegacyHostIP", "Hostname",
    ]

    package static func source(_ name: String) -> String { "node/\(name)" }

    /// Role `node`: the kubelet. A node without any address has no target.
    package func targetGroup() -> TargetGroup {
        var labels = LabelDraft()
        labels.set(self.object, as: "node")
        labels.set("\(Meta.prefix)node_provider_id", self.providerID)
        for condition in self.conditions {
            labels.set(
                "\(Meta.prefix)node_condition_\(condition.type.lowercased().asLabelNamePart)",
                condition.value.lowercased()
            )
        }
        var first: [String: String] = [:]
        for address in self.addresses where first[address.type] == nil { first[address.type] = address.value }
        var targets: [[Label]] = []
        if let address = Self.preferredAddresses.lazy.compactMap({ first[$0] }).first {
            var own = LabelDraft()
            own.set(Label.address, address.joined(port: self.kubeletPort))
            own.set("instance", self.object.name)
            for (type, address) in first {
                own.set("\(Meta.prefix)node_address_\(type.asLabelNamePart)", address)
            }
            targets.append(own.finished())
        }
        return TargetGroup(source: Self.source(self.object.name), labels: labels.finished(), targets: targets)
    }
}
