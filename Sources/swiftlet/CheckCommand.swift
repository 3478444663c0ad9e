import ArgumentParser
import Diagnostics
import JSONTree

/// `swiftlet check`: is a cluster fit for the operator, and does the operator that is in it work?
struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Says what is wrong with an installation, and how to mend it.",
        discussion: """
            Before the installation: the server's version, what you may do, which optional APIs there are, what another
            operator left. After it: definitions, webhooks, certificates, leader, operator, permissions, collectors and
            target allocators that are not ready, pods that were missed. Whether the API server reaches the webhooks is proved by creating a pod
            and a collector with dry-run: nothing is stored. Which of both it is, is found out unless told.

            Examples:
              \(CommandName.shown) check
              \(CommandName.shown) check --before --context production
              \(CommandName.shown) check --after -o json | jq '.findings[] | select(.severity != "ok")'

            Exit codes: 0 no finding is an error, 1 some are, 2 wrong use, 3 the cluster can't be reached.
            """
    )

    @OptionGroup(title: "Cluster") var cluster: ClusterFlags
    @OptionGroup(title: "Output") var output: OutputFlags
    @Flag(help: "Check whether the operator can be installed.") var before = false
    @Flag(help: "Check whether the operator that is installed works.") var after = false
    @Flag(help: "Show warnings and errors only.") var problems = false
    @Option(help: "Namespace of the operator. Default: where its Deployment is.") var operatorNamespace: String?

    func validate() throws {
        if self.before, self.after { throw ValidationError("give --before or --after, not both") }
    }

    func run() async throws {
        let findings = try await self.cluster.withCluster { client, namespace in
            var gatherer = CheckGatherer(client: client, namespace: namespace)
            gatherer.operatorNamespace = self.operatorNamespace
            return try await gatherer.findings(self.before ? .before : self.after ? .after : nil)
        }
        let shown = self.problems ? findings.filter { $0.severity != .ok } : findings
        try self.output.emit(.object(shown.json)) { findings.text($0, problemsOnly: self.problems) }
        if findings.worst == .error { throw ExitCode.failure }
    }
}
