import JSONTree
package import KubeClient
import KubeModel
package import TelemetryAPI

/// Finds out what a cluster offers. Versions are never guessed from the server's version: what is served is asked for.
package struct ClusterProbe: Sendable {
    private let client: KubeClient
    private let namespaces: [String]

    /// - Parameter namespaces: those that the operator works in; empty for all.
    package init(client: KubeClient, namespaces: [String] = []) {
        self.client = client
        self.namespaces = namespaces
    }

    /// - Throws: `APIError` when the server can't be asked.
    package func facts() async throws -> ClusterFacts {
        let version = try await self.client.version()
        let discovery = self.client.discovery
        var served: [GroupKind: APIResource] = [:]
        for (kind, versions) in OptionalKinds.versions {
            served[kind] = try await discovery.resource(for: kind, preferredVersions: versions)
        }
        let kubernetes = KubernetesVersion(major: version.major, minor: version.minor)
        return ClusterFacts(
            kubernetesVersion: kubernetes,
            certManagerRights: served[OptionalKinds.certificate] == nil ? true : try await self.mayUseCertManager(),
            nativeSidecars: kubernetes >= KubernetesVersion(major: 1, minor: 29),
            rbacCreation: try await self.mayCreateRoles()
        ).serving(served)
    }

    private static let verbs = ["create", "delete", "get", "list", "patch", "update", "watch"]

    /// Whether we may write cluster roles and their bindings, as automatic RBAC needs (specification section 6.3). Asked
    /// about ourselves, so that it works for whatever identity the operator runs under.
    private func mayCreateRoles() async throws -> Bool {
        try await self.may(Self.verbs, "rbac.authorization.k8s.io", ["clusterroles", "clusterrolebindings"], in: [""])
    }

    /// Whether we may have cert-manager issue certificates, wherever we work (specification section 3.14).
    func mayUseCertManager() async throws -> Bool {
        try await self.may(
            Self.verbs,
            "cert-manager.io",
            ["certificates", "issuers"],
            in: self.namespaces.isEmpty ? [""] : self.namespaces
        )
    }

    /// - Parameter namespaces: an empty one stands for all.
    private func may(
        _ verbs: [String],
        _ group: String,
        _ resources: [String],
        in namespaces: [String]
    ) async throws -> Bool {
        for namespace in namespaces {
            for resource in resources {
                for verb in verbs {
                    var attributes: JSONObject = [
                        "group": .string(group), "resource": .string(resource), "verb": .string(verb),
                    ]
                    if !namespace.isEmpty { attributes["namespace"] = .string(namespace) }
                    let review = KubeObject([
                        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
                        "spec": ["resourceAttributes": .object(attributes)],
                    ])
                    let answer = try await self.client.create(review, ResourceCatalog.selfSubjectAccessReviews)
                    guard answer.status?[bool: "allowed"] == true else { return false }
                }
            }
        }
        return true
    }
}
