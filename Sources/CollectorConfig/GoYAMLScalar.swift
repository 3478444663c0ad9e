/// Strings as the Go operator's YAML library writes them (specification section 4.6, "Scalars").
package enum GoYAMLScalar {
    /// The string on one line: plain where that is safe, else in double quotes.
    package static func inline(_ text: String) -> String {
        text.utf8.contains(0x0A) || self.needsQuotes(text) || self.wouldBeMisread(text) ? self.quoted(text) : text
    }

    /// Whether a string of several lines can be written as a literal block: no rule wants it quoted, and the block gives
    /// back the same text.
    package static func canBeBlock(_ text: String) -> Bool {
        guard text.utf8.contains(0x0A), !self.needsQuotes(text) else { return false }
        // The first line with something on it tells the indentation, so it must not begin with a space of its own.
        let first = text.utf8.first { $0 != 0x0A }
        guard let first, first != 0x20, first != 0x09 else { return false }
        return !text.unicodeScalars.contains { $0 != "\n" && $0 != "\t" && !self.isPlain($0) }
    }

    /// The library's own rules, not YAML's: some strings that YAML 1.1 reads as numbers stay plain (`1e5`).
    package static func needsQuotes(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard let first = bytes.first, let last = bytes.last else { return true }
        if self.words.contains(text) || text == "-" || self.isNumber(text) { return true }
        switch first {
        case UInt8(ascii: "*"), UInt8(ascii: "&"), UInt8(ascii: "["), UInt8(ascii: "{"), UInt8(ascii: "}"),
            UInt8(ascii: "]"), UInt8(ascii: ","), UInt8(ascii: "!"), UInt8(ascii: "|"), UInt8(ascii: ">"),
            UInt8(ascii: "%"), UInt8(ascii: "'"), UInt8(ascii: "\""), UInt8(ascii: "@"), UInt8(ascii: " "),
            UInt8(ascii: "`"):
            return true
        default: break
        }
        if last == UInt8(ascii: ":") || last == UInt8(ascii: " ") { return true }
        for (position, byte) in bytes.enumerated() {
            switch byte {
            case UInt8(ascii: "#"), UInt8(ascii: "\\"): return true
            case UInt8(ascii: ":"), UInt8(ascii: "-"):
                if position + 1 < bytes.count, bytes[position + 1] == UInt8(ascii: " ") { return true }
            default: break
            }
        }
        return GoTime.looksLikeTime(bytes)
    }

    /// Whether the collector would read a plain scalar as something else than this string, although the library's rules
    /// leave it plain. The Go operator hands such strings over wrongly (`1e5` as a number); these few are quoted here.
    static func wouldBeMisread(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard let first = bytes.first, let last = bytes.last else { return false }
        if [".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN", "<<", "?"].contains(text) { return true }
        var unsigned = bytes[...]
        if first == UInt8(ascii: "+") || first == UInt8(ascii: "-") { unsigned = unsigned.dropFirst() }
        if [".inf", ".Inf", ".INF"].contains(String(decoding: unsigned, as: UTF8.self)) { return true }
        // A number begins with a digit, a sign or a dot, and underscores within it don't count.
        let mayBeNumber = (0x30...0x39).contains(first) || "+-.".utf8.contains(first)
        if mayBeNumber,
            self.isFloat(unsigned.filter { $0 != UInt8(ascii: "_") }) || self.isNumber(text.lowercased())
                || GoTime.isTimestamp(bytes)
        {
            return true
        }
        if first == 0x09 || last == 0x09 { return true }
        if bytes.count > 1, first == UInt8(ascii: "?") || first == UInt8(ascii: "-"),
            bytes[1] == 0x09 || bytes[1] == 0x20
        {
            return true
        }
        if zip(bytes, bytes.dropFirst()).contains(where: { $0 == UInt8(ascii: ":") && $1 == 0x09 }) { return true }
        return text.unicodeScalars.contains { $0 != "\t" && !self.isPlain($0) }
    }

    /// What may stand in a plain or literal scalar: no control characters, no further line breaks, no byte order mark.
    static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x20...0x7E, 0xA0...0x2027, 0x202A...0xD7FF, 0xE000...0xFEFE, 0xFF00...0xFFFD, 0x10000...0x10FFFF: true
        default: false
        }
    }

    /// Words that YAML 1.1 reads as null or booleans, as the library spells them.
    static let words: Set<String> = {
        var words: Set<String> = ["null", "Null", "NULL", "~"]
        for word in ["true", "false", "y", "n", "yes", "no", "on", "off"] {
            words.insert(word)
            words.insert(word.uppercased())
            words.insert(word.prefix(1).uppercased() + word.dropFirst())
        }
        return words
    }()

    /// An integer in any of Go's bases or a number with one dot; out of range counts too.
    static func isNumber(_ text: String) -> Bool {
        var bytes = Array(text.utf8)
        guard bytes.first != UInt8(ascii: "_") else { return false }
        let dots = bytes.filter { $0 == UInt8(ascii: ".") }.count
        guard dots <= 1 else { return false }
        if bytes.first == UInt8(ascii: "+") { bytes.removeFirst() }
        if bytes.first == UInt8(ascii: "-") { bytes.removeFirst() }
        bytes.removeAll { $0 == UInt8(ascii: "_") }
        func digits(_ digits: ArraySlice<UInt8>, base: UInt8) -> Bool {
            !digits.isEmpty
                && digits.allSatisfy { byte in
                    switch byte {
                    case 0x30...0x39: byte - 0x30 < base
                    case 0x41...0x46: base == 16
                    case 0x61...0x66: base == 16
                    default: false
                    }
                }
        }
        if bytes.first == UInt8(ascii: "0"), bytes.count > 1 {
            switch bytes[1] {
            case UInt8(ascii: "x"): return digits(bytes[2...], base: 16)
            case UInt8(ascii: "o"): return digits(bytes[2...], base: 8)
            case UInt8(ascii: "b"): return digits(bytes[2...], base: 2)
            default: if dots == 0 { return digits(bytes[1...], base: 8) }
            }
        }
        return dots == 1 ? self.isFloat(bytes) : digits(bytes[...], base: 10)
    }

    /// Digits with at most one dot and maybe an exponent.
    private static func isFloat(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        var digits = 0
        var dots = 0
        var isExponent = false
        while let byte = rest.first {
            rest = rest.dropFirst()
            switch byte {
            case 0x30...0x39: digits += 1
            case UInt8(ascii: "."):
                dots += 1
                if isExponent || dots > 1 { return false }
            case UInt8(ascii: "e"), UInt8(ascii: "E"):
                guard !isExponent, digits > 0 else { return false }
                isExponent = true
                if rest.first == UInt8(ascii: "+") || rest.first == UInt8(ascii: "-") { rest = rest.dropFirst() }
                guard !rest.isEmpty else { return false }
            default: return false
            }
        }
        return digits > 0
    }

    /// The string in double quotes with Go's escapes.
    package static func quoted(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\u{07}": out += "\\a"
            case "\u{08}": out += "\\b"
            case "\u{0C}": out += "\\f"
            case "\n": out += "\\n"
            case "\r": out += "\\r"
            case "\t": out += "\\t"
            case "\u{0B}": out += "\\v"
            default:
                if self.isPrintable(scalar) {
                    out.unicodeScalars.append(scalar)
                } else if scalar.value < 0x80 {
                    out += "\\x" + self.hexadecimal(scalar.value, digits: 2)
                } else if scalar.value < 0x10000 {
                    out += "\\u" + self.hexadecimal(scalar.value, digits: 4)
                } else {
                    out += "\\U" + self.hexadecimal(scalar.value, digits: 8)
                }
            }
        }
        return out + "\""
    }

    /// Letters, marks, numbers, punctuation, symbols and the ASCII space, as Go's `unicode.IsPrint`.
    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.value < 0x80 { return (0x20...0x7E).contains(scalar.value) }
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator,
            .spaceSeparator:
            return false
        default: return true
        }
    }

    private static func hexadecimal(_ value: UInt32, digits: Int) -> String {
        let text = String(value, radix: 16)
        return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
    }
}
