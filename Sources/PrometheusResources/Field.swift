import JSONTree
import KubeModel

/// An object within a resource, with where it is: what is read of it is checked, and the message says where it failed.
///
/// A member that is null, or a string that is empty, counts as absent: the Go types of these resources can't tell either.
struct Field {
    let path: String
    let json: JSONObject

    func path(_ key: String) -> String { "\(self.path).\(key)" }

    private func wrongKind(_ key: String, _ value: JSONValue, expected: String) -> Rejection {
        Rejection(.invalidField, "\(self.path(key)): expected \(expected), found \(value.kindName)")
    }

    private func value(_ key: String) -> JSONValue? {
        guard let value = self.json[key], !value.isNull else { return nil }
        return value
    }

    /// A string, also when it is empty.
    func rawString(_ key: String) throws(Rejection) -> String? {
        guard let value = self.value(key) else { return nil }
        guard case .string(let text) = value else { throw self.wrongKind(key, value, expected: "a string") }
        return text
    }

    func string(_ key: String) throws(Rejection) -> String? {
        guard let text = try self.rawString(key), !text.isEmpty else { return nil }
        return text
    }

    /// One of some strings, whatever the case of its letters; in lower case.
    func choice(_ key: String, of choices: [String]) throws(Rejection) -> String? {
        guard let text = try self.string(key) else { return nil }
        let lower = text.lowercased()
        guard choices.contains(lower) else {
            throw Rejection(
                .invalidField,
                "\(self.path(key)): \"\(text)\" is not one of \(choices.joined(separator: ", "))"
            )
        }
        return lower
    }

    func bool(_ key: String) throws(Rejection) -> Bool? {
        guard let value = self.value(key) else { return nil }
        guard case .bool(let flag) = value else { throw self.wrongKind(key, value, expected: "a boolean") }
        return flag
    }

    /// A whole number that is not negative.
    func count(_ key: String) throws(Rejection) -> Int? {
        guard let value = self.value(key) else { return nil }
        guard let number = value.int else { throw self.wrongKind(key, value, expected: "a whole number") }
        guard number >= 0 else { throw Rejection(.invalidField, "\(self.path(key)): \(number) is negative") }
        return number
    }

    func strings(_ key: String) throws(Rejection) -> [String] {
        guard let value = self.value(key) else { return [] }
        guard case .array(let elements) = value else {
            throw self.wrongKind(key, value, expected: "an array of strings")
        }
        var strings: [String] = []
        for (index, element) in elements.enumerated() {
            guard case .string(let text) = element else {
                throw self.wrongKind("\(key)[\(index)]", element, expected: "a string")
            }
            strings.append(text)
        }
        return strings
    }

    func object(_ key: String) throws(Rejection) -> Field? {
        guard let value = self.value(key) else { return nil }
        guard case .object(let object) = value else { throw self.wrongKind(key, value, expected: "an object") }
        return Field(path: self.path(key), json: object)
    }

    func objects(_ key: String) throws(Rejection) -> [Field] {
        guard let value = self.value(key) else { return [] }
        guard case .array(let elements) = value else {
            throw self.wrongKind(key, value, expected: "an array of objects")
        }
        var fields: [Field] = []
        for (index, element) in elements.enumerated() {
            guard case .object(let object) = element else {
                throw self.wrongKind("\(key)[\(index)]", element, expected: "an object")
            }
            fields.append(Field(path: "\(self.path(key))[\(index)]", json: object))
        }
        return fields
    }

    /// Pairs in byte order of their keys.
    func stringMap(_ key: String) throws(Rejection) -> [(key: String, value: String)] {
        guard let object = try self.object(key) else { return [] }
        var pairs: [(key: String, value: String)] = []
        for (name, value) in object.json.sortedByKey() {
            guard case .string(let text) = value else { throw object.wrongKind(name, value, expected: "a string") }
            pairs.append((name, text))
        }
        return pairs
    }

    /// An object of lists of strings, in Prometheus' form; keys in byte order.
    func listMap(_ key: String) throws(Rejection) -> JSONObject? {
        guard let object = try self.object(key), !object.json.isEmpty else { return nil }
        var map = JSONObject()
        for (name, _) in object.json.sortedByKey() { map[name] = .strings(try object.strings(name)) }
        return map
    }

    /// A port as a name or a number.
    func port(_ key: String) throws(Rejection) -> PortReference? {
        guard let value = self.value(key) else { return nil }
        switch value {
        case .string(let name): return name.isEmpty ? nil : .name(name)
        case .number:
            guard let number = value.int, (0...65535).contains(number) else {
                throw Rejection(.invalidField, "\(self.path(key)): \(value) is not a port; ports are 1 to 65535")
            }
            return number == 0 ? nil : .number(number)
        default: throw self.wrongKind(key, value, expected: "a port's name or number")
        }
    }

    func selector(_ key: String) throws(Rejection) -> LabelSelector {
        guard let object = try self.object(key) else { return LabelSelector() }
        do throws(LabelSelectorError) {
            return try LabelSelector(object.json)
        } catch {
            throw Rejection(.invalidSelector, "\(object.path): \(error.message)")
        }
    }
}

enum PortReference {
    case name(String)
    case number(Int)

    var text: String {
        switch self {
        case .name(let name): name
        case .number(let number): String(number)
        }
    }
}

extension JSONObject {
    init(pairs: [(key: String, value: String)]) {
        self.init()
        for (key, value) in pairs { self[key] = .string(value) }
    }
}
