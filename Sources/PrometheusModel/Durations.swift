/// Why a text is no duration.
package struct DurationError: Error, Sendable, Hashable, CustomStringConvertible {
    package var description: String
}

/// A duration as Prometheus writes it: `1d2h30m`, `500ms`.
package struct PrometheusDuration: Sendable, Hashable, Comparable, CustomStringConvertible {
    package var milliseconds: Int64

    package init(milliseconds: Int64) { self.milliseconds = milliseconds }

    private static let units: [(name: String, milliseconds: Int64)] = [
        ("y", 31_536_000_000), ("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000),
        ("ms", 1),
    ]
    /// Prometheus counts nanoseconds in 64 bits.
    private static let largest = Int64.max / 1_000_000

    /// - Parameter text: numbers with units, the larger before the smaller, each unit at most once; or `0`.
    package init(_ text: String) throws(DurationError) {
        self.milliseconds = 0
        if text == "0" { return }
        guard !text.isEmpty else { throw DurationError(description: "a duration must not be empty: write such as 30s") }
        var rest = Substring(text).utf8
        var next = 0
        while !rest.isEmpty {
            let digits = rest.prefix { LabelName.isDigit($0) }
            rest = rest[digits.endIndex...]
            let name = rest.prefix { !LabelName.isDigit($0) }
            rest = rest[name.endIndex...]
            guard !digits.isEmpty else { throw Self.invalid(text) }
            let unit = Self.units.firstIndex { $0.name.utf8.elementsEqual(name) }
            guard let unit, unit >= next else { throw Self.invalid(text) }
            next = unit + 1
            guard let number = Int64(Substring(digits)) else { throw Self.tooLong(text) }
            let (product, overflow) = number.multipliedReportingOverflow(by: Self.units[unit].milliseconds)
            guard !overflow, product <= Self.largest - self.milliseconds else { throw Self.tooLong(text) }
            self.milliseconds += product
        }
    }

    private static func invalid(_ text: String) -> DurationError {
        DurationError(
            description:
                "\"\(text.abbreviated)\" is not a duration: write numbers with units (y, w, d, h, m, s, ms), the"
                + " larger unit first, such as 1m30s"
        )
    }

    private static func tooLong(_ text: String) -> DurationError {
        DurationError(description: "the duration \"\(text.abbreviated)\" is too long: at most 292 years")
    }

    /// As Prometheus prints it: years and weeks only where nothing remains.
    package var description: String {
        if self.milliseconds == 0 { return "0s" }
        var rest = self.milliseconds
        var text = ""
        for (index, unit) in Self.units.enumerated() where index > 1 || rest.isMultiple(of: unit.milliseconds) {
            let number = rest / unit.milliseconds
            if number > 0 { text += "\(number)\(unit.name)" }
            rest -= number * unit.milliseconds
        }
        return text
    }

    package static func < (left: PrometheusDuration, right: PrometheusDuration) -> Bool {
        left.milliseconds < right.milliseconds
    }
}

/// A duration as Go writes it: `1m30s`, `1.5h`, `-2ms`.
package struct GoDuration: Sendable, Hashable, Comparable, CustomStringConvertible {
    package var nanoseconds: Int64

    package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    private static let units: [String: UInt64] = [
        "ns": 1, "us": 1000, "\u{B5}s": 1000, "\u{3BC}s": 1000, "ms": 1_000_000, "s": 1_000_000_000,
        "m": 60_000_000_000, "h": 3_600_000_000_000,
    ]

    package init(_ text: String) throws(DurationError) {
        var rest = Substring(text)
        let isNegative = rest.first == "-"
        if isNegative || rest.first == "+" { rest.removeFirst() }
        if rest == "0" {
            self.nanoseconds = 0
            return
        }
        guard !rest.isEmpty else { throw Self.invalid(text) }
        var total: UInt64 = 0
        let limit: UInt64 = 1 << 63
        while !rest.isEmpty {
            let whole = rest.prefix { $0.isASCII && $0.isNumber }
            rest = rest[whole.endIndex...]
            var fraction = Substring()
            if rest.first == "." {
                rest.removeFirst()
                fraction = rest.prefix { $0.isASCII && $0.isNumber }
                rest = rest[fraction.endIndex...]
            }
            guard !whole.isEmpty || !fraction.isEmpty else { throw Self.invalid(text) }
            let name = rest.prefix { $0 != "." && !($0.isASCII && $0.isNumber) }
            rest = rest[name.endIndex...]
            guard let unit = Self.units[String(name)] else {
                let problem = name.isEmpty ? "has no unit" : "has the unknown unit \"\(String(name).abbreviated)\""
                throw DurationError(
                    description:
                        "the duration \"\(text.abbreviated)\" \(problem): use h, m, s, ms, us or ns, such as 1m30s"
                )
            }
            guard let number = whole.isEmpty ? 0 : UInt64(whole) else { throw Self.tooLong(text) }
            let (product, overflow) = number.multipliedReportingOverflow(by: unit)
            guard !overflow, product <= limit else { throw Self.tooLong(text) }
            total += product + Self.part(fraction, of: unit)
            guard total <= limit else { throw Self.tooLong(text) }
        }
        guard isNegative || total < limit else { throw Self.tooLong(text) }
        self.nanoseconds = isNegative ? Int64(truncatingIfNeeded: 0 &- total) : Int64(total)
    }

    /// `unit` times the digits after the point.
    private static func part(_ digits: Substring, of unit: UInt64) -> UInt64 {
        var (number, scale): (UInt64, Double) = (0, 1)
        for digit in digits.utf8 {
            // More digits than fit change nothing any more.
            guard number <= (UInt64(Int64.max) - 9) / 10 else { break }
            number = number * 10 + UInt64(digit - UInt8(ascii: "0"))
            scale *= 10
        }
        return number == 0 ? 0 : UInt64(Double(number) * (Double(unit) / scale))
    }

    private static func invalid(_ text: String) -> DurationError {
        DurationError(
            description:
                "\"\(text.abbreviated)\" is not a duration: write numbers with units (h, m, s, ms, us, ns), such as"
                + " 1m30s"
        )
    }

    private static func tooLong(_ text: String) -> DurationError {
        DurationError(description: "the duration \"\(text.abbreviated)\" is too long: at most 292 years")
    }

    /// As Go prints it: `1h0m0s`, `1.5s`, `100ms`.
    package var description: String {
        if self.nanoseconds == 0 { return "0s" }
        let sign = self.nanoseconds < 0 ? "-" : ""
        let total = self.nanoseconds.magnitude
        if total < 1000 { return "\(sign)\(total)ns" }
        if total < 1_000_000 { return sign + Self.decimal(total, 1000) + "\u{B5}s" }
        if total < 1_000_000_000 { return sign + Self.decimal(total, 1_000_000) + "ms" }
        let seconds = Self.decimal(total % 60_000_000_000, 1_000_000_000) + "s"
        let minutes = total / 60_000_000_000
        if minutes == 0 { return sign + seconds }
        return sign + (minutes < 60 ? "" : "\(minutes / 60)h") + "\(minutes % 60)m" + seconds
    }

    private static func decimal(_ value: UInt64, _ unit: UInt64) -> String {
        var (fraction, width) = (value % unit, unit)
        if fraction == 0 { return "\(value / unit)" }
        var digits = ""
        while fraction > 0 {
            width /= 10
            digits += "\(fraction / width)"
            fraction %= width
        }
        return "\(value / unit).\(digits)"
    }

    package static func < (left: GoDuration, right: GoDuration) -> Bool { left.nanoseconds < right.nanoseconds }
}

extension String {
    /// Short enough for a message.
    var abbreviated: String { self.utf8.count > 80 ? String(self.prefix(80)) + "..." : self }
}
