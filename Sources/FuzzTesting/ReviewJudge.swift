import CollectorVersions
import JSONTree
import KubeModel
import PodInjection
import Rendering
import TelemetryAPI

/// Answers inputs as the webhooks do, and says what is wrong with the answers.
package struct ReviewJudge: Sendable {
    package struct Counts: Sendable {
        /// Pods that were changed.
        package var patched = 0
        /// Pods that were let in as they came.
        package var unchanged = 0
        /// Reviews that were answered with a refusal.
        package var refused = 0
        /// Bodies that were answered with HTTP 400.
        package var unreadable = 0
        /// Inputs about our own resources that could be read.
        package var resources = 0
        /// Patches that were applied, and the result reviewed again.
        package var applied = 0
        /// Bytes of the largest answer.
        package var largest = 0
    }

    /// Injection adds 4 MiB of variables at most (``Injection/maximumAddedBytes``), which Base64 makes a third more; what
    /// is said besides, and the pod's own text that a patch repeats, is in the rest.
    package static func answerLimit(body: Int) -> Int { 8 << 20 + 2 * body }

    package private(set) var counts = Counts()
    private let corpus: FuzzCorpus

    package init(_ corpus: FuzzCorpus) { self.corpus = corpus }

    /// - Parameter thoroughly: whether patches are applied as well, and the results reviewed again.
    /// - Returns: what is wrong; `nil` when nothing is.
    package mutating func judge(_ input: FuzzInput, thoroughly: Bool) -> String? {
        switch input.target {
        case .pod: self.judgePod(input, thoroughly)
        case .conversion: self.judgeConversion(input.body)
        case .collector: self.judgeCollector(input.body, thoroughly)
        case .instrumentation: self.judgeInstrumentation(input.body)
        }
    }

    private struct Wrong: Error {
        var text: String
    }

    // MARK: Pods

    private mutating func judgePod(_ input: FuzzInput, _ thoroughly: Bool) -> String? {
        guard let scenario = self.corpus.scenarios[input.scenario] else { return "no scenario \(input.scenario)" }
        var cluster = Cluster(scenario, input.number)
        do throws(Wrong) {
            guard let (review, answer) = try Self.answer(input.body, &cluster) else {
                self.counts.unreadable += 1
                return nil
            }
            self.counts.largest = max(self.counts.largest, answer.count)
            let patch = try self.checked(answer, of: review, bodySize: input.body.count)
            guard thoroughly, let patch else { return nil }
            try self.apply(patch, input.body, review, &cluster)
            return nil
        } catch {
            return error.text
        }
    }

    /// As the webhook does it; `nil` for an HTTP 400.
    private static func answer(
        _ body: [UInt8],
        _ cluster: inout Cluster
    ) throws(Wrong) -> (PodReview, [UInt8])? {
        var review: PodReview
        do throws(JSONError) {
            review = try PodReview(scanning: body, settings: cluster.settings)
        } catch {
            if error.description.isEmpty { throw Wrong(text: "an HTTP 400 that says nothing") }
            return nil
        }
        for _ in 0..<32 {
            switch review.next() {
            case .answer(let bytes): return (review, bytes)
            case .namespace(let name): review.answer(namespace: cluster.namespace(name))
            case .lookups(let lookups):
                for lookup in lookups { review.answer(lookup, with: cluster.answer(to: lookup)) }
            }
        }
        throw Wrong(text: "lookups without an end")
    }

    /// The patch of an answer that is as it has to be; `nil` without one.
    private mutating func checked(
        _ answer: [UInt8],
        of review: PodReview,
        bodySize: Int
    ) throws(Wrong) -> [UInt8]? {
        if answer.count > Self.answerLimit(body: bodySize) {
            throw Wrong(text: "\(answer.count) bytes answer \(bodySize)")
        }
        let tree = try Self.parsed(answer, "the answer")
        guard tree["kind"] == "AdmissionReview", tree["apiVersion"] == "admission.k8s.io/v1",
            let response = tree["response"]?.object
        else { throw Wrong(text: "the answer is no AdmissionReview") }
        guard response[string: "uid"] == review.request.uid, !review.request.uid.isEmpty else {
            throw Wrong(text: "the answer has another uid")
        }
        guard let code = response[object: "status"]?[int: "code"] else { throw Wrong(text: "no status.code") }
        if let warnings = response["warnings"] {
            guard let texts = response[strings: "warnings"], texts.count == warnings.array?.count, texts.count <= 32
            else {
                throw Wrong(text: "warnings that are no texts, or too many")
            }
        }
        guard let allowed = response[bool: "allowed"] else { throw Wrong(text: "neither allowed nor refused") }
        if !allowed {
            guard (400..<500).contains(code) else { throw Wrong(text: "refused with \(code)") }
            guard response["patch"] == nil else { throw Wrong(text: "refused, with a patch") }
            guard response[object: "status"]?[string: "message"]?.isEmpty == false else {
                throw Wrong(text: "refused without a word")
            }
            self.counts.refused += 1
            return nil
        }
        // With an error the pod is let in as it came, but for what is said on it.
        guard code == 200 || code == 500 && review.outcome?.error != nil else {
            throw Wrong(text: "allowed with \(code)")
        }
        guard let patch = response["patch"] else {
            if response["patchType"] != nil { throw Wrong(text: "patchType without a patch") }
            self.counts.unchanged += 1
            return nil
        }
        guard response["patchType"] == "JSONPatch", let text = patch.string, let bytes = Base64.decode(text) else {
            throw Wrong(text: "the patch is not Base64 of a JSONPatch")
        }
        guard JSONSpans.isWellFormed(bytes), bytes.first == UInt8(ascii: "["), bytes.count > 2 else {
            throw Wrong(text: "the patch is no JSON array, or an empty one")
        }
        if code == 200 { self.counts.patched += 1 } else { self.counts.unchanged += 1 }
        return bytes
    }

    /// The patch fits the object that came, and leaves nothing to do.
    private mutating func apply(
        _ patch: [UInt8],
        _ body: [UInt8],
        _ review: PodReview,
        _ cluster: inout Cluster
    ) throws(Wrong) {
        // What is skipped may lie deeper than a tree may.
        guard case .object(let tree)? = try? JSONValue(parsing: body), let request = tree[object: "request"],
            let pod = request["object"]
        else { return }
        guard request[string: "uid"] == review.request.uid else { throw Wrong(text: "a tree has another uid") }
        let changed: JSONValue
        do throws(JSONPatchError) {
            changed = try JSONPatch(try Self.patch(patch)).applied(to: pod)
        } catch {
            throw Wrong(text: "the patch does not fit: \(error)")
        }
        guard case .object = changed else { throw Wrong(text: "the patch leaves no object") }
        self.counts.applied += 1
        // Of members with the same name the last one counts, for the scanner as for a tree, which has only that one.
        var rest = cluster
        let plain: JSONObject = ["kind": "AdmissionReview", "request": .object(request)]
        guard let (_, other) = try Self.answer(plain.bytes(), &rest) else { throw Wrong(text: "a tree can't be read") }
        let otherText = try Self.parsed(other, "the answer to a tree")["response"]?["patch"]?.string ?? ""
        guard let otherPatch = Base64.decode(otherText), let tree = try? JSONValue(parsing: otherPatch),
            let otherChanged = try? JSONPatch(tree).applied(to: pod), otherChanged == changed
        else {
            throw Wrong(text: "a tree of the same review is answered otherwise")
        }
        var next = request
        next["object"] = changed
        let again: JSONObject = ["kind": "AdmissionReview", "request": .object(next)]
        guard let (_, answer) = try Self.answer(again.bytes(), &cluster) else {
            throw Wrong(text: "the changed pod can't be read")
        }
        let response = try Self.parsed(answer, "the second answer")["response"]
        guard response?["allowed"] == true else {
            let why = response?["status"]?["message"]?.string ?? ""
            let text = String(decoding: patch.prefix(2000), as: UTF8.self)
            throw Wrong(text: "the changed pod is refused: \(why), by \(text)")
        }
        if let text = response?["patch"]?.string, let more = Base64.decode(text) {
            throw Wrong(text: "the second pass changes: \(String(decoding: more.prefix(600), as: UTF8.self))")
        }
    }

    private static func patch(_ bytes: [UInt8]) throws(JSONPatchError) -> JSONValue {
        do throws(JSONError) {
            return try JSONValue(parsing: bytes)
        } catch {
            throw JSONPatchError(.malformed, error.description)
        }
    }

    private static func parsed(_ bytes: [UInt8], _ what: String) throws(Wrong) -> JSONValue {
        guard JSONSpans.isWellFormed(bytes) else { throw Wrong(text: "\(what) is no JSON") }
        guard let tree = try? JSONValue(parsing: bytes) else { throw Wrong(text: "we can't read \(what)") }
        return tree
    }

    // MARK: Our own resources

    private mutating func judgeConversion(_ body: [UInt8]) -> String? {
        guard let review = try? ConversionReview(parsing: body) else {
            self.counts.unreadable += 1
            return nil
        }
        let answer = review.answer
        self.counts.largest = max(self.counts.largest, answer.count)
        self.counts.resources += 1
        do throws(Wrong) {
            let response = try Self.parsed(answer, "the answer")["response"]
            guard let response, response["uid"]?.string == review.uid else { throw Wrong(text: "another uid") }
            let objects = response["convertedObjects"]?.array ?? []
            switch response["result"]?["status"] {
            case "Success":
                guard objects.count == review.objects.count else { throw Wrong(text: "objects are lost") }
                guard objects.allSatisfy({ $0["apiVersion"]?.string == review.desiredAPIVersion }) else {
                    throw Wrong(text: "an object of another version")
                }
            case "Failure":
                guard response["result"]?["message"]?.string?.isEmpty == false, objects.isEmpty else {
                    throw Wrong(text: "a failure without a message, or with objects")
                }
            default: throw Wrong(text: "neither success nor failure")
            }
            // Both versions hold all there is, so neither can be much larger.
            guard answer.count <= 1 << 20 + 16 * body.count else {
                throw Wrong(text: "\(answer.count) bytes answer \(body.count)")
            }
        } catch {
            return error.text
        }
        return nil
    }

    /// The object of a review, as the webhooks for our own resources read it.
    private mutating func object(_ body: [UInt8]) -> JSONObject? {
        guard case .object(let tree)? = try? JSONValue(parsing: body),
            let object = tree[object: "request"]?[object: "object"]
        else {
            self.counts.unreadable += 1
            return nil
        }
        self.counts.resources += 1
        return object
    }

    private mutating func judgeCollector(_ body: [UInt8], _ thoroughly: Bool) -> String? {
        guard let object = self.object(body) else { return nil }
        let settings = OperatorSettings()
        let facts = ClusterFacts()
        let collector: Collector
        do throws(PlanError) {
            collector = try defaultCollector(Collector(object), settings: settings).collector
        } catch {
            return error.description.isEmpty ? "refused without a word" : nil
        }
        if let wrong = Self.difference(object, collector.json) { return wrong }
        guard let again = try? defaultCollector(collector, settings: settings).collector, again == collector else {
            return "defaulting twice is not as once"
        }
        let validation = validateCollector(collector, old: Collector(object), settings: settings, facts: facts)
        if validation.errors.contains(where: \.message.isEmpty) { return "an error without a word" }
        _ = upgradeCollector(collector, to: "0.158.0")
        guard let plan = try? plan(CollectorInputs(collector: collector, settings: settings, facts: facts)) else {
            return nil
        }
        guard thoroughly else { return nil }
        for object in plan.apply where !JSONSpans.isWellFormed(object.json.bytes()) {
            return "\(object.kind) is no JSON"
        }
        return nil
    }

    private mutating func judgeInstrumentation(_ body: [UInt8]) -> String? {
        guard let object = self.object(body) else { return nil }
        let defaults = InstrumentationDefaulting()
        var instrumentation = Instrumentation(object)
        defaults.apply(to: &instrumentation)
        if let wrong = Self.difference(object, instrumentation.json) { return wrong }
        var again = instrumentation
        defaults.apply(to: &again)
        if again.json != instrumentation.json { return "defaulting twice is not as once" }
        let upgraded = InstrumentationUpgrade.plan(instrumentation, defaults: defaults) { _ in true }
        let twice = InstrumentationUpgrade.plan(upgraded.instrumentation, defaults: defaults) { _ in true }
        if twice.instrumentation.json != upgraded.instrumentation.json { return "upgrading twice is not as once" }
        let validation = InstrumentationValidation(instrumentation, defaults: defaults)
        return validation.error?.isEmpty == true ? "refused without a word" : nil
    }

    /// Whether the patch that is answered makes the one of the other.
    private static func difference(_ old: JSONObject, _ new: JSONObject) -> String? {
        let bytes = JSONPatch.diff(from: old, to: new).bytes
        guard JSONSpans.isWellFormed(bytes) else { return "the patch is no JSON" }
        guard let patch = try? JSONPatch(JSONValue(parsing: bytes)), let changed = try? patch.applied(to: .object(old))
        else {
            return "the patch can't be applied"
        }
        return changed == .object(new) ? nil : "the patch makes something else"
    }
}

/// What lookups are answered from: always the same for one input, some with a failure.
private struct Cluster {
    let settings: InjectionSettings
    private let scenario: FuzzCorpus.Scenario
    private let catalog: InjectionCatalog
    private let failsSometimes: Bool
    private var random: SeededRandom
    private var namespaces: [String: InjectionInputs.NamespaceAnswer] = [:]
    private var answers: [InjectionLookup: InjectionAnswer] = [:]

    init(_ scenario: FuzzCorpus.Scenario, _ number: UInt64) {
        var random = SeededRandom(0xC1057E5, number)
        self.scenario = scenario
        self.catalog = random.oneIn(2) ? scenario.catalogs[0] : random.pick(scenario.catalogs)
        self.failsSometimes = random.oneIn(4)
        var settings = scenario.settings
        if random.oneIn(4) { settings.usesNativeSidecars.toggle() }
        if random.oneIn(8) { settings.allowsMultipleLanguages.toggle() }
        if random.oneIn(8) { settings.enabledLanguages = random.oneIn(2) ? [] : InjectionSettings.defaultLanguages }
        if random.oneIn(16) { settings.staticInstrumentation = Instrumentation(["spec": ["java": ["image": "i"]]]) }
        self.settings = settings
        self.random = random
    }

    mutating func namespace(_ name: String) -> InjectionInputs.NamespaceAnswer {
        if let known = self.namespaces[name] { return known }
        var answer = InjectionInputs.NamespaceAnswer.found(self.catalog.namespace(name))
        if self.random.oneIn(16) {
            let asked = [
                ("instrumentation.opentelemetry.io/inject-sdk", "true"), ("sidecar.opentelemetry.io/inject", "true"),
            ]
            answer = .found(InjectionNamespace(name: name, annotations: InjectionAnnotations(asked)))
        } else if self.failsSometimes, self.random.oneIn(8) {
            answer = .failed("namespaces \"\(name)\" not found")
        }
        self.namespaces[name] = answer
        return answer
    }

    mutating func answer(to lookup: InjectionLookup) -> InjectionAnswer {
        if let known = self.answers[lookup] { return known }
        var answer = self.catalog.answer(to: lookup)
        if self.failsSometimes {
            switch self.random.below(6) {
            case 0: answer = .notFound
            case 1: answer = .failed("the API server did not answer within 2.0 seconds")
            default: break
            }
        }
        self.answers[lookup] = answer
        return answer
    }
}
