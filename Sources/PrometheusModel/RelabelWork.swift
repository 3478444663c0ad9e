/// The labels of a target while rules run on them.
///
/// They have an order that `labelmap` shows when two labels are mapped to one name: first those that the target came with
/// and that are as they were, then those that were set, in the order in which they first were. The last one wins.
struct RelabelWork: Sendable {
    /// What the target came with, then what was set. A label that the target came with and that was set or removed stays
    /// as an empty one.
    private var pairs: [LabelPair] = []
    private var baseCount = 0

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

    mutating func start(_ labels: UnsafeBufferPointer<LabelPair>) {
        self.pairs.removeAll(keepingCapacity: true)
        self.pairs.append(contentsOf: labels)
        self.baseCount = labels.count
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
        let (count, base) = (self.pairs.count, self.baseCount)
        let isDone = self.pairs.withUnsafeMutableBufferPointer { pairs in
            var at = count
            while at > base {
                at &-= 1
                if pairs[at].name == name {
                    if value.isEmpty { return at }
                    pairs[at].value = value
                    return -1
                }
            }
            while at > 0 {
                at &-= 1
                if pairs[at].name == name {
                    pairs[at].value = .empty
                    break
                }
            }
            return value.isEmpty ? -1 : -2
        }
        if isDone >= 0 { self.pairs.remove(at: isDone) }
        if isDone == -2 { self.pairs.append(LabelPair(name: name, value: value)) }
    }

    /// The labels at this moment, in their order.
    var current: [LabelPair] { self.pairs.filter { !$0.value.isEmpty } }

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
