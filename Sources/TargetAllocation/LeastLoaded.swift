/// Which collectors have the fewest targets, as a set of bits by the order of their names. It follows every change; all
/// collectors are looked at only when the last of the set has got one more, which is once for all of them where targets are
/// spread evenly.
struct LeastLoaded: Sendable {
    /// By rank.
    private var slots: [Int32] = []
    private var loads: [Int32] = []
    /// By slot; -1 for those that are not there.
    private var ranks: [Int32] = []
    private var fewest: Int32 = 0
    private var bits: [UInt64] = []
    /// By job slot and rank.
    private var jobLoads: [[Int32]] = []

    init() {}

    /// - Parameter collectors: slots in the order of the names, each with how many targets it has.
    init(_ collectors: [(slot: Int32, load: Int)]) {
        self.slots = collectors.map(\.slot)
        self.loads = collectors.map { Int32(truncatingIfNeeded: $0.load) }
        self.ranks = Array(repeating: -1, count: Int(self.slots.max() ?? -1) + 1)
        for (rank, slot) in self.slots.enumerated() { self.ranks[Int(slot)] = Int32(truncatingIfNeeded: rank) }
        self.bits = Array(repeating: 0, count: (self.slots.count + 63) / 64)
        self.findFewest()
    }

    /// Of those with the fewest targets the one with the fewest of the job, of those the first by name.
    func least(job: Int32) -> Int32? {
        guard !self.slots.isEmpty else { return nil }
        let counts = Int(job) < self.jobLoads.count ? self.jobLoads[Int(job)] : []
        var (best, fewest) = (-1, Int32.max)
        for word in self.bits.indices {
            var rest = self.bits[word]
            while rest != 0 {
                let rank = word * 64 + rest.trailingZeroBitCount
                rest &= rest - 1
                let count = counts.isEmpty ? 0 : counts[rank]
                guard count < fewest else { continue }
                (best, fewest) = (rank, count)
                if count == 0 { return self.slots[rank] }
            }
        }
        return best < 0 ? nil : self.slots[best]
    }

    /// A collector that is there has some more or fewer of a job; not of all targets, those are in its load already.
    mutating func set(job: Int32, of slot: Int32, _ count: Int) {
        self.reserve(job)
        self.jobLoads[Int(job)][Int(self.ranks[Int(slot)])] = Int32(truncatingIfNeeded: count)
    }

    mutating func increase(_ slot: Int32, job: Int32) {
        self.reserve(job)
        let rank = Int(self.ranks[Int(slot)])
        self.jobLoads[Int(job)][rank] += 1
        self.loads[rank] += 1
        guard self.loads[rank] == self.fewest + 1 else { return }
        self.bits[rank / 64] &= ~(1 << UInt64(rank % 64))
        if self.bits.allSatisfy({ $0 == 0 }) { self.findFewest() }
    }

    mutating func decrease(_ slot: Int32, job: Int32) {
        let rank = Int(self.ranks[Int(slot)])
        self.jobLoads[Int(job)][rank] -= 1
        self.loads[rank] -= 1
        guard self.loads[rank] <= self.fewest else { return }
        if self.loads[rank] < self.fewest {
            self.fewest = self.loads[rank]
            for word in self.bits.indices { self.bits[word] = 0 }
        }
        self.bits[rank / 64] |= 1 << UInt64(rank % 64)
    }

    private mutating func findFewest() {
        self.fewest = self.loads.min() ?? 0
        for rank in self.loads.indices where self.loads[rank] == self.fewest {
            self.bits[rank / 64] |= 1 << UInt64(rank % 64)
        }
    }

    private mutating func reserve(_ job: Int32) {
        if self.jobLoads.count <= Int(job) {
            self.jobLoads += Array(repeating: [], count: Int(job) + 1 - self.jobLoads.count)
        }
        if self.jobLoads[Int(job)].isEmpty {
            self.jobLoads[Int(job)] = Array(repeating: 0, count: self.slots.count)
        }
    }
}
