/// What may be the name of a label.
package enum LabelName {
    /// Prometheus 3 takes any text; before, and where a configuration asks for `legacy`, a name is an identifier.
    package enum Scheme: String, Sendable, Hashable {
        case utf8
        case legacy
    }

    package static func isValid(_ name: String, scheme: Scheme = .utf8) -> Bool {
        switch scheme {
        case .utf8: !name.isEmpty
        case .legacy: self.isLegacy(name.utf8)
        }
    }

    /// Whether the bytes are `[a-zA-Z_][a-zA-Z0-9_]*`.
    static func isLegacy(_ bytes: some Sequence<UInt8>) -> Bool {
        var isFirst = true
        for byte in bytes {
            guard self.isWord(byte), !isFirst || !self.isDigit(byte) else { return false }
            isFirst = false
        }
        return !isFirst
    }

    static func isWord(_ byte: UInt8) -> Bool {
        let letter = byte | 0x20
        return letter >= UInt8(ascii: "a") && letter <= UInt8(ascii: "z") || byte == UInt8(ascii: "_")
            || self.isDigit(byte)
    }

    static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }
}
