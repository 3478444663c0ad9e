import JSONTree
import PodInjection
import TelemetryAPI
import Testing

/// The fast path: an AdmissionReview read from its bytes.
struct AdmissionRequestTests {
    private func scan(_ text: String) throws -> AdmissionRequest { try AdmissionRequest(scanning: Array(text.utf8)) }

    private let pod = """
        {"metadata":{"name":"p","annotations":{"instrumentation.opentelemetry.io/inject-java":"true","a":"b"}},"spec":{}}
        """

    @Test func readsEveryMember() throws {
        let request = try self.scan(
            """
            {"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"u-1",
            "kind":{"group":"","version":"v1","kind":"Pod"},"resource":{"group":"","version":"v1","resource":"pods"},
            "name":"n","namespace":"shop","operation":"CREATE","userInfo":{"username":"alice","groups":["a","b"]},
            "object":\(self.pod),"oldObject":null,"dryRun":true,"subResource":"","options":null}}
            """
        )
        #expect(request.uid == "u-1")
        #expect(request.kind == "Pod")
        #expect(request.name == "n")
        #expect(request.namespace == "shop")
        #expect(request.operation == "CREATE")
        #expect(request.username == "alice")
        #expect(request.isDryRun)
        #expect(request.problem == "")
        #expect(request.pod?.annotations.value(.inject(.java)) == "true")
        #expect(request.pod?.annotations.resourceAttributes == [])
    }

    @Test func membersComeInAnyOrder() throws {
        let request = try self.scan(#"{"request":{"object":\#(self.pod),"dryRun":false,"uid":"u"},"kind":"x"}"#)
        #expect(request.uid == "u")
        #expect(request.pod?.annotations.value(.inject(.java)) == "true")
    }

    @Test func lastOfDuplicateMembersCounts() throws {
        let request = try self.scan(
            """
            {"request":{"uid":"old","object":null},"request":{"uid":"a","uid":"b","object":{"metadata":{"annotations":
            {"instrumentation.opentelemetry.io/inject-java":"1","instrumentation.opentelemetry.io/inject-java":"2"}},
            "metadata":{"annotations":{"instrumentation.opentelemetry.io/inject-go":"3"},
            "annotations":{"instrumentation.opentelemetry.io/inject-sdk":"4"}}}}}
            """
        )
        #expect(request.uid == "b")
        let annotations = try #require(request.pod?.annotations)
        #expect(annotations.value(.inject(.java)) == nil)
        #expect(annotations.value(.inject(.go)) == nil)
        #expect(annotations.value(.inject(.sdk)) == "4")
    }

    @Test func keysMayBeEscaped() throws {
        let request = try self.scan(
            #"{"requ\u0065st":{"uid":"u","object":{"met\u0061data":{"annotations":{"sidecar.opentelemetry.io\/inject":"tr\u0075e"}}}}}"#
        )
        #expect(request.pod?.annotations.value(.sidecar) == "true")
    }

    static let refused = [
        "", "{}", "[]", "null", "\"x\"", "42", "{\"kind\":\"AdmissionReview\"}", "{\"request\":null}",
        "{\"request\":{}}",
        "{\"request\":{\"object\":{}}}", "{\"request\":{\"uid\":7}}", "{\"request\":[]}", "not json",
        "{\"request\":{\"uid\":\"u\"}", "{\"request\":{\"uid\":\"u\"}} x", "{\"request\":{\"uid\":\"\\ud800\"}}",
        "{\"request\":{\"uid\":\"u\",\"object\":{\"metadata\":{\"annotations\":{\"a\":",
    ]

    @Test(arguments: Self.refused) func refusesWhatIsNoReview(_ text: String) {
        #expect(throws: JSONError.self) { try self.scan(text) }
    }

    @Test func saysWhatIsMissing() {
        #expect(
            throws: JSONError(.unexpectedKind, "the document is not an AdmissionReview: it has no request", offset: 0)
        ) {
            try self.scan(#"{"kind":"AdmissionReview"}"#)
        }
    }

    /// These are pods that aren't: the answer carries the uid, so the rest of the review has to be read.
    @Test(arguments: [
        #""text""#, "[]", "5", #"{"metadata":[]}"#, #"{"metadata":{"annotations":"x"}}"#, #"{"spec":7}"#,
        #"{"metadata":{"annotations":{"sidecar.opentelemetry.io/inject":true}}}"#, "null",
    ])
    func keepsTheUIDOfWhatIsNoPod(_ object: String) throws {
        let request = try self.scan(#"{"request":{"object":\#(object),"uid":"u"}}"#)
        #expect(request.uid == "u")
        #expect(request.pod == nil)
        #expect(!request.problem.isEmpty)
    }

    @Test func everyTruncationIsRefused() {
        let text = #"{"request":{"uid":"u","object":\#(self.pod),"dryRun":true}}"#
        for length in 0..<text.utf8.count {
            #expect(throws: JSONError.self) { try AdmissionRequest(scanning: Array(text.utf8.prefix(length))) }
        }
    }

    /// Bytes changed at random: a clear error or a request, never a crash, and whatever is asked for can be decided on.
    @Test func survivesMutations() {
        var random = SplitMix(seed: 7)
        let original = Array(
            #"{"request":{"uid":"u","namespace":"shop","object":{"metadata":{"labels":{"a":"b"},"annotations":{"instrumentation.opentelemetry.io/inject-java":"true","resource.opentelemetry.io/x":"y"},"ownerReferences":[{"kind":"Job","name":"j","uid":"1"}]},"spec":{"nodeName":"n","containers":[{"name":"app","image":"a:1","env":[{"name":"A","value":"b"},{"name":"B","valueFrom":{"fieldRef":{"fieldPath":"x"}}}],"volumeMounts":[{"name":"v","mountPath":"/v"}]}],"volumes":[{"name":"v"}]}}}}"#
                .utf8
        )
        let pieces = ["null", "{}", "[]", "\"", "\\", "7e9", "{\"a\":", "]", "}", ",", "\\ud83d", "\u{0}", "true"].map {
            Array($0.utf8)
        }
        for _ in 0..<20_000 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...12, using: &random)))
                case 2: bytes.insert(contentsOf: random.pick(pieces), at: place)
                default:
                    // A value of another kind.
                    if let colon = bytes[place...].firstIndex(of: UInt8(ascii: ":")) {
                        bytes.insert(contentsOf: random.pick(pieces) + [UInt8(ascii: ",")], at: colon + 1)
                    }
                }
                if bytes.isEmpty { break }
            }
            guard let request = try? AdmissionRequest(scanning: bytes), let pod = request.pod else { continue }
            var inputs = InjectionInputs(
                pod: pod,
                namespace: .found(InjectionNamespace(name: "shop", annotations: InjectionAnnotations())),
                settings: InjectionSettings()
            )
            for lookup in inputs.missingLookups() { inputs.answer(lookup, with: .notFound) }
            let answer = AdmissionAnswer.answer(request.uid, inject(inputs))
            #expect((try? JSONValue(parsing: answer))?["response"]?["uid"]?.string == request.uid)
        }
    }
}

/// A seeded generator: a failure happens again on the next run.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { self.state = seed }

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var word = self.state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }

    mutating func pick<Element>(_ choices: [Element]) -> Element {
        choices[Int.random(in: 0..<choices.count, using: &self)]
    }

    mutating func chance(_ one: Int) -> Bool { Int.random(in: 0..<one, using: &self) == 0 }
}
