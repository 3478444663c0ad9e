import AdmissionServer
import JSONTree
import KubeClient
import KubeModel
import KubeRuntime
import KubeTesting
import NIOCore
import PodInjection
import Rendering
import TelemetryAPI
import Testing

@testable import Controllers

/// The webhooks by path, from stores without a cluster and an API server from a script.
struct WebhooksTests {
    static let instrumentation = """
        apiVersion: opentelemetry.io/v1alpha1
        kind: Instrumentation
        metadata: {name: demo, namespace: shop, uid: i-1}
        spec: {exporter: {endpoint: "http://collector:4318"}, python: {image: "python:1"}, java: {image: "java:1"}}
        """
    static let sidecar = """
        apiVersion: opentelemetry.io/v1beta1
        kind: OpenTelemetryCollector
        metadata: {name: side, namespace: shop, uid: c-1}
        spec:
          mode: sidecar
          config: {receivers: {otlp: {protocols: {grpc: {}}}}, exporters: {debug: {}}, service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}}
        """
    static let plain = """
        apiVersion: v1
        kind: Pod
        metadata: {generateName: app-, namespace: shop, labels: {app: app}}
        spec: {containers: [{name: app, image: "app:1", futureField: {x: 1.50}}]}
        """

    /// The webhooks over a world of objects.
    func run(
        _ objects: [String] = [],
        facts: ClusterFacts = ClusterFacts(),
        options: OperatorOptions = OperatorOptions(),
        script: @escaping ScriptedServer.Script = { _, _ in .failure(404, reason: "NotFound") },
        _ body: (ScriptedServer, [String: AdmissionServer.Handler]) async throws -> Void
    ) async throws {
        let objects = try objects.map(yaml)
        func of(_ kind: String) -> [JSONObject] { objects.filter { $0[string: "kind"] == kind } }
        let stores = ClusterStores(
            namespaces: try store("namespaces", of("Namespace")) { (cursor) throws(JSONError) in
                try NamespaceRecord(&cursor)
            },
            instrumentations: try store("instrumentations", of("Instrumentation")) { (cursor) throws(JSONError) in
                try InstrumentationRecord(&cursor)
            },
            collectors: try store("collectors", of("OpenTelemetryCollector")) { (cursor) throws(JSONError) in
                try CollectorRecord(&cursor)
            },
            replicaSets: try store("replicasets", of("ReplicaSet")) { (cursor) throws(JSONError) in
                try OwnersRecord(&cursor)
            },
            jobs: try store("jobs", of("Job")) { (cursor) throws(JSONError) in try OwnersRecord(&cursor) }
        )
        try await ScriptedServer.run(script: script) { server in
            var configuration = ClientConfiguration(serverURL: server.url)
            configuration.maximumRetries = 0
            try await KubeClient.with(configuration) { client in
                let webhooks = Webhooks(
                    stores: stores,
                    client: client,
                    options: options,
                    facts: { facts },
                    recorder: DecisionRecorder(logger: silence)
                )
                try await body(server, webhooks.handlers)
            }
        }
    }

    func review(
        _ object: JSONObject?,
        _ operation: String = "CREATE",
        old: JSONObject? = nil,
        user: JSONObject = ["username": "jane", "groups": ["dev"]]
    ) -> JSONObject {
        var request: JSONObject = [
            "uid": "r-1", "operation": .string(operation), "namespace": "shop", "userInfo": .object(user),
        ]
        request["object"] = object.map { .object($0) } ?? .null
        request["oldObject"] = old.map { .object($0) } ?? .null
        return ["kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": .object(request)]
    }

    func ask(
        _ handlers: [String: AdmissionServer.Handler],
        _ path: String,
        _ review: JSONObject
    ) async throws -> JSONObject {
        let handler = try #require(handlers[path])
        let response = await handler(ByteBuffer(bytes: review.bytes()))
        #expect(response.status == 200)
        let answer = try #require(try JSONValue(parsing: bytes(of: response)).object?[object: "response"])
        #expect(answer[string: "uid"] == "r-1")
        return answer
    }

    private func bytes(of response: ServerResponse) -> [UInt8] {
        switch response.body {
        case .bytes(let bytes): bytes
        case .buffer(let buffer): Array(buffer: buffer)
        }
    }

    /// The object after the answer's patch.
    private func patched(_ object: JSONObject, _ answer: JSONObject) throws -> KubeObject {
        #expect(answer[bool: "allowed"] == true)
        guard let text = answer[string: "patch"] else { return KubeObject(object) }
        #expect(answer[string: "patchType"] == "JSONPatch")
        let patch = try JSONPatch(try JSONValue(parsing: try #require(ReviewTests.base64(text))))
        return KubeObject(try #require(try patch.applied(to: .object(object)).object))
    }

    private func pod(_ annotations: [String: String]) throws -> JSONObject {
        var pod = try yamlObject(Self.plain)
        pod.metadata.annotations = annotations
        return pod.json
    }

    static let python = ["instrumentation.opentelemetry.io/inject-python": "true"]
    static let shop = "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}"

    // MARK: Pods

    @Test func aPlainPodIsLeftAlone() async throws {
        try await self.run([Self.shop, Self.instrumentation, Self.sidecar]) { server, handlers in
            let answer = try await self.ask(handlers, WebhookPath.mutatePod, self.review(try self.pod([:])))
            #expect(answer == ["uid": "r-1", "allowed": true, "status": ["code": 200]])
            #expect(server.requests.isEmpty)
        }
    }

    @Test func aPythonPodIsInjected() async throws {
        try await self.run([Self.shop, Self.instrumentation]) { server, handlers in
            let pod = try self.pod(Self.python)
            let answer = try await self.ask(handlers, WebhookPath.mutatePod, self.review(pod))
            let changed = try self.patched(pod, answer)
            let container = changed.spec?["containers"]?[0]
            let names = container?["env"]?.array?.compactMap { $0["name"]?.string } ?? []
            #expect(names.contains("PYTHONPATH") && names.contains("OTEL_EXPORTER_OTLP_ENDPOINT"))
            #expect(changed.spec?["initContainers"]?[0]?["image"] == "python:1")
            // What we don't know stays as it was written.
            #expect(container?["futureField"]?.text() == #"{"x":1.50}"#)
            #expect(server.requests.isEmpty, "stores answer everything")
        }
    }

    @Test func theNamespacesAnnotationCounts() async throws {
        let namespace = """
            {kind: Namespace, metadata: {name: shop, annotations: {instrumentation.opentelemetry.io/inject-java: "true"}}}
            """
        try await self.run([namespace, Self.instrumentation]) { _, handlers in
            let pod = try self.pod([:])
            let answer = try await self.ask(handlers, WebhookPath.mutatePod, self.review(pod))
            #expect(try self.patched(pod, answer).spec?["initContainers"]?[0]?["image"] == "java:1")
            // A pod says no for itself.
            let refusing = try self.pod(["instrumentation.opentelemetry.io/inject-java": "false"])
            let left = try await self.ask(handlers, WebhookPath.mutatePod, self.review(refusing))
            #expect(left[string: "patch"] == nil)
        }
    }

    @Test func withoutAnInstrumentationThePodIsLetInWithAWarning() async throws {
        try await self.run([Self.shop]) { _, handlers in
            let pod = try self.pod(Self.python)
            let answer = try await self.ask(handlers, WebhookPath.mutatePod, self.review(pod))
            try self.expectOnlyStamp("InstrumentationNotFound", on: pod, answer)
            #expect(answer[array: "warnings"]?.isEmpty == false)
        }
    }

    /// Nothing but what is said on the pod.
    private func expectOnlyStamp(_ code: String, on pod: JSONObject, _ answer: JSONObject) throws {
        var changed = try self.patched(pod, answer)
        let stamp = try #require(changed.metadata.annotations[InjectionStamp.annotation])
        #expect(stamp.contains(#""code":"\#(code)""#))
        changed.metadata.annotations[InjectionStamp.annotation] = nil
        #expect(changed.json == pod)
    }

    /// A Deployment in a crash loop that names what isn't there must not ask the API server for each of its pods.
    @Test func whatIsMissingIsAskedForOnce() async throws {
        let script: ScriptedServer.Script = { _, _ in .failure(404, reason: "NotFound") }
        try await self.run([Self.shop, Self.instrumentation], script: script) { server, handlers in
            let pod = try self.pod(["instrumentation.opentelemetry.io/inject-python": "nosuch"])
            for _ in 0..<5 {
                let answer = try await self.ask(handlers, WebhookPath.mutatePod, self.review(pod))
                try self.expectOnlyStamp("InstrumentationNotFound", on: pod, answer)
            }
            #expect(server.requests.count == 1)
        }
    }

    /// All that is missing is asked for at once: together within one deadline, not one after the other.
    @Test(.timeLimit(.minutes(1))) func missingThingsAreFetchedTogether() async throws {
        try await self.run([Self.shop], script: { _, _ in .hang }) { server, handlers in
            let start = ContinuousClock.now
            var annotations = ["sidecar.opentelemetry.io/inject": "none"]
            for language in ["java", "nodejs", "python", "dotnet", "sdk"] {
                annotations["instrumentation.opentelemetry.io/inject-\(language)"] = "other/\(language)"
            }
            let answer = try await self.ask(handlers, WebhookPath.mutatePod, self.review(try self.pod(annotations)))
            #expect(answer[bool: "allowed"] == true)
            #expect(server.requests.count == 6)
            #expect(ContinuousClock.now - start < PodWebhook.budget + .seconds(3))
        }
    }

    @Test func aSidecarIsAdded() async throws {
        for isNative in [false, true] {
            try await self.run([Self.shop, Self.sidecar], facts: ClusterFacts(nativeSidecars: isNative)) {
                _,
                handlers in
                let pod = try self.pod(["sidecar.opentelemetry.io/inject": "true"])
                let answer = try await self.ask(handlers, WebhookPath.mutatePod, self.review(pod))
                let changed = try self.patched(pod, answer)
                let list = changed.spec?[isNative ? "initContainers" : "containers"]?.array ?? []
                #expect(list.contains { $0["name"] == "otc-container" })
                // Asked again, as after another webhook's change: nothing more.
                let again = try await self.ask(handlers, WebhookPath.mutatePod, self.review(changed.json))
                #expect(again[string: "patch"] == nil)
            }
        }
    }

    /// A namespace of a moment ago: the store does not have it yet.
    @Test func anUnknownNamespaceIsFetched() async throws {
        let script: ScriptedServer.Script = { request, _ in
            guard request.path == "/api/v1/namespaces/shop" else { return .failure(404, reason: "NotFound") }
            return .json(
                """
                {"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{"name":"shop",
                "annotations":{"instrumentation.opentelemetry.io/inject-python":"true"}}}
                """
            )
        }
        try await self.run([Self.instrumentation], script: script) { server, handlers in
            let pod = try self.pod([:])
            let answer = try await self.ask(handlers, WebhookPath.mutatePod, self.review(pod))
            #expect(try self.patched(pod, answer).spec?["initContainers"]?[0]?["image"] == "python:1")
            #expect(server.requests.map(\.path) == ["/api/v1/namespaces/shop"])
        }
    }

    @Test(arguments: [
        ScriptedAnswer.failure(500, reason: "InternalError", message: "boom"),
        .failure(404, reason: "NotFound", message: "namespaces \\\"shop\\\" not found"), .close,
    ])
    func aNamespaceThatCannotBeReadLetsThePodIn(_ answer: ScriptedAnswer) async throws {
        try await self.run([Self.instrumentation], script: { _, _ in answer }) { _, handlers in
            let pod = try self.pod(Self.python)
            let answer = try await self.ask(handlers, WebhookPath.mutatePod, self.review(pod))
            try self.expectOnlyStamp("NamespaceNotFound", on: pod, answer)
            #expect(answer["status"]?["code"] == 500)
            #expect(answer["status"]?["message"]?.string?.isEmpty == false)
        }
    }

    /// An API server that does not answer must not hold up a pod beyond the deadline of one lookup.
    @Test(.timeLimit(.minutes(1))) func aServerThatIsSilentDoesNotHoldUpThePod() async throws {
        try await self.run(script: { _, _ in .hang }) { _, handlers in
            let start = ContinuousClock.now
            let answer = try await self.ask(handlers, WebhookPath.mutatePod, self.review(try self.pod(Self.python)))
            #expect(answer[bool: "allowed"] == true)
            #expect(ContinuousClock.now - start < .seconds(8))
        }
    }

    @Test func whatIsNoPodIsRefused() async throws {
        try await self.run([Self.shop]) { _, handlers in
            let metadata: JSONValue = ["annotations": .strings(Self.python)]
            for object: JSONObject? in [
                nil, ["spec": 7], ["metadata": metadata, "spec": ["containers": "x"]],
                ["metadata": metadata, "spec": ["containers": [7]]],
            ] {
                let answer = try await self.ask(handlers, WebhookPath.mutatePod, self.review(object))
                #expect(answer[bool: "allowed"] == false && answer["status"]?["code"] == 400)
            }
        }
    }

    @Test func tenMegabytesOfPod() async throws {
        try await self.run([Self.shop, Self.instrumentation]) { _, handlers in
            var pod = KubeObject(try self.pod(Self.python))
            pod.metadata.annotations["big"] = String(repeating: "x", count: 10 << 20)
            let answer = try await self.ask(handlers, WebhookPath.mutatePod, self.review(pod.json))
            #expect(try self.patched(pod.json, answer).spec?["initContainers"]?[0]?["image"] == "python:1")
        }
    }

    // MARK: Bodies that are no reviews

    @Test(arguments: [
        "", "x", "{", "[]", "null", #"{"kind":"Pod"}"#, #"{"request":{}}"#, #"{"request":{"operation":"CREATE"}}"#,
        "\u{0}\u{1}\u{2}", #"{"request":{"uid":"a","operation":"CREATE","object":{}"#,
    ])
    func noReview(_ text: String) async throws {
        try await self.run { _, handlers in
            #expect(handlers.count == 7)
            for (path, handler) in handlers {
                let response = await handler(ByteBuffer(string: text))
                #expect(response.status == 400, "\(path)")
                let status = try #require(try JSONValue(parsing: self.bytes(of: response)).object)
                #expect(status[string: "kind"] == "Status" && status[int: "code"] == 400)
                let message = status[string: "message"] ?? ""
                #expect(!message.contains("\n") && message.utf8.count < 300, "\(message)")
                let kind = path == WebhookPath.convert ? "ConversionReview" : "AdmissionReview"
                #expect(message.components(kind) == 1, "said once: \(message)")
            }
        }
    }

    // MARK: Collectors

    @Test func collectorsAreDefaulted() async throws {
        try await self.run { server, handlers in
            let collector = try yaml(Self.sidecar)
            let path = WebhookPath.mutateCollector
            let answer = try await self.ask(handlers, path, self.review(collector))
            let defaulted = try self.patched(collector, answer)
            #expect(defaulted.json != collector)
            // Once more changes nothing.
            let again = try await self.ask(handlers, path, self.review(defaulted.json))
            #expect(again[string: "patch"] == nil)
            #expect(server.requests.isEmpty)
        }
    }

    @Test(arguments: [WebhookPath.mutateCollector, WebhookPath.mutateInstrumentation])
    func defaultingWithoutAnObject(_ path: String) async throws {
        try await self.run { _, handlers in
            let answer = try await self.ask(handlers, path, self.review(nil))
            #expect(answer[bool: "allowed"] == false)
            #expect(answer["status"]?["message"]?.string == "the request has no object")
        }
    }

    @Test func invalidCollectorsAreRefusedWithCauses() async throws {
        try await self.run { _, handlers in
            var collector = try yamlObject(Self.sidecar)
            collector.spec?["tolerations"] = [["key": "x"]]
            collector.spec?["affinity"] = ["nodeAffinity": [:]]
            let answer = try await self.ask(handlers, WebhookPath.validateCollector, self.review(collector.json))
            #expect(answer[bool: "allowed"] == false && answer["status"]?["code"] == 403)
            let causes = answer["status"]?["details"]?["causes"]?.array ?? []
            #expect(causes.contains { $0["field"] == "spec.tolerations" })
            #expect(
                causes.allSatisfy { $0["message"]?.string?.isEmpty == false && $0["reason"]?.string?.isEmpty == false }
            )
            // kubectl shows the message alone, so it holds all of them.
            let message = answer["status"]?["message"]?.string ?? ""
            #expect(causes.count > 1 && causes.allSatisfy { message.contains($0["message"]?.string ?? "?") })
        }
    }

    /// What is invalid by today's rules can still be labelled and deleted; only its spec can't be changed to another invalid one.
    @Test(arguments: [true, false])
    func anInvalidCollectorCanBeUpdatedBesideItsSpec(_ isSame: Bool) async throws {
        try await self.run { _, handlers in
            var old = try yamlObject(Self.sidecar)
            old.spec?["tolerations"] = [["key": "x"]]
            // As the mutating webhook leaves it.
            var new = try defaultCollector(Collector(old.json), settings: OperatorSettings()).collector.json
            if !isSame { new.mutateObject("spec") { $0["image"] = "other:1" } }
            let answer = try await self.ask(
                handlers,
                WebhookPath.validateCollector,
                self.review(new, "UPDATE", old: old.json)
            )
            #expect(answer[bool: "allowed"] == isSame)
            if isSame {
                #expect(answer[array: "warnings"]?.contains { $0.string?.contains("tolerations") == true } == true)
            }
        }
    }

    @Test func deletionsAreAlwaysAllowed() async throws {
        try await self.run { server, handlers in
            for path in [WebhookPath.validateCollector, WebhookPath.validateInstrumentation] {
                for old: JSONObject in [["spec": 7], ["spec": ["mode": "nonsense"]]] {
                    let answer = try await self.ask(handlers, path, self.review(nil, "DELETE", old: old))
                    #expect(answer[bool: "allowed"] == true)
                }
                // Its finalizers go while it is being deleted.
                let dying: JSONObject = [
                    "metadata": ["name": "a", "deletionTimestamp": "2026-01-01T00:00:00Z"],
                    "spec": ["mode": "nonsense"],
                ]
                let answer = try await self.ask(handlers, path, self.review(dying, "UPDATE", old: dying))
                #expect(answer[bool: "allowed"] == true)
            }
            #expect(server.requests.isEmpty)
        }
    }

    @Test func aCollectorThatNeedsNothingAsksNobody() async throws {
        try await self.run { server, handlers in
            let answer = try await self.ask(
                handlers,
                WebhookPath.validateCollector,
                self.review(try yaml(Self.sidecar))
            )
            #expect(answer[bool: "allowed"] == true)
            #expect(server.requests.isEmpty)
        }
    }

    // MARK: Privileges

    private static let events = """
        apiVersion: opentelemetry.io/v1beta1
        kind: OpenTelemetryCollector
        metadata: {name: events, namespace: shop}
        spec:
          mode: deployment
          config: {receivers: {k8s_events: {}}, exporters: {debug: {}}, service: {pipelines: {logs: {receivers: [k8s_events], exporters: [debug]}}}}
        """

    /// Answers SubjectAccessReviews: who may do everything.
    private static func allowing(_ users: Set<String>) -> ScriptedServer.Script {
        { request, _ in
            let user = (try? JSONValue(parsing: request.body))?["spec"]?["user"]?.string ?? ""
            return .json(#"{"kind":"SubjectAccessReview","status":{"allowed":\#(users.contains(user))}}"#, status: 201)
        }
    }

    @Test(arguments: [
        (["system:serviceaccount:shop:events-collector"], true), (["jane"], true), ([], false), (["other"], false),
    ])
    func nobodyGainsPermissions(_ users: [String], _ isAllowed: Bool) async throws {
        try await self.run(script: Self.allowing(Set(users))) { server, handlers in
            let collector = try yaml(Self.events)
            for operation in ["CREATE", "UPDATE"] {
                let answer = try await self.ask(
                    handlers,
                    WebhookPath.validateCollector,
                    self.review(collector, operation, old: operation == "UPDATE" ? collector : nil)
                )
                #expect(answer[bool: "allowed"] == isAllowed)
                if !isAllowed {
                    let message = answer["status"]?["message"]?.string ?? ""
                    #expect(
                        message.contains(#"user "jane" is not allowed"#) && message.contains("events"),
                        "\(message)"
                    )
                }
            }
            #expect(!server.requests.isEmpty)
            let asked = try #require(try server.requests.last.map { try JSONValue(parsing: $0.body) })
            #expect(server.requests.allSatisfy { $0.path == "/apis/authorization.k8s.io/v1/subjectaccessreviews" })
            #expect(asked["spec"]?["resourceAttributes"]?["verb"]?.string?.isEmpty == false)
            if users != ["system:serviceaccount:shop:events-collector"] {
                // What is asked about a user is asked about all that the API server said of them.
                #expect(asked["spec"]?["user"] == "jane" && asked["spec"]?["groups"] == ["dev"])
            }
        }
    }

    @Test func withoutRBACThereIsNothingToGain() async throws {
        try await self.run(facts: ClusterFacts(rbacCreation: false), script: Self.allowing([])) { server, handlers in
            let answer = try await self.ask(
                handlers,
                WebhookPath.validateCollector,
                self.review(try yaml(Self.events))
            )
            #expect(answer[bool: "allowed"] == true)
            #expect(server.requests.isEmpty)
        }
    }

    /// Where the operator grants nothing, an account that the user named has to have what the collector needs.
    @Test(arguments: [true, false]) func missingPermissionsAreWarnedOf(_ isAnswered: Bool) async throws {
        let failing: ScriptedServer.Script = { _, _ in .failure(500, reason: "InternalError", message: "boom") }
        let script = isAnswered ? Self.allowing([]) : failing
        try await self.run(facts: ClusterFacts(rbacCreation: false), script: script) { server, handlers in
            var collector = KubeObject(try yaml(Self.events))
            collector.spec?["serviceAccount"] = "own"
            let answer = try await self.ask(handlers, WebhookPath.validateCollector, self.review(collector.json))
            #expect(answer[bool: "allowed"] == true)
            let warnings = answer[strings: "warnings"] ?? []
            let account = "system:serviceaccount:shop:own"
            let wanted =
                isAnswered
                ? "RBAC rules are missing: missing the following rules for \(account) - events: [get list watch]"
                : "cannot find out what \(account) may do: boom"
            #expect(warnings.contains(wanted), "\(warnings)")
            #expect(!server.requests.isEmpty)
        }
    }

    @Test func whenNobodyCanTellTheRequestHasToWait() async throws {
        try await self.run(script: { _, _ in .failure(500, reason: "InternalError", message: "boom") }) { _, handlers in
            let answer = try await self.ask(
                handlers,
                WebhookPath.validateCollector,
                self.review(try yaml(Self.events))
            )
            #expect(answer[bool: "allowed"] == false && answer["status"]?["code"] == 500)
            #expect(answer["status"]?["message"]?.string == "cannot find out what the user may do: boom")
        }
    }

    // MARK: Instrumentations

    @Test func instrumentationsAreDefaultedAndValidated() async throws {
        var options = OperatorOptions()
        options.images = [.nodejs: "registry.example.com/node:7"]
        try await self.run(options: options) { _, handlers in
            let object = try yaml(
                "{apiVersion: opentelemetry.io/v1alpha1, kind: Instrumentation, metadata: {name: a, namespace: shop}, spec: {}}"
            )
            let answer = try await self.ask(handlers, WebhookPath.mutateInstrumentation, self.review(object))
            let defaulted = try self.patched(object, answer)
            #expect(defaulted.spec?["nodejs"]?["image"] == "registry.example.com/node:7")
            let again = try await self.ask(
                handlers,
                WebhookPath.mutateInstrumentation,
                self.review(defaulted.json, "UPDATE", old: object)
            )
            #expect(again[string: "patch"] == nil)
            let valid = try await self.ask(
                handlers,
                WebhookPath.validateInstrumentation,
                self.review(defaulted.json)
            )
            #expect(valid[bool: "allowed"] == true)

            var invalid = defaulted
            invalid.spec?["sampler"] = ["type": "traceidratio", "argument": "7"]
            let refused = try await self.ask(
                handlers,
                WebhookPath.validateInstrumentation,
                self.review(invalid.json)
            )
            #expect(refused[bool: "allowed"] == false)
            #expect(refused["status"]?["message"]?.string?.isEmpty == false)
        }
    }

    // MARK: The same without a cluster

    @Test(arguments: ["python", "sidecar", "both", "none"])
    func offlineInjectionIsTheWebhooks(_ what: String) async throws {
        var annotations: [String: String] = [:]
        if what == "python" || what == "both" { annotations.merge(Self.python) { $1 } }
        if what == "sidecar" || what == "both" { annotations["sidecar.opentelemetry.io/inject"] = "true" }
        let pod = try self.pod(annotations)
        let facts = ClusterFacts()
        let objects = [Self.instrumentation, Self.sidecar]
        let injector = OfflineInjector(try objects.map(yamlObject), namespace: "shop", facts: facts)
        let offline = try injector.inject(KubeObject(pod), .pod).object
        // What the stores hold went through the webhooks before.
        try await self.run(facts: facts) { _, handlers in
            var stored: [String] = []
            for (text, path) in zip(objects, [WebhookPath.mutateInstrumentation, WebhookPath.mutateCollector]) {
                let object = try yaml(text)
                let answer = try await self.ask(handlers, path, self.review(object))
                stored.append(JSONValue.object(try self.patched(object, answer).json).text())
            }
            try await self.run([Self.shop] + stored, facts: facts) { _, handlers in
                let answer = try await self.ask(handlers, WebhookPath.mutatePod, self.review(pod))
                #expect(try self.patched(pod, answer).json == offline.json)
            }
        }
        #expect((offline.json == pod) == (what == "none"))
    }
}

extension String {
    /// How often a part occurs.
    fileprivate func components(_ part: String) -> Int {
        var count = 0
        var rest = self[...]
        while let found = rest.firstRange(of: part) {
            count += 1
            rest = rest[found.upperBound...]
        }
        return count
    }
}
