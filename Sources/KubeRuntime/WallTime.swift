#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Where the time of day comes from. Tests pass a constant.
package struct WallClock: Sendable {
    package var now: @Sendable () -> WallTime

    package init(now: @escaping @Sendable () -> WallTime) { self.now = now }

    package static let system = WallClock { WallTime.now() }
}

/// A point in time as calendars know it (UTC), for what people and other programs read. Never used to measure durations.
package struct WallTime: Sendable, Hashable, Comparable {
    /// Since 1970-01-01T00:00:00Z.
    package var seconds: Int64
    /// 0 to 999,999,999.
    package var nanoseconds: Int

    package init(seconds: Int64, nanoseconds: Int = 0) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    package static func now() -> WallTime {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return WallTime(seconds: Int64(time.tv_sec), nanoseconds: Int(time.tv_nsec))
    }

    package static func < (left: WallTime, right: WallTime) -> Bool {
        (left.seconds, left.nanoseconds) < (right.seconds, right.nanoseconds)
    }

    /// meta/v1 Time: `2006-01-02T15:04:05Z`.
    package var rfc3339: String { self.date + "Z" }

    /// meta/v1 MicroTime: `2006-01-02T15:04:05.000000Z`, always with six digits.
    package var rfc3339Micro: String { "\(self.date).\(Self.digits(Int64(self.nanoseconds / 1000), 6))Z" }

    private var date: String {
        let day = self.seconds >= 0 ? self.seconds / 86400 : (self.seconds - 86399) / 86400
        let second = self.seconds - day * 86400
        // Days to a date of the Gregorian calendar, in years that begin in March: leap days then come last, so that the
        // lengths of the months before one follow one formula.
        let shifted = day + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let dayOfMonth = dayOfYear - (153 * marchMonth + 2) / 5 + 1
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return "\(Self.digits(year, 4))-\(Self.digits(month, 2))-\(Self.digits(dayOfMonth, 2))"
            + "T\(Self.digits(second / 3600, 2)):\(Self.digits(second / 60 % 60, 2)):\(Self.digits(second % 60, 2))"
    }

    private static func digits(_ value: Int64, _ count: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, count - text.utf8.count)) + text
    }
}
