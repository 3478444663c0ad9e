import JSONTree
import KubeModel
import TelemetryAPI

extension CollectorContext {
    /// The pod template of Deployment, StatefulSet and DaemonSet (specification section 3.6).
    func podTemplate() -> JSONObject {
        var metadata = ObjectMeta([:])
        metadata.labels = self.labels(name: ObjectName.collector(self.name), filtered: true)
        metadata.annotations = ObjectAnnotations.podTemplate(self.collector, self.settings, hash: self.configHash)
        return ["metadata": .object(metadata.json), "spec": .object(self.podSpec())]
    }

    private func podSpec() -> JSONObject {
        var pod: JSONObject = ["serviceAccountName": .string(self.serviceAccountName)]
        let parts = PodParts(self.spec.json)
        let initContainers = parts.containers("initContainers")
        if !initContainers.isEmpty { pod["initContainers"] = .array(initContainers) }
        pod["containers"] = .array(
            [.object(self.container(isSidecar: false))] + parts.containers("additionalContainers")
        )
        pod["volumes"] = .array(self.volumes)
        for (name, value) in parts.placement(dnsPolicy: self.spec.dnsPolicy, honoursHostPID: true) { pod[name] = value }
        // Daemon sets have a pod on each node anyway; the Go operator ignores the constraints there.
        if self.mode != .daemonset { pod.copy("topologySpreadConstraints", from: self.spec.json) }
        let securityContext = self.securityContext
        if !securityContext.isEmpty { pod["securityContext"] = .object(securityContext) }
        return pod
    }

    private var volumes: [JSONValue] {
        [
            [
                "name": .string(Self.configVolume),
                "configMap": [
                    "name": .string(self.configMapName),
                    "items": [["key": "collector.yaml", "path": "collector.yaml"]],
                ],
            ]
        ] + self.mutualTLSVolumes.volumes + self.spec.list("volumes") + self.configMapVolumes
    }

    private var securityContext: JSONObject {
        var context = self.spec.json[object: "podSecurityContext"] ?? [:]
        if self.facts.openShiftRoutes, context["fsGroup"] == nil, let group = self.namespaceGroup {
            context["fsGroup"] = .int(group)
        }
        return context
    }

    /// The start of the range of groups (or else of users) that OpenShift gave the namespace.
    private var namespaceGroup: Int? {
        for key in ["openshift.io/sa.scc.supplemental-groups", "openshift.io/sa.scc.uid-range"] {
            // Several ranges are separated by commas; the first is the one OpenShift itself takes the group from.
            guard let range = self.namespaceAnnotations[key]?.split(separator: ",").first else { continue }
            let parts = range.split(whereSeparator: { $0 == "/" || $0 == "-" })
            if parts.count == 2, let start = Int(parts[0]), Int(parts[1]) != nil { return start }
        }
        return nil
    }
}
