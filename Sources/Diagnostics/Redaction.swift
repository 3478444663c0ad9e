package import JSONTree
package import KubeModel
import YAMLTree

/// Takes out of objects and logs what must not leave a cluster, and remembers where. When in doubt it goes.
package struct Redaction: Sendable {
    /// Where something was taken out.
    package struct Place: Sendable, Hashable {
        package var file: String
        /// The path in the object, or the number of the line.
        package var place: String
        package var reason: String
    }

    package static let mark = "REDACTED"
    package private(set) var places: [Place] = []
    private var file = ""

    package init() {}

    // MARK: Objects

    /// - Parameter file: where it will stand.
    /// - Returns: the object without what is secret; `nil` for a kind that is nothing but secret.
    package mutating func redacted(_ object: KubeObject, file: String) -> KubeObject? {
        if object.kind == "Secret" { return nil }
        self.file = file
        var json = object.json
        // A copy of the whole object; what it holds stands in the object, redacted.
        let copy = "kubectl.kubernetes.io/last-applied-configuration"
        if object.metadata.annotations[copy] != nil {
            json.mutateObject("metadata") { $0.mutateObject("annotations") { _ = $0.remove(copy) } }
            self.note("/metadata/annotations/\(copy)", "a copy of the object")
        }
        return KubeObject(self.object(json, "", isSecret: false))
    }

    private mutating func object(_ object: JSONObject, _ path: String, isSecret: Bool) -> JSONObject {
        // {name: API_KEY, value: ...}: an environment variable, a header, an argument.
        let name = object[string: "name"] ?? ""
        let namesSecret = object.contains("value") && SecretWords.announces(name)
        var result = JSONObject(minimumCapacity: object.count)
        for member in object.members {
            let isSecretHere =
                isSecret || SecretWords.announces(member.key) || namesSecret && member.key == "value"
            result[member.key] = self.value(member.value, "\(path)/\(member.key)", isSecret: isSecretHere)
        }
        return result
    }

    private mutating func value(_ value: JSONValue, _ path: String, isSecret: Bool) -> JSONValue {
        switch value {
        case .object(let object):
            // References to Secrets tell where they are, not what they say.
            let isReference =
                path.hasSuffix("Ref") || path.hasSuffix("/secret") || path.hasSuffix("/valueFrom")
                || path.hasSuffix("/serviceAccountToken") || path.hasSuffix("Secret")
            return .object(self.object(object, path, isSecret: isSecret && !isReference && !Self.isSchema(path)))
        case .array(let elements):
            var result: [JSONValue] = []
            for (place, element) in elements.enumerated() {
                let isReference = path.hasSuffix("Secrets") || path.hasSuffix("/secrets")
                result.append(self.value(element, "\(path)/\(place)", isSecret: isSecret && !isReference))
            }
            return .array(result)
        case .string(let text):
            return .string(self.text(text, path, isSecret: isSecret))
        case .number where isSecret && !Self.isSchema(path):
            self.note(path, "its name announces a secret")
            return .string(Self.mark)
        default:
            return value
        }
    }

    /// Schemas of definitions describe fields called `password`; there is no password in them.
    private static func isSchema(_ path: String) -> Bool { path.contains("/openAPIV3Schema/") }

    private mutating func text(_ text: String, _ path: String, isSecret: Bool) -> String {
        if text.isEmpty || Self.isSchema(path) { return text }
        if isSecret {
            // A reference to a variable is none, and tells where to look.
            if text.hasPrefix("${"), text.hasSuffix("}"), text.count(where: { $0 == "$" }) == 1 { return text }
            self.note(path, "its name announces a secret")
            return Self.mark
        }
        if text.contains("\n") || text.hasPrefix("{"), let document = self.document(text, path) { return document }
        let lines = Self.redactedLines(Array(text.utf8))
        guard !lines.places.isEmpty else { return text }
        self.note(path, "it holds what looks like a secret")
        return String(decoding: lines.bytes, as: UTF8.self)
    }

    /// A configuration within a text: `data` of a ConfigMap, `spec.config` of an old collector.
    private mutating func document(_ text: String, _ path: String) -> String? {
        guard let parsed = try? YAMLReader.document(in: text, dialect: .trueFalseOnly),
            case .object(let object) = parsed
        else { return nil }
        let before = self.places.count
        let clean = self.object(object, "\(path)#", isSecret: false)
        return self.places.count == before ? text : YAMLWriter.text(.object(clean))
    }

    private mutating func note(_ place: String, _ reason: String) {
        self.places.append(Place(file: self.file, place: place, reason: reason))
    }

    // MARK: Logs

    /// A log, or any other text of lines.
    package mutating func redacted(log bytes: [UInt8], file: String) -> [UInt8] {
        let result = Self.redactedLines(bytes)
        self.file = file
        for line in result.places { self.note("line \(line)", "it holds what looks like a secret") }
        return result.bytes
    }

    /// Takes out what stands behind `Bearer`, `Basic`, a name that announces a secret, and between `//` and `@`.
    private static func redactedLines(_ bytes: [UInt8]) -> (bytes: [UInt8], places: [Int]) {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var places: [Int] = []
        for (number, line) in bytes.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
            if number > 0 { result.append(0x0A) }
            let ranges = LineSecrets.find(in: line)
            if ranges.isEmpty {
                result.append(contentsOf: line)
                continue
            }
            places.append(number + 1)
            var start = line.startIndex
            for range in ranges where range.lowerBound >= start {
                result.append(contentsOf: line[start..<range.lowerBound])
                result.append(contentsOf: Self.mark.utf8)
                start = range.upperBound
            }
            result.append(contentsOf: line[start...])
        }
        return (result, places)
    }

    package var json: JSONValue {
        .array(
            self.places.map {
                ["file": .string($0.file), "place": .string($0.place), "reason": .string($0.reason)]
            }
        )
    }
}
