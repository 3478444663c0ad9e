import JSONTree

/// Walks through the bytes of a review and passes over what isn't asked for by its quotes and brackets alone.
///
/// A review holds several kilobytes (most of it `managedFields`) of which a few strings matter, and it was written by the
/// API server. So, unlike ``JSONCursor``, this doesn't judge the values that it passes over; it only finds their ends.
/// Whatever is used later is read by a ``JSONCursor``, which does.
struct ReviewScanner {
    private let base: UnsafePointer<UInt8>
    private let end: Int
    private(set) var position = 0

    /// The memory must stay valid while the scanner is used.
    init(unsafeBytes bytes: UnsafeBufferPointer<UInt8>) throws(JSONError) {
        guard let base = bytes.baseAddress, !bytes.isEmpty else {
            throw JSONError(.truncated, "the document is empty", offset: 0)
        }
        self.base = base
        self.end = bytes.count
    }

    /// A member name as it stands between its quotes; escapes in it are kept, so that no escaped name is taken for one of
    /// ours by accident, nor is one of ours overlooked: see ``ReviewScanner/readMembers(_:)``.
    typealias Name = UnsafeBufferPointer<UInt8>

    // MARK: Values

    /// The first byte of the next value, which stays unread.
    mutating func peek() throws(JSONError) -> UInt8 {
        while self.position < self.end {
            let byte = self.base[self.position]
            if byte > 0x20 { return byte }
            self.position += 1
        }
        throw self.truncated()
    }

    mutating func isNull() throws(JSONError) -> Bool { try self.peek() == UInt8(ascii: "n") }

    /// Calls `body` for each member of the object; it must pass over the value or read it.
    mutating func readMembers(_ body: (Name, inout ReviewScanner) throws(JSONError) -> Void) throws(JSONError) {
        guard try self.peek() == UInt8(ascii: "{") else {
            throw JSONError(.unexpectedKind, "expected an object", offset: self.position)
        }
        self.position += 1
        if try self.peek() == UInt8(ascii: "}") {
            self.position += 1
            return
        }
        while true {
            guard try self.peek() == UInt8(ascii: "\"") else { throw self.unexpected("a member name in quotes") }
            let start = self.position
            let isPlain = try self.skipString()
            let stop = self.position
            guard try self.peek() == UInt8(ascii: ":") else { throw self.unexpected("a colon") }
            self.position += 1
            if isPlain {
                try body(Name(start: self.base + start + 1, count: stop - start - 2), &self)
            } else {
                try self.withDecoded(start..<stop, body)
            }
            switch try self.peek() {
            case UInt8(ascii: ","): self.position += 1
            case UInt8(ascii: "}"):
                self.position += 1
                return
            default: throw self.unexpected("a comma or the end of the object")
            }
        }
    }

    /// Passes over the next value and tells where it stands.
    @discardableResult
    mutating func skip() throws(JSONError) -> Range<Int> {
        let first = try self.peek()
        let start = self.position
        switch first {
        case UInt8(ascii: "\""): _ = try self.skipString()
        case UInt8(ascii: "{"), UInt8(ascii: "["): try self.skipBrackets()
        default: try self.skipWord()
        }
        return start..<self.position
    }

    mutating func readString() throws(JSONError) -> String {
        guard try self.peek() == UInt8(ascii: "\"") else {
            throw JSONError(.unexpectedKind, "expected a string", offset: self.position)
        }
        let start = self.position
        _ = try self.skipString()
        return try self.string(start..<self.position)
    }

    /// The next value if it is a string; another kind is passed over.
    mutating func readStringIfPresent() throws(JSONError) -> String? {
        if try self.peek() == UInt8(ascii: "\"") { return try self.readString() }
        try self.skip()
        return nil
    }

    /// Behind the document there may be only white space.
    mutating func expectEnd() throws(JSONError) {
        while self.position < self.end {
            if self.base[self.position] > 0x20 { throw self.unexpected("the end of the document") }
            self.position += 1
        }
    }

    // MARK: Scanning

    /// From a quote to behind the closing one; true when nothing is escaped in between.
    @inline(__always)
    private mutating func skipString() throws(JSONError) -> Bool {
        var place = self.position + 1
        var isPlain = true
        while true {
            // Eight bytes at a time. The lowest set bit is that of the first quote or backslash; those above it may not
            // be right, but aren't used.
            while place + 8 <= self.end {
                let word = UnsafeRawPointer(self.base + place).loadUnaligned(as: UInt64.self).littleEndian
                let quotes = word ^ 0x2222_2222_2222_2222
                let slashes = word ^ 0x5C5C_5C5C_5C5C_5C5C
                let found =
                    (((quotes &- 0x0101_0101_0101_0101) & ~quotes) | ((slashes &- 0x0101_0101_0101_0101) & ~slashes))
                    & 0x8080_8080_8080_8080
                if found != 0 {
                    place += found.trailingZeroBitCount >> 3
                    break
                }
                place += 8
            }
            while place < self.end, self.base[place] != UInt8(ascii: "\""), self.base[place] != UInt8(ascii: "\\") {
                place += 1
            }
            guard place < self.end else {
                self.position = self.end
                throw self.truncated()
            }
            if self.base[place] == UInt8(ascii: "\"") {
                self.position = place + 1
                return isPlain
            }
            isPlain = false
            place += 2
        }
    }

    /// From an opening bracket to behind the one that closes it.
    private mutating func skipBrackets() throws(JSONError) {
        var depth = 0
        while self.position < self.end {
            let byte = self.base[self.position]
            if byte == UInt8(ascii: "\"") {
                _ = try self.skipString()
                continue
            }
            self.position += 1
            // Both kinds of brackets at once: they differ in one bit.
            switch byte | 0x20 {
            case UInt8(ascii: "{"): depth += 1
            case UInt8(ascii: "}"):
                depth -= 1
                if depth == 0 { return }
            default: break
            }
        }
        throw self.truncated()
    }

    /// A number, true, false or null: up to what ends a value.
    private mutating func skipWord() throws(JSONError) {
        let start = self.position
        while self.position < self.end {
            switch self.base[self.position] {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "E"),
                UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
                self.position += 1
                continue
            default: break
            }
            break
        }
        if self.position == start { throw self.unexpected("a value") }
    }

    // MARK: Strings

    private func string(_ place: Range<Int>) throws(JSONError) -> String {
        do throws(JSONError) {
            var cursor = try JSONCursor(
                unsafeBytes: UnsafeBufferPointer(start: self.base + place.lowerBound, count: place.count)
            )
            return try cursor.readString()
        } catch {
            var moved = error
            moved.offset += place.lowerBound
            throw moved
        }
    }

    private mutating func withDecoded(
        _ place: Range<Int>,
        _ body: (Name, inout ReviewScanner) throws(JSONError) -> Void
    ) throws(JSONError) {
        let bytes = Array(try self.string(place).utf8)
        let result: Result<Void, JSONError> = bytes.withUnsafeBufferPointer { buffer in
            do throws(JSONError) {
                return .success(try body(buffer, &self))
            } catch {
                return .failure(error)
            }
        }
        try result.get()
    }

    // MARK: Errors

    private func truncated() -> JSONError {
        JSONError(.truncated, "the document ends within a value", offset: self.position)
    }

    private func unexpected(_ wanted: String) -> JSONError {
        JSONError(.syntax, "expected \(wanted)", offset: self.position)
    }
}
