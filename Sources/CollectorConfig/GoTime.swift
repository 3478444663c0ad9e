/// Times and durations in Go's notation.
package enum GoTime {
    /// Whether the library that writes `collector.yaml` takes a string for a time: RFC 3339, `YYYY-MM-DD HH:MM:SS`,
    /// `YYYY-MM-DD` or a clock time such as `15:04`.
    static func looksLikeTime(_ bytes: [UInt8]) -> Bool {
        var reader = Reader(bytes: bytes)
        if let hour = reader.number(1...2), hour < 24, reader.take(":"), let minute = reader.number(1...2), minute < 60,
            reader.isAtEnd
        {
            return true
        }
        return self.isTimestamp(bytes, digits: 2...2)
    }

    /// Whether the collector's own YAML reader takes a plain scalar for a timestamp; it also takes single digits.
    static func isTimestamp(_ bytes: [UInt8]) -> Bool { self.isTimestamp(bytes, digits: 1...2) }

    private static func isTimestamp(_ bytes: [UInt8], digits: ClosedRange<Int>) -> Bool {
        var reader = Reader(bytes: bytes)
        guard let year = reader.number(4...4), reader.take("-"), let month = reader.number(digits),
            (1...12).contains(month), reader.take("-"), let day = reader.number(digits), day >= 1,
            day <= self.days(inMonth: month, of: year)
        else { return false }
        if reader.isAtEnd { return true }
        let hasZone = reader.take("T") || reader.take("t")
        guard hasZone || reader.take(" ") else { return false }
        guard let hour = reader.number(1...2), hour < 24, reader.take(":"), let minute = reader.number(digits),
            minute < 60,
            reader.take(":"), let second = reader.number(digits), second < 60
        else { return false }
        if reader.take(".") || reader.take(",") {
            guard reader.skipDigits() else { return false }
        }
        guard hasZone else { return reader.isAtEnd }
        if reader.take("Z") { return reader.isAtEnd }
        guard reader.take("+") || reader.take("-"), let hours = reader.number(2...2), hours <= 24, reader.take(":"),
            let minutes = reader.number(2...2), minutes <= 60
        else { return false }
        return reader.isAtEnd
    }

    private static func days(inMonth month: Int, of year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    private struct Reader {
        let bytes: [UInt8]
        var position = 0

        var isAtEnd: Bool { self.position == self.bytes.count }

        mutating func take(_ character: Unicode.Scalar) -> Bool {
            guard self.position < self.bytes.count, UInt32(self.bytes[self.position]) == character.value else {
                return false
            }
            self.position += 1
            return true
        }

        /// Any number of digits, at least one.
        mutating func skipDigits() -> Bool {
            let start = self.position
            while self.position < self.bytes.count, (0x30...0x39).contains(self.bytes[self.position]) {
                self.position += 1
            }
            return self.position > start
        }

        mutating func number(_ digits: ClosedRange<Int>) -> Int? {
            var value = 0
            var count = 0
            while count < digits.upperBound, self.position < self.bytes.count,
                (0x30...0x39).contains(self.bytes[self.position])
            {
                value = value * 10 + Int(self.bytes[self.position] - 0x30)
                self.position += 1
                count += 1
            }
            return count >= digits.lowerBound ? value : nil
        }
    }

    /// A duration such as `90s` or `1h2.5m` in nanoseconds; nil for anything that is none.
    package static func nanoseconds(_ text: String) -> Int? {
        var bytes = Array(text.utf8)[...]
        let isNegative = bytes.first == UInt8(ascii: "-")
        if isNegative || bytes.first == UInt8(ascii: "+") { bytes = bytes.dropFirst() }
        if bytes.elementsEqual("0".utf8) { return 0 }
        guard !bytes.isEmpty else { return nil }
        var total = 0.0
        while !bytes.isEmpty {
            let number = bytes.prefix { (0x30...0x39).contains($0) || $0 == UInt8(ascii: ".") }
            bytes = bytes.dropFirst(number.count)
            let unit = bytes.prefix { !(0x30...0x39).contains($0) && $0 != UInt8(ascii: ".") }
            bytes = bytes.dropFirst(unit.count)
            var digits = String(decoding: number, as: UTF8.self)
            if digits.hasPrefix(".") { digits = "0" + digits }
            if digits.hasSuffix(".") { digits += "0" }
            guard let value = Double(digits), let scale = self.units[String(decoding: unit, as: UTF8.self)] else {
                return nil
            }
            total += value * scale
        }
        guard total < 0x1p63 else { return nil }
        return Int(total.rounded()) * (isNegative ? -1 : 1)
    }

    private static let units: [String: Double] = [
        "ns": 1, "us": 1e3, "µs": 1e3, "μs": 1e3, "ms": 1e6, "s": 1e9, "m": 60e9, "h": 3600e9,
    ]

    /// A duration as Go prints it: `30s`, `1m30s`, `1h0m0s`, `1.5s`, `500ms`, `0s`.
    package static func duration(nanoseconds: Int) -> String {
        guard nanoseconds != 0 else { return "0s" }
        let sign = nanoseconds < 0 ? "-" : ""
        let magnitude = nanoseconds.magnitude
        func fraction(_ value: UInt, of unit: UInt) -> String {
            let rest = value % unit
            guard rest != 0 else { return String(value / unit) }
            var digits = String(rest)
            digits = String(repeating: "0", count: String(unit).utf8.count - 1 - digits.utf8.count) + digits
            while digits.last == "0" { digits.removeLast() }
            return "\(value / unit).\(digits)"
        }
        if magnitude < 1_000 { return "\(sign)\(magnitude)ns" }
        if magnitude < 1_000_000 { return "\(sign)\(fraction(magnitude, of: 1_000))µs" }
        if magnitude < 1_000_000_000 { return "\(sign)\(fraction(magnitude, of: 1_000_000))ms" }
        let minutes = magnitude / 60_000_000_000
        let seconds = fraction(magnitude % 60_000_000_000, of: 1_000_000_000)
        if minutes == 0 { return "\(sign)\(seconds)s" }
        if minutes < 60 { return "\(sign)\(minutes)m\(seconds)s" }
        return "\(sign)\(minutes / 60)h\(minutes % 60)m\(seconds)s"
    }
}
