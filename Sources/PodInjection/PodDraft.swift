import JSONTree
import KubeModel

/// A pod while it is edited: the names and places that injection decides on, and the edits.
///
/// What isn't modelled here is neither read nor written. The edits become a JSON Patch with ``patch()``.
struct PodDraft: Sendable {
    /// `containers` or `initContainers`.
    struct ContainerList: Sendable {
        var presence = Presence.absent
        fileprivate(set) var containers: [ContainerDraft] = []
        /// Indexes, in the pod as it came, of containers that were taken away.
        fileprivate(set) var removed: [Int] = []

        func place(of name: String) -> Int? { self.containers.firstIndex { $0.name == name } }
        func contains(_ name: String) -> Bool { self.place(of: name) != nil }
        var first: ContainerDraft? { self.containers.first }

        mutating func append(_ container: ContainerDraft) { self.containers.append(container) }
        mutating func insert(_ container: ContainerDraft, at place: Int) {
            self.containers.insert(container, at: min(place, self.containers.count))
        }

        mutating func removeAll(named name: String) {
            for container in self.containers where container.name == name {
                if let origin = container.origin { self.removed.append(origin) }
            }
            self.containers.removeAll { $0.name == name }
        }
    }

    /// Where a container of the draft is.
    enum ContainerPlace: Sendable, Hashable {
        case initContainer(Int)
        case container(Int)
    }

    struct Owner: Sendable {
        var kind: String
        var name: String
        var uid: String
    }

    let document: PodDocument

    let name: String
    /// `metadata.namespace`, which may be empty: the request's is the one that counts for lookups.
    let namespace: String
    let uid: String
    let nodeName: String
    let owners: [Owner]
    /// The labels that resource attributes may come from.
    let labels: [Attribute]
    let labelPresence: Presence

    private(set) var initContainers = ContainerList()
    private(set) var containers = ContainerList()

    private(set) var volumePresence = Presence.absent
    private var volumeNames: [String] = []
    private(set) var addedVolumes: [JSONObject] = []
    private(set) var addedLabels: [Attribute] = []

    /// As the pod came, `nil` when it says nothing.
    let originalShareProcessNamespace: Bool?
    /// Whether the pod has the member, if only as null.
    let hasShareProcessNamespace: Bool
    private(set) var sharesProcessNamespace = false

    /// - Throws: ``JSONError`` when a part that injection reads is of another kind than a pod has there.
    init(_ document: PodDocument) throws(JSONError) {
        let outline = document.outline
        func text(_ place: Range<Int>?) throws(JSONError) -> String {
            guard let place else { return "" }
            return try document.read(place) { (cursor) throws(JSONError) in try cursor.readStringOrNull() }
        }
        self.document = document
        self.name = try text(outline.name)
        self.namespace = try text(outline.namespace)
        self.uid = try text(outline.uid)
        self.nodeName = try text(outline.nodeName)

        var owners: [Owner] = []
        if let place = outline.ownerReferences {
            try document.read(place) { (cursor) throws(JSONError) in
                _ = try cursor.readList { (cursor) throws(JSONError) in owners.append(try Owner(reading: &cursor)) }
            }
        }
        self.owners = owners

        var labels: [Attribute] = []
        var labelPresence = Presence.absent
        if let place = outline.labels {
            labelPresence = try document.read(place) { (cursor) throws(JSONError) in
                if try cursor.peek() == .null { return .null }
                try cursor.readObject { (key, cursor) throws(JSONError) in
                    switch key {
                    case "app.kubernetes.io/instance", "app.kubernetes.io/managed-by", "app.kubernetes.io/name",
                        "app.kubernetes.io/version", "sidecar.opentelemetry.io/injected":
                        labels.append(Attribute(key: key.string, value: try cursor.readStringOrNull()))
                    default: try cursor.skip()
                    }
                }
                return .present
            }
        }
        self.labels = labels
        self.labelPresence = labelPresence

        var shared: Bool?
        if let place = outline.shareProcessNamespace {
            shared = try document.read(place) { (cursor) throws(JSONError) in
                try cursor.peek() == .null ? nil : try cursor.readBool()
            }
        }
        self.originalShareProcessNamespace = shared
        self.hasShareProcessNamespace = outline.shareProcessNamespace != nil

        if let place = outline.containers { self.containers = try ContainerList(document, place) }
        if let place = outline.initContainers { self.initContainers = try ContainerList(document, place) }
        if let place = outline.volumes {
            var names: [String] = []
            self.volumePresence = try document.read(place) { (cursor) throws(JSONError) in
                try cursor.readList { (cursor) throws(JSONError) in
                    try cursor.readObject { (key, cursor) throws(JSONError) in
                        if key == "name" { names.append(try cursor.readStringOrNull()) } else { try cursor.skip() }
                    }
                }
            }
            self.volumeNames = names
        }
    }

    // MARK: Reading

    func label(_ key: String) -> String { self.labels.last { $0.key == key }?.value ?? "" }

    /// Whether the operator itself made the pod: a collector must not get what its namespace asks for (sharp edge 4).
    var isOwnOperand: Bool { self.label("app.kubernetes.io/managed-by") == "opentelemetry-operator" }

    func hasVolume(_ name: String) -> Bool { self.volumeNames.contains(name) }

    /// The security context of a container, `nil` when it has none.
    func securityContext(of place: ContainerPlace) -> JSONValue? {
        let container = self[place]
        if let place = container.securityContextPlace { return try? self.document.tree(place) }
        return container.members["securityContext"]
    }

    // MARK: Editing

    subscript(place: ContainerPlace) -> ContainerDraft {
        get {
            switch place {
            case .initContainer(let index): self.initContainers.containers[index]
            case .container(let index): self.containers.containers[index]
            }
        }
        _modify {
            switch place {
            case .initContainer(let index): yield &self.initContainers.containers[index]
            case .container(let index): yield &self.containers.containers[index]
            }
        }
    }

    mutating func addContainer(_ container: ContainerDraft) { self.containers.append(container) }
    mutating func addInitContainer(_ container: ContainerDraft) { self.initContainers.append(container) }
    mutating func insertInitContainer(_ container: ContainerDraft, at place: Int) {
        self.initContainers.insert(container, at: place)
    }
    mutating func removeContainers(named name: String) { self.containers.removeAll(named: name) }
    mutating func removeInitContainers(named name: String) { self.initContainers.removeAll(named: name) }

    mutating func addVolume(_ volume: JSONObject) {
        self.volumeNames.append(volume[string: "name"] ?? "")
        self.addedVolumes.append(volume)
    }

    mutating func addVolumeIfAbsent(_ volume: JSONObject) {
        if !self.hasVolume(volume[string: "name"] ?? "") { self.addVolume(volume) }
    }

    mutating func setLabel(_ key: String, _ value: String) {
        self.addedLabels.append(Attribute(key: key, value: value))
    }

    mutating func shareProcessNamespace() { self.sharesProcessNamespace = true }
}

extension PodDraft.ContainerList {
    fileprivate init(_ document: PodDocument, _ place: Range<Int>) throws(JSONError) {
        var containers: [ContainerDraft] = []
        self.presence = try document.read(place) { (cursor) throws(JSONError) in
            try cursor.readList { (cursor) throws(JSONError) in
                containers.append(
                    try ContainerDraft(reading: &cursor, at: containers.count, offset: place.lowerBound)
                )
            }
        }
        self.containers = containers
    }
}

extension PodDraft.Owner {
    fileprivate init(reading cursor: inout JSONCursor) throws(JSONError) {
        var owner = (kind: "", name: "", uid: "")
        try cursor.readObject { (key, cursor) throws(JSONError) in
            switch key {
            case "kind": owner.kind = try cursor.readStringOrNull()
            case "name": owner.name = try cursor.readStringOrNull()
            case "uid": owner.uid = try cursor.readStringOrNull()
            default: try cursor.skip()
            }
        }
        self.init(kind: owner.kind, name: owner.name, uid: owner.uid)
    }
}
