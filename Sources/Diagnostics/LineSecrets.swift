/// Where in a line of text secrets stand.
enum LineSecrets {
    static func find(in line: ArraySlice<UInt8>) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        var place = line.startIndex
        while place < line.endIndex {
            let range: Range<Int>? =
                switch line[place] {
                case UInt8(ascii: "="), UInt8(ascii: ":"):
                    self.userInfo(line, place) ?? self.assigned(line, place)
                case UInt8(ascii: "B"), UInt8(ascii: "b"): self.scheme(line, place)
                case UInt8(ascii: "e"): self.webToken(line, place)
                default: nil
                }
            if let range, !range.isEmpty, !line[range].elementsEqual(Redaction.mark.utf8) {
                ranges.append(range)
                place = range.upperBound
            } else {
                place += 1
            }
        }
        return ranges
    }

    /// `//user:password@host`, from the colon in front of it.
    private static func userInfo(_ line: ArraySlice<UInt8>, _ colon: Int) -> Range<Int>? {
        let start = colon + 3
        guard start < line.endIndex, line[colon + 1] == UInt8(ascii: "/"), line[colon + 2] == UInt8(ascii: "/") else {
            return nil
        }
        let end = line[start...].firstIndex { self.isEnd($0) || $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "@") }
        guard let end, line[end] == UInt8(ascii: "@") else { return nil }
        return start..<end
    }

    /// `password=…`, `"token": "…"`: the value behind a name that announces a secret.
    private static func assigned(_ line: ArraySlice<UInt8>, _ sign: Int) -> Range<Int>? {
        var end = sign
        while end > line.startIndex, self.isQuote(line[end - 1]) { end -= 1 }
        var start = end
        while start > line.startIndex, self.isName(line[start - 1]) { start -= 1 }
        guard start < end, SecretWords.announces(String(decoding: line[start..<end], as: UTF8.self)) else { return nil }
        var from = sign + 1
        while from < line.endIndex, line[from] == 0x20 { from += 1 }
        var closing: UInt8?
        while from < line.endIndex, self.isQuote(line[from]) {
            if line[from] != UInt8(ascii: "\\") { closing = line[from] }
            from += 1
        }
        // `Authorization: Bearer x` has two words; between quotes all of it goes.
        let stop: Int
        if let closing {
            stop = line[from...].firstIndex(of: closing) ?? line.endIndex
        } else if line[from...].starts(with: "Bearer ".utf8) || line[from...].starts(with: "Basic ".utf8) {
            let word = line[from...].firstIndex(of: 0x20).map { $0 + 1 } ?? from
            stop = line[word...].firstIndex(where: self.isEnd) ?? line.endIndex
        } else {
            stop = line[from...].firstIndex(where: self.isEnd) ?? line.endIndex
        }
        guard from < stop, line[from] != UInt8(ascii: "{"), line[from] != UInt8(ascii: "[") else { return nil }
        return from..<stop
    }

    /// `Bearer x`, `Basic x`.
    private static func scheme(_ line: ArraySlice<UInt8>, _ place: Int) -> Range<Int>? {
        for word in ["bearer ", "basic "] {
            let end = place + word.utf8.count
            guard end < line.endIndex,
                line[place..<end].elementsEqual(word.utf8, by: { $0 | 0x20 == $1 })
            else { continue }
            let stop = line[end...].firstIndex(where: self.isEnd) ?? line.endIndex
            // A token is long; "basic test" is prose.
            if stop - end >= 12 { return end..<stop }
        }
        return nil
    }

    /// A JSON Web Token, wherever it stands: they all begin alike.
    private static func webToken(_ line: ArraySlice<UInt8>, _ place: Int) -> Range<Int>? {
        guard line[place...].starts(with: "eyJ".utf8) else { return nil }
        let stop = line[place...].firstIndex(where: self.isEnd) ?? line.endIndex
        return stop - place >= 40 && line[place..<stop].contains(UInt8(ascii: ".")) ? place..<stop : nil
    }

    private static func isQuote(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") || byte == UInt8(ascii: "\\")
    }

    private static func isEnd(_ byte: UInt8) -> Bool {
        byte <= 0x20 || self.isQuote(byte) || byte == UInt8(ascii: ",") || byte == UInt8(ascii: "}")
            || byte == UInt8(ascii: "]") || byte == UInt8(ascii: ";") || byte == UInt8(ascii: "&")
    }

    private static func isName(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
            || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
    }
}
