import JSONTree

/// What a v1beta1 object says beyond the v1alpha1 object made of it.
///
/// As JSON: `{"add": {tree of members that are lost}, "replace": [{"path", "from", "to"}]}`. The first are put beneath what
/// the user wrote; a replacement is only made where the value is still the one that the conversion had left there (without
/// `to` the member is removed). So whatever the user changed in v1alpha1 wins.
struct KeptFields: Equatable {
    private var added: JSONObject
    private var replaced: [Replacement]

    fileprivate struct Replacement: Equatable {
        var path: [String]
        var from: JSONValue
        var to: JSONValue?
    }

    /// The members of `spec` and `status` that are to be kept.
    private static let parts = ["spec", "status"]

    /// - Parameters:
    ///   - object: in v1beta1.
    ///   - sayable: its `spec` and `status` as they would come back by themselves.
    init(of object: JSONObject, beyond sayable: JSONObject) {
        self.added = [:]
        self.replaced = []
        for part in Self.parts {
            guard let whole = object[object: part], let back = sayable[object: part] else { continue }
            let lost = self.compare(whole, with: back, at: [part])
            if !lost.isEmpty { self.added[part] = .object(lost) }
        }
    }

    /// - Returns: the members that are missing in `back`.
    private mutating func compare(_ whole: JSONObject, with back: JSONObject, at path: [String]) -> JSONObject {
        var lost: JSONObject = [:]
        for (key, value) in whole {
            let path = path + [key]
            switch (value, back[key]) {
            // A null says as much as no member at all.
            case (.null, nil): continue
            case (_, nil): lost[key] = value
            case (.object(let whole), .object(let back)):
                let inner = self.compare(whole, with: back, at: path)
                if !inner.isEmpty { lost[key] = .object(inner) }
            case (_, .some(let other)):
                if value != other { self.replaced.append(Replacement(path: path, from: other, to: value)) }
            }
        }
        for (key, value) in back where whole[key] == nil {
            self.replaced.append(Replacement(path: path + [key], from: value, to: nil))
        }
        return lost
    }

    var isEmpty: Bool { self.added.isEmpty && self.replaced.isEmpty }

    // MARK: As an annotation

    var json: String {
        var object: JSONObject = [:]
        if !self.added.isEmpty { object["add"] = .object(self.added) }
        if !self.replaced.isEmpty {
            object["replace"] = .array(
                self.replaced.map { replacement in
                    var entry: JSONObject = [
                        "path": .array(replacement.path.map { .string($0) }), "from": replacement.from,
                    ]
                    entry["to"] = replacement.to
                    return .object(entry)
                }
            )
        }
        // The order of members must not make one object look like another.
        return String(decoding: object.bytes(.canonical), as: UTF8.self)
    }

    /// `nil` for what was not written by this.
    init?(json: String) {
        guard let object = (try? JSONValue(parsing: json))?.object else { return nil }
        self.added = object[object: "add"] ?? [:]
        self.replaced = (object[array: "replace"] ?? []).compactMap { entry in
            guard let steps = entry["path"]?.array, let from = entry["from"] else { return nil }
            let path = steps.compactMap(\.string)
            guard path.count == steps.count, path.count > 1, Self.parts.contains(path[0]) else { return nil }
            return Replacement(path: path, from: from, to: entry["to"])
        }
    }

    // MARK: Restoring

    /// Puts everything back into the v1beta1 object that was made of the v1alpha1 one.
    func restore(into object: inout JSONObject) {
        for replacement in self.replaced { replacement.apply(to: &object, at: replacement.path[...]) }
        for part in Self.parts {
            guard let lost = self.added[object: part] else { continue }
            object.mutateIfObject(part) { $0.putBeneath(lost) }
        }
    }
}

extension KeptFields.Replacement {
    fileprivate func apply(to object: inout JSONObject, at path: ArraySlice<String>) {
        guard let key = path.first else { return }
        if path.count > 1 {
            object.mutateIfObject(key) { self.apply(to: &$0, at: path.dropFirst()) }
        } else if object[key] == self.from {
            object[key] = self.to
        }
    }
}

extension JSONObject {
    /// Adds the members of another object that are missing here, at every level.
    fileprivate mutating func putBeneath(_ other: JSONObject) {
        for (key, value) in other {
            switch (self[key], value) {
            case (nil, _): self[key] = value
            case (.object, .object(let inner)): self.mutateObject(key) { $0.putBeneath(inner) }
            default: break
            }
        }
    }
}
