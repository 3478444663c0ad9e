import JSONTree
import Testing
import YAMLTree

struct YAMLReaderTests {
    /// YAML and the JSON it means. What go-yaml v2 and `sigs.k8s.io/yaml` make of it, read off their sources.
    @Test(arguments: [
        ("a: 1", #"{"a":1}"#),
        ("", "null"),
        ("---\n", "null"),
        ("# nothing", "null"),
        ("\u{FEFF}a: 1", #"{"a":1}"#),
        (
            "[y, Y, yes, Yes, YES, on, On, ON, true, True, TRUE]",
            "[true,true,true,true,true,true,true,true,true,true,true]"
        ),
        (
            "[n, N, no, No, NO, off, Off, OFF, false, False, FALSE]",
            "[false,false,false,false,false,false,false,false,false,false,false]"
        ),
        ("[yEs, tRUE, oN, 'yes', \"on\", yess, none]", #"["yEs","tRUE","oN","yes","on","yess","none"]"#),
        ("[~, null, Null, NULL, nULL, ~a]", #"[null,null,null,null,"nULL","~a"]"#),
        ("a:\nb: ''", #"{"a":null,"b":""}"#),
        (
            "[0, -0, 12, +12, -12, 1_000, 0x1F, -0x1f, 0X1f, 0o17, 017, 0b101, -0b11]",
            "[0,-0,12,12,-12,1000,31,-31,31,15,15,5,-3]"
        ),
        ("[08, 0x, 0o8, 1_, _1, 12a, '12', 0xg]", #"[8,"0x","0o8",1,"_1","12a","12","0xg"]"#),
        (
            "--- [9223372036854775807, -9223372036854775808, 18446744073709551615]",
            "[9223372036854775807,-9223372036854775808,18446744073709551615]"
        ),
        ("[18446744073709551616, 0x10000000000000000]", #"[18446744073709551616,"0x10000000000000000"]"#),
        ("[1.5, 1.50, 1e3, 1E+3, 1.e2, 1., .5, -.5, +.5e1, 1_0.5]", "[1.5,1.50,1e3,1E+3,100,1,0.5,-0.5,5,10.5]"),
        ("--- [1e999, -1e999, 12e4567, 1e-999]", #"["1e999","-1e999","12e4567",1e-999]"#),
        (
            "[1.2.3, 10.0.0.1, 1:30, 190:20:30, 10s, 1e, e1, ., .., +, '-', 1e5x, .5_0]",
            #"["1.2.3","10.0.0.1","1:30","190:20:30","10s","1e","e1",".","..","+","-","1e5x",".5_0"]"#
        ),
        (
            "[2001-12-14, 2001-12-14t21:59:43.10-05:00, 2001-12-14 21:59:43]",
            #"["2001-12-14","2001-12-14t21:59:43.10-05:00","2001-12-14 21:59:43"]"#
        ),
        (
            "[!!str 1, !!int \"1\", !!float 1, !!bool \"yes\", !!null '', !local 1, ! 1]",
            #"["1",1,1,true,null,"1","1"]"#
        ),
        ("!!map {a: !!seq [1]}", #"{"a":[1]}"#),
        ("!custom\na: 1", #"{"a":1}"#),
        (
            "1: a\ntrue: b\n1.5: c\n1e6: d\nno: e\n0x10: f",
            #"{"1":"a","true":"b","1.5":"c","1e+06":"d","false":"e","16":"f"}"#
        ),
        ("a: |\n  x\n   y\n\nb: >-\n  x\n  y\n\n  z\nc: |+\n  x\n\n", #"{"a":"x\n y\n","b":"x y\nz","c":"x\n\n"}"#),
        ("a: 'it''s'\nb: \"\\x41\\u00e9\\t\\/\\0\"", #"{"a":"it's","b":"Aé\t/\u0000"}"#),
        ("a: &x {b: 1}\nc: *x", #"{"a":{"b":1},"c":{"b":1}}"#),
        ("a: &x 1\nb: &x 2\nc: *x", #"{"a":1,"b":2,"c":2}"#),
        ("&k a: *k", #"{"a":"a"}"#),
        ("x: &x {a: 1, b: 2}\nz: {<<: *x, b: 3}", #"{"x":{"a":1,"b":2},"z":{"a":1,"b":3}}"#),
        ("x: &x {a: 1, b: 2}\nz: {b: 3, <<: *x}", #"{"x":{"a":1,"b":2},"z":{"b":3,"a":1}}"#),
        ("x: [&x {a: 1}, &y {a: 2, c: 3}]\nz: {<<: [*x, *y]}", #"{"x":[{"a":1},{"a":2,"c":3}],"z":{"a":1,"c":3}}"#),
        ("'<<': 1", #"{"<<":1}"#),
        ("a:\n- 1\n- - 2\n  - 3\n- b: 4\n  c: 5", #"{"a":[1,[2,3],{"b":4,"c":5}]}"#),
        ("? a\n: 1\n? b", #"{"a":1,"b":null}"#),
        (#"{"a": "\ud83d\ude00\/", "b": [1.0, -0, 1e2], "c": null}"#, "{\"a\":\"😀/\",\"b\":[1.0,-0,1e2],\"c\":null}"),
        ("\t{\n\t\"a\":\t1\n}\n", #"{"a":1}"#),
        ("{a: b, \"c\":1}", #"{"a":"b","c":1}"#),
        ("%YAML 1.1\n---\na: 1\n...\n", #"{"a":1}"#),
    ])
    func reads(_ yaml: String, _ json: String) throws {
        let value = try YAMLReader.document(in: yaml)
        #expect(value.text() == json)
    }

    @Test func yesAndNoAreStringsInTheOtherDialect() throws {
        let value = try YAMLReader.document(in: "[y, no, on, Off, true, False]", dialect: .trueFalseOnly)
        #expect(value.text() == #"["y","no","on","Off",true,false]"#)
    }

    @Test(arguments: [
        ("a: 1\n---\nb: 2", #"[{"a":1},{"b":2}]"#),
        ("---\n---\na: 1\n---\n", #"[null,{"a":1},null]"#),
        ("a: &x 1\n...\n---\nb: 1", #"[{"a":1},{"b":1}]"#),
        ("{\"a\":1}\n{\"b\":2}[3]", #"[{"a":1},{"b":2},[3]]"#),
        ("{\"a\":1}\n---\nb: 2", #"[{"a":1},{"b":2}]"#),
        ("", "[]"),
    ])
    func readsStreams(_ yaml: String, _ json: String) throws {
        #expect(try JSONValue.array(YAMLReader.documents(in: yaml)).text() == json)
    }

    @Test(arguments: [
        (
            "a: 1\nb: 2\na: 3", YAMLError.Code.duplicateKey, 3, 1,
            #"the key "a" is said again, it stands in line 1 already"#
        ),
        ("1: x\n'1': y", .duplicateKey, 2, 1, #"the key "1" is said again, it stands in line 1 already"#),
        ("a:\n\tb: 1", .syntax, 2, 1, "a tab can't indent YAML, use spaces"),
        (
            "a: [1", .syntax, 2, 1,
            "did not find expected ',' or ']' (while parsing a flow sequence that begins at line 1)"
        ),
        (
            "a: {b: 1\nc: 2", .syntax, 2, 2,
            "did not find expected ',' or '}' (while parsing a flow mapping that begins at line 1)"
        ),
        ("a: 1\n b: 2", .syntax, 2, 3, "mapping values are not allowed in this context"),
        ("a: \"x", .syntax, 1, 6, "found unexpected end of stream (while scanning a quoted scalar)"),
        ("a: @x", .syntax, 1, 4, "found character that cannot start any token (while scanning for the next token)"),
        ("a: .inf", .value, 1, 4, "JSON can't hold .inf; put it in quotes if it is text"),
        ("a:\n  - -.Inf", .value, 2, 5, "JSON can't hold -.Inf; put it in quotes if it is text"),
        ("x: .nan", .value, 1, 4, "JSON can't hold .nan; put it in quotes if it is text"),
        ("a: *b", .alias, 1, 4, "the alias *b has no anchor of that name before it"),
        ("a: &b\n  c: *b", .alias, 2, 6, "the value of &b (line 1) contains itself"),
        ("~: 1", .value, 1, 1, "a key is null; put it in quotes"),
        ("? [a]\n: 1", .value, 1, 3, "a key must not be a sequence or a mapping"),
        ("a: !!int x", .value, 1, 4, "\"x\" is no !!int"),
        ("a: !!binary eA==", .value, 1, 4, "!!binary is not supported; write the base64 text as a string"),
        ("a: {<<: 1}", .value, 1, 9, "<< merges a mapping or a sequence of mappings"),
        ("a: 1\n---\nb: 2", .structure, 3, 1, "a second document, where only one may be"),
        ("a: \u{7}", .encoding, 1, 4, "control characters are not allowed (0x7)"),
        ("x: 1\né: \u{0}", .encoding, 2, 4, "control characters are not allowed (0x0)"),
    ])
    func refuses(_ yaml: String, _ code: YAMLError.Code, _ line: Int, _ column: Int, _ message: String) {
        #expect(throws: YAMLError(code, message, line: line, column: column, document: code == .structure ? 0 : 1)) {
            try YAMLReader.document(in: yaml)
        }
    }

    @Test(arguments: [
        ([0x61, 0x3A, 0x20, 0xFF] as [UInt8], 1, 4), ([0x61, 0x3A, 0x0A, 0x20, 0xC3, 0x28], 2, 3),
        ([0x61, 0xE2, 0x82], 1, 2), ([0xFE, 0xFF, 0x00, 0x61], 1, 1),
    ])
    func refusesOtherEncodings(_ bytes: [UInt8], _ line: Int, _ column: Int) throws {
        let error = #expect(throws: YAMLError.self) { try YAMLReader.document(in: bytes) }
        #expect(error?.code == .encoding)
        #expect(error?.line == line)
        #expect(error?.column == column)
    }

    @Test func namesTheDocumentOfAStream() {
        let error = #expect(throws: YAMLError.self) { try YAMLReader.documents(in: "a: 1\n---\nb: 1\nb: 2\n") }
        #expect(
            error?.description
                == "invalid YAML in document 2 at line 4, column 1: the key \"b\" is said again, it stands in line 3 already"
        )
    }

    @Test func refusesDepthBeyondTheLimit() throws {
        let deep = { (levels: Int) in String(repeating: "[", count: levels) + String(repeating: "]", count: levels) }
        _ = try YAMLReader.document(in: "a: " + deep(9), limits: YAMLLimits(depth: 10))
        for text in ["a: " + deep(10), deep(11), "- - - - - - - - - - - 1"] {
            let error = #expect(throws: YAMLError.self) {
                try YAMLReader.document(in: text, limits: YAMLLimits(depth: 10))
            }
            #expect(error?.code == .tooDeep)
        }
        for text in [String(repeating: "[", count: 1_000_000), String(repeating: "- ", count: 100_000), deep(100_000)] {
            #expect(throws: YAMLError.self) { try YAMLReader.document(in: text) }
        }
    }

    @Test func refusesDepthThatAliasesAddUp() {
        var text = "a0: &a0 [1]\n"
        for level in 1..<20 { text += "a\(level): &a\(level) [*a\(level - 1)]\n" }
        let error = #expect(throws: YAMLError.self) { try YAMLReader.document(in: text, limits: YAMLLimits(depth: 15)) }
        #expect(error?.code == .tooDeep)
        #expect(throws: Never.self) { try YAMLReader.document(in: text, limits: YAMLLimits(depth: 21)) }
    }

    @Test(arguments: [
        "[*a%, *a%, *a%, *a%, *a%, *a%, *a%, *a%, *a%, *a%]", "{<<: *a%, x: *a%, y: *a%, z: *a%, w: *a%}",
    ])
    func refusesABillionLaughs(_ template: String) {
        var text = "a0: &a0 {k: lol}\n"
        for level in 1..<30 {
            text +=
                "a\(level): &a\(level) "
                + template.split(separator: "%", omittingEmptySubsequences: false)
                .joined(separator: String(level - 1)) + "\n"
        }
        let error = #expect(throws: YAMLError.self) { try YAMLReader.document(in: text) }
        #expect(error?.code == .tooLarge || error?.code == .value)
    }

    @Test func refusesLongTextRepeatedByAliases() {
        let text = "a: &a \(String(repeating: "x", count: 100_000))\nb: [\(String(repeating: "*a, ", count: 50))]"
        let error = #expect(throws: YAMLError.self) { try YAMLReader.document(in: text) }
        #expect(error?.code == .tooLarge)
    }

    @Test func refusesMoreBytesThanTheLimit() {
        let error = #expect(throws: YAMLError.self) {
            try YAMLReader.document(in: "a: 12345678", limits: YAMLLimits(size: 10))
        }
        #expect(error?.code == .tooLarge)
    }

    @Test func survivesMutatedDocuments() {
        var random = SplitMix(seed: 7)
        let sources = [
            "apiVersion: v1\nkind: List\nitems:\n- &a {x: 1, 'y': [~, 0x1f]}\n- <<: *a\n  t: |2-\n     x\n   y\n",
            "%YAML 1.1\n--- !!map\n? \"k\\u00e9\"\n: >+\n  folded\n\n  more\n...\n---\n- - - 1.5e3\n",
            #"{"a": [1, "\ud83d\ude00", {"b": null}], "c": "x"}"#,
        ].map { Array($0.utf8) }
        var accepted = 0
        for _ in 0..<3_000 {
            for source in sources {
                var bytes = source
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    let place = Int.random(in: 0..<bytes.count, using: &random)
                    switch Int.random(in: 0..<4, using: &random) {
                    case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
                    case 1: bytes.remove(at: place)
                    case 2: bytes.insert(bytes[Int.random(in: 0..<bytes.count, using: &random)], at: place)
                    default: bytes[place] = Array("{}[]&*!|>'\"%@`:-? \n\t#,".utf8).randomElement(using: &random) ?? 0
                    }
                }
                // What reads must also write and read again to the same.
                guard let documents = try? YAMLReader.documents(in: bytes) else { continue }
                accepted += 1
                for document in documents {
                    #expect(throws: Never.self) {
                        let again = try YAMLReader.document(in: YAMLWriter.text(document))
                        if again != document { Issue.record("\(document) was read back as \(again)") }
                    }
                }
            }
        }
        #expect(accepted > 100)
    }
}
