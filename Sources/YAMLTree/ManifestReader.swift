package import JSONTree

/// Reads Kubernetes objects from manifests as kubectl does: several documents, YAML or JSON, lists taken apart.
package enum ManifestReader {
    /// The objects of a stream in their order.
    ///
    /// Empty documents are passed over. An object whose kind is `List` or ends in `List` and that has `items` stands for
    /// those. The line, from 1, is where an object begins (within a list in JSON: where the list begins).
    ///
    /// - Throws: ``YAMLError`` with document and line: for malformed text, for a document that is not an object, for an
    ///   object without `apiVersion` or `kind`.
    package static func objects(
        in bytes: [UInt8],
        limits: YAMLLimits = .standard
    ) throws(YAMLError) -> [(object: JSONObject, line: Int)] {
        var objects: [(object: JSONObject, line: Int)] = []
        for (index, document) in try YAMLReader.stream(bytes, limits, .kubernetes).enumerated() {
            if document.value.isNull { continue }
            try Self.add(document.value, document.line, document.itemLines, index + 1, &objects)
        }
        return objects
    }

    package static func objects(
        in text: String,
        limits: YAMLLimits = .standard
    ) throws(YAMLError) -> [(object: JSONObject, line: Int)] {
        try Self.objects(in: Array(text.utf8), limits: limits)
    }

    private static func add(
        _ value: JSONValue,
        _ line: Int,
        _ itemLines: [Int],
        _ document: Int,
        _ objects: inout [(object: JSONObject, line: Int)]
    ) throws(YAMLError) {
        func refused(_ message: String) -> YAMLError {
            YAMLError(.structure, message, line: line, column: 1, document: document)
        }
        guard case .object(let object) = value else {
            throw refused("expected a Kubernetes object, found \(value.kindName)")
        }
        guard let kind = object[string: "kind"], !kind.isEmpty else { throw refused("the object has no kind") }
        // A kind of its own may end in List; only `List` itself is one even without items.
        if kind.hasSuffix("List"), let items = object[array: "items"] ?? (kind == "List" ? [] : nil) {
            if kind == "List", let items = object["items"], !items.isNull, items.array == nil {
                throw refused("the items of the List must be an array, found \(items.kindName)")
            }
            for (index, item) in items.enumerated() {
                let itemLine = index < itemLines.count ? itemLines[index] : line
                try Self.add(item, itemLine, [], document, &objects)
            }
            return
        }
        guard let version = object[string: "apiVersion"], !version.isEmpty else {
            throw refused("the \(kind) has no apiVersion")
        }
        objects.append((object, line))
    }
}
