import JSONTree
import Testing

struct JSONPatchDiffTests {
    private static func steps(_ old: String, _ new: String) throws -> [String] {
        let (old, new) = (try JSONValue(parsing: old), try JSONValue(parsing: new))
        let patch = JSONPatch.diff(from: old, to: new)
        #expect(try patch.applied(to: old) == new)
        return patch.operations.map { operation in
            switch operation {
            case .add(_, let value), .replace(_, let value): "\(operation.name) \(operation.path) \(value.text())"
            default: "\(operation.name) \(operation.path)"
            }
        }
    }

    @Test(arguments: [
        ("{}", "{}", []),
        (#"{"a":1,"b":2}"#, #"{"b":2.0,"a":1}"#, []),
        (#"{"a":1}"#, #"{"a":2}"#, ["replace /a 2"]),
        (#"{"a":1,"b":{"c":[1]}}"#, #"{"b":{"c":[1],"d/e":null}}"#, ["remove /a", "add /b/d~1e null"]),
        (#"{"a":null}"#, "{}", ["remove /a"]),
        (#"{"a":{}}"#, #"{"a":[]}"#, ["replace /a []"]),
        ("1", "2", ["replace  2"]),
        ("[1,2,3]", "[1,2,3,4,5]", ["add /3 4", "add /4 5"]),
        ("[1,2,3]", "[9,8,1,2,3]", ["add /0 9", "add /1 8"]),
        ("[1,2,3,4,5]", "[1,5]", ["remove /1", "remove /1", "remove /1"]),
        ("[1,2,3]", "[]", ["remove /0", "remove /0", "remove /0"]),
        ("[1,2,3,4]", "[1,9,3,4]", ["replace /1 9"]),
        ("[1,2,3,4]", "[2,3,5,4]", ["remove /0", "add /2 5"]),
        ("[1,2,3]", "[3,1,2]", ["add /0 3", "remove /3"]),
        ("[1,1,1]", "[1,1]", ["remove /2"]),
        (
            #"[{"name":"a","v":1},{"name":"b"}]"#, #"[{"name":"x"},{"name":"a","v":2},{"name":"b"}]"#,
            [#"add /0 {"name":"x"}"#, "replace /1/v 2"]
        ),
        (#"[{"name":"a","v":1}]"#, #"[{"name":"b","v":2}]"#, [#"replace /0 {"name":"b","v":2}"#]),
        (#"[{"k":1,"v":[1]}]"#, #"[{"k":1,"v":[1,2]},{"k":3}]"#, ["add /0/v/1 2", #"add /1 {"k":3}"#]),
    ])
    func isMinimal(_ old: String, _ new: String, _ expected: [String]) throws {
        #expect(try Self.steps(old, new) == expected)
    }

    /// What injection does to a container's environment.
    @Test func prependingAndAppendingAddsOnly() throws {
        let env = (0..<30).map { #"{"name":"E\#($0)","value":"\#($0)"}"# }
        let added = (0..<7).map { #"{"name":"OTEL_\#($0)","value":"x"}"# }
        let old = #"{"env":[\#(env.joined(separator: ","))]}"#
        let new = #"{"env":[\#((added.prefix(2) + env + added.suffix(5)).joined(separator: ","))]}"#
        let steps = try Self.steps(old, new)
        #expect(
            steps.map { $0.split(separator: " ").prefix(2).joined(separator: " ") } == [
                "add /env/0", "add /env/1", "add /env/32", "add /env/33", "add /env/34", "add /env/35", "add /env/36",
            ]
        )
    }

    @Test func longArraysAreComparedPlaceByPlace() throws {
        let old = JSONValue.array((0..<1000).map { .int($0) })
        let new = JSONValue.array([.int(-1)] + (0..<999).map { .int($0 * 2) } + [.int(-2)])
        let patch = JSONPatch.diff(from: old, to: new)
        #expect(try patch.applied(to: old) == new)
        #expect(patch.operations.count <= 1001)
        // Added at the ends, a long array still takes one operation each.
        #expect(JSONPatch.diff(from: old, to: .array([.null] + (old.array ?? []))).operations.count == 1)
    }

    @Test func turnsOneRandomTreeIntoTheOther() throws {
        var random = SplitMix(seed: 11)
        for _ in 0..<6000 {
            let old = random.value(depth: 4)
            let new = Int.random(in: 0..<5, using: &random) == 0 ? random.value(depth: 4) : random.changed(old)
            let patch = JSONPatch.diff(from: old, to: new)
            let result = try patch.applied(to: old)
            guard result == new, patch.isEmpty == (old == new) else {
                Issue.record("\(old) to \(new): \(patch.json)")
                return
            }
            // Written and read, it is the same patch.
            #expect(try JSONPatch(JSONValue(parsing: patch.bytes)) == patch)
        }
    }

    @Test func mergePatchesTurnOneObjectIntoTheOther() throws {
        var random = SplitMix(seed: 12)
        var compared = 0
        while compared < 5000 {
            guard case .object(let old) = random.value(depth: 4), case .object(let new) = random.changed(.object(old)),
                !Self.hasNull(.object(new))
            else { continue }
            compared += 1
            let patch = JSONMergePatch.diff(from: old, to: new)
            guard JSONMergePatch.applied(.object(patch), to: .object(old)) == .object(new),
                patch.isEmpty == (old == new)
            else {
                Issue.record("\(old) to \(new): \(patch)")
                return
            }
        }
    }

    private static func hasNull(_ value: JSONValue) -> Bool {
        switch value {
        case .null: true
        case .object(let object): object.contains { Self.hasNull($0.value) }
        default: false
        }
    }

    /// RFC 7386, appendix A.
    @Test(arguments: [
        (#"{"a":"b"}"#, #"{"a":"c"}"#, #"{"a":"c"}"#), (#"{"a":"b"}"#, #"{"b":"c"}"#, #"{"a":"b","b":"c"}"#),
        (#"{"a":"b"}"#, #"{"a":null}"#, "{}"), (#"{"a":"b","b":"c"}"#, #"{"a":null}"#, #"{"b":"c"}"#),
        (#"{"a":["b"]}"#, #"{"a":"c"}"#, #"{"a":"c"}"#), (#"{"a":"c"}"#, #"{"a":["b"]}"#, #"{"a":["b"]}"#),
        (#"{"a":{"b":"c"}}"#, #"{"a":{"b":"d","c":null}}"#, #"{"a":{"b":"d"}}"#),
        (#"{"a":[{"b":"c"}]}"#, #"{"a":[1]}"#, #"{"a":[1]}"#), (#"["a","b"]"#, #"["c","d"]"#, #"["c","d"]"#),
        (#"{"a":"b"}"#, #"["c"]"#, #"["c"]"#), (#"{"a":"foo"}"#, "null", "null"),
        (#"{"a":"foo"}"#, #""bar""#, #""bar""#),
        (#"{"e":null}"#, #"{"a":1}"#, #"{"e":null,"a":1}"#), ("[1,2]", #"{"a":"b","c":null}"#, #"{"a":"b"}"#),
        ("{}", #"{"a":{"bb":{"ccc":null}}}"#, #"{"a":{"bb":{}}}"#),
    ])
    func mergesAsTheStandardDoes(_ document: String, _ patch: String, _ result: String) throws {
        #expect(
            try JSONMergePatch.applied(JSONValue(parsing: patch), to: JSONValue(parsing: document)).text() == result
        )
    }

    @Test func pointersReadAndWrite() throws {
        // RFC 6901, section 5.
        let document = try JSONValue(
            parsing: #"{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8}"#
        )
        for (text, value) in [
            ("", document.text()), ("/foo", #"["bar","baz"]"#), ("/foo/0", #""bar""#), ("/", "0"), ("/a~1b", "1"),
            ("/c%d", "2"),
            ("/e^f", "3"), ("/g|h", "4"), ("/i\\j", "5"), ("/k\"l", "6"), ("/ ", "7"), ("/m~0n", "8"),
        ] {
            let pointer = try JSONPointer(parsing: text)
            #expect(document.value(at: pointer)?.text() == value)
            #expect(pointer.description == text)
        }
        for text in ["/foo/2", "/foo/-", "/foo/00", "/x", "/foo/0/x"] {
            #expect(document.value(at: try JSONPointer(parsing: text)) == nil)
        }
    }
}
