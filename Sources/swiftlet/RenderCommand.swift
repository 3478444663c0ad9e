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
        abstract: "Prints the objects that the operator would apply for OpenTelemetryCollector resources.",
        discussion: """
            Works without a cluster, with the operator's own code: defaults, validation and rendering. Warnings go to
            standard error. Other kinds in the files are passed over.

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

    func run() throws {
        let facts = try OfflineCluster.facts(version: self.kubernetesVersion)
        var settings = OperatorSettings()
        if let collectorImage { settings.images.collector = collectorImage }
        var found = false
        var failed = false
        let objects = try ManifestInput.objects(in: self.file)
        for object in objects where object.isCollector {
            found = true
            if try !self.render(object.inCurrentVersion, objects, settings, facts) { failed = true }
        }
        if !found { complain("warning: there is no OpenTelemetryCollector in \(self.file.joined(separator: ", "))") }
        if failed { throw ExitCode(1) }
    }

    /// - Parameter all: the objects of the files, among them perhaps the TargetAllocator that it names.
    private func render(
        _ object: KubeObject,
        _ all: [KubeObject],
        _ settings: OperatorSettings,
        _ facts: ClusterFacts
    ) throws -> Bool {
        var object = object
        if object.namespace.isEmpty { object.metadata.namespace = self.namespace }
        // Owner references carry the uid that only the cluster gives.
        if object.metadata.uid == nil { object.metadata.uid = "00000000-0000-0000-0000-000000000000" }
        let name = "OpenTelemetryCollector \(object.key)"
        guard !object.name.isEmpty else {
            complain("error: an OpenTelemetryCollector has no metadata.name")
            return false
        }
        guard object.apiVersion == "opentelemetry.io/v1beta1" else {
            complain(
                "error: \(name): version \(object.apiVersion) is not supported, only opentelemetry.io/v1beta1 and v1alpha1"
            )
            return false
        }
        let rendered: [KubeObject]
        do {
            let defaulted = try defaultCollector(Collector(object.json).withSchemaDefaults, settings: settings)
            let allocator = self.targetAllocator(of: defaulted.collector, among: all)
            let validation = validateCollector(
                defaulted.collector,
                old: nil,
                settings: settings,
                facts: facts,
                targetAllocator: allocator
            )
            for warning in validation.warnings { complain("warning: \(name): \(warning)") }
            for error in validation.errors { complain("error: \(name): \(error.path): \(error.message)") }
            guard validation.errors.isEmpty else { return false }
            let plan = try plan(
                CollectorInputs(
                    collector: defaulted.collector,
                    settings: settings,
                    facts: facts,
                    targetAllocator: allocator
                )
            )
            if !plan.isManaged { complain("warning: \(name): unmanaged, so nothing is rendered") }
            rendered = try plan.apply.flatMap { object in
                [object] + (try self.allocatorObjects(of: object, defaulted.collector, settings, facts))
            }
        } catch {
            complain("error: \(name): \(error)")
            return false
        }
        try emit(rendered.map { "---\n" + YAMLWriter.text(.object($0.json)) }.joined())
        return true
    }
}

extension RenderCommand {
    /// What the target allocator that a collector brings along leads to.
    private func allocatorObjects(
        of object: KubeObject,
        _ collector: Collector,
        _ settings: OperatorSettings,
        _ facts: ClusterFacts
    ) throws -> [KubeObject] {
        guard object.kind == TargetAllocatorResource.groupVersionKind.kind else { return [] }
        var resource = TargetAllocatorResource(object.json).withSchemaDefaults
        resource.metadata.uid = "00000000-0000-0000-0000-000000000000"
        let inputs = TargetAllocatorInputs(
            resource: resource,
            settings: settings,
            facts: facts,
            collectors: [collector]
        )
        return try plan(inputs).apply
    }

    /// The one that the collector's label names, where the files hold it.
    private func targetAllocator(of collector: Collector, among all: [KubeObject]) -> TargetAllocatorFacts? {
        guard let name = collector.targetAllocatorName else { return nil }
        return all.first { object in
            object.groupVersionKind.groupKind == GroupKind(group: "opentelemetry.io", kind: "TargetAllocator")
                && object.name == name
                && (object.namespace.isEmpty ? self.namespace : object.namespace) == collector.namespace
        }.map(TargetAllocatorFacts.init)
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
