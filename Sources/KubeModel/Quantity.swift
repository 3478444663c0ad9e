package import JSONTree

/// An amount of a resource (`500m`, `1.5Gi`, `1e3`), as `k8s.io/apimachinery/pkg/api/resource` reads it: exact down to
/// 1/1,000,000,000 (smaller digits round away from zero), at most ±(2^63 - 1).
///
/// Two quantities are equal when they are the same amount: `1` and `1000m`, `1Ki` and `1024`.
package struct Quantity: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The amount in billionths.
    package let nanos: Int128
    /// As it was written.
    package let description: String

    /// `nil` when the text is not a quantity.
    package init?(_ text: String) {
        guard let nanos = Self.parse(Array(text.utf8)) else { return nil }
        self.nanos = nanos
        self.description = text
    }

    /// From a member of an object, which may also be a JSON number; `nil` for anything else.
    package init?(_ value: JSONValue) {
        switch value {
        case .string(let text): self.init(text)
        case .number(let number): self.init(number.literal)
        default: return nil
        }
    }

    /// Whole units, rounded away from zero: `1500m` is 2.
    package var value: Int { Int(clamping: Self.divided(self.nanos, by: 1_000_000_000)) }

    /// Thousandths, rounded away from zero: `1.5` is 1500. Stops at 2^63 - 1.
    package var milliValue: Int { Int(clamping: Self.divided(self.nanos, by: 1_000_000)) }

    package static func == (left: Quantity, right: Quantity) -> Bool { left.nanos == right.nanos }
    package static func < (left: Quantity, right: Quantity) -> Bool { left.nanos < right.nanos }
    package func hash(into hasher: inout Hasher) { hasher.combine(self.nanos) }

    private static func divided(_ nanos: Int128, by unit: Int128) -> Int128 {
        let (quotient, rest) = nanos.quotientAndRemainder(dividingBy: unit)
        return rest == 0 ? quotient : quotient + rest.signum()
    }

    // MARK: Reading

    private static let most = Int128(Int64.max) * 1_000_000_000

    private static func parse(_ bytes: [UInt8]) -> Int128? {
        var rest = bytes[...]
        let isNegative = rest.first == UInt8(ascii: "-")
        if isNegative || rest.first == UInt8(ascii: "+") { rest = rest.dropFirst() }
        let whole = rest.prefix { $0 &- UInt8(ascii: "0") < 10 }
        rest = rest[whole.endIndex...]
        var fraction = rest.prefix(0)
        if rest.first == UInt8(ascii: ".") {
            fraction = rest.dropFirst().prefix { $0 &- UInt8(ascii: "0") < 10 }
            rest = rest[fraction.endIndex...]
        }
        if whole.isEmpty, fraction.isEmpty { return nil }
        let magnitude: Int128
        switch Self.suffix(String(decoding: rest, as: UTF8.self)) {
        case .decimal(let exponent): magnitude = Self.decimal(whole, fraction, exponent: exponent)
        case .binary(let shift): magnitude = Self.binary(whole, fraction, shift: shift)
        case nil: return nil
        }
        return isNegative ? -magnitude : magnitude
    }

    private enum Suffix {
        case decimal(Int), binary(Int)
    }

    private static func suffix(_ text: String) -> Suffix? {
        switch text {
        case "": return .decimal(0)
        case "n": return .decimal(-9)
        case "u": return .decimal(-6)
        case "m": return .decimal(-3)
        case "k": return .decimal(3)
        case "M": return .decimal(6)
        case "G": return .decimal(9)
        case "T": return .decimal(12)
        case "P": return .decimal(15)
        case "E": return .decimal(18)
        case "Ki": return .binary(10)
        case "Mi": return .binary(20)
        case "Gi": return .binary(30)
        case "Ti": return .binary(40)
        case "Pi": return .binary(50)
        case "Ei": return .binary(60)
        default:
            guard text.hasPrefix("e") || text.hasPrefix("E"), let exponent = Int32(text.dropFirst()) else { return nil }
            return .decimal(Int(exponent))
        }
    }

    /// Moves the point by the exponent and takes what stands before it.
    private static func decimal(_ whole: ArraySlice<UInt8>, _ fraction: ArraySlice<UInt8>, exponent: Int) -> Int128 {
        let digits = (whole + fraction).drop { $0 == UInt8(ascii: "0") }
        let dropped = whole.count + fraction.count - digits.count
        if digits.isEmpty { return 0 }
        let kept = whole.count - dropped + exponent + 9
        if kept > 30 { return Self.most }
        var nanos: Int128 = 0
        for place in 0..<max(kept, 0) {
            let index = digits.startIndex + place
            nanos = nanos * 10 + (index < digits.endIndex ? Int128(digits[index] - UInt8(ascii: "0")) : 0)
        }
        if digits.dropFirst(max(kept, 0)).contains(where: { $0 != UInt8(ascii: "0") }) { nanos += 1 }
        return min(nanos, Self.most)
    }

    /// Digits of the fraction beyond the 18th only round it up.
    private static func binary(_ whole: ArraySlice<UInt8>, _ fraction: ArraySlice<UInt8>, shift: Int) -> Int128 {
        var units: Int128 = 0
        for byte in whole {
            units = units * 10 + Int128(byte - UInt8(ascii: "0"))
            if units > Int128(Int64.max) >> shift { return Self.most }
        }
        var numerator: UInt128 = 0
        var denominator: UInt128 = 1
        for byte in fraction.prefix(18) {
            numerator = numerator * 10 + UInt128(byte - UInt8(ascii: "0"))
            denominator *= 10
        }
        if fraction.dropFirst(18).contains(where: { $0 != UInt8(ascii: "0") }) { numerator += 1 }
        let product = (numerator << UInt128(shift)).multipliedFullWidth(by: 1_000_000_000)
        let part = denominator.dividingFullWidth(product)
        let nanos = (units << Int128(shift)) * 1_000_000_000 + Int128(part.quotient) + (part.remainder > 0 ? 1 : 0)
        return min(nanos, Self.most)
    }
}
