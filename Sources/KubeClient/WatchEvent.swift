package import JSONTree
package import KubeModel
package import NIOCore

/// One event of a watch, its object still unread.
package struct WatchEvent: Sendable {
    package enum Kind: String, Sendable, Hashable {
        case added = "ADDED"
        case modified = "MODIFIED"
        case deleted = "DELETED"
        /// Only `metadata.resourceVersion` of the object counts.
        case bookmark = "BOOKMARK"
        /// The object is a `Status`; see ``WatchEvent/status()``.
        case error = "ERROR"
    }

    package var kind: Kind
    /// The JSON of the object. May share its storage with neighbouring events: copy what is kept for long.
    package var object: ByteBuffer

    package init(kind: Kind, object: ByteBuffer) {
        self.kind = kind
        self.object = object
    }

    /// Reads the object with a cursor.
    package func decode<Value>(
        _ read: (inout JSONCursor) throws(JSONError) -> Value
    ) throws(JSONError) -> Value {
        try JSONCursor.withCursor(over: self.object.readableBytesView, read)
    }

    /// The object as a tree.
    ///
    /// - Throws: ``JSONError`` when it is not a JSON object.
    package func tree() throws(JSONError) -> KubeObject {
        KubeObject(try self.decode { (cursor) throws(JSONError) in try cursor.readObjectTree() })
    }

    /// The object of an ``Kind/error`` event as the error that it is; 500 when it is no `Status` at all.
    package func status() -> APIError {
        do {
            let json = try self.tree().json
            guard json[string: "kind"] == "Status" else {
                return APIError(code: 500, message: "the watch sent an error that is no Status", status: json)
            }
            return APIError(status: json, code: 0)
        } catch {
            return APIError(code: 500, message: "the watch sent an error that is no Status: \(error)")
        }
    }
}

extension WatchEvent {
    /// Reads a line `{"type":"ADDED","object":{…}}`.
    ///
    /// The API server writes the members in this order and without blanks; then the object is found without looking at
    /// its bytes, which whoever reads the object will check.
    ///
    /// - Throws: ``JSONError`` for another kind of line.
    init(line: ByteBuffer) throws(JSONError) {
        if let event = Self.quick(line) {
            self = event
            return
        }
        let start = line.readerIndex
        let (type, place) = try JSONCursor.withCursor(over: line.readableBytesView) {
            (cursor) throws(JSONError) -> (String?, Range<Int>?) in
            var type: String?
            var place: Range<Int>?
            try cursor.readObject { (key, cursor) throws(JSONError) in
                switch key {
                case "type": type = try cursor.readString()
                case "object":
                    let bytes = try cursor.skipToRaw()
                    place = cursor.offset - bytes.count..<cursor.offset
                default: try cursor.skip()
                }
            }
            return (type, place)
        }
        guard let type, let kind = Kind(rawValue: type), let place,
            let object = line.getSlice(at: start + place.lowerBound, length: place.count)
        else {
            throw JSONError(.unexpectedKind, "expected a watch event with type and object", offset: 0)
        }
        self.init(kind: kind, object: object)
    }

    private static func quick(_ line: ByteBuffer) -> WatchEvent? {
        for (kind, prefix) in Self.prefixes {
            let length = line.readableBytes - prefix.count - 1
            guard length > 1, line.readableBytesView.starts(with: prefix),
                line.readableBytesView.last == UInt8(ascii: "}"),
                let object = line.getSlice(at: line.readerIndex + prefix.count, length: length),
                object.readableBytesView.first == UInt8(ascii: "{"),
                object.readableBytesView.last == UInt8(ascii: "}")
            else { continue }
            return WatchEvent(kind: kind, object: object)
        }
        return nil
    }

    private static let prefixes: [(Kind, [UInt8])] = [Kind.modified, .added, .bookmark, .deleted, .error].map {
        ($0, Array(#"{"type":"\#($0.rawValue)","object":"#.utf8))
    }
}
