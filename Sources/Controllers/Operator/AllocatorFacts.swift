import JSONTree
import KubeClient
import KubeModel
import Logging
import Rendering
import TelemetryAPI

/// What target allocators need to know of the operator's own surroundings: its image, which is theirs too, and where the API
/// server listens. Neither is worth an operator that does not run: what can't be had is left out.
struct AllocatorFacts: Sendable {
    let client: KubeClient
    let options: OperatorOptions

    func complete(_ facts: ClusterFacts) async -> ClusterFacts {
        var facts = facts
        facts.operatorImage = await self.image()
        facts.apiServerPorts = await self.ports()
        return facts
    }

    /// Of the operator's Deployment; `nil` for a process outside the cluster.
    private func image() async -> String? {
        guard let namespace = self.options.ownNamespace, self.options.webhookURL == nil else { return nil }
        do {
            let deployment = try await self.client.get(
                ResourceCatalog.deployments,
                namespace: namespace,
                name: OperatorOptions.deployment
            )
            let containers = deployment.spec?["template"]?["spec"]?["containers"]?.array ?? []
            let own = containers.first { $0["name"]?.string == "manager" } ?? containers.first
            return own?["image"]?.string
        } catch {
            Logger.current.info(
                "the operator's own image is not known: target allocators that name none get the default image",
                metadata: ["error": "\((error as? APIError)?.message ?? "\(error)")"]
            )
            return nil
        }
    }

    private func ports() async -> [Int] {
        let endpoints = try? await self.client.get(ResourceCatalog.endpoints, namespace: "default", name: "kubernetes")
        return OperatorNetworkPolicy.ports(of: [endpoints].compactMap { $0 })
    }
}
