/// A pull reader over the bytes of one JSON document: reads what the caller asks for and skips the rest.
///
/// It points into memory it does not own; ``withCursor(over:limits:_:)`` keeps that memory alive for the time of a call,
/// so a cursor (or a ``Key`` of it) must not leave that call.
///
///     try JSONCursor.withCursor(over: bytes) { cursor throws(JSONError) in
///         try cursor.readObject { (key, cursor) throws(JSONError) in
///             if key == "name" { name = try cursor.readString() } else { try cursor.skip() }
///         }
///     }
package struct JSONCursor {
    /// What the next value is.
    package enum Kind: Sendable, Hashable {
        case null, bool, number, string, array, object
    }

    @usableFromInline var base: UnsafePointer<UInt8>
    @usableFromInline var position: Int
    @usableFromInline let end: Int
    @usableFromInline var depth: Int
    @usableFromInline let maximumDepth: Int
    @usableFromInline let maximumSkippedDepth: Int

    /// The memory must stay valid while the cursor is used.
    package init(unsafeBytes bytes: UnsafeBufferPointer<UInt8>, limits: JSONLimits = .standard) throws(JSONError) {
        guard let base = bytes.baseAddress, !bytes.isEmpty else {
            throw JSONError(.truncated, "the document is empty", offset: 0, line: 1, column: 1)
        }
        guard bytes.count <= limits.size else {
            throw JSONError(
                .tooLarge,
                "the document has \(bytes.count) bytes, more than the limit of \(limits.size)",
                offset: limits.size
            )
        }
        self.base = base
        self.position = 0
        self.end = bytes.count
        self.depth = 0
        self.maximumDepth = limits.depth
        self.maximumSkippedDepth = limits.skippedDepth
        // A byte order mark is not JSON, but editors write it.
        if self.end >= 3, base[0] == 0xEF, base[1] == 0xBB, base[2] == 0xBF { self.position = 3 }
    }

    /// Reads one whole document: after `body` only white space may follow.
    package static func withCursor<Result>(
        over bytes: some Sequence<UInt8>,
        limits: JSONLimits = .standard,
        _ body: (inout JSONCursor) throws(JSONError) -> Result
    ) throws(JSONError) -> Result {
        let answer = bytes.withContiguousStorageIfAvailable { buffer in
            Self.run(buffer, limits, body)
        }
        if let answer { return try answer.get() }
        return try Array(bytes).withUnsafeBufferPointer { Self.run($0, limits, body) }.get()
    }

    private static func run<Value>(
        _ buffer: UnsafeBufferPointer<UInt8>,
        _ limits: JSONLimits,
        _ body: (inout JSONCursor) throws(JSONError) -> Value
    ) -> Result<Value, JSONError> {
        do throws(JSONError) {
            var cursor = try JSONCursor(unsafeBytes: buffer, limits: limits)
            let result = try body(&cursor)
            try cursor.expectEnd()
            return .success(result)
        } catch {
            var located = error
            if located.line == 0 {
                let upTo = buffer.prefix(max(0, min(error.offset, buffer.count)))
                located.line = 1 + upTo.reduce(0) { $0 + ($1 == 0x0A ? 1 : 0) }
                located.column = 1 + (upTo.lastIndex(of: 0x0A).map { upTo.count - $0 - 1 } ?? upTo.count)
            }
            return .failure(located)
        }
    }

    /// A member name as it stands in the document; compares with literals without making a string.
    package struct Key {
        let bytes: UnsafeBufferPointer<UInt8>
        /// Set when the name holds escapes.
        let unescaped: String?

        package var string: String {
            self.unescaped ?? String(decoding: self.bytes, as: UTF8.self)
        }

        package static func == (key: Key, text: StaticString) -> Bool {
            if let unescaped = key.unescaped { return unescaped == text.description }
            let count = text.utf8CodeUnitCount
            guard key.bytes.count == count, let base = key.bytes.baseAddress else {
                return count == 0 && key.bytes.isEmpty
            }
            let other = text.utf8Start
            var position = 0
            while position < count {
                if base[position] != other[position] { return false }
                position += 1
            }
            return true
        }

        /// For `switch key { case "metadata": … }`.
        package static func ~= (text: StaticString, key: Key) -> Bool { key == text }
    }

    /// Offset of the next unread byte.
    package var offset: Int { self.position }

    // MARK: Reading

    package mutating func peek() throws(JSONError) -> Kind {
        self.skipWhitespace()
        guard self.position < self.end else { throw self.truncated() }
        switch self.base[self.position] {
        case UInt8(ascii: "\""): return .string
        case UInt8(ascii: "{"): return .object
        case UInt8(ascii: "["): return .array
        case UInt8(ascii: "t"), UInt8(ascii: "f"): return .bool
        case UInt8(ascii: "n"): return .null
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
        default: throw self.unexpected("a value")
        }
    }

    /// Calls `body` for each member with its name; `body` must read or skip the value.
    package mutating func readObject(
        _ body: (Key, inout JSONCursor) throws(JSONError) -> Void
    ) throws(JSONError) {
        guard try self.peek() == .object else { throw self.wrongKind("an object") }
        try self.enter()
        self.position += 1
        self.skipWhitespace()
        if self.position < self.end, self.base[self.position] == UInt8(ascii: "}") {
            self.position += 1
            self.depth -= 1
            return
        }
        while true {
            let key = try self.readKey()
            try body(key, &self)
            self.skipWhitespace()
            guard self.position < self.end else { throw self.truncated() }
            let byte = self.base[self.position]
            self.position += 1
            if byte == UInt8(ascii: ",") { continue }
            if byte == UInt8(ascii: "}") { break }
            self.position -= 1
            throw self.unexpected("a comma or the end of the object")
        }
        self.depth -= 1
    }

    /// Calls `body` for each element; `body` must read or skip it.
    package mutating func readArray(_ body: (inout JSONCursor) throws(JSONError) -> Void) throws(JSONError) {
        guard try self.peek() == .array else { throw self.wrongKind("an array") }
        try self.enter()
        self.position += 1
        self.skipWhitespace()
        if self.position < self.end, self.base[self.position] == UInt8(ascii: "]") {
            self.position += 1
            self.depth -= 1
            return
        }
        while true {
            try body(&self)
            self.skipWhitespace()
            guard self.position < self.end else { throw self.truncated() }
            let byte = self.base[self.position]
            self.position += 1
            if byte == UInt8(ascii: ",") { continue }
            if byte == UInt8(ascii: "]") { break }
            self.position -= 1
            throw self.unexpected("a comma or the end of the array")
        }
        self.depth -= 1
    }

    package mutating func readString() throws(JSONError) -> String {
        guard try self.peek() == .string else { throw self.wrongKind("a string") }
        self.position += 1
        let start = self.position
        if try self.scanPlainString() {
            return try self.makeString(from: start, to: self.position - 1)
        }
        return try self.readEscapedString(from: start)
    }

    /// The next value if it is a string; another kind is skipped.
    package mutating func readStringIfPresent() throws(JSONError) -> String? {
        if try self.peek() == .string { return try self.readString() }
        try self.skip()
        return nil
    }

    package mutating func readNumber() throws(JSONError) -> JSONNumber {
        guard try self.peek() == .number else { throw self.wrongKind("a number") }
        let start = self.position
        try self.scanNumber()
        let bytes = UnsafeBufferPointer(start: self.base + start, count: self.position - start)
        let number = JSONNumber(uncheckedLiteral: String(decoding: bytes, as: UTF8.self))
        // Only a number of five bytes or more can be beyond a double (1e309); most have neither so many nor an exponent.
        if bytes.count > 4, bytes.count > 308 || bytes.contains(where: { $0 | 0x20 == UInt8(ascii: "e") }),
            !number.isFinite
        {
            let shown = bytes.count <= 20 ? number.literal : "\(number.literal.prefix(20))…"
            throw JSONError(.outOfRange, "the number \(shown) is beyond what a double can hold", offset: start)
        }
        return number
    }

    package mutating func readBool() throws(JSONError) -> Bool {
        guard try self.peek() == .bool else { throw self.wrongKind("true or false") }
        if self.base[self.position] == UInt8(ascii: "t") {
            try self.expectWord("true")
            return true
        }
        try self.expectWord("false")
        return false
    }

    package mutating func readNull() throws(JSONError) {
        guard try self.peek() == .null else { throw self.wrongKind("null") }
        try self.expectWord("null")
    }

    /// The next value as a tree.
    package mutating func readValue() throws(JSONError) -> JSONValue {
        switch try self.peek() {
        case .string:
            return .string(try self.readString())
        case .object:
            return .object(try self.readObjectTree())
        case .array:
            var elements: [JSONValue] = []
            try self.readArray { (cursor) throws(JSONError) in elements.append(try cursor.readValue()) }
            return .array(elements)
        case .number:
            return .number(try self.readNumber())
        case .bool:
            return .bool(try self.readBool())
        case .null:
            try self.readNull()
            return .null
        }
    }

    package mutating func readObjectTree() throws(JSONError) -> JSONObject {
        var object = JSONObject()
        try self.readObject { (key, cursor) throws(JSONError) in
            let name = try key.validated(in: cursor)
            object.set(name, try cursor.readValue())
        }
        return object
    }

    /// Skips the next value, checking its syntax.
    ///
    /// What is skipped may be far deeper than what is read as a tree, so that one such object does not spoil a list.
    package mutating func skip() throws(JSONError) {
        // One bit for each open level below here, the innermost last: whether it is an object.
        var kinds: UInt64 = 0
        var levels = 0
        while true {
            let kind = try self.peek()
            switch kind {
            case .string:
                self.position += 1
                let start = self.position
                if try !self.scanPlainString() { _ = try self.readEscapedString(from: start) }
            case .number: try self.scanNumber()
            case .bool: _ = try self.readBool()
            case .null: try self.readNull()
            case .object, .array:
                if levels == UInt64.bitWidth {
                    // No bit left; the next 64 levels have their own.
                    try self.skip()
                    break
                }
                self.depth += 1
                if self.depth > self.maximumSkippedDepth { throw self.tooDeep(self.maximumSkippedDepth) }
                self.position += 1
                levels += 1
                kinds = kinds << 1 | (kind == .object ? 1 : 0)
                self.skipWhitespace()
                let isEmpty = self.position < self.end && self.base[self.position] == Self.end(of: kinds)
                if isEmpty { break }
                if kind == .object { _ = try self.readKey() }
                continue
            }
            // Behind a value.
            var isNextElement = false
            while levels > 0, !isNextElement {
                self.skipWhitespace()
                guard self.position < self.end else { throw self.truncated() }
                switch self.base[self.position] {
                case UInt8(ascii: ","):
                    self.position += 1
                    if kinds & 1 == 1 { _ = try self.readKey() }
                    isNextElement = true
                case Self.end(of: kinds):
                    self.position += 1
                    self.depth -= 1
                    levels -= 1
                    kinds >>= 1
                default:
                    throw self.unexpected("a comma or the end of the \(kinds & 1 == 1 ? "object" : "array")")
                }
            }
            if !isNextElement { return }
        }
    }

    private static func end(of kinds: UInt64) -> UInt8 { kinds & 1 == 1 ? UInt8(ascii: "}") : UInt8(ascii: "]") }

    /// Skips the next value and gives the bytes it stands in, to be read again later (valid as long as the cursor is).
    package mutating func skipToRaw() throws(JSONError) -> UnsafeBufferPointer<UInt8> {
        self.skipWhitespace()
        let start = self.position
        try self.skip()
        return UnsafeBufferPointer(start: self.base + start, count: self.position - start)
    }

    /// Passes over white space and says whether nothing follows it: for documents that stand one behind the other.
    package mutating func isAtEnd() -> Bool {
        self.skipWhitespace()
        return self.position >= self.end
    }

    package mutating func expectEnd() throws(JSONError) {
        self.skipWhitespace()
        if self.position < self.end { throw self.unexpected("the end of the document") }
    }

    // MARK: Scanning

    @inline(__always)
    mutating func skipWhitespace() {
        while self.position < self.end {
            let byte = self.base[self.position]
            guard byte <= 0x20, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return }
            self.position += 1
        }
    }

    private mutating func enter() throws(JSONError) {
        self.depth += 1
        if self.depth > self.maximumDepth { throw self.tooDeep(self.maximumDepth) }
    }

    private func tooDeep(_ limit: Int) -> JSONError {
        JSONError(.tooDeep, "nested deeper than \(limit) levels", offset: self.position)
    }

    private mutating func readKey() throws(JSONError) -> Key {
        self.skipWhitespace()
        guard self.position < self.end else { throw self.truncated() }
        guard self.base[self.position] == UInt8(ascii: "\"") else { throw self.unexpected("a member name in quotes") }
        self.position += 1
        let start = self.position
        let key: Key
        if try self.scanPlainString() {
            key = Key(
                bytes: UnsafeBufferPointer(start: self.base + start, count: self.position - 1 - start),
                unescaped: nil
            )
        } else {
            key = Key(
                bytes: UnsafeBufferPointer(start: nil, count: 0),
                unescaped: try self.readEscapedString(from: start)
            )
        }
        self.skipWhitespace()
        guard self.position < self.end else { throw self.truncated() }
        guard self.base[self.position] == UInt8(ascii: ":") else { throw self.unexpected("a colon") }
        self.position += 1
        return key
    }

    /// From behind the opening quote: to behind the closing one and true, or to the first backslash and false.
    @inline(__always)
    private mutating func scanPlainString() throws(JSONError) -> Bool {
        var place = self.position
        // Eight bytes at a time: none of them a quote, a backslash or below 0x20.
        while place + 8 <= self.end {
            let word = UnsafeRawPointer(self.base + place).loadUnaligned(as: UInt64.self).littleEndian
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
        while place < self.end {
            let byte = self.base[place]
            if byte == UInt8(ascii: "\"") {
                self.position = place + 1
                return true
            }
            if byte == UInt8(ascii: "\\") {
                self.position = place
                return false
            }
            if byte < 0x20 {
                self.position = place
                throw JSONError(.syntax, "a control character within a string must be escaped", offset: place)
            }
            place += 1
        }
        self.position = place
        throw self.truncated()
    }

    private func makeString(from start: Int, to end: Int) throws(JSONError) -> String {
        let bytes = UnsafeBufferPointer(start: self.base + start, count: end - start)
        guard let text = String(checking: bytes) else {
            throw JSONError(.encoding, "a string is not valid UTF-8", offset: start)
        }
        return text
    }

    private mutating func readEscapedString(from start: Int) throws(JSONError) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(self.position - start + 64)
        bytes.append(contentsOf: UnsafeBufferPointer(start: self.base + start, count: self.position - start))
        while true {
            // At a backslash.
            self.position += 1
            guard self.position < self.end else { throw self.truncated() }
            let escape = self.base[self.position]
            self.position += 1
            switch escape {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): bytes.append(escape)
            case UInt8(ascii: "b"): bytes.append(0x08)
            case UInt8(ascii: "f"): bytes.append(0x0C)
            case UInt8(ascii: "n"): bytes.append(0x0A)
            case UInt8(ascii: "r"): bytes.append(0x0D)
            case UInt8(ascii: "t"): bytes.append(0x09)
            case UInt8(ascii: "u"): bytes.append(contentsOf: String(Character(try self.readUnicodeEscape())).utf8)
            default:
                self.position -= 1
                throw self.unexpected("an escape (one of \" \\ / b f n r t u)")
            }
            let plain = self.position
            let closed = try self.scanPlainString()
            let stop = closed ? self.position - 1 : self.position
            bytes.append(contentsOf: UnsafeBufferPointer(start: self.base + plain, count: stop - plain))
            if closed { break }
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw JSONError(.encoding, "a string is not valid UTF-8", offset: start)
        }
        return text
    }

    /// Behind `\u`: four hexadecimal digits, two such escapes for a surrogate pair.
    private mutating func readUnicodeEscape() throws(JSONError) -> Unicode.Scalar {
        let start = self.position - 2
        let high = try self.readHexQuad()
        if let scalar = Unicode.Scalar(high) { return scalar }
        guard high < 0xDC00, self.position + 1 < self.end, self.base[self.position] == UInt8(ascii: "\\"),
            self.base[self.position + 1] == UInt8(ascii: "u")
        else { throw JSONError(.encoding, "half a surrogate pair in an escape", offset: start) }
        self.position += 2
        let low = try self.readHexQuad()
        guard (0xDC00...0xDFFF).contains(low),
            let scalar = Unicode.Scalar(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
        else { throw JSONError(.encoding, "half a surrogate pair in an escape", offset: start) }
        return scalar
    }

    private mutating func readHexQuad() throws(JSONError) -> UInt32 {
        guard self.position + 4 <= self.end else { throw self.truncated() }
        var value: UInt32 = 0
        for _ in 0..<4 {
            let byte = self.base[self.position]
            let digit: UInt32
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = UInt32(byte - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = UInt32(byte - UInt8(ascii: "a") + 10)
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = UInt32(byte - UInt8(ascii: "A") + 10)
            default: throw self.unexpected("four hexadecimal digits")
            }
            value = value << 4 | digit
            self.position += 1
        }
        return value
    }

    private mutating func scanNumber() throws(JSONError) {
        var place = self.position
        func digits() -> Int {
            let from = place
            while place < self.end, self.base[place] &- UInt8(ascii: "0") < 10 { place += 1 }
            return place - from
        }
        if self.base[place] == UInt8(ascii: "-") { place += 1 }
        if place < self.end, self.base[place] == UInt8(ascii: "0") {
            place += 1
        } else if digits() == 0 {
            self.position = place
            throw self.unexpected("a digit")
        }
        if place < self.end, self.base[place] == UInt8(ascii: ".") {
            place += 1
            if digits() == 0 {
                self.position = place
                throw self.unexpected("a digit")
            }
        }
        if place < self.end, self.base[place] | 0x20 == UInt8(ascii: "e") {
            place += 1
            if place < self.end, self.base[place] == UInt8(ascii: "+") || self.base[place] == UInt8(ascii: "-") {
                place += 1
            }
            if digits() == 0 {
                self.position = place
                throw self.unexpected("a digit")
            }
        }
        if place < self.end, self.base[place] &- UInt8(ascii: "0") < 10 {
            self.position = place
            throw JSONError(.syntax, "a number must not start with 0", offset: place)
        }
        self.position = place
    }

    private mutating func expectWord(_ word: StaticString) throws(JSONError) {
        let count = word.utf8CodeUnitCount
        for place in 0..<count {
            guard self.position + place < self.end else {
                self.position = self.end
                throw self.truncated()
            }
            guard self.base[self.position + place] == word.utf8Start[place] else {
                throw self.unexpected("a value")
            }
        }
        self.position += count
    }

    // MARK: Errors

    private func truncated() -> JSONError {
        JSONError(.truncated, "the document ends within a value", offset: self.position)
    }

    private func wrongKind(_ wanted: String) -> JSONError {
        JSONError(.unexpectedKind, "expected \(wanted)", offset: self.position)
    }

    private func unexpected(_ wanted: String) -> JSONError {
        guard self.position < self.end else { return self.truncated() }
        let byte = self.base[self.position]
        let found =
            (0x21..<0x7F).contains(byte)
            ? "'\(Character(Unicode.Scalar(byte)))'" : "byte 0x\(String(byte, radix: 16, uppercase: true))"
        return JSONError(.syntax, "expected \(wanted), found \(found)", offset: self.position)
    }
}

extension JSONCursor.Key {
    fileprivate func validated(in cursor: JSONCursor) throws(JSONError) -> String {
        if let unescaped { return unescaped }
        guard let text = String(checking: self.bytes) else {
            let start = self.bytes.baseAddress.map { $0 - cursor.base } ?? 0
            throw JSONError(.encoding, "a member name is not valid UTF-8", offset: start)
        }
        return text
    }
}
