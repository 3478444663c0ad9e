package import JSONTree
package import KubeModel

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
