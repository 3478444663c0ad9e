/// The labels of a target while rules run on them.
struct RelabelWork: Sendable {
    /// What the target came with, the seeds, what was set. A label that was removed stays as an empty one.
    private var pairs: [LabelPair] = []

    /// What is left, in the order of the bytes of the names.
    private(set) var sorted: [LabelPair] = []
    /// Targets of a job mostly have the same names, so that they need not be sorted again.
    private var orders = [Order?](repeating: nil, count: Self.orderCount)
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
        var hash: UInt32 = 0
        for pair in self.pairs { hash = (hash ^ pair.name.index) &* 0x9E37_79B1 }
        let slot = Int(hash >> 16) & (Self.orderCount - 1)
        if self.orders[slot].map({ $0.names.elementsEqual(self.pairs.lazy.map(\.name)) }) != true {
            var places: [Int] = []
            for place in self.pairs.indices {
                var at = places.count
                while at > 0, table.precedes(self.pairs[place].name, self.pairs[places[at - 1]].name) { at -= 1 }
                places.insert(place, at: at)
            }
            self.orders[slot] = Order(names: self.pairs.map(\.name), places: places)
        }
        self.sorted.removeAll(keepingCapacity: true)
        guard let order = self.orders[slot] else { return }
        for place in order.places where !self.pairs[place].value.isEmpty { self.sorted.append(self.pairs[place]) }
    }
}
