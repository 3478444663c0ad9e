/// Merge patches (RFC 7386): a document of the members to set, null for those to remove, arrays as a whole.
package enum JSONMergePatch {
    /// The document with the patch merged in.
    package static func applied(_ patch: JSONValue, to document: JSONValue) -> JSONValue {
        guard case .object(let changes) = patch else { return patch }
        var object: JSONObject
        if case .object(let existing) = document { object = existing } else { object = JSONObject() }
        object.removeAll { changes[$0.key]?.isNull == true }
        for (key, change) in changes where !change.isNull {
            object.set(key, Self.applied(change, to: object[key] ?? .null))
        }
        return .object(object)
    }

    /// What turns one object into the other, `{}` when they are equal.
    ///
    /// A merge patch can't set null: members that are null in `new`, at any depth outside arrays, end up absent.
    package static func diff(from old: JSONObject, to new: JSONObject) -> JSONObject {
        var patch = JSONObject()
        if old.isIdentical(to: new) { return patch }
        for (key, _) in old where !new.contains(key) { patch.set(key, .null) }
        for (key, value) in new {
            guard let before = old[key] else {
                // Nulls within a new object are left out on applying, which is all that can be had.
                if !value.isNull { patch.set(key, value) }
                continue
            }
            switch (before, value) {
            case (.object(let before), .object(let after)):
                let inner = Self.diff(from: before, to: after)
                if !inner.isEmpty { patch.set(key, .object(inner)) }
            default:
                if before != value { patch.set(key, value) }
            }
        }
        return patch
    }
}
