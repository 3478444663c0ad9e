package import JSONTree

/// Numbers as Go writes them. All numbers of a configuration are IEEE doubles to the Go operator, and hash and bytes of
/// its output follow from that.
package enum GoNumber {
    /// As `encoding/json` writes a float64: plain up to 1e21, `1e+21` from there, `1e-7` below 1e-6.
    package static func json(_ value: Double) -> String {
        let magnitude = abs(value)
        guard value.isFinite, magnitude != 0 else { return value.sign == .minus && value == 0 ? "-0" : "0" }
        let parts = Decimal(value)
        return magnitude < 1e-6 || magnitude >= 1e21
            ? parts.scientific(exponentDigits: parts.exponent < 0 ? 1 : 2) : parts.plain
    }

    /// As `strconv.FormatFloat(value, 'g', -1, 64)` writes it: plain from 0.0001 to below 1e6 times ten to the number
    /// of digits that were needed anyway, otherwise `1e+06`.
    package static func general(_ value: Double) -> String {
        guard value.isFinite else { return value.isNaN ? ".nan" : value < 0 ? "-.inf" : ".inf" }
        guard value != 0 else { return value.sign == .minus ? "-0" : "0" }
        let parts = Decimal(value)
        return parts.exponent < -4 || parts.exponent >= 6 ? parts.scientific(exponentDigits: 2) : parts.plain
    }

    /// The shortest digits that read back as a double, and where its point is.
    private struct Decimal {
        var isNegative: Bool
        /// Without leading and trailing zeros.
        var digits: [UInt8]
        /// Of the first digit: 1.5 has 0.
        var exponent: Int

        init(_ value: Double) {
            self.isNegative = value < 0
            self.digits = []
            self.exponent = 0
            var point: Int?
            var isExponent = false
            var exponentText = ""
            for byte in value.magnitude.description.utf8 {
                switch byte {
                case UInt8(ascii: "."): point = self.digits.count
                case UInt8(ascii: "e"): isExponent = true
                default:
                    if isExponent {
                        exponentText.unicodeScalars.append(Unicode.Scalar(byte))
                    } else {
                        self.digits.append(byte)
                    }
                }
            }
            self.exponent = (point ?? self.digits.count) - 1 + (Int(exponentText.trimmingPlus) ?? 0)
            let leading = self.digits.prefix { $0 == UInt8(ascii: "0") }.count
            self.digits.removeFirst(leading)
            self.exponent -= leading
            while self.digits.last == UInt8(ascii: "0") { self.digits.removeLast() }
        }

        var plain: String {
            var bytes: [UInt8] = self.isNegative ? [UInt8(ascii: "-")] : []
            if self.exponent < 0 {
                bytes += Array("0.".utf8) + Array(repeating: UInt8(ascii: "0"), count: -self.exponent - 1) + self.digits
            } else {
                for position in 0...max(self.exponent, self.digits.count - 1) {
                    if position == self.exponent + 1 { bytes.append(UInt8(ascii: ".")) }
                    bytes.append(position < self.digits.count ? self.digits[position] : UInt8(ascii: "0"))
                }
            }
            return String(decoding: bytes, as: UTF8.self)
        }

        func scientific(exponentDigits: Int) -> String {
            var text = self.isNegative ? "-" : ""
            text += String(decoding: self.digits.prefix(1), as: UTF8.self)
            if self.digits.count > 1 { text += "." + String(decoding: self.digits.dropFirst(), as: UTF8.self) }
            let exponent = String(self.exponent.magnitude)
            text += self.exponent < 0 ? "e-" : "e+"
            if exponent.utf8.count < exponentDigits { text += "0" }
            return text + exponent
        }
    }
}

extension String {
    fileprivate var trimmingPlus: String { self.hasPrefix("+") ? String(self.dropFirst()) : self }
}

extension JSONValue {
    /// The same value, all numbers written as Go's `encoding/json` writes them after reading them as float64.
    package var withGoNumbers: JSONValue {
        switch self {
        case .number(let number): .number(JSONNumber(uncheckedLiteral: GoNumber.json(number.double)))
        case .array(let elements): .array(elements.map(\.withGoNumbers))
        case .object(let object): .object(object.withGoNumbers)
        default: self
        }
    }
}

extension JSONObject {
    package var withGoNumbers: JSONObject { JSONObject(self.map { ($0.key, $0.value.withGoNumbers) }) }
}
