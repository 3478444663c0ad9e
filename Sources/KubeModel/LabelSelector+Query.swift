extension LabelSelector {
    /// As the query parameter `labelSelector` has it, not yet escaped for a URL: `a=b,c in (x,y),!d`.
    package var query: String {
        self.requirements.map(\.query).joined(separator: ",")
    }

    /// Reads a query: `key`, `!key`, `key=value`, `key==value`, `key!=value`, `key in (a,b)`, `key notin (a,b)`, `key>1`,
    /// `key<1`, separated by commas.
    ///
    /// - Throws: ``LabelSelectorError`` with what was expected where.
    package init(query: String) throws(LabelSelectorError) {
        var reader = QueryReader(query)
        self.requirements = []
        if reader.isAtEnd { return }
        repeat { self.requirements.append(try reader.requirement()) } while reader.take(",")
        if !reader.isAtEnd { throw reader.expected("a comma") }
    }
}

extension LabelSelector.Requirement {
    var query: String {
        let values = self.values.sorted().joined(separator: ",")
        switch self.operator {
        case .in: return self.values.count == 1 ? "\(self.key)=\(values)" : "\(self.key) in (\(values))"
        case .notIn: return self.values.count == 1 ? "\(self.key)!=\(values)" : "\(self.key) notin (\(values))"
        case .exists: return self.key
        case .doesNotExist: return "!\(self.key)"
        case .greaterThan: return "\(self.key)>\(values)"
        case .lessThan: return "\(self.key)<\(values)"
        }
    }
}

private struct QueryReader {
    private let bytes: [UInt8]
    private var place = 0

    init(_ text: String) { self.bytes = Array(text.utf8) }

    var isAtEnd: Bool {
        mutating get {
            while self.place < self.bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(self.bytes[self.place]) {
                self.place += 1
            }
            return self.place == self.bytes.count
        }
    }

    mutating func take(_ symbol: StaticString) -> Bool {
        if self.isAtEnd { return false }
        let wanted = UnsafeBufferPointer(start: symbol.utf8Start, count: symbol.utf8CodeUnitCount)
        guard self.bytes[self.place...].starts(with: wanted) else { return false }
        self.place += wanted.count
        return true
    }

    /// Everything up to a space or a symbol; may be empty.
    private mutating func word() -> String {
        if self.isAtEnd { return "" }
        let start = self.place
        while self.place < self.bytes.count, !" \t\r\n=!(),<>".utf8.contains(self.bytes[self.place]) { self.place += 1 }
        return String(decoding: self.bytes[start..<self.place], as: UTF8.self)
    }

    mutating func requirement() throws(LabelSelectorError) -> LabelSelector.Requirement {
        if self.take("!") { return LabelSelector.Requirement(try self.key(), .doesNotExist) }
        let key = try self.key()
        if self.take("==") || self.take("=") { return LabelSelector.Requirement(key, .in, [self.word()]) }
        if self.take("!=") { return LabelSelector.Requirement(key, .notIn, [self.word()]) }
        if self.take(">") { return LabelSelector.Requirement(key, .greaterThan, [try self.integer()]) }
        if self.take("<") { return LabelSelector.Requirement(key, .lessThan, [try self.integer()]) }
        let before = self.place
        switch self.word() {
        case "in": return LabelSelector.Requirement(key, .in, try self.values())
        case "notin": return LabelSelector.Requirement(key, .notIn, try self.values())
        case "": return LabelSelector.Requirement(key, .exists)
        default:
            self.place = before
            throw self.expected("an operator")
        }
    }

    private mutating func key() throws(LabelSelectorError) -> String {
        let key = self.word()
        if key.isEmpty { throw self.expected("a key") }
        return key
    }

    private mutating func integer() throws(LabelSelectorError) -> String {
        let start = self.place
        let word = self.word()
        if Int(word) != nil { return word }
        self.place = start
        throw self.expected("an integer")
    }

    private mutating func values() throws(LabelSelectorError) -> [String] {
        guard self.take("(") else { throw self.expected("values in parentheses") }
        var values: [String] = []
        repeat { values.append(self.word()) } while self.take(",")
        guard self.take(")") else { throw self.expected("a closing parenthesis") }
        return values
    }

    mutating func expected(_ what: String) -> LabelSelectorError {
        let rest = self.isAtEnd ? "the end" : "\"\(String(decoding: self.bytes[self.place...], as: UTF8.self))\""
        return LabelSelectorError("expected \(what), found \(rest)")
    }
}
