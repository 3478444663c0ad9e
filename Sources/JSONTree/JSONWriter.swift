/// Writes a tree as compact JSON into a byte array.
package struct JSONWriter {
    package struct Options: Sendable, Hashable {
        /// Keys in byte order at every level: equal values give equal bytes.
        package var sortsKeys: Bool
        /// Writes `<`, `>`, `&`, U+2028 and U+2029 as `\u` escapes, as Go's encoder does.
        package var escapesHTML: Bool

        package init(sortsKeys: Bool = false, escapesHTML: Bool = false) {
            self.sortsKeys = sortsKeys
            self.escapesHTML = escapesHTML
        }

        package static let plain = Options()
        package static let canonical = Options(sortsKeys: true)
    }

    package var bytes: [UInt8]
    package let options: Options

    package init(options: Options = .plain, reservingCapacity capacity: Int = 0) {
        self.bytes = []
        self.bytes.reserveCapacity(capacity)
        self.options = options
    }

    package mutating func write(_ value: JSONValue) {
        switch value {
        case .null: self.write(raw: "null")
        case .bool(let flag): self.write(raw: flag ? "true" : "false")
        case .number(let number): self.bytes.append(contentsOf: number.literal.utf8)
        case .string(let text): self.write(string: text)
        case .array(let elements):
            self.bytes.append(UInt8(ascii: "["))
            var first = true
            for element in elements {
                if !first { self.bytes.append(UInt8(ascii: ",")) }
                first = false
                self.write(element)
            }
            self.bytes.append(UInt8(ascii: "]"))
        case .object(let object): self.write(object)
        }
    }

    package mutating func write(_ object: JSONObject) {
        self.bytes.append(UInt8(ascii: "{"))
        var first = true
        for member in self.options.sortsKeys ? object.sortedByKey().members : object.members {
            if !first { self.bytes.append(UInt8(ascii: ",")) }
            first = false
            self.write(string: member.key)
            self.bytes.append(UInt8(ascii: ":"))
            self.write(member.value)
        }
        self.bytes.append(UInt8(ascii: "}"))
    }

    package mutating func write(raw text: StaticString) {
        self.bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    package mutating func write(string: String) {
        self.bytes.append(UInt8(ascii: "\""))
        self.write(withoutQuotes: string)
        self.bytes.append(UInt8(ascii: "\""))
    }

    /// A string whose quotes the caller writes, together with what stands around them.
    package mutating func write(withoutQuotes string: String) {
        var string = string
        string.withUTF8 { self.writeEscaped($0) }
    }

    private mutating func writeEscaped(_ text: UnsafeBufferPointer<UInt8>) {
        var start = 0
        var place = 0
        let count = text.count
        while place < count {
            // Eight bytes at a time, as long as none of them is a quote, a backslash or below 0x20.
            if !self.options.escapesHTML, let base = text.baseAddress {
                while place + 8 <= count {
                    let word = UnsafeRawPointer(base + place).loadUnaligned(as: UInt64.self).littleEndian
                    let quotes = word ^ 0x2222_2222_2222_2222
                    let slashes = word ^ 0x5C5C_5C5C_5C5C_5C5C
                    let found =
                        (((quotes &- 0x0101_0101_0101_0101) & ~quotes)
                            | ((slashes &- 0x0101_0101_0101_0101) & ~slashes)
                            | ((word &- 0x2020_2020_2020_2020) & ~word)) & 0x8080_8080_8080_8080
                    if found != 0 {
                        // The lowest bit is that of the first one; those above it may not be right.
                        place += found.trailingZeroBitCount >> 3
                        break
                    }
                    place += 8
                }
                if place == count { break }
            }
            let byte = text[place]
            if byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"),
                !self.options.escapesHTML || !Self.isHTMLSensitive(text, place)
            {
                place += 1
                continue
            }
            self.bytes.append(contentsOf: UnsafeBufferPointer(rebasing: text[start..<place]))
            switch byte {
            case UInt8(ascii: "\""): self.write(raw: "\\\"")
            case UInt8(ascii: "\\"): self.write(raw: "\\\\")
            case 0x0A: self.write(raw: "\\n")
            case 0x0D: self.write(raw: "\\r")
            case 0x09: self.write(raw: "\\t")
            case 0xE2:
                self.write(raw: text[place + 2] == 0xA8 ? "\\u2028" : "\\u2029")
                place += 2
            default:
                // Go writes \b and \f by name since 1.22; so do we.
                if byte == 0x08 {
                    self.write(raw: "\\b")
                } else if byte == 0x0C {
                    self.write(raw: "\\f")
                } else {
                    self.write(raw: "\\u00")
                    let digits: StaticString = "0123456789abcdef"
                    self.bytes.append(digits.utf8Start[Int(byte >> 4)])
                    self.bytes.append(digits.utf8Start[Int(byte & 15)])
                }
            }
            place += 1
            start = place
        }
        if start < count { self.bytes.append(contentsOf: UnsafeBufferPointer(rebasing: text[start..<count])) }
    }

    private static func isHTMLSensitive(_ text: UnsafeBufferPointer<UInt8>, _ place: Int) -> Bool {
        switch text[place] {
        case UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "&"): true
        case 0xE2: place + 2 < text.count && text[place + 1] == 0x80 && text[place + 2] & 0xFE == 0xA8
        default: false
        }
    }
}

extension JSONValue {
    package func bytes(_ options: JSONWriter.Options = .plain) -> [UInt8] {
        var writer = JSONWriter(options: options, reservingCapacity: 256)
        writer.write(self)
        return writer.bytes
    }

    package func text(_ options: JSONWriter.Options = .plain) -> String {
        String(decoding: self.bytes(options), as: UTF8.self)
    }
}

extension JSONObject {
    package func bytes(_ options: JSONWriter.Options = .plain) -> [UInt8] {
        var writer = JSONWriter(options: options, reservingCapacity: 256)
        writer.write(self)
        return writer.bytes
    }
}
