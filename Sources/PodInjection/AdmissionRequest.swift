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
    /// Whether the object is a pod, as far as the request says what it is.
    package var isAboutPod: Bool { self.kind.isEmpty || self.kind == "Pod" }
    /// Why there is no ``pod``.
    package private(set) var problem = ""

    /// Reads the body of a request.
    ///
    /// - Throws: ``JSONError`` when it is not JSON, or not an AdmissionReview with a request: then there is no uid that
    ///   an answer could carry.
    package init(scanning body: [UInt8]) throws(JSONError) {
        let read: Result<(outline: PodOutline?, failure: JSONError?, found: Bool), JSONError> =
            body.withUnsafeBufferPointer { buffer in
                do throws(JSONError) {
                    return .success(try self.read(buffer))
                } catch {
                    return .failure(error)
                }
            }
        let (outline, failure, found) = try read.get()
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
        _ buffer: UnsafeBufferPointer<UInt8>
    ) throws(JSONError) -> (outline: PodOutline?, failure: JSONError?, found: Bool) {
        var outline: PodOutline?
        var failure: JSONError?
        var found = false
        var scanner = try ReviewScanner(unsafeBytes: buffer)
        try scanner.readMembers { (name, scanner) throws(JSONError) in
            guard name.equals("request"), try !scanner.isNull() else { return _ = try scanner.skip() }
            found = true
            self = AdmissionRequest()
            (outline, failure) = (nil, nil)
            try self.readRequest(&scanner, &outline, &failure)
        }
        try scanner.expectEnd()
        return (outline, failure, found)
    }

    private mutating func readRequest(
        _ scanner: inout ReviewScanner,
        _ outline: inout PodOutline?,
        _ failure: inout JSONError?
    ) throws(JSONError) {
        try scanner.readMembers { (name, scanner) throws(JSONError) in
            switch name {
            case "uid": self.uid = try scanner.readStringIfPresent() ?? ""
            case "namespace": self.namespace = try scanner.readStringIfPresent() ?? ""
            case "name": self.name = try scanner.readStringIfPresent() ?? ""
            case "operation": self.operation = try scanner.readStringIfPresent() ?? ""
            case "subResource": self.subresource = try scanner.readStringIfPresent() ?? ""
            case "dryRun":
                self.isDryRun = try scanner.peek() == UInt8(ascii: "t")
                try scanner.skip()
            case "kind": self.kind = try scanner.readMember("kind")
            case "userInfo": self.username = try scanner.readMember("username")
            case "object":
                (outline, failure) = (nil, nil)
                if try scanner.isNull() { return _ = try scanner.skip() }
                // A pod of a wrong shape is answered by its uid, so the rest of the request has to be read.
                var attempt = scanner
                do throws(JSONError) {
                    outline = try PodOutline(reading: &attempt)
                    scanner = attempt
                } catch {
                    if error.code != .unexpectedKind { throw error }
                    failure = error
                    try scanner.skip()
                }
            default: try scanner.skip()
            }
        }
    }
}

extension ReviewScanner {
    /// One string member of the object that follows; everything else of it is passed over. Empty when there is none.
    fileprivate mutating func readMember(_ wanted: StaticString) throws(JSONError) -> String {
        guard try self.peek() == UInt8(ascii: "{") else {
            try self.skip()
            return ""
        }
        var value = ""
        try self.readMembers { (name, scanner) throws(JSONError) in
            if name.equals(wanted) { value = try scanner.readStringIfPresent() ?? "" } else { try scanner.skip() }
        }
        return value
    }
}
