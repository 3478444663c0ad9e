import JSONTree

/// Hides what can be a secret, at every depth, by the names of fields: so it also finds secrets in fields that are newer
/// than we are.
enum SecretMask {
    static let text = "<secret>"

    /// Parts of a scrape configuration that are shown to everybody and where names are anybody's: labels and rules.
    private static let open: Set<String> = [
        "params", "static_configs", "relabel_configs", "metric_relabel_configs", "namespaces", "selectors",
    ]

    static func masked(_ object: JSONObject) -> JSONObject {
        var result = object
        for (name, value) in object where !Self.open.contains(name) {
            let shown = Self.masked(name, value)
            if shown != value { result[name] = shown }
        }
        return result
    }

    private static func masked(_ name: String, _ value: JSONValue) -> JSONValue {
        if Self.isSecret(name) { return Self.hidden(value) }
        switch value {
        case .object(let object): return .object(Self.masked(object))
        case .array(let elements): return .array(elements.map { Self.masked(name, $0) })
        case .string(let text): return .string(URLText.redacted(text))
        case .null, .bool, .number: return value
        }
    }

    /// Every text beneath; what is empty or absent stays so.
    private static func hidden(_ value: JSONValue) -> JSONValue {
        switch value {
        case .null, .bool: value
        case .number: .string(Self.text)
        case .string(let text): text.isEmpty ? value : .string(Self.text)
        case .array(let elements): .array(elements.map(Self.hidden))
        case .object(let object): .object(JSONObject(object.map { ($0.key, Self.hidden($0.value)) }))
        }
    }

    /// Names of files, and of the address where a token is to be had, are no secrets.
    private static func isSecret(_ name: String) -> Bool {
        if name == "key" || name == "proxy_connect_header" { return true }
        // By bytes: this is asked for each field of each job, and searching in characters takes some hundred times as long.
        let bytes = name.utf8.map { $0 >= UInt8(ascii: "A") && $0 <= UInt8(ascii: "Z") ? $0 | 0x20 : $0 }
        if Self.endings.contains(where: { bytes.ends(with: $0) }) { return false }
        return Self.words.contains { Self.contains(bytes, $0) }
    }

    private static func contains(_ bytes: [UInt8], _ word: [UInt8]) -> Bool {
        guard bytes.count >= word.count else { return false }
        for start in 0...(bytes.count - word.count) where bytes[start] == word[0] {
            if bytes[start..<(start + word.count)].elementsEqual(word) { return true }
        }
        return false
    }

    private static let endings = ["_file", "_url", "_ref"].map { Array($0.utf8) }
    private static let words = [
        "password", "passwd", "passphrase", "secret", "token", "credential", "private_key", "api_key", "apikey",
        "access_key", "account_key", "assertion",
    ].map { Array($0.utf8) }
}

extension [UInt8] {
    fileprivate func ends(with ending: [UInt8]) -> Bool { self.suffix(ending.count).elementsEqual(ending) }
}
