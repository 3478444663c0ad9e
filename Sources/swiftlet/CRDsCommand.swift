import ArgumentParser
import JSONTree
import KubeClient
import KubeModel
import KubeRuntime
import TelemetryAPI
import YAMLTree

/// `swiftlet crds`: prints the CustomResourceDefinitions.
struct CRDsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "crds",
        abstract: "Prints the CustomResourceDefinitions, without what a given server can't take.",
        discussion: """
            Examples:
              swiftlet crds --server-version cluster | kubectl apply --server-side -f -
              swiftlet crds --server-version 1.24
            """
    )

    @Option(help: "Kubernetes version such as 1.28, or 'cluster' to ask the cluster. Without it nothing is left out.")
    var serverVersion: String?
    @OptionGroup(title: "Cluster, for --server-version cluster") var cluster: ClusterFlags

    func run() async throws {
        var definitions: [KubeObject]
        if self.serverVersion == "cluster" {
            definitions = try await self.cluster.withCluster { client, _ in
                let version = try await client.version()
                let all = try CustomResourceDefinition.all(
                    for: KubernetesVersion(major: version.major, minor: version.minor)
                )
                var fitted: [KubeObject] = []
                for definition in all {
                    let live = try await self.live(definition, client)
                    fitted.append(CustomResourceDefinition.keepingAddress(definition, of: live))
                }
                return fitted
            }
        } else {
            definitions = try CustomResourceDefinition.all(for: try self.version())
        }
        try emit(definitions.map { "---\n" + YAMLWriter.text(.object($0.json)) }.joined())
    }

    private func live(_ definition: KubeObject, _ client: KubeClient) async throws -> KubeObject? {
        do {
            return try await client.get(.customResourceDefinitions, name: definition.name)
        } catch let error as APIError where error.isNotFound || error.isForbidden {
            return nil
        }
    }

    private func version() throws -> KubernetesVersion? {
        guard let serverVersion else { return nil }
        let parts = serverVersion.drop { $0 == "v" }.split(separator: ".")
        guard parts.count >= 2, let version = KubernetesVersion(major: String(parts[0]), minor: String(parts[1]))
        else { throw ValidationError("--server-version \(serverVersion): must be like 1.28, or 'cluster'") }
        return version
    }
}
