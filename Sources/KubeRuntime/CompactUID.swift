/// A uid in 17 bytes instead of the 80 of its text: all that the API server makes are UUIDs.
struct CompactUID: Sendable, Hashable {
    private enum Form: Sendable, Hashable {
        case uuid(UInt64, UInt64)
        case text(String)
    }

    private let form: Form

    init(_ text: String) {
        var halves: (UInt64, UInt64) = (0, 0)
        var digits = 0
        for (place, byte) in text.utf8.enumerated() {
            if place == 8 || place == 13 || place == 18 || place == 23 {
                if byte == UInt8(ascii: "-") { continue }
                digits = -1
                break
            }
            let value: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = byte - UInt8(ascii: "0")
            // Lower case only: the text has to come back as it was.
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = byte - UInt8(ascii: "a") + 10
            default: value = 0xFF
            }
            guard value != 0xFF, digits < 32 else {
                digits = -1
                break
            }
            if digits < 16 {
                halves.0 = halves.0 << 4 | UInt64(value)
            } else {
                halves.1 = halves.1 << 4 | UInt64(value)
            }
            digits += 1
        }
        self.form = digits == 32 && text.utf8.count == 36 ? .uuid(halves.0, halves.1) : .text(text)
    }

    var text: String {
        switch self.form {
        case .text(let text): return text
        case .uuid(let high, let low):
            let hex: StaticString = "0123456789abcdef"
            return String(unsafeUninitializedCapacity: 36) { buffer in
                var place = 0
                for digit in 0..<32 {
                    if digit == 8 || digit == 12 || digit == 16 || digit == 20 {
                        buffer[place] = UInt8(ascii: "-")
                        place += 1
                    }
                    let half = digit < 16 ? high : low
                    buffer[place] = hex.utf8Start[Int(half >> UInt64(60 - digit % 16 * 4) & 15)]
                    place += 1
                }
                return place
            }
        }
    }
}
