/// Names with a limit (specification section 5.7).
enum NameTruncation {
    /// `prefix` + `value` cut to 63 bytes: the value loses its end, never the prefix; what isn't a letter or digit is
    /// taken off both ends.
    static func name(_ prefix: String, _ value: String) -> String {
        var bytes = Array((prefix + value).utf8)
        if bytes.count > 63 {
            let excess = bytes.count - 63
            bytes = Array(prefix.utf8)
            // A value shorter than the excess is dropped as a whole.
            if value.utf8.count > excess { bytes.append(contentsOf: value.utf8.dropLast(excess)) }
            if bytes.count > 63 { return String(decoding: bytes.prefix(63), as: UTF8.self) }
        }
        func isAlphanumeric(_ byte: UInt8) -> Bool {
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
        }
        let trimmed = bytes.drop { !isAlphanumeric($0) }
        guard let last = trimmed.lastIndex(where: isAlphanumeric) else { return "" }
        return String(decoding: trimmed[...last], as: UTF8.self)
    }
}
