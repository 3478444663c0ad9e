package import JSONTree
package import KubeModel

/// The CustomResourceDefinitions that Swiftlet installs, fitted to a server.
package enum CustomResourceDefinition {
    /// From here on API servers take the definitions as they are; older ones refuse parts of them.
    package static let completeFrom = KubernetesVersion(major: 1, minor: 25)

    /// All definitions, without what a server of this version can't take; `nil` leaves nothing out.
    ///
    /// - Throws: ``JSONError`` when the generated text is broken, which a test excludes.
    package static func all(for version: KubernetesVersion?) throws(JSONError) -> [KubeObject] {
        var objects: [KubeObject] = []
        for generated in GeneratedCRDs.all {
            let bytes = UnsafeBufferPointer(start: generated.json.utf8Start, count: generated.json.utf8CodeUnitCount)
            guard case .object(let object) = try JSONValue(parsing: bytes) else {
                throw JSONError(.unexpectedKind, "\(generated.name) is not an object", offset: 0)
            }
            objects.append(KubeObject(version.map { self.fit(object, to: $0) } ?? object))
        }
        return objects
    }

    /// A definition with the address of its conversion webhook as a cluster has it, where the operator runs outside of it.
    ///
    /// There the operator has put a URL in the place of its Service, and the server takes only one of the two: applying the
    /// definition as it is would be refused.
    /// - Parameter live: the same definition as the cluster holds it; `nil` when it is not there.
    package static func keepingAddress(_ definition: KubeObject, of live: KubeObject?) -> KubeObject {
        guard let config = live?.spec?["conversion"]?["webhook"]?["clientConfig"], config["url"] != nil,
            definition.spec?["conversion"]?["webhook"] != nil
        else { return definition }
        var definition = definition
        definition.json.mutateObject("spec") { spec in
            spec.mutateObject("conversion") { $0.mutateObject("webhook") { $0["clientConfig"] = config } }
        }
        return definition
    }

    /// Leaves out what servers before 1.25 refuse: validation rules in CEL, and defaults that are empty strings (which
    /// such servers take for null). Only schemas are touched; a field that happens to be called `default` is no default.
    private static func fit(_ definition: JSONObject, to version: KubernetesVersion) -> JSONObject {
        guard version < self.completeFrom else { return definition }
        var definition = definition
        definition.mutateObject("spec") { spec in
            spec.mutate("versions") { versions in
                versions = .array((versions.array ?? []).map { self.fit(version: $0) })
            }
        }
        return definition
    }

    private static func fit(version: JSONValue) -> JSONValue {
        guard var version = version.object else { return version }
        version.mutateObject("schema") { schema in
            schema.mutate("openAPIV3Schema") { $0 = self.fit(schema: $0) }
        }
        return .object(version)
    }

    private static func fit(schema: JSONValue) -> JSONValue {
        guard var schema = schema.object else { return schema }
        schema.remove("x-kubernetes-validations")
        if schema[string: "default"] == "" { schema.remove("default") }
        if let properties = schema[object: "properties"] {
            schema[object: "properties"] = JSONObject(properties.map { ($0.key, self.fit(schema: $0.value)) })
        }
        for key in ["items", "additionalProperties"] {
            if let inner = schema[key], inner.object != nil { schema[key] = self.fit(schema: inner) }
        }
        return .object(schema)
    }
}
