import PrometheusModel

/// Puts labels together in the order of their names. What discovery finds has the same names again and again, so the order is
/// remembered by them: only the first target with such names has them compared.
struct LabelMerger: Sendable {
    private struct Shape: Sendable {
        var names: [Symbol]
        /// Which of the given labels comes where; those that another one overrides are left out.
        var order: [UInt32]
    }

    private var shapes: [UInt64: Shape] = [:]
    private static let limit = 4096

    /// Of two labels with one name the later one counts.
    mutating func merge(_ labels: [LabelPair], in symbols: borrowing SymbolTable, to result: inout [LabelPair]) {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for label in labels {
            hash = (hash ^ UInt64(label.name.index)) &* 0x9E37_79B9_7F4A_7C15
            hash ^= hash >> 32
        }
        if let shape = self.shapes[hash], Self.fits(shape, labels) {
            for index in shape.order { result.append(labels[Int(index)]) }
            return
        }
        let order = Self.order(labels, symbols)
        for index in order { result.append(labels[Int(index)]) }
        if self.shapes.count >= Self.limit { self.forget() }
        self.shapes[hash] = Shape(names: labels.map(\.name), order: order)
    }

    /// Symbols may stand for other text from now on.
    mutating func forget() { self.shapes.removeAll() }

    private static func fits(_ shape: Shape, _ labels: [LabelPair]) -> Bool {
        guard shape.names.count == labels.count else { return false }
        for index in labels.indices where labels[index].name != shape.names[index] { return false }
        return true
    }

    private static func order(_ labels: [LabelPair], _ symbols: borrowing SymbolTable) -> [UInt32] {
        var last: [Symbol: Int] = [:]
        for (index, label) in labels.enumerated() { last[label.name] = index }
        return last.sorted { symbols.precedes($0.key, $1.key) }.map { UInt32($0.value) }
    }
}

/// The labels that came last, with their symbols, by their place: those of the next target are mostly the same.
struct LabelMemory: Sendable {
    private var labels: [(label: Label, pair: LabelPair)] = []

    mutating func intern(_ given: [Label], from start: Int, in symbols: inout SymbolTable, to pairs: inout [LabelPair])
    {
        for (index, label) in given.enumerated() {
            let place = start + index
            guard place < self.labels.count else {
                let pair = LabelPair(name: symbols.intern(label.name), value: symbols.intern(label.value))
                // What is longer than that has no next one.
                if place == self.labels.count, place < 256 { self.labels.append((label, pair)) }
                pairs.append(pair)
                continue
            }
            if !self.labels[place].label.name.hasSameBytes(as: label.name) {
                self.labels[place].pair.name = symbols.intern(label.name)
                self.labels[place].label.name = label.name
            }
            if !self.labels[place].label.value.hasSameBytes(as: label.value) {
                self.labels[place].pair.value = symbols.intern(label.value)
                self.labels[place].label.value = label.value
            }
            pairs.append(self.labels[place].pair)
        }
    }

    mutating func forget() { self.labels = [] }
}
