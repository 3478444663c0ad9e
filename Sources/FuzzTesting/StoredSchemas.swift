import JSONTree
import KubeModel
import TelemetryAPI

/// What an API server would store of a `spec`: however odd a resource is, its members are of the kinds that the schema says.
struct StoredSchemas: Sendable {
    private let specs: [String: JSONObject]

    init() {
        var specs: [String: JSONObject] = [:]
        for definition in (try? CustomResourceDefinition.all(for: nil)) ?? [] {
            let group = definition.spec?[string: "group"] ?? ""
            guard let kind = definition.spec?["names"]?["kind"]?.string else { continue }
            for version in definition.spec?[array: "versions"] ?? [] {
                let schema = version["schema"]?["openAPIV3Schema"]?["properties"]?["spec"]?.object
                specs["\(group)/\(version["name"]?.string ?? "") \(kind)"] = schema
            }
        }
        self.specs = specs
    }

    /// The `spec` of an object without what the server would refuse; as it is for kinds that are not ours. `nil` when
    /// nothing is left.
    func stored(_ spec: JSONValue, of object: JSONObject) -> JSONValue? {
        let key = "\(object[string: "apiVersion"] ?? "") \(object[string: "kind"] ?? "")"
        guard let schema = self.specs[key] else { return spec }
        return Self.pruned(spec, schema)
    }

    private static func pruned(_ value: JSONValue, _ schema: JSONObject) -> JSONValue? {
        if schema[bool: "x-kubernetes-int-or-string"] == true {
            guard value.string != nil || value.int != nil else { return nil }
            return value
        }
        switch (schema[string: "type"], value) {
        case ("object", .object(let object)):
            let properties = schema[object: "properties"]
            let others = schema[object: "additionalProperties"]
            let keepsOthers = schema[bool: "x-kubernetes-preserve-unknown-fields"] == true
            var kept = JSONObject()
            for (key, member) in object {
                if let known = properties?[object: key] ?? others {
                    kept[key] = Self.pruned(member, known)
                } else if keepsOthers {
                    kept[key] = member
                }
            }
            if (schema[strings: "required"] ?? []).contains(where: { !kept.contains($0) }) { return nil }
            return .object(kept)
        case ("array", .array(let elements)):
            guard let items = schema[object: "items"] else { return value }
            return .array(elements.compactMap { Self.pruned($0, items) })
        case ("string", .string): return value
        case ("integer", .number(let number)):
            guard number.int != nil else { return nil }
            return value
        case ("number", .number), ("boolean", .bool): return value
        case (nil, _): return value
        default: return nil
        }
    }
}
