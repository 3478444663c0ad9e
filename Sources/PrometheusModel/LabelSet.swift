/// A label of which both parts are in a ``SymbolTable``.
package struct LabelPair: Sendable, Hashable {
    package var name: Symbol
    package var value: Symbol

    package init(name: Symbol, value: Symbol) {
        self.name = name
        self.value = value
    }
}

/// The labels of one target: each name once, in the order of the bytes of the names.
package struct LabelSet: Sendable, Hashable {
    package private(set) var pairs: [LabelPair]

    /// No labels.
    package init() { self.pairs = [] }

    /// - Parameter sorted: each name once, in the order of their bytes, as another set had them.
    package init(sorted: some Sequence<LabelPair>) { self.pairs = Array(sorted) }

    /// What a group's targets share and what one has itself, which wins. Within each the last of equal names wins; the
    /// order does not matter, but sorted is faster.
    package init(merging group: [LabelPair], own: [LabelPair], in table: borrowing SymbolTable) {
        var pairs: [LabelPair] = []
        pairs.reserveCapacity(group.count + own.count)
        for pair in group { Self.insert(pair, into: &pairs, table) }
        for pair in own { Self.insert(pair, into: &pairs, table) }
        self.pairs = pairs
    }

    package init(_ labels: some Sequence<Label>, in table: inout SymbolTable) {
        var pairs: [LabelPair] = []
        for label in labels {
            let pair = LabelPair(name: table.intern(label.name), value: table.intern(label.value))
            Self.insert(pair, into: &pairs, table)
        }
        self.pairs = pairs
    }

    /// `nil` when there is no such label.
    package subscript(name: Symbol) -> Symbol? { self.pairs.first { $0.name == name }?.value }

    package var count: Int { self.pairs.count }

    package func labels(in table: borrowing SymbolTable) -> [Label] {
        var labels: [Label] = []
        labels.reserveCapacity(self.pairs.count)
        for pair in self.pairs {
            labels.append(Label(name: table.string(of: pair.name), value: table.string(of: pair.value)))
        }
        return labels
    }

    private static func insert(_ pair: LabelPair, into pairs: inout [LabelPair], _ table: borrowing SymbolTable) {
        guard let last = pairs.last else { return pairs.append(pair) }
        if table.precedes(last.name, pair.name) { return pairs.append(pair) }
        var (low, high) = (0, pairs.count)
        while low < high {
            let middle = (low + high) / 2
            if table.precedes(pairs[middle].name, pair.name) { low = middle + 1 } else { high = middle }
        }
        if low < pairs.count, pairs[low].name == pair.name {
            pairs[low] = pair
        } else {
            pairs.insert(pair, at: low)
        }
    }
}
