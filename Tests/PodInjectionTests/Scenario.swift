import JSONTree
import KubeModel
import PodInjection
import TelemetryAPI
import Testing
import YAMLTree

/// A pod with everything that is known about its cluster, read from a stream of YAML documents: one Pod, perhaps a
/// Namespace, Instrumentations, collectors, owners, Secrets, ConfigMaps. A document of kind `InjectionSettings` says
/// `languages` (ids; all by default), `multi` (true), `native` (false) and `static` (a `spec`).
struct Scenario {
    var pod: JSONObject
    var namespace = "shop"
    var settings = InjectionSettings(enabledLanguages: Set(Language.allCases))
    private var objects: [KubeObject] = []
    /// Whether Instrumentations are defaulted first, as the webhook does.
    private var defaultsInstrumentations = true

    init(_ yaml: String) throws {
        var found: JSONObject?
        self.pod = [:]
        for (object, _) in try ManifestReader.objects(in: yaml) {
            switch object[string: "kind"] ?? "" {
            case "Pod": found = object
            case "InjectionSettings": try self.read(settings: object)
            default: self.objects.append(KubeObject(object))
            }
        }
        guard let found else { throw YAMLError(.structure, "the scenario has no pod", line: 1, column: 1) }
        self.pod = found
        if let namespace = KubeObject(self.pod).metadata.namespace { self.namespace = namespace }
    }

    private mutating func read(settings: JSONObject) throws {
        if let ids = settings[strings: "languages"] {
            self.settings.enabledLanguages = Set(try ids.map { try #require(Language(rawValue: $0)) })
        }
        self.settings.allowsMultipleLanguages = settings[bool: "multi"] ?? true
        self.settings.usesNativeSidecars = settings[bool: "native"] ?? false
        self.defaultsInstrumentations = settings[bool: "defaulting"] ?? true
        if let spec = settings[object: "static"] {
            self.settings.staticInstrumentation = Instrumentation(["spec": .object(spec)])
        }
    }

    var catalog: InjectionCatalog {
        let objects = self.objects.map { object in
            guard object.kind == "Instrumentation", self.defaultsInstrumentations else { return object }
            var instrumentation = Instrumentation(object.json)
            InstrumentationDefaulting().apply(to: &instrumentation)
            return KubeObject(instrumentation.json)
        }
        return InjectionCatalog(objects, defaultNamespace: self.namespace) {
            SidecarCollector($0, settings: OperatorSettings(), facts: ClusterFacts())
        }
    }

    func inputs(_ document: PodDocument) -> InjectionInputs {
        let catalog = self.catalog
        var inputs = InjectionInputs(
            pod: document,
            namespace: .found(catalog.namespace(self.namespace)),
            settings: self.settings
        )
        var rounds = 0
        while case let missing = inputs.missingLookups(), !missing.isEmpty {
            for lookup in missing { inputs.answer(lookup, with: catalog.answer(to: lookup)) }
            rounds += 1
            if rounds > 5 {
                Issue.record("lookups without an end: \(missing)")
                break
            }
        }
        return inputs
    }

    func run() throws -> Result {
        try self.run(self.pod)
    }

    func run(_ pod: JSONObject) throws -> Result {
        let outcome = inject(self.inputs(try PodDocument(pod)))
        return try Result(pod, outcome)
    }

    struct Result {
        /// Without what is said on it (``InjectionStamp``), which has tests of its own.
        let pod: Pod
        /// As the API server stores it.
        let stamped: Pod
        let original: Pod
        let outcome: InjectionOutcome

        init(_ pod: JSONObject, _ outcome: InjectionOutcome) throws {
            let changed = try outcome.applied(to: pod)
            self.pod = Pod(changed.withoutStamp)
            self.stamped = Pod(changed)
            self.original = Pod(pod.withoutStamp)
            self.outcome = outcome
        }

        /// Whether nothing changed but what is said on the pod.
        var isUnchanged: Bool { self.pod == self.original }
        func container(_ name: String) throws -> Container {
            try #require((self.pod.spec.containers + self.pod.spec.initContainers).first { $0.name == name })
        }
        func env(_ container: String = "app") throws -> [EnvVar] { try self.container(container).env }
        func names(_ container: String = "app") throws -> [String] { try self.env(container).map(\.name) }
        func value(_ name: String, _ container: String = "app") throws -> String? {
            try self.env(container).last { $0.name == name }?.value
        }
        /// The attributes of the last variable of that name.
        func attributes(_ container: String = "app") throws -> [String] {
            try #require(try self.value("OTEL_RESOURCE_ATTRIBUTES", container)).split(separator: ",").map(String.init)
        }
        var codes: [String] { self.outcome.decisions.map { "\($0.subject.id) \($0.code)" } }
    }
}

/// A scenario from a pod that is written in short: its annotations, `spec` and what else is in the cluster.
func scenario(
    _ annotations: [String: String] = ["instrumentation.opentelemetry.io/inject-sdk": "true"],
    spec: String = "containers: [{name: app, image: 'registry.example.com/app:1.0'}]",
    metadata: String = "",
    instrumentation: String = "{}",
    more: String = ""
) throws -> Scenario {
    var scenario = try Scenario(
        """
        apiVersion: v1
        kind: Pod
        metadata:
          namespace: shop
        \(metadata.indented(2))
        spec:
        \(spec.indented(2))
        ---
        apiVersion: opentelemetry.io/v1alpha1
        kind: Instrumentation
        metadata: {name: main}
        spec:
        \(instrumentation.indented(2))
        \(more.isEmpty ? "" : "---\n" + more)
        """
    )
    if !annotations.isEmpty {
        scenario.pod.mutateObject("metadata") { metadata in
            metadata.mutateObject("annotations") { map in
                for (key, value) in annotations.sorted(by: { $0.key < $1.key }) { map[key] = .string(value) }
            }
        }
    }
    return scenario
}

extension String {
    func indented(_ count: Int) -> String {
        self.split(separator: "\n", omittingEmptySubsequences: false)
            .map { $0.isEmpty ? "" : String(repeating: " ", count: count) + $0 }.joined(separator: "\n")
    }
}

/// An annotation key of the instrumentation prefix.
func key(_ name: String) -> String { "instrumentation.opentelemetry.io/\(name)" }

extension JSONObject {
    var withoutStamp: JSONObject {
        var pod = self
        guard pod[object: "metadata"]?[object: "annotations"]?.contains(InjectionStamp.annotation) == true else {
            return pod
        }
        pod.mutateObject("metadata") { metadata in
            metadata.mutateObject("annotations") { _ = $0.remove(InjectionStamp.annotation) }
            if metadata[object: "annotations"]?.isEmpty == true { metadata.remove("annotations") }
        }
        return pod
    }
}
