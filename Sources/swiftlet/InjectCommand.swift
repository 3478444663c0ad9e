import ArgumentParser
import Controllers
import JSONTree
import KubeModel
import PodInjection
import Rendering
import TelemetryAPI
import YAMLTree

/// `swiftlet inject`: what the webhook would make of pods, without a cluster.
struct InjectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inject",
        abstract: "Prints pods and workloads as the webhook would leave their pods.",
        discussion: """
            Works without a cluster, with the webhook's own code. The files hold the workloads and what they refer to:
            Instrumentation, OpenTelemetryCollector (sidecar mode), Namespace, ReplicaSet, Secret, ConfigMap. Pods are
            printed as they would be admitted; Deployments, StatefulSets, DaemonSets, ReplicaSets, Jobs and CronJobs with
            the pods of their templates. What became of each request is told on standard error.

            Examples:
              swiftlet inject -f app.yaml -f instrumentation.yaml
              cat *.yaml | swiftlet inject -f - --kubernetes-version 1.29

            Exit codes: 0 done (also when nothing was asked for), 1 something that was asked for did not happen, 64 wrong
            use or an unreadable file.
            """
    )

    @Option(
        name: [.customShort("f"), .long],
        help: "YAML or JSON file or folder of such, '-' for standard input; repeatable."
    )
    var file: [String]
    @Option(help: "Kubernetes version; from 1.29 on sidecars are native.")
    var kubernetesVersion = "1.36"
    @Option(help: "Namespace of objects that name none.")
    var namespace = "default"
    @Flag(help: "Only the changed workloads, nothing else of the files.")
    var onlyChanged = false
    @Option(
        name: .shortAndLong,
        help: "yaml: the changed objects; patch: for each pod the JSON Patch of the webhook's answer, a line each."
    )
    var output = Output.yaml
    @OptionGroup(title: "Languages, all allowed unless told otherwise") var languages: LanguageFlags

    enum Output: String, ExpressibleByArgument, CaseIterable { case yaml, patch }

    func run() throws {
        let facts = try OfflineCluster.facts(version: self.kubernetesVersion)
        let objects = try ManifestInput.objects(in: self.file).map(\.inCurrentVersion)
        var languages = Set(Language.allCases)
        var multiple = true
        try self.languages.apply(to: &languages, multiple: &multiple)
        let injector = OfflineInjector(
            objects,
            namespace: self.namespace,
            facts: facts,
            images: try self.languages.images(),
            languages: languages,
            allowsMultipleLanguages: multiple
        )
        var failed = false
        for object in objects {
            guard let workload = WorkloadKind(object) else { continue }
            do {
                let result = try injector.inject(object, workload)
                for decision in result.outcome.decisions {
                    complain(
                        "\(object.kind) \(object.name): \(decision.subject.id): \(decision.code) \(decision.message)"
                    )
                }
                if let problem = result.outcome.error ?? result.outcome.rejection {
                    complain("error: \(object.kind) \(object.name): \(problem)")
                }
                if result.outcome.decisions.contains(where: \.isRefusal)
                    || result.outcome.error != nil || result.outcome.rejection != nil
                {
                    failed = true
                }
                if self.output == .patch {
                    let patch = result.outcome.isChanged ? String(decoding: result.outcome.patch, as: UTF8.self) : "[]"
                    try emit(patch + "\n")
                } else if result.outcome.isChanged || !self.onlyChanged {
                    try emit("---\n" + YAMLWriter.text(.object(result.object.json)))
                }
            } catch let exit as ExitCode {
                throw exit
            } catch {
                complain("error: \(object.kind) \(object.name): \(error)")
                failed = true
            }
        }
        if failed { throw ExitCode(1) }
    }
}
