import JSONTree
import KubeModel

/// A container while it is edited: one of the pod, of which only the parts that injection looks at were read, or a new
/// one, which is whole.
struct ContainerDraft: Sendable {
    /// A volume mount: its names, and where the rest of it is.
    struct Mount: Sendable {
        enum Source: Sendable {
            case mount(readOnly: Bool)
            case tree(JSONObject)
            case document(Range<Int>)
        }

        var name: String
        var path: String
        var source: Source
    }

    /// The index in the pod as it came; `nil` for a new container.
    let origin: Int?
    let name: String
    var image = ""
    var environment = EnvironmentDraft()

    var mountPresence = Presence.absent
    private(set) var mounts: [Mount] = []
    /// How many of ``mounts`` came with the pod.
    private(set) var originalMountCount = 0
    /// Indexes, in the pod as it came, of mounts that were taken away.
    private(set) var removedMounts: [Int] = []

    /// The members of a new container but `env` and `volumeMounts`; empty for one of the pod.
    var members: JSONObject
    /// Where further members of a container of the pod are.
    var securityContextPlace: Range<Int>?
    var envFromPlace: Range<Int>?
    var imagePullPolicyPlace: Range<Int>?

    /// A new container.
    init(_ container: JSONObject) {
        self.origin = nil
        self.name = container[string: "name"] ?? ""
        self.image = container[string: "image"] ?? ""
        self.members = container
        if let variables = self.members.remove("env")?.array {
            self.environment.presence = .present
            for case .object(let variable) in variables { self.environment.append(EnvVar(variable)) }
        }
        if let mounts = self.members.remove("volumeMounts")?.array {
            for case .object(let mount) in mounts { self.addMount(mount) }
        }
    }

    /// A container of the pod.
    init(reading cursor: inout JSONCursor, at index: Int, offset: Int) throws(JSONError) {
        var name = ""
        var image = ""
        var environment = EnvironmentDraft()
        var mounts: [Mount] = []
        var mountPresence = Presence.absent
        var securityContext: Range<Int>?
        var envFrom: Range<Int>?
        var imagePullPolicy: Range<Int>?
        try cursor.readObject { (key, cursor) throws(JSONError) in
            switch key {
            case "name": name = try cursor.readStringOrNull()
            case "image": image = try cursor.readStringOrNull()
            case "env": environment = try EnvironmentDraft(reading: &cursor, offset: offset)
            case "volumeMounts":
                mounts = []
                mountPresence = try cursor.readList { (cursor) throws(JSONError) in
                    mounts.append(try Mount(reading: &cursor, offset: offset))
                }
            case "securityContext": securityContext = try cursor.skipToPresentPlace(offset: offset)
            case "envFrom": envFrom = try cursor.skipToPresentPlace(offset: offset)
            case "imagePullPolicy": imagePullPolicy = try cursor.skipToPresentPlace(offset: offset)
            default: try cursor.skip()
            }
        }
        self.origin = index
        self.name = name
        self.image = image
        self.environment = environment
        self.mounts = mounts
        self.originalMountCount = mounts.count
        self.mountPresence = mountPresence
        self.members = [:]
        self.securityContextPlace = securityContext
        self.envFromPlace = envFrom
        self.imagePullPolicyPlace = imagePullPolicy
    }

    mutating func addMount(_ name: String, at path: String, readOnly: Bool = false) {
        self.mounts.append(Mount(name: name, path: path, source: .mount(readOnly: readOnly)))
    }

    mutating func addMount(_ mount: JSONObject) {
        self.mounts.append(
            Mount(name: mount[string: "name"] ?? "", path: mount[string: "mountPath"] ?? "", source: .tree(mount))
        )
    }

    mutating func addMount(_ mount: Mount) { self.mounts.append(mount) }

    func hasMount(_ name: String) -> Bool { self.mounts.contains { $0.name == name } }

    /// Whether something is mounted right there; a slash at the end makes no difference.
    func hasMount(at path: String) -> Bool {
        func trimmed(_ path: String) -> Substring { path.hasSuffix("/") ? path.dropLast() : path[...] }
        return self.mounts.contains { trimmed($0.path) == trimmed(path) }
    }

    mutating func removeMount(at place: Int) {
        // Only mounts of the pod are ever taken away, and they stand before the added ones.
        guard place < self.originalMountCount else { return }
        var origin = place
        for removed in self.removedMounts.sorted() where removed <= origin { origin += 1 }
        self.removedMounts.append(origin)
        self.mounts.remove(at: place)
        self.originalMountCount -= 1
    }

    /// The mounts that were added.
    var addedMounts: ArraySlice<Mount> { self.mounts[self.originalMountCount...] }
}

extension ContainerDraft.Mount {
    fileprivate init(reading cursor: inout JSONCursor, offset: Int) throws(JSONError) {
        var name = ""
        var path = ""
        _ = try cursor.peek()
        let start = cursor.offset
        try cursor.readObject { (key, cursor) throws(JSONError) in
            switch key {
            case "name": name = try cursor.readStringOrNull()
            case "mountPath": path = try cursor.readStringOrNull()
            default: try cursor.skip()
            }
        }
        self.init(name: name, path: path, source: .document(start + offset..<cursor.offset + offset))
    }
}

extension EnvironmentDraft {
    fileprivate init(reading cursor: inout JSONCursor, offset: Int) throws(JSONError) {
        self.init()
        var index = 0
        self.presence = try cursor.readList { (cursor) throws(JSONError) in
            var name = ""
            var value: String?
            var isReference = false
            var fieldPath = ""
            _ = try cursor.peek()
            let start = cursor.offset
            try cursor.readObject { (key, cursor) throws(JSONError) in
                switch key {
                case "name": name = try cursor.readStringOrNull()
                case "value":
                    if try cursor.peek() == .null {
                        try cursor.readNull()
                        // A null member is there: to give it a value is to replace it.
                        value = ""
                    } else {
                        value = try cursor.readString()
                    }
                case "valueFrom":
                    isReference = try cursor.peek() != .null
                    fieldPath = try cursor.readFieldPath()
                default: try cursor.skip()
                }
            }
            self.appendOriginal(
                Entry(
                    name: name,
                    signature: EnvironmentName.signature(of: name),
                    value: value ?? "",
                    isReference: isReference,
                    fieldPath: fieldPath,
                    hasValue: value != nil,
                    source: .document(start + offset..<cursor.offset + offset),
                    origin: index
                )
            )
            index += 1
        }
    }
}

extension JSONCursor {
    /// A string; null counts as an empty one, as everywhere in Kubernetes.
    mutating func readStringOrNull() throws(JSONError) -> String {
        if try self.peek() == .null {
            try self.readNull()
            return ""
        }
        return try self.readString()
    }

    /// The elements of an array that may also be null.
    mutating func readList(
        _ body: (inout JSONCursor) throws(JSONError) -> Void
    ) throws(JSONError) -> Presence {
        if try self.peek() == .null {
            try self.readNull()
            return .null
        }
        try self.readArray(body)
        return .present
    }

    /// `fieldRef.fieldPath` of the object at the cursor; empty when it has none.
    fileprivate mutating func readFieldPath() throws(JSONError) -> String {
        guard try self.peek() == .object else {
            try self.skip()
            return ""
        }
        var path = ""
        try self.readObject { (key, cursor) throws(JSONError) in
            guard key == "fieldRef" else { return try cursor.skip() }
            // Of two the last one counts.
            path = ""
            guard try cursor.peek() == .object else { return try cursor.skip() }
            try cursor.readObject { (key, cursor) throws(JSONError) in
                if key == "fieldPath" { path = try cursor.readStringOrNull() } else { try cursor.skip() }
            }
        }
        return path
    }

    /// The place of the next value, `nil` for null.
    mutating func skipToPresentPlace(offset: Int) throws(JSONError) -> Range<Int>? {
        if try self.peek() == .null {
            try self.readNull()
            return nil
        }
        let place = try self.skipToPlace()
        return place.lowerBound + offset..<place.upperBound + offset
    }
}
