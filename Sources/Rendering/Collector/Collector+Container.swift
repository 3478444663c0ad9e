import CollectorConfig
import JSONTree
import TelemetryAPI

extension CollectorContext {
    /// Name of the container that runs a collector, in its own pods and injected.
    package static let containerName = "otc-container"
    static let configVolume = "otc-internal"

    /// The collector's container (specification section 3.3).
    /// - Parameter isSidecar: injected into another pod: the configuration comes in an environment variable.
    func container(isSidecar: Bool) -> JSONObject {
        var container: JSONObject = ["name": .string(Self.containerName)]
        container["image"] = .string(self.spec.image ?? self.settings.images.collector)
        container["imagePullPolicy"] = self.spec.text("imagePullPolicy").map { .string($0) }
        if let command = self.spec.json[strings: "command"], !command.isEmpty {
            container["command"] = .strings(command)
        }
        container["args"] = .strings(self.args(isSidecar: isSidecar))
        container["env"] = .array(self.environment(isSidecar: isSidecar))
        if let sources = self.spec.json[array: "envFrom"], !sources.isEmpty { container["envFrom"] = .array(sources) }
        let ports = self.containerPorts
        if !ports.isEmpty { container["ports"] = .array(ports) }
        container.copy("resources", from: self.spec.json)
        let mounts = self.volumeMounts(isSidecar: isSidecar)
        if !mounts.isEmpty { container["volumeMounts"] = .array(mounts) }
        if let probe = self.configuration.healthCheckProbe {
            for kind in ["livenessProbe", "readinessProbe", "startupProbe"] {
                container[kind] = .object(probe.json(adjustedBy: self.spec.json[object: kind]))
            }
        }
        container.copy("lifecycle", "securityContext", from: self.spec.json)
        return container
    }

    private func args(isSidecar: Bool) -> [String] {
        let given = self.spec.args.filter { isSidecar || $0.key != "config" }
            .map { "--\($0.key)=\($0.value)" }
            .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        return isSidecar ? given + ["--config=env:OTEL_CONFIG"] : ["--config=/conf/collector.yaml"] + given
    }

    private func environment(isSidecar: Bool) -> [JSONValue] {
        var environment = EnvironmentList(self.spec.list("env"))
        environment.addField("POD_NAME", "metadata.name")
        environment.addLimits(of: Self.containerName)
        for variable in self.configuration.environment { environment.addField(variable.name, variable.fieldPath) }
        for variable in self.settings.proxy.variables {
            environment.add(variable.name, ["value": .string(variable.value)])
        }
        if isSidecar { environment.set("OTEL_CONFIG", ["value": .string(self.configuration.yaml)]) }
        return environment.entries
    }

    private func volumeMounts(isSidecar: Bool) -> [JSONValue] {
        var mounts: [JSONValue] = []
        if !isSidecar {
            mounts.append(["name": .string(Self.configVolume), "mountPath": "/conf"])
            mounts += self.mutualTLSVolumes.mounts
        }
        mounts += self.spec.list("volumeMounts")
        for configMap in self.spec.configMaps {
            let volume = ObjectName.configMapVolume(configMap.name)
            let mount: JSONValue = [
                "name": .string(volume), "mountPath": .string(Path.joined("/var/conf", configMap.mountPath, volume)),
            ]
            if !mounts.contains(mount) { mounts.append(mount) }
        }
        return mounts
    }

    /// One volume for each ConfigMap of `spec.configmaps`, which may be mounted in several places.
    var configMapVolumes: [JSONValue] {
        var names: Set<String> = []
        return self.spec.configMaps.compactMap { configMap in
            guard names.insert(configMap.name).inserted else { return nil }
            return [
                "name": .string(ObjectName.configMapVolume(configMap.name)),
                "configMap": ["name": .string(configMap.name)],
            ]
        }
    }
}

/// The environment of a container. Server-side apply refuses two entries of one name, so of entries the user repeated
/// only the last stays, which is the one a container would see.
struct EnvironmentList {
    private(set) var entries: [JSONValue] = []

    init(_ given: [JSONValue]) {
        var seen: Set<String> = []
        for entry in given.reversed() where seen.insert(entry["name"]?.string ?? "").inserted {
            self.entries.append(entry)
        }
        self.entries.reverse()
    }

    /// Adds a variable unless there is one of that name.
    mutating func add(_ name: String, _ source: JSONObject) {
        guard !self.entries.contains(where: { $0["name"]?.string == name }) else { return }
        self.entries.append(.object(JSONObject([("name", .string(name))] + source.map { ($0.key, $0.value) })))
    }

    /// Adds a variable in place of any other of that name.
    mutating func set(_ name: String, _ source: JSONObject) {
        self.entries.removeAll { $0["name"]?.string == name }
        self.add(name, source)
    }

    /// What Go programs, and ours, go by to stay within the limits of their container.
    mutating func addLimits(of container: String) {
        for (name, resource) in [("GOMEMLIMIT", "limits.memory"), ("GOMAXPROCS", "limits.cpu")] {
            self.add(
                name,
                [
                    "valueFrom": [
                        "resourceFieldRef": ["containerName": .string(container), "resource": .string(resource)]
                    ]
                ]
            )
        }
    }

    mutating func addField(_ name: String, _ fieldPath: String) {
        self.add(name, ["valueFrom": ["fieldRef": ["fieldPath": .string(fieldPath)]]])
    }
}

extension HealthCheckProbe {
    /// A probe of a container; what the resource says about it wins.
    fileprivate func json(adjustedBy settings: JSONObject?) -> JSONObject {
        var probe: JSONObject = ["httpGet": ["path": .string(self.path), "port": .int(self.port)]]
        probe.copy(
            "initialDelaySeconds",
            "timeoutSeconds",
            "periodSeconds",
            "successThreshold",
            "failureThreshold",
            "terminationGracePeriodSeconds",
            from: settings ?? [:]
        )
        return probe
    }
}

/// Slash-separated paths.
enum Path {
    /// The parts joined, then cleaned: no empty, `.` or `..` steps.
    static func joined(_ parts: String...) -> String {
        var steps: [Substring] = []
        for step in parts.joined(separator: "/").split(separator: "/") {
            if step == ".." {
                _ = steps.popLast()
            } else if step != "." {
                steps.append(step)
            }
        }
        return "/" + steps.joined(separator: "/")
    }
}
