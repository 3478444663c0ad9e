/// Why text is not acceptable YAML: what is wrong and where.
package struct YAMLError: Error, Hashable, CustomStringConvertible {
    package enum Code: Sendable, Hashable {
        /// Not YAML (1.1, as libyaml reads it).
        case syntax
        /// Not UTF-8, or a character that YAML does not allow.
        case encoding
        /// Nested deeper than the limit.
        case tooDeep
        /// Larger than the limit, or larger than the limit once its aliases are expanded.
        case tooLarge
        /// A mapping that says one key twice.
        case duplicateKey
        /// An alias without anchor, or one within the value it stands for.
        case alias
        /// Valid YAML that JSON can't hold: infinities, collections as keys, unknown tags' values.
        case value
        /// Valid YAML, but not what the reader was asked for: several documents, a manifest that is not an object.
        case structure
    }

    package var code: Code
    package var message: String
    /// Line and column, both from 1, column in characters.
    package var line: Int
    package var column: Int
    /// The document of the stream, from 1; 0 where streams are not the subject.
    package var document: Int

    package init(_ code: Code, _ message: String, line: Int, column: Int, document: Int = 0) {
        self.code = code
        self.message = message
        self.line = line
        self.column = column
        self.document = document
    }

    package var description: String {
        let place = "line \(self.line), column \(self.column): \(self.message)"
        return self.document > 1 ? "invalid YAML in document \(self.document) at \(place)" : "invalid YAML at \(place)"
    }
}

/// How much a reader accepts before it refuses a stream.
package struct YAMLLimits: Sendable, Hashable {
    /// How deep sequences and mappings may lie in each other. Less than ``JSONLimits/depth``, so that what was read from
    /// text can be read again as part of a custom resource, of a list of those, of a review.
    package var depth: Int
    /// The size of the stream in bytes.
    package var size: Int
    /// How much aliases and merge keys may add to one document: one for each value and one for each byte of its text.
    package var expansion: Int

    package init(depth: Int = 64, size: Int = 64 << 20, expansion: Int = 4 << 20) {
        self.depth = depth
        self.size = size
        self.expansion = expansion
    }

    package static let standard = YAMLLimits()
}
