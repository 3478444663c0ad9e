import JSONTree

/// One rule of a ClusterRole.
package struct PolicyRule: Sendable, Hashable {
    package var apiGroups: [String]
    package var resources: [String]
    package var verbs: [String]

    package init(_ apiGroup: String, _ resources: [String], _ verbs: [String]) {
        self.apiGroups = [apiGroup]
        self.resources = resources
        self.verbs = verbs
    }
}

/// What one component of a configuration asks the API server for.
package struct ComponentPermissions: Sendable, Hashable {
    package var kind: ComponentKind
    package var id: String
    package var rules: [PolicyRule]

    /// `receivers.k8s_cluster`, where it stands in the configuration.
    package var path: String { "\(self.kind.section).\(self.id)" }
}

extension CollectorConfiguration {
    /// The cluster permissions the enabled components need (specification section 6.1), in the order receivers,
    /// exporters, processors, extensions, ids sorted: the Go operator's order is random, this one is not.
    package func permissions() throws(ConfigurationError) -> [PolicyRule] {
        try self.componentPermissions().flatMap(\.rules)
    }

    /// The same with who needs it; components that need nothing are left out.
    package func componentPermissions() throws(ConfigurationError) -> [ComponentPermissions] {
        var all: [ComponentPermissions] = []
        for kind in [ComponentKind.receiver, .exporter, .processor, .extension] {
            for id in self.enabled(kind) {
                let body = try ComponentBody(
                    self.components(kind)?[id],
                    lenientPath: "\(kind.section).\(id.abbreviated())",
                    kind,
                    id
                )
                let rules = try ComponentRegistry.parser(kind, id: id).permissions.rules(body)
                if !rules.isEmpty { all.append(ComponentPermissions(kind: kind, id: id, rules: rules)) }
            }
        }
        return all
    }

    /// The variables the enabled components read, each once, sorted by name.
    package var environment: [FieldVariable] {
        var found: [String: FieldVariable] = [:]
        for kind in ComponentKind.allCases {
            for id in self.enabled(kind) {
                for variable in ComponentRegistry.parser(kind, id: id).environment { found[variable.name] = variable }
            }
        }
        return found.values.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    }
}

extension ComponentBody {
    /// The body where the component's permissions depend on it; other bodies are not looked at.
    fileprivate init?(
        _ value: JSONValue?,
        lenientPath path: String,
        _ kind: ComponentKind,
        _ id: String
    ) throws(ConfigurationError) {
        guard ComponentRegistry.parser(kind, id: id).permissions != .none else { return nil }
        try self.init(value, path: path)
    }
}

extension PermissionRule {
    func rules(_ body: ComponentBody?) throws(ConfigurationError) -> [PolicyRule] {
        let readers = ["get", "watch", "list"]
        switch self {
        case .none: return []
        case .always(let rules): return rules
        case .kubernetesAttributes:
            var rules = [PolicyRule("", ["pods", "namespaces"], readers)]
            let replicaSets = PolicyRule("apps", ["replicasets"], readers)
            let metadata = try body?.body("extract")?.strings("metadata") ?? []
            if metadata.isEmpty { rules.append(replicaSets) }
            for item in metadata {
                if ["k8s.deployment.uid", "k8s.deployment.name", "service.name"].contains(item),
                    !rules.contains(replicaSets)
                {
                    rules.append(replicaSets)
                }
                if item.contains("k8s.node") { rules.append(PolicyRule("", ["nodes"], readers)) }
            }
            return rules
        case .resourceDetection:
            var rules: [PolicyRule] = []
            for detector in try body?.strings("detectors") ?? [] {
                switch detector {
                case "k8snode": rules.append(PolicyRule("", ["nodes"], ["get", "list"]))
                case "openshift":
                    rules.append(
                        PolicyRule("config.openshift.io", ["infrastructures", "infrastructures/status"], readers)
                    )
                default: break
                }
            }
            return rules
        case .kubernetesCluster:
            let verbs = ["get", "list", "watch"]
            var rules = [
                PolicyRule(
                    "",
                    [
                        "events", "namespaces", "namespaces/status", "nodes", "nodes/spec", "persistentvolumeclaims",
                        "persistentvolumes", "pods", "pods/status", "replicationcontrollers",
                        "replicationcontrollers/status", "resourcequotas", "services",
                    ],
                    verbs
                ),
                PolicyRule("apps", ["daemonsets", "deployments", "replicasets", "statefulsets"], verbs),
                PolicyRule("extensions", ["daemonsets", "deployments", "replicasets"], verbs),
                PolicyRule("batch", ["jobs", "cronjobs"], verbs),
                PolicyRule("autoscaling", ["horizontalpodautoscalers"], verbs),
            ]
            if try body?.string("distribution") == "openshift" {
                rules.append(PolicyRule("quota.openshift.io", ["clusterresourcequotas"], verbs))
            }
            return rules
        case .kubernetesObjects:
            var rules: [PolicyRule] = []
            for object in try body?.bodies("objects") ?? [] {
                let name = try object.string("name") ?? ""
                var verbs = ["list"]
                switch try object.string("mode") {
                case "pull": if name != "events", name != "events.k8s.io" { verbs.append("get") }
                case "watch": verbs.append("watch")
                default: break
                }
                rules.append(PolicyRule(try object.string("group") ?? "", [name], verbs))
            }
            return rules
        case .kubeletStats:
            var rules = [PolicyRule("", ["nodes/stats"], ["get"])]
            var needsProxy = !(try body?.strings("extra_metadata_labels") ?? []).isEmpty
            let metrics = try body?.body("metrics")
            for metric in Self.utilizationMetrics where try metrics?.body(metric)?.bool("enabled") == true {
                needsProxy = true
            }
            if needsProxy { rules.append(PolicyRule("", ["nodes/proxy"], ["get"])) }
            return rules
        case .kubernetesObserver:
            var rules: [PolicyRule] = []
            for resource in ["pods", "services", "nodes"] where try body?.bool("observe_\(resource)") == true {
                rules.append(PolicyRule("", [resource], ["list", "watch"]))
            }
            return rules
        }
    }

    /// Metrics the kubelet only answers through the node's proxy.
    private static let utilizationMetrics = ["container", "pod"].flatMap { scope in
        ["cpu", "memory"].flatMap { resource in
            ["limit", "request"].map { "k8s.\(scope).\(resource)_\($0)_utilization" }
        }
    }
}
