extension GoYAMLScalar {
    /// The string on one line as the older of the Go operator's YAML libraries writes it: plain where that is safe; in double
    /// quotes where it would be read as something else than a string; in single quotes where only YAML's syntax is in the way.
    package static func legacyInline(_ text: String) -> String {
        let bytes = Array(text.utf8)
        // Neither a number nor a word, but the beginning of a list or of a key.
        let isIndicator = text.hasPrefix("- ") || text.hasPrefix("? ")
        if bytes.isEmpty || bytes.contains(0x0A) || !text.unicodeScalars.allSatisfy(self.isPlain)
            || self.words.contains(text) || self.isNumber(text) || self.isSexagesimal(bytes)
            || !isIndicator && self.wouldBeMisread(text)
        {
            return self.quoted(text)
        }
        guard self.isSyntax(bytes) else { return text }
        return "'" + text.split(separator: "'" as Character, omittingEmptySubsequences: false).joined(separator: "''")
            + "'"
    }

    /// Whether YAML 1.1 takes it for a number to the base of 60: `15:04`, `1:30:45.5`.
    private static func isSexagesimal(_ bytes: [UInt8]) -> Bool {
        func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
        func isDigitOrLine(_ byte: UInt8) -> Bool { isDigit(byte) || byte == UInt8(ascii: "_") }
        let unsigned = bytes.first.map("+-".utf8.contains) == true ? bytes.dropFirst() : bytes[...]
        var places = unsigned.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard places.count > 1, let first = places.first?.first, isDigit(first),
            places.removeFirst().allSatisfy(isDigitOrLine)
        else { return false }
        let last = places.removeLast().split(
            separator: UInt8(ascii: "."),
            maxSplits: 1,
            omittingEmptySubsequences: false
        )
        if last.count == 2, !last[1].allSatisfy(isDigitOrLine) { return false }
        return (places + [last[0]]).allSatisfy { place in
            guard place.allSatisfy(isDigit), let tens = place.first else { return false }
            return place.count == 1 || place.count == 2 && tens < UInt8(ascii: "6")
        }
    }

    /// Whether a plain scalar would be taken for a part of YAML's syntax.
    private static func isSyntax(_ bytes: [UInt8]) -> Bool {
        guard let first = bytes.first, let last = bytes.last else { return true }
        let space = UInt8(ascii: " ")
        if first == space || last == space || last == UInt8(ascii: ":") { return true }
        if "#,[]{}&*!|>'\"%@`".utf8.contains(first) || bytes.starts(with: "---".utf8) || bytes.starts(with: "...".utf8)
        {
            return true
        }
        if "-?:".utf8.contains(first), bytes.count == 1 || bytes[1] == space { return true }
        return zip(bytes, bytes.dropFirst()).contains { left, right in
            left == UInt8(ascii: ":") && right == space || left == space && right == UInt8(ascii: "#")
        }
    }
}
