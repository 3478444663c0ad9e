import JSONTree
import PrometheusModel
import Testing

/// Hostile rules and values: no crash, and the same answer with shortcuts and memory as without.
struct RelabelFuzzTests {
    private struct Dice: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            self.state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = (self.state ^ (self.state >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return mixed ^ (mixed >> 31)
        }

        mutating func below(_ limit: Int) -> Int { Int.random(in: 0..<limit, using: &self) }
        mutating func pick(_ texts: [String]) -> String { texts[self.below(texts.count)] }

        mutating func text(_ parts: [String], _ most: Int) -> String {
            let count = self.below(most + 1)
            return (0..<count).map { _ in self.pick(parts) }.joined()
        }

        mutating func value() -> String {
            switch self.below(12) {
            case 0:
                String(
                    decoding: (0..<self.below(40)).map { _ in UInt8.random(in: 0...255, using: &self) },
                    as: UTF8.self
                )
            case 1: String(repeating: self.pick(["a", "é", ";", "\n"]), count: self.below(5000))
            default: self.text(Self.words, 5)
            }
        }

        static let words = ["a", "b", "foo", ";", "Pod", "é", "日本", "\n", "\0", "$1", "1", "-", "", "İ", "ß", "FOO"]
        static let names = ["a", "b", "c", "foo", "__meta_a", "job", "é", "$1", "x-y"]
        static let regex = [
            "a", "foo", ";", "Pod;", "(.*)", "(.+)", ".*", ".+", "|", "(", ")", "\\.", "[a-z]", "\\w+", "(?i)", "(?:",
            "*", "+", "?",
            "{2}", "{0,3}", "^", "$", "\\b", "é", "日", "\\pL", "(?<n>a)", "(?P<m>.)", "\\Q", "\\E", "[^;]*", "((a*)*)*",
            "(a|b|c)", "\\C",
        ]
        static let templates = ["$1", "${1}", "$0", "$2", "${n}", "$m", "x", "", "$$", "$", "${", "é", "}", "-"]
    }

    private func rule(_ dice: inout Dice) -> JSONObject {
        let action = RelabelRule.Action.allCases[dice.below(RelabelRule.Action.allCases.count)]
        let sources = (0..<dice.below(4)).map { _ in dice.pick(Dice.names) }
        let regex = dice.text(Dice.regex, 4)
        var rule: JSONObject = ["action": .string(action.rawValue)]
        if action != .labelDrop, action != .labelKeep { rule["source_labels"] = .strings(sources) }
        if action != .keepEqual, action != .dropEqual, dice.below(4) > 0 { rule["regex"] = .string(regex) }
        switch action {
        case .replace, .labelMap:
            rule["target_label"] = .string(dice.below(3) == 0 ? dice.text(Dice.templates, 2) : dice.pick(Dice.names))
            rule["replacement"] = .string(dice.below(3) == 0 ? "$1" : dice.text(Dice.templates, 3))
            if dice.below(4) == 0 { rule["separator"] = .string(dice.pick(["", "Pod;", "é", ";;"])) }
        case .hashMod:
            rule["target_label"] = .string(dice.pick(Dice.names))
            rule["modulus"] = .int(1 + dice.below(3))
        case .keepEqual, .dropEqual, .lowercase, .uppercase: rule["target_label"] = .string(dice.pick(Dice.names))
        case .keep, .drop, .labelDrop, .labelKeep: break
        }
        return rule
    }

    @Test(arguments: 0..<4)
    func sameAnswerOnEveryWay(seed: Int) throws {
        var dice = Dice(state: UInt64(seed) << 32)
        var (table, plainTable) = (SymbolTable(), SymbolTable())
        var (rulesRead, kept, dropped) = (0, 0, 0)
        for _ in 0..<1500 {
            var rules: [RelabelRule] = []
            for _ in 0...dice.below(4) {
                let json = self.rule(&dice)
                if let rule = try? RelabelRule(json: json) { rules.append(rule) }
            }
            rulesRead += rules.count
            let seeds = [Label(name: "job", value: "j"), Label(name: "__scheme__", value: "http")]
            var quick = Relabelling(rules: rules, seeds: seeds)
            var plain = Relabelling(rules: rules, seeds: seeds, isPlain: true)
            var targets: [[Label]] = []
            for _ in 0..<4 {
                targets.append((0..<dice.below(7)).map { _ in Label(name: dice.pick(Dice.names), value: dice.value()) })
            }
            // Twice, so that what is remembered is asked for, too.
            for labels in targets + targets {
                let left = self.left(&quick, labels, &table)
                let right = self.left(&plain, labels, &plainTable)
                #expect(
                    left == right,
                    "\(rules.map { ($0.action, $0.sourceLabels, $0.regex.expression, $0.replacement) }) \(labels)"
                )
                if left.labels == nil { dropped += 1 } else { kept += 1 }
            }
            if dice.below(100) == 0 { table.collect(force: true) { _ in } }
        }
        #expect(rulesRead > 1000)
        #expect(kept > 1000)
        #expect(dropped > 500)
    }

    private struct Answer: Equatable {
        var rule: Int?
        var labels: [Label]?
    }

    private func left(_ relabelling: inout Relabelling, _ labels: [Label], _ table: inout SymbolTable) -> Answer {
        let set = LabelSet(labels, in: &table)
        switch relabelling.apply(set, in: &table) {
        case .dropped(let rule): return Answer(rule: rule)
        case .kept(let kept): return Answer(labels: kept.labels(in: table))
        }
    }
}
