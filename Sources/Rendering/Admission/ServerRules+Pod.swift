import CollectorConfig
import JSONTree
import KubeModel
import TelemetryAPI

extension ServerRules {
    /// What concerns the pod template, or the pod a sidecar is injected into.
    mutating func checkPod() {
        if self.spec.args.keys.contains(where: \.isEmpty) {
            self.warn(.crash, "spec.args has an argument without a name: the collector will not start")
        }
        let volumes = self.checkVolumes()
        self.checkMounts("spec.volumeMounts", self.spec.list("volumeMounts"), volumes, own: self.ownMounts)
        self.checkEnvironment("spec", self.spec.json)
        self.checkContainers(volumes)
        self.checkSecurity("spec.securityContext", self.spec.json[object: "securityContext"])
        self.checkLifecycle("spec.lifecycle", self.spec.json[object: "lifecycle"])
        self.checkProbes()
        guard self.context.mode != .sidecar else { return }
        self.checkNetwork()
        self.checkScheduling()
        self.checkStrategies()
    }

    // MARK: Volumes

    /// The names of all volumes that mounts can point to.
    private mutating func checkVolumes() -> Set<String> {
        var owners: [String: String] = [:]
        if self.context.mode != .sidecar {
            owners[CollectorContext.configVolume] = "the volume of the configuration"
            for volume in self.context.mutualTLSVolumes.volumes {
                if let name = volume["name"]?.string { owners[name] = "the volume of the client certificate" }
            }
        }
        for (place, volume) in self.spec.list("volumes").enumerated() {
            let path = "spec.volumes[\(place)]"
            let name = volume["name"]?.string ?? ""
            if !KubeSyntax.isLabel(name) { self.refused("\(path).name", "is no name: \"\(name)\"", self.workload) }
            self.claim(name, "\(path).name", &owners)
            let sources = (volume.object ?? [:]).filter { $0.key != "name" && !$0.value.isNull }.count
            if sources > 1 { self.refused(path, "has several sources", self.workload) }
        }
        for (place, configMap) in self.spec.configMaps.enumerated() {
            let path = "spec.configmaps[\(place)].name"
            if !KubeSyntax.isSubdomain(configMap.name) {
                self.refused(path, "is no name: \"\(configMap.name)\"", self.workload)
            }
            // One ConfigMap in two places is one volume.
            guard !self.spec.configMaps[..<place].contains(where: { $0.name == configMap.name }) else { continue }
            self.claim(ObjectName.configMapVolume(configMap.name), path, &owners)
        }
        for claim in self.spec.list("volumeClaimTemplates") {
            if let name = claim["metadata"]?["name"]?.string, owners[name] == nil { owners[name] = "" }
        }
        return Set(owners.keys)
    }

    private mutating func claim(_ name: String, _ path: String, _ owners: inout [String: String]) {
        if let owner = owners[name] {
            self.refused(path, "gives a second volume \"\(name)\", beside \(owner)", self.workload)
        } else {
            owners[name] = path
        }
    }

    /// Where the operator itself mounts something into the collector's container.
    private var ownMounts: [String: String] {
        var mounts: [String: String] = [:]
        if self.context.mode != .sidecar {
            mounts["/conf"] = "the configuration"
            for mount in self.context.mutualTLSVolumes.mounts {
                if let path = mount["mountPath"]?.string { mounts[path] = "the client certificate" }
            }
        }
        return mounts
    }

    private mutating func checkMounts(
        _ path: String,
        _ mounts: [JSONValue],
        _ volumes: Set<String>,
        own: [String: String] = [:]
    ) {
        var owners = own
        for (place, mount) in mounts.enumerated() {
            let target = mount["mountPath"]?.string ?? ""
            if target.isEmpty { self.refused("\(path)[\(place)].mountPath", "is empty", self.workload) }
            if let owner = owners[target] {
                self.refused("\(path)[\(place)].mountPath", "is \"\(target)\" again, as of \(owner)", self.workload)
            } else {
                owners[target] = "\(path)[\(place)]"
            }
            // A sidecar may mount what the pod brings along.
            if self.context.mode != .sidecar, let name = mount["name"]?.string, !volumes.contains(name) {
                self.refused("\(path)[\(place)].name", "names no volume: \"\(name)\"", self.workload)
            }
        }
    }

    // MARK: Containers

    private mutating func checkContainers(_ volumes: Set<String>) {
        var owners = [CollectorContext.containerName: "the collector's container"]
        for list in ["initContainers", "additionalContainers"] {
            for (place, value) in self.spec.list(list).enumerated() {
                guard let container = value.object else { continue }
                let path = "spec.\(list)[\(place)]"
                let name = container[string: "name"] ?? ""
                if !KubeSyntax.isLabel(name) { self.refused("\(path).name", "is no name: \"\(name)\"", self.workload) }
                if let owner = owners[name] {
                    self.refused("\(path).name", "is \"\(name)\" again, as of \(owner)", self.workload)
                } else {
                    owners[name] = path
                }
                if container[string: "image"] ?? "" == "" { self.refused("\(path).image", "is missing", self.workload) }
                self.checkMounts("\(path).volumeMounts", container[array: "volumeMounts"] ?? [], volumes)
                self.checkEnvironment(path, container)
                self.checkSecurity("\(path).securityContext", container[object: "securityContext"])
                self.checkLifecycle("\(path).lifecycle", container[object: "lifecycle"])
            }
        }
    }

    /// `env`, `envFrom` and `resources` of something that is like a container.
    private mutating func checkEnvironment(_ path: String, _ container: JSONObject) {
        for (place, entry) in (container[array: "env"] ?? []).enumerated() {
            let path = "\(path).env[\(place)]"
            let name = entry["name"]?.string ?? ""
            if !KubeSyntax.isVariable(name) {
                self.refused("\(path).name", "is no name of a variable: \"\(name)\"", self.workload)
            }
            guard let source = entry["valueFrom"]?.object else { continue }
            if entry["value"]?.string ?? "" != "" {
                self.refused(path, "has both a value and valueFrom", self.workload)
            }
            self.needsOne(of: source, "\(path).valueFrom")
        }
        for (place, entry) in (container[array: "envFrom"] ?? []).enumerated() {
            var sources = entry.object ?? [:]
            sources["prefix"] = nil
            self.needsOne(of: sources, "\(path).envFrom[\(place)]")
        }
        guard let resources = container[object: "resources"], let limits = resources[object: "limits"] else { return }
        for (name, request) in resources[object: "requests"] ?? [:] {
            if let limit = limits[name].flatMap({ Quantity($0) }), let wanted = Quantity(request), wanted > limit {
                self.refused("\(path).resources.requests.\(name)", "is more than its limit", self.workload)
            }
        }
    }

    private mutating func needsOne(of members: JSONObject, _ path: String) {
        let count = members.filter { !$0.value.isNull }.count
        if count != 1 {
            self.refused(path, count == 0 ? "has no source" : "has several sources", self.workload)
        }
    }

    private mutating func checkSecurity(_ path: String, _ context: JSONObject?) {
        guard let context, context[bool: "allowPrivilegeEscalation"] == false else { return }
        let added = context[object: "capabilities"]?[strings: "add"] ?? []
        if context[bool: "privileged"] == true || added.contains("SYS_ADMIN") || added.contains("CAP_SYS_ADMIN") {
            self.refused("\(path).allowPrivilegeEscalation", "is false for a privileged container", self.workload)
        }
    }

    private mutating func checkLifecycle(_ path: String, _ lifecycle: JSONObject?) {
        for hook in ["postStart", "preStop"] {
            if let handler = lifecycle?[object: hook] { self.needsOne(of: handler, "\(path).\(hook)") }
        }
    }

    private mutating func checkProbes() {
        guard self.context.configuration.healthCheckProbe != nil else { return }
        for probe in ["livenessProbe", "startupProbe"] {
            if let count = self.spec.json[object: probe]?[int: "successThreshold"], count != 1 {
                self.refused("spec.\(probe).successThreshold", "is not 1", self.workload)
            }
        }
        if self.spec.json[object: "readinessProbe"]?[int: "terminationGracePeriodSeconds"] != nil {
            self.refused(
                "spec.readinessProbe.terminationGracePeriodSeconds",
                "is set, which only the other probes may have",
                self.workload
            )
        }
    }

    // MARK: The pod

    private mutating func checkNetwork() {
        let config = self.spec.json[object: "podDnsConfig"]
        let servers = config?[strings: "nameservers"]
        let policies = ["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"]
        if let policy = self.spec.dnsPolicy, !policies.contains(policy) {
            self.refused("spec.dnsPolicy", "is none of \(policies.joined(separator: ", "))", self.workload)
        }
        let isNone = self.spec.dnsPolicy.map { $0 == "None" } ?? (servers != nil)
        if isNone, servers ?? [] == [] {
            self.refused(
                "spec.podDnsConfig.nameservers",
                "is empty, which makes no sense with the DNS policy None",
                self.workload
            )
        }
        if (servers ?? []).count > 3 { self.refused("spec.podDnsConfig.nameservers", "has more than 3", self.workload) }
        for server in servers ?? [] where !KubeSyntax.isAddress(server) {
            self.refused("spec.podDnsConfig.nameservers", "has no address: \"\(server)\"", self.workload)
        }
        if self.spec.json[bool: "shareProcessNamespace"] == true, self.spec.json[bool: "hostPID"] == true {
            self.refused("spec.shareProcessNamespace", "is true although spec.hostPID is, too", self.workload)
        }
        for (place, alias) in self.spec.list("hostAliases").enumerated() {
            if let address = alias["ip"]?.string, !KubeSyntax.isAddress(address) {
                self.refused("spec.hostAliases[\(place)].ip", "is no address: \"\(address)\"", self.workload)
            }
        }
    }

    private mutating func checkScheduling() {
        for (place, value) in self.spec.list("tolerations").enumerated() {
            let toleration = value.object ?? [:]
            let path = "spec.tolerations[\(place)]"
            let (key, effect) = (toleration[string: "key"] ?? "", toleration[string: "effect"] ?? "")
            if !["", "NoSchedule", "PreferNoSchedule", "NoExecute"].contains(effect) {
                self.refused("\(path).effect", "is none of NoSchedule, PreferNoSchedule, NoExecute", self.workload)
            }
            if toleration[int: "tolerationSeconds"] != nil, effect != "NoExecute" {
                self.refused("\(path).tolerationSeconds", "needs the effect NoExecute", self.workload)
            }
            switch toleration[string: "operator"] ?? "Equal" {
            case "Exists" where toleration[string: "value"] ?? "" != "":
                self.refused("\(path).value", "is set, which the operator Exists does not take", self.workload)
            case "Exists": break
            default: if key.isEmpty { self.refused("\(path).operator", "must be Exists without a key", self.workload) }
            }
        }
        guard self.context.mode != .daemonset else { return }
        var seen: Set<[String]> = []
        for (place, value) in self.spec.list("topologySpreadConstraints").enumerated() {
            let path = "spec.topologySpreadConstraints[\(place)]"
            let when = value["whenUnsatisfiable"]?.string ?? ""
            if !["DoNotSchedule", "ScheduleAnyway"].contains(when) {
                self.refused("\(path).whenUnsatisfiable", "is neither DoNotSchedule nor ScheduleAnyway", self.workload)
            }
            if !seen.insert([value["topologyKey"]?.string ?? "", when]).inserted {
                self.refused(path, "has key and whenUnsatisfiable of another one", self.workload)
            }
            if let skew = value.object?[int: "maxSkew"], skew < 1 {
                self.refused("\(path).maxSkew", "is less than 1", self.workload)
            }
        }
    }

    private mutating func checkStrategies() {
        let (field, kinds): (String, [String])
        switch self.context.mode {
        case .deployment: (field, kinds) = ("deploymentUpdateStrategy", ["Recreate", "RollingUpdate"])
        case .daemonset: (field, kinds) = ("daemonSetUpdateStrategy", ["OnDelete", "RollingUpdate"])
        default: return
        }
        guard let strategy = self.spec.json[object: field] else { return }
        let type = strategy[string: "type"] ?? ""
        if !type.isEmpty, !kinds.contains(type) {
            self.refused("spec.\(field).type", "is neither \(kinds.joined(separator: " nor "))", self.workload)
        }
        guard let rolling = strategy[object: "rollingUpdate"] else { return }
        if type == "Recreate" {
            self.refused("spec.\(field).rollingUpdate", "is set, which the type Recreate does not take", self.workload)
        }
        func isZero(_ value: JSONValue?) -> Bool { value == 0 || value == "0" || value == "0%" }
        if isZero(rolling["maxUnavailable"]), isZero(rolling["maxSurge"]) {
            self.refused("spec.\(field).rollingUpdate", "allows neither a pod more nor one less", self.workload)
        }
    }
}
