import JSONTree
import KubeModel
import TelemetryAPI
import Testing

@testable import PodInjection

/// Whoever may make a pod must not be able to keep the operator busy, or to make it run out of memory.
@Suite(.timeLimit(.minutes(1))) struct HostileInputTests {
    private let sdk = [key("inject-sdk"): "true"]

    /// A ReplicaSet that owns itself over and over: every reference led to all of them again.
    @Test func crowdOfOwnersInACircle() throws {
        let one = "{apiVersion: apps/v1, kind: ReplicaSet, name: rs, uid: u}"
        let crowd = Array(repeating: one, count: 300).joined(separator: ", ")
        let result = try scenario(
            self.sdk,
            metadata: "ownerReferences: [\(crowd)]",
            more: "{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: rs, ownerReferences: [\(crowd)]}}"
        ).run()
        #expect(try result.attributes().filter { $0.hasPrefix("k8s.replicaset.name=") } == ["k8s.replicaset.name=rs"])
    }

    /// Each owner costs a request to the API server.
    @Test func fewOwnersAreLookedUp() throws {
        let owners = (0..<500).map {
            ParsedPod.Owner(apiVersion: "apps/v1", kind: "ReplicaSet", name: "rs\($0)", uid: "u", isController: false)
        }
        var answers = LookupAnswers()
        var asked = 0
        func missing() -> [InjectionLookup] {
            var missing: [InjectionLookup] = []
            _ = OwnerChain(owners, namespace: "shop", answers) { missing.append($0) }
            return missing
        }
        while case let lookups = missing(), !lookups.isEmpty {
            for lookup in lookups {
                asked += 1
                // Each has hundreds of further owners.
                answers[lookup] = .owners(
                    (0..<500).map { OwnerReference(["kind": "Job", "name": .string("j\(asked)-\($0)"), "uid": "u"]) }
                )
            }
        }
        #expect(asked <= 64)
        #expect(OwnerChain(owners, namespace: "shop", answers).owners.count < 10_000)
    }

    @Test func manyAttributes() throws {
        var annotations: JSONObject = [key("inject-sdk"): "true"]
        for number in 0..<20_000 { annotations["resource.opentelemetry.io/k\(number)"] = "v" }
        annotations["resource.opentelemetry.io/k7"] = "last"
        var scenario = try scenario()
        scenario.pod.mutateObject("metadata") { $0["annotations"] = .object(annotations) }
        let attributes = try scenario.run().attributes()
        // Beside them: container, namespace, node, pod, instance, namespace and version of the service.
        #expect(attributes.count == 20_007)
        #expect(attributes.filter { $0.hasPrefix("k7=") } == ["k7=last"])
    }

    @Test func manyNames() throws {
        let names = (0..<50_000).map { "n\($0)" }
        let containers: JSONValue = .array(names.suffix(900).map { ["name": .string($0)] })
        let pod: JSONObject = ["spec": ["containers": containers, "initContainers": containers]]
        let (places, unknown) = PodDraft(try ParsedPod(PodDocument(pod))).targets(names)
        #expect(places.count == 900)
        #expect(unknown.first == "n0")
        #expect(unknown.count == 16)
    }

    /// A long annotation goes into every container: a small pod would make a patch of gigabytes.
    @Test(arguments: ["sdk", "java", "nginx"]) func smallPodThatWouldGrow(_ language: String) throws {
        let names = (0..<800).map { "c\($0)" }
        let result = try scenario(
            [
                key("inject-\(language)"): "true", key("container-names"): names.joined(separator: ","),
                "resource.opentelemetry.io/long": String(repeating: "x", count: 100_000),
            ],
            spec: "containers: [\(names.map { "{name: \($0), image: a}" }.joined(separator: ", "))]"
        ).run()
        #expect(result.isUnchanged)
        #expect(result.outcome.error == "the pod is too large to be instrumented")
        #expect(result.codes.last == "\(language) PodTooLarge")
    }

    @Test func tooManyContainers() throws {
        let list = (0..<1001).map { "{name: c\($0), image: a}" }.joined(separator: ", ")
        let result = try scenario(self.sdk, spec: "containers: [\(list)]").run()
        #expect(result.outcome.error == "the pod is too large to be instrumented")
        #expect(result.isUnchanged)
    }

    /// The largest pod that anyone runs is far from the limits.
    @Test func largePodIsInstrumented() throws {
        let env = (0..<200).map { "{name: V\($0), value: x}" }.joined(separator: ", ")
        let names = (0..<50).map { "c\($0)" }
        let result = try scenario(
            [key("inject-python"): "true", key("container-names"): names.joined(separator: ",")],
            spec: "containers: [\(names.map { "{name: \($0), image: 'a:1', env: [\(env)]}" }.joined(separator: ", "))]",
            instrumentation: "env: [\(env.replacing("V", with: "W"))]"
        ).run()
        #expect(result.codes == ["python Injected"])
        #expect(result.outcome.decisions[0].containers == names)
        // 2 addresses, 200 own, PYTHONPATH, 200 common, 4 of Python, 4 of the SDK.
        for name in names { #expect(try result.env(name).count == 411) }
    }

    /// Bytes changed at random, with all there that is asked for: whatever can be read gets a patch that fits it.
    @Test(arguments: 0..<4) func mutatedPods(_ seed: UInt64) throws {
        var random = SplitMix(seed: seed &* 31 &+ 11)
        var base = try scenario(
            [
                key("inject-python"): "true", key("python-container-names"): "app,warm",
                key("inject-apache-httpd"): "true",
                key("apache-httpd-container-names"): "web", key("inject-go"): "true", key("go-container-names"): "app",
                key("otel-go-auto-target-exe"): "/app", "resource.opentelemetry.io/x": "a=b,c",
            ],
            spec: """
                containers:
                - {name: app, image: 'a:1', env: [{name: PYTHONPATH, value: /p}, {name: OTEL_RESOURCE_ATTRIBUTES, value: 'a=b,'}]}
                - {name: web, image: 'w:1', volumeMounts: [{name: v, mountPath: /usr/local/apache2/conf/x}, {name: v, mountPath: /v}]}
                initContainers: [{name: warm, image: i, securityContext: {runAsUser: 1}}]
                volumes: [{name: v}]
                shareProcessNamespace: null
                """,
            metadata: "labels: {a: b}\nownerReferences: [{kind: Job, name: j, uid: '1'}]"
        )
        base.settings.usesNativeSidecars = true
        let catalog = base.catalog
        let original = JSONValue.object(["request": ["uid": "u", "object": .object(base.pod)]]).bytes()
        let pieces = [
            "null", "{}", "[]", "\"\"", "\"", "7e9", "{\"a\":", "]", "}", ",", "true", "\"value\":null", "\"env\":null",
            "\"containers\":[],", "\"spec\":{},", "{\"name\":\"app\"},", "{},", "\"volumeMounts\":[{}],",
        ].map { Array($0.utf8) }
        var patched = 0
        for _ in 0..<2_500 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...2, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[place] = UInt8.random(in: 0x20...0x7E, using: &random)
                case 1: bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...12, using: &random)))
                default:
                    // Where a value, a member or an element begins, so that more of the results are JSON.
                    let starts: [UInt8] = [UInt8(ascii: ":"), UInt8(ascii: "["), UInt8(ascii: "{"), UInt8(ascii: ",")]
                    guard let start = bytes[place...].firstIndex(where: starts.contains) else { continue }
                    let piece = random.pick(pieces) + (random.chance(2) ? [UInt8(ascii: ",")] : [])
                    bytes.insert(contentsOf: piece, at: start + 1)
                }
            }
            guard let request = try? AdmissionRequest(scanning: bytes), let pod = request.pod,
                case .object(let tree)? = (try? JSONValue(parsing: bytes))?["request"]?["object"]
            else { continue }
            var inputs = InjectionInputs(
                pod: pod,
                namespace: .found(InjectionNamespace(name: "shop", annotations: InjectionAnnotations())),
                settings: base.settings
            )
            while case let missing = inputs.missingLookups(), !missing.isEmpty {
                for lookup in missing { inputs.answer(lookup, with: catalog.answer(to: lookup)) }
            }
            let outcome = inject(inputs)
            if outcome.isChanged { patched += 1 }
            #expect(throws: Never.self, "\(String(decoding: bytes, as: UTF8.self))") { try outcome.applied(to: tree) }
        }
        #expect(patched > 200)
    }

    /// A patch repeats parts of the pod, and must be JSON all the same.
    @Test(arguments: [
        "env: [{name: A, valueFrom: {configMapKeyRef: {name: BROKEN}}}]", "volumeMounts: [{subPath: BROKEN}]",
    ])
    func textThatIsNone(_ member: String) throws {
        let scenario = try scenario(
            [key("inject-nginx"): "true"],
            spec: "containers: [{name: app, image: a, \(member)}]"
        )
        for (text, isText) in [("\u{E9}", true), ("\u{E9}", false)] {
            var review = JSONValue.object([
                "request": ["uid": "u", "operation": "CREATE", "object": .object(scenario.pod)]
            ])
            .bytes()
            let place = try #require(review.indices.first { review[$0...].starts(with: "BROKEN".utf8) })
            review.replaceSubrange(place..<place + 6, with: text.utf8.prefix(isText ? 2 : 1))
            let pod = try #require(try AdmissionRequest(scanning: review).pod)
            let outcome = inject(scenario.inputs(pod))
            #expect(outcome.isChanged == isText)
            #expect((outcome.rejection?.contains("not valid UTF-8") ?? false) == !isText)
            #expect(String(validating: outcome.patch, as: UTF8.self) != nil)
        }
    }

    /// Of members with the same name the last one counts, whoever reads them.
    @Test(arguments: [
        #""hostNetwork":true,"hostNetwork":false"#, #""volumes":[{"hostPath":{}}],"volumes":[]"#,
        #""containers":[{"name":"a"}],"containers":[]"#,
        #""initContainers":[{"ports":[{"hostPort":1}]}],"initContainers":[]"#,
        #""containers":[{"ports":[{"hostPort":1}],"ports":[],"securityContext":{"allowPrivilegeEscalation":false,"#
            + #""runAsNonRoot":true,"capabilities":{"drop":["ALL"]},"seccompProfile":{"type":"RuntimeDefault"}}}]"#,
    ])
    func lastMemberCounts(_ members: String) throws {
        let review = "{\"request\":{\"uid\":\"u\",\"object\":{\"spec\":{\(members)}}}}"
        let pod = try #require(try AdmissionRequest(scanning: Array(review.utf8)).pod)
        #expect(RestrictedProfile.isSatisfied(by: pod))
    }

    /// Kinds and places that no API server would let through: refused, never a trap.
    static let shapes: [JSONObject] = [
        ["spec": ["containers": [.null]]], ["spec": ["containers": ["text"]]],
        ["spec": ["containers": [["name": 1]]]], ["spec": ["containers": [["name": "a", "env": "x"]]]],
        ["spec": ["containers": [["name": "a", "env": [.null]]]]],
        ["spec": ["containers": [["name": "a", "env": [["name": "X", "value": 1]]]]]],
        ["spec": ["containers": [["name": "a", "volumeMounts": [[:], .null]]]]],
        ["spec": ["containers": [], "initContainers": 7]], ["spec": ["containers": [], "volumes": [.null]]],
        ["spec": ["containers": [], "shareProcessNamespace": "yes"]], ["spec": ["containers": [], "nodeName": [:]]],
    ]

    @Test(arguments: Self.shapes) func oddShapes(_ shape: JSONObject) throws {
        var scenario = try scenario()
        scenario.pod["spec"] = shape["spec"]
        let outcome = inject(scenario.inputs(try PodDocument(scenario.pod)))
        #expect(outcome.rejection != nil)
        #expect(!outcome.isChanged)
    }

    /// What is odd, but a pod all the same.
    @Test(arguments: [
        "containers: [{}]",
        "containers: [{name: null, image: null, env: null, volumeMounts: null, securityContext: null}]",
        "containers: [{name: a, env: [{}]}]",
        "containers: [{name: a, env: [{name: null, value: null, valueFrom: null}]}]",
        "containers: [{name: a}, {name: a}]", "containers: [{name: a, volumeMounts: [{}]}]\nvolumes: [{}]",
    ])
    func oddPods(_ spec: String) throws {
        for language in Language.allCases {
            let result = try scenario(
                [key("inject-\(language.id)"): "true", key("otel-go-auto-target-exe"): "/a"],
                spec: spec
            ).run()
            #expect(result.codes == ["\(language.id) Injected"], "\(language.id)")
            #expect(result.outcome.rejection == nil)
        }
    }

    /// Sizes and places at the ends of their ranges.
    @Test func numbersAtTheEnds() throws {
        #expect(ImageReference("a:" + String(repeating: "9", count: 128))?.tag.count == 128)
        #expect(ImageReference(String(repeating: "/", count: 10_000)) == nil)
        #expect(ImageReference("@") == nil)
        #expect(ImageReference(":") == nil)
        #expect(ImageReference("[]/a") == nil)
        #expect(NameTruncation.name("", "") == "")
        #expect(NameTruncation.name("", String(repeating: "é", count: 1000)) == "")
    }
}
