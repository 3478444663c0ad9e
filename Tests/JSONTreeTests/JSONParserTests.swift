import JSONTree
import Testing

struct JSONParserTests {
    @Test(arguments: [
        ("", JSONError.Code.truncated, 1, 1, "the document is empty"),
        ("  \n ", .truncated, 2, 2, "the document ends within a value"),
        ("\u{FEFF}", .truncated, 1, 4, "the document ends within a value"),
        ("{", .truncated, 1, 2, "the document ends within a value"),
        ("[1,", .truncated, 1, 4, "the document ends within a value"),
        ("[1", .truncated, 1, 3, "the document ends within a value"),
        (#"{"a""#, .truncated, 1, 5, "the document ends within a value"),
        (#"{"a":"#, .truncated, 1, 6, "the document ends within a value"),
        (#""abc"#, .truncated, 1, 5, "the document ends within a value"),
        (#""abc\"#, .truncated, 1, 6, "the document ends within a value"),
        (#""\u12"#, .truncated, 1, 4, "the document ends within a value"),
        ("tru", .truncated, 1, 4, "the document ends within a value"),
        ("-", .truncated, 1, 2, "the document ends within a value"),
        ("1.", .truncated, 1, 3, "the document ends within a value"),
        ("1e+", .truncated, 1, 4, "the document ends within a value"),
        ("{,}", .syntax, 1, 2, "expected a member name in quotes, found ','"),
        (#"{"a":1,}"#, .syntax, 1, 8, "expected a member name in quotes, found '}'"),
        ("{a:1}", .syntax, 1, 2, "expected a member name in quotes, found 'a'"),
        (#"{"a" 1}"#, .syntax, 1, 6, "expected a colon, found '1'"),
        ("{\n \"a\":1\n \"b\":2}", .syntax, 3, 2, "expected a comma or the end of the object, found '\"'"),
        ("[1 2]", .syntax, 1, 4, "expected a comma or the end of the array, found '2'"),
        ("[1,]", .syntax, 1, 4, "expected a value, found ']'"),
        ("[1}", .syntax, 1, 3, "expected a comma or the end of the array, found '}'"),
        ("1 2", .syntax, 1, 3, "expected the end of the document, found '2'"),
        ("{}}", .syntax, 1, 3, "expected the end of the document, found '}'"),
        ("nul ", .syntax, 1, 1, "expected a value, found 'n'"),
        ("truE", .syntax, 1, 1, "expected a value, found 't'"),
        ("True", .syntax, 1, 1, "expected a value, found 'T'"),
        ("NaN", .syntax, 1, 1, "expected a value, found 'N'"),
        ("'a'", .syntax, 1, 1, "expected a value, found '''"),
        ("é", .syntax, 1, 1, "expected a value, found byte 0xC3"),
        ("01", .syntax, 1, 2, "a number must not start with 0"),
        ("-01", .syntax, 1, 3, "a number must not start with 0"),
        ("+1", .syntax, 1, 1, "expected a value, found '+'"),
        (".5", .syntax, 1, 1, "expected a value, found '.'"),
        ("-a", .syntax, 1, 2, "expected a digit, found 'a'"),
        ("1.e5", .syntax, 1, 3, "expected a digit, found 'e'"),
        ("1ex", .syntax, 1, 3, "expected a digit, found 'x'"),
        ("0x10", .syntax, 1, 2, "expected the end of the document, found 'x'"),
        ("\"a\tb\"", .syntax, 1, 3, "a control character within a string must be escaped"),
        ("[\n\"a\nb\"]", .syntax, 2, 3, "a control character within a string must be escaped"),
        (#""\x""#, .syntax, 1, 3, #"expected an escape (one of " \ / b f n r t u), found 'x'"#),
        (#""\u12g4""#, .syntax, 1, 6, "expected four hexadecimal digits, found 'g'"),
        (#""\ud800""#, .encoding, 1, 2, "half a surrogate pair in an escape"),
        (#""\udc00""#, .encoding, 1, 2, "half a surrogate pair in an escape"),
        (#""\ud800\u0041""#, .encoding, 1, 2, "half a surrogate pair in an escape"),
        (#""\ud800\ud800""#, .encoding, 1, 2, "half a surrogate pair in an escape"),
        (#""x\ud800x""#, .encoding, 1, 3, "half a surrogate pair in an escape"),
    ])
    func refuses(_ text: String, _ code: JSONError.Code, _ line: Int, _ column: Int, _ message: String) {
        let error = #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
        #expect(error?.code == code)
        #expect(error?.message == message)
        #expect(error?.line == line)
        #expect(error?.column == column)
        #expect(error?.description == "invalid JSON at line \(line), column \(column): \(message)")
        // Skipping checks the same syntax, bar what escapes and bytes mean.
        if code != .encoding {
            #expect(throws: JSONError.self) {
                try JSONCursor.withCursor(over: text.utf8) { (cursor) throws(JSONError) in try cursor.skip() }
            }
        }
    }

    @Test(arguments: [
        ([0x22, 0xFF, 0x22] as [UInt8], 1), ([0x22, 0x61, 0xC3, 0x22], 1), ([0x22, 0xED, 0xA0, 0x80, 0x22], 1),
        ([0x22, 0xC0, 0xAF, 0x22], 1), ([0x22, 0x5C, 0x6E, 0xFF, 0x22], 1),
        ([0x7B, 0x22, 0xFF, 0x22, 0x3A, 0x31, 0x7D], 2),
        ([0x22, 0xF4, 0x90, 0x80, 0x80, 0x22], 1),
    ])
    func refusesWhatIsNotUTF8(_ bytes: [UInt8], _ offset: Int) {
        let error = #expect(throws: JSONError.self) { try JSONValue(parsing: bytes) }
        #expect(error?.code == .encoding)
        #expect(error?.offset == offset)
    }

    @Test(arguments: [
        (#""\"\\\/\b\f\n\r\t\u0041""#, "\"\\/\u{8}\u{C}\n\r\tA"), (#""\ud83d\ude00""#, "😀"),
        (#""\uD83D\uDE00x""#, "😀x"),
        (#""\u0000""#, "\u{0}"), (#""\uFFFF\uE000""#, "\u{FFFF}\u{E000}"), (#""\udbff\udfff""#, "\u{10FFFF}"),
        ("\"é日😀\"", "é日😀"),
        ("\"\u{7F}\u{85}\"", "\u{7F}\u{85}"), (#""""#, ""),
    ])
    func readsStrings(_ text: String, _ expected: String) throws {
        #expect(try JSONValue(parsing: text).string.map { Array($0.utf8) } == Array(expected.utf8))
        // At each place within the eight bytes that are looked at together.
        for padding in 0..<17 {
            let spaced = text.replacing("\"", with: "\"" + String(repeating: "x", count: padding), maxReplacements: 1)
            #expect(try JSONValue(parsing: spaced).string == String(repeating: "x", count: padding) + expected)
        }
    }

    @Test func limitsDepthAndSize() throws {
        func nested(_ levels: Int) -> String {
            String(repeating: "[", count: levels) + String(repeating: "]", count: levels)
        }
        let limits = JSONLimits(depth: 5, skippedDepth: 5, size: 20)
        #expect(throws: Never.self) { try JSONValue(parsing: nested(5), limits: limits) }
        #expect(throws: JSONError(.tooDeep, "nested deeper than 5 levels", offset: 5, line: 1, column: 6)) {
            try JSONValue(parsing: nested(6), limits: limits)
        }
        #expect(throws: JSONError(.tooDeep, "nested deeper than 5 levels", offset: 5, line: 1, column: 6)) {
            try JSONCursor.withCursor(over: nested(6).utf8, limits: limits) { (cursor) throws(JSONError) in
                try cursor.skip()
            }
        }
        #expect(
            throws: JSONError(
                .tooLarge,
                "the document has 21 bytes, more than the limit of 20",
                offset: 20,
                line: 1,
                column: 21
            )
        ) {
            try JSONValue(parsing: "\"\(String(repeating: "a", count: 19))\"", limits: limits)
        }
        // Depth counts what lies in each other, not what stands one behind the other.
        #expect(throws: Never.self) { try JSONValue(parsing: "[[],[],[],[],[],[],[]]", limits: limits.depthOnly) }
        #expect(throws: JSONError.self) { try JSONValue(parsing: String(repeating: "[", count: 1_000_000)) }
    }

    @Test func theLastOfDuplicatesCountsInTheFirstOnesPlace() throws {
        #expect(try JSONValue(parsing: #"{"a":1,"b":2,"a":3,"\u0061":4}"#).text() == #"{"a":4,"b":2}"#)
    }

    @Test func keysOfDifferentBytesAreDifferent() throws {
        let text = "{\"é\":1,\"e\u{301}\":2}"
        #expect(try JSONValue(parsing: text).text() == text)
        var object = try #require(try JSONValue(parsing: text).object)
        for place in 0..<40 { object["k\(place)"] = .int(place) }
        #expect(object["é"] == 1)
        #expect(object["e\u{301}"] == 2)
        object["e\u{301}"] = 3
        #expect(object["é"] == 1)
        #expect(object.count == 42)
        #expect(JSONValue.string("é") != JSONValue.string("e\u{301}"))
    }

    @Test func rawBytesOfAValue() throws {
        let text = #"{"a": {"b": [1, "}"]} , "c":2}"#
        let raw = try JSONCursor.withCursor(over: text.utf8) { (cursor) throws(JSONError) in
            var found: [String] = []
            try cursor.readObject { (key, cursor) throws(JSONError) in
                found.append(key.string + "=" + String(decoding: try cursor.skipToRaw(), as: UTF8.self))
            }
            return found
        }
        #expect(raw == [#"a={"b": [1, "}"]}"#, "c=2"])
    }

    @Test func cursorNamesWhatItWanted() {
        func message(_ text: String, _ body: (inout JSONCursor) throws(JSONError) -> Void) -> String? {
            do throws(JSONError) {
                try JSONCursor.withCursor(over: text.utf8, body)
                return nil
            } catch {
                return error.message
            }
        }
        #expect(message("1") { (cursor) throws(JSONError) in _ = try cursor.readString() } == "expected a string")
        #expect(message("\"1\"") { (cursor) throws(JSONError) in _ = try cursor.readNumber() } == "expected a number")
        #expect(
            message("[]") { (cursor) throws(JSONError) in try cursor.readObject { (_, _) throws(JSONError) in } }
                == "expected an object"
        )
        #expect(
            message("{}") { (cursor) throws(JSONError) in try cursor.readArray { (_) throws(JSONError) in } }
                == "expected an array"
        )
        #expect(message("{}") { (cursor) throws(JSONError) in _ = try cursor.readBool() } == "expected true or false")
        #expect(message("{}") { (cursor) throws(JSONError) in try cursor.readNull() } == "expected null")
        #expect(
            message("{} x") { (cursor) throws(JSONError) in try cursor.skip() }
                == "expected the end of the document, found 'x'"
        )
    }

    /// Thousands of documents with bytes changed, cut or swapped: read or refused, never a crash; what is read writes and
    /// reads back to the same value.
    @Test func survivesMutatedDocuments() {
        var random = SplitMix(seed: 5)
        let sources = [
            #"{"a":[1,-2.5e+3,true,null],"b\u00e9\n":{"c":"x\ud83d\ude00","d":""},"é":[[],{}]}"#,
            #"[0.1,"\\\"",{"a":{"b":{"c":[[[1]]]}}},false]"#,
            #"{"k":"aaaaaaaaaaaaaaaa\taaaaaaaa😀","l":12345678901234567890}"#,
        ].map { Array($0.utf8) }
        let alphabet = Array(#"{}[]",:\u0-+.eE1 \#n"#.utf8) + [0x00, 0x1F, 0x7F, 0x80, 0xC3, 0xE2, 0xED, 0xF4, 0xFF]
        var accepted = 0
        for _ in 0..<10_000 {
            for source in sources {
                var bytes = source
                for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
                    let place = Int.random(in: 0..<bytes.count, using: &random)
                    switch Int.random(in: 0..<5, using: &random) {
                    case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
                    case 1: bytes.remove(at: place)
                    case 2: bytes.insert(random.pick(bytes), at: place)
                    case 3: bytes[place] = random.pick(alphabet)
                    default: if place % 7 == 0 { bytes.removeLast(place) }
                    }
                }
                let limits = JSONLimits(depth: 6)
                let skipped: Bool =
                    (try? JSONCursor.withCursor(over: bytes, limits: limits) { (cursor) throws(JSONError) in
                        try cursor.skip()
                        return true
                    }) ?? false
                guard let value = try? JSONValue(parsing: bytes, limits: limits) else { continue }
                accepted += 1
                if !skipped { Issue.record("read but not skipped: \(bytes)") }
                if (try? JSONValue(parsing: value.bytes())) != value { Issue.record("read back as another: \(value)") }
            }
        }
        #expect(accepted > 1000)
    }
}

extension JSONLimits {
    fileprivate var depthOnly: JSONLimits { JSONLimits(depth: self.depth) }
}
