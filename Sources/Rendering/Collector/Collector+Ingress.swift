import CollectorConfig
import JSONTree
import KubeModel
import TelemetryAPI

extension CollectorContext {
    /// The Ingress to the receivers, when `spec.ingress.type` is `ingress` (specification section 3.8).
    func ingress() throws(ConfigurationError) -> KubeObject? {
        guard let ingress = self.spec.ingress, ingress.type == "ingress" else { return nil }
        let ports = self.servicePorts(from: try self.ports(of: .receiver))
        guard !ports.isEmpty else { return nil }
        let name = ObjectName.ingress(self.name)
        var object = self.object(
            GroupVersionKind(group: "networking.k8s.io", version: "v1", kind: "Ingress"),
            name,
            labels: self.labels(name: name, filtered: true),
            annotations: ingress.annotations
        )
        var spec: JSONObject = [:]
        spec[string: "ingressClassName"] = ingress.ingressClassName
        if !ingress.tls.isEmpty { spec["tls"] = .array(ingress.tls) }
        spec["rules"] =
            ingress.ruleType == "subdomain" ? self.subdomainRules(ingress, ports) : self.pathRules(ingress, ports)
        object.spec = spec
        return object
    }

    /// One host, a path for each port.
    private func pathRules(_ ingress: CollectorIngress, _ ports: [ServicePort]) -> JSONValue {
        var rule: JSONObject = [:]
        if !ingress.hostname.isEmpty { rule["host"] = .string(ingress.hostname) }
        rule["http"] = ["paths": .array(ports.map { self.ingressPath("/\($0.name)", $0) })]
        return [.object(rule)]
    }

    /// A host for each port.
    private func subdomainRules(_ ingress: CollectorIngress, _ ports: [ServicePort]) -> JSONValue {
        .array(
            ports.map { port in
                [
                    "host": .string(Self.host(port, ingress.hostname)),
                    "http": ["paths": [self.ingressPath("/", port)]],
                ]
            }
        )
    }

    static func host(_ port: ServicePort, _ hostname: String) -> String {
        hostname.isEmpty || hostname == "*" ? port.reference : "\(port.reference).\(hostname)"
    }

    private func ingressPath(_ path: String, _ port: ServicePort) -> JSONValue {
        [
            "path": .string(path), "pathType": "Prefix",
            "backend": [
                "service": [
                    "name": .string(ObjectName.collector(self.name)), "port": ["name": .string(port.reference)],
                ]
            ],
        ]
    }
}
