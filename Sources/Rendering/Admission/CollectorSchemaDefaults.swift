import JSONTree
import KubeModel
package import TelemetryAPI

extension Collector {
    /// The collector as the API server stores it: with the defaults of the CRD's schema, which it sets before any webhook
    /// is asked (specification sections 1.2 and 1.3). For files, which no server has seen.
    package var withSchemaDefaults: Collector {
        guard let schema = Self.specSchema else { return self }
        var collector = self
        collector.spec = CollectorSpec(collector.spec.json.withDefaults(of: schema))
        return collector
    }

    /// The schema of `spec` in the version that is stored. A test makes sure that it is there.
    static let specSchema = SpecSchema.stored(of: "opentelemetrycollectors.opentelemetry.io")
}

extension TargetAllocatorResource {
    /// The same for a target allocator. One without a `spec` gets no defaults.
    package var withSchemaDefaults: TargetAllocatorResource {
        guard let schema = Self.specSchema, let spec = self.json[object: "spec"] else { return self }
        var resource = self
        resource.spec = TargetAllocatorSpec(spec.withDefaults(of: schema))
        return resource
    }

    static let specSchema = SpecSchema.stored(of: "targetallocators.opentelemetry.io")
}

/// Schemas of our own definitions.
private enum SpecSchema {
    /// The schema of `spec` in the version that is stored.
    static func stored(of name: String) -> JSONObject? {
        guard let all = try? CustomResourceDefinition.all(for: nil) else { return nil }
        let versions = all.first { $0.name == name }?.spec?[array: "versions"] ?? []
        let stored = versions.first { $0["storage"]?.bool == true }
        return stored?["schema"]?["openAPIV3Schema"]?["properties"]?["spec"]?.object
    }
}

extension JSONObject {
    /// With the defaults that a schema gives for members which are absent, or null where null is no value; those of an
    /// absent object's members don't count.
    fileprivate func withDefaults(of schema: JSONObject) -> JSONObject {
        var copy = self
        for (name, property) in schema[object: "properties"] ?? [:] {
            guard let property = property.object else { continue }
            let value = copy[name] ?? .null
            if value.isNull, let fallback = property["default"] { copy[name] = fallback }
            if let value = copy[name], let changed = value.withDefaults(of: property) { copy[name] = changed }
        }
        if let inner = schema[object: "additionalProperties"] {
            for (key, value) in self { if let changed = value.withDefaults(of: inner) { copy[key] = changed } }
        }
        return copy
    }
}

extension JSONValue {
    /// `nil` for what has no members.
    fileprivate func withDefaults(of schema: JSONObject) -> JSONValue? {
        switch self {
        case .object(let object): .object(object.withDefaults(of: schema))
        case .array(let elements):
            schema[object: "items"].map { items in .array(elements.map { $0.withDefaults(of: items) ?? $0 }) }
        default: nil
        }
    }
}
