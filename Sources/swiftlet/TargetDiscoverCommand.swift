import ArgumentParser
import JSONTree
import KubeClient
import Logging
import PrometheusConfig
import Synchronization
import TargetAllocator
import YAMLTree

/// `swiftlet target-allocator discover`: what the service discovery of a configuration finds.
struct TargetDiscoverCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "discover",
        abstract: "Prints the targets that the service discovery of a configuration finds, before relabelling.",
        discussion: """
            Reads the scrape_configs of a Prometheus configuration, or of a target allocator's under its key config.
            Prints, for each job, its targets as http_sd endpoints list them, with the labels that relabel rules see.

            Examples:
              swiftlet target-allocator discover -f prometheus.yaml
              swiftlet target-allocator discover -f /conf/targetallocator.yaml --watch

            Exit codes: 0 complete, 1 the configuration is wrong, 3 the cluster can't be reached, 4 not complete in time
            (what was found is printed nevertheless).
            """,
        shouldDisplay: false
    )

    @Option(name: [.customShort("f"), .long], help: "The configuration file.")
    var file: String
    @Option(help: "Kubeconfig file for discoveries that name no cluster. Default: as for kubectl, or the pod's own.")
    var kubeconfig: String?
    @Option(help: "How long to wait until everything is found, in seconds.")
    var timeout = 30
    @Flag(help: "Goes on and prints a line of JSON after each change.")
    var watch = false

    func run() async throws {
        LoggingSystem.bootstrap { label in
            var handler = StreamLogHandler.standardError(label: label)
            handler.logLevel = .warning
            return handler
        }
        let jobs = try self.jobs()
        let found = Mutex(
            (targets: DiscoveredTargets(waitingFor: jobs.map { ($0.name, $0.discoveries.count) }), changes: 0)
        )
        let needsCluster = jobs.contains { job in
            job.discoveries.contains { discovery in
                if case .kubernetes(let kubernetes) = discovery {
                    kubernetes.apiServer == nil && kubernetes.kubeconfigFile == nil
                } else {
                    false
                }
            }
        }
        let client = needsCluster ? try await self.client() : nil
        let runner = DiscoveryRunner(client: client) { update in
            found.withLock { found in
                found.targets.apply(update)
                found.changes += 1
            }
        }
        runner.setJobs(jobs)
        let service = Task { try await runner.run() }
        defer { service.cancel() }

        let deadline = ContinuousClock.now + .seconds(self.timeout)
        while !found.withLock({ $0.targets.isComplete }), ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(50))
        }
        var (shown, changes) = found.withLock { $0 }
        if !shown.isComplete {
            complain("error: not complete after \(self.timeout) s: \(shown.incomplete.joined(separator: ", "))")
        }
        try emit(JSONValue.object(shown.json).text() + "\n")
        guard self.watch else {
            if !shown.isComplete { throw ExitCode.timedOut }
            return
        }
        while true {
            try await Task.sleep(for: .milliseconds(200))
            let now = found.withLock { $0 }
            if now.changes == changes { continue }
            changes = now.changes
            try emit(JSONValue.object(now.targets.json).text() + "\n")
        }
    }

    private func client() async throws -> KubeClient {
        do {
            return try KubeClient(
                configuration: try await ClientConfiguration.load(kubeconfig: self.kubeconfig),
                logger: Logger(label: "swiftlet")
            )
        } catch let error as KubeClientError {
            complain("error: the cluster can't be reached: \(error.message)")
            throw ExitCode.unreachable
        }
    }

    private func jobs() throws -> [ScrapeJob] {
        let document: PrometheusDocument
        do {
            // As Go reads it: `yes` is a word.
            let text = try YAMLReader.document(in: try ManifestInput.read(self.file), dialect: .trueFalseOnly)
            guard let json = text.object else {
                complain("error: \(self.file): it must be a mapping with scrape_configs")
                throw ExitCode.failure
            }
            document = try PrometheusDocument(json: json[object: "config"] ?? json)
        } catch let error as ConfigProblem {
            complain("error: \(self.file): \(error)")
            throw ExitCode.failure
        } catch let error as YAMLError {
            complain("error: \(self.file): \(error)")
            throw ExitCode.failure
        }
        for problem in document.problems { complain("error: \(self.file): \(problem)") }
        if !document.problems.isEmpty { throw ExitCode.failure }
        return document.jobs
    }
}
