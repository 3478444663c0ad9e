import CYAML

/// libyaml's parser over borrowed bytes, its events as Swift values.
struct YAMLEvents: ~Copyable {
    struct Event {
        enum Kind {
            case streamStart, streamEnd, documentStart, documentEnd
            case alias
            case scalar(String, isPlain: Bool)
            case sequenceStart, sequenceEnd, mappingStart, mappingEnd
        }

        var kind: Kind
        /// Of an alias the name it refers to.
        var anchor: String?
        var tag: String?
        /// Both from 1.
        var line: Int
        var column: Int
    }

    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let bytes: UnsafeBufferPointer<UInt8>

    /// The bytes must stay valid while events are read.
    init(_ bytes: UnsafeBufferPointer<UInt8>) throws(YAMLError) {
        self.parser = .allocate(capacity: 1)
        // A byte order mark is allowed at the start; libyaml looks for it only where it guesses the encoding.
        let mark = bytes.count >= 3 && bytes[0] == 0xEF && bytes[1] == 0xBB && bytes[2] == 0xBF
        self.bytes = UnsafeBufferPointer(rebasing: bytes[(mark ? 3 : 0)...])
        guard yaml_parser_initialize(self.parser) == 1 else {
            self.parser.deallocate()
            throw YAMLError(.syntax, "out of memory", line: 1, column: 1)
        }
        yaml_parser_set_encoding(self.parser, YAML_UTF8_ENCODING)
        yaml_parser_set_input_string(self.parser, self.bytes.baseAddress, self.bytes.count)
    }

    deinit {
        yaml_parser_delete(self.parser)
        self.parser.deallocate()
    }

    mutating func next() throws(YAMLError) -> Event {
        var event = yaml_event_t()
        guard yaml_parser_parse(self.parser, &event) == 1 else { throw self.error() }
        defer { yaml_event_delete(&event) }
        var result = Event(
            kind: .streamEnd,
            line: Int(event.start_mark.line) + 1,
            column: Int(event.start_mark.column) + 1
        )
        switch event.type {
        case YAML_STREAM_START_EVENT: result.kind = .streamStart
        case YAML_DOCUMENT_START_EVENT: result.kind = .documentStart
        case YAML_DOCUMENT_END_EVENT: result.kind = .documentEnd
        case YAML_ALIAS_EVENT:
            result.kind = .alias
            result.anchor = Self.text(event.data.alias.anchor)
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            let value = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            result.kind = .scalar(
                String(decoding: value, as: UTF8.self),
                isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE
            )
            result.anchor = Self.text(scalar.anchor)
            result.tag = Self.text(scalar.tag)
        case YAML_SEQUENCE_START_EVENT:
            result.kind = .sequenceStart
            result.anchor = Self.text(event.data.sequence_start.anchor)
            result.tag = Self.text(event.data.sequence_start.tag)
        case YAML_SEQUENCE_END_EVENT: result.kind = .sequenceEnd
        case YAML_MAPPING_START_EVENT:
            result.kind = .mappingStart
            result.anchor = Self.text(event.data.mapping_start.anchor)
            result.tag = Self.text(event.data.mapping_start.tag)
        case YAML_MAPPING_END_EVENT: result.kind = .mappingEnd
        default: result.kind = .streamEnd
        }
        return result
    }

    private static func text(_ pointer: UnsafeMutablePointer<yaml_char_t>?) -> String? {
        pointer.map { String(cString: $0) }
    }

    // MARK: Errors

    private func error() -> YAMLError {
        let state = self.parser.pointee
        let problem = state.problem.map { String(cString: $0) } ?? "unreadable"
        if state.error == YAML_READER_ERROR {
            let (line, column) = self.position(ofByte: Int(state.problem_offset))
            let byte = state.problem_value >= 0 ? " (0x\(String(state.problem_value, radix: 16, uppercase: true)))" : ""
            return YAMLError(.encoding, problem + byte, line: line, column: column)
        }
        let line = Int(state.problem_mark.line) + 1
        let column = Int(state.problem_mark.column) + 1
        if self.byte(line: line, column: column) == 0x09 {
            return YAMLError(.syntax, "a tab can't indent YAML, use spaces", line: line, column: column)
        }
        var message = problem
        if let context = state.context {
            message += " (\(String(cString: context))"
            let since = Int(state.context_mark.line) + 1
            message += since == line ? ")" : " that begins at line \(since))"
        }
        return YAMLError(.syntax, message, line: line, column: column)
    }

    private func position(ofByte offset: Int) -> (line: Int, column: Int) {
        var line = 1
        var column = 1
        for byte in self.bytes.prefix(offset) {
            if byte == 0x0A {
                line += 1
                column = 1
            } else if byte & 0xC0 != 0x80 {
                column += 1
            }
        }
        return (line, column)
    }

    private func byte(line: Int, column: Int) -> UInt8? {
        var place = (line: 1, column: 0)
        for byte in self.bytes {
            if byte & 0xC0 != 0x80 { place.column += 1 }
            if place.line == line, place.column == column { return byte }
            if byte == 0x0A { place = (place.line + 1, 0) }
            if place.line > line { return nil }
        }
        return nil
    }
}
