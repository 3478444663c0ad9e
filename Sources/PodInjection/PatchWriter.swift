import JSONTree

/// Writes the operations of a JSON Patch (RFC 6902) straight to bytes.
struct PatchWriter {
    private var writer: JSONWriter
    private(set) var count = 0
    private let document: [UInt8]

    /// - Parameter document: what places of ``EnvironmentDraft/Entry/Source/document(_:)`` refer to.
    init(document: [UInt8]) {
        self.document = document
        self.writer = JSONWriter(reservingCapacity: 4096)
    }

    /// The whole patch, empty when there is nothing to do.
    consuming func finish() -> [UInt8] {
        if self.count == 0 { return [] }
        self.writer.write(raw: "]")
        return self.writer.bytes
    }

    // MARK: Operations

    /// Begins an operation with the beginning of its path, which ``step(_:)`` and ``index(_:)`` go on with.
    mutating func begin(_ operation: StaticString, _ path: StaticString) {
        self.writer.write(raw: self.count == 0 ? "[{\"op\":\"" : ",{\"op\":\"")
        self.writer.write(raw: operation)
        self.writer.write(raw: "\",\"path\":\"")
        self.writer.write(raw: path)
        self.count += 1
    }

    /// The value of the operation follows.
    mutating func value() { self.writer.write(raw: "\",\"value\":") }

    mutating func end() { self.writer.write(raw: "}") }

    mutating func endWithoutValue() { self.writer.write(raw: "\"}") }

    mutating func step(_ path: StaticString) { self.writer.write(raw: path) }

    mutating func step(byte: UInt8) { self.writer.bytes.append(byte) }

    mutating func index(_ index: Int) {
        self.writer.bytes.append(UInt8(ascii: "/"))
        self.digits(index)
    }

    private mutating func digits(_ number: Int) {
        if number >= 10 { self.digits(number / 10) }
        self.writer.bytes.append(UInt8(ascii: "0") + UInt8(number % 10))
    }

    /// Where the next operation will stand, for ``beginning(from:)``.
    var place: Int { self.writer.bytes.count }

    /// What was written of an operation so far, for ``again(_:)``; empty for the first one, which begins otherwise.
    func beginning(from place: Int) -> [UInt8] { self.count == 1 ? [] : Array(self.writer.bytes[place...]) }

    /// Begins an operation with the same bytes as an earlier one.
    mutating func again(_ beginning: [UInt8]) {
        self.writer.bytes.append(contentsOf: beginning)
        self.count += 1
    }

    // MARK: Values

    mutating func write(_ value: JSONValue) { self.writer.write(value) }
    mutating func write(_ object: JSONObject) { self.writer.write(object) }
    mutating func write(raw text: StaticString) { self.writer.write(raw: text) }
    mutating func write(string: String) { self.writer.write(string: string) }

    private mutating func write(_ place: Range<Int>) { self.writer.bytes.append(contentsOf: self.document[place]) }

    mutating func write(_ entry: EnvironmentDraft.Entry) {
        switch entry.source {
        case .value:
            self.writer.write(raw: "{\"name\":\"")
            self.writer.write(withoutQuotes: entry.name)
            self.writer.write(raw: "\",\"value\":\"")
            self.writer.write(withoutQuotes: entry.value)
            self.writer.write(raw: "\"}")
        case .field:
            self.writer.write(raw: "{\"name\":\"")
            self.writer.write(withoutQuotes: entry.name)
            self.writer.write(raw: "\",\"valueFrom\":{\"fieldRef\":{\"fieldPath\":\"")
            self.writer.write(withoutQuotes: entry.fieldPath)
            self.writer.write(raw: "\"}}}")
        case .tree(var variable):
            if entry.isChanged { variable["value"] = .string(entry.value) }
            self.writer.write(variable)
        case .document(let place):
            guard entry.isChanged else { return self.write(place) }
            // The place was read before, so it holds an object.
            let tree = self.document.withUnsafeBufferPointer { try? JSONValue(parsing: $0[place]) }
            guard case .object(var variable) = tree else { return self.write(place) }
            variable["value"] = .string(entry.value)
            self.writer.write(variable)
        }
    }

    mutating func write(_ mount: ContainerDraft.Mount) {
        switch mount.source {
        case .mount(let readOnly):
            self.writer.write(raw: "{\"name\":")
            self.writer.write(string: mount.name)
            if readOnly { self.writer.write(raw: ",\"readOnly\":true") }
            self.writer.write(raw: ",\"mountPath\":")
            self.writer.write(string: mount.path)
            self.writer.write(raw: "}")
        case .tree(let tree): self.writer.write(tree)
        case .document(let place): self.write(place)
        }
    }

    /// A new container, whole.
    mutating func write(_ container: ContainerDraft) {
        self.writer.write(raw: "{")
        var first = true
        for member in container.members.members {
            if !first { self.writer.write(raw: ",") }
            first = false
            self.writer.write(string: member.key)
            self.writer.write(raw: ":")
            self.writer.write(member.value)
        }
        if !container.environment.entries.isEmpty {
            self.writer.write(raw: first ? "\"env\":" : ",\"env\":")
            first = false
            self.list(container.environment.entries) { $0.write($1) }
        }
        if !container.mounts.isEmpty {
            self.writer.write(raw: first ? "\"volumeMounts\":" : ",\"volumeMounts\":")
            self.list(container.mounts) { $0.write($1) }
        }
        self.writer.write(raw: "}")
    }

    mutating func list<Element>(_ elements: some Sequence<Element>, _ write: (inout PatchWriter, Element) -> Void) {
        self.writer.write(raw: "[")
        var first = true
        for element in elements {
            if !first { self.writer.write(raw: ",") }
            first = false
            write(&self, element)
        }
        self.writer.write(raw: "]")
    }
}
