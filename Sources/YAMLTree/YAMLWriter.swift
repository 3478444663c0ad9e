package import JSONTree

/// Writes values as YAML in one block style: two spaces a level, `- ` at the indent of the key above it, strings in
/// quotes only where a reader of YAML 1.1 or 1.2 would take them for something else, texts of several lines as literal
/// blocks. Members keep their order. Equal values with equal order give equal text.
///
/// ``YAMLReader`` reads back the same value; the one exception is a number beyond a double (`1e999`).
package struct YAMLWriter {
    package struct Style: Sendable, Hashable {
        /// Columns a level of mappings is indented by, at least 2.
        package var indent: Int
        /// Whether `- ` stands ``indent`` columns to the right of the key above it.
        package var indentsSequences: Bool
        /// Keys in byte order at every level.
        package var sortsKeys: Bool

        package init(indent: Int = 2, indentsSequences: Bool = false, sortsKeys: Bool = false) {
            self.indent = max(2, indent)
            self.indentsSequences = indentsSequences
            self.sortsKeys = sortsKeys
        }

        package static let standard = Style()
    }

    private var text = ""
    private let style: Style

    private init(_ style: Style) { self.style = style }

    /// One document, ending in a line break, without `---`.
    package static func text(_ value: JSONValue, style: Style = .standard) -> String {
        var writer = YAMLWriter(style)
        writer.writeRoot(value)
        return writer.text
    }

    /// Several documents, `---` between them.
    package static func stream(_ values: some Sequence<JSONValue>, style: Style = .standard) -> String {
        var writer = YAMLWriter(style)
        for (index, value) in values.enumerated() {
            if index > 0 { writer.text += "---\n" }
            writer.writeRoot(value)
        }
        return writer.text
    }

    private mutating func writeRoot(_ value: JSONValue) {
        switch value {
        case .object(let object) where !object.isEmpty: self.write(object, at: 0)
        case .array(let elements) where !elements.isEmpty: self.write(elements, at: 0)
        default:
            self.writeScalar(value, parent: -2, content: 0 + self.style.indent)
            self.text += "\n"
        }
    }

    /// The members, the first one where the text ends now, the others in `column`.
    private mutating func write(_ object: JSONObject, at column: Int) {
        var isFirst = true
        for member in self.style.sortsKeys ? object.sortedByKey().members : object.members {
            if !isFirst { self.pad(column) }
            isFirst = false
            let key = YAMLText.inline(member.key)
            // Readers look for the colon within 1024 characters only; a longer key is announced.
            let isLong = key.utf8.count > 1000
            if isLong {
                self.text += "? "
                self.text += key
                self.text += "\n"
                self.pad(column)
            } else {
                self.text += key
            }
            self.text += ":"
            self.writeMember(member.value, at: column)
        }
    }

    /// What follows a colon, with the line break at its end.
    private mutating func writeMember(_ value: JSONValue, at column: Int) {
        switch value {
        case .object(let object) where !object.isEmpty:
            self.text += "\n"
            self.pad(column + self.style.indent)
            self.write(object, at: column + self.style.indent)
        case .array(let elements) where !elements.isEmpty:
            let inner = self.style.indentsSequences ? column + self.style.indent : column
            self.text += "\n"
            self.pad(inner)
            self.write(elements, at: inner)
        default:
            self.text += " "
            self.writeScalar(value, parent: column, content: column + self.style.indent)
            self.text += "\n"
        }
    }

    private mutating func write(_ elements: [JSONValue], at column: Int) {
        var isFirst = true
        for element in elements {
            if !isFirst { self.pad(column) }
            isFirst = false
            self.text += "- "
            switch element {
            case .object(let object) where !object.isEmpty: self.write(object, at: column + 2)
            case .array(let inner) where !inner.isEmpty: self.write(inner, at: column + 2)
            default:
                self.writeScalar(element, parent: column, content: column + 2)
                self.text += "\n"
            }
        }
    }

    /// A scalar or an empty collection, without a line break at its end.
    ///
    /// - Parameters:
    ///   - parent: the column of the collection around it, which an indentation indicator counts from.
    ///   - content: the column of the lines of a literal block.
    private mutating func writeScalar(_ value: JSONValue, parent: Int, content: Int) {
        switch value {
        case .null: self.text += "null"
        case .bool(let flag): self.text += flag ? "true" : "false"
        case .number(let number): self.text += number.literal
        case .string(let string):
            if YAMLText.canBeLiteral(string) {
                self.writeLiteral(string, indicator: content - max(parent, 0), content: content)
            } else {
                self.text += YAMLText.inline(string)
            }
        case .array: self.text += "[]"
        case .object: self.text += "{}"
        }
    }

    private mutating func writeLiteral(_ string: String, indicator: Int, content: Int) {
        self.text += "|"
        // Without the indicator readers take the indent from the first line.
        let first = string.utf8.first
        if first == 0x20 || first == 0x09 || first == 0x0A { self.text += String(indicator) }
        let bytes = Array(string.utf8)
        let breaks = bytes.reversed().prefix { $0 == 0x0A }.count
        if breaks == 0 { self.text += "-" } else if breaks > 1 { self.text += "+" }
        let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
        // The last line break of the text is the one our caller writes.
        for line in breaks == 0 ? lines[...] : lines.dropLast() {
            self.text += "\n"
            if line.isEmpty { continue }
            self.pad(content)
            self.text += String(decoding: line, as: UTF8.self)
        }
    }

    private mutating func pad(_ columns: Int) {
        for _ in 0..<columns { self.text += " " }
    }
}
