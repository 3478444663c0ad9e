#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Points in time as seconds since 1970, and the two text forms of them that servers and plugins use.
enum UnixTime {
    static func now() -> Int { time(nil) }

    /// RFC 3339, such as `2024-05-01T12:00:00Z` or with fraction and offset (the fraction is dropped); `nil` for other text.
    static func parse(rfc3339 text: String) -> Int? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 20, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"),
            bytes[10] | 0x20 == UInt8(ascii: "t"), bytes[13] == UInt8(ascii: ":"), bytes[16] == UInt8(ascii: ":"),
            let year = Self.number(bytes[0..<4]), let month = Self.number(bytes[5..<7]),
            let day = Self.number(bytes[8..<10]), let hour = Self.number(bytes[11..<13]),
            let minute = Self.number(bytes[14..<16]), let second = Self.number(bytes[17..<19])
        else { return nil }
        var place = 19
        if bytes[place] == UInt8(ascii: ".") {
            place += 1
            while place < bytes.count, bytes[place] &- UInt8(ascii: "0") < 10 { place += 1 }
        }
        guard place < bytes.count else { return nil }
        var offset = 0
        if bytes[place] | 0x20 == UInt8(ascii: "z") {
            guard place + 1 == bytes.count else { return nil }
        } else {
            guard bytes[place] == UInt8(ascii: "+") || bytes[place] == UInt8(ascii: "-"), place + 6 == bytes.count,
                bytes[place + 3] == UInt8(ascii: ":"), let hours = Self.number(bytes[place + 1..<place + 3]),
                let minutes = Self.number(bytes[place + 4..<place + 6])
            else { return nil }
            offset = (hours * 60 + minutes) * 60 * (bytes[place] == UInt8(ascii: "-") ? -1 : 1)
        }
        guard let days = Self.days(year: year, month: month, day: day), hour < 24, minute < 60, second < 61
        else { return nil }
        return days * 86_400 + hour * 3_600 + minute * 60 + second - offset
    }

    /// The form of HTTP headers, such as `Wed, 21 Oct 2015 07:28:00 GMT`; `nil` for other text.
    static func parse(httpDate text: String) -> Int? {
        let words = text.split(separator: " ")
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        guard words.count == 6, words[5] == "GMT", let day = Int(words[1]), let year = Int(words[3]),
            let month = months.firstIndex(of: String(words[2])),
            let days = Self.days(year: year, month: month + 1, day: day)
        else { return nil }
        let clock = words[4].split(separator: ":").compactMap { Int($0) }
        guard clock.count == 3, (0..<24).contains(clock[0]), (0..<60).contains(clock[1]), (0..<61).contains(clock[2])
        else { return nil }
        return days * 86_400 + clock[0] * 3_600 + clock[1] * 60 + clock[2]
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
        var value = 0
        for digit in digits {
            guard digit &- UInt8(ascii: "0") < 10 else { return nil }
            value = value * 10 + Int(digit - UInt8(ascii: "0"))
        }
        return value
    }

    /// Days from 1970-01-01, by the proleptic Gregorian calendar.
    private static func days(year: Int, month: Int, day: Int) -> Int? {
        guard (1...12).contains(month), (1...31).contains(day), (1...9_999).contains(year) else { return nil }
        // Years that begin in March end with the leap day, which makes the month lengths regular.
        let shifted = month > 2 ? month - 3 : month + 9
        let marchYear = month > 2 ? year : year - 1
        let leapDays = marchYear / 4 - marchYear / 100 + marchYear / 400
        return marchYear * 365 + leapDays + (shifted * 153 + 2) / 5 + day - 1 - 719_468
    }
}
