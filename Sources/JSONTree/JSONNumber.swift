/// A JSON number, kept as the text it was written as, so that an untouched document writes back the same digits.
///
/// Two numbers are equal when they are written alike, or when one of them has a fraction or an exponent and both have
/// the same value as a double. Integers are never compared as doubles: beyond 2^53 that would call unequal ones equal.
package struct JSONNumber: Sendable {
    /// The number as written. Always valid JSON number syntax.
    package let literal: String

    /// The caller vouches for the syntax.
    package init(uncheckedLiteral literal: String) { self.literal = literal }

    package init(_ value: Int) { self.literal = String(value) }

    /// The shortest text that reads back as the same double; a value that JSON can't hold (NaN, infinity) becomes 0.
    package init(_ value: Double) {
        guard value.isFinite else {
            self.literal = "0"
            return
        }
        if value == value.rounded(), abs(value) < 1e15 {
            self.literal = value == 0 ? "0" : String(Int64(value))
        } else {
            self.literal = value.description
        }
    }

    /// The number when it is integral and fits 64 bits.
    package var int: Int? {
        if let value = Int(self.literal) { return value }
        guard !self.isPlainInteger, let value = Double(self.literal), value == value.rounded(), abs(value) < 0x1p63
        else { return nil }
        return Int(value)
    }

    package var double: Double { Double(self.literal) ?? 0 }

    /// Whether a double can hold it: `1e999` can't be held.
    package var isFinite: Bool { self.double.isFinite }

    /// Written without fraction and exponent.
    package var isPlainInteger: Bool { self.literal.utf8.allSatisfy { $0 != 0x2E && $0 | 0x20 != 0x65 } }
}

extension JSONNumber {
    /// Written `0` or `-0`.
    private var isZero: Bool { self.literal == "0" || self.literal == "-0" }
}

extension JSONNumber: Hashable {
    package static func == (left: JSONNumber, right: JSONNumber) -> Bool {
        if left.literal == right.literal { return true }
        if left.isPlainInteger, right.isPlainInteger { return left.isZero && right.isZero }
        return left.double == right.double
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(self.double) }
}
