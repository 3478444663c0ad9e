package import AdmissionServer
import Crypto
import JSONTree
package import KubeClient
import KubeModel
package import Logging
import Synchronization

/// Who may read `/metrics`: whoever the API server says may `get` that path (TokenReview, then SubjectAccessReview).
///
/// What the API server said of a token is believed for ten seconds, so that scraping often costs it little. A token is
/// remembered as its SHA-256, never as it is.
package struct MetricsAccess: Sendable {
    private let client: KubeClient
    private let logger: Logger
    private let memory = VerdictMemory()

    package init(client: KubeClient, logger: Logger) {
        self.client = client
        self.logger = logger
    }

    package func verdict(_ token: String) async -> MetricsEndpoint.Verdict {
        let key = VerdictMemory.key(of: token)
        if let known = self.memory.verdict(of: key, now: .now) { return known }
        do {
            let verdict = try await self.ask(token)
            self.memory.remember(verdict, of: key, now: .now)
            return verdict
        } catch {
            // The reason names our own account and its permissions: for the log, not for whoever asks.
            self.logger.warning(
                "cannot find out who may read the metrics",
                metadata: ["error": "\((error as? APIError)?.message ?? "\(error)")"]
            )
            return .failed("the API server can't be asked; the operator's log says why")
        }
    }

    private func ask(_ token: String) async throws -> MetricsEndpoint.Verdict {
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
