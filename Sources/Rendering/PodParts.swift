import JSONTree

/// The parts of a pod's specification that all resources with pods of their own spell alike, made fit for server-side apply.
struct PodParts {
    private let spec: JSONObject

    /// - Parameter spec: of the custom resource.
    init(_ spec: JSONObject) { self.spec = spec }

    /// Unless the resource names one itself.
    private var dnsPolicy: String {
        if self.spec[object: "podDnsConfig"]?[array: "nameservers"] != nil { return "None" }
        return self.spec[bool: "hostNetwork"] ?? false ? "ClusterFirstWithHostNet" : "ClusterFirst"
    }

    /// How a pod is placed and named: what is neither containers nor volumes nor security.
    ///
    /// - Parameters:
    ///   - dnsPolicy: the user's own, where the resource honours that.
    ///   - honoursHostPID: likewise.
    func placement(dnsPolicy: String? = nil, honoursHostPID: Bool = false) -> JSONObject {
        var pod: JSONObject = [
            "dnsPolicy": .string(dnsPolicy ?? self.dnsPolicy),
            "dnsConfig": .object(self.spec[object: "podDnsConfig"] ?? [:]),
        ]
        if self.spec[bool: "hostNetwork"] == true { pod["hostNetwork"] = true }
        if honoursHostPID, self.spec[bool: "hostPID"] == true { pod["hostPID"] = true }
        pod.copy("hostUsers", from: self.spec)
        let aliases = self.hostAliases
        if !aliases.isEmpty { pod["hostAliases"] = .array(aliases) }
        pod["shareProcessNamespace"] = .bool(self.spec[bool: "shareProcessNamespace"] ?? false)
        pod.copy(
            "tolerations",
            "nodeSelector",
            "priorityClassName",
            "affinity",
            "terminationGracePeriodSeconds",
            from: self.spec
        )
        return pod
    }

    /// One entry for each address: server-side apply keys them by it, so that the names of repeated ones are joined.
    private var hostAliases: [JSONValue] {
        var aliases: [(ip: String, json: JSONObject)] = []
        for value in self.spec[array: "hostAliases"] ?? [] {
            guard let json = value.object else { continue }
            let ip = json[string: "ip"] ?? ""
            if let place = aliases.firstIndex(where: { $0.ip == ip }) {
                let names = aliases[place].json[array: "hostnames"] ?? []
                aliases[place].json["hostnames"] = .array(
                    names + (json[array: "hostnames"] ?? []).filter { !names.contains($0) }
                )
            } else {
                aliases.append((ip, json))
            }
        }
        return aliases.map { .object($0.json) }
    }

    /// A list of containers as the user wrote them: ports name their protocol, and no two variables share a name.
    func containers(_ member: String) -> [JSONValue] { (self.spec[array: member] ?? []).map(Self.normalized) }

    private static func normalized(_ container: JSONValue) -> JSONValue {
        guard var json = container.object else { return container }
        if let ports = json[array: "ports"] {
            json["ports"] = .array(
                ports.map { port in
                    guard var port = port.object, port[string: "protocol"] ?? "" == "" else { return port }
                    port["protocol"] = "TCP"
                    return .object(port)
                }
            )
        }
        if let environment = json[array: "env"] { json["env"] = .array(EnvironmentList(environment).entries) }
        return .object(json)
    }
}
