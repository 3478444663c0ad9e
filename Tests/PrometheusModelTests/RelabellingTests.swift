import JSONTree
import PrometheusModel
import Testing

/// What Prometheus 2.42, which answered the corpus, does not do or does otherwise.
struct RelabellingTests {
    private func left(_ rules: [JSONObject], _ labels: [String: String], isPlain: Bool) throws -> [String: String]? {
        var table = SymbolTable()
        let set = LabelSet(labels.map { Label(name: $0.key, value: $0.value) }, in: &table)
        var relabelling = Relabelling(rules: try rules.map { try RelabelRule(json: $0) }, seeds: [], isPlain: isPlain)
        guard case .kept(let kept) = relabelling.apply(set, in: &table) else { return nil }
        return Dictionary(uniqueKeysWithValues: kept.labels(in: table).map { ($0.name, $0.value) })
    }

    @Test(arguments: [false, true])
    func newerThanTheCorpus(isPlain: Bool) throws {
        let lines = ["a": "foo\nbar"]
        #expect(try left([["source_labels": ["a"], "target_label": "b"]], lines, isPlain: isPlain)?["b"] == "foo\nbar")
        let named: JSONObject = [
            "source_labels": ["a"], "regex": "(?<x>f.*)", "replacement": "${x}!", "target_label": "b",
        ]
        #expect(try left([named], lines, isPlain: isPlain)?["b"] == "foo\nbar!")
        let other: JSONObject = ["source_labels": ["a"], "target_label": "ö-$1", "regex": "(f)(?s:.*)"]
        #expect(try left([other], lines, isPlain: isPlain)?["ö-f"] == "f")
        let empty: JSONObject = ["source_labels": ["a"], "target_label": "${1}", "replacement": ""]
        #expect(try left([empty], ["a": "b", "b": "c"], isPlain: isPlain) == ["a": "b"])
    }

    @Test(arguments: [("baz", "976"), ("foo\nbar", "734")], [false, true])
    func hashOfTheSpecification(vector: (value: String, hash: String), isPlain: Bool) throws {
        let rule: JSONObject = ["action": "hashmod", "source_labels": ["a"], "modulus": 1000, "target_label": "h"]
        #expect(try left([rule], ["a": vector.value], isPlain: isPlain)?["h"] == vector.hash)
    }

    @Test func whichRuleDrops() throws {
        var table = SymbolTable()
        let rules: [JSONObject] = [
            ["target_label": "x", "replacement": "y"], ["action": "keep", "source_labels": ["a"], "regex": "b|c"],
        ]
        var relabelling = try Relabelling(rules: rules.map { try RelabelRule(json: $0) })
        let set = LabelSet([Label(name: "a", value: "d")], in: &table)
        #expect(relabelling.apply(set, in: &table) == .dropped(rule: 1))
    }

    /// What is remembered are symbols, which mean something else after a collection and in another table.
    @Test func forgetsWhatSymbolsMeant() throws {
        let rule: JSONObject = [
            "source_labels": ["a"], "regex": "([a-z]+)-(\\d+)", "replacement": "$2", "target_label": "n",
        ]
        var relabelling = try Relabelling(rules: [RelabelRule(json: rule)])
        for round in 0..<3 {
            var table = SymbolTable()
            if round == 1 { _ = table.intern("moves the others") }
            for number in 0..<100 {
                let set = LabelSet([Label(name: "a", value: "pod-\(number * (round + 1))")], in: &table)
                guard case .kept(let kept) = relabelling.apply(set, in: &table) else { continue }
                #expect(kept.labels(in: table).last == Label(name: "n", value: "\(number * (round + 1))"))
                if number.isMultiple(of: 10) { table.collect(force: true) { _ in } }
            }
        }
    }
}
