extension GoYAMLScalar {
    /// The string on one line as the older of the Go operator's YAML libraries writes it: plain where that is safe; in double
    /// quotes where it would be read as something else than a string; in single quotes where only YAML's syntax is in the way.
    package static func legacyInline(_ text: String) -> String {
        let bytes = Array(text.utf8)
        if bytes.isEmpty || bytes.contains(0x0A) || !text.unicodeScalars.allSatisfy(self.isPlain)
            || self.words.contains(text) || self.isNumber(text) || GoTime.looksLikeTime(bytes)
            || self.wouldBeMisread(text)
        {
            return self.quoted(text)
        }
        guard self.isSyntax(bytes) else { return text }
        return "'" + text.split(separator: "'" as Character, omittingEmptySubsequences: false).joined(separator: "''")
            + "'"
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
