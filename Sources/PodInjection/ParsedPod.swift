import JSONTree
import KubeModel

/// A pod as it came: the names and places that injection decides on. What isn't modelled here is not read.
final class ParsedPod: Sendable {
    struct Owner: Sendable {
        var apiVersion: String
        var kind: String
        var name: String
        var uid: String
        var isController: Bool
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

    let initContainers: ContainerList
    let containers: ContainerList
    let volumePresence: Presence
    let volumeNames: [String]

    /// As the pod came, `nil` when it says nothing.
    let sharesProcessNamespace: Bool?
    /// Whether the pod has the member, if only as null.
    let hasShareProcessNamespace: Bool
    /// Whether it sees the processes of its node (`spec.hostPID`).
    let usesHostProcesses: Bool
    /// Whether it says that it is for Windows (`spec.os.name`).
    let isWindows: Bool

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
        self.sharesProcessNamespace = shared
        self.hasShareProcessNamespace = outline.shareProcessNamespace != nil
        var usesHostProcesses = false
        if let place = outline.hostPID {
            usesHostProcesses = try document.read(place) { (cursor) throws(JSONError) in
                try cursor.peek() == .null ? false : try cursor.readBool()
            }
        }
        self.usesHostProcesses = usesHostProcesses
        var system = ""
        if let place = outline.os {
            try document.read(place) { (cursor) throws(JSONError) in
                if try cursor.peek() == .null { return }
                try cursor.readObject { (key, cursor) throws(JSONError) in
                    if key == "name" { system = try cursor.readStringOrNull() } else { try cursor.skip() }
                }
            }
        }
        self.isWindows = system == "windows"

        self.containers =
            try outline.containers.map { place throws(JSONError) in try ContainerList(document, place) }
            ?? ContainerList()
        self.initContainers =
            try outline.initContainers.map { place throws(JSONError) in try ContainerList(document, place) }
            ?? ContainerList()
        var names: [String] = []
        var volumePresence = Presence.absent
        if let place = outline.volumes {
            volumePresence = try document.read(place) { (cursor) throws(JSONError) in
                try cursor.readList { (cursor) throws(JSONError) in
                    try cursor.readObject { (key, cursor) throws(JSONError) in
                        if key == "name" { names.append(try cursor.readStringOrNull()) } else { try cursor.skip() }
                    }
                }
            }
        }
        self.volumeNames = names
        self.volumePresence = volumePresence
    }

    /// The pod's own security context, which its containers' contexts add to.
    var securityContext: JSONObject? {
        self.document.outline.securityContext.flatMap { try? self.document.tree($0) }?.object
    }

    func label(_ key: String) -> String { self.labels.last { $0.key == key }?.value ?? "" }

    /// Whether the operator itself made the pod: a collector must not get what its namespace asks for (sharp edge 4).
    var isOwnOperand: Bool { self.label("app.kubernetes.io/managed-by") == "opentelemetry-operator" }
}

extension ParsedPod.Owner {
    fileprivate init(reading cursor: inout JSONCursor) throws(JSONError) {
        var owner = (apiVersion: "", kind: "", name: "", uid: "", isController: false)
        try cursor.readObject { (key, cursor) throws(JSONError) in
            switch key {
            case "apiVersion": owner.apiVersion = try cursor.readStringOrNull()
            case "controller":
                if try cursor.peek() == .null {
                    try cursor.readNull()
                } else {
                    owner.isController = try cursor.readBool()
                }
            case "kind": owner.kind = try cursor.readStringOrNull()
            case "name": owner.name = try cursor.readStringOrNull()
            case "uid": owner.uid = try cursor.readStringOrNull()
            default: try cursor.skip()
            }
        }
        self.init(
            apiVersion: owner.apiVersion,
            kind: owner.kind,
            name: owner.name,
            uid: owner.uid,
            isController: owner.isController
        )
    }
}
