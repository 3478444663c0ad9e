package import CollectorConfig
package import JSONTree
import KubeModel
import TelemetryAPI

extension CollectorContext {
    /// ClusterRole and ClusterRoleBinding with the permissions the configuration needs (specification section 6); none
    /// when it needs none, or when the operator may not create them.
    func clusterRoleAndBinding() throws(ConfigurationError) -> [KubeObject?] {
        let rules = try self.configuration.permissions()
        guard !rules.isEmpty, self.facts.rbacCreation else { return [] }
        let roleName = ObjectName.clusterRole(self.name, namespace: self.namespace)
        var role = self.clusterScoped("ClusterRole", roleName)
        role.json["rules"] = .array(rules.map { .object($0.json) })
        var binding = self.clusterScoped(
            "ClusterRoleBinding",
            ObjectName.clusterRoleBinding(self.name, namespace: self.namespace)
        )
        binding.json["subjects"] = [
            [
                "kind": "ServiceAccount", "name": .string(self.serviceAccountName),
                "namespace": .string(self.namespace),
            ]
        ]
        binding.json["roleRef"] = [
            "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": .string(roleName),
        ]
        return [role, binding]
    }

    /// An owner reference can't point from a cluster-scoped object into a namespace; an annotation names the collector
    /// instead, so that leftovers can be told from the objects of others whose names were cut to the same.
    private func clusterScoped(_ kind: String, _ name: String) -> KubeObject {
        var object = KubeObject(
            GroupVersionKind(group: "rbac.authorization.k8s.io", version: "v1", kind: kind),
            name: name
        )
        object.metadata.labels = self.labels(name: name, filtered: true)
        var annotations = self.annotations
        annotations[ObjectAnnotations.collector] = "\(self.namespace)/\(self.name)"
        object.metadata.annotations = annotations
        return object
    }
}

extension PolicyRule {
    /// As a rule of a ClusterRole.
    package var json: JSONObject {
        ["apiGroups": .strings(self.apiGroups), "resources": .strings(self.resources), "verbs": .strings(self.verbs)]
    }
}
