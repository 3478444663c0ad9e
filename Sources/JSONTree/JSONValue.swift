/// A JSON value (RFC 8259) that keeps what it was read from: member order and the literal text of numbers.
package enum JSONValue: Sendable, Hashable {
    case null
    case bool(Bool)
    case number(JSONNumber)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)
}

extension JSONValue {
    /// Strings are equal when their bytes are; Swift's `==` would call `é` and `e` with an accent behind it equal.
    package static func == (left: JSONValue, right: JSONValue) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.bool(let left), .bool(let right)): left == right
        case (.number(let left), .number(let right)): left == right
        case (.string(let left), .string(let right)): left.hasSameBytes(as: right)
        case (.array(let left), .array(let right)): left == right
        case (.object(let left), .object(let right)): left == right
        default: false
        }
    }
}

extension JSONValue {
    package var isNull: Bool {
        if case .null = self { true } else { false }
    }

    /// The text of a string value, `nil` for every other kind.
    package var string: String? {
        if case .string(let text) = self { text } else { nil }
    }

    package var bool: Bool? {
        if case .bool(let flag) = self { flag } else { nil }
    }

    package var number: JSONNumber? {
        if case .number(let number) = self { number } else { nil }
    }

    /// The value of an integral number within 64 bits (`3`, also `3.0` and `3e0`), `nil` for every other value.
    package var int: Int? { self.number?.int }

    package var double: Double? { self.number?.double }

    package var array: [JSONValue]? {
        if case .array(let elements) = self { elements } else { nil }
    }

    package var object: JSONObject? {
        if case .object(let object) = self { object } else { nil }
    }

    /// What kind of value this is, in the words of JSON Schema: null, boolean, number, string, array, object.
    package var kindName: String {
        switch self {
        case .null: "null"
        case .bool: "boolean"
        case .number: "number"
        case .string: "string"
        case .array: "array"
        case .object: "object"
        }
    }

    /// A member of an object, `nil` when absent or when this is not an object.
    package subscript(key: String) -> JSONValue? {
        if case .object(let object) = self { object[key] } else { nil }
    }

    /// An element of an array, `nil` when out of range or when this is not an array.
    package subscript(index: Int) -> JSONValue? {
        if case .array(let elements) = self, elements.indices.contains(index) { elements[index] } else { nil }
    }

    /// True when nothing is said by it: null, `""`, `0`, `false`, `[]`, `{}`, or collections of only such values.
    ///
    /// The Go operator writes unset structs as such blocks, so "unset" has to be asked this way for them.
    package var isDeeplyEmpty: Bool {
        switch self {
        case .null: true
        case .bool(let flag): !flag
        case .number(let number): number.double == 0
        case .string(let text): text.isEmpty
        case .array(let elements): elements.allSatisfy(\.isDeeplyEmpty)
        case .object(let object): object.isDeeplyEmpty
        }
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(integerLiteral value: Int) { self = .number(JSONNumber(value)) }
    package init(floatLiteral value: Double) { self = .number(JSONNumber(value)) }
    package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, JSONValue)...) { self = .object(JSONObject(elements)) }
    package init(nilLiteral: ()) { self = .null }
}

extension JSONValue {
    package static func int(_ value: Int) -> JSONValue { .number(JSONNumber(value)) }
    package static func strings(_ values: some Sequence<String>) -> JSONValue { .strings(Array(values)) }
    package static func strings(_ values: [String]) -> JSONValue { .array(values.map { .string($0) }) }
    /// An object of strings, keys in byte order.
    package static func strings(_ values: [String: String]) -> JSONValue { .object(JSONObject(strings: values)) }
}

extension JSONValue: CustomStringConvertible {
    package var description: String { self.text() }
}
