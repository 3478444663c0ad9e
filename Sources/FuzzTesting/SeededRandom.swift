// Mutated reviews for hack/fuzz and for tests: a corpus made from golden files, a mutator, and a judge of the answers.
// Everything follows from a seed and a number, so that each input can be made again.

/// SplitMix64: quick, and the same numbers everywhere.
package struct SeededRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(_ seed: UInt64, _ number: UInt64 = 0) {
        self.state = seed
        // Neighbouring numbers must not give neighbouring sequences.
        self.state = self.next() ^ number &* 0xD1B5_4A32_D192_ED03
        self.state = self.next()
    }

    package mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 when there is none.
    package mutating func below(_ bound: Int) -> Int {
        bound <= 1 ? 0 : Int(self.next() % UInt64(bound))
    }

    package mutating func oneIn(_ count: Int) -> Bool { self.below(count) == 0 }

    package mutating func pick<Element>(_ list: [Element]) -> Element { list[self.below(list.count)] }
}
