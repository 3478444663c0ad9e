import JSONTree

/// What plain scalars stand for, by go-yaml v2's rules.
enum YAMLScalar: Equatable {
    case value(JSONValue)
    /// `.inf`, `-.inf` or `.nan`.
    case notFinite

    /// The value of a plain scalar without a tag.
    static func resolve(_ text: String, _ dialect: YAMLDialect) -> YAMLScalar {
        guard let first = text.utf8.first else { return .value(.null) }
        switch first {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"):
            if Self.isNotFinite(text) { return .notFinite }
            return .value(Self.number(text).map(JSONValue.number) ?? .string(text))
        case UInt8(ascii: "."):
            if Self.isNotFinite(text) { return .notFinite }
            // Only here an underscore is not passed over.
            if text.utf8.contains(UInt8(ascii: "_")) { return .value(.string(text)) }
            return .value(Self.number(text).map(JSONValue.number) ?? .string(text))
        case UInt8(ascii: "~") where text.utf8.count == 1:
            return .value(.null)
        default:
            // The longest word of the tables has five letters.
            guard text.utf8.count <= 5 else { return .value(.string(text)) }
            return .value(Self.word(text, dialect) ?? .string(text))
        }
    }

    static func isNotFinite(_ text: String) -> Bool {
        switch text {
        case ".nan", ".NaN", ".NAN", ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF": true
        default: false
        }
    }

    private static func word(_ text: String, _ dialect: YAMLDialect) -> JSONValue? {
        switch text {
        case "null", "Null", "NULL": .null
        case "true", "True", "TRUE": true
        case "false", "False", "FALSE": false
        case "y", "Y", "yes", "Yes", "YES", "on", "On", "ON": dialect == .kubernetes ? true : nil
        case "n", "N", "no", "No", "NO", "off", "Off", "OFF": dialect == .kubernetes ? false : nil
        default: nil
        }
    }

    /// A number in any of the ways YAML writes one, `nil` when it is none or beyond a double.
    static func number(_ text: String) -> JSONNumber? {
        var plain = Array(text.utf8)
        plain.removeAll { $0 == UInt8(ascii: "_") }
        if let literal = Self.integer(plain) { return JSONNumber(uncheckedLiteral: literal) }
        guard Self.isFloat(plain) else { return nil }
        let literal = String(decoding: plain, as: UTF8.self)
        guard let value = Double(Self.completed(plain)), value.isFinite else { return nil }
        return Self.isJSONNumber(plain) ? JSONNumber(uncheckedLiteral: literal) : JSONNumber(value)
    }

    /// The decimal text of an integer of at most 64 bits: Go's `ParseInt` and `ParseUint` with base 0.
    private static func integer(_ plain: [UInt8]) -> String? {
        var digits = plain[...]
        let sign = digits.first
        let isSigned = sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+")
        if isSigned { digits = digits.dropFirst() }
        var base: UInt64 = 10
        if digits.first == UInt8(ascii: "0"), digits.count > 1 {
            switch digits[digits.startIndex + 1] | 0x20 {
            case UInt8(ascii: "x"): base = 16
            case UInt8(ascii: "o"): base = 8
            case UInt8(ascii: "b"): base = 2
            default: base = 0
            }
            digits = digits.dropFirst(base == 0 ? 1 : 2)
            if base == 0 { base = 8 }
        }
        guard !digits.isEmpty else { return nil }
        var magnitude: UInt64 = 0
        for byte in digits {
            let digit: UInt64
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = UInt64(byte - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = UInt64(byte - UInt8(ascii: "a") + 10)
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = UInt64(byte - UInt8(ascii: "A") + 10)
            default: return nil
            }
            guard digit < base else { return nil }
            let (product, overflow) = magnitude.multipliedReportingOverflow(by: base)
            let (sum, carry) = product.addingReportingOverflow(digit)
            if overflow || carry { return nil }
            magnitude = sum
        }
        if sign == UInt8(ascii: "-") {
            guard magnitude <= 1 << 63 else { return nil }
            return "-\(magnitude)"
        }
        guard !isSigned || magnitude < 1 << 63 else { return nil }
        return String(magnitude)
    }

    /// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
    private static func isFloat(_ plain: [UInt8]) -> Bool {
        var place = 0
        func digits() -> Int {
            let from = place
            while place < plain.count, plain[place] &- UInt8(ascii: "0") < 10 { place += 1 }
            return place - from
        }
        func take(_ bytes: UInt8...) -> Bool {
            guard place < plain.count, bytes.contains(plain[place]) else { return false }
            place += 1
            return true
        }
        _ = take(UInt8(ascii: "-"), UInt8(ascii: "+"))
        let whole = digits()
        if take(UInt8(ascii: ".")) {
            if digits() == 0, whole == 0 { return false }
        } else if whole == 0 {
            return false
        }
        if take(UInt8(ascii: "e"), UInt8(ascii: "E")) {
            _ = take(UInt8(ascii: "-"), UInt8(ascii: "+"))
            if digits() == 0 { return false }
        }
        return place == plain.count
    }

    /// With a digit on both sides of the point, as every reader of floats takes it.
    private static func completed(_ plain: [UInt8]) -> String {
        guard let point = plain.firstIndex(of: UInt8(ascii: ".")) else { return String(decoding: plain, as: UTF8.self) }
        var digits = plain
        if point + 1 == digits.count || digits[point + 1] &- UInt8(ascii: "0") > 9 {
            digits.insert(UInt8(ascii: "0"), at: point + 1)
        }
        if point == 0 || digits[point - 1] &- UInt8(ascii: "0") > 9 { digits.insert(UInt8(ascii: "0"), at: point) }
        return String(decoding: digits, as: UTF8.self)
    }

    /// Whether a float is written as JSON would write it.
    private static func isJSONNumber(_ plain: [UInt8]) -> Bool {
        var digits = plain[...]
        if digits.first == UInt8(ascii: "-") { digits = digits.dropFirst() }
        guard let first = digits.first, first &- UInt8(ascii: "0") < 10 else { return false }
        if first == UInt8(ascii: "0"), digits.count > 1, digits[digits.startIndex + 1] &- UInt8(ascii: "0") < 10 {
            return false
        }
        guard let point = digits.firstIndex(of: UInt8(ascii: ".")) else { return true }
        return point + 1 < digits.endIndex && digits[point + 1] &- UInt8(ascii: "0") < 10
    }

    /// What a number is called as a key: integers in decimal, floats as Go's `FormatFloat(_, 'g', -1, 32)`, which is how
    /// `sigs.k8s.io/yaml` names them.
    static func keyText(_ number: JSONNumber) -> String {
        if number.isPlainInteger { return number.literal }
        let value = Float(number.double)
        guard value.isFinite, value != 0 else { return value == 0 ? "0" : number.literal }
        // Swift gives the same shortest digits; only point and exponent stand elsewhere.
        let parts = value.magnitude.description.split(separator: "e", maxSplits: 1)
        let halves = parts[0].split(separator: ".", omittingEmptySubsequences: false)
        let whole = String(halves[0])
        let fraction = halves.count > 1 && halves[1] != "0" ? String(halves[1]) : ""
        var digits = whole + fraction
        var exponent = (parts.count > 1 ? Int(parts[1]) ?? 0 : 0) + whole.count - 1
        while digits.hasPrefix("0"), digits.count > 1 {
            digits.removeFirst()
            exponent -= 1
        }
        while digits.hasSuffix("0"), digits.count > 1 { digits.removeLast() }
        let sign = value < 0 ? "-" : ""
        // 'g' with the shortest precision takes the exponent form from six digits on.
        if exponent < -4 || exponent >= 6 {
            let mantissa = digits.count > 1 ? "\(digits.prefix(1)).\(digits.dropFirst())" : digits
            let size = abs(exponent)
            return "\(sign)\(mantissa)e\(exponent < 0 ? "-" : "+")\(size < 10 ? "0" : "")\(size)"
        }
        if exponent < 0 { return "\(sign)0.\(String(repeating: "0", count: -exponent - 1))\(digits)" }
        if digits.count <= exponent + 1 {
            return sign + digits + String(repeating: "0", count: exponent + 1 - digits.count)
        }
        return "\(sign)\(digits.prefix(exponent + 1)).\(digits.dropFirst(exponent + 1))"
    }
}
