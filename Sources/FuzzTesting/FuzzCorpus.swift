import JSONTree
import KubeModel
import PodInjection
import Rendering
import TelemetryAPI
import YAMLTree

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Real requests, made from the golden files of the tests, and what their lookups are answered from.
package struct FuzzCorpus: Sendable {
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    /// A cluster: as a golden file has it, and variants in which something is odd.
    struct Scenario: Sendable {
        var name: String
        var namespace: String
        var settings: InjectionSettings
        var catalogs: [InjectionCatalog]
    }

    struct Seed: Sendable {
        var target: FuzzInput.Target
        var scenario: String
        var document: ReviewMutator.Document
    }

    private(set) var scenarios: [String: Scenario] = [:]
    private(set) var seeds: [FuzzInput.Target: [Seed]] = [:]
    private var mutator = ReviewMutator(donors: [])
    private let schemas = StoredSchemas()

    /// How many pods a hundred inputs are about; the rest is about our own resources.
    private static let podShare = 90
    private static let catalogs = 8
    private static let noScenario = "none"

    /// - Parameter folder: that of all tests.
    /// - Throws: ``Failure`` when the golden files can't be read.
    package init(tests folder: String) throws {
        let pods = try Self.files(in: "\(folder)/PodInjectionTests/Fixtures")
        let collectors =
            try Self.files(in: "\(folder)/RenderingTests/Fixtures")
            + Self.files(in: "\(folder)/CollectorVersionsTests/Fixtures")
        var objects: [(source: String, object: JSONObject)] = []
        for (name, path) in pods {
            let found = try Self.objects("\(path)/input.yaml")
            objects += found.map { (name, $0) }
            if let injected = try Self.objects("\(path)/expected.yaml").first { objects.append((name, injected)) }
        }
        for (_, path) in collectors {
            objects += try Self.objects("\(path)/input.yaml").map { (Self.noScenario, $0) }
        }
        for (source, object) in objects { self.addSeeds(of: object, source) }
        // Not in the order of a dictionary, which differs from run to run.
        let seeds = FuzzInput.Target.allCases.flatMap { self.seeds[$0, default: []] }
        self.mutator = ReviewMutator(donors: seeds.map(\.document))
        for (name, path) in pods {
            self.scenarios[name] = try self.scenario(name, try Self.objects("\(path)/input.yaml"))
        }
        for target in FuzzInput.Target.allCases where self.seeds[target, default: []].isEmpty {
            throw Failure(description: "\(folder) has nothing about a \(target)")
        }
    }

    /// One input; the same for the same seed and number.
    package func input(_ number: UInt64, seed: UInt64) -> FuzzInput {
        var random = SeededRandom(seed, number)
        let target: FuzzInput.Target =
            random.below(100) < Self.podShare ? .pod : random.pick([.collector, .instrumentation, .conversion])
        let chosen = random.pick(self.seeds[target, default: []])
        return FuzzInput(
            target: target,
            number: number,
            scenario: chosen.scenario,
            body: self.mutator.mutated(chosen.document, &random)
        )
    }

    // MARK: Seeds

    private mutating func addSeeds(of object: JSONObject, _ source: String) {
        switch object[string: "kind"] {
        case "Pod":
            self.add(.pod, source, Self.review(object, "pods"))
            // A few of those that ask for nothing, which are most of a cluster's.
            if self.seeds[.pod, default: []].count.isMultiple(of: 5) {
                var plain = object
                plain.mutateObject("metadata") { _ = $0.remove("annotations") }
                self.add(.pod, source, Self.review(plain, "pods"))
            }
            self.add(.pod, source, Self.review(Self.grown(object), "pods"))
        case "OpenTelemetryCollector":
            self.add(.collector, source, Self.review(object, "opentelemetrycollectors"))
            for version in ["opentelemetry.io/v1alpha1", "opentelemetry.io/v1beta1"] {
                self.add(.conversion, source, Self.conversion([object], to: version))
            }
            let list: JSONObject = [
                "apiVersion": object["apiVersion"] ?? nil, "kind": "OpenTelemetryCollectorList",
                "items": [.object(object), .object(object)],
            ]
            self.add(.conversion, source, Self.conversion([list], to: "opentelemetry.io/v1alpha1"))
        case "Instrumentation": self.add(.instrumentation, source, Self.review(object, "instrumentations"))
        default: break
        }
    }

    private mutating func add(_ target: FuzzInput.Target, _ source: String, _ review: JSONObject) {
        guard let document = ReviewMutator.Document(review.bytes()) else { return }
        self.seeds[target, default: []].append(Seed(target: target, scenario: source, document: document))
    }

    /// What an API server sends about a new object.
    private static func review(_ object: JSONObject, _ resource: String) -> JSONObject {
        let kind = KubeObject(object).groupVersionKind
        let kindJSON: JSONValue = [
            "group": .string(kind.group), "version": .string(kind.version), "kind": .string(kind.kind),
        ]
        let resourceJSON: JSONValue = [
            "group": .string(kind.group), "version": .string(kind.version), "resource": .string(resource),
        ]
        return [
            "kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1",
            "request": [
                "uid": "705ab4f5-6393-11e8-b7cc-42010a800002", "kind": kindJSON, "resource": resourceJSON,
                "requestKind": kindJSON, "requestResource": resourceJSON,
                "namespace": .string(KubeObject(object).metadata.namespace ?? "shop"), "operation": "CREATE",
                "userInfo": [
                    "username": "system:serviceaccount:kube-system:replicaset-controller",
                    "groups": ["system:serviceaccounts", "system:authenticated"],
                ],
                "object": .object(object), "oldObject": nil, "dryRun": false,
                "options": ["kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"],
            ],
        ]
    }

    private static func conversion(_ objects: [JSONObject], to version: String) -> JSONObject {
        [
            "kind": "ConversionReview", "apiVersion": "apiextensions.k8s.io/v1",
            "request": [
                "uid": "705ab4f5-6393-11e8-b7cc-42010a800002", "desiredAPIVersion": .string(version),
                "objects": .array(objects.map(JSONValue.object)),
            ],
        ]
    }

    /// The same pod as a cluster fills it in: a token, a status, annotations full of quotes, variables from everywhere.
    private static func grown(_ pod: JSONObject) -> JSONObject {
        var pod = pod
        pod["status"] = ["phase": "Pending", "qosClass": "BestEffort"]
        pod.mutateObject("metadata") { metadata in
            metadata["creationTimestamp"] = nil
            metadata["managedFields"] = [["manager": "m", "fieldsV1": ["k:{\"name\":\"a\"}": [".": [:]]]]]
            metadata.mutateObject("annotations") { $0["example.com/document"] = "{\"note\":\"Größe \\\"XL\\\"\n😀\"}" }
        }
        pod.mutateObject("spec") { spec in
            spec["volumes"] = .array(
                (spec[array: "volumes"] ?? []) + [["name": "token", "secret": ["secretName": "token"]]]
            )
            let containers = (spec[array: "containers"] ?? []).map { value -> JSONValue in
                guard var container = value.object else { return value }
                container["env"] = .array(
                    (container[array: "env"] ?? []) + [
                        ["name": "JAVA_TOOL_OPTIONS", "value": "-Xmx1g"], ["name": "PYTHONPATH", "value": "/app"],
                        ["name": "NODE_OPTIONS", "valueFrom": ["configMapKeyRef": ["name": "c", "key": "k"]]],
                        ["name": "OTEL_RESOURCE_ATTRIBUTES", "value": "a=b,c="],
                    ]
                )
                container["volumeMounts"] = .array(
                    (container[array: "volumeMounts"] ?? []) + [["name": "token", "mountPath": "/t", "readOnly": true]]
                )
                container["ports"] = [["containerPort": 8080, "protocol": "TCP"]]
                return .object(container)
            }
            spec["containers"] = .array(containers)
        }
        return pod
    }

    // MARK: Scenarios

    private func scenario(_ name: String, _ objects: [JSONObject]) throws -> Scenario {
        var namespace = "shop"
        var settings = InjectionSettings(enabledLanguages: Set(Language.allCases))
        var rest: [JSONObject] = []
        for object in objects {
            switch object[string: "kind"] {
            case "Pod": namespace = KubeObject(object).metadata.namespace ?? namespace
            case "InjectionSettings":
                if let ids = object[strings: "languages"] {
                    settings.enabledLanguages = Set(ids.compactMap(Language.init))
                }
                settings.allowsMultipleLanguages = object[bool: "multi"] ?? true
                settings.usesNativeSidecars = object[bool: "native"] ?? false
                if let spec = object[object: "static"] {
                    settings.staticInstrumentation = Instrumentation(["spec": .object(spec)])
                }
            default: rest.append(object)
            }
        }
        rest += Self.addition(besides: rest)
        // The same variants in each run, so that an input can be replayed under another seed.
        var random = SeededRandom(0x5EED)
        let catalogs = (0..<Self.catalogs).map { variant -> InjectionCatalog in
            let changed = variant == 0 ? rest : rest.map { self.odd($0, &random) }
            return InjectionCatalog(changed.map(Self.defaulted), defaultNamespace: namespace) {
                SidecarCollector($0, settings: OperatorSettings(), facts: ClusterFacts())
            }
        }
        return Scenario(name: name, namespace: namespace, settings: settings, catalogs: catalogs)
    }

    /// A sidecar where there is none, and an Instrumentation elsewhere, for what mutations ask for.
    private static func addition(besides objects: [JSONObject]) -> [JSONObject] {
        var added: [JSONObject] = [
            [
                "apiVersion": "opentelemetry.io/v1alpha1", "kind": "Instrumentation",
                "metadata": ["name": "two", "namespace": "other"],
                "spec": [
                    "exporter": ["endpoint": "https://c:4317", "tls": ["secretName": "s.x", "configMapName": "c"]],
                    "resource": ["addK8sUIDAttributes": true], "propagators": ["b3", "xray"],
                ],
            ],
            [
                "apiVersion": "batch/v1", "kind": "Job",
                "metadata": ["name": "j", "ownerReferences": [["kind": "CronJob", "name": "cj", "uid": "c"]]],
            ],
        ]
        if !objects.contains(where: { $0[string: "kind"] == "OpenTelemetryCollector" }) {
            added.append([
                "apiVersion": "opentelemetry.io/v1beta1", "kind": "OpenTelemetryCollector",
                "metadata": ["name": "agent"],
                "spec": [
                    "mode": "sidecar",
                    "config": [
                        "receivers": ["otlp": ["protocols": ["grpc": [:]]]], "exporters": ["debug": [:]],
                        "service": ["pipelines": ["traces": ["receivers": ["otlp"], "exporters": ["debug"]]]],
                    ],
                ],
            ])
        }
        return added
    }

    private func odd(_ object: JSONObject, _ random: inout SeededRandom) -> JSONObject {
        // Names stay, or nothing would be found.
        guard let spec = object[object: "spec"], let document = ReviewMutator.Document(spec.bytes()) else {
            return object
        }
        for _ in 0..<8 {
            let bytes = self.mutator.mutated(document, &random)
            guard let changed = try? JSONValue(parsing: bytes), let stored = self.schemas.stored(changed, of: object),
                stored.object != nil
            else { continue }
            var copy = object
            copy["spec"] = stored
            return copy
        }
        return object
    }

    private static func defaulted(_ object: JSONObject) -> KubeObject {
        guard object[string: "kind"] == "Instrumentation" else { return KubeObject(object) }
        var instrumentation = Instrumentation(object)
        InstrumentationDefaulting().apply(to: &instrumentation)
        return KubeObject(instrumentation.json)
    }

    // MARK: Files

    /// The folders below one, with their names in order.
    private static func files(in folder: String) throws -> [(name: String, path: String)] {
        guard let handle = opendir(folder) else { throw Failure(description: "cannot read \(folder)") }
        defer { closedir(handle) }
        var names: [String] = []
        while let entry = readdir(handle) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if !name.hasPrefix("."), access("\(folder)/\(name)/input.yaml", R_OK) == 0 { names.append(name) }
        }
        return names.sorted().map { ($0, "\(folder)/\($0)") }
    }

    /// The objects of a file; documents that are none are left out.
    private static func objects(_ path: String) throws -> [JSONObject] {
        guard access(path, R_OK) == 0 else { return [] }
        return try YAMLReader.documents(in: try Self.read(path)).compactMap(\.object)
    }

    /// A file's bytes.
    ///
    /// - Throws: ``Failure``.
    package static func read(_ path: String) throws -> [UInt8] {
        guard let file = fopen(path, "r") else { throw Failure(description: "cannot read \(path)") }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = fread(&buffer, 1, buffer.count, file), count > 0 { bytes += buffer[..<count] }
        return bytes
    }
}
