import JSONTree
import KubeModel
import TelemetryAPI

extension TargetAllocatorContext {
    /// Lets everybody in to the allocator's ports, and the allocator out to the API server, to DNS and to its other replicas,
    /// when `spec.networkPolicy.enabled`.
    ///
    /// By port rather than by address: an address of the API server can change, and some network plugins know it under
    /// another than its endpoints tell (the Go operator lists addresses, and shuts out DNS). Where targets may come from an
    /// HTTP server, nothing is kept from going out: nobody knows before where that is.
    func networkPolicy() -> KubeObject? {
        guard self.spec.networkPolicyEnabled == true else { return nil }
        let name = ObjectName.targetAllocatorNetworkPolicy(self.name)
        var object = self.object(
            GroupVersionKind(group: "networking.k8s.io", version: "v1", kind: "NetworkPolicy"),
            name,
            // The Go operator reads the version off an image that is never there, so it is always `latest`.
            labels: self.labels(name: name, image: "", filtered: true)
        )
        let pods: JSONValue = ["matchLabels": .object(JSONObject(strings: self.plainSelector))]
        let ports = JSONValue.array(
            self.containerPorts.map { ["port": $0["containerPort"] ?? .null, "protocol": $0["protocol"] ?? "TCP"] }
        )
        var egress: [JSONValue] = [[:]]
        if !self.asksServers {
            let server = OperatorNetworkPolicy.unique(
                self.facts.apiServerPorts + OperatorNetworkPolicy.usualServerPorts
            )
            egress = [
                ["ports": OperatorNetworkPolicy.ports(server.sorted())],
                ["ports": OperatorNetworkPolicy.ports([53, 5353], ["UDP", "TCP"])],
                ["to": [["podSelector": pods]], "ports": ports],
            ]
        }
        object.spec = [
            "podSelector": pods,
            "ingress": [["ports": ports]],
            "egress": .array(egress),
            "policyTypes": ["Ingress", "Egress"],
        ]
        return object
    }

    /// Whether it may ask servers of the user's for targets: `http_sd_configs`, or ScrapeConfigs, which may hold such.
    private var asksServers: Bool {
        let jobs = self.prometheus[array: "scrape_configs"] ?? []
        if jobs.contains(where: { $0["http_sd_configs"] != nil }) { return true }
        return self.spec.prometheusCR.isEnabled
            && self.spec.prometheusCR.json[object: "scrapeConfigSelector"] != nil
    }
}
