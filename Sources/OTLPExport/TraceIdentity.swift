/// Which span something belongs to, as W3C Trace Context carries it between processes.
package struct TraceIdentity: Sendable, Hashable {
    /// 16 bytes as two words.
    package var traceHigh: UInt64
    package var traceLow: UInt64
    package var span: UInt64
    package var isSampled: Bool
    /// `tracestate`, passed on as it came.
    package var state: String

    package init(traceHigh: UInt64, traceLow: UInt64, span: UInt64, isSampled: Bool, state: String = "") {
        self.traceHigh = traceHigh
        self.traceLow = traceLow
        self.span = span
        self.isSampled = isSampled
        self.state = state
    }

    /// Reads a `traceparent` header (https://www.w3.org/TR/trace-context/#traceparent-header); `nil` for what is none, which
    /// is to be treated as if it was not there.
    package init?(traceparent: String, state: String = "") {
        let parts = traceparent.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard parts.count >= 4, parts[0].count == 2, parts[1].count == 32, parts[2].count == 16, parts[3].count == 2,
            let version = Self.number(parts[0]), version != 0xFF,
            // Later versions may have more behind the flags; this one has not.
            parts.count == 4 || version > 0,
            let high = Self.number(parts[1].prefix(16)), let low = Self.number(parts[1].suffix(16)),
            let span = Self.number(parts[2]), let flags = Self.number(parts[3]),
            high != 0 || low != 0, span != 0
        else { return nil }
        self.init(
            traceHigh: high,
            traceLow: low,
            span: span,
            isSampled: flags & 1 == 1,
            // A list of at most 512 bytes; more need not be passed on.
            state: state.utf8.count <= 512 ? state : ""
        )
    }

    package var traceparent: String { "00-\(self.traceID)-\(self.spanID)-\(self.isSampled ? "01" : "00")" }
    /// 32 lower-case hexadecimal digits.
    package var traceID: String { Self.hex(self.traceHigh) + Self.hex(self.traceLow) }
    /// 16 lower-case hexadecimal digits.
    package var spanID: String { Self.hex(self.span) }

    static func hex(_ bits: UInt64) -> String {
        let text = String(bits, radix: 16)
        return String(repeating: "0", count: 16 - text.utf8.count) + text
    }

    /// Lower-case digits only, as the specification has it.
    private static func number(_ digits: some Collection<UInt8>) -> UInt64? {
        var number: UInt64 = 0
        for digit in digits {
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): number = number << 4 | UInt64(digit - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): number = number << 4 | UInt64(digit - UInt8(ascii: "a") + 10)
            default: return nil
            }
        }
        return number
    }
}
