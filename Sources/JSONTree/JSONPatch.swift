/// Changes to a document, one after the other (RFC 6902).
///
///     let patch = JSONPatch.diff(from: pod, to: changed)   // what turns one into the other
///     let same = try patch.applied(to: pod)                // == changed
package struct JSONPatch: Sendable, Hashable {
    package enum Operation: Sendable, Hashable {
        /// Sets a member or the whole document, or puts an element before the one at that place (`-`: after the last).
        case add(JSONPointer, JSONValue)
        case remove(JSONPointer)
        /// Sets what must exist.
        case replace(JSONPointer, JSONValue)
        case move(from: JSONPointer, to: JSONPointer)
        case copy(from: JSONPointer, to: JSONPointer)
        /// Fails unless the value is there and equal.
        case test(JSONPointer, JSONValue)
    }

    package var operations: [Operation]

    package init(_ operations: [Operation] = []) { self.operations = operations }

    package var isEmpty: Bool { self.operations.isEmpty }

    /// Reads a patch document: an array of operations. Members that RFC 6902 does not know are passed over.
    ///
    /// - Throws: ``JSONPatchError``, naming the operation.
    package init(_ document: JSONValue) throws(JSONPatchError) {
        guard case .array(let elements) = document else {
            throw JSONPatchError(.malformed, "a JSON patch is an array, found \(document.kindName)")
        }
        self.operations = []
        self.operations.reserveCapacity(elements.count)
        for (index, element) in elements.enumerated() {
            do throws(JSONPatchError) {
                self.operations.append(try Operation(element))
            } catch {
                throw error.within(operation: index)
            }
        }
    }

    /// The patch as a document.
    package var json: JSONValue { .array(self.operations.map { .object($0.json) }) }

    /// The patch as JSON text.
    package var bytes: [UInt8] { self.json.bytes() }
}

extension JSONPatch.Operation {
    /// The word of the `op` member.
    package var name: String {
        switch self {
        case .add: "add"
        case .remove: "remove"
        case .replace: "replace"
        case .move: "move"
        case .copy: "copy"
        case .test: "test"
        }
    }

    package var path: JSONPointer {
        switch self {
        case .add(let path, _), .remove(let path), .replace(let path, _), .move(_, let path), .copy(_, let path),
            .test(let path, _):
            path
        }
    }

    init(_ document: JSONValue) throws(JSONPatchError) {
        guard case .object(let object) = document else {
            throw JSONPatchError(.malformed, "an operation is an object, found \(document.kindName)")
        }
        func pointer(_ key: String) throws(JSONPatchError) -> JSONPointer {
            guard let member = object[key] else { throw JSONPatchError(.malformed, "the member \"\(key)\" is missing") }
            guard case .string(let text) = member else {
                throw JSONPatchError(.malformed, "the member \"\(key)\" is not a string")
            }
            return try JSONPointer(parsing: text)
        }
        func value() throws(JSONPatchError) -> JSONValue {
            guard let value = object["value"] else {
                throw JSONPatchError(.malformed, "the member \"value\" is missing")
            }
            return value
        }
        guard let op = object[string: "op"] else {
            throw JSONPatchError(.malformed, "the member \"op\" is missing or not a string")
        }
        switch op {
        case "add": self = .add(try pointer("path"), try value())
        case "remove": self = .remove(try pointer("path"))
        case "replace": self = .replace(try pointer("path"), try value())
        case "move": self = .move(from: try pointer("from"), to: try pointer("path"))
        case "copy": self = .copy(from: try pointer("from"), to: try pointer("path"))
        case "test": self = .test(try pointer("path"), try value())
        default: throw JSONPatchError(.malformed, "unknown op \"\(op)\"")
        }
    }

    var json: JSONObject {
        var object: JSONObject = ["op": .string(self.name)]
        switch self {
        case .move(let from, _), .copy(let from, _): object["from"] = .string(from.description)
        default: break
        }
        object["path"] = .string(self.path.description)
        switch self {
        case .add(_, let value), .replace(_, let value), .test(_, let value): object["value"] = value
        default: break
        }
        return object
    }
}

/// Why a patch can't be read or does not apply.
package struct JSONPatchError: Error, Hashable, CustomStringConvertible {
    package enum Code: Sendable, Hashable {
        /// Not a patch or pointer.
        case malformed
        /// A value that must exist is not there, or can't have such a member.
        case missing
        /// A `test` that failed.
        case testFailed
        /// Something that must not be done: removing the whole document, moving a value into itself.
        case invalid
    }

    package var code: Code
    package var message: String
    /// Which operation, from 0.
    package var operation: Int?

    package init(_ code: Code, _ message: String, operation: Int? = nil) {
        self.code = code
        self.message = message
        self.operation = operation
    }

    package var description: String {
        self.operation.map { "JSON patch operation \($0): \(self.message)" } ?? self.message
    }

    func within(operation: Int) -> JSONPatchError {
        JSONPatchError(self.code, self.message, operation: operation)
    }
}
