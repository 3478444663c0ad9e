import ArgumentParser
import Controllers
import Diagnostics
import JSONTree
import KubeClient
import KubeModel

#if canImport(Glibc)
import Glibc
#endif

/// `swiftlet wait`: until a collector, a workload or the operator is as it should be.
struct WaitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "wait",
        abstract: "Waits until something is ready or injected, and says why not if that takes too long.",
        discussion: """
            KIND/NAME is otelcol/NAME, targetallocator/NAME, deployment/NAME, statefulset/NAME, daemonset/NAME or
            pod/NAME; `operator` needs no name. Progress goes to standard error, on a terminal only.

            Examples:
              \(CommandName.shown) wait operator --timeout 2m
              \(CommandName.shown) wait otelcol/gateway -n observability
              \(CommandName.shown) wait deployment/shop -n shop --for injected --timeout 90s

            Exit codes: 0 it is so, 2 wrong use, 3 the cluster can't be reached, 4 it took too long; 1 anything else.
            """
    )

    enum Goal: String, ExpressibleByArgument, CaseIterable { case ready, injected }

    @Argument(help: "What to wait for: KIND/NAME, or operator.") var target: String
    @Option(name: .customLong("for"), help: "ready, or injected (workloads and pods).") var goal = Goal.ready
    @Option(help: "How long: seconds, or like 90s, 5m, 1h.") var timeout = "60s"
    @OptionGroup(title: "Cluster") var cluster: ClusterFlags
    @OptionGroup(title: "Output") var output: OutputFlags

    func validate() throws {
        _ = try Self.duration(self.timeout)
        let target = try WaitTarget(self.target)
        if self.goal == .injected, !target.hasPods {
            throw ValidationError(
                "--for injected: \(self.target) has no pods that are injected; name a workload or a pod"
            )
        }
    }

    func run() async throws {
        let target = try WaitTarget(self.target)
        let limit = try Self.duration(self.timeout)
        let state = try await self.cluster.withCluster { client, namespace in
            let source = WaitSource(
                client: client,
                namespace: namespace,
                target: target,
                wantsInjection: self.goal == .injected
            )
            let progress = Progress(target: self.target)
            defer { progress.end() }
            let end = ContinuousClock.now + limit
            while true {
                let state = try await source.state()
                if state.isMet || ContinuousClock.now >= end { return state }
                progress.show(state.text)
                try await Task.sleep(for: .seconds(1))
            }
        }
        try self.output.emit([
            "target": .string(self.target), "for": .string(self.goal.rawValue), "met": .bool(state.isMet),
            "message": .string(state.text),
        ]) { _ in state.isMet ? "\(self.target): \(state.text)\n" : "" }
        if !state.isMet {
            complain(
                "error: \(self.target) is not \(self.goal.rawValue) after \(limit.components.seconds) s: \(state.text)"
            )
            throw ExitCode.timedOut
        }
    }

    static func duration(_ text: String) throws -> Duration {
        let units: [Character: Int] = ["s": 1, "m": 60, "h": 3600]
        let factor = text.last.flatMap { units[$0] }
        let digits = factor == nil ? text[...] : text.dropLast()
        guard let number = Int(digits), number >= 0, number <= 1_000_000 else {
            throw ValidationError("--timeout \(text): must be seconds, or like 90s, 5m, 1h")
        }
        return .seconds(number * (factor ?? 1))
    }
}

/// One line that is written over, on a terminal.
private struct Progress {
    let target: String
    private let isOn = OutputFlags.isTerminal(STDERR_FILENO)

    init(target: String) { self.target = target }

    func show(_ text: String) {
        if self.isOn { Self.write("\r\u{1B}[K\(self.target): \(text.prefix(100))") }
    }

    func end() {
        if self.isOn { Self.write("\r\u{1B}[K") }
    }

    private static func write(_ text: String) {
        let bytes = Array(text.utf8)
        _ = bytes.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}

/// What `swiftlet wait` is told to wait for.
enum WaitTarget {
    case `operator`
    case collector(String)
    case targetAllocator(String)
    case workload(APIResource, String)

    private static let workloads: [(names: [String], resource: APIResource)] = [
        (["pod", "pods", "po"], ClusterReader.pods),
        (["deployment", "deployments", "deploy"], ResourceCatalog.deployments),
        (["statefulset", "statefulsets", "sts"], ResourceCatalog.statefulSets),
        (["daemonset", "daemonsets", "ds"], ResourceCatalog.daemonSets),
    ]

    init(_ text: String) throws {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        if parts == ["operator"] {
            self = .operator
            return
        }
        guard parts.count == 2, !parts[1].isEmpty else {
            throw ValidationError("\(text): must be KIND/NAME, such as otelcol/gateway or deployment/shop, or operator")
        }
        let kind = parts[0].lowercased()
        if ["otelcol", "otelcols", "opentelemetrycollector", "opentelemetrycollectors"].contains(kind) {
            self = .collector(parts[1])
        } else if ["targetallocator", "targetallocators"].contains(kind) {
            self = .targetAllocator(parts[1])
        } else if let found = Self.workloads.first(where: { $0.names.contains(kind) }) {
            self = .workload(found.resource, parts[1])
        } else {
            throw ValidationError(
                "\(parts[0]): must be otelcol, targetallocator, deployment, statefulset, daemonset or pod"
            )
        }
    }

    var hasPods: Bool {
        if case .workload = self { true } else { false }
    }
}

/// Looks once how far a target has come.
private struct WaitSource {
    let client: KubeClient
    let namespace: String
    let target: WaitTarget
    let wantsInjection: Bool

    private var reader: ClusterReader { ClusterReader(client: self.client) }

    func state() async throws -> WaitState {
        switch self.target {
        case .operator:
            let gatherer = CheckGatherer(client: self.client, namespace: self.namespace)
            return .ready(operatorFindings: try await gatherer.findings(.after))
        case .collector(let name):
            guard let collector = try await self.found(ResourceCatalog.collectors, name) else { return self.absent }
            return .ready(collector: try await CollectorSearch(reader: self.reader).facts([collector])[0])
        case .targetAllocator(let name):
            guard let resource = try await self.found(ResourceCatalog.targetAllocators, name) else {
                return self.absent
            }
            return .ready(
                targetAllocator: try await AllocatorSearch(reader: self.reader).facts([resource], among: [])[0]
            )
        case .workload(let resource, let name):
            guard var object = try await self.found(resource, name) else { return self.absent }
            object.kind = resource.kind
            if resource.kind == "Pod" {
                return self.wantsInjection ? .injected([object], wanted: 1) : .ready(object, pods: [object])
            }
            let pods = try await self.pods(of: object)
            let ready = WaitState.ready(object, pods: pods)
            guard self.wantsInjection else { return ready }
            let replicas = object.spec?[int: "replicas"] ?? object.status?[int: "desiredNumberScheduled"] ?? 1
            return .injected(pods, wanted: replicas)
        }
    }

    private var absent: WaitState { .waiting("it is not in namespace \(self.namespace)") }

    private func found(_ resource: APIResource, _ name: String) async throws -> KubeObject? {
        switch try await self.reader.get(resource, namespace: self.namespace, name: name) {
        case .found(let object): return object
        case .absent: return nil
        case .unreadable(let reason):
            complain("error: \(reason)")
            throw ExitCode.failure
        }
    }

    private func pods(of workload: KubeObject) async throws -> [KubeObject] {
        // A selector that can't be read selects nothing.
        guard let selector = try? LabelSelector(workload.spec?["selector"]?.object ?? [:]).query, !selector.isEmpty
        else { return [] }
        let options = ListOptions(labelSelector: selector)
        return try await self.reader.list(ClusterReader.pods, namespace: self.namespace, options: options).value ?? []
    }
}
