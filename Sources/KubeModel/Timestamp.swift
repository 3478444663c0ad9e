/// A point in time, as Kubernetes writes them: RFC 3339, in UTC when written.
package struct Timestamp: Sendable, Hashable, Comparable {
    /// Seconds since 1970, rounded down.
    package var seconds: Int64
    /// Of the second, 0 to 999,999,999.
    package var nanoseconds: Int32

    /// - Parameter nanoseconds: any number of them; more than a second's worth moves on to the seconds.
    package init(seconds: Int64, nanoseconds: Int64 = 0) {
        let carry = Self.floorDivided(nanoseconds, 1_000_000_000)
        self.seconds = seconds &+ carry
        self.nanoseconds = Int32(truncatingIfNeeded: nanoseconds - carry * 1_000_000_000)
    }

    /// Reads RFC 3339 with any fraction and offset, `2006-01-02T15:04:05.999Z` or `…+01:00`; `nil` for anything else.
    /// A leap second counts as the second after it.
    package init?(_ text: String) {
        var reader = Reader(bytes: Array(text.utf8))
        guard let year = reader.number(4), reader.take("-"), let month = reader.number(2), reader.take("-"),
            let day = reader.number(2), reader.take("T") || reader.take("t"), let hour = reader.number(2),
            reader.take(":"),
            let minute = reader.number(2), reader.take(":"), let second = reader.number(2)
        else { return nil }
        guard (1...12).contains(month), (1...Self.days(in: month, of: year)).contains(day), hour < 24, minute < 60,
            second < 61
        else { return nil }
        var nanoseconds: Int64 = 0
        if reader.take(".") {
            guard let fraction = reader.fraction() else { return nil }
            nanoseconds = fraction
        }
        var offset: Int64 = 0
        if !reader.take("Z"), !reader.take("z") {
            let isEast = reader.take("+")
            guard isEast || reader.take("-"), let hours = reader.number(2), reader.take(":"),
                let minutes = reader.number(2),
                hours < 24, minutes < 60
            else { return nil }
            offset = (hours * 3600 + minutes * 60) * (isEast ? 1 : -1)
        }
        guard reader.isAtEnd else { return nil }
        let days = Self.daysSince1970(year: year, month: month, day: day)
        self.init(seconds: days * 86_400 + hour * 3600 + minute * 60 + second - offset, nanoseconds: nanoseconds)
    }

    /// Whole seconds, meta/v1 `Time`: `2006-01-02T15:04:05Z`.
    package var rfc3339: String { self.secondsText + "Z" }

    /// Six digits of the second, meta/v1 `MicroTime`: `2006-01-02T15:04:05.000000Z`.
    package var rfc3339Micro: String { "\(self.secondsText).\(Self.padded(Int64(self.nanoseconds / 1000), 6))Z" }

    package static func < (left: Timestamp, right: Timestamp) -> Bool {
        (left.seconds, left.nanoseconds) < (right.seconds, right.nanoseconds)
    }

    /// The time that passes from one to the other.
    package static func - (left: Timestamp, right: Timestamp) -> Duration {
        .seconds(left.seconds - right.seconds) + .nanoseconds(Int64(left.nanoseconds) - Int64(right.nanoseconds))
    }

    package static func + (time: Timestamp, duration: Duration) -> Timestamp {
        let (seconds, attoseconds) = duration.components
        return Timestamp(
            seconds: time.seconds + seconds,
            nanoseconds: Int64(time.nanoseconds) + attoseconds / 1_000_000_000
        )
    }
}

extension Timestamp: CustomStringConvertible {
    package var description: String { self.nanoseconds == 0 ? self.rfc3339 : self.rfc3339Micro }
}

extension Timestamp {
    // MARK: Writing

    private var secondsText: String {
        let day = Self.floorDivided(self.seconds, 86_400)
        let second = self.seconds - day * 86_400
        let date = Self.date(daysSince1970: day)
        return "\(Self.padded(date.year, 4))-\(Self.padded(date.month, 2))-\(Self.padded(date.day, 2))"
            + "T\(Self.padded(second / 3600, 2)):\(Self.padded(second / 60 % 60, 2)):\(Self.padded(second % 60, 2))"
    }

    private static func padded(_ value: Int64, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    // MARK: The calendar

    private static func floorDivided(_ value: Int64, _ by: Int64) -> Int64 {
        let (quotient, rest) = value.quotientAndRemainder(dividingBy: by)
        return rest < 0 ? quotient - 1 : quotient
    }

    private static func isLeap(_ year: Int64) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

    private static func days(in month: Int64, of year: Int64) -> Int64 {
        switch month {
        case 2: Self.isLeap(year) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Days before a year, counted from year 0.
    private static func days(before year: Int64) -> Int64 {
        let last = year - 1
        return year * 365 + Self.floorDivided(last, 4) - Self.floorDivided(last, 100) + Self.floorDivided(last, 400)
    }

    private static func daysSince1970(year: Int64, month: Int64, day: Int64) -> Int64 {
        var days = Self.days(before: year) - Self.days(before: 1970) + day - 1
        for earlier in 1..<month { days += Self.days(in: earlier, of: year) }
        return days
    }

    private static func date(daysSince1970 days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let days = days + Self.days(before: 1970)
        // 146,097 days in 400 years; the guess is at most one year off.
        var year = Self.floorDivided(days * 400, 146_097)
        while Self.days(before: year + 1) <= days { year += 1 }
        while Self.days(before: year) > days { year -= 1 }
        var rest = days - Self.days(before: year)
        var month: Int64 = 1
        while rest >= Self.days(in: month, of: year) {
            rest -= Self.days(in: month, of: year)
            month += 1
        }
        return (year, month, rest + 1)
    }
}

private struct Reader {
    let bytes: [UInt8]
    var place = 0

    var isAtEnd: Bool { self.place == self.bytes.count }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard self.place < self.bytes.count, self.bytes[self.place] == UInt8(ascii: character) else { return false }
        self.place += 1
        return true
    }

    /// So many digits, neither more nor less being asked for.
    mutating func number(_ digits: Int) -> Int64? {
        guard self.place + digits <= self.bytes.count else { return nil }
        var value: Int64 = 0
        for _ in 0..<digits {
            let digit = self.bytes[self.place] &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            value = value * 10 + Int64(digit)
            self.place += 1
        }
        return value
    }

    /// Any number of digits behind a point, as nanoseconds.
    mutating func fraction() -> Int64? {
        var value: Int64 = 0
        var unit: Int64 = 100_000_000
        let start = self.place
        while self.place < self.bytes.count, self.bytes[self.place] &- UInt8(ascii: "0") < 10 {
            value += Int64(self.bytes[self.place] - UInt8(ascii: "0")) * unit
            unit /= 10
            self.place += 1
        }
        return self.place > start ? value : nil
    }
}
