import ArgumentParser
import Controllers
import Diagnostics
import JSONTree
import KubeClient
import KubeModel

/// `swiftlet status`: what of us is in a cluster, and how it is.
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Shows collectors, target allocators, workloads, pods that were missed, and Instrumentations.",
        discussion: """
            Of all namespaces, or of one with -n. The counts of workloads are of the pods that live; those of
            Instrumentations go on from their creation. docs/reasons.md explains the reasons.

            Examples:
              \(CommandName.shown) status
              \(CommandName.shown) status -n shop
              \(CommandName.shown) status -o json | jq '.workloads[] | select(.notInjected != "0")'

            Exit codes: 0 shown, 1 something can't be read, 2 wrong use, 3 the cluster can't be reached.
            """
    )

    @OptionGroup(title: "Cluster") var cluster: ClusterFlags
    @OptionGroup(title: "Output") var output: OutputFlags

    func run() async throws {
        let (report, unreadable) = try await self.cluster.withCluster { client, _ in
            try await Self.report(client, namespace: self.cluster.namespace)
        }
        try self.output.emit(.object(report.json)) { report.text($0) }
        for reason in unreadable { complain("error: \(reason)") }
        if !unreadable.isEmpty { throw ExitCode.failure }
    }

    /// - Returns: the report, and what could not be read for it.
    static func report(_ client: KubeClient, namespace: String?) async throws -> (StatusReport, [String]) {
        let reader = ClusterReader(client: client)
        var unreadable: [String] = []
        func read<Value>(_ fact: Fact<[Value]>, _ what: String) -> [Value] {
            switch fact {
            case .found(let items): return items
            case .absent: unreadable.append("the cluster has no \(what): are the definitions installed?")
            case .unreadable(let reason): unreadable.append(reason)
            }
            return []
        }
        let pods = try await reader.list(
            ClusterReader.pods,
            namespace: namespace,
            options: ListOptions(metadataOnly: true)
        )
        let collectors = read(try await reader.list(ResourceCatalog.collectors, namespace: namespace), "collectors")
        let allocators = read(
            try await reader.list(ResourceCatalog.targetAllocators, namespace: namespace),
            "target allocators"
        )
        let report = StatusReport(
            collectors: collectors,
            targetAllocators: try await AllocatorSearch(reader: reader).facts(allocators, among: collectors),
            pods: read(pods, "pods"),
            missed: read(try await MissedPodSearch(client: client).find(namespace: namespace), "pods"),
            instrumentations: read(
                try await reader.list(ResourceCatalog.instrumentations, namespace: namespace),
                "Instrumentations"
            )
        )
        return (report, unreadable)
    }
}
