import Controllers
import Diagnostics
import JSONTree
import KubeClient
import KubeModel
import Rendering

/// Reads for people who ask: what can't be read is a fact to tell, not an error that ends the command.
struct ClusterReader {
    let client: KubeClient

    static let pods = APIResource(group: "", version: "v1", plural: "pods", kind: "Pod")
    static let events = APIResource(group: "", version: "v1", plural: "events", kind: "Event")
    static let definitions = APIResource(
        group: "apiextensions.k8s.io",
        version: "v1",
        plural: "customresourcedefinitions",
        kind: "CustomResourceDefinition",
        isNamespaced: false
    )

    func get(_ resource: APIResource, namespace: String? = nil, name: String) async throws -> Fact<KubeObject> {
        do {
            return .found(try await self.client.get(resource, namespace: namespace, name: name))
        } catch let error as APIError where error.isNotFound {
            return .absent
        } catch let error as APIError where !error.isUnauthorized {
            return .unreadable(error.message)
        }
    }

    func list(
        _ resource: APIResource,
        namespace: String? = nil,
        options: ListOptions = ListOptions()
    ) async throws -> Fact<[KubeObject]> {
        do {
            return .found(try await self.client.listAll(resource, namespace: namespace, options: options).items)
        } catch let error as APIError where error.isNotFound {
            return .absent
        } catch let error as APIError where !error.isUnauthorized {
            return .unreadable(error.message)
        }
    }

    /// What the API server makes of an object that it does not store.
    func probe(_ object: KubeObject, _ resource: APIResource) async throws -> ProbeAnswer {
        do {
            let answer = try await self.client.create(
                object,
                resource,
                options: WriteOptions(dryRun: true, fieldManager: "swiftlet-check", timeout: .seconds(35))
            )
            return .created(answer.json)
        } catch let error as APIError where error.isForbidden && !error.message.contains("admission") {
            return .skipped("you may not create it to try: \(error.message)")
        } catch let error as APIError where error.isNotFound {
            return .skipped(
                "the API server does not serve \(resource.plural), or there is no such namespace: \(error.message)"
            )
        } catch let error as APIError where !error.isUnauthorized {
            return .refused(error.message)
        }
    }

    // MARK: Permissions

    /// Whose permissions are asked about.
    enum Account {
        case myself
        case serviceAccount(namespace: String, name: String)
    }

    /// A few at a time: the API server has others to serve.
    private static let parallelism = 8

    func answers(
        to checks: [(check: AccessCheck, namespace: String, reason: String)],
        of account: Account
    ) async throws -> [AccessAnswer] {
        try await withThrowingTaskGroup(of: (Int, Bool?).self) { group in
            var allowed = [Bool?](repeating: nil, count: checks.count)
            for (place, check) in checks.enumerated() {
                if place >= Self.parallelism, let answer = try await group.next() { allowed[answer.0] = answer.1 }
                group.addTask { (place, try await self.isAllowed(check.check, check.namespace, account)) }
            }
            for try await (place, answer) in group { allowed[place] = answer }
            return zip(checks, allowed).map { check, allowed in
                AccessAnswer(check.check, namespace: check.namespace, reason: check.reason, isAllowed: allowed)
            }
        }
    }

    private func isAllowed(_ check: AccessCheck, _ namespace: String, _ account: Account) async throws -> Bool? {
        var spec: JSONObject = [:]
        let resource: APIResource
        switch account {
        case .myself: resource = ResourceCatalog.selfSubjectAccessReviews
        case .serviceAccount(let home, let name):
            resource = ResourceCatalog.subjectAccessReviews
            spec["user"] = .string("system:serviceaccount:\(home):\(name)")
            spec["groups"] = .strings(AccountNeeds.groups(ofServiceAccountsIn: home))
        }
        if let url = check.nonResourceURL {
            spec["nonResourceAttributes"] = ["path": .string(url), "verb": .string(check.verb)]
        } else {
            var attributes: JSONObject = [
                "verb": .string(check.verb), "group": .string(check.group), "resource": .string(check.resource),
            ]
            if !check.subresource.isEmpty { attributes["subresource"] = .string(check.subresource) }
            if !namespace.isEmpty { attributes["namespace"] = .string(namespace) }
            attributes[string: "name"] = check.name
            spec["resourceAttributes"] = .object(attributes)
        }
        do {
            let review = try await self.client.create(
                KubeObject([
                    "apiVersion": "authorization.k8s.io/v1", "kind": .string(resource.kind), "spec": .object(spec),
                ]),
                resource
            )
            return review.status?[bool: "allowed"] == true
        } catch let error as APIError where !error.isUnauthorized {
            return nil
        }
    }
}
