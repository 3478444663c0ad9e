import JSONTree
package import KubeModel

extension KubeObject {
    /// A projection that keeps the object as a tree, without `metadata.managedFields`: those are often half of it and
    /// nobody reads them.
    ///
    /// - Parameters:
    ///   - resource: whose `apiVersion` and `kind` the object gets. Lists of built-in kinds leave them out and watches do
    ///     not; without this the same object would look changed after each relist.
    ///   - dropping: top-level members to leave out, such as `status` where nobody looks at it.
    package static func projection(
        of resource: APIResource,
        dropping: Set<String> = []
    ) -> Projection<KubeObject> {
        let apiVersion = JSONValue.string(resource.apiVersion)
        let kind = JSONValue.string(resource.kind)
        return { (cursor) throws(JSONError) in
            var json = JSONObject()
            json["apiVersion"] = apiVersion
            json["kind"] = kind
            try cursor.readObject { (key, cursor) throws(JSONError) in
                switch key {
                case "apiVersion", "kind": try cursor.skip()
                case "metadata":
                    var metadata = JSONObject()
                    try cursor.readObject { (key, cursor) throws(JSONError) in
                        if key == "managedFields" { return try cursor.skip() }
                        let name = key.string
                        metadata.set(name, try cursor.readValue())
                    }
                    json["metadata"] = .object(metadata)
                default:
                    let name = key.string
                    if dropping.contains(name) { return try cursor.skip() }
                    json.set(name, try cursor.readValue())
                }
            }
            return KubeObject(json)
        }
    }
}

extension StoreChange<KubeObject> {
    /// Something changed that somebody wants: not only `status` or the bookkeeping of the server. For controllers that
    /// write the status themselves and should not wake themselves by it.
    package var isMoreThanStatus: Bool {
        guard let old, let new else { return true }
        return Self.wishes(of: old) != Self.wishes(of: new)
    }

    private static func wishes(of object: KubeObject) -> JSONObject {
        var json = object.json
        json.remove("status")
        json.mutateObject("metadata") { metadata in
            for bookkeeping in ["resourceVersion", "generation", "managedFields"] { metadata.remove(bookkeeping) }
        }
        return json
    }
}
