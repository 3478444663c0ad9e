import PrometheusModel
import Testing

struct SymbolTableTests {
    @Test func oneSymbolForEqualTexts() {
        var table = SymbolTable()
        #expect(table.intern("") == .empty)
        let symbols = (0..<20_000).map { table.intern("text \($0)") }
        #expect(Set(symbols).count == symbols.count)
        #expect(table.count == 20_001)
        for (number, symbol) in symbols.enumerated() {
            #expect(table.string(of: symbol) == "text \(number)")
            #expect(table.find("text \(number)") == symbol)
        }
        #expect(table.find("none") == nil)
        let long = String(repeating: "é", count: 200_000)
        let symbol = table.intern(long)
        #expect(table.string(of: symbol) == long)
        let after = table.intern("after")
        #expect(table.string(of: after) == "after")
    }

    @Test func collectionKeepsWhatIsMarked() {
        var table = SymbolTable()
        let symbols = (0..<10_000).map { table.intern("a longer text, number \($0)") }
        let live = symbols.enumerated().filter { $0.offset.isMultiple(of: 3) }.map(\.element)
        #expect(table.isWorthCollecting)
        table.collect { marker in for symbol in live { marker.mark(symbol) } }
        #expect(table.count == live.count + 1)
        #expect(!table.isWorthCollecting)
        for (number, symbol) in symbols.enumerated() {
            let text = "a longer text, number \(number)"
            #expect(table.find(text) == (number.isMultiple(of: 3) ? symbol : nil))
        }
        // Freed indices are used again.
        let again = (0..<6_000).map { table.intern("new \($0)") }
        #expect(again.allSatisfy { $0.index < 10_001 })
        #expect(Set(again).isDisjoint(with: live))
        for symbol in live.prefix(100) { #expect(table.string(of: symbol).hasPrefix("a longer text")) }
        table.collect { _ in Issue.record("not worth it") }
    }

    @Test func setsAreSortedAndMerged() {
        var table = SymbolTable()
        func pairs(_ labels: [(String, String)]) -> [LabelPair] {
            labels.map { LabelPair(name: table.intern($0.0), value: table.intern($0.1)) }
        }
        let group = pairs([("b", "group"), ("ab", "group"), ("b\u{7F}", "group"), ("é", "group")])
        let own = pairs([("c", "own"), ("b", "own"), ("B", "own"), ("c", "last")])
        let set = LabelSet(merging: group, own: own, in: table)
        #expect(set.labels(in: table).map(\.name) == ["B", "ab", "b", "b\u{7F}", "c", "é"])
        let (b, c, none) = (table.intern("b"), table.intern("c"), table.intern("none"))
        #expect(set[b] == table.find("own"))
        #expect(set[c] == table.find("last"))
        #expect(set[none] == nil)
    }

    @Test func identity() {
        var table = SymbolTable()
        let labels = [Label(name: "__meta_x", value: "1"), Label(name: "b", value: "2"), Label(name: "a", value: "")]
        let set = LabelSet(labels, in: &table)
        let text: [UInt8] = [0x61, 0xFF, 0xFF, 0x62, 0xFF, 0x32, 0xFF, 0x6A, 0x6F, 0x62]
        #expect(TargetIdentity.hash(set, job: "job", in: table) == text.withUnsafeBufferPointer { XXH64.hash($0) })
    }
}
