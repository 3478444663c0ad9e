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
    /// A string that is likely to be trouble for a YAML writer.
    mutating func string() -> String {
        let words = [
            "", " ", "a", "-", "- ", "--- ", "---", "...", "?", "? ", ":", ": ", " #", "#", "~", "null", "true", "No",
            "y",
            "on", "0", "1", "12", "0x1f", "0o7", "1e5", "1_000", ".5", "5.", ".", "+", ".inf", "-.INF", "12:30",
            "2001-01-01",
            "<<", "=", "&a", "*a", "!t", "|", ">", "'", "\"", "%", "@", "`", "{", "}", "[", "]", ",", "\\", "\n",
            "\n\n",
            " \n", "\t", "\r", "\r\n", "\u{0}", "\u{7F}", "\u{85}", "\u{A0}", "\u{2028}", "\u{FEFF}", "é", "日本", "😀",
            "_",
            "word", "two words", "10.0.0.1:80", "https://x/y?z#w", "${env:X}", "{{ x }}",
        ]
        let count = Int.random(in: 1...4, using: &self)
        return (0..<count).map { _ in words.randomElement(using: &self) ?? "" }.joined()
    }

    /// A random value of at most some levels.
    mutating func value(depth: Int) -> JSONValue {
        switch Int.random(in: 0..<(depth > 0 ? 10 : 6), using: &self) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &self))
        case 2:
            let literals = ["0", "-1", "1.50", "1e5", "1E-3", "-0.0", "18446744073709551616", "8080", "1000000"]
            return .number(JSONNumber(uncheckedLiteral: literals.randomElement(using: &self) ?? "0"))
        case 3...5: return .string(self.string())
        case 6, 7:
            let count = Int.random(in: 0...4, using: &self)
            return .array((0..<count).map { _ in self.value(depth: depth - 1) })
        default:
            let count = Int.random(in: 0...4, using: &self)
            return .object(JSONObject((0..<count).map { _ in (self.string(), self.value(depth: depth - 1)) }))
        }
    }
}
