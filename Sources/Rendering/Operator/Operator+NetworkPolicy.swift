import JSONTree
package import KubeModel

/// What the operator's own NetworkPolicy depends on (gate `operator.networkpolicy`, specification operations.md section 2).
package struct OperatorNetworkPolicy: Sendable, Hashable {
    package static let name = "opentelemetry-operator"
    /// Where API servers listen by default, as a Service and as kubeadm sets them up.
    static let usualServerPorts = [443, 6443]

    package var namespace: String
    /// Webhooks, metrics, probes; in this order. Nothing else is let in.
    package var servedPorts: [Int]
    /// Where the API server listens, as its endpoints and the operator's own configuration say.
    package var serverPorts: [Int]
    /// Where else the operator sends to, such as the collector of its own traces.
    package var otherPorts: [Int]

    package init(namespace: String, servedPorts: [Int], serverPorts: [Int], otherPorts: [Int] = []) {
        self.namespace = namespace
        self.servedPorts = servedPorts
        self.serverPorts = serverPorts
        self.otherPorts = otherPorts
    }

    /// Lets in what the operator serves, and out to the API server, DNS and what else it was told to send to.
    ///
    /// By port alone: an address of the API server can change, some network plugins know it under another than its
    /// endpoints tell, and an operator that was cut off could not mend its policy. For the same reason the usual ports of
    /// API servers are always among those let out.
    ///
    /// - Parameter owner: the operator's Deployment; the policy goes with it.
    package func render(owner: KubeObject) -> KubeObject {
        var object = KubeObject([
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": [
                "name": .string(Self.name), "namespace": .string(self.namespace),
                "labels": ["app.kubernetes.io/name": "opentelemetry-operator"],
            ],
            "spec": [
                "podSelector": ["matchLabels": ["app.kubernetes.io/name": "opentelemetry-operator"]],
                "policyTypes": ["Ingress", "Egress"],
                "ingress": .array(self.ingress),
                "egress": .array(self.egress),
            ],
        ])
        object.metadata.ownerReferences = [owner.plainReference]
        return object
    }

    /// A rule without ports would let in everything.
    private var ingress: [JSONValue] {
        let ports = Self.unique(self.servedPorts)
        return ports.isEmpty ? [] : [["ports": Self.ports(ports)]]
    }

    private var egress: [JSONValue] {
        var rules: [JSONValue] = [
            ["ports": Self.ports(Self.unique(self.serverPorts + Self.usualServerPorts).sorted())],
            // Rules count after the Service's address was replaced, and OpenShift's DNS pods listen on 5353.
            ["ports": Self.ports([53, 5353], ["UDP", "TCP"])],
        ]
        if !self.otherPorts.isEmpty { rules.append(["ports": Self.ports(Self.unique(self.otherPorts).sorted())]) }
        return rules
    }

    static func ports(_ ports: [Int], _ transports: [String] = ["TCP"]) -> JSONValue {
        .array(
            ports.flatMap { port in
                transports.map { JSONValue.object(["port": .int(port), "protocol": .string($0)]) }
            }
        )
    }

    static func unique(_ ports: [Int]) -> [Int] {
        var seen: Set<Int> = []
        return ports.filter { (1...65535).contains($0) && seen.insert($0).inserted }
    }
}

extension OperatorNetworkPolicy {
    /// The ports named `https` (or all, where none is) in EndpointSlices, or in the Endpoints that older servers have.
    package static func ports(of objects: [KubeObject]) -> [Int] {
        let ports = objects.flatMap { object -> [JSONObject] in
            let own = object.json[array: "ports"] ?? []
            let inner = (object.json[array: "subsets"] ?? []).flatMap { $0.object?[array: "ports"] ?? [] }
            return (own + inner).compactMap(\.object)
        }
        let named = ports.filter { $0[string: "name"] == "https" }
        return self.unique((named.isEmpty ? ports : named).compactMap { $0[int: "port"] }).sorted()
    }
}

extension KubeObject {
    /// Makes it the owner, without more: who holds up its deletion needs a permission at its finalizers on some clusters.
    var plainReference: OwnerReference {
        OwnerReference([
            "apiVersion": .string(self.apiVersion), "kind": .string(self.kind), "name": .string(self.name),
            "uid": .string(self.metadata.uid ?? ""),
        ])
    }
}
