/// How strings are written: plain, in single or in double quotes, or as a literal block.
enum YAMLText {
    /// The string on one line, in quotes when it must be.
    static func inline(_ string: String) -> String {
        if string.isEmpty { return "\"\"" }
        guard Self.isOneLinePrintable(string) else { return Self.doubleQuoted(string) }
        // Words and numbers get double quotes, what only looks like syntax gets single ones: as kubectl prints them.
        if Self.looksLikeAnotherKind(string) { return Self.doubleQuoted(string) }
        if Self.hasSyntax(string) { return Self.singleQuoted(string) }
        return string
    }

    /// Several lines of printable text, each with something on it or empty.
    static func canBeLiteral(_ string: String) -> Bool {
        let bytes = Array(string.utf8)
        guard bytes.contains(0x0A), bytes.contains(where: { $0 != 0x0A }) else { return false }
        guard string.unicodeScalars.allSatisfy({ $0 == "\n" || $0 == "\t" || Self.isPrintable($0) }) else {
            return false
        }
        // Readers differ over lines of nothing but white space.
        return bytes.split(separator: 0x0A).allSatisfy { line in line.contains { $0 != 0x20 && $0 != 0x09 } }
    }

    // MARK: Characters

    /// Characters that libyaml takes as they are and that no reader takes for a line break.
    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x20...0x7E, 0xA0...0x2027, 0x202A...0xFEFE, 0xFF00...0xFFFD, 0x10000...0x10FFFF: true
        default: false
        }
    }

    private static func isOneLinePrintable(_ string: String) -> Bool {
        string.unicodeScalars.allSatisfy(Self.isPrintable)
    }

    // MARK: Syntax

    /// Whether an unquoted string of printable characters would end early or begin something else.
    private static func hasSyntax(_ string: String) -> Bool {
        let bytes = Array(string.utf8)
        guard let first = bytes.first, let last = bytes.last else { return true }
        switch first {
        case UInt8(ascii: ","), UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "{"), UInt8(ascii: "}"),
            UInt8(ascii: "#"), UInt8(ascii: "&"), UInt8(ascii: "*"), UInt8(ascii: "!"), UInt8(ascii: "|"),
            UInt8(ascii: ">"), UInt8(ascii: "'"), UInt8(ascii: "\""), UInt8(ascii: "%"), UInt8(ascii: "@"),
            UInt8(ascii: "`"), UInt8(ascii: "?"), UInt8(ascii: ":"), UInt8(ascii: " "):
            return true
        case UInt8(ascii: "-"):
            if bytes.count == 1 || bytes[1] == 0x20 || string.hasPrefix("---") { return true }
        case UInt8(ascii: "."):
            if string.hasPrefix("...") { return true }
        default: break
        }
        if last == UInt8(ascii: ":") || last == 0x20 { return true }
        for place in 1..<bytes.count {
            if bytes[place] == 0x20, bytes[place - 1] == UInt8(ascii: ":") { return true }
            if bytes[place] == UInt8(ascii: "#"), bytes[place - 1] == 0x20 { return true }
        }
        return false
    }

    // MARK: Other kinds

    /// Whether some reader of YAML 1.1 or 1.2 takes the unquoted string for null, a boolean, a number, a timestamp, a
    /// merge key or a default value.
    private static func looksLikeAnotherKind(_ string: String) -> Bool {
        guard let first = string.utf8.first else { return true }
        switch first {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
            UInt8(ascii: "_"):
            return Self.looksNumeric(string)
        default:
            guard string.utf8.count <= 5 else { return false }
            switch string.lowercased() {
            case "null", "~", "true", "false", "yes", "no", "on", "off", "y", "n", "=", "<<": return true
            default: return false
            }
        }
    }

    private static func looksNumeric(_ string: String) -> Bool {
        // Readers pass over underscores and one of them over commas, in the most surprising places.
        var bytes = string.utf8.filter { $0 != UInt8(ascii: "_") && $0 != UInt8(ascii: ",") }
        if let sign = bytes.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
            bytes.removeFirst()
            if bytes.isEmpty { return false }
        }
        if bytes.isEmpty { return true }
        return Self.isBasedInteger(bytes) || Self.isDecimal(bytes) || Self.isSexagesimal(bytes) || Self.isDate(bytes)
            || [".inf", ".nan"].contains(String(decoding: bytes, as: UTF8.self).lowercased())
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }

    /// `0x…`, `0o…`, `0b…`
    private static func isBasedInteger(_ bytes: [UInt8]) -> Bool {
        guard bytes.count > 2, bytes[0] == UInt8(ascii: "0") else { return false }
        let digits = bytes.dropFirst(2)
        switch bytes[1] | 0x20 {
        case UInt8(ascii: "x"):
            return digits.allSatisfy { Self.isDigit($0) || ($0 | 0x20) &- UInt8(ascii: "a") < 6 }
        case UInt8(ascii: "o"), UInt8(ascii: "b"):
            return digits.allSatisfy(Self.isDigit)
        default:
            return false
        }
    }

    /// Digits with at most one point and maybe an exponent.
    private static func isDecimal(_ bytes: [UInt8]) -> Bool {
        var place = 0
        var points = 0
        while place < bytes.count, Self.isDigit(bytes[place]) || bytes[place] == UInt8(ascii: ".") {
            if bytes[place] == UInt8(ascii: ".") { points += 1 }
            place += 1
        }
        guard place > 0, points <= 1 else { return false }
        if place == bytes.count { return true }
        guard bytes[place] | 0x20 == UInt8(ascii: "e") else { return false }
        place += 1
        if place < bytes.count, bytes[place] == UInt8(ascii: "-") || bytes[place] == UInt8(ascii: "+") { place += 1 }
        return place < bytes.count && bytes[place...].allSatisfy(Self.isDigit)
    }

    /// YAML 1.1's `190:20:30` and `190:20:30.15`.
    private static func isSexagesimal(_ bytes: [UInt8]) -> Bool {
        let parts = bytes.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard parts.count > 1, !parts[0].isEmpty, parts[0].allSatisfy(Self.isDigit) else { return false }
        for (index, part) in parts.enumerated().dropFirst() {
            var digits = part
            if index == parts.count - 1, let point = part.firstIndex(of: UInt8(ascii: ".")) {
                guard part[(point + 1)...].allSatisfy(Self.isDigit) else { return false }
                digits = part[..<point]
            }
            guard (1...2).contains(digits.count), digits.allSatisfy(Self.isDigit) else { return false }
        }
        return true
    }

    /// Anything that begins with `2001-12-14` or `2001-1-4`.
    private static func isDate(_ bytes: [UInt8]) -> Bool {
        let year = bytes.prefix(while: Self.isDigit)
        guard year.count == 4, year.endIndex < bytes.count, bytes[year.endIndex] == UInt8(ascii: "-") else {
            return false
        }
        let month = bytes[(year.endIndex + 1)...].prefix(while: Self.isDigit)
        guard (1...2).contains(month.count), month.endIndex < bytes.count, bytes[month.endIndex] == UInt8(ascii: "-")
        else { return false }
        let day = bytes[(month.endIndex + 1)...].prefix(while: Self.isDigit)
        guard (1...2).contains(day.count) else { return false }
        guard day.endIndex < bytes.count else { return true }
        return [UInt8(ascii: "T"), UInt8(ascii: "t"), 0x20, 0x09].contains(bytes[day.endIndex])
    }

    // MARK: Quotes

    private static func singleQuoted(_ string: String) -> String {
        var result = "'"
        for scalar in string.unicodeScalars {
            if scalar == "'" { result.unicodeScalars.append("'") }
            result.unicodeScalars.append(scalar)
        }
        return result + "'"
    }

    /// With only such escapes as JSON has too.
    private static func doubleQuoted(_ string: String) -> String {
        var result = "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            default:
                if Self.isPrintable(scalar) {
                    result.unicodeScalars.append(scalar)
                } else {
                    let digits = String(scalar.value, radix: 16, uppercase: true)
                    result += "\\u" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
                }
            }
        }
        return result + "\""
    }
}
