package import JSONTree

/// Reads one component's body as the Go operator's typed decoding does: strict about scalar kinds, forgiving about the
/// case of keys, blind to members it does not know; null counts as absent (specification section 4.1).
package struct ComponentBody {
    package let json: JSONObject
    /// Below `spec.config`, for messages.
    package let path: String

    package init(json: JSONObject, path: String) {
        self.json = json
        self.path = path
    }

    /// The body of a component: `nil` when the component is not defined or null.
    package init?(_ value: JSONValue?, path: String) throws(ConfigurationError) {
        switch value {
        case nil, .null: return nil
        case .object(let object): self.init(json: object, path: path)
        case .some(let other): throw ConfigurationError(path: path, "expected a map, got '\(other.goKind)'")
        }
    }

    /// A member by its key; without an exact match one that differs in case only.
    package func value(_ key: String) -> JSONValue? {
        let found = self.json[key] ?? self.json.first { $0.key.lowercased() == key }?.value
        return found?.isNull == true ? nil : found
    }

    package func string(_ key: String) throws(ConfigurationError) -> String? {
        guard let value = self.value(key) else { return nil }
        guard let text = value.string else { throw self.wrongKind(key, "string", value) }
        return text
    }

    package func bool(_ key: String) throws(ConfigurationError) -> Bool? {
        guard let value = self.value(key) else { return nil }
        guard let flag = value.bool else { throw self.wrongKind(key, "bool", value) }
        return flag
    }

    package func body(_ key: String) throws(ConfigurationError) -> ComponentBody? {
        try ComponentBody(self.value(key), path: "\(self.path).\(key)")
    }

    package func strings(_ key: String) throws(ConfigurationError) -> [String] {
        guard let value = self.value(key) else { return [] }
        guard let elements = value.array else { throw self.wrongKind(key, "list", value) }
        var strings: [String] = []
        for (position, element) in elements.enumerated() where !element.isNull {
            guard let text = element.string else { throw self.wrongKind("\(key)[\(position)]", "string", element) }
            strings.append(text)
        }
        return strings
    }

    package func bodies(_ key: String) throws(ConfigurationError) -> [ComponentBody] {
        guard let value = self.value(key) else { return [] }
        guard let elements = value.array else { throw self.wrongKind(key, "list", value) }
        var bodies: [ComponentBody] = []
        for (position, element) in elements.enumerated() {
            if let body = try ComponentBody(element, path: "\(self.path).\(key)[\(position)]") { bodies.append(body) }
        }
        return bodies
    }

    private func wrongKind(_ key: String, _ expected: String, _ value: JSONValue) -> ConfigurationError {
        ConfigurationError(path: "\(self.path).\(key)", "expected a \(expected), got '\(value.goKind)'")
    }
}
