import JSONTree
import KubeModel
import TelemetryAPI

extension TargetAllocatorContext {
    /// The container that is the allocator.
    static let containerName = "ta-container"
    private static let configVolume = "ta-internal"

    /// The Deployment of the allocator (specification section 3.13).
    func deployment(_ configuration: String) -> KubeObject {
        var object = self.object(
            GroupVersionKind(group: "apps", version: "v1", kind: "Deployment"),
            self.objectName
        )
        var metadata = ObjectMeta([:])
        metadata.labels = self.labels(name: self.objectName)
        metadata.annotations = self.podAnnotations(configuration)
        var spec: JSONObject = [
            "selector": ["matchLabels": .object(JSONObject(strings: self.selectorLabels))],
            "template": ["metadata": .object(metadata.json), "spec": .object(self.podSpec())],
        ]
        if let replicas = self.spec.replicas { spec["replicas"] = .int(replicas) }
        object.spec = spec
        return object
    }

    private func podAnnotations(_ configuration: String) -> [String: String] {
        var annotations = self.spec.podAnnotations
        annotations.merge(self.annotations) { $1 }
        annotations[ObjectAnnotations.targetAllocatorHash] = HexDigest.sha256(Array(configuration.utf8))
        return annotations
    }

    private func podSpec() -> JSONObject {
        let parts = PodParts(self.spec.json)
        let mutualTLS = self.mutualTLSVolumes
        var pod: JSONObject = ["serviceAccountName": .string(self.serviceAccountName)]
        let initContainers = parts.containers("initContainers")
        if !initContainers.isEmpty { pod["initContainers"] = .array(initContainers) }
        pod["containers"] = .array(
            parts.containers("additionalContainers") + [.object(self.container(mutualTLS.mounts))]
        )
        pod["volumes"] = .array(
            [
                [
                    "name": .string(Self.configVolume),
                    "configMap": [
                        "name": .string(self.objectName),
                        "items": [["key": "targetallocator.yaml", "path": "targetallocator.yaml"]],
                    ],
                ]
            ] + mutualTLS.volumes + self.spec.list("volumes")
        )
        for (name, value) in parts.placement() { pod[name] = value }
        pod.copy("topologySpreadConstraints", from: self.spec.json)
        if let context = self.spec.json[object: "podSecurityContext"], !context.isEmpty {
            pod["securityContext"] = .object(context)
        }
        return pod
    }

    private var mutualTLSVolumes: (volumes: [JSONValue], mounts: [JSONValue]) {
        guard let mutualTLS = self.spec.mutualTLS, mutualTLS.isEnabled else { return ([], []) }
        return mutualTLS.volumes(of: "serverCertificate", named: ObjectName.serverCertificate(self.name))
    }

    /// No command: the image knows what to do with a file at `/conf/targetallocator.yaml`, ours as the Go operator's.
    private func container(_ certificateMounts: [JSONValue]) -> JSONObject {
        var container: JSONObject = ["name": .string(Self.containerName)]
        container["image"] = .string(self.image)
        container["imagePullPolicy"] = self.spec.text("imagePullPolicy").map { .string($0) }
        let args = self.spec.args.map { "--\($0.key)=\($0.value)" }
            .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        if !args.isEmpty { container["args"] = .strings(args) }
        var environment = EnvironmentList(self.spec.list("env"))
        environment.addField("OTELCOL_NAMESPACE", "metadata.namespace")
        environment.addLimits(of: Self.containerName)
        for variable in self.settings.proxy.variables {
            environment.add(variable.name, ["value": .string(variable.value)])
        }
        container["env"] = .array(environment.entries)
        let sources = self.spec.list("envFrom")
        if !sources.isEmpty { container["envFrom"] = .array(sources) }
        container["ports"] = .array(self.containerPorts)
        container.copy("resources", from: self.spec.json)
        container["volumeMounts"] = .array(
            [["name": .string(Self.configVolume), "mountPath": "/conf"]] + self.spec.list("volumeMounts")
                + certificateMounts
        )
        for (probe, path) in [("livenessProbe", "/livez"), ("readinessProbe", "/readyz")] {
            container[probe] = .object(
                self.spec.json[object: probe] ?? ["httpGet": ["path": .string(path), "port": 8080]]
            )
        }
        container.copy("lifecycle", "securityContext", from: self.spec.json)
        return container
    }

    /// The user's; else what the operator was told; else the operator's own, which knows this role, too.
    private var image: String {
        self.spec.image ?? self.settings.images.targetAllocator ?? self.facts.operatorImage
            ?? OperatorSettings.Images.upstreamTargetAllocator
    }

    /// What it serves, and what `spec.ports` adds. Of two with the same number and protocol the first stays, as server-side
    /// apply tells them apart by these; and the allocator's own, which its Service names, before the user's.
    var containerPorts: [JSONValue] {
        let http: JSONValue = ["name": "http", "containerPort": 8080, "protocol": "TCP"]
        let https: JSONValue = ["name": "https", "containerPort": 8443, "protocol": "TCP"]
        let last = self.spec.usesMutualTLS ? [https] : []
        func place(_ port: JSONValue) -> [JSONValue] { [port["containerPort"] ?? .null, port["protocol"] ?? .null] }
        var seen = Set(([http] + last).map(place))
        let more = self.spec.ports.map { given in
            var port: JSONObject = [:]
            if !given.name.isEmpty { port["name"] = .string(given.name) }
            port["containerPort"] = .int(given.port)
            port["protocol"] = .string(given.transport.isEmpty ? "TCP" : given.transport)
            if given.hostPort != 0 { port["hostPort"] = .int(given.hostPort) }
            return JSONValue.object(port)
        }
        return [http] + more.filter { seen.insert(place($0)).inserted } + last
    }
}
