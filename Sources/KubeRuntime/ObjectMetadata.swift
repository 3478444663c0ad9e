package import JSONTree
package import KubeModel
import Synchronization

/// The metadata of an object in a compact form, for stores that need no more than that.
package struct ObjectMetadata: Sendable, Hashable {
    package struct Owner: Sendable, Hashable {
        package var apiVersion: String
        package var kind: String
        package var name: String
        package var uid: String {
            get { self.compactUID.text }
            set { self.compactUID = CompactUID(newValue) }
        }
        package var isController: Bool
        private var compactUID: CompactUID

        package init(apiVersion: String, kind: String, name: String, uid: String, isController: Bool) {
            self.apiVersion = apiVersion
            self.kind = kind
            self.name = name
            self.compactUID = CompactUID(uid)
            self.isController = isController
        }

        package var groupKind: GroupKind { GroupVersionKind(apiVersion: self.apiVersion, kind: self.kind).groupKind }
    }

    package var key: ObjectKey
    package var uid: String {
        get { self.compactUID.text }
        set { self.compactUID = CompactUID(newValue) }
    }
    private var compactUID: CompactUID
    package var resourceVersion: String
    /// 0 for kinds that do not count generations.
    package var generation: Int
    package var isDeleting: Bool
    package var labels: StringMap
    /// Empty unless the projection was asked for annotations.
    package var annotations: StringMap
    package var owners: [Owner]

    package init(
        key: ObjectKey,
        uid: String = "",
        resourceVersion: String = "",
        generation: Int = 0,
        isDeleting: Bool = false,
        labels: StringMap = [:],
        annotations: StringMap = [:],
        owners: [Owner] = []
    ) {
        self.key = key
        self.compactUID = CompactUID(uid)
        self.resourceVersion = resourceVersion
        self.generation = generation
        self.isDeleting = isDeleting
        self.labels = labels
        self.annotations = annotations
        self.owners = owners
    }

    /// The one owner that controls this object, if any.
    package var controller: Owner? { self.owners.first { $0.isController } }

    /// Which annotations a projection keeps: they are the largest part of many objects' metadata.
    package enum AnnotationChoice: Sendable {
        case none, all
        case only(Set<String>)
    }

    /// A projection for `Store`; its strings are shared between the objects it reads.
    ///
    /// - Parameter versions: whether resource versions are kept. Without them an update that changes nothing else (a
    ///   status, a managed field) leaves the projection equal, so a store tells nobody about it.
    package static func projection(
        annotations: AnnotationChoice = .none,
        versions: Bool = true
    ) -> Projection<ObjectMetadata> {
        let pool = StringPool()
        return { (cursor) throws(JSONError) in
            try ObjectMetadata(&cursor, annotations: annotations, versions: versions, pool: pool)
        }
    }
}

extension ObjectMetadata {
    /// Reads the next value as an object and keeps its metadata.
    package init(
        _ cursor: inout JSONCursor,
        annotations choice: AnnotationChoice = .none,
        versions: Bool = true,
        pool: StringPool? = nil
    ) throws(JSONError) {
        self.init(key: ObjectKey(name: ""))
        func shared(_ text: String) -> String { pool?.intern(text) ?? text }
        try cursor.readObject { (key, cursor) throws(JSONError) in
            guard key == "metadata" else { return try cursor.skip() }
            try cursor.readObject { (key, cursor) throws(JSONError) in
                switch key {
                case "name": self.key.name = try cursor.readString()
                case "namespace": self.key.namespace = shared(try cursor.readString())
                case "uid": self.uid = try cursor.readString()
                case "resourceVersion" where versions: self.resourceVersion = try cursor.readString()
                case "generation": self.generation = try cursor.readNumber().int ?? 0
                case "deletionTimestamp": self.isDeleting = try cursor.readStringIfPresent() != nil
                case "labels":
                    self.labels = try StringMap(&cursor) { (key, cursor) throws(JSONError) in
                        (shared(key), shared(try cursor.readString()))
                    }
                case "annotations":
                    switch choice {
                    case .none: try cursor.skip()
                    case .all:
                        self.annotations = try StringMap(&cursor) { (key, cursor) throws(JSONError) in
                            (shared(key), try cursor.readString())
                        }
                    case .only(let wanted):
                        self.annotations = try StringMap(&cursor) { (key, cursor) throws(JSONError) in
                            guard wanted.contains(key) else {
                                try cursor.skip()
                                return nil
                            }
                            return (shared(key), try cursor.readString())
                        }
                    }
                case "ownerReferences":
                    try cursor.readArray { (cursor) throws(JSONError) in
                        self.owners.append(try Owner(&cursor, shared: shared))
                    }
                default: try cursor.skip()
                }
            }
        }
    }
}

extension ObjectMetadata.Owner {
    fileprivate init(_ cursor: inout JSONCursor, shared: (String) -> String) throws(JSONError) {
        self.init(apiVersion: "", kind: "", name: "", uid: "", isController: false)
        try cursor.readObject { (key, cursor) throws(JSONError) in
            switch key {
            case "apiVersion": self.apiVersion = shared(try cursor.readString())
            case "kind": self.kind = shared(try cursor.readString())
            case "name": self.name = shared(try cursor.readString())
            case "uid": self.uid = try cursor.readString()
            case "controller": self.isController = try cursor.readBool()
            default: try cursor.skip()
            }
        }
    }
}

/// A uid in 17 bytes instead of the 80 of its text: all that the API server makes are UUIDs.
struct CompactUID: Sendable, Hashable {
    private enum Form: Sendable, Hashable {
        case uuid(UInt64, UInt64)
        case text(String)
    }

    private let form: Form

    init(_ text: String) {
        var halves: (UInt64, UInt64) = (0, 0)
        var digits = 0
        for (place, byte) in text.utf8.enumerated() {
            if place == 8 || place == 13 || place == 18 || place == 23 {
                if byte == UInt8(ascii: "-") { continue }
                digits = -1
                break
            }
            let value: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = byte - UInt8(ascii: "0")
            // Lower case only: the text has to come back as it was.
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = byte - UInt8(ascii: "a") + 10
            default: value = 0xFF
            }
            guard value != 0xFF, digits < 32 else {
                digits = -1
                break
            }
            if digits < 16 {
                halves.0 = halves.0 << 4 | UInt64(value)
            } else {
                halves.1 = halves.1 << 4 | UInt64(value)
            }
            digits += 1
        }
        self.form = digits == 32 && text.utf8.count == 36 ? .uuid(halves.0, halves.1) : .text(text)
    }

    var text: String {
        switch self.form {
        case .text(let text): return text
        case .uuid(let high, let low):
            let hex: StaticString = "0123456789abcdef"
            return String(unsafeUninitializedCapacity: 36) { buffer in
                var place = 0
                for digit in 0..<32 {
                    if digit == 8 || digit == 12 || digit == 16 || digit == 20 {
                        buffer[place] = UInt8(ascii: "-")
                        place += 1
                    }
                    let half = digit < 16 ? high : low
                    buffer[place] = hex.utf8Start[Int(half >> UInt64(60 - digit % 16 * 4) & 15)]
                    place += 1
                }
                return place
            }
        }
    }
}

/// A map of strings in one sorted array: a third of a dictionary's memory for the few labels objects have.
package struct StringMap: Sendable, Hashable {
    private struct Pair: Sendable, Hashable {
        var key: String
        var value: String
    }

    private var pairs: [Pair] = []

    package init() {}

    package init(_ dictionary: [String: String]) {
        self.pairs = dictionary.map { Pair(key: $0.key, value: $0.value) }.sorted { $0.key < $1.key }
    }

    /// Reads an object of strings (or null); `read` gives each pair, or `nil` to leave one out.
    init(
        _ cursor: inout JSONCursor,
        _ read: (String, inout JSONCursor) throws(JSONError) -> (String, String)?
    ) throws(JSONError) {
        if try cursor.peek() == .null {
            try cursor.readNull()
            return
        }
        try cursor.readObject { (key, cursor) throws(JSONError) in
            guard let (key, value) = try read(key.string, &cursor) else { return }
            self.pairs.append(Pair(key: key, value: value))
        }
        // The API server writes keys in order, so this mostly finds nothing to do.
        self.pairs.sort { $0.key < $1.key }
    }

    package var count: Int { self.pairs.count }
    package var isEmpty: Bool { self.pairs.isEmpty }
    package var dictionary: [String: String] {
        Dictionary(self.pairs.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
    }

    package subscript(key: String) -> String? { self.pairs.first { $0.key == key }?.value }
}

extension StringMap: ExpressibleByDictionaryLiteral {
    package init(dictionaryLiteral elements: (String, String)...) {
        self.init(Dictionary(elements, uniquingKeysWith: { $1 }))
    }
}

/// Gives equal strings one shared storage. Strings of up to 15 bytes have no storage and long ones seldom repeat: both
/// pass through. Bounded: past its capacity it starts over, which costs sharing, not correctness.
package final class StringPool: Sendable {
    private let strings = Mutex<Set<String>>([])
    private let capacity: Int

    package init(capacity: Int = 4096) { self.capacity = capacity }

    var count: Int { self.strings.withLock { $0.count } }

    package func intern(_ text: String) -> String {
        guard (16...128).contains(text.utf8.count) else { return text }
        return self.strings.withLock { strings in
            if strings.count >= self.capacity { strings.removeAll() }
            return strings.insert(text).memberAfterInsert
        }
    }
}
