/// The labels of a target while rules run on them.
struct RelabelWork: Sendable {
    /// What the target came with, the seeds, what was set. A label that was removed stays as an empty one.
    private var pairs: [LabelPair] = []

    /// What is left, in the order of the bytes of the names.
    private(set) var sorted: [LabelPair] = []
    /// Targets of a job mostly have the same names, so that they need not be sorted again.
    private var orders = [Order](repeating: Order(names: [], places: []), count: Self.orderCount)
    private static let orderCount = 16

    private struct Order: Sendable {
        var names: [Symbol]
        /// Places in `pairs`.
        var places: [Int]
    }

    /// For what a step builds.
    var joined: [UInt8] = []
    var output: [UInt8] = []

    /// - Parameters:
    ///   - labels: those of a set.
    ///   - seeds: sorted, too; one is left out when there is such a label already.
    mutating func start(_ labels: UnsafeBufferPointer<LabelPair>, seeds: [LabelPair]) {
        self.pairs.removeAll(keepingCapacity: true)
        self.pairs.append(contentsOf: labels)
        for seed in seeds where self[seed.name].isEmpty { self.set(seed.name, seed.value) }
    }

    /// Empty for a label that isn't there.
    subscript(name: Symbol) -> Symbol {
        self.pairs.withUnsafeBufferPointer { pairs in
            var at = pairs.count
            while at > 0 {
                at &-= 1
                if pairs[at].name == name { return pairs[at].value }
            }
            return .empty
        }
    }

    /// An empty value removes the label.
    mutating func set(_ name: Symbol, _ value: Symbol) {
        let isThere = self.pairs.withUnsafeMutableBufferPointer { pairs in
            var at = pairs.count
            while at > 0 {
                at &-= 1
                if pairs[at].name == name {
                    pairs[at].value = value
                    return true
                }
            }
            return false
        }
        if !isThere, !value.isEmpty { self.pairs.append(LabelPair(name: name, value: value)) }
    }

    /// The labels at this moment, in no order.
    var current: [LabelPair] { self.pairs.filter { !$0.value.isEmpty } }

    /// Brings the labels of this moment into the order of the bytes of their names.
    mutating func sort(_ table: borrowing SymbolTable) {
        let slot = self.pairs.withUnsafeBufferPointer { pairs in
            var hash: UInt32 = 0
            for pair in pairs { hash = (hash ^ pair.name.index) &* 0x9E37_79B1 }
            return Int(hash >> 16) & (Self.orderCount &- 1)
        }
        if !Self.hasNames(self.orders[slot].names, self.pairs) {
            var places: [Int] = []
            for place in self.pairs.indices {
                var at = places.count
                while at > 0, table.precedes(self.pairs[place].name, self.pairs[places[at - 1]].name) { at -= 1 }
                places.insert(place, at: at)
            }
            self.orders[slot] = Order(names: self.pairs.map(\.name), places: places)
        }
        let count = self.pairs.count
        if self.sorted.count > count { self.sorted.removeLast(self.sorted.count - count) }
        while self.sorted.count < count { self.sorted.append(LabelPair(name: .empty, value: .empty)) }
        var end = 0
        self.orders[slot].places.withUnsafeBufferPointer { places in
            self.pairs.withUnsafeBufferPointer { pairs in
                self.sorted.withUnsafeMutableBufferPointer { sorted in
                    for place in places where !pairs[place].value.isEmpty {
                        sorted[end] = pairs[place]
                        end &+= 1
                    }
                }
            }
        }
        self.sorted.removeLast(count - end)
    }

    private static func hasNames(_ names: [Symbol], _ pairs: [LabelPair]) -> Bool {
        guard names.count == pairs.count, !names.isEmpty else { return false }
        return names.withUnsafeBufferPointer { names in
            pairs.withUnsafeBufferPointer { pairs in
                var differs: UInt32 = 0
                for at in names.indices { differs |= names[at].index ^ pairs[at].name.index }
                return differs == 0
            }
        }
    }
}
