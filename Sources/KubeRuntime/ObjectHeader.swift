package import JSONTree
package import KubeModel

/// What every object says about itself and a cache needs to know: who it is and which version this is.
package struct ObjectHeader: Sendable, Equatable {
    package var key: ObjectKey
    package var resourceVersion: String

    package init(key: ObjectKey, resourceVersion: String) {
        self.key = key
        self.resourceVersion = resourceVersion
    }

    /// Reads the next value as an object, to its end.
    ///
    /// - Throws: ``JSONError`` when it is not an object with a `metadata` object in it.
    package init(_ cursor: inout JSONCursor) throws(JSONError) {
        var name = ""
        var namespace = ""
        var version = ""
        let start = cursor.offset
        var found = false
        try cursor.readObject { (key, cursor) throws(JSONError) in
            guard key == "metadata" else { return try cursor.skip() }
            found = true
            try cursor.readObject { (key, cursor) throws(JSONError) in
                switch key {
                case "name": name = try cursor.readString()
                case "namespace": namespace = try cursor.readString()
                case "resourceVersion": version = try cursor.readString()
                default: try cursor.skip()
                }
            }
        }
        guard found else { throw JSONError(.unexpectedKind, "the object has no metadata", offset: start) }
        self.init(key: ObjectKey(namespace: namespace, name: name), resourceVersion: version)
    }
}

/// Fills a small value from one object and skips the rest of it; what a cache keeps of each object.
///
/// It must read (or skip) exactly the next value. Strings it reads are copies, so no page or line is kept alive.
package typealias Projection<Item> = @Sendable (inout JSONCursor) throws(JSONError) -> Item

/// An object as a watch delivers it: header and projection.
package struct WatchedObject<Item: Sendable>: Sendable {
    package var key: ObjectKey
    package var resourceVersion: String
    package var item: Item

    package init(key: ObjectKey, resourceVersion: String, item: Item) {
        self.key = key
        self.resourceVersion = resourceVersion
        self.item = item
    }
}

/// The attempt to read one object: the object, or what could be read of it and the error.
enum ReadObject<Item: Sendable>: Sendable {
    case good(WatchedObject<Item>)
    case malformed(ObjectHeader?, JSONError)

    /// Reads the next value whatever its shape, so that a malformed object does not hide the ones behind it.
    ///
    /// - Throws: ``JSONError`` when the bytes are not JSON: then nothing behind them can be found either.
    init(_ cursor: inout JSONCursor, _ projection: Projection<Item>) throws(JSONError) {
        var behind = cursor
        let header: ObjectHeader
        do throws(JSONError) {
            header = try ObjectHeader(&behind)
        } catch {
            try cursor.skip()
            self = .malformed(nil, error)
            return
        }
        do throws(JSONError) {
            guard !header.key.name.isEmpty else {
                throw JSONError(.unexpectedKind, "the object has no name", offset: cursor.offset)
            }
            let item = try projection(&cursor)
            self = .good(WatchedObject(key: header.key, resourceVersion: header.resourceVersion, item: item))
        } catch {
            self = .malformed(header, error)
        }
        cursor = behind
    }
}
