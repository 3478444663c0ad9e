import JSONTree
import Rendering
import Testing

struct OperatorRolesTests {
    private func roles(_ watched: [String] = [], _ features: Set<OperatorPermission.Feature> = [.webhooks])
        -> OperatorRoles
    {
        OperatorRoles(
            namespace: "system",
            account: "manager",
            prefix: "otel",
            watchNamespaces: watched,
            features: features
        )
    }

    private func names(_ roles: OperatorRoles, _ kind: String) -> [String] {
        roles.objects.filter { $0[string: "kind"] == kind }.map {
            ($0["metadata"]?["namespace"]?.string.map { $0 + "/" } ?? "") + ($0["metadata"]?["name"]?.string ?? "")
        }
    }

    @Test func everywhere() {
        #expect(self.names(self.roles(), "ClusterRole") == ["otel-manager-role"])
        #expect(self.names(self.roles(), "Role") == ["system/otel-own-role"])
        #expect(self.names(self.roles(), "RoleBinding") == ["system/otel-own-rolebinding"])
    }

    @Test func watchedNamespacesGetRolesAndTheClusterRoleLess() throws {
        let some = self.roles(["a", "b"])
        #expect(self.names(some, "Role") == ["a/otel-manager-role", "b/otel-manager-role", "system/otel-own-role"])
        let rules = { (roles: OperatorRoles) in
            roles.objects.first { $0[string: "kind"] == "ClusterRole" }?[array: "rules"] ?? []
        }
        #expect(rules(self.roles()).contains { $0["resources"]?.array?.contains("configmaps") == true })
        // Nothing that is in a namespace is written, or read, everywhere.
        let namespaced = ["configmaps", "secrets", "pods", "deployments", "opentelemetrycollectors", "events"]
        for rule in rules(some) {
            for resource in namespaced { #expect(rule["resources"]?.array?.contains(.string(resource)) == false) }
        }
    }

    static let cases: [(Set<OperatorPermission.Feature>, Bool, Bool)] = [
        ([], false, false), ([.webhooks], true, false), ([.webhooks, .automaticRBAC], true, true),
    ]

    @Test(arguments: cases)
    func features(_ features: Set<OperatorPermission.Feature>, webhooks: Bool, roles: Bool) {
        let groups = Set(
            OperatorPermission.needed(Set(OperatorPermission.Scope.allCases), features: features).flatMap(\.groups)
        )
        #expect(groups.contains("admissionregistration.k8s.io") == webhooks)
        #expect(groups.contains("rbac.authorization.k8s.io") == roles)
    }

    /// Nobody gets all of a group, and Secrets are never listed outside the operator's namespace.
    @Test func nothingIsGrantedAtLarge() {
        for permission in OperatorPermission.all {
            #expect(!permission.groups.contains("*") && !permission.resources.contains("*"))
            #expect(!permission.verbs.contains("*") && !permission.verbs.contains("escalate"))
            #expect(!permission.reason.isEmpty)
            if permission.resources.contains("secrets"), permission.scope != .own {
                #expect(Set(permission.verbs).isSubset(of: ["get", "create", "patch"]))
            }
        }
    }
}
