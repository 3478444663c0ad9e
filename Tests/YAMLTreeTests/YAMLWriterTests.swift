import JSONTree
import Testing
import YAMLTree
import Yams

struct YAMLWriterTests {
    @Test func writesBlockStyle() throws {
        let value = try JSONValue(
            parsing: #"""
                {"kind":"Pod","metadata":{"labels":{},"name":"a"},"spec":{"containers":[{"name":"c","args":["-x","--y=1"],
                "ports":[{"containerPort":80}]},{"name":"d","env":[]}],"nested":[[1,[2]],[],{}],"e":null,"t":true},
                "data":{"a":"x\ny\n","b":"x\n\n y","c":"x\n\n"," d":"  x\ny"}}
                """#
        )
        #expect(
            YAMLWriter.text(value) == """
                kind: Pod
                metadata:
                  labels: {}
                  name: a
                spec:
                  containers:
                  - name: c
                    args:
                    - -x
                    - --y=1
                    ports:
                    - containerPort: 80
                  - name: d
                    env: []
                  nested:
                  - - 1
                    - - 2
                  - []
                  - {}
                  e: null
                  t: true
                data:
                  a: |
                    x
                    y
                  b: |-
                    x

                     y
                  c: |+
                    x

                  ' d': |2-
                      x
                    y

                """
        )
    }

    @Test func writesOtherStyles() throws {
        let value = try JSONValue(parsing: #"{"b":[{"d":{"z":1},"c":[1]}],"a":" x\ny"}"#)
        #expect(
            YAMLWriter.text(value, style: .init(indent: 4, indentsSequences: true, sortsKeys: true)) == """
                a: |4-
                     x
                    y
                b:
                    - c:
                          - 1
                      d:
                          z: 1

                """
        )
    }

    @Test(arguments: [
        ("a", "a"), ("two words", "two words"), ("10.0.0.1", "10.0.0.1"), ("0.0.0.0:4317", "0.0.0.0:4317"),
        ("10s", "10s"),
        ("v1.2.3", "v1.2.3"), ("1.36.2", "1.36.2"), ("https://a/b?c#d", "https://a/b?c#d"), ("${env:X}", "${env:X}"),
        ("a,b", "a,b"), ("-x", "-x"), ("--y", "--y"), ("a'b", "a'b"), ("é日😀", "é日😀"), ("a\"b", "a\"b"), ("\\d", "\\d"),
        ("", "\"\""), ("true", "\"true\""), ("No", "\"No\""), ("y", "\"y\""), ("null", "\"null\""), ("~", "\"~\""),
        ("123", "\"123\""), ("1_0", "\"1_0\""), ("0x1F", "\"0x1F\""), ("1e5", "\"1e5\""), (".5", "\".5\""),
        ("12:30", "\"12:30\""), ("2001-01-01", "\"2001-01-01\""), ("2001-01-01T00:00:00Z", "\"2001-01-01T00:00:00Z\""),
        ("1,000", "\"1,000\""), ("-.inf", "\"-.inf\""), ("=", "\"=\""), ("<<", "\"<<\""), ("12e4567", "\"12e4567\""),
        ("*", "'*'"), ("&a", "'&a'"), ("{x}", "'{x}'"), ("a: b", "'a: b'"), ("a:", "'a:'"), ("a #b", "'a #b'"),
        ("-", "'-'"),
        ("- a", "'- a'"), ("--- a", "'--- a'"), ("'x'", "'''x'''"), ("a ", "'a '"), ("@a", "'@a'"), ("%a", "'%a'"),
        ("\n", "\"\\n\""), ("a\tb", "\"a\\tb\""), ("a\r\nb", "\"a\\r\\nb\""),
        ("\u{0}\u{85}\u{FEFF}", "\"\\u0000\\u0085\\uFEFF\""),
        ("a\n \nb", "\"a\\n \\nb\""), ("a\u{2028}b", "\"a\\u2028b\""),
    ])
    func quotesOnlyWhatItMust(_ string: String, _ text: String) {
        #expect(YAMLWriter.text(.string(string)) == text + "\n")
        #expect(YAMLWriter.text(.object([string: 1])) == text + ": 1\n")
    }

    @Test func announcesLongKeys() throws {
        let value: JSONValue = .object([
            String(repeating: "k", count: 1020): ["a": [1, "x\ny"]], String(repeating: "é:", count: 3000): [1], "b": 2,
        ])
        #expect(try YAMLReader.document(in: YAMLWriter.text(value)) == value)
        #expect(try YAMLReader.document(in: YAMLWriter.text([value])) == [value])
    }

    @Test func readsBackRandomTrees() throws {
        var random = SplitMix(seed: 1)
        for _ in 0..<6000 {
            let value = random.value(depth: 4)
            let style = YAMLWriter.Style(
                indent: Int.random(in: 2...4, using: &random),
                indentsSequences: Bool.random(using: &random)
            )
            let text = YAMLWriter.text(value, style: style)
            let again = try YAMLReader.document(in: text)
            guard again == value, again.text() == value.text() else {
                Issue.record("\(value.text()) was written as\n\(text)and read back as \(again.text())")
                return
            }
        }
    }

    @Test func readsBackStreams() throws {
        var random = SplitMix(seed: 2)
        for _ in 0..<500 {
            let values = (0..<3).map { _ in random.value(depth: 2) }
            #expect(try YAMLReader.documents(in: YAMLWriter.stream(values)) == values)
        }
    }

    // MARK: Yams as judge

    /// Another resolver takes exactly our strings for strings, our numbers for numbers.
    @Test func anotherReaderReadsTheSame() throws {
        var random = SplitMix(seed: 3)
        for _ in 0..<2000 {
            let value = random.value(depth: 3)
            let text = YAMLWriter.text(value)
            // Foundation, through which Yams reads, drops a byte order mark from the start of any string.
            if text.contains("\\uFEFF") { continue }
            guard let node = try Yams.compose(yaml: text) else {
                #expect(value.isNull || value == "", "\(text)")
                continue
            }
            if let difference = Self.difference(node, value) {
                Issue.record("\(difference) in\n\(text)")
                return
            }
        }
    }

    private static func difference(_ node: Node, _ value: JSONValue) -> String? {
        switch (node, value) {
        case (.sequence(let sequence), .array(let elements)) where sequence.count == elements.count:
            return zip(sequence, elements).lazy.compactMap { Self.difference($0, $1) }.first
        case (.mapping(let mapping), .object(let object)) where mapping.count == object.count:
            for (pair, member) in zip(mapping, object) {
                if let difference = Self.difference(pair.key, .string(member.key)) { return difference }
                if let difference = Self.difference(pair.value, member.value) { return difference }
            }
            return nil
        case (.scalar(let scalar), .string(let string)):
            return scalar.string == string && node.tag == Tag(.str)
                ? nil : "\(scalar) for the string \(string.debugDescription)"
        case (.scalar, .null): return node.null != nil ? nil : "\(node) for null"
        case (.scalar, .bool(let flag)): return node.bool == flag ? nil : "\(node) for \(flag)"
        case (.scalar(let scalar), .number(let number)):
            return scalar.string == number.literal ? nil : "\(node) for \(number)"
        default: return "\(node) for \(value)"
        }
    }

    /// On what both dialects agree about, both readers find the same tree in text that neither of us wrote.
    @Test(arguments: [
        "a: 1\nb:\n- x\n- k: 'z'\n  w: \"q\\n\"\nc: {d: [1, 2], e: f}\n",
        "a: |\n  x\n    y\n\n  z\nb: >\n  folded\n  line\n\n   kept\n\n  end\nc: |-\n  a\nd: >+\n  b\n\n",
        "- plain\n  over lines\n\n  and on\n- 'single\n  quoted\n\n  too'\n- \"double \\\n  escaped\"\n",
        "? - a\n", "x: # comment\n  k: 'a # b' # c\n  z: a#b\n", "a:\n  - b\n  -\n    c: d\n  - - e\n    - f\n",
        "# c\n--- # d\na: b\n... # e\n", "a: 'x: y'\n\"b c\" : d\n", "a: !!str 12\nb: ! x\n",
    ])
    func readsAsAnotherReader(_ yaml: String) throws {
        let node = try #require(try Yams.compose(yaml: yaml))
        if yaml.hasPrefix("?") {
            #expect(throws: YAMLError.self) { try YAMLReader.document(in: yaml) }
        } else {
            let difference = Self.difference(node, try YAMLReader.document(in: yaml))
            #expect(difference == nil)
        }
    }
}
