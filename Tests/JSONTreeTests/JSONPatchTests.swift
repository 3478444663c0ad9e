import JSONTree
import Testing

struct JSONPatchTests {
    private static func value(_ text: String) throws -> JSONValue { try JSONValue(parsing: text) }

    /// Document, patch, result: the examples of RFC 6902, appendix A, and what they leave open.
    @Test(arguments: [
        (#"{"foo":"bar"}"#, #"[{"op":"add","path":"/baz","value":"qux"}]"#, #"{"foo":"bar","baz":"qux"}"#),
        (#"{"foo":["bar","baz"]}"#, #"[{"op":"add","path":"/foo/1","value":"qux"}]"#, #"{"foo":["bar","qux","baz"]}"#),
        (#"{"baz":"qux","foo":"bar"}"#, #"[{"op":"remove","path":"/baz"}]"#, #"{"foo":"bar"}"#),
        (#"{"foo":["bar","qux","baz"]}"#, #"[{"op":"remove","path":"/foo/1"}]"#, #"{"foo":["bar","baz"]}"#),
        (
            #"{"baz":"qux","foo":"bar"}"#, #"[{"op":"replace","path":"/baz","value":"boo"}]"#,
            #"{"baz":"boo","foo":"bar"}"#
        ),
        (
            #"{"foo":{"bar":"baz","waldo":"fred"},"qux":{"corge":"grault"}}"#,
            #"[{"op":"move","from":"/foo/waldo","path":"/qux/thud"}]"#,
            #"{"foo":{"bar":"baz"},"qux":{"corge":"grault","thud":"fred"}}"#
        ),
        (
            #"{"foo":["all","grass","cows","eat"]}"#, #"[{"op":"move","from":"/foo/1","path":"/foo/3"}]"#,
            #"{"foo":["all","cows","eat","grass"]}"#
        ),
        (
            #"{"baz":"qux","foo":["a",2,"c"]}"#,
            #"[{"op":"test","path":"/baz","value":"qux"},{"op":"test","path":"/foo/1","value":2.0}]"#,
            #"{"baz":"qux","foo":["a",2,"c"]}"#
        ),
        (
            #"{"foo":"bar"}"#, #"[{"op":"add","path":"/child","value":{"g":{}},"xyz":123}]"#,
            #"{"foo":"bar","child":{"g":{}}}"#
        ),
        (#"{"/":9,"~1":10}"#, #"[{"op":"test","path":"/~01","value":10}]"#, #"{"/":9,"~1":10}"#),
        (
            #"{"foo":["bar"]}"#, #"[{"op":"add","path":"/foo/-","value":["abc","def"]}]"#,
            #"{"foo":["bar",["abc","def"]]}"#
        ),
        (#"{"a":1}"#, #"[{"op":"add","path":"","value":[]},{"op":"add","path":"/0","value":null}]"#, "[null]"),
        (#"{"a":{"b":1}}"#, #"[{"op":"copy","from":"","path":"/a/c"}]"#, #"{"a":{"b":1,"c":{"a":{"b":1}}}}"#),
        (#"{"a":{"b":1}}"#, #"[{"op":"move","from":"/a","path":"/a"}]"#, #"{"a":{"b":1}}"#),
        (#"{"a":1,"b":2}"#, #"[{"op":"test","path":"","value":{"b":2,"a":1}}]"#, #"{"a":1,"b":2}"#),
        ("1", #"[{"op":"replace","path":"","value":2}]"#, "2"),
        ("1", "[]", "1"),
    ])
    func applies(_ document: String, _ patch: String, _ result: String) throws {
        #expect(try JSONPatch(Self.value(patch)).applied(to: Self.value(document)).text() == result)
    }

    @Test(arguments: [
        (
            "{}", #"{"op":"add","path":"/a/b","value":1}"#, JSONPatchError.Code.missing,
            #"add "/a/b", at the root: the object has no member "a""#
        ),
        (
            #"{"a":{}}"#, #"{"op":"remove","path":"/a/b"}"#, .missing,
            #"remove "/a/b", at /a: the object has no member "b""#
        ),
        (
            #"{"a":[1]}"#, #"{"op":"replace","path":"/a/1","value":1}"#, .missing,
            #"replace "/a/1", at /a: the array has no place 1"#
        ),
        (
            #"{"a":[1]}"#, #"{"op":"add","path":"/a/2","value":1}"#, .missing,
            #"add "/a/2", at /a: the array has no place 2"#
        ),
        (
            #"{"a":[1]}"#, #"{"op":"add","path":"/a/00","value":1}"#, .missing,
            #"add "/a/00", at /a: the array has no place 00"#
        ),
        (
            #"{"a":[1]}"#, #"{"op":"remove","path":"/a/-"}"#, .missing,
            #"remove "/a/-", at /a: "-" is not a place in an array"#
        ),
        (
            #"{"a":[1]}"#, #"{"op":"test","path":"/a/1e0","value":1}"#, .missing,
            #"test "/a/1e0", at /a: "1e0" is not a place in an array"#
        ),
        (
            #"{"a":[1]}"#, #"{"op":"test","path":"/a/99999999999999999999","value":1}"#, .missing,
            #"test "/a/99999999999999999999", at /a: the array has no place 99999999999999999999"#
        ),
        (
            #"{"a":"x"}"#, #"{"op":"add","path":"/a/0","value":1}"#, .missing,
            #"add "/a/0", at /a: a string has no "0" in it"#
        ),
        (#"{"a":1}"#, #"{"op":"test","path":"/a","value":"1"}"#, .testFailed, #"test "/a": the value is 1, not "1""#),
        (#"{"a":1}"#, #"{"op":"test","path":"/a","value":null}"#, .testFailed, #"test "/a": the value is 1, not null"#),
        (
            #"{"a":1}"#, #"{"op":"copy","from":"/b","path":"/a"}"#, .missing,
            #"copy "/b", at the root: the object has no member "b""#
        ),
        (
            #"{"a":{}}"#, #"{"op":"move","from":"/a","path":"/a/b"}"#, .invalid,
            #"move "/a": the value can't move into itself"#
        ),
        (
            #"{"a":1}"#, #"{"op":"move","from":"/b","path":"/b"}"#, .missing,
            #"move "/b", at the root: the object has no member "b""#
        ),
        (#"{"a":1}"#, #"{"op":"remove","path":""}"#, .invalid, #"remove "": the whole document can't be removed"#),
    ])
    func saysWhyItDoesNotApply(_ document: String, _ step: String, _ code: JSONPatchError.Code, _ message: String)
        throws
    {
        let patch = try JSONPatch(Self.value(#"[{"op":"test","path":"","value":\#(document)},\#(step)]"#))
        #expect(throws: JSONPatchError(code, message, operation: 1)) { try patch.applied(to: Self.value(document)) }
    }

    @Test(arguments: [
        ("{}", "a JSON patch is an array, found object"),
        ("[1]", "JSON patch operation 0: an operation is an object, found number"),
        ("[{}]", #"JSON patch operation 0: the member "op" is missing or not a string"#),
        (#"[{"op":"set","path":""}]"#, #"JSON patch operation 0: unknown op "set""#),
        (#"[{"op":"remove","path":""},{"op":"remove"}]"#, #"JSON patch operation 1: the member "path" is missing"#),
        (#"[{"op":"remove","path":1}]"#, #"JSON patch operation 0: the member "path" is not a string"#),
        (#"[{"op":"move","path":""}]"#, #"JSON patch operation 0: the member "from" is missing"#),
        (#"[{"op":"add","path":"/a"}]"#, #"JSON patch operation 0: the member "value" is missing"#),
        (#"[{"op":"remove","path":"a"}]"#, #"JSON patch operation 0: the pointer "a" does not begin with /"#),
        (
            #"[{"op":"remove","path":"/a~"}]"#,
            #"JSON patch operation 0: the pointer "/a~" holds a ~ that is neither ~0 nor ~1"#
        ),
        (
            #"[{"op":"remove","path":"/~2a"}]"#,
            #"JSON patch operation 0: the pointer "/~2a" holds a ~ that is neither ~0 nor ~1"#
        ),
    ])
    func refusesWhatIsNoPatch(_ patch: String, _ message: String) throws {
        let value = try Self.value(patch)
        let error = #expect(throws: JSONPatchError.self) { try JSONPatch(value) }
        #expect(error?.description == message)
    }

    @Test func writesWhatItReads() throws {
        let text =
            #"[{"op":"add","path":"/a~1b","value":null},{"op":"remove","path":"/0"},{"op":"replace","path":"","value":1.0},"#
            + #"{"op":"move","from":"/m~0n","path":"/x"},{"op":"copy","from":"","path":"/"},{"op":"test","path":"/é","value":{}}]"#
        #expect(String(decoding: try JSONPatch(Self.value(text)).bytes, as: UTF8.self) == text)
    }

    /// Recorded by hack/generate-patch-cases.
    @Test func agreesWithPython() throws {
        let cases = try #require(try JSONValue(parsing: fixture("patch-cases.json")).array)
        #expect(cases.count == 300)
        for (index, found) in cases.enumerated() {
            let document = try #require(found["document"])
            let patch = try JSONPatch(#require(found["patch"]))
            if let place = found["failsAt"]?.int {
                let error = #expect(throws: JSONPatchError.self, "case \(index)") { try patch.applied(to: document) }
                #expect(error?.operation == place, "case \(index): \(String(describing: error))")
            } else {
                let result = try patch.applied(to: document)
                #expect(result == found["result"], "case \(index)")
                #expect(try JSONPatch.diff(from: document, to: result).applied(to: document) == result, "case \(index)")
            }
        }
    }
}
