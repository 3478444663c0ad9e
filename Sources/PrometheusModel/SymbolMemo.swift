/// Remembers what one or two symbols led to. Bounded: a new answer may take the place of another.
struct SymbolMemo: Sendable {
    private var keys: [UInt64] = []
    private var values: [UInt32] = []
    /// How often an answer had to go since the last growth.
    private var losses = 0

    private static let vacant = UInt64.max
    private static let least = 16
    private static let most = 2048

    static func key(_ one: Symbol, _ other: Symbol = .empty) -> UInt64 { UInt64(one.index) | UInt64(other.index) << 32 }

    private func slot(_ key: UInt64) -> Int {
        Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) &>> 40) & (self.keys.count &- 1)
    }

    subscript(key: UInt64) -> UInt32? {
        if self.keys.isEmpty { return nil }
        let slot = self.slot(key)
        return self.keys[slot] == key ? self.values[slot] : nil
    }

    mutating func remember(_ key: UInt64, _ value: UInt32) {
        if self.keys.isEmpty {
            self.resize(Self.least)
        } else if self.losses > self.keys.count, self.keys.count < Self.most {
            self.resize(self.keys.count * 2)
        }
        let slot = self.slot(key)
        if self.keys[slot] != Self.vacant { self.losses += 1 }
        self.keys[slot] = key
        self.values[slot] = value
    }

    private mutating func resize(_ size: Int) {
        let (keys, values) = (self.keys, self.values)
        self.keys = [UInt64](repeating: Self.vacant, count: size)
        self.values = [UInt32](repeating: 0, count: size)
        self.losses = 0
        for (key, value) in zip(keys, values) where key != Self.vacant {
            let slot = self.slot(key)
            self.keys[slot] = key
            self.values[slot] = value
        }
    }
}
