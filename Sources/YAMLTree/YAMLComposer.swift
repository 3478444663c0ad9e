import JSONTree

/// Builds one value per document from libyaml's events.
struct YAMLComposer: ~Copyable {
    private struct Anchor {
        /// `nil` while the value it names is still being read.
        var value: JSONValue?
        /// Values and bytes of text in it, aliases expanded.
        var weight = 0
        /// How many levels it has itself.
        var height = 0
        var line: Int
    }

    private var events: YAMLEvents
    private let limits: YAMLLimits
    private let dialect: YAMLDialect
    private var document = 0
    private var anchors: [String: Anchor] = [:]
    private var depth = 0
    /// The deepest level seen since it was last set.
    private var reached = 0
    private var weight = 0
    /// The part of the weight that came by aliases.
    private var expanded = 0
    private var itemLines: [Int] = []

    init(
        _ bytes: UnsafeBufferPointer<UInt8>,
        _ limits: YAMLLimits,
        _ dialect: YAMLDialect
    ) throws(YAMLError) {
        self.events = try YAMLEvents(bytes)
        self.limits = limits
        self.dialect = dialect
    }

    /// The next document, `nil` at the end of the stream.
    mutating func nextDocument() throws(YAMLError) -> YAMLReader.Document? {
        self.document += 1
        do throws(YAMLError) {
            while true {
                switch try self.events.next().kind {
                case .streamEnd: return nil
                case .documentStart: return try self.readDocument()
                default: continue
                }
            }
        } catch {
            var located = error
            located.document = self.document
            throw located
        }
    }

    private mutating func readDocument() throws(YAMLError) -> YAMLReader.Document {
        self.anchors = [:]
        self.itemLines = []
        (self.depth, self.reached, self.weight, self.expanded) = (0, 0, 0, 0)
        let root = try self.events.next()
        let value = try self.value(root)
        _ = try self.events.next()
        return YAMLReader.Document(value: value, line: root.line, itemLines: self.itemLines)
    }

    private mutating func value(_ event: YAMLEvents.Event) throws(YAMLError) -> JSONValue {
        if case .alias = event.kind { return try self.alias(event) }
        guard let name = event.anchor else { return try self.content(event) }
        let weight = self.weight
        let reached = self.reached
        self.reached = self.depth
        self.anchors[name] = Anchor(line: event.line)
        let value = try self.content(event)
        self.anchors[name] = Anchor(
            value: value,
            weight: self.weight - weight,
            height: self.reached - self.depth,
            line: event.line
        )
        self.reached = max(reached, self.reached)
        return value
    }

    private mutating func alias(_ event: YAMLEvents.Event) throws(YAMLError) -> JSONValue {
        let name = event.anchor ?? ""
        guard let anchor = self.anchors[name] else {
            throw self.error(.alias, "the alias *\(name.abbreviated()) has no anchor of that name before it", event)
        }
        guard let value = anchor.value else {
            throw self.error(.alias, "the value of &\(name.abbreviated()) (line \(anchor.line)) contains itself", event)
        }
        // The tree shares what an alias stands for, but whoever walks it sees it again each time.
        self.expanded += anchor.weight
        self.weight += anchor.weight
        if self.expanded > self.limits.expansion {
            throw self.error(
                .tooLarge,
                "aliases add more than the limit of \(self.limits.expansion) values and bytes of text",
                event
            )
        }
        self.reached = max(self.reached, self.depth + anchor.height)
        if self.depth + anchor.height > self.limits.depth { throw self.tooDeep(event) }
        return value
    }

    private mutating func content(_ event: YAMLEvents.Event) throws(YAMLError) -> JSONValue {
        self.weight += 1
        switch event.kind {
        case .scalar(let text, let isPlain):
            self.weight += text.utf8.count
            return try self.scalar(text, isPlain: isPlain, event)
        case .sequenceStart:
            try self.enter(event)
            defer { self.depth -= 1 }
            var elements: [JSONValue] = []
            while let element = try self.nextWithin() { elements.append(try self.value(element)) }
            return .array(elements)
        case .mappingStart:
            try self.enter(event)
            defer { self.depth -= 1 }
            return .object(try self.mapping())
        default:
            throw self.error(.syntax, "expected a value", event)
        }
    }

    /// The next event within a collection, `nil` at its end.
    private mutating func nextWithin() throws(YAMLError) -> YAMLEvents.Event? {
        let event = try self.events.next()
        switch event.kind {
        case .sequenceEnd, .mappingEnd: return nil
        default: return event
        }
    }

    private mutating func enter(_ event: YAMLEvents.Event) throws(YAMLError) {
        self.depth += 1
        self.reached = max(self.reached, self.depth)
        if self.depth > self.limits.depth { throw self.tooDeep(event) }
    }

    // MARK: Mappings

    private mutating func mapping() throws(YAMLError) -> JSONObject {
        var object = JSONObject()
        // Beside each member the line of its key; 0 for one that was merged and may still be said.
        var lines: [Int] = []
        while let event = try self.nextWithin() {
            if case .scalar("<<", isPlain: true) = event.kind, event.tag == nil {
                try self.merge(into: &object, &lines)
                continue
            }
            let key = try self.key(event)
            let position = object.position(of: key)
            if let position, lines[position] > 0 {
                throw self.error(
                    .duplicateKey,
                    "the key \"\(key.abbreviated())\" is said again, it stands in line \(lines[position]) already",
                    event
                )
            }
            let first = try self.events.next()
            let value: JSONValue
            if self.depth == 1, key == "items", case .sequenceStart = first.kind, first.anchor == nil {
                value = try self.items(first)
            } else {
                value = try self.value(first)
            }
            object.set(key, value)
            if let position { lines[position] = event.line } else { lines.append(event.line) }
        }
        return object
    }

    /// The root's `items`, noting the line of each.
    private mutating func items(_ event: YAMLEvents.Event) throws(YAMLError) -> JSONValue {
        self.weight += 1
        try self.enter(event)
        defer { self.depth -= 1 }
        var elements: [JSONValue] = []
        while let element = try self.nextWithin() {
            self.itemLines.append(element.line)
            elements.append(try self.value(element))
        }
        return .array(elements)
    }

    private mutating func key(_ event: YAMLEvents.Event) throws(YAMLError) -> String {
        switch try self.value(event) {
        case .string(let text): return text
        case .bool(let flag): return flag ? "true" : "false"
        case .number(let number): return YAMLScalar.keyText(number)
        case .null: throw self.error(.value, "a key is null; put it in quotes", event)
        case .array, .object: throw self.error(.value, "a key must not be a sequence or a mapping", event)
        }
    }

    private mutating func merge(into object: inout JSONObject, _ lines: inout [Int]) throws(YAMLError) {
        let event = try self.events.next()
        let sources: [JSONValue]
        switch try self.value(event) {
        case .object(let source): sources = [.object(source)]
        case .array(let elements): sources = elements
        default: sources = [.null]
        }
        for source in sources {
            guard case .object(let source) = source else {
                throw self.error(.value, "<< merges a mapping or a sequence of mappings", event)
            }
            for member in source.members where !object.contains(member.key) {
                object.set(member.key, member.value)
                lines.append(0)
            }
        }
    }

    // MARK: Scalars

    private func scalar(
        _ text: String,
        isPlain: Bool,
        _ event: YAMLEvents.Event
    ) throws(YAMLError) -> JSONValue {
        guard let tag = event.tag else {
            guard isPlain else { return .string(text) }
            return try self.resolve(text, event)
        }
        let prefix = "tag:yaml.org,2002:"
        guard tag.hasPrefix(prefix) else { return .string(text) }
        let name = tag.dropFirst(prefix.count)
        switch name {
        case "int", "float", "bool", "null":
            let value = try self.resolve(text, event)
            switch (name, value) {
            case ("int", .number(let number)) where number.isPlainInteger: return value
            case ("float", .number), ("bool", .bool), ("null", .null): return value
            default: throw self.error(.value, "\"\(text.abbreviated())\" is no !!\(name)", event)
            }
        case "binary":
            throw self.error(.value, "!!binary is not supported; write the base64 text as a string", event)
        default:
            return .string(text)
        }
    }

    private func resolve(_ text: String, _ event: YAMLEvents.Event) throws(YAMLError) -> JSONValue {
        switch YAMLScalar.resolve(text, self.dialect) {
        case .value(let value): return value
        case .notFinite: throw self.error(.value, "JSON can't hold \(text); put it in quotes if it is text", event)
        }
    }

    // MARK: Errors

    private func error(_ code: YAMLError.Code, _ message: String, _ event: YAMLEvents.Event) -> YAMLError {
        YAMLError(code, message, line: event.line, column: event.column)
    }

    private func tooDeep(_ event: YAMLEvents.Event) -> YAMLError {
        self.error(.tooDeep, "nested deeper than \(self.limits.depth) levels", event)
    }
}
