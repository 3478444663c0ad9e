import JSONTree

/// A seeded generator: a failure happens again on the next run.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { self.state = seed }

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var word = self.state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}

extension SplitMix {
    mutating func pick<Element>(_ choices: [Element]) -> Element {
        choices[Int.random(in: 0..<choices.count, using: &self)]
    }

    /// A random value of at most some levels, with keys and scalars that come up again.
    mutating func value(depth: Int) -> JSONValue {
        switch Int.random(in: 0..<(depth > 0 ? 10 : 4), using: &self) {
        case 0: return self.pick([.null, true, false])
        case 1:
            return .number(
                JSONNumber(uncheckedLiteral: self.pick(["0", "1", "2", "-3.5", "1e2", "100000000000000000000"]))
            )
        case 2, 3: return .string(self.pick(["", "a", "b", "c", "é", "e\u{301}", "x/y", "~"]))
        case 4...6:
            let count = Int.random(in: 0...6, using: &self)
            return .array((0..<count).map { _ in self.value(depth: depth - 1) })
        default:
            let count = Int.random(in: 0...5, using: &self)
            return .object(
                JSONObject(
                    (0..<count).map { _ in
                        (self.pick(["name", "a", "b/c", "d~e", "", "0", "f"]), self.value(depth: depth - 1))
                    }
                )
            )
        }
    }

    /// The value with some places changed, added, removed or moved.
    mutating func changed(_ value: JSONValue) -> JSONValue {
        switch Int.random(in: 0..<12, using: &self) {
        case 0: return self.value(depth: 2)
        case 1, 2: return value
        default: break
        }
        switch value {
        case .object(var object):
            for key in Array(object.keys) {
                switch Int.random(in: 0..<8, using: &self) {
                case 0: object.remove(key)
                case 1...3: object[key] = self.changed(object[key] ?? .null)
                default: break
                }
            }
            if Int.random(in: 0..<4, using: &self) == 0 {
                object.insert(self.pick(["a", "g", "h/"]), self.value(depth: 1), at: 0)
            }
            return .object(object)
        case .array(var elements):
            for _ in 0..<Int.random(in: 0...3, using: &self) {
                let place = Int.random(in: 0...elements.count, using: &self)
                switch Int.random(in: 0..<4, using: &self) {
                case 0: elements.insert(self.value(depth: 1), at: place)
                case 1: if place < elements.count { elements.remove(at: place) }
                case 2: if place < elements.count { elements[place] = self.changed(elements[place]) }
                default: if place < elements.count { elements.swapAt(place, elements.count - 1) }
                }
            }
            return .array(elements)
        default: return value
        }
    }
}
