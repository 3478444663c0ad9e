import JSONTree
import PrometheusConfig
import YAMLTree

/// Mutated configurations of the target allocator, and a judge of what becomes of them. Each follows from the seed and its
/// number.
package struct ConfigurationFuzz: Sendable {
    private static let secret = "S3cr3t-9f2c"
    private static let secretNames: Set<String> = [
        "password", "credentials", "client_secret", "bearer_token", "key", "proxy_connect_header", "secrets",
    ]
    private static let oddities: [JSONValue] = [
        .null, true, false, 0, -1, 1.5, "", "a", "0s", "1m", "-1s", "(", "<secret>", "http://u:p@h", "é\u{301}", "$1",
        [], [:],
        ["a"], ["a": "b"], [.null], .number(JSONNumber(uncheckedLiteral: "1e999")),
        .number(JSONNumber(uncheckedLiteral: "99999999999999999999")),
    ]

    private let documents: [JSONValue]
    /// Names and values that occur somewhere, to put elsewhere.
    private let names: [String]
    private let donors: [JSONValue]

    /// - Parameter texts: lists of cases in YAML, with `document` or `job` in each, as the tests of PrometheusConfig have them.
    package init(cases texts: [String]) throws {
        var documents: [JSONValue] = []
        for text in texts {
            for element in try YAMLReader.document(in: text, dialect: .trueFalseOnly).array ?? [] {
                if let document = element["document"] {
                    documents.append(document)
                } else if let job = element["job"] {
                    documents.append(["scrape_configs": [job, ["job_name": "other"]]])
                }
            }
        }
        self.documents = documents
        var names: Set<String> = []
        var donors: [JSONValue] = []
        for document in documents { Self.collect(document, &names, &donors) }
        self.names = names.sorted()
        self.donors = donors
    }

    package var isEmpty: Bool { self.documents.isEmpty }

    private static func collect(_ value: JSONValue, _ names: inout Set<String>, _ donors: inout [JSONValue]) {
        donors.append(value)
        switch value {
        case .object(let object):
            for (name, member) in object {
                names.insert(name)
                Self.collect(member, &names, &donors)
            }
        case .array(let elements):
            for element in elements { Self.collect(element, &names, &donors) }
        default: break
        }
    }

    // MARK: - Inputs

    /// The text of a configuration.
    package func input(seed: UInt64, number: UInt64) -> [UInt8] {
        var random = SeededRandom(seed, number)
        var document = random.pick(self.documents)
        for _ in 0..<random.below(6) { document = self.mutated(document, &random, depth: 0) }
        document = self.withSecrets(document, &random)
        var bytes = Array(YAMLWriter.text(document).utf8)
        if random.oneIn(4) { Self.damage(&bytes, &random) }
        return bytes
    }

    private func mutated(_ value: JSONValue, _ random: inout SeededRandom, depth: Int) -> JSONValue {
        if depth > 0 && random.oneIn(6) {
            return random.oneIn(2) ? random.pick(Self.oddities) : random.pick(self.donors)
        }
        switch value {
        case .object(var object):
            if object.isEmpty || random.oneIn(8) {
                object[random.pick(self.names)] =
                    random.oneIn(2) ? random.pick(Self.oddities) : random.pick(self.donors)
                return .object(object)
            }
            let member = random.pick(object.members)
            if random.oneIn(10) {
                object.remove(member.key)
            } else if random.oneIn(20) {
                object["\(member.key)\(random.pick(["s", "_x", "_sd_configs", "é"]))"] = member.value
            } else {
                object[member.key] = self.mutated(member.value, &random, depth: depth + 1)
            }
            return .object(object)
        case .array(var elements):
            if elements.isEmpty || random.oneIn(8) {
                elements.append(random.pick(self.donors))
                return .array(elements)
            }
            let place = random.below(elements.count)
            if random.oneIn(10) {
                elements.remove(at: place)
            } else if random.oneIn(10) {
                elements.append(elements[place])
            } else {
                elements[place] = self.mutated(elements[place], &random, depth: depth + 1)
            }
            return .array(elements)
        case .string(let text):
            switch random.below(4) {
            case 0: return .string(text + text)
            case 1: return .string(String(text.dropLast()))
            case 2: return .string(text + random.pick(["\u{0}", " ", "(", "%", ":", "é", "\n", "$"]))
            default: return random.pick(Self.oddities)
            }
        default: return random.pick(Self.oddities)
        }
    }

    /// Puts one text in every place that holds a secret, and nowhere else.
    private func withSecrets(_ value: JSONValue, _ random: inout SeededRandom) -> JSONValue {
        switch value {
        case .object(let object):
            var result = JSONObject(minimumCapacity: object.count)
            for (name, member) in object {
                if Self.secretNames.contains(name) {
                    result[name] = Self.withSecret(member)
                } else {
                    result[name] = self.withSecrets(member, &random)
                }
            }
            return .object(result)
        case .array(let elements): return .array(elements.map { self.withSecrets($0, &random) })
        default: return value
        }
    }

    private static func withSecret(_ value: JSONValue) -> JSONValue {
        switch value {
        case .string, .number: .string(Self.secret)
        case .array(let elements): .array(elements.map(Self.withSecret))
        case .object(let object): .object(JSONObject(object.map { ($0.key, Self.withSecret($0.value)) }))
        default: value
        }
    }

    private static func damage(_ bytes: inout [UInt8], _ random: inout SeededRandom) {
        for _ in 0..<(1 + random.below(3)) where !bytes.isEmpty {
            let place = random.below(bytes.count)
            switch random.below(4) {
            case 0: bytes.remove(at: place)
            case 1: bytes[place] = UInt8(random.below(256))
            case 2:
                bytes.insert(
                    contentsOf: random.pick(["&a ", "*a", "<<: ", "- ", ": ", "\t", "!!", "|\n"]).utf8,
                    at: place
                )
            default: bytes.removeLast(random.below(bytes.count))
            }
        }
    }

    // MARK: - Judgement

    /// What came of an input.
    package struct Verdict: Sendable {
        package var jobs = 0
        package var problems = 0
        /// What is wrong with the answer; `nil` when nothing is.
        package var wrong: String?
    }

    package static func judge(_ bytes: [UInt8]) -> Verdict {
        var verdict = Verdict()
        let text = String(decoding: bytes, as: UTF8.self)
        // Whatever it is, loading it as settings ends, too.
        _ = try? AllocatorSettings.load(file: text)
        let document: PrometheusDocument
        do {
            document = try PrometheusDocument(yaml: text)
        } catch {
            verdict.problems = 1
            if "\(error)".utf8.count > Self.longest { verdict.wrong = "an error of \("\(error)".utf8.count) bytes" }
            return verdict
        }
        verdict.jobs = document.jobs.count
        verdict.problems = document.problems.count
        verdict.wrong = Self.fault(of: document, isWhole: text.utf8.count == bytes.count && Self.isUndamaged(text))
        return verdict
    }

    private static let longest = 4000

    /// A damaged text may have its secret anywhere, as part of a name or of an address.
    private static func isUndamaged(_ text: String) -> Bool {
        guard let value = try? YAMLReader.document(in: text, dialect: .trueFalseOnly) else { return false }
        return Self.hidesSecrets(value)
    }

    private static func hidesSecrets(_ value: JSONValue) -> Bool {
        switch value {
        case .object(let object):
            object.allSatisfy { name, member in
                !name.contains("S3cr") && (Self.secretNames.contains(name) || Self.hidesSecrets(member))
            }
        case .array(let elements): elements.allSatisfy(Self.hidesSecrets)
        case .string(let text): !text.contains("S3cr")
        default: true
        }
    }

    private static func fault(of document: PrometheusDocument, isWhole: Bool) -> String? {
        guard document.jobs.count + document.problems.count == document.scrapeConfigCount else {
            return
                "\(document.jobs.count) jobs and \(document.problems.count) problems of \(document.scrapeConfigCount)"
        }
        guard Set(document.jobs.map(\.name)).count == document.jobs.count else { return "a name is there twice" }
        for problem in document.problems + document.warnings {
            let text = problem.description
            if text.utf8.count > Self.longest { return "a message of \(text.utf8.count) bytes" }
            if isWhole && text.contains(Self.secret) { return "a secret in a message: \(text)" }
        }
        for job in document.jobs {
            let clear = job.served(masked: false)
            do {
                let again = try ScrapeJob(json: clear, global: GlobalConfig())
                if again.served(masked: false) != clear { return "served otherwise the second time: \(job.name)" }
                if again.discoveries != job.discoveries { return "discovered otherwise the second time: \(job.name)" }
            } catch {
                return "refused the second time: \(error)"
            }
            let masked = job.served(masked: true)
            // What labels, parameters and rules say is for everybody, whatever they are called.
            var guarded = masked
            for name in ["params", "static_configs", "relabel_configs", "metric_relabel_configs"] {
                guarded.remove(name)
            }
            if isWhole && JSONValue.object(guarded).text().contains(Self.secret) {
                return "a secret is served: \(job.name)"
            }
        }
        return nil
    }
}
