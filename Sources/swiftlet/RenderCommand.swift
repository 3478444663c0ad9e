import ArgumentParser
import JSONTree
import KubeModel
import Rendering
import TelemetryAPI
import YAMLTree

/// `swiftlet render`: what the operator would apply, without a cluster.
struct RenderCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "render",
        abstract: "Prints the objects that the operator would apply for collectors and target allocators.",
        discussion: """
            Works without a cluster, with the operator's own code: defaults, validation and rendering. Warnings go to
            standard error. A target allocator and the collector whose label names it are rendered as they fit together
            when the files hold both. Other kinds in the files are passed over.

            Examples:
              swiftlet render -f collector.yaml
              kubectl get otelcol my -o yaml | swiftlet render -f - --kubernetes-version 1.29

            Exit codes: 0 rendered, 1 a resource is invalid or can't be rendered, 64 wrong use or an unreadable file.
            """
    )

    @Option(
        name: [.customShort("f"), .long],
        help: "YAML or JSON file or folder of such, '-' for standard input; repeatable."
    )
    var file: [String]
    @Option(help: "Kubernetes version to render for.")
    var kubernetesVersion = "1.36"
    @Option(help: "Namespace of resources that name none.")
    var namespace = "default"
    @Option(help: "Collector image for resources that name none.")
    var collectorImage: String?
    @Option(help: "Target allocator image for resources that name none; in a cluster it is the operator's own.")
    var targetAllocatorImage: String?

    func run() throws {
        let facts = try OfflineCluster.facts(version: self.kubernetesVersion)
        var settings = OperatorSettings()
        if let collectorImage { settings.images.collector = collectorImage }
        if let targetAllocatorImage { settings.images.targetAllocator = targetAllocatorImage }
        let objects = try ManifestInput.objects(in: self.file).filter { $0.isCollector || $0.isTargetAllocator }
            .map { self.placed($0.inCurrentVersion) }
        var failed = false
        for object in objects {
            do {
                let rendered =
                    object.isCollector
                    ? try self.collector(object, objects, settings, facts)
                    : try self.targetAllocator(object, objects, settings, facts)
                try emit(rendered.map { "---\n" + YAMLWriter.text(.object($0.json)) }.joined())
            } catch let refusal as Refusal {
                for line in refusal.lines { complain("error: \(Self.title(object)): \(line)") }
                failed = true
            }
        }
        if objects.isEmpty {
            complain(
                "warning: there is no OpenTelemetryCollector and no TargetAllocator in \(self.file.joined(separator: ", "))"
            )
        }
        if failed { throw ExitCode(1) }
    }

    /// As the cluster would have it: in a namespace, and with the uid that owner references carry and only a cluster gives.
    private func placed(_ object: KubeObject) -> KubeObject {
        var object = object
        if object.namespace.isEmpty { object.metadata.namespace = self.namespace }
        if object.metadata.uid == nil { object.metadata.uid = Self.uid }
        return object
    }

    /// - Parameter all: the objects of the files, among them perhaps the TargetAllocator that it names.
    private func collector(
        _ object: KubeObject,
        _ all: [KubeObject],
        _ settings: OperatorSettings,
        _ facts: ClusterFacts
    ) throws -> [KubeObject] {
        try Self.check(object, versions: ["v1beta1", "v1alpha1"])
        let collector = try Self.reporting { try Self.defaulted(object, settings) }
        let allocator = Self.targetAllocator(of: collector, among: all)
        let validation = validateCollector(
            collector,
            old: nil,
            settings: settings,
            facts: facts,
            targetAllocator: allocator.map(TargetAllocatorFacts.init)
        )
        try Self.report(validation, of: object)
        let plan = try Self.reporting {
            try Rendering.plan(
                CollectorInputs(
                    collector: collector,
                    settings: settings,
                    facts: facts,
                    targetAllocator: allocator.map(TargetAllocatorFacts.init)
                )
            )
        }
        if !plan.isManaged { Self.warnUnmanaged(object) }
        return try plan.apply.flatMap { object in
            guard object.isTargetAllocator else { return [object] }
            // What the allocator that it brings along leads to.
            var resource = TargetAllocatorResource(object.json).withSchemaDefaults
            resource.metadata.uid = Self.uid
            return [object] + (try Self.objects(of: resource, [collector], settings, facts).apply)
        }
    }

    private func targetAllocator(
        _ object: KubeObject,
        _ all: [KubeObject],
        _ settings: OperatorSettings,
        _ facts: ClusterFacts
    ) throws -> [KubeObject] {
        try Self.check(object, versions: ["v1alpha1"])
        let resource = TargetAllocatorResource(object.json).withSchemaDefaults
        let neighbours = all.filter { $0.isCollector && $0.namespace == object.namespace }
        // It comes with the collector, which is rendered too.
        if let owner = resource.owningCollector, neighbours.contains(where: { $0.name == owner.name }) { return [] }
        try Self.report(validateTargetAllocator(resource), of: object)
        let plan = try Self.objects(
            of: resource,
            // What is wrong with a collector is told where that is rendered.
            neighbours.compactMap { try? Self.defaulted($0, settings) },
            settings,
            facts
        )
        if !plan.isManaged { Self.warnUnmanaged(object) }
        for warning in plan.warnings { complain("warning: \(Self.title(object)): \(warning)") }
        return plan.apply
    }
}

extension RenderCommand {
    /// Why a resource can't be rendered.
    private struct Refusal: Error {
        var lines: [String]
    }

    private static let uid = "00000000-0000-0000-0000-000000000000"

    private static func title(_ object: KubeObject) -> String {
        object.name.isEmpty ? object.kind : "\(object.kind) \(object.key)"
    }

    private static func warnUnmanaged(_ object: KubeObject) {
        complain("warning: \(Self.title(object)): unmanaged, so nothing is rendered")
    }

    /// - Parameter versions: those that are understood, the one that is rendered first.
    private static func check(_ object: KubeObject, versions: [String]) throws {
        guard !object.name.isEmpty else { throw Refusal(lines: ["it has no metadata.name"]) }
        guard object.groupVersionKind.version == versions[0] else {
            let known = versions.map { "opentelemetry.io/\($0)" }.joined(separator: " and ")
            throw Refusal(lines: ["version \(object.apiVersion) is not supported, only \(known)"])
        }
    }

    private static func report(_ validation: CollectorValidation, of object: KubeObject) throws {
        for warning in validation.warnings { complain("warning: \(Self.title(object)): \(warning)") }
        guard validation.errors.isEmpty else {
            throw Refusal(lines: validation.errors.map { "\($0.path): \($0.message)" })
        }
    }

    private static func reporting<Value>(_ body: () throws -> Value) throws -> Value {
        do { return try body() } catch { throw Refusal(lines: ["\(error)"]) }
    }

    private static func defaulted(_ object: KubeObject, _ settings: OperatorSettings) throws -> Collector {
        try defaultCollector(Collector(object.json).withSchemaDefaults, settings: settings).collector
    }

    /// - Parameter collectors: of its namespace.
    private static func objects(
        of resource: TargetAllocatorResource,
        _ collectors: [Collector],
        _ settings: OperatorSettings,
        _ facts: ClusterFacts
    ) throws -> TargetAllocatorPlan {
        try Self.reporting {
            try Rendering.plan(
                TargetAllocatorInputs(resource: resource, settings: settings, facts: facts, collectors: collectors)
            )
        }
    }

    /// The one that the collector's label names, where the files hold it.
    private static func targetAllocator(of collector: Collector, among all: [KubeObject]) -> KubeObject? {
        guard let name = collector.targetAllocatorName else { return nil }
        return all.first { $0.isTargetAllocator && $0.name == name && $0.namespace == collector.namespace }
    }
}

extension KubeObject {
    fileprivate var isTargetAllocator: Bool {
        self.groupVersionKind.groupKind == TargetAllocatorResource.groupVersionKind.groupKind
    }
}

/// The cluster that commands without a cluster assume.
enum OfflineCluster {
    static func facts(version text: String) throws -> ClusterFacts {
        let parts = text.drop { $0 == "v" }.split(separator: ".")
        guard parts.count >= 2, let version = KubernetesVersion(major: String(parts[0]), minor: String(parts[1])) else {
            throw ValidationError("--kubernetes-version \(text): must be like 1.29")
        }
        // From which version a kind is served is part of Kubernetes' published history; a live cluster is asked instead.
        return ClusterFacts(
            kubernetesVersion: version,
            horizontalPodAutoscaler: version >= KubernetesVersion(major: 1, minor: 23) ? .v2 : .v2beta2,
            podDisruptionBudget: version >= KubernetesVersion(major: 1, minor: 21) ? .v1 : .v1beta1,
            targetAllocators: true,
            nativeSidecars: version >= KubernetesVersion(major: 1, minor: 29)
        )
    }
}
