import JSONTree

/// An annotation that holds what a version can't say.
enum KeptFields {
    /// What the annotations of an object may have in all, keys and values; the API server refuses more, and then a
    /// collector could not be read at all in the other version.
    static let sizeLimit = 256 << 10

    /// `nil` when there is no such annotation, or when it isn't what we wrote.
    static func read(_ name: String, of object: JSONObject) -> JSONObject? {
        guard let text = object[object: "metadata"]?[object: "annotations"]?[string: name],
            let value = try? JSONValue(parsing: text)
        else { return nil }
        return value.object
    }

    /// Sets the annotation, or removes it when there is nothing to keep.
    ///
    /// What doesn't fit is left out, the bulkiest first: a collector that loses a detail can still be read.
    static func write(_ fields: JSONObject?, to name: String, of object: inout JSONObject) {
        switch object["metadata"] {
        case nil, .null: if fields?.isEmpty ?? true { return }
        case .object: break
        default: return
        }
        object.mutateObject("metadata") { metadata in
            var annotations: JSONObject = [:]
            switch metadata["annotations"] {
            case nil, .null: break
            case .object(let existing): annotations = existing
            default: return
            }
            let existed = annotations.remove(name) != nil
            let others = annotations.reduce(0) { $0 + $1.key.utf8.count + ($1.value.string?.utf8.count ?? 0) }
            let room = self.sizeLimit - others - name.utf8.count
            guard let text = fields.flatMap({ self.text($0, room: room) }) else {
                if existed { metadata[object: "annotations"] = annotations.isEmpty ? nil : annotations }
                return
            }
            annotations[name] = .string(text)
            metadata["annotations"] = .object(annotations)
        }
    }

    private static func text(_ fields: JSONObject, room: Int) -> String? {
        var fields = fields
        for bulky in ["", "wholeConfig", "config", "pipelines", "service", "status"] {
            if let removed = fields.remove(bulky), bulky == "config",
                case .failure(let problem) = ConfigText.read(removed)
            {
                // At least why there is no configuration.
                fields["reason"] = .string(String(problem.message.prefix(1000)))
            }
            if fields.isEmpty { return nil }
            let text = JSONValue.object(fields).text(.canonical)
            if text.utf8.count <= room { return text }
        }
        return nil
    }
}

extension JSONObject {
    /// Changes a member that is an object; any other is left alone.
    mutating func changeObject(_ key: String, _ body: (inout JSONObject) -> Void) {
        guard var inner = self[object: key] else { return }
        body(&inner)
        self[key] = .object(inner)
    }

    /// Removes the members of these names and returns them.
    mutating func take(_ keys: [String]) -> JSONObject {
        var taken: JSONObject = [:]
        for key in keys { taken[key] = self.remove(key) }
        return taken
    }

    /// Adds what isn't there; what is there wins.
    mutating func add(_ members: JSONObject?) {
        for (key, value) in members ?? [:] where !self.contains(key) { self[key] = value }
    }

    mutating func keep(_ key: String, _ members: JSONObject) {
        if !members.isEmpty { self[key] = .object(members) }
    }

    /// Gives a member another name, in its place.
    mutating func rename(_ old: String, _ new: String) {
        guard let place = self.position(of: old), let value = self.remove(old) else { return }
        self.insert(new, value, at: place)
    }
}
