import ArgumentParser
import Controllers
import JSONTree
import KubeClient
import KubeModel
import PodInjection
import Rendering
import TelemetryAPI
import YAMLTree

/// `swiftlet explain`: why pods are, or are not, instrumented.
struct ExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Says why a pod is, or is not, instrumented.",
        discussion: """
            With files it works without a cluster, as inject does, and says what the webhook would decide. With KIND NAME
            it asks the cluster that the kubeconfig names: for a pod it says what the webhook decided when the pod was
            created, and what it would decide now; for a Deployment, StatefulSet, DaemonSet, ReplicaSet, Job or CronJob
            what it would decide of its pods.

            Examples:
              swiftlet explain -f app.yaml -f instrumentation.yaml
              swiftlet explain pod shop-7d9c5b8f6-x2x8k -n shop
              swiftlet explain deployment shop -n shop -o json

            Exit codes: 0 all is as asked for, 1 something that was asked for did not happen, 3 the cluster can't be
            reached, 64 wrong use, an unreadable file, or nothing of that name.
            """
    )

    enum Output: String, ExpressibleByArgument, CaseIterable { case text, table, json, yaml }

    @Argument(help: "Kind of the object: pod, deployment, statefulset, daemonset, replicaset, job or cronjob.")
    var kind: String?
    @Argument(help: "Its name.")
    var name: String?
    @Option(
        name: [.customShort("f"), .long],
        help: "YAML or JSON file or folder of such, '-' for standard input; repeatable."
    )
    var file: [String] = []
    @Option(name: .shortAndLong, help: "text, json or yaml.")
    var output = Output.text
    @Option(help: "Kubernetes version that files are explained for; from 1.29 on sidecars are native.")
    var kubernetesVersion = "1.36"
    @OptionGroup(title: "Cluster; the namespace counts for objects in files that name none, too") var cluster:
        ClusterFlags
    @OptionGroup(title: "Languages, all allowed unless told otherwise") var languages: LanguageFlags

    func run() async throws {
        let explained: [(object: KubeObject, explanation: Explanation)]
        if let kind {
            guard let name else { throw ValidationError("give the name of the \(kind)") }
            guard self.file.isEmpty else { throw ValidationError("give either files or KIND NAME") }
            explained = [try await self.explain(kind, name)]
        } else {
            guard !self.file.isEmpty else { throw ValidationError("give -f FILE, or KIND NAME") }
            explained = try self.explainFiles()
        }
        switch self.output {
        case .text, .table:
            for (object, explanation) in explained {
                try emit("\(object.kind) \(object.namespace)/\(object.displayName)\n\(explanation.text)\n")
            }
        case .json, .yaml:
            let list = explained.map { object, explanation -> JSONValue in
                var json: JSONObject = [
                    "kind": .string(object.kind), "namespace": .string(object.namespace),
                    "name": .string(object.displayName),
                ]
                for (key, value) in explanation.json { json[key] = value }
                return .object(json)
            }
            let json = JSONValue.array(list)
            try emit(self.output == .yaml ? YAMLWriter.text(json) : json.text() + "\n")
        }
        if explained.contains(where: \.explanation.isRefusal) { throw ExitCode(1) }
    }

    private func injectionLanguages() throws -> (languages: Set<Language>, multiple: Bool) {
        var languages = Set(Language.allCases)
        var multiple = true
        try self.languages.apply(to: &languages, multiple: &multiple)
        return (languages, multiple)
    }

    // MARK: Files

    private func explainFiles() throws -> [(object: KubeObject, explanation: Explanation)] {
        let facts = try OfflineCluster.facts(version: self.kubernetesVersion)
        let objects = try ManifestInput.objects(in: self.file).map(\.inCurrentVersion)
        let (languages, multiple) = try self.injectionLanguages()
        let injector = OfflineInjector(
            objects,
            namespace: self.cluster.namespace ?? "default",
            facts: facts,
            images: try self.languages.images(),
            languages: languages,
            allowsMultipleLanguages: multiple
        )
        var explained: [(KubeObject, Explanation)] = []
        for var object in objects {
            guard let workload = WorkloadKind(object) else { continue }
            do {
                let outcome = try injector.inject(object, workload).outcome
                let pod = try workload.pod(of: object)
                if object.namespace.isEmpty { object.metadata.namespace = self.cluster.namespace ?? "default" }
                explained.append((object, Explanation(pod, outcome, isStored: false)))
            } catch {
                complain("error: \(object.kind) \(object.displayName): \(error)")
                throw ExitCode(64)
            }
        }
        if explained.isEmpty { complain("the files hold no pods and no workloads") }
        return explained
    }

    // MARK: A cluster

    private static let kinds: [(names: [String], resource: APIResource)] = [
        (
            ["pod", "pods", "po"],
            APIResource(group: "", version: "v1", plural: "pods", kind: "Pod")
        ),
        (["deployment", "deployments", "deploy"], ResourceCatalog.deployments),
        (["statefulset", "statefulsets", "sts"], ResourceCatalog.statefulSets),
        (["daemonset", "daemonsets", "ds"], ResourceCatalog.daemonSets),
        (["replicaset", "replicasets", "rs"], ResourceCatalog.replicaSets),
        (["job", "jobs"], ResourceCatalog.jobs),
        (
            ["cronjob", "cronjobs", "cj"],
            APIResource(group: "batch", version: "v1", plural: "cronjobs", kind: "CronJob")
        ),
    ]

    private func explain(_ kind: String, _ name: String) async throws -> (object: KubeObject, explanation: Explanation)
    {
        guard let resource = Self.kinds.first(where: { $0.names.contains(kind.lowercased()) })?.resource else {
            throw ValidationError(
                "\(kind): must be pod, deployment, statefulset, daemonset, replicaset, job or cronjob"
            )
        }
        let (languages, multiple) = try self.injectionLanguages()
        return try await self.cluster.withCluster { client, namespace in
            do {
                let live = try await LiveInjector(
                    client: client,
                    languages: languages,
                    allowsMultipleLanguages: multiple
                )
                var object = try await client.get(resource, namespace: namespace, name: name)
                object.json["apiVersion"] = .string(resource.groupVersionKind.apiVersion)
                object.json["kind"] = .string(resource.kind)
                guard let workload = WorkloadKind(object) else { throw ValidationError("\(kind): has no pods") }
                var pod = try workload.pod(of: object)
                let isStored = workload == .pod
                let outcome = try await live.inject(pod, namespace: namespace)
                // A pod of a cluster has its owner's name for good, but what is decided does not look at its status.
                if isStored { pod.remove("status") }
                return (object, Explanation(pod, outcome, isStored: isStored))
            } catch {
                // Without a cluster there is more to say than of this object.
                if error is ValidationError || error is KubeClientError { throw error }
                if let error = error as? APIError, error.isUnauthorized { throw error }
                complain("error: \(resource.kind) \(name): \((error as? APIError)?.message ?? "\(error)")")
                throw ExitCode(64)
            }
        }
    }
}

extension KubeObject {
    /// A pod that gets its name from the server is called by the beginning of it.
    fileprivate var displayName: String {
        self.name.isEmpty ? (self.json[object: "metadata"]?[string: "generateName"] ?? "") : self.name
    }
}
