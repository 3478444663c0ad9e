import KubeModel
package import Rendering

/// What somebody must be allowed to install Swiftlet with its manifest.
package enum InstallerNeeds {
    private static let objects: [(group: String, resource: String, reason: String)] = [
        ("apiextensions.k8s.io", "customresourcedefinitions", "the definitions of collectors and Instrumentations"),
        ("", "namespaces", "the operator's namespace"),
        ("", "serviceaccounts", "the operator's account"),
        ("", "services", "the address of the webhooks"),
        ("apps", "deployments", "the operator itself"),
        ("rbac.authorization.k8s.io", "clusterroles", "the operator's permissions"),
        ("rbac.authorization.k8s.io", "clusterrolebindings", "the operator's permissions"),
        ("rbac.authorization.k8s.io", "roles", "the operator's permissions in its own namespace"),
        ("rbac.authorization.k8s.io", "rolebindings", "the operator's permissions in its own namespace"),
        ("admissionregistration.k8s.io", "mutatingwebhookconfigurations", "the entry points of the webhooks"),
        ("admissionregistration.k8s.io", "validatingwebhookconfigurations", "the entry points of the webhooks"),
    ]

    /// Who may these may grant the operator what he does not hold himself.
    package static let escalation: [AccessCheck] = [
        AccessCheck(verb: "escalate", group: "rbac.authorization.k8s.io", resource: "clusterroles"),
        AccessCheck(verb: "bind", group: "rbac.authorization.k8s.io", resource: "clusterroles"),
        AccessCheck(verb: "escalate", group: "rbac.authorization.k8s.io", resource: "roles"),
        AccessCheck(verb: "bind", group: "rbac.authorization.k8s.io", resource: "roles"),
    ]

    /// To create and change what the manifest holds.
    package static let checks: [(check: AccessCheck, reason: String)] = objects.flatMap { object in
        ["create", "get", "patch"].map {
            (AccessCheck(verb: $0, group: object.group, resource: object.resource), object.reason)
        }
    }
}
