package import JSONTree

/// The roles and bindings of the operator's account.
package struct OperatorRoles: Sendable {
    package var namespace: String
    package var account: String
    /// What names begin with.
    package var prefix: String
    /// Empty for all namespaces.
    package var watchNamespaces: [String]
    package var features: Set<OperatorPermission.Feature>

    package init(
        namespace: String,
        account: String,
        prefix: String,
        watchNamespaces: [String],
        features: Set<OperatorPermission.Feature>
    ) {
        self.namespace = namespace
        self.account = account
        self.prefix = prefix
        self.watchNamespaces = watchNamespaces
        self.features = features
    }

    private func permissions(_ scopes: Set<OperatorPermission.Scope>) -> [OperatorPermission] {
        OperatorPermission.needed(scopes, features: self.features)
    }

    /// The rules by where they are needed: `{"cluster": [...], "watched": [...], "own": [...]}`.
    package var rules: JSONValue {
        var rules = JSONObject()
        for scope in OperatorPermission.Scope.allCases {
            rules[scope.rawValue] = .array(self.permissions([scope]).map(\.rule))
        }
        return .object(rules)
    }

    /// A ClusterRole, a Role in each watched namespace, a Role in the operator's own, each with its binding.
    package var objects: [JSONObject] {
        let isEverywhere = self.watchNamespaces.isEmpty
        var objects = self.role(
            "\(self.prefix)-manager-role",
            in: nil,
            self.permissions(isEverywhere ? [.cluster, .watched] : [.cluster])
        )
        for namespace in self.watchNamespaces {
            objects += self.role("\(self.prefix)-manager-role", in: namespace, self.permissions([.watched]))
        }
        objects += self.role("\(self.prefix)-own-role", in: self.namespace, self.permissions([.own]))
        return objects
    }

    private func role(_ name: String, in namespace: String?, _ permissions: [OperatorPermission]) -> [JSONObject] {
        let kind = namespace == nil ? "ClusterRole" : "Role"
        func metadata(_ name: String) -> JSONValue {
            var metadata: JSONObject = ["name": .string(name)]
            if let namespace { metadata["namespace"] = .string(namespace) }
            metadata["labels"] = ["app.kubernetes.io/name": "opentelemetry-operator"]
            return .object(metadata)
        }
        let group = "rbac.authorization.k8s.io"
        let role: JSONObject = [
            "apiVersion": .string("\(group)/v1"), "kind": .string(kind), "metadata": metadata(name),
            "rules": .array(permissions.map(\.rule)),
        ]
        let binding: JSONObject = [
            "apiVersion": .string("\(group)/v1"), "kind": .string("\(kind)Binding"),
            "metadata": metadata(name + "binding"),
            "roleRef": ["apiGroup": .string(group), "kind": .string(kind), "name": .string(name)],
            "subjects": [
                ["kind": "ServiceAccount", "name": .string(self.account), "namespace": .string(self.namespace)]
            ],
        ]
        return [role, binding]
    }

    /// For people, aligned.
    package var table: String {
        var rows = [["WHERE", "GROUP", "RESOURCES", "VERBS", "WHY"]]
        rows += self.permissions(Set(OperatorPermission.Scope.allCases)).map { permission in
            let names = permission.names.isEmpty ? "" : " (\(permission.names.joined(separator: ", ")))"
            return [
                permission.scope.rawValue, permission.groups.map { $0.isEmpty ? "core" : $0 }.joined(separator: ", "),
                permission.resources.joined(separator: ", ") + names, Self.short(permission.verbs), permission.reason,
            ]
        }
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            row.enumerated().map { column, text in
                column == row.count - 1 ? text : text + String(repeating: " ", count: widths[column] - text.count + 2)
            }.joined() + "\n"
        }.joined()
    }

    /// The rows of docs/permissions.md, for every scope and feature.
    package static var markdown: String {
        let titles: [(OperatorPermission.Scope, String)] = [
            (.watched, "In every namespace that is watched"), (.cluster, "On kinds without a namespace"),
            (.own, "In the operator's own namespace"),
        ]
        return titles.map { scope, title in
            let rows = OperatorPermission.all.filter { $0.scope == scope }.map { permission -> String in
                let groups = permission.groups.map { $0.isEmpty ? "core" : "`\($0)`" }.joined(separator: ", ")
                var resources = permission.resources.map { "`\($0)`" }.joined(separator: ", ")
                if !permission.names.isEmpty {
                    resources += ", only " + permission.names.map { "`\($0)`" }.joined(separator: ", ")
                }
                let feature = permission.feature.map { " (`\($0.rawValue)`)" } ?? ""
                return
                    "| \(groups) | \(resources) | \(Self.short(permission.verbs)) | \(permission.reason)\(feature) |\n"
            }
            return "## \(title)\n\n| Group | Resources | Verbs | Why |\n| --- | --- | --- | --- |\n" + rows.joined()
        }.joined(separator: "\n")
    }

    private static func short(_ verbs: [String]) -> String {
        verbs.count == 7 ? "all seven" : verbs.joined(separator: ", ")
    }
}
