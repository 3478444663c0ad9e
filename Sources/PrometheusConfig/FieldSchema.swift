import JSONTree
import PrometheusModel

/// The fields that a part of a configuration may have: what checks it, fills in defaults and brings values to the form
/// in which Prometheus prints them.
struct FieldSchema: Sendable {
    /// What a value may be.
    indirect enum Kind: Sendable {
        case flag
        /// A boolean whose `false` says more than its absence.
        case explicitFlag
        case text
        /// A text that says something also when it is empty.
        case explicitText
        case choice([String])
        case duration
        /// A whole number from 0.
        case count
        case factor
        /// Bytes with a unit: `10MB`.
        case size
        case url
        case texts
        case textMap
        /// Several values for each name.
        case textLists
        /// Header names, each with `values`, `secrets` and `files`.
        case headers
        case object(FieldSchema)
        case objects(FieldSchema)
    }

    struct Field: Sendable {
        var name: String
        var kind: Kind
        /// The default that is always printed; a field without one is left out while it says nothing.
        var preset: JSONValue?

        init(_ name: String, _ kind: Kind, _ preset: JSONValue? = nil) {
            self.name = name
            self.kind = kind
            self.preset = preset
        }
    }

    typealias Check = @Sendable (inout JSONObject) throws(FieldError) -> Void

    let fields: [Field]
    private let places: [String: Int]
    private let presets: [(name: String, value: JSONValue)]
    /// What is to hold between its fields.
    private let check: Check?

    init(_ fields: [Field], check: Check? = nil) {
        self.fields = fields
        self.places = Dictionary(
            fields.enumerated().map { ($0.element.name, $0.offset) },
            uniquingKeysWith: { first, _ in first }
        )
        self.presets = fields.compactMap { field in field.preset.map { (field.name, $0) } }
        self.check = check
    }

    func knows(_ name: String) -> Bool { self.places[name] != nil }

    /// The object with every value in its form, and defaults.
    ///
    /// - Parameter unknown: what to do with a field that is none of these.
    func normalised(
        _ object: JSONObject,
        unknown: (String, JSONValue) throws(FieldError) -> JSONValue?
    ) throws(FieldError) -> JSONObject {
        var result = JSONObject(minimumCapacity: object.count + self.presets.count)
        for (name, value) in object {
            guard let place = self.places[name] else {
                if let taken = try unknown(name, value) { result[name] = taken }
                continue
            }
            // Null leaves the default, as in Prometheus.
            if value.isNull { continue }
            do throws(FieldError) {
                if let value = try Self.convert(
                    value,
                    self.fields[place].kind,
                    keepsEmpty: self.fields[place].preset != nil
                ) {
                    result[name] = value
                }
            } catch {
                throw error.within(name)
            }
        }
        for (name, value) in self.presets where !result.contains(name) { result[name] = value }
        try self.check?(&result)
        return result
    }

    /// The same where other fields are errors.
    func normalised(_ object: JSONObject) throws(FieldError) -> JSONObject {
        try self.normalised(object) { (name, _) throws(FieldError) in throw self.unknownField(name) }
    }

    func unknownField(_ name: String) -> FieldError {
        let near = Spelling.nearest(to: name, among: self.fields.lazy.map(\.name))
        return FieldError(
            "unknown field \"\(name.abbreviated())\"",
            hint: near.map { "did you mean \($0)?" } ?? "remove it; there are \(self.names)"
        )
    }

    private var names: String { self.fields.map(\.name).joined(separator: ", ") }

    // MARK: - Values

    /// `nil` for what says nothing.
    static func convert(_ value: JSONValue, _ kind: Kind, keepsEmpty: Bool) throws(FieldError) -> JSONValue? {
        switch kind {
        case .flag:
            let flag = try Self.flag(value)
            return flag || keepsEmpty ? .bool(flag) : nil
        case .explicitFlag:
            return .bool(try Self.flag(value))
        case .text:
            let text = try Self.text(value)
            return text.isEmpty && !keepsEmpty ? nil : .string(text)
        case .explicitText:
            return .string(try Self.text(value))
        case .choice(let words):
            let text = try Self.text(value)
            if text.isEmpty && !keepsEmpty { return nil }
            guard words.contains(text) else { throw Self.notOneOf(words, text) }
            return .string(text)
        case .duration:
            let duration = try Self.duration(value)
            return duration.milliseconds == 0 ? nil : .string("\(duration)")
        case .count:
            guard let count = value.int, count >= 0 else {
                throw FieldError("must be a whole number from 0, not \(Self.shown(value))")
            }
            return count == 0 ? nil : .int(count)
        case .factor:
            guard let number = value.number, number.isFinite else {
                throw FieldError("must be a number, not \(Self.shown(value))")
            }
            return number.double == 0 ? nil : value
        case .size:
            let size = try ByteSize(parsing: Self.text(value))
            return size.bytes == 0 ? nil : .string("\(size)")
        case .url:
            let text = try Self.text(value)
            if text.isEmpty { return nil }
            try URLText.check(text)
            return .string(text)
        case .texts:
            let texts = try Self.texts(value)
            return texts.isEmpty && !keepsEmpty ? nil : .strings(texts)
        case .textMap:
            var map = JSONObject()
            for (name, value) in try Self.object(value) {
                do throws(FieldError) {
                    map[name] = .string(value.isNull ? "" : try Self.text(value))
                } catch {
                    throw error.within(name)
                }
            }
            return map.isEmpty ? nil : .object(map)
        case .textLists:
            var map = JSONObject()
            for (name, value) in try Self.object(value) {
                do throws(FieldError) {
                    map[name] = value.isNull ? [] : .strings(try Self.texts(value))
                } catch {
                    throw error.within(name)
                }
            }
            return map.isEmpty ? nil : .object(map)
        case .headers:
            var map = JSONObject()
            for (name, value) in try Self.object(value) where !value.isNull {
                do throws(FieldError) {
                    map[name] = .object(try Self.header(value))
                } catch {
                    throw error.within(name)
                }
            }
            return map.isEmpty ? nil : .object(map)
        case .object(let schema):
            return .object(try schema.normalised(try Self.object(value)))
        case .objects(let schema):
            let objects = try Self.objects(value, schema)
            return objects.isEmpty ? nil : .array(objects.map(JSONValue.object))
        }
    }

    static func objects(_ value: JSONValue, _ schema: FieldSchema) throws(FieldError) -> [JSONObject] {
        let elements = try Self.array(value)
        var result: [JSONObject] = []
        result.reserveCapacity(elements.count)
        for (index, element) in elements.enumerated() {
            do throws(FieldError) {
                if element.isNull { throw FieldError("is empty", hint: "remove the dash or say what it should be") }
                result.append(try schema.normalised(try Self.object(element)))
            } catch {
                throw error.within(index)
            }
        }
        return result
    }

    static func object(_ value: JSONValue) throws(FieldError) -> JSONObject {
        guard case .object(let object) = value else {
            throw FieldError("must be a mapping of names to values, not \(Self.shown(value))")
        }
        return object
    }

    static func array(_ value: JSONValue) throws(FieldError) -> [JSONValue] {
        guard case .array(let elements) = value else { throw FieldError("must be a list, not \(Self.shown(value))") }
        return elements
    }

    /// Go's YAML takes plain `yes`, `on` and their opposites for booleans; our reader leaves them as texts, as labels
    /// may be called so.
    static func flag(_ value: JSONValue) throws(FieldError) -> Bool {
        switch value {
        case .bool(let flag): return flag
        case .string("yes"), .string("on"), .string("y"), .string("Yes"), .string("On"), .string("YES"), .string("ON"),
            .string("Y"):
            return true
        case .string("no"), .string("off"), .string("n"), .string("No"), .string("Off"), .string("NO"),
            .string("OFF"), .string("N"):
            return false
        default: throw FieldError("must be true or false, not \(Self.shown(value))")
        }
    }

    /// Numbers and booleans are texts, too, as they stand there.
    static func text(_ value: JSONValue) throws(FieldError) -> String {
        switch value {
        case .string(let text): return text
        case .number(let number): return number.literal
        case .bool(let flag): return flag ? "true" : "false"
        default: throw FieldError("must be a text, not \(Self.shown(value))")
        }
    }

    static func texts(_ value: JSONValue) throws(FieldError) -> [String] {
        guard case .array(let elements) = value else {
            throw FieldError("must be a list of texts, not \(Self.shown(value))", hint: "put it in brackets: [VALUE]")
        }
        var texts: [String] = []
        texts.reserveCapacity(elements.count)
        for (index, element) in elements.enumerated() {
            do throws(FieldError) {
                texts.append(element.isNull ? "" : try Self.text(element))
            } catch {
                throw error.within(index)
            }
        }
        return texts
    }

    static func duration(_ value: JSONValue) throws(FieldError) -> PrometheusDuration {
        let text = try Self.text(value)
        do {
            return try PrometheusDuration(text)
        } catch {
            throw FieldError(
                "\"\(text.abbreviated())\" is not a duration",
                hint: "write a number and a unit (ms, s, m, h, d, w, y), such as 30s or 1m30s"
            )
        }
    }

    static func notOneOf(_ words: [String], _ text: String) -> FieldError {
        let near = Spelling.nearest(to: text, among: words)
        return FieldError(
            "\"\(text.abbreviated())\" is not one of \(words.joined(separator: ", "))",
            hint: near.map { "did you mean \($0)?" } ?? ""
        )
    }

    /// What kind of value it is, never the value itself: it may be a secret in the wrong place.
    static func shown(_ value: JSONValue) -> String {
        switch value {
        case .null: "null"
        case .bool: "a boolean"
        case .number: "a number"
        case .string: "a text"
        case .array: "a list"
        case .object: "a mapping"
        }
    }
}
