import CollectorConfig
import JSONTree
import KubeModel
import TelemetryAPI

extension CollectorContext {
    /// Lets traffic in to the collector's ports and nothing else, when `spec.networkPolicy.enabled` (specification
    /// section 3.11).
    ///
    /// Ports keep their protocol: the Go operator lists all as TCP, and so shuts out what UDP receivers are sent. The
    /// numeric target ports of `spec.ports` are let in too, since that is where the pods get that traffic.
    func networkPolicy() throws(ConfigurationError) -> KubeObject? {
        guard self.spec.networkPolicyEnabled == true else { return nil }
        let name = ObjectName.networkPolicy(self.name)
        var object = self.object(
            GroupVersionKind(group: "networking.k8s.io", version: "v1", kind: "NetworkPolicy"),
            name,
            labels: self.labels(name: name, filtered: true),
            annotations: self.annotations
        )
        var ports: [JSONValue] = []
        var seen: Set<JSONValue> = []
        func add(_ port: JSONValue?, _ transport: JSONValue?) {
            guard let port else { return }
            let entry: JSONValue = ["protocol": transport ?? "TCP", "port": port]
            if seen.insert(entry).inserted { ports.append(entry) }
        }
        for port in self.containerPorts { add(port["containerPort"], port["protocol"]) }
        for port in self.spec.ports {
            guard let target = port.json[int: "targetPort"], target != 0 else { continue }
            add(.int(target), port.transport.isEmpty ? nil : .string(port.transport))
        }
        object.spec = [
            "podSelector": ["matchLabels": .strings(self.selectorLabels)],
            "ingress": [["ports": .array(ports)]],
            "policyTypes": ["Ingress"],
        ]
        return object
    }
}
