import FoundationEssentials
import JSONTree
import KubeModel
import TelemetryAPI
import YAMLTree

@testable import Rendering

/// One folder below `Fixtures`: `input.yaml` (a collector, then maybe a `RenderInputs` document) and `expected.yaml`.
struct Fixture {
    var folder: URL
    var inputs: CollectorInputs

    static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")

    static var names: [String] {
        get throws {
            try FileManager.default.contentsOfDirectory(atPath: Self.root.path)
                .filter { !$0.hasPrefix(".") && $0 != "TargetAllocator" }.sorted()
        }
    }

    struct Unreadable: Error { var reason: String }

    init(_ name: String) throws {
        self.folder = Self.root.appending(path: name)
        let documents = try YAMLReader.documents(in: Array(Data(contentsOf: self.folder.appending(path: "input.yaml"))))
        guard let first = documents.first?.object else { throw Unreadable(reason: "\(name): no collector") }
        let around = documents.count > 1 ? documents[1].object ?? [:] : [:]
        let settings = try OperatorSettings(fixture: around[object: "settings"] ?? [:])
        let stored = try defaultCollector(Collector(first).withSchemaDefaults, settings: settings).collector
        self.inputs = CollectorInputs(
            collector: stored,
            settings: settings,
            facts: ClusterFacts(fixture: around[object: "facts"] ?? [:]),
            targetAllocator: around[object: "targetAllocator"].map { TargetAllocatorFacts(KubeObject($0)) },
            namespaceAnnotations: around[stringMap: "namespaceAnnotations"] ?? [:],
            leavesReplicas: around[bool: "leavesReplicas"] ?? false
        )
    }

    var expectedFile: URL { self.folder.appending(path: "expected.yaml") }

    func expected() throws -> [JSONValue] {
        try YAMLReader.documents(in: Array(Data(contentsOf: self.expectedFile)))
    }

    static var isUpdating: Bool { ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1" }
}

extension OperatorSettings {
    init(fixture: JSONObject) throws {
        self.init(
            labelFilter: try KeyFilter(fixture[strings: "labelFilter"] ?? []),
            proxy: ProxyEnvironment(
                http: fixture[string: "httpProxy"],
                https: fixture[string: "httpsProxy"],
                no: fixture[string: "noProxy"]
            ),
            operandTLS: fixture[object: "operandTLS"].map {
                OperandTLS(
                    minimumVersion: $0[string: "minimumVersion"] ?? "",
                    cipherSuites: $0[strings: "cipherSuites"] ?? []
                )
            }
        )
        if let image = fixture[string: "targetAllocatorImage"] { self.images.targetAllocator = image }
        if let gates = fixture[string: "featureGates"] { self.featureGates = try FeatureGates(parsing: gates) }
        if let filter = fixture[strings: "annotationFilter"] { self.annotationFilter = try KeyFilter(filter) }
    }
}

extension ClusterFacts {
    init(fixture: JSONObject) {
        self.init(
            kubernetesVersion: KubernetesVersion(major: 1, minor: fixture[int: "minorVersion"] ?? 36),
            horizontalPodAutoscaler: ServedVersion(rawValue: fixture[string: "horizontalPodAutoscaler"] ?? "v2"),
            podDisruptionBudget: ServedVersion(rawValue: fixture[string: "podDisruptionBudget"] ?? "v1"),
            prometheusMonitors: fixture[bool: "prometheusMonitors"] ?? false,
            gatewayRoutes: fixture[bool: "gatewayRoutes"] ?? false,
            openShiftRoutes: fixture[bool: "openShiftRoutes"] ?? false,
            certManager: fixture[bool: "certManager"] ?? false,
            targetAllocators: fixture[bool: "targetAllocators"] ?? false,
            nativeSidecars: fixture[bool: "nativeSidecars"] ?? true,
            rbacCreation: fixture[bool: "rbacCreation"] ?? true,
            apiServerPorts: fixture[array: "apiServerPorts"]?.compactMap(\.int) ?? []
        )
    }
}

extension JSONValue {
    /// From YAML, for literals in tests.
    static func yaml(_ text: String) throws -> JSONValue { try YAMLReader.document(in: text) }
}

extension Collector {
    /// From YAML, name `simplest` in namespace `default` unless it says otherwise, defaulted.
    static func yaml(_ text: String, settings: OperatorSettings = OperatorSettings()) throws -> Collector {
        try defaultCollector(self.rawYAML(text).withSchemaDefaults, settings: settings).collector
    }

    /// The same as written.
    static func rawYAML(_ text: String) throws -> Collector {
        var collector = Collector(try YAMLReader.document(in: text).object ?? [:])
        collector.json["apiVersion"] = "opentelemetry.io/v1beta1"
        collector.json["kind"] = "OpenTelemetryCollector"
        if collector.metadata.name == nil { collector.metadata.name = "simplest" }
        if collector.metadata.namespace == nil { collector.metadata.namespace = "default" }
        return collector
    }

    /// A collector with a receiver, an exporter and what `spec` says, two spaces indented.
    static func otlp(_ spec: String = "", settings: OperatorSettings = OperatorSettings()) throws -> Collector {
        try self.yaml(
            """
            spec:
              config:
                receivers: {otlp: {protocols: {grpc: {}, http: {}}}}
                exporters: {debug: {}}
                service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}
            \(spec)
            """,
            settings: settings
        )
    }
}

extension CollectorPlan {
    /// The object of a kind and name.
    func object(_ kind: String, _ name: String) -> KubeObject? {
        self.apply.first { $0.kind == kind && $0.name == name }
    }
}
