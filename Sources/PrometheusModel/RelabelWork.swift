/// The labels of a target while rules run on them.
struct RelabelWork: Sendable {
    /// What the target came with, the seeds, what was set. A label that was removed stays as an empty one.
    private var pairs: [LabelPair] = []

    /// What is left, in the order of the bytes of the names.
    private(set) var sorted: [LabelPair] = []
    /// Targets of a job mostly have the same names, so that they need not be sorted again.
    private var orders = [Order](repeating: Order(names: [], places: [], lasting: []), count: Self.orderCount)
    fileprivate static let orderCount = 16
    private var orderCounter = 0
    /// What a rule copies.
    private var copies: [LabelPair] = []

    private struct Order: Sendable {
        var names: [Symbol]
        /// Places in `pairs`.
        var places: [Int]
        /// The same without what discovery says of a target.
        var lasting: [Int]
        /// Which order this is of all there were.
        var number = 0
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

    /// Brings the labels of this moment into the order of the bytes of their names.
    /// - Parameter isLasting: only those that make a target's identity.
    mutating func sort(_ table: borrowing SymbolTable, isLasting: Bool = false) {
        let slot = self.orderSlot(table)
        let places = isLasting ? self.orders[slot].lasting : self.orders[slot].places
        self.sorted.removeAll(keepingCapacity: true)
        for place in places where !self.pairs[place].value.isEmpty { self.sorted.append(self.pairs[place]) }
    }

    /// Where the order of the present names is in `orders`.
    private mutating func orderSlot(_ table: borrowing SymbolTable) -> Int {
        let slot = self.pairs.withUnsafeBufferPointer { pairs in
            var hash: UInt32 = 0
            for pair in pairs { hash = (hash ^ pair.name.index) &* 0x9E37_79B1 }
            return Int(hash >> 16) & (Self.orderCount &- 1)
        }
        if Self.hasNames(self.orders[slot].names, self.pairs) { return slot }
        var places: [Int] = []
        for place in self.pairs.indices {
            var at = places.count
            while at > 0, table.precedes(self.pairs[place].name, self.pairs[places[at - 1]].name) { at -= 1 }
            places.insert(place, at: at)
        }
        let lasting = places.filter { place in
            !table.withBytes(of: self.pairs[place].name, TargetIdentity.isDiscovered)
        }
        self.orderCounter += 1
        self.orders[slot] = Order(
            names: self.pairs.map(\.name),
            places: places,
            lasting: lasting,
            number: self.orderCounter
        )
        return slot
    }

    // MARK: What depends on names alone

    enum NameEffect: Sendable {
        case nothing
        case remove
        /// Its value goes to another label, too.
        case copy(Symbol)
    }

    /// What one rule does with names, for the targets that have the same ones.
    struct NameEffects: Sendable {
        fileprivate var order = 0
        fileprivate var removed: [Int] = []
        /// In the order of the bytes of the names: from which place to which label.
        fileprivate var copied: [(place: Int, name: Symbol)] = []

        /// As many as there are orders at a time.
        static let none = [NameEffects](repeating: NameEffects(), count: RelabelWork.orderCount)
    }

    /// Removes labels or copies them to others. Where two names become one, that which comes last wins.
    /// - Parameter known: what the same rule did before.
    mutating func rename(
        _ known: inout [NameEffects],
        _ table: inout SymbolTable,
        _ effect: (Symbol, inout RelabelWork, inout SymbolTable) -> NameEffect
    ) {
        let slot = self.orderSlot(table)
        if known[slot].order != self.orders[slot].number {
            var found = NameEffects()
            for place in self.orders[slot].places {
                switch effect(self.pairs[place].name, &self, &table) {
                case .nothing: break
                case .remove: found.removed.append(place)
                case .copy(let name): found.copied.append((place, name))
                }
            }
            found.order = self.orders[slot].number
            known[slot] = found
        }
        for place in known[slot].removed { self.pairs[place].value = .empty }
        guard !known[slot].copied.isEmpty else { return }
        // All of them look at what was there before.
        self.copies.removeAll(keepingCapacity: true)
        for (place, name) in known[slot].copied where !self.pairs[place].value.isEmpty {
            self.copies.append(LabelPair(name: name, value: self.pairs[place].value))
        }
        for at in self.copies.indices { self.set(self.copies[at].name, self.copies[at].value) }
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
