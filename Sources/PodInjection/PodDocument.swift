package import JSONTree

/// A pod as bytes, with the places of what injection may need, and its annotations.
///
/// Reading it costs one pass and no tree; the parts are read from their places when a pod asks for something.
package final class PodDocument: Sendable {
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
        let outline: Result<PodOutline, JSONError> = bytes.withUnsafeBufferPointer { buffer in
            do throws(JSONError) {
                var scanner = try ReviewScanner(unsafeBytes: buffer)
                return .success(try PodOutline(reading: &scanner))
            } catch {
                return .failure(error)
            }
        }
        self.outline = try outline.get()
    }
}

/// Where the parts of a pod stand in its document. Of members with the same name the last one counts, as for the API
/// server.
struct PodOutline: Sendable {
    typealias Place = Range<Int>

    var annotations = InjectionAnnotations()
    var annotationPresence = Presence.absent
    /// What an earlier pass said of the pod (``InjectionStamp``).
    var stamp: String?

    /// Whether there are these objects at all: what is added needs a place to be added to.
    var hasMetadata = false
    var hasSpec = false
    /// All of `spec`.
    var spec: Place?

    var name: Place?
    var namespace: Place?
    var uid: Place?
    var labels: Place?
    var ownerReferences: Place?
    /// All annotations, not only ours.
    var allAnnotations: Place?

    var containers: Place?
    var initContainers: Place?
    var volumes: Place?
    var nodeName: Place?
    var shareProcessNamespace: Place?
    var securityContext: Place?
    var os: Place?
    var hostPID: Place?

    /// Reads the pod at the scanner.
    init(reading scanner: inout ReviewScanner) throws(JSONError) {
        try scanner.readMembers { (key, scanner) throws(JSONError) in
            switch key {
            case "metadata": try self.readMetadata(&scanner)
            case "spec": self.spec = try scanner.place { (scanner) throws(JSONError) in try self.readSpec(&scanner) }
            default: try scanner.skip()
            }
        }
    }

    private mutating func readMetadata(_ scanner: inout ReviewScanner) throws(JSONError) {
        self.hasMetadata = false
        self.annotations = InjectionAnnotations()
        (self.annotationPresence, self.stamp) = (.absent, nil)
        (self.name, self.namespace, self.uid) = (nil, nil, nil)
        (self.labels, self.ownerReferences, self.allAnnotations) = (nil, nil, nil)
        if try scanner.isNull() { return _ = try scanner.skip() }
        self.hasMetadata = true
        try scanner.readMembers { (key, scanner) throws(JSONError) in
            switch key {
            case "annotations":
                self.allAnnotations = try scanner.place { (scanner) throws(JSONError) in
                    try self.readAnnotations(&scanner)
                }
            case "name": self.name = try scanner.skip()
            case "namespace": self.namespace = try scanner.skip()
            case "uid": self.uid = try scanner.skip()
            case "labels": self.labels = try scanner.skip()
            case "ownerReferences": self.ownerReferences = try scanner.skip()
            default: try scanner.skip()
            }
        }
    }

    private mutating func readAnnotations(_ scanner: inout ReviewScanner) throws(JSONError) {
        self.annotations = InjectionAnnotations()
        (self.annotationPresence, self.stamp) = (.null, nil)
        if try scanner.isNull() { return _ = try scanner.skip() }
        self.annotationPresence = .present
        try scanner.readMembers { (key, scanner) throws(JSONError) in
            if key.equals(stampKey) { return self.stamp = try scanner.readString() }
            guard InjectionAnnotations.isOurs(key) else { return _ = try scanner.skip() }
            self.annotations.set(key, try scanner.readString())
        }
    }

    private mutating func readSpec(_ scanner: inout ReviewScanner) throws(JSONError) {
        self.hasSpec = false
        (self.containers, self.initContainers, self.volumes) = (nil, nil, nil)
        (self.nodeName, self.shareProcessNamespace, self.hostPID) = (nil, nil, nil)
        (self.securityContext, self.os) = (nil, nil)
        if try scanner.isNull() { return _ = try scanner.skip() }
        self.hasSpec = true
        try scanner.readMembers { (key, scanner) throws(JSONError) in
            switch key {
            case "containers": self.containers = try scanner.skip()
            case "initContainers": self.initContainers = try scanner.skip()
            case "volumes": self.volumes = try scanner.skip()
            case "nodeName": self.nodeName = try scanner.skip()
            case "shareProcessNamespace": self.shareProcessNamespace = try scanner.skip()
            case "securityContext": self.securityContext = try scanner.skip()
            case "os": self.os = try scanner.skip()
            case "hostPID": self.hostPID = try scanner.skip()
            default: try scanner.skip()
            }
        }
    }
}

/// ``InjectionStamp/annotation``, for comparing bytes.
private let stampKey: StaticString = "swiftlet.opentelemetry.io/injection"

extension ReviewScanner {
    /// Where the value stands that `body` reads.
    fileprivate mutating func place(
        _ body: (inout ReviewScanner) throws(JSONError) -> Void
    ) throws(JSONError) -> PodOutline.Place {
        _ = try self.peek()
        let start = self.position
        try body(&self)
        return start..<self.position
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

extension JSONCursor {
    /// Skips the next value and tells where it stands.
    mutating func skipToPlace() throws(JSONError) -> Range<Int> {
        _ = try self.peek()
        let start = self.offset
        try self.skip()
        return start..<self.offset
    }
}
