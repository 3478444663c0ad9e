/// From a target's hash to its place, in two flat arrays: at 800,000 targets a dictionary costs twice the time.
struct HashIndex: Sendable {
    private var hashes: [UInt64] = []
    /// -1 where nothing is.
    private var values: [Int32] = []
    private(set) var count = 0
    /// Who knows how targets are hashed could else make them all meet in one place.
    private let seed = UInt64.random(in: .min ... .max) | 1

    private var mask: Int { self.values.count - 1 }

    private func start(_ hash: UInt64) -> Int {
        let mixed = (hash ^ (hash >> 31)) &* self.seed
        return Int(truncatingIfNeeded: mixed >> 32) & self.mask
    }

    subscript(hash: UInt64) -> Int32? {
        guard self.count > 0 else { return nil }
        var place = self.start(hash)
        while self.values[place] >= 0 {
            if self.hashes[place] == hash { return self.values[place] }
            place = (place + 1) & self.mask
        }
        return nil
    }

    /// The hash isn't there yet.
    mutating func insert(_ hash: UInt64, _ value: Int32) {
        if (self.count + 1) * 4 > self.values.count * 3 { self.grow(to: max(16, self.values.count * 2)) }
        self.put(hash, value)
        self.count += 1
    }

    mutating func reserve(_ count: Int) {
        var capacity = max(16, self.values.count)
        while count * 4 > capacity * 3 { capacity *= 2 }
        if capacity > self.values.count { self.grow(to: capacity) }
    }

    mutating func remove(_ hash: UInt64) {
        guard self.count > 0 else { return }
        var place = self.start(hash)
        while self.hashes[place] != hash || self.values[place] < 0 {
            if self.values[place] < 0 { return }
            place = (place + 1) & self.mask
        }
        self.count -= 1
        // What follows moves up, as far as it may stand so early: then nothing marks what was removed.
        var hole = place
        var next = (place + 1) & self.mask
        while self.values[next] >= 0 {
            let home = self.start(self.hashes[next])
            if (next - home) & self.mask >= (next - hole) & self.mask {
                self.hashes[hole] = self.hashes[next]
                self.values[hole] = self.values[next]
                hole = next
            }
            next = (next + 1) & self.mask
        }
        self.values[hole] = -1
    }

    private mutating func put(_ hash: UInt64, _ value: Int32) {
        var place = self.start(hash)
        while self.values[place] >= 0 { place = (place + 1) & self.mask }
        self.hashes[place] = hash
        self.values[place] = value
    }

    private mutating func grow(to capacity: Int) {
        let (hashes, values) = (self.hashes, self.values)
        self.hashes = Array(repeating: 0, count: capacity)
        self.values = Array(repeating: -1, count: capacity)
        for place in hashes.indices where values[place] >= 0 { self.put(hashes[place], values[place]) }
    }
}
