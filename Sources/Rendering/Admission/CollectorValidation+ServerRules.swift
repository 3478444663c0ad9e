import CollectorConfig
import JSONTree
import KubeModel
import TelemetryAPI

// The schema of the custom resource takes much that the API server refuses once it stands in a rendered object. The Go
// operator takes it too, so it can't be refused here; but whoever writes it is told at once, and where.

extension CollectorValidation {
    /// Warns of what would keep the API server from accepting the rendered objects, or pods from coming of them.
    mutating func checkServerRules(_ context: CollectorContext) {
        var rules = ServerRules(context)
        rules.checkMetadata()
        rules.checkPorts()
        rules.checkExposure()
        rules.checkAutoscaler()
        rules.checkPod()
        for (weight, text) in rules.found { self.warn(weight, text) }
    }
}

/// Collects what the API server would object to.
struct ServerRules {
    let context: CollectorContext
    let spec: CollectorSpec
    private(set) var found: [(weight: CollectorValidation.Weight, text: String)] = []

    init(_ context: CollectorContext) {
        self.context = context
        self.spec = context.spec
    }

    /// What carries the pod's part of the resource, as a sentence ends.
    var workload: String {
        switch self.context.mode {
        case .deployment: "the Deployment"
        case .daemonset: "the DaemonSet"
        // The server looks at the template of a StatefulSet only when pods are made of it.
        case .statefulset: "the pods of the StatefulSet"
        case .sidecar: "the pods it is injected into"
        }
    }

    mutating func refused(_ path: String, _ what: String, _ object: String) {
        self.found.append((.refusedObject, "\(path) \(what): the API server will refuse \(object)"))
    }

    mutating func warn(_ weight: CollectorValidation.Weight, _ text: String) { self.found.append((weight, text)) }

    /// An entry for each key that is not one, and each value that is not one of a label.
    mutating func checkKeys(_ path: String, _ map: JSONObject?, labels: Bool, _ object: String) {
        for (key, value) in map ?? [:] {
            if !KubeSyntax.isQualifiedName(key) {
                self.refused(path, "has the invalid key \"\(key)\"", object)
            } else if labels, let text = value.string, !KubeSyntax.isLabelValue(text) {
                self.refused("\(path).\(key)", "is no label value: \"\(text)\"", object)
            }
        }
    }

    // MARK: Names and labels

    mutating func checkMetadata() {
        let name = ObjectName.collector(self.context.name)
        if self.context.mode != .sidecar, let first = name.utf8.first, (0x30...0x39).contains(first) {
            self.refused("metadata.name", "begins with a digit", "the Services")
        }
        let version = ObjectLabels.version(ofImage: self.spec.image ?? "")
        if !KubeSyntax.isLabelValue(version) {
            self.refused(
                "spec.image",
                "gives the invalid label \(ObjectLabels.version): \"\(version)\"",
                "every object"
            )
        } else if let image = self.spec.image, !KubeSyntax.isImage(image) {
            let isPadded = image.first?.isWhitespace == true || image.last?.isWhitespace == true
            if isPadded {
                self.refused("spec.image", "has spaces around it", "the pods")
            } else {
                self.warn(.refusedObject, "spec.image is no image name: \"\(image)\": no pod will start")
            }
        }
        self.checkKeys("spec.podAnnotations", self.spec.json[object: "podAnnotations"], labels: false, self.workload)
        self.checkKeys("spec.nodeSelector", self.spec.json[object: "nodeSelector"], labels: true, self.workload)
        let metrics = self.spec.observability
        if metrics.isEnabled, self.context.mode != .sidecar {
            self.checkKeys(
                "spec.observability.metrics.extraLabels",
                metrics.json[object: "extraLabels"],
                labels: true,
                "the ServiceMonitors"
            )
        }
        for key in ["serviceAccount", "priorityClassName"] {
            guard let text = self.spec.text(key), !KubeSyntax.isSubdomain(text) else { continue }
            self.refused("spec.\(key)", "is no name: \"\(text)\"", self.workload)
        }
        if self.context.mode == .deployment || self.context.mode == .statefulset {
            let budget = self.spec.json[object: "podDisruptionBudget"]
            if budget?["minAvailable"] != nil, budget?["maxUnavailable"] != nil {
                self.refused(
                    "spec.podDisruptionBudget",
                    "has both minAvailable and maxUnavailable",
                    "the PodDisruptionBudget"
                )
            }
        }
    }

    // MARK: Ports

    mutating func checkPorts() {
        var numbers: [String: Int] = [:]
        var names: [String: Int] = [:]
        for (place, port) in self.spec.ports.enumerated() {
            let path = "spec.ports[\(place)]"
            let transport = port.transport.isEmpty ? "TCP" : port.transport
            if !["TCP", "UDP", "SCTP"].contains(transport) {
                self.refused("\(path).protocol", "is none of TCP, UDP, SCTP", self.portUsers)
            }
            if let first = numbers["\(port.port)/\(transport)"] {
                self.warn(
                    .noEffect,
                    "\(path) has no effect: port \(port.port)/\(transport) is already in spec.ports[\(first)]"
                )
                continue
            }
            numbers["\(port.port)/\(transport)"] = place
            guard self.context.mode != .sidecar else { continue }
            if let first = names[port.name] {
                self.warn(
                    .noEffect,
                    "\(path).name is the name of spec.ports[\(first)] already: this port is called port-\(port.port)"
                )
            } else {
                names[port.name] = place
            }
            if let target = port.json[int: "targetPort"], !(0...65535).contains(target) {
                self.refused("\(path).targetPort", "is no port", "the Services")
            } else if let target = port.json[string: "targetPort"], !PortName.problems(target).isEmpty {
                self.refused("\(path).targetPort", "is neither a number nor the name of a port", "the Services")
            }
            if let name = port.appProtocol, !name.isEmpty, !KubeSyntax.isQualifiedName(name) {
                self.refused("\(path).appProtocol", "is no protocol name: \"\(name)\"", "the Services")
            }
            if let node = port.json[int: "nodePort"], node != 0 {
                self.refused("\(path).nodePort", "is set, which Services of type ClusterIP can't have", "the Services")
            }
        }
        self.checkHostPorts()
    }

    private var portUsers: String {
        self.context.mode == .sidecar ? self.workload : "the Services and \(self.workload)"
    }

    /// Ports of the node that two containers of a pod want.
    private mutating func checkHostPorts() {
        guard self.context.mode != .sidecar else { return }
        let usesHostNetwork = self.spec.hostNetwork
        var owners: [String: String] = [:]
        for (place, port) in self.spec.ports.enumerated()
        where usesHostNetwork && port.hostPort != 0 && port.hostPort != port.port {
            self.refused(
                "spec.ports[\(place)].hostPort",
                "differs from the port although spec.hostNetwork is true",
                self.workload
            )
        }
        func claim(_ port: JSONObject, _ path: String) -> String? {
            let container = port[int: "containerPort"] ?? 0
            let wanted = port[int: "hostPort"] ?? 0
            let number = wanted == 0 && usesHostNetwork ? container : wanted
            guard number != 0 else { return nil }
            let given = port[string: "protocol"] ?? ""
            let transport = given.isEmpty ? "TCP" : given
            let key = "\(number)/\(transport)@\(port[string: "hostIP"] ?? "")"
            if let owner = owners[key] { return "takes the port \(number)/\(transport) of the node, as does \(owner)" }
            owners[key] = path
            return nil
        }
        // Thousands of receivers are possible; only what claims a port of the node is worth a look.
        let claims = usesHostNetwork || self.spec.ports.contains { $0.hostPort != 0 }
        for port in claims ? self.context.containerPorts : [] {
            guard let json = port.object else { continue }
            let number = json[int: "containerPort"] ?? 0
            let place = self.spec.ports.firstIndex { $0.port == number && $0.hostPort == (json[int: "hostPort"] ?? 0) }
            let path = place.map { "spec.ports[\($0)]" } ?? "the collector's port \(json[string: "name"] ?? "")"
            if let problem = claim(json, path) { self.refused(path, problem, self.workload) }
        }
        for (place, container) in self.spec.list("additionalContainers").enumerated() {
            for (number, port) in (container.object?[array: "ports"] ?? []).enumerated() {
                let path = "spec.additionalContainers[\(place)].ports[\(number)]"
                if let json = port.object, let problem = claim(json, path) {
                    self.refused(path, problem, self.workload)
                }
            }
        }
    }

    // MARK: Services, Ingress, routes

    mutating func checkExposure() {
        guard self.context.mode != .sidecar else { return }
        if let ingress = self.spec.ingress, ingress.type == "ingress" {
            let hostname = ingress.hostname
            let isSubdomain = ingress.ruleType == "subdomain"
            let isHost = isSubdomain ? KubeSyntax.isSubdomain(hostname) : KubeSyntax.isIngressHost(hostname)
            if !hostname.isEmpty, !isHost, !(isSubdomain && hostname == "*") {
                self.refused("spec.ingress.hostname", "is no DNS name: \"\(hostname)\"", "the Ingress")
            }
            if let name = ingress.ingressClassName, !KubeSyntax.isSubdomain(name) {
                self.refused("spec.ingress.ingressClassName", "is no name: \"\(name)\"", "the Ingress")
            }
            self.checkKeys(
                "spec.ingress.annotations",
                ingress.json[object: "annotations"],
                labels: false,
                "the Ingress"
            )
            for (place, entry) in ingress.tls.enumerated() {
                for host in entry.object?[strings: "hosts"] ?? [] where !KubeSyntax.isIngressHost(host) {
                    self.refused("spec.ingress.tls[\(place)].hosts", "has no DNS name: \"\(host)\"", "the Ingress")
                }
            }
        }
        if let route = self.spec.httpRoute, route.isEnabled, self.context.facts.gatewayRoutes {
            for host in route.hostnames where !KubeSyntax.isIngressHost(host) {
                self.refused("spec.httpRoute.hostnames", "has no DNS name: \"\(host)\"", "the HTTPRoutes")
            }
        }
        let affinity = self.spec.text("sessionAffinity")
        if let affinity, affinity != "None", affinity != "ClientIP" {
            self.refused("spec.sessionAffinity", "is neither None nor ClientIP", "the Services")
        }
        if let config = self.spec.json[object: "sessionAffinityConfig"] {
            if affinity != "ClientIP" {
                self.warn(.noEffect, "spec.sessionAffinityConfig has no effect without spec.sessionAffinity: ClientIP")
            } else if let seconds = config[object: "clientIP"]?[int: "timeoutSeconds"], !(1...86400).contains(seconds) {
                self.refused(
                    "spec.sessionAffinityConfig.clientIP.timeoutSeconds",
                    "is not within 1 to 86400",
                    "the Services"
                )
            }
        }
        self.checkFamilies()
    }

    /// The other kind of target passes validation, as with the Go operator, but no API server.
    mutating func checkAutoscaler() {
        guard self.context.mode != .sidecar, let autoscaler = self.spec.autoscaler, autoscaler.maxReplicas != nil else {
            return
        }
        for (place, metric) in autoscaler.metrics.enumerated() where metric["pods"]?["target"]?["averageValue"] == nil {
            self.refused(
                "spec.autoscaler.metrics[\(place)].pods.target",
                "has no averageValue",
                "the HorizontalPodAutoscaler"
            )
        }
    }

    private mutating func checkFamilies() {
        let families = self.spec.json[strings: "ipFamilies"] ?? []
        if families.count > 2 || Set(families).count < families.count
            || !families.allSatisfy({ $0 == "IPv4" || $0 == "IPv6" })
        {
            self.refused("spec.ipFamilies", "is not a list of IPv4 and IPv6, each once", "the Services")
        } else if families.count == 2, self.spec.text("ipFamilyPolicy") == "SingleStack" {
            self.refused(
                "spec.ipFamilies",
                "has two families although spec.ipFamilyPolicy is SingleStack",
                "the Services"
            )
        }
        let policies = ["SingleStack", "PreferDualStack", "RequireDualStack"]
        if let policy = self.spec.text("ipFamilyPolicy"), !policies.contains(policy) {
            self.refused("spec.ipFamilyPolicy", "is none of \(policies.joined(separator: ", "))", "the Services")
        }
    }
}
