import JSONTree

/// A map of strings in one sorted array: a third of a dictionary's memory for the few labels objects have.
package struct StringMap: Sendable, Hashable {
    private struct Pair: Sendable, Hashable {
        var key: String
        var value: String
    }

    private var pairs: [Pair] = []

    package init() {}

    package init(_ dictionary: [String: String]) {
        self.pairs = dictionary.map { Pair(key: $0.key, value: $0.value) }.sorted { $0.key < $1.key }
    }

    /// Reads an object of strings (or null); `read` gives each pair, or `nil` to leave one out.
    init(
        _ cursor: inout JSONCursor,
        _ read: (String, inout JSONCursor) throws(JSONError) -> (String, String)?
    ) throws(JSONError) {
        if try cursor.peek() == .null {
            try cursor.readNull()
            return
        }
        try cursor.readObject { (key, cursor) throws(JSONError) in
            guard let (key, value) = try read(key.string, &cursor) else { return }
            self.pairs.append(Pair(key: key, value: value))
        }
        // The API server writes keys in order, so this mostly finds nothing to do.
        self.pairs.sort { $0.key < $1.key }
    }

    package var count: Int { self.pairs.count }
    package var isEmpty: Bool { self.pairs.isEmpty }
    package var dictionary: [String: String] {
        Dictionary(self.pairs.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
    }

    package subscript(key: String) -> String? { self.pairs.first { $0.key == key }?.value }
}

extension StringMap: ExpressibleByDictionaryLiteral {
    package init(dictionaryLiteral elements: (String, String)...) {
        self.init(Dictionary(elements, uniquingKeysWith: { $1 }))
    }
}
