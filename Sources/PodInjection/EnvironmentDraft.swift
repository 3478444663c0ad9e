import JSONTree
import KubeModel

/// The `env` of a container while it is edited: which entries came with the pod, and what became of them.
struct EnvironmentDraft: Sendable {
    struct Entry: Sendable {
        /// Where the content of an entry is.
        enum Source: Sendable {
            /// A variable of ours with a plain value.
            case value
            /// A variable of ours from a field of the pod.
            case field
            /// An entry as it stands in a custom resource.
            case tree(JSONObject)
            /// An entry of the pod, at its place in the document.
            case document(Range<Int>)
        }

        var name: String
        var signature: UInt32
        /// The plain value; empty for a reference.
        var value: String
        /// Whether the value comes from elsewhere (`valueFrom`).
        var isReference: Bool
        /// The field of the pod that a reference takes its value from; empty for any other.
        var fieldPath = ""
        /// Whether the entry has a member `value`; only told for entries of the pod.
        var hasValue = true
        var source: Source
        /// The index in the pod as it came, `nil` for an entry that was added (or moved, which is the same to a patch).
        var origin: Int?
        /// Whether ``value`` is another than the one the entry came with.
        var isChanged = false
    }

    var presence = Presence.absent
    private(set) var entries: [Entry] = []
    /// Indexes, in the pod as it came, of entries that were moved away.
    private(set) var removed: [Int] = []

    // MARK: Reading

    /// The place of the last entry of a name: of several, that is the one a program sees.
    func place(of name: EnvironmentName) -> Int? {
        self.entries.withUnsafeBufferPointer { entries in
            var place = entries.count - 1
            while place >= 0 {
                if entries[place].signature == name.signature, entries[place].name == name.text { return place }
                place -= 1
            }
            return nil
        }
    }

    func contains(_ name: EnvironmentName) -> Bool { self.place(of: name) != nil }

    /// The plain value of a variable; `nil` when it is absent or a reference.
    func value(of name: EnvironmentName) -> String? {
        guard let place = self.place(of: name), !self.entries[place].isReference else { return nil }
        return self.entries[place].value
    }

    /// Whether a variable is there whose value comes from elsewhere, so that nothing can be joined to it.
    func isReference(_ name: EnvironmentName) -> Bool {
        self.place(of: name).map { self.entries[$0].isReference } ?? false
    }

    // MARK: Editing

    /// An entry that came with the pod.
    mutating func appendOriginal(_ entry: Entry) { self.entries.append(entry) }

    /// One variable seldom comes alone, so room is made for all that a language adds.
    private mutating func add(_ entry: Entry, at place: Int? = nil) {
        if self.entries.count == self.entries.capacity { self.entries.reserveCapacity(self.entries.count + 24) }
        self.entries.insert(entry, at: place ?? self.entries.count)
    }

    mutating func append(_ name: EnvironmentName, _ value: String) {
        self.add(
            Entry(
                name: name.text,
                signature: name.signature,
                value: value,
                isReference: false,
                source: .value,
                origin: nil
            )
        )
    }

    mutating func append(_ name: EnvironmentName, field path: String) {
        self.add(Self.entry(name, field: path))
    }

    /// An entry of a custom resource, whatever it consists of.
    mutating func append(_ variable: EnvVar) { self.append(variable, EnvironmentName(variable.name)) }

    private mutating func append(_ variable: EnvVar, _ name: EnvironmentName) {
        self.add(
            Entry(
                name: name.text,
                signature: name.signature,
                value: variable.value ?? "",
                isReference: variable.json["valueFrom"].map { !$0.isNull } ?? false,
                fieldPath: variable.fieldPath ?? "",
                source: .tree(variable.json),
                origin: nil
            )
        )
    }

    mutating func appendIfAbsent(_ name: EnvironmentName, _ value: String) {
        if !self.contains(name) { self.append(name, value) }
    }

    mutating func appendIfAbsent(_ name: EnvironmentName, field path: String) {
        if !self.contains(name) { self.append(name, field: path) }
    }

    mutating func appendIfAbsent(_ variables: [EnvVar]) {
        for variable in variables {
            let name = EnvironmentName(variable.name)
            if !self.contains(name) { self.append(variable, name) }
        }
    }

    /// Appends a variable from a field of the pod, unless the one that is there takes its value from the same field.
    mutating func appendUnlessSame(_ name: EnvironmentName, field path: String) {
        if let place = self.place(of: name), self.entries[place].fieldPath == path { return }
        self.append(name, field: path)
    }

    mutating func prependIfAbsent(_ name: EnvironmentName, field path: String) {
        if !self.contains(name) { self.add(Self.entry(name, field: path), at: 0) }
    }

    /// Changes a plain value in place; a reference is left alone.
    mutating func setValue(at place: Int, _ value: String) {
        guard self.entries.indices.contains(place), !self.entries[place].isReference, self.entries[place].value != value
        else { return }
        self.entries[place].value = value
        self.entries[place].isChanged = true
    }

    /// Moves an entry behind all others.
    mutating func moveToEnd(_ place: Int) {
        guard place < self.entries.count - 1 else { return }
        var entry = self.entries.remove(at: place)
        if let origin = entry.origin {
            self.removed.append(origin)
            entry.origin = nil
        }
        self.entries.append(entry)
    }

    private static func entry(_ name: EnvironmentName, field path: String) -> Entry {
        Entry(
            name: name.text,
            signature: name.signature,
            value: "",
            isReference: true,
            fieldPath: path,
            source: .field,
            origin: nil
        )
    }
}

/// Whether a list (or object) of the pod is there: what adds to it has to know.
enum Presence: Sendable {
    case absent
    /// Written out as null.
    case null
    case present
}
