package import JSONTree
package import KubeClient
import KubeModel
package import Rendering
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
        let groups = AccountNeeds.groups(ofServiceAccountsIn: collector.namespace)
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

    /// What the service accounts lack that nobody but the user grants them: warnings, whatever happens.
    package func warnings(_ collector: Collector, facts: ClusterFacts) async -> [String] {
        let needs: [AccountNeeds]
        do {
            needs = try AccountNeeds.of(collector, facts: facts)
        } catch {
            // The validation has said so.
            return []
        }
        return await self.warnings(needs)
    }

    /// The same for accounts whose needs are known.
    package func warnings(_ needs: [AccountNeeds]) async -> [String] {
        var warnings: [String] = []
        for account in needs {
            do {
                let missing = try await self.denied(
                    account.checks,
                    ["user": .string(account.user), "groups": .strings(account.groups)]
                )
                warnings += account.warnings(missing: missing)
            } catch {
                warnings.append(account.warning(unanswered: (error as? APIError)?.message ?? "\(error)"))
            }
        }
        return warnings
    }

    /// How many reviews are under way at a time: a configuration can need hundreds, and the API server has others to
    /// serve.
    private static let parallelism = 8

    private func denied(_ checks: [AccessCheck], _ who: JSONObject) async throws -> [AccessCheck] {
        try await withThrowingTaskGroup(of: (Int, Bool).self) { group in
            var refused: [Int] = []
            for (place, check) in checks.enumerated() {
                if place >= Self.parallelism, let answer = try await group.next(), !answer.1 {
                    refused.append(answer.0)
                }
                group.addTask { (place, try await self.isAllowed(check, who)) }
            }
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
