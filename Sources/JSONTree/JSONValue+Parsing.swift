extension JSONValue {
    /// Reads one document.
    ///
    /// - Throws: ``JSONError`` with line and column for malformed, too large or too deeply nested input. Of members with
    ///   the same name the last one counts, as for the Kubernetes API server.
    package init(parsing bytes: some Sequence<UInt8>, limits: JSONLimits = .standard) throws(JSONError) {
        self = try JSONCursor.withCursor(over: bytes, limits: limits) { (cursor) throws(JSONError) in
            try cursor.readValue()
        }
    }

    package init(parsing text: String, limits: JSONLimits = .standard) throws(JSONError) {
        try self.init(parsing: text.utf8, limits: limits)
    }
}
