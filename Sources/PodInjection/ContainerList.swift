import JSONTree

/// `containers` or `initContainers` of a pod while it is edited.
struct ContainerList: Sendable {
    var presence = Presence.absent
    private(set) var containers: [ContainerDraft] = []
    /// Indexes, in the pod as it came, of containers that were taken away.
    private(set) var removed: [Int] = []

    func place(of name: String) -> Int? { self.containers.firstIndex { $0.name == name } }
    func contains(_ name: String) -> Bool { self.place(of: name) != nil }
    var first: ContainerDraft? { self.containers.first }

    subscript(index: Int) -> ContainerDraft {
        get { self.containers[index] }
        _modify { yield &self.containers[index] }
    }

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

extension ContainerList {
    init(_ document: PodDocument, _ place: Range<Int>) throws(JSONError) {
        // A patch repeats parts of containers byte by byte, and must be JSON whatever those are.
        let isText = document.bytes.withUnsafeBufferPointer { UnsafeBufferPointer(rebasing: $0[place]).isUTF8 }
        guard isText else {
            throw JSONError(.encoding, "a container is not valid UTF-8", offset: place.lowerBound)
        }
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
