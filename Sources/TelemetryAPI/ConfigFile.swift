import JSONTree
import KubeModel
import YAMLTree

/// The operator's `--config-file` (specification operations.md section 1.2): flat YAML whose keys are mostly the names of
/// flags, and one Instrumentation for clusters without that resource.
package struct ConfigFile: Sendable, Hashable {
    private let values: JSONObject
    /// What stands before a key in messages: empty, or the group and a dot.
    private let path: String
    /// Where it was read from, for messages.
    package private(set) var name = ""

    /// What a file without anything says.
    package init() { self.init([:], within: "") }

    /// - Throws: ``ConfigFileError`` when it is not a YAML mapping.
    package init(parsing bytes: [UInt8], named name: String = "") throws(ConfigFileError) {
        self.path = ""
        self.name = name
        let documents: [JSONValue]
        do {
            documents = try YAMLReader.documents(in: bytes)
        } catch {
            throw ConfigFileError("\(error)")
        }
        guard documents.count <= 1 else { throw ConfigFileError("it holds \(documents.count) documents, not one") }
        switch documents.first {
        case .object(let object)?: self.values = object
        case nil, .null?: self.values = [:]
        default: throw ConfigFileError("it is not a mapping of keys to values")
        }
    }

    /// A text, or a number as it stands there; `nil` when the key is absent, null or empty.
    ///
    /// - Throws: ``ConfigFileError`` when the value is a list or a mapping.
    package func text(_ key: String) throws(ConfigFileError) -> String? {
        switch self.values[key] {
        case nil, .null?: return nil
        case .string(let text)?: return text.isEmpty ? nil : text
        case .bool(let value)?: return value ? "true" : "false"
        case .number(let number)?: return number.literal
        default: throw ConfigFileError("\(self.path)\(key): must be a single value")
        }
    }

    /// - Throws: ``ConfigFileError`` when the value is no boolean.
    package func bool(_ key: String) throws(ConfigFileError) -> Bool? {
        switch self.values[key] {
        case nil, .null?: return nil
        case .bool(let value)?: return value
        case .string("true")?: return true
        case .string("false")?: return false
        default: throw ConfigFileError("\(self.path)\(key): must be true or false")
        }
    }

    /// A list of texts, or one text with commas.
    ///
    /// - Throws: ``ConfigFileError`` when the value is something else.
    package func list(_ key: String) throws(ConfigFileError) -> [String]? {
        if case .array(let items)? = self.values[key] {
            var texts: [String] = []
            for item in items {
                guard case .string(let text) = item else {
                    throw ConfigFileError("\(self.path)\(key): must be a list of texts")
                }
                texts.append(text)
            }
            return texts
        }
        return try self.text(key).map { $0.split(separator: ",").map(String.init) }
    }

    /// Its keys, in its order.
    package var keys: [String] { Array(self.values.keys) }

    /// The members of a mapping, such as `zap`, by names in lower case: the Go operator's loader takes `minVersion` of
    /// `tls` for `minversion`, where there is no other name.
    ///
    /// - Throws: ``ConfigFileError`` when it is no mapping.
    package func group(_ key: String) throws(ConfigFileError) -> ConfigFile {
        switch self.values[key] {
        case nil, .null?: return ConfigFile()
        case .object(let object)?:
            var members = JSONObject()
            for (name, value) in object {
                let name = key == "tls" ? Self.folded(name).filter { $0 != "-" } : name
                guard members[name] == nil else { throw ConfigFileError("\(key).\(name): given twice") }
                members[name] = value
            }
            return ConfigFile(members, within: "\(key).")
        default: throw ConfigFileError("\(key): must be a mapping")
        }
    }

    private init(_ values: JSONObject, within path: String) {
        self.values = values
        self.path = path
    }

    /// The Instrumentation that annotations with `true` mean when the file says `enable-instrumentation-crds: false`
    /// (specification injection.md section 1.7); `nil` with the resources in use. It is not defaulted.
    ///
    /// - Throws: ``ConfigFileError`` when it is not what an Instrumentation can be.
    package func staticInstrumentation() throws(ConfigFileError) -> Instrumentation? {
        guard try self.bool("enable-instrumentation-crds") == false else { return nil }
        var found = self.values["instrumentations"] ?? .null
        if case .array(let items) = found {
            guard items.count <= 1 else { throw ConfigFileError("instrumentations: must be one Instrumentation") }
            found = items.first ?? .null
        }
        if found == .null { found = [:] }
        guard case .object(var object) = found else {
            throw ConfigFileError("instrumentations: must be an Instrumentation, with spec")
        }
        if let schema = Self.schema { object = Self.named(object, schema) }
        object["apiVersion"] = "opentelemetry.io/v1alpha1"
        object["kind"] = "Instrumentation"
        if let spec = object["spec"], spec != .null, spec.object == nil {
            throw ConfigFileError("instrumentations.spec: must be a mapping")
        }
        var instrumentation = Instrumentation(object)
        if instrumentation.key.name.isEmpty {
            // Said in decisions and attributes: something has to be.
            instrumentation.json.mutateObject("metadata") { $0["name"] = "config-file" }
        }
        return instrumentation
    }

    /// The schema of the resource as it is installed.
    private static let schema: JSONObject? = {
        guard let definitions = try? CustomResourceDefinition.all(for: nil) else { return nil }
        let definition = definitions.first { $0.name == "instrumentations.opentelemetry.io" }
        return definition?.spec?[array: "versions"]?.first?.object?[object: "schema"]?[object: "openAPIV3Schema"]
    }()

    /// The same with every key spelled as the schema has it. The Go operator reads this block by the lower-case names of
    /// its fields (`imagepullpolicy`), so files have those; the names of the resource are taken as well.
    private static func named(_ object: JSONObject, _ schema: JSONObject) -> JSONObject {
        guard let properties = schema[object: "properties"] else {
            guard let inner = schema[object: "additionalProperties"] else { return object }
            return JSONObject(object.map { ($0.key, Self.named($0.value, inner)) })
        }
        var names: [String: String] = [:]
        for key in properties.keys { names[Self.folded(key)] = key }
        // What Go's embedded structs and types add, and what they call what JSON calls otherwise.
        for (other, key) in [
            ("objectmeta", "metadata"), ("apachehttpd", "apacheHttpd"), ("resourcerequirements", "resources"),
        ]
        where properties.contains(key) && names[other] == nil { names[other] = key }
        var result = JSONObject()
        for (key, value) in object {
            let name = properties.contains(key) ? key : names[Self.folded(key)] ?? key
            result[name] = properties[object: name].map { Self.named(value, $0) } ?? value
        }
        return result
    }

    private static func named(_ value: JSONValue, _ schema: JSONObject) -> JSONValue {
        switch value {
        case .object(let object): .object(Self.named(object, schema))
        case .array(let items):
            .array(schema[object: "items"].map { inner in items.map { Self.named($0, inner) } } ?? items)
        default: value
        }
    }

    /// `ca_file` is `cafile`.
    private static func folded(_ key: String) -> String { key.lowercased().filter { $0 != "_" } }
}

/// Why a configuration file can't be used.
package struct ConfigFileError: Error, Sendable, CustomStringConvertible {
    package let description: String
    init(_ description: String) { self.description = description }
}
