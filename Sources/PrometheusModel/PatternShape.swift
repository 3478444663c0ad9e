/// An expression that needs no engine: most of those that people and the Prometheus operator write.
enum PatternShape: Sendable, Equatable {
    /// One of so many texts: `a`, `(a|b);true`.
    case texts([[UInt8]])
    /// Anything between two texts: `(.*)`, `.+`, `prefix_(.+)`.
    case around(prefix: [UInt8], suffix: [UInt8], isSomething: Bool, isGroup: Bool)

    /// More texts are better matched by RE2.
    private static let limit = 64

    /// `nil` when it is none of them, or not surely.
    init?(_ expression: String) {
        let bytes = Array(expression.utf8)
        if let around = Self.around(bytes) {
            self = around
            return
        }
        var reader = Reader(bytes: bytes)
        guard let texts = reader.alternatives(), reader.at == bytes.count else { return nil }
        self = .texts(texts)
    }

    private static func around(_ bytes: [UInt8]) -> PatternShape? {
        var reader = Reader(bytes: bytes)
        let prefix = reader.literal()
        let open = reader.take("(")
        guard reader.take("."), let isSomething = reader.take("+") ? true : reader.take("*") ? false : nil else {
            return nil
        }
        guard !open || reader.take(")") else { return nil }
        // `.*?` and what else may follow a group is left to RE2.
        let suffix = reader.literal()
        guard reader.at == bytes.count else { return nil }
        return .around(prefix: prefix, suffix: suffix, isSomething: isSomething, isGroup: open)
    }

    private struct Reader {
        let bytes: [UInt8]
        var at = 0
        var depth = 0

        private static let special = Set(#"\.+*?()|[]{}^$"#.utf8)

        mutating func take(_ byte: Character) -> Bool {
            guard self.at < self.bytes.count, self.bytes[self.at] == byte.asciiValue else { return false }
            self.at += 1
            return true
        }

        /// Characters that stand for themselves. One before a quantifier is not taken.
        mutating func literal() -> [UInt8] {
            var text: [UInt8] = []
            while self.at < self.bytes.count {
                let start = self.at
                let length = text.count
                var byte = self.bytes[self.at]
                if byte == UInt8(ascii: "\\") {
                    guard self.at + 1 < self.bytes.count else { break }
                    byte = self.bytes[self.at + 1]
                    guard byte < 0x80, !LabelName.isWord(byte) else { break }
                    text.append(byte)
                    self.at += 2
                } else {
                    guard !Self.special.contains(byte) else { break }
                    // All bytes of a character, as a quantifier is for it as a whole.
                    repeat {
                        text.append(self.bytes[self.at])
                        self.at += 1
                    } while self.at < self.bytes.count && self.bytes[self.at] & 0xC0 == 0x80
                }
                if self.at < self.bytes.count, self.isQuantifier(self.bytes[self.at]) {
                    self.at = start
                    text.removeSubrange(length...)
                    break
                }
            }
            return text
        }

        private func isQuantifier(_ byte: UInt8) -> Bool {
            byte == UInt8(ascii: "*") || byte == UInt8(ascii: "+") || byte == UInt8(ascii: "?")
                || byte == UInt8(ascii: "{")
        }

        /// `a|b|c` up to the end or a closing parenthesis.
        mutating func alternatives() -> [[UInt8]]? {
            self.depth += 1
            defer { self.depth -= 1 }
            guard self.depth < 8 else { return nil }
            var texts: [[UInt8]] = []
            repeat {
                guard let more = self.sequence() else { return nil }
                texts += more
                guard texts.count <= PatternShape.limit else { return nil }
            } while self.take("|")
            return texts
        }

        private mutating func sequence() -> [[UInt8]]? {
            var texts: [[UInt8]] = [[]]
            while self.at < self.bytes.count {
                let byte = self.bytes[self.at]
                if byte == UInt8(ascii: "|") || byte == UInt8(ascii: ")") { break }
                var parts: [[UInt8]]
                if self.take("(") {
                    if self.take("?") { guard self.take(":") else { return nil } }
                    guard let inner = self.alternatives(), self.take(")") else { return nil }
                    if self.at < self.bytes.count, self.isQuantifier(self.bytes[self.at]) { return nil }
                    parts = inner
                } else {
                    let literal = self.literal()
                    guard !literal.isEmpty else { return nil }
                    parts = [literal]
                }
                guard texts.count * parts.count <= PatternShape.limit else { return nil }
                texts = texts.flatMap { text in parts.map { text + $0 } }
            }
            return texts
        }
    }

    /// Whether the whole text matches, and where the group is if there is one.
    func match(_ text: UnsafeBufferPointer<UInt8>) -> Range<Int>? {
        switch self {
        case .texts(let texts):
            return texts.contains { $0.count == text.count && Self.begins(text, $0) } ? 0..<0 : nil
        case .around(let prefix, let suffix, let isSomething, _):
            let least = prefix.count + suffix.count + (isSomething ? 1 : 0)
            guard text.count >= least, Self.begins(text, prefix) else { return nil }
            let end = text.count - suffix.count
            guard Self.begins(UnsafeBufferPointer(rebasing: text[end...]), suffix) else { return nil }
            return prefix.count..<end
        }
    }

    private static func begins(_ text: UnsafeBufferPointer<UInt8>, _ start: [UInt8]) -> Bool {
        for at in start.indices where text[at] != start[at] { return false }
        return true
    }
}
