import Testing

@testable import TargetAllocation

struct LeastLoadedTests {
    /// Beside a scan of all of them.
    @Test(arguments: 1...20)
    func asAScanSaysIt(seed: UInt64) {
        var random = SplitMix(seed)
        // More than one word of bits, and slots in another order than the names.
        let slots = (0..<Int32(1 + random.below(150))).shuffled(using: &random)
        var counts: [Int32: [Int]] = [:]
        for slot in slots { counts[slot] = (0..<3).map { _ in random.below(3) } }
        let load = { (slot: Int32) in counts[slot]?.reduce(0, +) ?? 0 }
        var least = LeastLoaded(slots.map { ($0, load($0)) })
        for slot in slots { for job in 0..<3 { least.set(job: Int32(job), of: slot, counts[slot]?[job] ?? 0) } }
        for _ in 0..<3000 {
            let job = random.below(3)
            let fewest = slots.map(load).min() ?? 0
            let tied = slots.filter { load($0) == fewest }
            let ofJob = tied.map { counts[$0]?[job] ?? 0 }.min()
            let best = tied.first { counts[$0]?[job] == ofJob }
            #expect(least.least(job: Int32(job)) == best)
            // As a strategy does it, most of the time.
            let slot = random.below(3) > 0 ? best ?? 0 : slots[random.below(slots.count)]
            if random.below(3) == 0, counts[slot]?[job] ?? 0 > 0 {
                least.decrease(slot, job: Int32(job))
                counts[slot]?[job] -= 1
            } else {
                least.increase(slot, job: Int32(job))
                counts[slot]?[job] += 1
            }
        }
        #expect(LeastLoaded().least(job: 0) == nil)
    }
}

struct HashIndexTests {
    @Test(arguments: 1...10)
    func asADictionarySaysIt(seed: UInt64) {
        var random = SplitMix(seed)
        var index = HashIndex()
        var judge: [UInt64: Int32] = [:]
        for step in 0..<20_000 {
            // Many that differ in a few bits only.
            let hash = UInt64(random.below(500)) << (8 * UInt64(random.below(7)))
            if let value = judge[hash] {
                #expect(index[hash] == value)
                if random.below(2) == 0 {
                    index.remove(hash)
                    judge[hash] = nil
                }
            } else {
                #expect(index[hash] == nil)
                index.remove(hash)
                index.insert(hash, Int32(step))
                judge[hash] = Int32(step)
            }
            #expect(index.count == judge.count)
        }
        for (hash, value) in judge { #expect(index[hash] == value) }
    }
}

/// The same numbers everywhere.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { self.state = seed &* 0x9E37_79B9_7F4A_7C15 }

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func below(_ bound: Int) -> Int { Int(self.next() % UInt64(max(1, bound))) }
}
