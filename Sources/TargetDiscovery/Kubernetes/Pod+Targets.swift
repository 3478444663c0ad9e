package import JSONTree
package import KubeModel
package import PrometheusModel

/// What discovery looks at in a pod.
package struct PodRecord: DiscoveryRecord {
    package struct Port: Sendable, Equatable {
        package var name: String
        package var number: Int
        package var transport: String
    }

    package struct Container: Sendable, Equatable {
        package var name: String
        package var image: String
        package var id: String
        package var isInit: Bool
        package var ports: [Port]
    }

    package var object: ObjectRecord
    package var uid: String
    package var address: String
    package var hostAddress: String
    package var nodeName: String
    package var phase: String
    /// The condition's status in lower case, `unknown` without one.
    package var ready: String
    package var controllerKind: String
    package var controllerName: String
    /// The init containers last.
    package var containers: [Container]

    package init(_ object: JSONObject) {
        self.object = ObjectRecord(object)
        let pod = Pod(object)
        let status = object[object: "status"] ?? [:]
        self.uid = pod.metadata.uid ?? ""
        self.address = status[string: "podIP"] ?? ""
        self.hostAddress = status[string: "hostIP"] ?? ""
        self.nodeName = pod.spec.nodeName ?? ""
        self.phase = status[string: "phase"] ?? ""
        let condition = status[array: "conditions"]?.first { $0["type"]?.string == "Ready" }
        self.ready = (condition?["status"]?.string ?? "unknown").lowercased()
        let controller = pod.metadata.controller
        self.controllerKind = controller?.kind ?? ""
        self.controllerName = controller?.name ?? ""
        let spec = object[object: "spec"]
        self.containers =
            Self.containers(spec?[array: "containers"], status[array: "containerStatuses"], isInit: false)
            + Self.containers(spec?[array: "initContainers"], status[array: "initContainerStatuses"], isInit: true)
    }

    private static func containers(_ values: [JSONValue]?, _ statuses: [JSONValue]?, isInit: Bool) -> [Container] {
        (values ?? []).compactMap { value in
            guard let container = value.object else { return nil }
            let name = container[string: "name"] ?? ""
            let status = statuses?.first { $0["name"]?.string == name }
            return Container(
                name: name,
                image: container[string: "image"] ?? "",
                id: status?["containerID"]?.string ?? "",
                isInit: isInit,
                ports: (container[array: "ports"] ?? []).compactMap { value in
                    guard let port = value.object, let number = port[int: "containerPort"] else { return nil }
                    return Port(
                        name: port[string: "name"] ?? "",
                        number: number,
                        transport: port[string: "protocol"] ?? ""
                    )
                }
            )
        }
    }

    package func pack(into writer: inout PackWriter) {
        self.object.pack(into: &writer)
        for text in [
            self.uid, self.address, self.hostAddress, self.nodeName, self.phase, self.ready, self.controllerKind,
            self.controllerName,
        ] { writer.write(text) }
        writer.write(self.containers) { writer, container in
            writer.write(container.name)
            writer.write(container.image)
            writer.write(container.id)
            writer.write(container.isInit)
            writer.write(container.ports) {
                $0.write($1.name)
                $0.write($1.number)
                $0.write($1.transport)
            }
        }
    }

    package init(unpacking reader: inout PackReader) {
        self.object = ObjectRecord(unpacking: &reader)
        self.uid = reader.string()
        self.address = reader.string()
        self.hostAddress = reader.string()
        self.nodeName = reader.string()
        self.phase = reader.string()
        self.ready = reader.string()
        self.controllerKind = reader.string()
        self.controllerName = reader.string()
        self.containers = reader.array { reader in
            Container(
                name: reader.string(),
                image: reader.string(),
                id: reader.string(),
                isInit: reader.bool(),
                ports: reader.array { Port(name: $0.string(), number: $0.int(), transport: $0.string()) }
            )
        }
    }
}

extension PodRecord {
    package static func source(_ key: ObjectKey) -> String { "pod/\(key.namespace)/\(key.name)" }

    /// Role `pod`: a target for each port of each container, and one with the bare address for a container without ports.
    /// A pod that has no address (yet, or any more) has no target.
    package func targetGroup(_ lookup: DiscoveryLookup) -> TargetGroup {
        let source = Self.source(self.object.key)
        guard !self.address.isEmpty else { return TargetGroup(source: source, labels: [], targets: []) }
        var labels = LabelDraft(reservingCapacity: 48)
        labels.set(self)
        labels.set(Meta.namespace, self.object.namespace)
        labels.attach(node: self.nodeName, lookup)
        labels.attach(namespace: self.object.namespace, lookup)
        var targets: [[Label]] = []
        for container in self.containers {
            func target(_ port: Port?) -> [Label] {
                var own = LabelDraft()
                own.set(Label.address, port.map { self.address.joined(port: $0.number) } ?? self.address)
                own.set(container, port, transport: port?.transport)
                own.set("\(Meta.prefix)pod_container_id", container.id)
                return own.finished()
            }
            if container.ports.isEmpty { targets.append(target(nil)) }
            for port in container.ports { targets.append(target(port)) }
        }
        return TargetGroup(source: source, labels: labels.finished(), targets: targets)
    }
}

extension LabelDraft {
    /// What all roles that lead to a pod tell about it.
    mutating func set(_ pod: PodRecord) {
        self.set("\(Meta.prefix)pod_ip", pod.address)
        self.set("\(Meta.prefix)pod_ready", pod.ready)
        self.set("\(Meta.prefix)pod_phase", pod.phase)
        self.set("\(Meta.prefix)pod_node_name", pod.nodeName)
        self.set("\(Meta.prefix)pod_host_ip", pod.hostAddress)
        self.set("\(Meta.prefix)pod_uid", pod.uid)
        self.set("\(Meta.prefix)pod_controller_kind", pod.controllerKind)
        self.set("\(Meta.prefix)pod_controller_name", pod.controllerName)
        self.set(pod.object, as: "pod")
    }

    /// What they tell about the container whose port it is.
    mutating func set(_ container: PodRecord.Container, _ port: PodRecord.Port?, transport: String?) {
        self.set("\(Meta.prefix)pod_container_name", container.name)
        self.set("\(Meta.prefix)pod_container_image", container.image)
        self.set("\(Meta.prefix)pod_container_init", container.isInit ? "true" : "false")
        guard let port else { return }
        self.set("\(Meta.prefix)pod_container_port_name", port.name)
        self.set("\(Meta.prefix)pod_container_port_number", "\(port.number)")
        self.set("\(Meta.prefix)pod_container_port_protocol", transport)
    }
}
