package import JSONTree

/// Rows of text under headings, for people; the same as JSON, for programs.
package struct Table: Sendable, Hashable {
    package var title: String
    /// The headings, in capitals as kubectl writes them.
    package var columns: [String]
    package private(set) var rows: [[String]] = []

    package init(_ title: String, _ columns: [String]) {
        self.title = title
        self.columns = columns
    }

    /// A row that is too short is filled up, what is too much is left out.
    package mutating func add(_ cells: String...) { self.add(cells) }

    package mutating func add(_ cells: [String]) {
        self.rows.append(self.columns.indices.map { $0 < cells.count ? cells[$0] : "" })
    }

    /// Aligned columns two blanks apart; an empty cell is a dash, so that columns can be cut by words.
    package func text(_ paint: Paint) -> String {
        guard !self.rows.isEmpty else { return "\(paint.bold(self.title)): none\n" }
        let all = [self.columns] + self.rows.map { $0.map { $0.isEmpty ? "-" : $0 } }
        let widths = self.columns.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        var text = paint.bold(self.title) + "\n"
        for row in all {
            var line = ""
            for (column, cell) in row.enumerated() {
                line += cell
                if column < row.count - 1 { line += String(repeating: " ", count: widths[column] - cell.count + 2) }
            }
            text += line + "\n"
        }
        return text
    }

    /// A list of objects with the headings in lower case as keys.
    package var json: JSONValue {
        .array(
            self.rows.map { row in
                .object(
                    JSONObject(
                        zip(self.columns, row).map { (Self.key($0.0), JSONValue.string($0.1)) }
                    )
                )
            }
        )
    }

    /// `NOT INJECTED` is `notInjected`.
    private static func key(_ heading: String) -> String {
        let words = heading.lowercased().split(separator: " ")
        return words.enumerated().map { place, word in
            place == 0 ? String(word) : word.prefix(1).uppercased() + word.dropFirst()
        }.joined()
    }
}
