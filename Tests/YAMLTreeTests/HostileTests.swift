import JSONTree
import Testing
import YAMLTree

/// Documents that nobody would write but to harm.
struct HostileTests {
    /// As deep as the standard limits allow, in flow and in block style, and as JSON.
    static let deep: [String] = {
        let levels = YAMLLimits.standard.depth
        func nested(_ open: String, _ close: String) -> String {
            String(repeating: open, count: levels) + String(repeating: close, count: levels)
        }
        var block = ""
        for level in 0..<levels { block += String(repeating: " ", count: level) + "a:\n" }
        return [
            // In brackets a line break now and then, as libyaml looks for the colon of a key that long.
            nested("[\n", "]"), nested("{\"a\":\n", "}"), "# not JSON\n" + nested("[\n", "]"),
            "# not JSON\n" + nested("{a:\n ", "}"), block, String(repeating: "- ", count: levels) + "1",
        ]
    }()

    @Test(arguments: Self.deep) func deepestDocumentFitsASmallStack(_ text: String) {
        onSmallStack {
            guard let value = try? YAMLReader.document(in: text) else {
                Issue.record("the deepest document is refused")
                return
            }
            let styles = [YAMLWriter.Style.standard, .init(indent: 4, indentsSequences: true, sortsKeys: true)]
            for style in styles {
                #expect((try? YAMLReader.document(in: YAMLWriter.text(value, style: style))) == value)
            }
            #expect((try? ManifestReader.objects(in: text)) == nil)
        }
    }

    /// A manifest read from text is still read as part of a list, of a watch event, of a review.
    @Test func whatYAMLHoldsFitsJSONWithRoomToSpare() {
        #expect(YAMLLimits.standard.depth + 16 <= JSONLimits.standard.depth)
    }

    @Test(arguments: ["[", "{a: ", "[\n", "- ", "? ", "{? ", "a: {", "- - "]) func depthIsSaidAtOnce(_ level: String) {
        for levels in [65, 10_000, 100_000] {
            let error = #expect(throws: YAMLError.self) {
                try YAMLReader.document(in: "k:\n " + String(repeating: level, count: levels))
            }
            #expect(error?.line ?? 0 > 0)
            #expect(error?.message.utf8.count ?? 0 < 200)
        }
    }

    @Test func depthByIndentationIsSaidAtOnce() {
        var text = ""
        for level in 0..<2_000 { text += String(repeating: " ", count: level) + "a:\n" }
        let error = #expect(throws: YAMLError.self) { try YAMLReader.document(in: text) }
        #expect(error?.description == "invalid YAML at line 65, column 65: nested deeper than 64 levels")
    }

    @Test(arguments: [
        ("a: 1\r\nb:\r\n  - x\r\n", #"{"a":1,"b":["x"]}"#), ("a: 1\rb: 2\r", #"{"a":1,"b":2}"#),
        ("\u{FEFF}---\r\na: |\r\n  x\r\n  y\r\n", #"{"a":"x\ny\n"}"#),
        ("a: !!python/object/apply:os.system ['x']", #"{"a":["x"]}"#), ("a: !!python/name:os.system", #"{"a":""}"#),
        ("a: !!set {x, z}", #"{"a":{"x":null,"z":null}}"#), ("a: !!timestamp 2001-12-14", #"{"a":"2001-12-14"}"#),
        ("a: &a b\n*a : c", #"{"a":"b","b":"c"}"#), ("'a\\0': \"\\0\"", #"{"a\\0":"\u0000"}"#),
        ("a: 99999999999999999999999999", #"{"a":99999999999999999999999999}"#),
        ("a: 1e999", #"{"a":"1e999"}"#),
        ("base: &b {x: 1}\nm: {<<: [*b, {x: 2, z: 3}]}", #"{"base":{"x":1},"m":{"x":1,"z":3}}"#),
    ])
    func reads(_ yaml: String, _ json: String) throws { #expect(try YAMLReader.document(in: yaml).text() == json) }

    @Test(arguments: [
        ("a: &a [*a]", "line 1, column 8: the value of &a (line 1) contains itself"),
        ("a: &a\n  <<: *a", "line 2, column 7: the value of &a (line 1) contains itself"),
        ("a: {<<: *x}", "line 1, column 9: the alias *x has no anchor of that name before it"),
        ("a:\n  - \"x\u{0}\"", "line 2, column 7: control characters are not allowed (0x0)"),
        (
            "a: \"\\ud800\"",
            "line 1, column 7: found invalid Unicode character escape code (while parsing a quoted scalar)"
        ),
        (
            "{\"a\": [\"\\ud800\"]}",
            "line 1, column 11: found invalid Unicode character escape code (while parsing a quoted scalar)"
        ),
        ("{\"a\":\n  1e999}", "line 2, column 3: the number 1e999 is beyond what a double can hold"),
        ("a: .NaN", "line 1, column 4: JSON can't hold .NaN; put it in quotes if it is text"),
        ("a: 1\n\tb: 2", "line 2, column 1: a tab can't indent YAML, use spaces"),
        ("? {a: 1}\n: 2", "line 1, column 3: a key must not be a sequence or a mapping"),
        ("a: !!binary aGk=", "line 1, column 4: !!binary is not supported; write the base64 text as a string"),
        ("a: !!float x", "line 1, column 4: \"x\" is no !!float"),
        ("a: !x!y z", "line 1, column 4: found undefined tag handle (while parsing a node)"),
        ("%YAML 9.9\n---\na: 1", "line 1, column 1: found incompatible YAML document"),
    ])
    func refuses(_ yaml: String, _ message: String) {
        let error = #expect(throws: YAMLError.self) { try YAMLReader.document(in: yaml) }
        #expect(error?.description == "invalid YAML at " + message)
    }

    @Test func messagesStayShort() {
        let long = String(repeating: "k", count: 900)
        for text in ["\(long): 1\n\(long): 2", "a: *\(long)", "a: &\(long) [*\(long)]", "a: !!int \(long)"] {
            let error = #expect(throws: YAMLError.self) { try YAMLReader.document(in: text) }
            #expect(error?.description.utf8.count ?? 0 < 250)
        }
    }

    @Test func aLongScalarIsReadInOnePiece() throws {
        let text = String(repeating: "x y ", count: 1 << 18) + "."
        for written in ["a: \(text)", "a: '\(text)'", "a: \"\(text)\"", "a: |-\n  \(text)", "a:\n  \(text)"] {
            #expect(try YAMLReader.document(in: written)["a"] == .string(text))
        }
    }

    /// libyaml compares each with all before it.
    @Test(arguments: ["\n", "\r", "\r\n", "\u{85}", "\u{2028}"]) func manyTagDirectivesAreRefused(_ lineBreak: String) {
        var text = ""
        for place in 0..<100_000 { text += "%TAG !a\(place)! x" + lineBreak }
        let error = #expect(throws: YAMLError.self) { try YAMLReader.document(in: text + "---\na: 1") }
        #expect(error?.message == "more than 64 tag directives")
    }

    @Test func someTagDirectivesAreRead() throws {
        #expect(
            try YAMLReader.document(in: "%TAG !e! tag:example.org,2000:\n---\na: !e!x 1\nb: '%TAG'").text()
                == #"{"a":"1","b":"%TAG"}"#
        )
    }

    @Test func linearTime() throws {
        try expectLinear(2_000) { count in
            var text = "base: &b {x: 1}\n"
            for place in 0..<count { text += "k\(place): &k\(place) {<<: *b, a: [*b, 'x', \"y\"]}\n" }
            let value = try YAMLReader.document(in: text)
            #expect(value.object?.count == count + 1)
            let again = try YAMLReader.document(in: YAMLWriter.text(value))
            #expect(again == value)
        }
        try expectLinear(2_000) { count in
            let text = String(repeating: "---\na: 1\n", count: count)
            let documents = try YAMLReader.documents(in: text)
            #expect(documents.count == count)
        }
        try expectLinear(20_000) { count in
            let value = try YAMLReader.document(in: "[" + String(repeating: "a, ", count: count) + "]")
            #expect(value.array?.count == count)
        }
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
