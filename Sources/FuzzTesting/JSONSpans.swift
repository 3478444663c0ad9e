/// Where each value of a JSON document lies, found by a judge that shares nothing with `JSONTree`: RFC 8259 to the letter,
/// UTF-8 and surrogates included, without recursion.
package struct JSONSpans: Sendable {
    package struct Span: Sendable, Hashable {
        /// Where the value begins, with its key if it is a member.
        package var member: Int
        /// Where the value itself begins.
        package var lower: Int
        package var upper: Int
        /// The value's first byte, which says what it is.
        package var first: UInt8

        package var isMember: Bool { self.member < self.lower }
    }

    /// In the order of their beginnings; that of the document first.
    package let spans: [Span]

    /// `nil` when the bytes are no JSON document.
    package init?(_ bytes: [UInt8]) {
        let found: [Span]? = bytes.withUnsafeBufferPointer { buffer in
            var scanner = Scanner(bytes: buffer, records: true)
            return scanner.readDocument() ? scanner.spans : nil
        }
        guard let found else { return nil }
        self.spans = found
    }

    /// Whether the bytes are a JSON document.
    package static func isWellFormed(_ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBufferPointer { buffer in
            var scanner = Scanner(bytes: buffer, records: false)
            return scanner.readDocument()
        }
    }

    private struct Scanner {
        let bytes: UnsafeBufferPointer<UInt8>
        let records: Bool
        var at = 0
        var spans: [Span] = []

        mutating func readDocument() -> Bool {
            var open: [(isObject: Bool, span: Int)] = []
            var key: Int?
            while true {
                self.skipSpace()
                guard let first = self.peek() else { return false }
                let span = self.spans.count
                if self.records {
                    self.spans.append(Span(member: key ?? self.at, lower: self.at, upper: self.at, first: first))
                }
                key = nil
                switch first {
                case UInt8(ascii: "{"):
                    self.at += 1
                    self.skipSpace()
                    open.append((true, span))
                    if self.peek() != UInt8(ascii: "}") {
                        key = self.at
                        guard self.readKey() else { return false }
                        continue
                    }
                case UInt8(ascii: "["):
                    self.at += 1
                    self.skipSpace()
                    open.append((false, span))
                    if self.peek() != UInt8(ascii: "]") { continue }
                case UInt8(ascii: "\""):
                    guard self.readString() else { return false }
                    self.close(span)
                case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                    guard self.readNumber() else { return false }
                    self.close(span)
                default:
                    guard self.read("true") || self.read("false") || self.read("null") else { return false }
                    self.close(span)
                }
                // What ends with this value, up to the next one.
                while true {
                    self.skipSpace()
                    guard let last = open.last else { return self.at == self.bytes.count }
                    guard let byte = self.peek() else { return false }
                    self.at += 1
                    if byte == UInt8(ascii: ",") {
                        if last.isObject {
                            self.skipSpace()
                            key = self.at
                            guard self.readKey() else { return false }
                        }
                        break
                    }
                    guard byte == (last.isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) else { return false }
                    self.close(last.span)
                    open.removeLast()
                }
            }
        }

        private func peek() -> UInt8? { self.at < self.bytes.count ? self.bytes[self.at] : nil }

        private mutating func close(_ span: Int) {
            if self.records { self.spans[span].upper = self.at }
        }

        private mutating func skipSpace() {
            while self.at < self.bytes.count, [0x20, 0x0A, 0x0D, 0x09].contains(self.bytes[self.at]) { self.at += 1 }
        }

        private mutating func read(_ word: StaticString) -> Bool {
            let count = word.utf8CodeUnitCount
            guard self.at + count <= self.bytes.count else { return false }
            for index in 0..<count where self.bytes[self.at + index] != word.utf8Start[index] { return false }
            self.at += count
            return true
        }

        private mutating func readKey() -> Bool {
            guard self.peek() == UInt8(ascii: "\""), self.readString() else { return false }
            self.skipSpace()
            return self.read(":")
        }

        private mutating func readDigits() -> Bool {
            let start = self.at
            while let byte = self.peek(), byte >= 0x30, byte <= 0x39 { self.at += 1 }
            return self.at > start
        }

        private mutating func readNumber() -> Bool {
            if self.peek() == UInt8(ascii: "-") { self.at += 1 }
            if self.peek() == UInt8(ascii: "0") { self.at += 1 } else if !self.readDigits() { return false }
            if self.peek() == UInt8(ascii: ".") {
                self.at += 1
                guard self.readDigits() else { return false }
            }
            if let byte = self.peek(), byte | 0x20 == UInt8(ascii: "e") {
                self.at += 1
                if let sign = self.peek(), sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { self.at += 1 }
                guard self.readDigits() else { return false }
            }
            return true
        }

        private mutating func readString() -> Bool {
            self.at += 1
            while let byte = self.peek() {
                switch byte {
                case UInt8(ascii: "\""):
                    self.at += 1
                    return true
                case UInt8(ascii: "\\"):
                    guard self.readEscape() else { return false }
                case 0x20..<0x80: self.at += 1
                default:
                    guard self.readScalar(byte) else { return false }
                }
            }
            return false
        }

        private mutating func readEscape() -> Bool {
            self.at += 1
            guard let byte = self.peek() else { return false }
            self.at += 1
            guard byte == UInt8(ascii: "u") else { return Array("\"\\/bfnrt".utf8).contains(byte) }
            guard let unit = self.readUnit() else { return false }
            switch unit {
            case 0xDC00...0xDFFF: return false
            case 0xD800...0xDBFF:
                guard self.read("\\u"), let low = self.readUnit() else { return false }
                return (0xDC00...0xDFFF).contains(low)
            default: return true
            }
        }

        private mutating func readUnit() -> Int? {
            var unit = 0
            for _ in 0..<4 {
                guard let byte = self.peek() else { return nil }
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9"): unit = unit << 4 | Int(byte - UInt8(ascii: "0"))
                case UInt8(ascii: "a")...UInt8(ascii: "f"): unit = unit << 4 | Int(byte - UInt8(ascii: "a") + 10)
                case UInt8(ascii: "A")...UInt8(ascii: "F"): unit = unit << 4 | Int(byte - UInt8(ascii: "A") + 10)
                default: return nil
                }
                self.at += 1
            }
            return unit
        }

        /// One character beyond ASCII, as in table 3-7 of the Unicode standard.
        private mutating func readScalar(_ first: UInt8) -> Bool {
            let second: ClosedRange<UInt8>
            let count: Int
            switch first {
            case 0xC2...0xDF: (second, count) = (0x80...0xBF, 2)
            case 0xE0: (second, count) = (0xA0...0xBF, 3)
            case 0xE1...0xEC, 0xEE, 0xEF: (second, count) = (0x80...0xBF, 3)
            case 0xED: (second, count) = (0x80...0x9F, 3)
            case 0xF0: (second, count) = (0x90...0xBF, 4)
            case 0xF1...0xF3: (second, count) = (0x80...0xBF, 4)
            case 0xF4: (second, count) = (0x80...0x8F, 4)
            default: return false
            }
            guard self.at + count <= self.bytes.count, second.contains(self.bytes[self.at + 1]) else { return false }
            for index in 2..<max(count, 2) where !(0x80...0xBF).contains(self.bytes[self.at + index]) { return false }
            self.at += count
            return true
        }
    }
}
