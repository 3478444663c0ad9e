extension JSONPatch {
    /// The document with all changes made.
    ///
    /// - Throws: ``JSONPatchError`` at the first operation that does not apply.
    package func applied(to document: JSONValue) throws(JSONPatchError) -> JSONValue {
        var changed = document
        for (index, operation) in self.operations.enumerated() {
            do throws(JSONPatchError) {
                try operation.apply(to: &changed)
            } catch {
                throw error.within(operation: index)
            }
        }
        return changed
    }
}

extension JSONPatch.Operation {
    fileprivate func apply(to document: inout JSONValue) throws(JSONPatchError) {
        let step = Step(operation: self.name, path: self.path)
        switch self {
        case .add(_, let value): try step.add(value, to: &document)
        case .remove: _ = try step.remove(from: &document)
        case .replace(_, let value): try step.replace(in: &document, with: value)
        case .move(let from, let to):
            let source = Step(operation: self.name, path: from)
            if from == to {
                _ = try source.existing(in: document)
                return
            }
            guard !to.begins(with: from) else {
                throw source.error(.invalid, from.tokens.count, "the value can't move into itself")
            }
            let value = try source.remove(from: &document)
            try step.add(value, to: &document)
        case .copy(let from, _):
            let value = try Step(operation: self.name, path: from).existing(in: document)
            try step.add(value, to: &document)
        case .test(_, let value):
            let found = try step.existing(in: document)
            guard found == value else {
                let message = "the value is \(Step.short(found)), not \(Step.short(value))"
                throw step.error(.testFailed, step.path.tokens.count, message)
            }
        }
    }
}

/// One way through the document, with what its error messages say.
private struct Step {
    let operation: String
    let path: JSONPointer

    func existing(in document: JSONValue) throws(JSONPatchError) -> JSONValue {
        var value = document
        for depth in self.path.tokens.indices {
            switch value {
            case .object(let object): value = object.members[try self.member(object, depth)].value
            case .array(let elements): value = elements[try self.element(elements.count, depth)]
            default: throw self.noMembers(value, depth)
            }
        }
        return value
    }

    func add(_ value: JSONValue, to document: inout JSONValue) throws(JSONPatchError) {
        guard let last = self.path.tokens.last else {
            document = value
            return
        }
        let depth = self.path.tokens.count - 1
        try self.change(&document) { (parent) throws(JSONPatchError) in
            switch parent {
            case .object(var object):
                parent = .null
                object.set(last, value)
                parent = .object(object)
            case .array(var elements):
                let index = last == "-" ? elements.count : try self.element(elements.count + 1, depth)
                parent = .null
                elements.insert(value, at: index)
                parent = .array(elements)
            default:
                throw self.noMembers(parent, depth)
            }
        }
    }

    func replace(in document: inout JSONValue, with value: JSONValue) throws(JSONPatchError) {
        if self.path.isRoot {
            document = value
            return
        }
        let depth = self.path.tokens.count - 1
        try self.change(&document) { (parent) throws(JSONPatchError) in
            switch parent {
            case .object(var object):
                let key = object.members[try self.member(object, depth)].key
                parent = .null
                object.set(key, value)
                parent = .object(object)
            case .array(var elements):
                let index = try self.element(elements.count, depth)
                parent = .null
                elements[index] = value
                parent = .array(elements)
            default:
                throw self.noMembers(parent, depth)
            }
        }
    }

    func remove(from document: inout JSONValue) throws(JSONPatchError) -> JSONValue {
        if self.path.isRoot { throw self.error(.invalid, 0, "the whole document can't be removed") }
        let depth = self.path.tokens.count - 1
        var removed = JSONValue.null
        try self.change(&document) { (parent) throws(JSONPatchError) in
            switch parent {
            case .object(var object):
                let member = object.members[try self.member(object, depth)]
                parent = .null
                object.remove(member.key)
                parent = .object(object)
                removed = member.value
            case .array(var elements):
                let index = try self.element(elements.count, depth)
                parent = .null
                removed = elements.remove(at: index)
                parent = .array(elements)
            default:
                throw self.noMembers(parent, depth)
            }
        }
        return removed
    }

    /// Calls `body` with the value that holds the last token's, in place.
    private func change(
        _ value: inout JSONValue,
        depth: Int = 0,
        _ body: (inout JSONValue) throws(JSONPatchError) -> Void
    ) throws(JSONPatchError) {
        if depth >= self.path.tokens.count - 1 { return try body(&value) }
        // What is changed is taken out of its place meanwhile, so that it is not copied.
        switch value {
        case .object(var object):
            let key = object.members[try self.member(object, depth)].key
            value = .null
            defer { value = .object(object) }
            try object.mutate(key) { (inner) throws(JSONPatchError) in
                try self.change(&inner, depth: depth + 1, body)
            }
        case .array(var elements):
            let index = try self.element(elements.count, depth)
            value = .null
            defer { value = .array(elements) }
            try self.change(&elements[index], depth: depth + 1, body)
        default:
            throw self.noMembers(value, depth)
        }
    }

    // MARK: Errors

    private func member(_ object: JSONObject, _ depth: Int) throws(JSONPatchError) -> Int {
        if let position = object.position(of: self.path.tokens[depth]) { return position }
        throw self.error(.missing, depth, "the object has no member \"\(self.path.tokens[depth])\"")
    }

    private func element(_ count: Int, _ depth: Int) throws(JSONPatchError) -> Int {
        let token = self.path.tokens[depth]
        if let index = JSONPointer.index(token, below: count) { return index }
        let isNumber = !token.isEmpty && token.utf8.allSatisfy { $0 &- UInt8(ascii: "0") < 10 }
        let message = isNumber ? "the array has no place \(token)" : "\"\(token)\" is not a place in an array"
        throw self.error(.missing, depth, message)
    }

    private func noMembers(_ value: JSONValue, _ depth: Int) -> JSONPatchError {
        self.error(.missing, depth, "a \(value.kindName) has no \"\(self.path.tokens[depth])\" in it")
    }

    /// - Parameter depth: how many tokens of the path lead to the value spoken of.
    func error(_ code: JSONPatchError.Code, _ depth: Int, _ message: String) -> JSONPatchError {
        let place = JSONPointer(Array(self.path.tokens.prefix(depth)))
        let whole = place == self.path ? "" : ", at \(place.isRoot ? "the root" : place.description)"
        return JSONPatchError(code, "\(self.operation) \"\(self.path)\"\(whole): \(message)")
    }

    static func short(_ value: JSONValue) -> String {
        let text = value.text()
        return text.utf8.count <= 100 ? text : "\(text.prefix(100))…"
    }
}
