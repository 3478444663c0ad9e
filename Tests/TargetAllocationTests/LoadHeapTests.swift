import Testing

@testable import TargetAllocation

struct LoadHeapTests {
    /// Beside a scan of all of them.
    @Test(arguments: 1...20)
    func asAScanSaysIt(seed: UInt64) {
        var random = SplitMix(seed)
        var heap = LoadHeap()
        var loads: [Int32: Int32] = [:]
        for _ in 0..<3000 {
            let slot = Int32(random.below(40))
            switch (random.below(5), loads[slot]) {
            case (0, nil), (1, nil):
                let load = Int32(random.below(6))
                heap.insert(slot, load: load)
                loads[slot] = load
            case (0, .some):
                heap.remove(slot)
                loads[slot] = nil
            case (1..., .some(let load)):
                if load > 0, random.below(2) == 0 {
                    heap.decrease(slot)
                    loads[slot] = load - 1
                } else {
                    heap.increase(slot)
                    loads[slot] = load + 1
                }
            default: break
            }
            // By the slot's last digit, then by itself: a tie rule that the heap does not know.
            let isBetter = { (one: Int32, other: Int32) in (one % 10, one) < (other % 10, other) }
            let fewest = loads.values.min()
            let best = loads.filter { $0.value == fewest }.keys.min { isBetter($0, $1) }
            #expect(heap.least(isBetter) == best)
        }
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
