import JSONTree
package import KubeClient
import KubeModel
package import TelemetryAPI

/// Finds out what a cluster offers. Versions are never guessed from the server's version: what is served is asked for.
package struct ClusterProbe: Sendable {
    private let client: KubeClient

    package init(client: KubeClient) { self.client = client }

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
            nativeSidecars: kubernetes >= KubernetesVersion(major: 1, minor: 29),
            rbacCreation: try await self.mayCreateRoles()
        ).serving(served)
    }

    /// Whether we may write cluster roles and their bindings, as automatic RBAC needs (specification section 6.3). Asked
    /// about ourselves, so that it works for whatever identity the operator runs under.
    private func mayCreateRoles() async throws -> Bool {
        for plural in ["clusterroles", "clusterrolebindings"] {
            for verb in ["create", "delete", "get", "list", "patch", "update", "watch"] {
                let review = KubeObject([
                    "apiVersion": "authorization.k8s.io/v1",
                    "kind": "SelfSubjectAccessReview",
                    "spec": [
                        "resourceAttributes": [
                            "group": "rbac.authorization.k8s.io", "resource": .string(plural), "verb": .string(verb),
                        ]
                    ],
                ])
                let answer = try await self.client.create(review, ResourceCatalog.selfSubjectAccessReviews)
                guard answer.status?[bool: "allowed"] == true else { return false }
            }
        }
        return true
    }
}
