package import JSONTree

/// Reads YAML as Kubernetes tooling does: like `sigs.k8s.io/yaml`, which kubectl and the API server use and which
/// resolves scalars as go-yaml v2 does and then keeps only what JSON can hold.
///
/// - Plain `true`, `yes`, `on` and `y` (also `True`, `TRUE`, …) are booleans, so are their opposites; see ``YAMLDialect``.
/// - Plain `~`, `null`, `Null`, `NULL` and nothing at all are null.
/// - Integers are decimal, `0x`, `0o`, `0b` or octal by a leading `0`, with `_` anywhere, up to 64 bits; beyond that they
///   are numbers all the same, as floats are. A number that is written as JSON would write it keeps its text.
/// - `.inf` and `.nan` are errors: JSON can't hold them. Floats beyond a double (`1e999`) are strings.
/// - Timestamps, sexagesimal numbers and everything in quotes or in a block scalar are strings.
/// - Keys that are numbers or booleans become strings (`on:` is the key `true`); null and collections as keys are errors.
/// - `<<` merges mappings; a key that stands in the mapping itself always wins, among several merged the first.
/// - `!!str`, `!!int`, `!!float`, `!!bool` and `!!null` are obeyed, `!!binary` is refused. A scalar with any other tag is a
///   string, a collection's tag is ignored.
///
/// Stricter than kubectl: a key said twice in one mapping is an error. Documents that are JSON are read by
/// ``JSONValue/init(parsing:limits:)-(String,_)``, which knows JSON's escapes better; of JSON members with one name the last counts.
package enum YAMLReader {
    /// Every document of a stream, in order; an empty one is null, an empty stream has none.
    ///
    /// - Throws: ``YAMLError`` with line, column and document.
    package static func documents(
        in bytes: [UInt8],
        limits: YAMLLimits = .standard,
        dialect: YAMLDialect = .kubernetes
    ) throws(YAMLError) -> [JSONValue] {
        try Self.stream(bytes, limits, dialect).map(\.value)
    }

    package static func documents(
        in text: String,
        limits: YAMLLimits = .standard,
        dialect: YAMLDialect = .kubernetes
    ) throws(YAMLError) -> [JSONValue] {
        try Self.documents(in: Array(text.utf8), limits: limits, dialect: dialect)
    }

    /// The only document of a stream; null when there is none.
    ///
    /// - Throws: ``YAMLError``, also when a second document follows.
    package static func document(
        in bytes: [UInt8],
        limits: YAMLLimits = .standard,
        dialect: YAMLDialect = .kubernetes
    ) throws(YAMLError) -> JSONValue {
        let documents = try Self.stream(bytes, limits, dialect)
        if documents.count > 1 {
            throw YAMLError(.structure, "a second document, where only one may be", line: documents[1].line, column: 1)
        }
        return documents.first?.value ?? .null
    }

    package static func document(
        in text: String,
        limits: YAMLLimits = .standard,
        dialect: YAMLDialect = .kubernetes
    ) throws(YAMLError) -> JSONValue {
        try Self.document(in: Array(text.utf8), limits: limits, dialect: dialect)
    }

    /// One document with what error messages about it need.
    struct Document {
        var value: JSONValue
        /// Where its root value begins, from 1.
        var line: Int
        /// Lines of the elements of the root's member `items`, empty when there is no such sequence.
        var itemLines: [Int]
    }

    static func stream(
        _ bytes: [UInt8],
        _ limits: YAMLLimits,
        _ dialect: YAMLDialect
    ) throws(YAMLError) -> [Document] {
        guard bytes.count <= limits.size else {
            throw YAMLError(
                .tooLarge,
                "the stream has \(bytes.count) bytes, more than the limit of \(limits.size)",
                line: 1,
                column: 1
            )
        }
        try Self.checkDirectives(bytes)
        if let documents = try Self.jsonStream(bytes, limits) { return documents }
        let answer: Result<[Document], YAMLError> = bytes.withUnsafeBufferPointer { buffer in
            do throws(YAMLError) {
                var composer = try YAMLComposer(buffer, limits, dialect)
                var documents: [Document] = []
                while let document = try composer.nextDocument() { documents.append(document) }
                return .success(documents)
            } catch {
                return .failure(error)
            }
        }
        return try answer.get()
    }

    /// libyaml compares each tag directive with all before it, so that 90,000 of them, which is a megabyte, take a minute.
    /// Nobody has more than a few.
    private static func checkDirectives(_ bytes: [UInt8]) throws(YAMLError) {
        // The last bytes of all that YAML 1.1 takes for a line break, and of a byte order mark.
        let breaks: [UInt8] = [0x0A, 0x0D, 0x85, 0xA8, 0xA9, 0xBF]
        var count = 0
        for (place, byte) in bytes.enumerated() where byte == UInt8(ascii: "%") {
            guard place == 0 || breaks.contains(bytes[place - 1]), bytes[place...].starts(with: "%TAG".utf8) else {
                continue
            }
            count += 1
            if count > 64 {
                let line = 1 + bytes[..<place].count { $0 == 0x0A }
                throw YAMLError(.tooLarge, "more than 64 tag directives", line: line, column: 1)
            }
        }
    }

    /// The values of a stream of JSON documents with nothing between them, `nil` when it is anything else.
    ///
    /// - Throws: only for what YAML would take quietly for something else: a number beyond a double would be a string.
    private static func jsonStream(_ bytes: [UInt8], _ limits: YAMLLimits) throws(YAMLError) -> [Document]? {
        let first = bytes.first { $0 != 0x20 && $0 != 0x0A && $0 != 0x0D && $0 != 0x09 }
        guard first == UInt8(ascii: "{") || first == UInt8(ascii: "[") else { return nil }
        let jsonLimits = JSONLimits(depth: limits.depth, size: limits.size)
        do throws(JSONError) {
            return try JSONCursor.withCursor(over: bytes, limits: jsonLimits) { (cursor) throws(JSONError) in
                var documents: [Document] = []
                var counted = 0
                var line = 1
                while !cursor.isAtEnd() {
                    while counted < cursor.offset {
                        if bytes[counted] == 0x0A { line += 1 }
                        counted += 1
                    }
                    documents.append(Document(value: try cursor.readValue(), line: line, itemLines: []))
                }
                return documents
            }
        } catch {
            guard error.code == .outOfRange else { return nil }
            throw YAMLError(.value, error.message, line: error.line, column: error.column)
        }
    }
}

/// Which plain words are booleans.
package enum YAMLDialect: Sendable, Hashable {
    /// As go-yaml v2: true, yes, on, y and their opposites, in lower, Capitalised and UPPER case.
    case kubernetes
    /// As go-yaml v3 and YAML 1.2: true and false only, in the same three cases. The collector reads its files so.
    case trueFalseOnly
}
