/// Why bytes are not an acceptable JSON document: what is wrong and where.
package struct JSONError: Error, Hashable, CustomStringConvertible {
    package enum Code: Sendable, Hashable {
        /// Not JSON (RFC 8259).
        case syntax
        /// The document ends within a value.
        case truncated
        /// A string that is not UTF-8, or an escape that names half a surrogate pair.
        case encoding
        /// Nested deeper than the limit.
        case tooDeep
        /// Larger than the limit.
        case tooLarge
        /// A number beyond a double, which the Kubernetes API server refuses too.
        case outOfRange
        /// Valid JSON, but of another kind than the reader asked for.
        case unexpectedKind
    }

    package var code: Code
    package var message: String
    /// Offset in bytes from the start of the document.
    package var offset: Int
    /// Line and column, both from 1, column in bytes; filled in where the whole document is known.
    package var line: Int
    package var column: Int

    package init(_ code: Code, _ message: String, offset: Int, line: Int = 0, column: Int = 0) {
        self.code = code
        self.message = message
        self.offset = offset
        self.line = line
        self.column = column
    }

    package var description: String {
        self.line > 0
            ? "invalid JSON at line \(self.line), column \(self.column): \(self.message)"
            : "invalid JSON at byte \(self.offset): \(self.message)"
    }
}

/// How much a reader accepts before it refuses a document.
package struct JSONLimits: Sendable, Hashable {
    /// How deep arrays and objects may lie in each other. Whatever walks a tree (reading, comparing, hashing, writing,
    /// giving it back) calls itself for each level and relies on this limit: the standard one fits a thread of 512 KiB,
    /// in debug builds too.
    package var depth: Int
    /// How deep they may lie in what is skipped, for which there is no need of stack: as deep as the API server takes.
    package var skippedDepth: Int
    /// The size of a document in bytes.
    package var size: Int

    package init(depth: Int = 100, skippedDepth: Int = 10_000, size: Int = 64 << 20) {
        self.depth = depth
        self.skippedDepth = skippedDepth
        self.size = size
    }

    package static let standard = JSONLimits()
}
