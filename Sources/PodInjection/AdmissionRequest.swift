package import JSONTree

/// What an AdmissionReview asks, read from its bytes in one pass without a tree.
package struct AdmissionRequest: Sendable {
    /// Empty when the review has none.
    package private(set) var uid = ""
    package private(set) var kind = ""
    package private(set) var namespace = ""
    package private(set) var name = ""
    /// `CREATE`, `UPDATE`, `DELETE` or `CONNECT`.
    package private(set) var operation = ""
    /// Empty for the pod itself.
    package private(set) var subresource = ""
    package private(set) var isDryRun = false
    package private(set) var username = ""
    /// The pod, `nil` when the review carries none or something else.
    package private(set) var pod: PodDocument?
    /// Why there is no ``pod``.
    package private(set) var problem = ""

    /// Reads the body of a request.
    ///
    /// - Throws: ``JSONError`` when it is not JSON, or not an AdmissionReview with a request: then there is no uid that
    ///   an answer could carry.
    package init(scanning body: [UInt8]) throws(JSONError) {
        var outline: PodOutline?
        var failure: JSONError?
        var found = false
        try JSONCursor.withCursor(over: body) { (cursor) throws(JSONError) in
            try cursor.readObject { (key, cursor) throws(JSONError) in
                guard key == "request" else { return try cursor.skip() }
                if try cursor.peek() == .null { return try cursor.readNull() }
                found = true
                self = AdmissionRequest()
                (outline, failure) = (nil, nil)
                try self.read(&cursor, &outline, &failure)
            }
        }
        guard found, !self.uid.isEmpty else {
            let missing = found ? "the request has no uid" : "it has no request"
            throw JSONError(.unexpectedKind, "the document is not an AdmissionReview: \(missing)", offset: 0)
        }
        if let outline {
            self.pod = PodDocument(bytes: body, outline: outline)
        } else {
            self.problem = failure.map(\.description) ?? "there is no content to decode"
        }
    }

    private init() {}

    private mutating func read(
        _ cursor: inout JSONCursor,
        _ outline: inout PodOutline?,
        _ failure: inout JSONError?
    ) throws(JSONError) {
        try cursor.readObject { (key, cursor) throws(JSONError) in
            switch key {
            case "uid": self.uid = try cursor.readStringIfPresent() ?? ""
            case "namespace": self.namespace = try cursor.readStringIfPresent() ?? ""
            case "name": self.name = try cursor.readStringIfPresent() ?? ""
            case "operation": self.operation = try cursor.readStringIfPresent() ?? ""
            case "subResource": self.subresource = try cursor.readStringIfPresent() ?? ""
            case "dryRun":
                if try cursor.peek() == .bool { self.isDryRun = try cursor.readBool() } else { try cursor.skip() }
            case "kind": self.kind = try cursor.readMember("kind") ?? ""
            case "userInfo": self.username = try cursor.readMember("username") ?? ""
            case "object":
                (outline, failure) = (nil, nil)
                if try cursor.peek() == .null { return try cursor.readNull() }
                // A pod of a wrong shape is answered by its uid, so the rest of the request has to be read.
                var attempt = cursor
                do throws(JSONError) {
                    outline = try PodOutline(reading: &attempt)
                    cursor = attempt
                } catch {
                    if error.code != .unexpectedKind { throw error }
                    failure = error
                    try cursor.skip()
                }
            default: try cursor.skip()
            }
        }
    }
}

extension JSONCursor {
    /// One string member of the object at the cursor; everything else of it is skipped, another kind of value as well.
    fileprivate mutating func readMember(_ name: StaticString) throws(JSONError) -> String? {
        guard try self.peek() == .object else {
            try self.skip()
            return nil
        }
        var value: String?
        try self.readObject { (key, cursor) throws(JSONError) in
            if key == name { value = try cursor.readStringIfPresent() } else { try cursor.skip() }
        }
        return value
    }
}
