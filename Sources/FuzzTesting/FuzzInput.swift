import JSONTree

/// One body of a request, with all that its answer follows from.
package struct FuzzInput: Sendable {
    /// Whose body it is: that of a webhook, by what it reads.
    package enum Target: String, Sendable, CaseIterable {
        case pod
        case collector
        case instrumentation
        case conversion
    }

    package var target: Target
    /// Which of the random inputs it is; what else is random in its answer follows from it.
    package var number: UInt64
    /// The ``FuzzCorpus/Scenario`` that lookups are answered from.
    package var scenario: String
    package var body: [UInt8]

    package init(target: Target, number: UInt64, scenario: String, body: [UInt8]) {
        self.target = target
        self.number = number
        self.scenario = scenario
        self.body = body
    }

    private static let mark = "swiftlet-fuzz"

    /// A line that says what it is, then the body.
    package var bytes: [UInt8] {
        Array("\(Self.mark) \(self.target.rawValue) \(self.number) \(self.scenario)\n".utf8) + self.body
    }

    /// - Returns: `nil` when the bytes are not those of an input.
    package init?(_ bytes: [UInt8]) {
        guard let end = bytes.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
        let words = String(decoding: bytes[..<end], as: UTF8.self).split(separator: " ")
        guard words.count == 4, words[0] == Self.mark, let target = Target(rawValue: String(words[1])),
            let number = UInt64(words[2])
        else { return nil }
        self.init(target: target, number: number, scenario: String(words[3]), body: Array(bytes[(end + 1)...]))
    }
}
