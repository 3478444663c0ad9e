import ArgumentParser
import KubeClient
import Logging

/// Which cluster a command talks to, as for kubectl.
struct ClusterFlags: ParsableArguments {
    @Option(help: "Kubeconfig file. Default: KUBECONFIG, then the pod's service account, then ~/.kube/config.")
    var kubeconfig: String?
    @Option(help: "Context of the kubeconfig.")
    var context: String?
    @Option(name: [.customShort("n"), .long], help: "Namespace. Default: the one of the context.")
    var namespace: String?

    /// Whether the command line says anything of a cluster.
    var isGiven: Bool { self.kubeconfig != nil || self.context != nil }

    /// Runs `body` with a client that is shut down afterwards, and the namespace that counts.
    ///
    /// - Throws: exit code 3, after a line that says why, when the cluster can't be reached or does not know the user;
    ///   exit code 1 when it refuses.
    func withCluster<Result>(_ body: (KubeClient, _ namespace: String) async throws -> Result) async throws -> Result {
        do {
            let configuration = try await ClientConfiguration.load(kubeconfig: self.kubeconfig, context: self.context)
            let client = try KubeClient(
                configuration: configuration,
                logger: Logger(label: "swiftlet") { _ in SwiftLogNoOpLogHandler() }
            )
            do {
                let result = try await body(client, self.namespace ?? configuration.namespace)
                await client.shutdown()
                return result
            } catch {
                await client.shutdown()
                throw error
            }
        } catch let error as KubeClientError {
            complain("error: the cluster can't be reached: \(error.message)")
            throw ExitCode.unreachable
        } catch let error as APIError where error.isUnauthorized {
            complain("error: the cluster does not know you: \(error.message)")
            throw ExitCode.unreachable
        } catch let error as APIError {
            complain("error: \(error.message.isEmpty ? "\(error)" : error.message)")
            throw ExitCode.failure
        }
    }
}

extension ExitCode {
    /// Wrong use of a command that asks a cluster; those that work on files give 64.
    static let wrongUse = ExitCode(2)
    static let unreachable = ExitCode(3)
    static let timedOut = ExitCode(4)
}
