package import JSONTree

extension CollectorConfiguration {
    /// The text of `collector.yaml` without a target allocator, of the sidecar's `OTEL_CONFIG` and of v1alpha1
    /// `spec.config` (specification section 4.6, left column).
    package var yaml: String {
        CollectorYAML(indentation: 2).text(self.tree)
    }

    /// The text of `collector.yaml` with a target allocator (right column): all keys sorted, indented by four.
    package var targetAllocatorYAML: String {
        CollectorYAML(indentation: 4).text(self.tree.deeplySorted)
    }
}

/// Writes a configuration in the one block style the Go operator writes, byte for byte; names and contents of ConfigMaps
/// depend on it, so it is not the writer for anything else.
package struct CollectorYAML {
    /// How strings, numbers and lists are written.
    package enum Dialect: Sendable, Hashable {
        /// Of the library that writes `collector.yaml`.
        case collector
        /// Of the older one that writes `targetallocator.yaml`: lists stand in the column of their key, and what can't be
        /// plain is in single quotes. Whole numbers stay whole numbers, which the Go operator gets wrong from a million on.
        case targetAllocator
    }

    /// Spaces per level: 2, or 4 with a target allocator.
    package let indentation: Int
    package let dialect: Dialect

    package init(indentation: Int, dialect: Dialect = .collector) {
        self.indentation = indentation
        self.dialect = dialect
    }

    private func inline(_ text: String) -> String {
        self.dialect == .collector ? GoYAMLScalar.inline(text) : GoYAMLScalar.legacyInline(text)
    }

    /// One document that ends with one newline.
    package func text(_ object: JSONObject) -> String {
        guard !object.isEmpty else { return "{}\n" }
        var out = ""
        self.write(object, column: 0, isFirstLineStarted: false, to: &out)
        return out
    }

    /// Members at `column`; the first one continues the line of a list item.
    private func write(_ object: JSONObject, column: Int, isFirstLineStarted: Bool, to out: inout String) {
        var isStarted = isFirstLineStarted
        for (key, value) in object {
            if !isStarted { out += String(repeating: " ", count: column) }
            isStarted = false
            let name = self.inline(key)
            // Readers look for the colon within 1024 characters only, so that the collector would refuse a longer key.
            if name.utf8.count > 1000 {
                out += "? \(name)\n"
                out += String(repeating: " ", count: column)
            } else {
                out += name
            }
            out += ":"
            switch value {
            case .object(let inner) where !inner.isEmpty:
                out += "\n"
                self.write(inner, column: column + self.indentation, isFirstLineStarted: false, to: &out)
            case .array(let elements) where !elements.isEmpty:
                out += "\n"
                let indentation = self.dialect == .collector ? self.indentation : 0
                self.write(elements, column: column + indentation, isFirstLineStarted: false, to: &out)
            default:
                out += " "
                self.write(scalar: value, blockColumn: column + self.indentation, padsBlankLines: true, to: &out)
            }
        }
    }

    private func write(_ elements: [JSONValue], column: Int, isFirstLineStarted: Bool, to out: inout String) {
        var isStarted = isFirstLineStarted
        for element in elements {
            if !isStarted { out += String(repeating: " ", count: column) }
            isStarted = false
            out += "- "
            switch element {
            case .object(let inner) where !inner.isEmpty:
                self.write(inner, column: column + 2, isFirstLineStarted: true, to: &out)
            case .array(let inner) where !inner.isEmpty:
                self.write(inner, column: column + 2, isFirstLineStarted: true, to: &out)
            default:
                self.write(
                    scalar: element,
                    blockColumn: column + self.indentation,
                    padsBlankLines: self.indentation > 2,
                    to: &out
                )
            }
        }
    }

    /// - Parameter padsBlankLines: in a block, empty lines are written as spaces only; so does the Go operator's library,
    ///   except directly in a list.
    private func write(scalar value: JSONValue, blockColumn: Int, padsBlankLines: Bool, to out: inout String) {
        switch value {
        case .null: out += "null"
        case .bool(let flag): out += flag ? "true" : "false"
        case .number(let number):
            out += self.dialect == .collector ? GoNumber.general(number.double) : GoNumber.json(number.double)
        case .string(let text):
            if GoYAMLScalar.canBeBlock(text) {
                self.write(block: text, column: blockColumn, padsBlankLines: padsBlankLines, to: &out)
                return
            }
            out += self.inline(text)
        case .array: out += "[]"
        case .object: out += "{}"
        }
        out += "\n"
    }

    /// A literal block: `|`, `|-` or `|+` by the newlines at the end.
    private func write(block text: String, column: Int, padsBlankLines: Bool, to out: inout String) {
        let isClosed = text.hasSuffix("\n")
        let isKept = text.hasSuffix("\n\n")
        out += isKept ? "|+\n" : isClosed ? "|\n" : "|-\n"
        let padding = String(repeating: " ", count: column)
        var lines = text.split(separator: "\n" as Character, omittingEmptySubsequences: false)
        if isClosed { lines.removeLast() }
        for (place, line) in lines.enumerated() {
            // Never the last one, which only ends the block.
            if !line.isEmpty || padsBlankLines && place + 1 < lines.count { out += padding }
            out += line
            out += "\n"
        }
    }
}
