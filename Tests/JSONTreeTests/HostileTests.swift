import JSONTree
import Testing

/// Documents that nobody would write but to harm.
struct HostileTests {
    /// As deep as the standard limits allow: arrays, objects, both in turns.
    static let deep: [String] = {
        let levels = JSONLimits.standard.depth
        func nested(_ level: (Int) -> (String, String)) -> String {
            let pairs = (0..<levels).map(level)
            return pairs.map(\.0).joined() + "1" + pairs.reversed().map(\.1).joined()
        }
        return [
            nested { _ in ("[", "]") }, nested { _ in ("{\"a\":", "}") },
            nested { $0.isMultiple(of: 2) ? ("[2,", "]") : ("{\"name\":\"x\",\"a\":", "}") },
        ]
    }()

    @Test(arguments: Self.deep) func deepestDocumentFitsASmallStack(_ text: String) {
        onSmallStack { Self.walk(text) }
    }

    /// Every recursive walk of this module.
    private static func walk(_ text: String) {
        guard let value = try? JSONValue(parsing: text), let same = try? JSONValue(parsing: text),
            let other = try? JSONValue(parsing: text.replacing("1", with: "null", maxReplacements: 1))
        else {
            Issue.record("the deepest document is refused")
            return
        }
        #expect(Self.skips(text))
        #expect(value == same)
        #expect(value != other)
        #expect(value.hashValue == same.hashValue)
        #expect(value.text() == text)
        #expect(value.bytes(.canonical) == same.bytes(.canonical))
        #expect(!value.isDeeplyEmpty)
        let patch = JSONPatch.diff(from: value, to: other)
        #expect(patch.operations.count == 1)
        #expect((try? patch.applied(to: value)) == other)
        #expect(JSONMergePatch.applied(value, to: same) == value)
        if let old = value.object, let new = other.object { #expect(!JSONMergePatch.diff(from: old, to: new).isEmpty) }
    }

    @Test(arguments: ["[", "{\"a\":", "[{\"a\":"]) func depthBeyondTheLimitIsSaidAtOnce(_ level: String) {
        for levels in [JSONLimits.standard.depth + 1, 10_000, 300_000] {
            let text = String(repeating: level, count: levels)
            let error = #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
            #expect(error?.code == .tooDeep)
            #expect(error?.description.contains("nested deeper than 100 levels") == true)
        }
    }

    /// An object that is too deep for a tree, with everything the API server would have let through, does not spoil the
    /// list that it is part of.
    @Test func whatIsSkippedMayBeDeeper() {
        onSmallStack {
            for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[{\"a\" : ", "} ]")] {
                for levels in [63, 64, 65, 128, 129, 4_999] {
                    let text =
                        "[" + String(repeating: open, count: levels) + "7" + String(repeating: close, count: levels)
                    let isSkipped = Self.skips(text + ",1]")
                    #expect(isSkipped, "\(levels) levels of \(open)")
                    let isCut = Self.skips(text) || Self.skips(text + "}")
                    #expect(!isCut, "\(levels) levels of \(open)")
                }
                let isSkipped = Self.skips(String(repeating: open, count: 100_000))
                #expect(!isSkipped)
            }
        }
    }

    private static func skips(_ text: String) -> Bool {
        let answer: ()? = try? JSONCursor.withCursor(over: text.utf8) { (cursor) throws(JSONError) in try cursor.skip()
        }
        return answer != nil
    }

    @Test(arguments: [
        ("[1,\n 1e999]", JSONError.Code.outOfRange, 2, 2, "the number 1e999 is beyond what a double can hold"),
        ("-1E+400", .outOfRange, 1, 1, "the number -1E+400 is beyond what a double can hold"),
        (
            String(repeating: "9", count: 400), .outOfRange, 1, 1,
            "the number 99999999999999999999… is beyond what a double can hold"
        ),
        ("{\"a\": NaN}", .syntax, 1, 7, "expected a value, found 'N'"),
        ("{\"a\": -Infinity}", .syntax, 1, 8, "expected a digit, found 'I'"),
        ("{1: 2}", .syntax, 1, 2, "expected a member name in quotes, found '1'"),
        ("{\"a\":1}\r\n{\"a\":2}", .syntax, 2, 1, "expected the end of the document, found '{'"),
        ("\"a\u{0}b\"", .syntax, 1, 3, "a control character within a string must be escaped"),
        ("[\u{0}]", .syntax, 1, 2, "expected a value, found byte 0x0"),
    ])
    func refuses(_ text: String, _ code: JSONError.Code, _ line: Int, _ column: Int, _ message: String) {
        let error = #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
        #expect(error?.code == code)
        #expect(error?.line == line)
        #expect(error?.column == column)
        #expect(error?.message == message)
    }

    @Test(arguments: ["1e308", "1e-999", "123456789012345678901234567890", "-0", "1.7976931348623157e308", "5e0"])
    func keepsNumbersThatFit(_ literal: String) throws {
        #expect(try JSONValue(parsing: literal).text() == literal)
    }

    @Test func aLongStringIsReadInOnePiece() throws {
        for text in [String(repeating: "x", count: 1 << 20), String(repeating: "é\n", count: 1 << 18)] {
            let value = JSONValue.string(text)
            #expect(try JSONValue(parsing: value.bytes()) == value)
        }
    }

    /// 7 accents that don't interact stand in 5,040 orders, which Swift's comparison of strings takes for one string.
    @Test func keysThatNormalizeToOneStayApartAndAreFound() throws {
        let accents: [Unicode.Scalar] = [
            "\u{301}", "\u{327}", "\u{334}", "\u{345}", "\u{5B0}", "\u{5B4}", "\u{3099}",
        ]
        var keys: [String] = []
        func permute(_ chosen: [Unicode.Scalar], _ rest: [Unicode.Scalar]) {
            if rest.isEmpty {
                var key = "a"
                key.unicodeScalars.append(contentsOf: chosen)
                keys.append(key)
            }
            for place in rest.indices {
                var left = rest
                let scalar = left.remove(at: place)
                permute(chosen + [scalar], left)
            }
        }
        permute([], accents)
        #expect(keys.count == 5_040)
        #expect(Set(keys).count == 1)
        let object = JSONObject(keys.enumerated().map { ($1, JSONValue.int($0)) })
        #expect(object.count == 5_040)
        for (place, key) in keys.enumerated().reversed() { #expect(object[key] == .int(place)) }
    }

    /// Twice the members take about twice the time; where each costs a look at all others, the ratio is four or more.
    @Test func manyMembersTakeLinearTime() throws {
        func work(_ count: Int) throws {
            var text = "{"
            for place in 0..<count { text += (place == 0 ? "" : ",") + "\"k\(place)\":{\"a\":[\(place)]}" }
            let value = try JSONValue(parsing: text + "}")
            let nulls = JSONValue.object(JSONObject((0..<count).map { ("k\($0)", .null) }))
            #expect(JSONMergePatch.applied(nulls, to: value) == [:])
            var reversed = JSONObject()
            for member in value.object?.members.reversed() ?? [] { reversed[member.key] = member.value }
            #expect(.object(reversed) == value)
            #expect(JSONPatch.diff(from: value, to: .object(reversed)).operations.isEmpty)
            #expect(value.bytes(.canonical).count > count)
        }
        try expectLinear(4_000, work)
    }
}

/// Compares the time for two sizes, generously and at the best of several tries: the machine may be busy.
func expectLinear(_ size: Int, _ work: (Int) throws -> Void) rethrows {
    let clock = ContinuousClock()
    try work(size / 8)
    var best = Double.infinity
    for _ in 0..<8 where best > 20 {
        let small = try clock.measure { try work(size) }
        let large = try clock.measure { try work(size * 8) }
        best = min(best, large / small)
    }
    // Eight times the size: linear work takes 8 times as long, quadratic work 64 times.
    #expect(best < 32)
}
