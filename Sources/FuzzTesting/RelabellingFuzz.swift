import JSONTree
import PrometheusModel

/// Hostile relabel rules and labels, and a judge of what becomes of them. Each follows from the seed and its number.
package struct RelabellingFuzz: Sendable {
    private static let names = [
        "a", "b", "c", "job", "__address__", "__tmp_hash", "__meta_kubernetes_pod_label_app", "__param_target", "é",
        "$1",
        "x-y", "A",
    ]
    private static let words = [
        "a", "b", "foo", "FOO", ";", "Pod;", "é", "日本", "\n", "\0", "$1", "${1}", "1", "-", "", "İ", "ß", "true",
        "10.0.0.1:80",
        "\u{FFFD}", "e\u{301}",
    ]
    private static let patterns = [
        "a", "foo", ";", "Pod;", "(.*)", "(.+)", ".*", ".+", "|", "(", ")", "\\.", "[a-z]", "\\w+", "(?i)", "(?:", "*",
        "+", "?", "{2}", "{0,3}", "^", "$", "\\b", "é", "日", "\\pL", "(?<n>a)", "(?P<m>.)", "\\Q", "\\E", "[^;]*",
        "((a*)*)*", "(a|b|c)", "\\C", "true", "[", "]", "(?s:", "\\x00", "\\d{1,5}",
    ]
    private static let templates = [
        "$1", "${1}", "$0", "$2", "${n}", "$m", "x", "", "$$", "$", "${", "é", "}", "-", "$1x",
    ]
    private static let oddities: [JSONValue] = [
        .null, true, 0, -1, 1.5, "", [], [:], ["a"], [.null], .number(JSONNumber(uncheckedLiteral: "1e300")),
        .number(JSONNumber(uncheckedLiteral: "18446744073709551616")),
    ]

    package init() {}

    /// A document of one object: `rules` and `targets`, the latter objects of labels.
    package func input(seed: UInt64, number: UInt64) -> [UInt8] {
        var random = SeededRandom(seed, number)
        let rules = (0...random.below(6)).map { _ in JSONValue.object(Self.rule(&random)) }
        let targets = (0...random.below(5)).map { _ in
            JSONValue.object(
                JSONObject(
                    Dictionary(
                        (0..<random.below(8)).map { _ in (random.pick(Self.names), Self.value(&random)) },
                        uniquingKeysWith: { $1 }
                    ).sorted { $0.key < $1.key }.map { ($0.key, JSONValue.string($0.value)) }
                )
            )
        }
        let document: JSONObject = ["rules": .array(rules), "targets": .array(targets)]
        return document.bytes()
    }

    private static func text(_ parts: [String], _ most: Int, _ random: inout SeededRandom) -> String {
        (0..<random.below(most + 1)).map { _ in random.pick(parts) }.joined()
    }

    private static func value(_ random: inout SeededRandom) -> String {
        switch random.below(12) {
        case 0: String(decoding: (0..<random.below(40)).map { _ in UInt8(random.below(256)) }, as: UTF8.self)
        case 1: String(repeating: random.pick(["a", "é", ";", "\n", "1"]), count: random.below(4000))
        default: Self.text(Self.words, 5, &random)
        }
    }

    private static func rule(_ random: inout SeededRandom) -> JSONObject {
        let action = random.pick(RelabelRule.Action.allCases)
        var rule: JSONObject = ["action": .string(action.rawValue)]
        if action != .labelDrop, action != .labelKeep {
            rule["source_labels"] = .strings((0..<random.below(4)).map { _ in random.pick(Self.names) })
        }
        if action != .keepEqual, action != .dropEqual, !random.oneIn(4) {
            rule["regex"] = .string(Self.text(Self.patterns, 4, &random))
        }
        switch action {
        case .replace, .labelMap:
            rule["target_label"] = .string(
                random.oneIn(3) ? Self.text(Self.templates, 2, &random) : random.pick(Self.names)
            )
            rule["replacement"] = .string(random.oneIn(3) ? "$1" : Self.text(Self.templates, 3, &random))
            if random.oneIn(4) { rule["separator"] = .string(random.pick(["", "Pod;", "é", ";;"])) }
        case .hashMod:
            rule["target_label"] = .string(random.pick(Self.names))
            rule["modulus"] = .int(1 + random.below(5))
        case .keepEqual, .dropEqual, .lowercase, .uppercase: rule["target_label"] = .string(random.pick(Self.names))
        case .keep, .drop, .labelDrop, .labelKeep: break
        }
        // What a user may have written instead.
        if random.oneIn(8), let member = rule.members.isEmpty ? nil : random.pick(Array(rule.members)) {
            rule[member.key] = random.pick(Self.oddities)
        }
        if random.oneIn(30) { rule[random.pick(["regexp", "sourceLabels", "é"])] = "a" }
        return rule
    }

    // MARK: - Answers

    package struct Verdict: Sendable {
        package var wrong: String?
        package var rules = 0
        package var refused = 0
        package var kept = 0
        package var dropped = 0

        package init() {}
    }

    private struct Answer: Equatable {
        var rule: Int?
        var labels: [Label] = []
    }

    /// Every way to the answer gives the same one: with and without what is remembered, and one rule after the other.
    package static func judge(_ bytes: [UInt8]) -> Verdict {
        var verdict = Verdict()
        guard let document = try? JSONValue(parsing: bytes) else {
            verdict.wrong = "the input is no JSON"
            return verdict
        }
        var rules: [RelabelRule] = []
        for element in document["rules"]?.array ?? [] {
            do throws(RelabelRule.Problem) {
                rules.append(try RelabelRule(json: element.object ?? [:]))
            } catch {
                verdict.refused += 1
                if error.description.utf8.count > 4_000 {
                    verdict.wrong = "a message of \(error.description.utf8.count)"
                }
            }
        }
        verdict.rules = rules.count
        let seeds = [Label(name: "job", value: "j"), Label(name: "__scheme__", value: "http")]
        var (table, plainTable, singleTable) = (SymbolTable(), SymbolTable(), SymbolTable())
        var quick = Relabelling(rules: rules, seeds: seeds)
        var plain = Relabelling(rules: rules, seeds: seeds, isPlain: true)
        let targets = (document["targets"]?.array ?? []).map { target in
            (target.object ?? [:]).map { Label(name: $0.key, value: $0.value.string ?? "") }
        }
        // Again, for what is remembered; in between once more with a table that has thrown its symbols away.
        for round in 0..<3 {
            if round == 2 { table.collect(force: true) { _ in } }
            for labels in targets {
                let answer = Self.answer(&quick, labels, &table)
                let expected = Self.answer(&plain, labels, &plainTable)
                if answer != expected { verdict.wrong = "with shortcuts \(answer), without \(expected), of \(labels)" }
                if round == 0 {
                    let single = Self.oneByOne(rules, seeds, labels, &singleTable)
                    if answer != single { verdict.wrong = "at once \(answer), rule by rule \(single), of \(labels)" }
                    if answer.rule == nil { verdict.kept += 1 } else { verdict.dropped += 1 }
                }
                if let fault = Self.fault(of: answer.labels) { verdict.wrong = "\(fault): \(answer.labels)" }
            }
        }
        return verdict
    }

    private static func answer(
        _ relabelling: inout Relabelling,
        _ labels: [Label],
        _ table: inout SymbolTable
    ) -> Answer {
        let set = LabelSet(labels, in: &table)
        switch relabelling.apply(set, in: &table) {
        case .dropped(let rule): return Answer(rule: rule)
        case .kept(let kept): return Answer(labels: kept.labels(in: table))
        }
    }

    private static func oneByOne(
        _ rules: [RelabelRule],
        _ seeds: [Label],
        _ labels: [Label],
        _ table: inout SymbolTable
    ) -> Answer {
        var none = Relabelling(rules: [], seeds: seeds, isPlain: true)
        var current = Self.answer(&none, labels, &table).labels
        for (index, rule) in rules.enumerated() {
            var single = Relabelling(rules: [rule], seeds: [], isPlain: true)
            let answer = Self.answer(&single, current, &table)
            if answer.rule != nil { return Answer(rule: index) }
            current = answer.labels
        }
        return Answer(labels: current)
    }

    private static func fault(of labels: [Label]) -> String? {
        for (index, label) in labels.enumerated() {
            // A name may be empty: labelmap makes such ones in Prometheus, too.
            if label.value.isEmpty { return "an empty label" }
            if index > 0, !labels[index - 1].name.utf8.lexicographicallyPrecedes(label.name.utf8) {
                return "labels that are not in order, or one twice"
            }
        }
        return nil
    }
}
