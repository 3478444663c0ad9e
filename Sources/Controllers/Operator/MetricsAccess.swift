package import AdmissionServer
import JSONTree
package import KubeClient
import KubeModel

/// Who may read `/metrics`: whoever the API server says may `get` that path (TokenReview, then SubjectAccessReview).
package struct MetricsAccess: Sendable {
    private let client: KubeClient

    package init(client: KubeClient) { self.client = client }

    package func verdict(_ token: String) async -> MetricsEndpoint.Verdict {
        do {
            let review = try await self.create(
                "authentication.k8s.io",
                "tokenreviews",
                "TokenReview",
                ["token": .string(token)]
            )
            guard review.status?[bool: "authenticated"] == true, let user = review.status?[object: "user"] else {
                return .unauthenticated
            }
            var spec: JSONObject = ["nonResourceAttributes": ["path": "/metrics", "verb": "get"]]
            spec["user"] = user["username"]
            spec["uid"] = user["uid"]
            spec["groups"] = user["groups"]
            spec["extra"] = user["extra"]
            let access = try await self.create(
                "authorization.k8s.io",
                "subjectaccessreviews",
                "SubjectAccessReview",
                spec
            )
            return access.status?[bool: "allowed"] == true ? .allowed : .forbidden
        } catch {
            return .failed((error as? APIError)?.message ?? "\(error)")
        }
    }

    private func create(_ group: String, _ plural: String, _ kind: String, _ spec: JSONObject) async throws
        -> KubeObject
    {
        let resource = APIResource(group: group, version: "v1", plural: plural, kind: kind, isNamespaced: false)
        let review: JSONObject = [
            "apiVersion": .string(resource.apiVersion), "kind": .string(kind), "spec": .object(spec),
        ]
        return try await self.client.create(KubeObject(review), resource)
    }
}
