package import JSONTree

/// A pod as bytes, with the places of what injection may need, and its annotations.
///
/// Reading it costs one pass and no tree; the parts are read from their places when a pod asks for something.
package struct PodDocument: Sendable {
    /// The document that the pod stands in: a whole AdmissionReview, or the pod alone.
    let bytes: [UInt8]
    let outline: PodOutline

    package var annotations: InjectionAnnotations { self.outline.annotations }

    init(bytes: [UInt8], outline: PodOutline) {
        self.bytes = bytes
        self.outline = outline
    }

    /// A pod that is there as a tree.
    ///
    /// - Throws: ``JSONError`` when it hasn't the shape of a pod.
    package init(_ pod: JSONObject) throws(JSONError) {
        let bytes = pod.bytes()
        self.bytes = bytes
        self.outline = try JSONCursor.withCursor(over: bytes) { (cursor) throws(JSONError) in
            try PodOutline(reading: &cursor)
        }
    }
}

/// Where the parts of a pod stand in its document. Of members with the same name the last one counts, as for the API
/// server.
struct PodOutline: Sendable {
    typealias Place = Range<Int>

    var annotations = InjectionAnnotations()

    /// Whether there are these objects at all: what is added needs a place to be added to.
    var hasMetadata = false
    var hasSpec = false

    var name: Place?
    var namespace: Place?
    var uid: Place?
    var labels: Place?
    var ownerReferences: Place?

    var containers: Place?
    var initContainers: Place?
    var volumes: Place?
    var nodeName: Place?
    var shareProcessNamespace: Place?
    var securityContext: Place?

    /// Reads the pod at the cursor.
    init(reading cursor: inout JSONCursor) throws(JSONError) {
        try cursor.readObject { (key, cursor) throws(JSONError) in
            switch key {
            case "metadata": try self.readMetadata(&cursor)
            case "spec": try self.readSpec(&cursor)
            default: try cursor.skip()
            }
        }
    }

    private mutating func readMetadata(_ cursor: inout JSONCursor) throws(JSONError) {
        self.hasMetadata = false
        self.annotations = InjectionAnnotations()
        (self.name, self.namespace, self.uid) = (nil, nil, nil)
        (self.labels, self.ownerReferences) = (nil, nil)
        if try cursor.peek() == .null { return try cursor.readNull() }
        self.hasMetadata = true
        try cursor.readObject { (key, cursor) throws(JSONError) in
            switch key {
            case "annotations": try self.readAnnotations(&cursor)
            case "name": self.name = try cursor.skipToPlace()
            case "namespace": self.namespace = try cursor.skipToPlace()
            case "uid": self.uid = try cursor.skipToPlace()
            case "labels": self.labels = try cursor.skipToPlace()
            case "ownerReferences": self.ownerReferences = try cursor.skipToPlace()
            default: try cursor.skip()
            }
        }
    }

    private mutating func readAnnotations(_ cursor: inout JSONCursor) throws(JSONError) {
        self.annotations = InjectionAnnotations()
        if try cursor.peek() == .null { return try cursor.readNull() }
        try cursor.readObject { (key, cursor) throws(JSONError) in
            guard key.isOurs else { return try cursor.skip() }
            let name = key.string
            self.annotations.set(name, try cursor.readString())
        }
    }

    private mutating func readSpec(_ cursor: inout JSONCursor) throws(JSONError) {
        self.hasSpec = false
        (self.containers, self.initContainers, self.volumes) = (nil, nil, nil)
        (self.nodeName, self.shareProcessNamespace, self.securityContext) = (nil, nil, nil)
        if try cursor.peek() == .null { return try cursor.readNull() }
        self.hasSpec = true
        try cursor.readObject { (key, cursor) throws(JSONError) in
            switch key {
            case "containers": self.containers = try cursor.skipToPlace()
            case "initContainers": self.initContainers = try cursor.skipToPlace()
            case "volumes": self.volumes = try cursor.skipToPlace()
            case "nodeName": self.nodeName = try cursor.skipToPlace()
            case "shareProcessNamespace": self.shareProcessNamespace = try cursor.skipToPlace()
            case "securityContext": self.securityContext = try cursor.skipToPlace()
            default: try cursor.skip()
            }
        }
    }
}

extension JSONCursor {
    /// Skips the next value and tells where it stands.
    mutating func skipToPlace() throws(JSONError) -> Range<Int> {
        _ = try self.peek()
        let start = self.offset
        try self.skip()
        return start..<self.offset
    }
}

extension JSONCursor.Key {
    /// Whether this can be an annotation of ours. An escaped key is looked at as a string.
    var isOurs: Bool {
        // A key of ours has 30 bytes at least; most foreign ones differ in their first byte.
        var text = self.string
        return text.withUTF8 { InjectionAnnotations.isOurs($0) }
    }
}

extension PodDocument {
    /// Reads a part of the document.
    func read<Value>(
        _ place: PodOutline.Place,
        _ body: (inout JSONCursor) throws(JSONError) -> Value
    ) throws(JSONError) -> Value {
        let result: Result<Value, JSONError> = self.bytes.withUnsafeBufferPointer { buffer in
            do throws(JSONError) {
                var cursor = try JSONCursor(unsafeBytes: UnsafeBufferPointer(rebasing: buffer[place]))
                return .success(try body(&cursor))
            } catch {
                var moved = error
                moved.offset += place.lowerBound
                return .failure(moved)
            }
        }
        return try result.get()
    }

    /// A part of the document as a tree. The part was read before, so its syntax is right; a string in it may still not
    /// be UTF-8.
    func tree(_ place: PodOutline.Place) throws(JSONError) -> JSONValue {
        try self.read(place) { (cursor) throws(JSONError) in try cursor.readValue() }
    }
}
