package import JSONTree
package import KubeClient
import KubeModel
import Rendering
package import TelemetryAPI

/// Keeps users from gaining permissions through a collector: the operator would grant the collector's account what its
/// configuration needs, so whoever writes the configuration has to hold that already (specification section 2.5).
package struct PrivilegeCheck: Sendable {
    private let client: KubeClient

    package init(client: KubeClient) { self.client = client }

    /// - Parameter user: `userInfo` of the review.
    /// - Returns: why the request has to be refused, `nil` when it need not.
    /// - Throws: `APIError` when the API server can't be asked: then nobody knows, and the request has to wait.
    package func refusal(_ collector: Collector, facts: ClusterFacts, user: JSONObject) async throws -> String? {
        let grants: [AccessCheck]
        do {
            grants = try AccessCheck.grants(of: collector, facts: facts)
        } catch {
            return "\(error)"
        }
        guard !grants.isEmpty else { return nil }
        let account = AccessCheck.serviceAccount(of: collector)
        let groups = [
            "system:serviceaccounts", "system:serviceaccounts:\(collector.namespace)", "system:authenticated",
        ]
        let missing = try await self.denied(grants, ["user": .string(account), "groups": .strings(groups)])
        guard !missing.isEmpty else { return nil }
        var who: JSONObject = ["user": user["username"] ?? ""]
        who["groups"] = user["groups"]
        who["uid"] = user["uid"]
        who["extra"] = user["extra"]
        let refused = try await self.denied(missing, who)
        guard !refused.isEmpty else { return nil }
        return AccessCheck.escalation(user: user[string: "username"] ?? "", missing: refused)
    }

    private func denied(_ checks: [AccessCheck], _ who: JSONObject) async throws -> [AccessCheck] {
        try await withThrowingTaskGroup(of: (Int, Bool).self) { group in
            for (place, check) in checks.enumerated() {
                group.addTask { (place, try await self.isAllowed(check, who)) }
            }
            var refused: [Int] = []
            for try await (place, isAllowed) in group where !isAllowed { refused.append(place) }
            return refused.sorted().map { checks[$0] }
        }
    }

    private func isAllowed(_ check: AccessCheck, _ who: JSONObject) async throws -> Bool {
        var spec = who
        if let url = check.nonResourceURL {
            spec["nonResourceAttributes"] = ["path": .string(url), "verb": .string(check.verb)]
        } else {
            var attributes: JSONObject = [
                "verb": .string(check.verb), "group": .string(check.group), "resource": .string(check.resource),
            ]
            if !check.subresource.isEmpty { attributes["subresource"] = .string(check.subresource) }
            spec["resourceAttributes"] = .object(attributes)
        }
        let review = try await self.client.create(
            KubeObject([
                "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": .object(spec),
            ]),
            ResourceCatalog.subjectAccessReviews
        )
        return review.status?[bool: "allowed"] == true
    }
}
