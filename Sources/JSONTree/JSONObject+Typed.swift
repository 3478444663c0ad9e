// Typed access to members. Reading a member of another kind gives `nil`, as if it were absent: views read what they
// understand and leave the rest alone. Setting `nil` removes the member; nothing ever writes null.
extension JSONObject {
    package subscript(string key: String) -> String? {
        get { self[key]?.string }
        set { self[key] = newValue.map(JSONValue.string) }
    }

    package subscript(bool key: String) -> Bool? {
        get { self[key]?.bool }
        set { self[key] = newValue.map(JSONValue.bool) }
    }

    package subscript(int key: String) -> Int? {
        get { self[key]?.int }
        set { self[key] = newValue.map(JSONValue.int) }
    }

    package subscript(object key: String) -> JSONObject? {
        get { self[key]?.object }
        set { self[key] = newValue.map(JSONValue.object) }
    }

    package subscript(array key: String) -> [JSONValue]? {
        get { self[key]?.array }
        set { self[key] = newValue.map(JSONValue.array) }
    }

    /// The strings of an array; elements of other kinds are left out.
    package subscript(strings key: String) -> [String]? {
        get { self[key]?.array?.compactMap(\.string) }
        set { self[key] = newValue.map { .strings($0) } }
    }

    /// An object of strings as a dictionary; members of other kinds are left out. Written with keys in byte order.
    package subscript(stringMap key: String) -> [String: String]? {
        get {
            guard let object = self[object: key] else { return nil }
            var map: [String: String] = [:]
            for member in object.members { map[member.key] = member.value.string }
            return map
        }
        set { self[key] = newValue.map { .strings($0) } }
    }

    /// The value at a path of keys, `nil` when any step is absent.
    package subscript(path path: String...) -> JSONValue? {
        guard let first = path.first, var value = self[first] else { return nil }
        for key in path.dropFirst() {
            guard let next = value[key] else { return nil }
            value = next
        }
        return value
    }
}

/// A typed look at a JSON object: accessors for what we decide on, everything else stays in ``json`` untouched.
package protocol JSONView: Sendable, Hashable {
    var json: JSONObject { get set }
    init(_ json: JSONObject)
}

extension JSONObject {
    package subscript<View: JSONView>(view key: String) -> View? {
        get { self[object: key].map(View.init) }
        set { self[object: key] = newValue?.json }
    }

    /// The objects of an array as views, `[]` when absent. Setting an empty array removes the member.
    ///
    /// An element that is not an object would be lost on writing back, so such an array reads as empty and is left alone
    /// as long as nothing is set.
    package subscript<View: JSONView>(views key: String) -> [View] {
        get {
            guard let elements = self[array: key] else { return [] }
            var views: [View] = []
            views.reserveCapacity(elements.count)
            for element in elements {
                guard case .object(let object) = element else { return [] }
                views.append(View(object))
            }
            return views
        }
        set { self[key] = newValue.isEmpty ? nil : .array(newValue.map { .object($0.json) }) }
    }
}
