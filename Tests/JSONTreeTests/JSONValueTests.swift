import JSONTree
import Testing

struct JSONValueTests {
    @Test func roundTripKeepsOrderAndNumberText() throws {
        let text = #"{"b":1.50,"a":[1e3,-0,"x\ny",null,true],"c":{"z":{},"y":[]}}"#
        #expect(try JSONValue(parsing: text).text() == text)
    }

    @Test func randomTreesRoundTrip() throws {
        var random = SplitMix(seed: 21)
        for _ in 0..<5000 {
            let value = random.value(depth: 5)
            for options in [JSONWriter.Options.plain, .canonical, .init(escapesHTML: true)] {
                #expect(try JSONValue(parsing: value.bytes(options)) == value)
            }
        }
    }

    @Test(arguments: [
        ("1", "1", true), ("1", "1.0", true), ("100", "1e2", true), ("1.50", "1.5", true), ("0", "-0", true),
        ("0", "-0.0", true),
        ("1", "2", false), ("9007199254740993", "9007199254740992", false),
        ("9007199254740993", "9007199254740993.0", true),
        ("100000000000000000000", "100000000000000000001", false),
        ("0.1", "0.10000000000000001", true),
    ])
    func numberEquality(_ left: String, _ right: String, _ equal: Bool) throws {
        let (left, right) = (try JSONValue(parsing: left), try JSONValue(parsing: right))
        #expect((left == right) == equal)
        if equal { #expect(left.hashValue == right.hashValue) }
    }

    @Test(
        arguments: [
            ("3", 3), ("3.0", 3), ("3e0", 3), ("3.5", nil), ("-0", 0), ("9223372036854775807", Int.max),
            ("9223372036854775808", nil),
            ("-9223372036854775808", Int.min), ("9223372036854775808.0", nil), ("1e18", 1_000_000_000_000_000_000),
            ("1e300", nil),
            ("12345678901234567890123", nil),
        ] as [(String, Int?)]
    )
    func integers(_ text: String, _ expected: Int?) throws {
        #expect(try JSONValue(parsing: text).int == expected)
        #expect(try JSONValue(parsing: text).text() == text)
    }

    @Test(arguments: [
        (0.0, "0"), (1.0, "1"), (-1.5, "-1.5"), (0.1, "0.1"), (1e21, "1e+21"), (1e-7, "1e-07"), (.nan, "0"),
        (.infinity, "0"),
        (123_456_789_012.0, "123456789012"),
    ])
    func doubles(_ value: Double, _ text: String) throws {
        #expect(JSONNumber(value).literal == text)
        #expect(try JSONValue(parsing: text).double == (value.isFinite ? value : 0))
    }

    @Test func equalityIgnoresOrderOfMembersOnly() throws {
        func value(_ text: String) throws -> JSONValue { try JSONValue(parsing: text) }
        #expect(try value(#"{"a":1,"b":[2]}"#) == value(#"{"b":[2],"a":1.0}"#))
        #expect(try value(#"{"a":1,"b":[2]}"#).hashValue == value(#"{"b":[2],"a":1.0}"#).hashValue)
        #expect(try value(#"{"a":1}"#) != value(#"{"a":1,"b":null}"#))
        #expect(try value(#"{"a":1,"b":1}"#) != value(#"{"a":1,"c":1}"#))
        #expect(try value("[1,2]") != value("[2,1]"))
        #expect(try value("null") != value("false"))
    }

    @Test(arguments: [
        (#""<&>""#, #""\u003c\u0026\u003e""#), ("\"\u{2028}\u{2029}x\"", #""\u2028\u2029x""#),
        ("\"\u{2027}\u{202A}é\"", "\"\u{2027}\u{202A}é\""),
        (#""\u0001\b\f\n\r\t\"\\\/""#, #""\u0001\b\f\n\r\t\"\\/""#), ("\"\u{7F}\"", "\"\u{7F}\""),
    ])
    func escapesAsGoDoes(_ text: String, _ written: String) throws {
        #expect(try JSONValue(parsing: text).text(.init(escapesHTML: true)) == written)
        #expect(try JSONValue(parsing: written) == JSONValue(parsing: text))
        #expect(try JSONValue(parsing: "{\(text):1}").text(.init(escapesHTML: true)) == "{\(written):1}")
    }

    @Test func escapesNoHTMLUnlessAsked() throws {
        let text = "\"<&>\u{2028}\""
        #expect(try JSONValue(parsing: text).text() == text)
    }

    @Test func sortsKeysByBytesAtEveryLevel() throws {
        let text = #"{"é":1,"z":{"b":1,"B":2,"a":[{"y":1,"x":2}]},"":0,"a/":1,"a":2}"#
        #expect(
            try JSONValue(parsing: text).text(.canonical)
                == #"{"":0,"a":2,"a/":1,"z":{"B":2,"a":[{"x":2,"y":1}],"b":1},"é":1}"#
        )
    }

    @Test(arguments: [31, 32, 33, 200])
    func largeObjectsKeepOrderAndFindMembers(_ count: Int) throws {
        var object = JSONObject()
        for place in 0..<count { object["k\(place)"] = .int(place) }
        for place in 0..<count { #expect(object["k\(place)"] == .int(place)) }
        #expect(object["k\(count)"] == nil)
        object.remove("k0")
        object.remove("k30")
        object.insert("first", 1, at: 0)
        object["k5"] = "changed"
        object.mutate("k6") { $0 = ["x": 1] }
        var keys = (0..<count).map { "k\($0)" }
        keys.removeAll { $0 == "k0" || $0 == "k30" }
        keys.insert("first", at: 0)
        #expect(Array(object.keys) == keys)
        for (place, key) in keys.enumerated() { #expect(object.position(of: key) == place) }
        #expect(object["k5"] == "changed")
        #expect(object["k6"] == ["x": 1])
        #expect(object["k0"] == nil)
        let sorted = object.sortedByKey()
        #expect(sorted == object)
        for key in keys { #expect(sorted[key] == object[key]) }
    }

    @Test func copiesShareStorageUntilChanged() {
        let object: JSONObject = ["a": ["b": 1], "c": 2]
        var copy = object
        #expect(copy.isIdentical(to: object))
        copy.mutateObject("a") { $0["b"] = 2 }
        #expect(!copy.isIdentical(to: object))
        #expect(object["a"]?["b"] == 1)
        #expect(copy == ["a": ["b": 2], "c": 2])
    }

    @Test func mutatingAnAbsentMemberStoresNoNull() {
        var object: JSONObject = ["a": .null, "b": "text"]
        object.mutate("x") { _ in }
        #expect(object.count == 2)
        object.mutate("x") { $0 = 1 }
        object.mutateObject("b") { $0["c"] = true }
        object.mutateObject("new") { $0["d"] = 1 }
        #expect(JSONValue.object(object).text() == #"{"a":null,"b":{"c":true},"x":1,"new":{"d":1}}"#)
    }

    @Test func typedAccessTakesOtherKindsForAbsent() throws {
        var object = try #require(
            try JSONValue(parsing: #"{"s":"x","n":1,"b":true,"o":{"k":"v","n":1},"a":["x",1]}"#).object
        )
        #expect(object[string: "n"] == nil)
        #expect(object[int: "s"] == nil)
        #expect(object[bool: "s"] == nil)
        #expect(object[stringMap: "o"] == ["k": "v"])
        #expect(object[strings: "a"] == ["x"])
        #expect(object[path: "o", "k"] == "v")
        #expect(object[path: "o", "k", "z"] == nil)
        object[string: "s"] = nil
        #expect(!object.contains("s"))
    }

    @Test(arguments: [
        ("null", true), ("{}", true), (#"{"a":[{"b":""}],"c":0,"d":false}"#, true), (#"{"a":[{"b":"x"}]}"#, false),
        ("0.0", true), ("[[],[1]]", false),
    ])
    func deeplyEmpty(_ text: String, _ expected: Bool) throws {
        #expect(try JSONValue(parsing: text).isDeeplyEmpty == expected)
    }
}
