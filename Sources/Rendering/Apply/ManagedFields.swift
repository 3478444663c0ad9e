package import JSONTree

/// Who owns which fields of an object (`metadata.managedFields`), when the operator before us wrote it.
package enum ManagedFields {
    /// Hands the fields that another manager set by plain updates over to one that applies.
    ///
    /// Without this, what we leave out later would stay for ever, as its first owner never lets go of it. After it, the next
    /// apply removes what is no longer wanted. (client-go's `csaupgrade` does the same for `kubectl apply`.)
    /// - Returns: the new list; `nil` when there is nothing to hand over.
    package static func handedOver(
        _ entries: [JSONValue],
        from predecessor: String,
        to successor: String
    ) -> [JSONValue]? {
        func isSpec(_ entry: JSONValue) -> Bool { entry["subresource"]?.string ?? "" == "" }
        let taken = entries.indices.filter {
            entries[$0]["manager"]?.string == predecessor && entries[$0]["operation"]?.string == "Update"
                && isSpec(entries[$0]) && self.ownsMoreThanStatus(entries[$0])
        }
        guard let last = taken.last, var heir = entries[last].object else { return nil }
        var fields = heir[object: "fieldsV1"] ?? [:]
        var dropped = Set(taken.dropLast())
        for place in dropped.sorted() { fields.unite(with: entries[place]["fieldsV1"]?.object ?? [:]) }
        // A manager has one entry for what it applied.
        for place in entries.indices
        where entries[place]["manager"]?.string == successor && entries[place]["operation"]?.string == "Apply"
            && isSpec(entries[place])
        {
            fields.unite(with: entries[place]["fieldsV1"]?.object ?? [:])
            heir["apiVersion"] = entries[place]["apiVersion"]
            dropped.insert(place)
        }
        // On servers before 1.22 status is in the same entry: whoever wrote it would be asked to apply it.
        fields.remove("f:status")
        heir["manager"] = .string(successor)
        heir["operation"] = "Apply"
        heir["fieldsV1"] = .object(fields)
        var result: [JSONValue] = []
        for (place, entry) in entries.enumerated() where !dropped.contains(place) {
            result.append(place == last ? .object(heir) : entry)
        }
        return result
    }

    private static func ownsMoreThanStatus(_ entry: JSONValue) -> Bool {
        entry["fieldsV1"]?.object?.contains { $0.key != "f:status" } ?? false
    }
}

extension JSONObject {
    /// Sets of fields are trees of objects; a leaf is an empty one.
    fileprivate mutating func unite(with other: JSONObject) {
        for (key, value) in other {
            guard let mine = self[key]?.object, let theirs = value.object else {
                self[key] = value
                continue
            }
            var both = mine
            both.unite(with: theirs)
            self[key] = .object(both)
        }
    }
}
