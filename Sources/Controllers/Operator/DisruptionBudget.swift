import JSONTree
import KubeClient
import KubeModel
import KubeRuntime
import Logging
import ServiceLifecycle
import TelemetryAPI

/// Makes a PodDisruptionBudget for the operator's own Deployment where there is none, so that a drain takes one replica
/// at a time.
///
/// The operator makes it because a manifest can't: no version of that API is served by all supported clusters. One of
/// the same name that somebody else made, such as a Helm chart, stays as it is. The Deployment owns ours, so it goes with
/// it.
struct DisruptionBudget: Service {
    let client: KubeClient
    let namespace: String
    let version: ClusterFacts.ServedVersion

    static let name = "opentelemetry-operator-controller-manager"
    private static let interval = Duration.seconds(600)

    func run() async throws {
        try await untilGracefulShutdown {
            while true {
                var pause = Self.interval
                do {
                    try await self.ensure()
                } catch let error as APIError where error.isForbidden {
                    Logger.current.info(
                        "the operator has no disruption budget and may not make one",
                        metadata: ["error": "\(error.message)"]
                    )
                    try await untilGracefulShutdown()
                } catch {
                    try Task.checkCancellation()
                    Logger.current.warning(
                        "cannot make the operator's disruption budget, will retry",
                        metadata: ["error": "\(error)"]
                    )
                    pause = .seconds(10)
                }
                try await Task.sleep(for: pause)
            }
        }
    }

    /// - Throws: `APIError`.
    func ensure() async throws {
        let resource = ResourceCatalog.podDisruptionBudgets(self.version.rawValue)
        do {
            _ = try await self.client.get(resource, namespace: self.namespace, name: Self.name)
        } catch let error as APIError where error.isNotFound {
            let owner: KubeObject
            do {
                owner = try await self.client.get(
                    ResourceCatalog.deployments,
                    namespace: self.namespace,
                    name: Self.name
                )
            } catch let error as APIError where error.isNotFound {
                return  // Installed in another way: whoever did so knows what its pods are.
            }
            guard let budget = Self.budget(of: owner, version: self.version) else { return }
            try await self.client.create(budget, resource)
            Logger.current.info("made the operator's disruption budget", metadata: ["name": "\(Self.name)"])
        }
    }

    /// One at a time, and not "at least one": that would keep a node with the only replica from ever being drained.
    static func budget(of deployment: KubeObject, version: ClusterFacts.ServedVersion) -> KubeObject? {
        guard let selector = deployment.spec?["selector"], let uid = deployment.metadata.uid else { return nil }
        var budget = KubeObject(
            GroupVersionKind(group: "policy", version: version.rawValue, kind: "PodDisruptionBudget"),
            namespace: deployment.namespace,
            name: Self.name
        )
        budget.metadata.labels = ["app.kubernetes.io/name": "opentelemetry-operator"]
        let owner: JSONValue = [
            "apiVersion": "apps/v1", "kind": "Deployment", "name": .string(deployment.name),
            "uid": .string(uid),
        ]
        budget.json.mutateObject("metadata") { $0["ownerReferences"] = [owner] }
        budget.json["spec"] = ["maxUnavailable": 1, "selector": selector]
        return budget
    }
}
