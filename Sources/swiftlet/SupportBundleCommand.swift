import ArgumentParser
import Diagnostics
import JSONTree
import KubeClient
import KubeModel

/// `swiftlet support-bundle`: what somebody who helps wants to see, without secrets.
struct SupportBundleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "support-bundle",
        abstract: "Collects objects, logs, Events and the output of check and status, without secrets.",
        discussion: """
            Secrets are never collected. Values whose names announce a secret (passwords, tokens, keys, headers), bearer
            tokens and passwords in addresses are replaced by REDACTED; manifest.json says where, and what could not be
            collected. Look through it before you give it away: no rule knows every secret.

            A name that ends in .tar.gz, .tgz or .tar is an archive (gzip without compression), any other a new folder.

            Examples:
              \(CommandName.shown) support-bundle -o bundle.tar.gz
              \(CommandName.shown) support-bundle -o bundle --operator-namespace opentelemetry-operator-system

            Exit codes: 0 written, also when something could not be collected; 1 it can't be written; 2 wrong use; 3 the
            cluster can't be reached.
            """
    )

    @Option(name: .shortAndLong, help: "Archive or folder to write.") var output = "swiftlet-support-bundle.tar.gz"
    @Option(help: "Namespace of the operator. Default: where its Deployment is.") var operatorNamespace: String?
    @OptionGroup(title: "Cluster") var cluster: ClusterFlags

    func run() async throws {
        let bundle = try await self.cluster.withCluster { client, namespace in
            var gatherer = BundleGatherer(client: client)
            gatherer.operatorNamespace = self.operatorNamespace
            try await gatherer.gather()
            var check = CheckGatherer(client: client, namespace: namespace)
            check.operatorNamespace = self.operatorNamespace
            let findings = try await check.findings(nil)
            gatherer.add(findings.text(Paint(false)), at: "check.txt")
            gatherer.add(JSONValue.object(findings.json).text() + "\n", at: "check.json")
            let (status, unreadable) = try await StatusCommand.report(client, namespace: nil)
            gatherer.add(status.text(Paint(false)), at: "status.txt")
            for reason in unreadable { gatherer.fail("status", reason) }
            gatherer.add("\(try await client.version())\n", at: "server-version.txt")
            return gatherer.bundle
        }
        try BundleOutput(path: self.output).write(bundle)
    }
}

/// `swiftlet gather`, and the same program started as `gather`: the entry of the Go operator's image for must-gather.
struct GatherCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gather",
        abstract: "Collects what must-gather of the Go operator collects, with its flags.",
        discussion: """
            For `oc adm must-gather --image=IMAGE -- /usr/bin/gather`. Unlike there an error does not end it: what can't be
            collected is said on standard error and in manifest.json, and the rest goes on. Redacted as support-bundle.

            Examples:
              \(CommandName.shown) gather --collection-dir ./must-gather
            """
    )

    @Option(help: "Name of the operator: the label app.kubernetes.io/name of its Deployment.")
    var operatorName = "opentelemetry-operator"
    @Option(help: "Namespace of the operator; empty for wherever it is.") var operatorNamespace = ""
    @Option(help: "Folder to write to.") var collectionDir = "/must-gather"
    @Option(help: "Kubeconfig file.") var kubeconfig: String?

    func run() async throws {
        let cluster = try ClusterFlags.parse(self.kubeconfig.map { ["--kubeconfig", $0] } ?? [])
        let bundle = try await cluster.withCluster { client, _ in
            var gatherer = BundleGatherer(client: client)
            gatherer.operatorName = self.operatorName
            gatherer.operatorNamespace = self.operatorNamespace.isEmpty ? nil : self.operatorNamespace
            try await gatherer.gather()
            return gatherer.bundle
        }
        try BundleOutput(path: self.collectionDir, isFolder: true).write(bundle)
    }
}
