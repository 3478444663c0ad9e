import JSONTree

/// The parts of a URL that matter here.
struct URLText: Hashable {
    /// In lower case.
    var scheme: String
    /// With the port, without user and password.
    var host: String

    /// `nil` without a scheme and `//`.
    init?(_ text: String) {
        guard let parts = Self.authority(of: text) else { return nil }
        self.scheme = text[..<parts.colon].lowercased()
        self.host = String(parts.at.map { text[text.index(after: $0)..<parts.end] } ?? text[parts.start..<parts.end])
    }

    /// - Throws: for what no URL can hold; the text itself is not shown, as it may hold a password.
    static func check(_ text: String) throws(FieldError) {
        if text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) {
            throw FieldError("the URL holds a control character", hint: "remove line breaks and tabs")
        }
        var rest = text.utf8[...]
        while let place = rest.firstIndex(of: UInt8(ascii: "%")) {
            let digits = rest[rest.index(after: place)...].prefix(2)
            guard digits.count == 2, digits.allSatisfy(Self.isHexDigit) else {
                throw FieldError("the URL holds a % without two hexadecimal digits behind it", hint: "write %25 for %")
            }
            rest = rest[rest.index(after: place)...]
        }
        guard let url = URLText(text) else {
            throw FieldError("the URL has no scheme", hint: "begin it with http:// or https://")
        }
        if url.host.isEmpty { throw FieldError("the URL has no host", hint: "write it as http://HOST:PORT/PATH") }
        if url.host.utf8.contains(where: { $0 == 0x20 }) { throw FieldError("the URL's host holds a blank") }
        if let colon = url.host.lastIndex(of: ":"), !url.host[colon...].contains("]") {
            let port = url.host[url.host.index(after: colon)...]
            guard port.isEmpty || UInt16(port) != nil else {
                throw FieldError("the URL's port is not a number from 0 to 65535")
            }
        }
    }

    /// The text with `xxxxx` for a password, as Prometheus shows URLs.
    static func redacted(_ text: String) -> String {
        guard let parts = Self.authority(of: text), let at = parts.at,
            let colon = text[parts.start..<at].firstIndex(of: ":")
        else { return text }
        return text[...colon] + "xxxxx" + text[at...]
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
            UInt8(ascii: "A")...UInt8(ascii: "F"):
            true
        default: false
        }
    }

    private static func authority(
        of text: String
    ) -> (colon: String.Index, start: String.Index, at: String.Index?, end: String.Index)? {
        // By bytes, as most texts that are looked at are no URLs.
        let bytes = text.utf8
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")), colon != bytes.startIndex,
            bytes[colon...].starts(with: "://".utf8), bytes[..<colon].allSatisfy(Self.isSchemeByte)
        else { return nil }
        let start = bytes.index(colon, offsetBy: 3)
        let end = bytes[start...].firstIndex { "/?#".utf8.contains($0) } ?? bytes.endIndex
        return (colon, start, bytes[start..<end].lastIndex(of: UInt8(ascii: "@")), end)
    }

    private static func isSchemeByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
            true
        default: false
        }
    }
}
