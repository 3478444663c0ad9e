package import CollectorConfig
package import JSONTree
package import KubeModel
package import Rendering
package import TelemetryAPI

/// What a collector's account has to be allowed to, which component asks for it, and who can grant it.
package struct RBACPlan: Sendable {
    package struct Need: Sendable, Hashable {
        /// `processors.k8s_attributes`.
        package var component: String
        package var reason: String
        package var rule: PolicyRule
    }

    package var namespace: String
    package var name: String
    /// The account that the collector runs as.
    package var account: ObjectKey
    package private(set) var needs: [Need]
    /// What the account lacks; `nil` when no cluster was asked.
    package var accountLacks: [AccessCheck]?
    /// The operator's account, and what it lacks to grant the needs by itself; `nil` when no cluster was asked.
    package var operatorAccount: ObjectKey?
    package var operatorLacks: [AccessAnswer]?

    /// - Throws: ``ConfigurationError`` where the configuration can't be understood.
    package init(_ collector: Collector, namespace: String) throws(ConfigurationError) {
        self.namespace = collector.namespace.isEmpty ? namespace : collector.namespace
        self.name = collector.name
        self.account = ObjectKey(
            namespace: self.namespace,
            name: collector.spec.serviceAccount ?? ObjectName.collector(collector.name)
        )
        self.needs = try CollectorConfiguration(collector.spec.config ?? [:]).componentPermissions().flatMap { part in
            part.rules.map {
                Need(component: part.path, reason: ComponentReason.text(part.id), rule: $0)
            }
        }
    }

    /// Every verb on every resource that is needed, each once.
    package var checks: [AccessCheck] { AccessCheck.checks(for: self.needs.map(\.rule)) }

    /// What the operator needs to make roles at all.
    package static let roleChecks: [AccessCheck] = AccessCheck.checks(for: [
        PolicyRule(
            "rbac.authorization.k8s.io",
            ["clusterroles", "clusterrolebindings"],
            ["create", "delete", "get", "list", "patch", "update", "watch"]
        )
    ])

    /// With both of these the API server lets the operator grant what it does not hold itself.
    package static let escalationChecks: [AccessCheck] = [
        AccessCheck(verb: "escalate", group: "rbac.authorization.k8s.io", resource: "clusterroles"),
        AccessCheck(verb: "bind", group: "rbac.authorization.k8s.io", resource: "clusterroles"),
    ]

    /// What the operator lacks, from the answers to ``roleChecks``, ``checks`` and ``escalationChecks``.
    package static func lacks(
        roles: [AccessAnswer],
        needs: [AccessAnswer],
        escalation: [AccessAnswer]
    ) -> [AccessAnswer] {
        let mayEscalate = !escalation.isEmpty && escalation.allSatisfy { $0.isAllowed == true }
        return (roles + (mayEscalate ? [] : needs)).filter { $0.isAllowed != true }
    }

    /// Whether anything is missing, as far as a cluster was asked: one of the two has to be able.
    package var isGranted: Bool {
        guard let accountLacks, !accountLacks.isEmpty else { return true }
        return operatorLacks?.isEmpty == true
    }

    // MARK: For people and programs

    package var table: Table {
        // What is longest stands last.
        let held = self.accountLacks == nil ? [] : ["HELD"]
        var table = Table(
            "Collector \(self.namespace)/\(self.name), account \(self.account)",
            ["COMPONENT", "WHY"] + held + ["VERBS", "API GROUP", "RESOURCES"]
        )
        for need in self.needs {
            let held = self.isHeld(need).map { [$0 ? "yes" : "no"] } ?? []
            table.add(
                [need.component, need.reason] + held + [
                    need.rule.verbs.joined(separator: ","),
                    need.rule.apiGroups.map { $0.isEmpty ? "core" : $0 }.joined(separator: ","),
                    need.rule.resources.joined(separator: ","),
                ]
            )
        }
        return table
    }

    /// What the operator lacks, and a sentence in front of it.
    package var operatorText: String {
        guard let account = self.operatorAccount, let lacks = self.operatorLacks else { return "" }
        if lacks.isEmpty { return "The operator's account \(account) can grant all of it by itself.\n" }
        var text = "The operator's account \(account) can't grant it by itself. It lacks:\n"
        for (item, verbs) in Self.grouped(lacks.map(\.check)) {
            text += "  \(item): \(verbs.joined(separator: ", "))\n"
        }
        return text
            + "Grant it that (-o yaml --for operator), or grant the collector's account its own (-o yaml --for collector).\n"
    }

    private func isHeld(_ need: Need) -> Bool? {
        guard let lacks = self.accountLacks else { return nil }
        return !AccessCheck.checks(for: [need.rule]).contains(where: lacks.contains)
    }

    package var json: JSONObject {
        var json: JSONObject = [
            "namespace": .string(self.namespace), "name": .string(self.name),
            "serviceAccount": .string("\(self.account)"),
        ]
        json["needs"] = .array(
            self.needs.map { need in
                var one: JSONObject = ["component": .string(need.component), "reason": .string(need.reason)]
                for (key, value) in need.rule.json { one[key] = value }
                one[bool: "held"] = self.isHeld(need)
                return .object(one)
            }
        )
        if let account = self.operatorAccount, let lacks = self.operatorLacks {
            json["operator"] = [
                "serviceAccount": .string("\(account)"),
                "lacks": .array(
                    Self.grouped(lacks.map(\.check)).map { ["item": .string($0.item), "verbs": .strings($0.verbs)] }
                ),
            ]
        }
        return json
    }

    private static func grouped(_ checks: [AccessCheck]) -> [(item: String, verbs: [String])] {
        var groups: [(item: String, verbs: [String])] = []
        for check in checks {
            if let place = groups.firstIndex(where: { $0.item == check.item }) {
                groups[place].verbs.append(check.verb)
            } else {
                groups.append((check.item, [check.verb]))
            }
        }
        return groups
    }

    // MARK: To apply

    /// ClusterRole and ClusterRoleBinding for the collector's account, named as the operator would name them.
    package var collectorObjects: [KubeObject] {
        guard !self.needs.isEmpty else { return [] }
        return Self.objects(
            role: ObjectName.clusterRole(self.name, namespace: self.namespace),
            binding: ObjectName.clusterRoleBinding(self.name, namespace: self.namespace),
            rules: Self.merged(self.needs.map(\.rule)),
            account: self.account
        )
    }

    /// The same for what the operator lacks.
    package var operatorObjects: [KubeObject] {
        guard let account = self.operatorAccount, let lacks = self.operatorLacks, !lacks.isEmpty else { return [] }
        var rules: [PolicyRule] = []
        for check in lacks.map(\.check) {
            let resource = check.subresource.isEmpty ? check.resource : "\(check.resource)/\(check.subresource)"
            if let place = rules.firstIndex(where: { $0.apiGroups == [check.group] && $0.resources == [resource] }) {
                rules[place].verbs.append(check.verb)
            } else {
                rules.append(PolicyRule(check.group, [resource], [check.verb]))
            }
        }
        let name = ObjectName.truncated(
            "opentelemetry-operator-grants-%s-%s",
            [.string(self.namespace), .string(self.name)]
        )
        return Self.objects(role: name, binding: name, rules: Self.merged(rules), account: account)
    }

    private static func objects(role: String, binding: String, rules: [PolicyRule], account: ObjectKey) -> [KubeObject]
    {
        let group = "rbac.authorization.k8s.io"
        var clusterRole = KubeObject(GroupVersionKind(group: group, version: "v1", kind: "ClusterRole"), name: role)
        clusterRole.json["rules"] = .array(rules.map { .object($0.json) })
        var clusterRoleBinding = KubeObject(
            GroupVersionKind(group: group, version: "v1", kind: "ClusterRoleBinding"),
            name: binding
        )
        clusterRoleBinding.json["roleRef"] = ["apiGroup": .string(group), "kind": "ClusterRole", "name": .string(role)]
        clusterRoleBinding.json["subjects"] = [
            ["kind": "ServiceAccount", "namespace": .string(account.namespace), "name": .string(account.name)]
        ]
        return [clusterRole, clusterRoleBinding]
    }

    /// Rules of one group and the same verbs are one rule.
    private static func merged(_ rules: [PolicyRule]) -> [PolicyRule] {
        var merged: [PolicyRule] = []
        for rule in rules {
            if let place = merged.firstIndex(where: { $0.apiGroups == rule.apiGroups && $0.verbs == rule.verbs }) {
                for resource in rule.resources where !merged[place].resources.contains(resource) {
                    merged[place].resources.append(resource)
                }
            } else {
                merged.append(rule)
            }
        }
        return merged
    }
}

/// What components do with what they ask for.
private enum ComponentReason {
    private static let texts: [(type: String, text: String)] = [
        ("k8sattributes", "finds the pod that telemetry came from, and its owners"),
        ("k8s_attributes", "finds the pod that telemetry came from, and its owners"),
        ("resourcedetection", "asks which node and cluster it runs on"),
        ("resource_detection", "asks which node and cluster it runs on"),
        ("k8s_cluster", "measures the state of the cluster's objects"),
        ("k8sobjects", "reads the objects that it is configured for"),
        ("k8s_objects", "reads the objects that it is configured for"),
        ("k8s_events", "reads Events"),
        ("kubeletstats", "asks the kubelets for their measurements"),
        ("kubelet_stats", "asks the kubelets for their measurements"),
        ("k8s_observer", "finds endpoints to receive from"),
        ("prometheus", "discovers targets to scrape"),
        ("loadbalancing", "finds the endpoints that it balances between"),
        ("k8s_leader_elector", "holds a Lease"),
    ]

    static func text(_ id: String) -> String {
        let type = id.prefix { $0 != "/" }
        return self.texts.first { $0.type == type }?.text ?? "it reads them from the API server"
    }
}
