import JSONTree
import TelemetryAPI

/// One step of the way to a version. To add one, append it to ``upgradeSteps``.
struct UpgradeStep: Sendable {
    /// The collector version that needs it.
    var version: String
    /// Unique, in the words of a file name.
    var name: String
    var number: SemanticVersion
    var body: @Sendable (inout UpgradeDraft) throws(CollectorUpgradeFailure) -> Void

    init?(
        _ version: String,
        _ name: String,
        _ body: @escaping @Sendable (inout UpgradeDraft) throws(CollectorUpgradeFailure) -> Void
    ) {
        guard let number = SemanticVersion(lenient: version) else { return nil }
        self.version = version
        self.name = name
        self.number = number
        self.body = body
    }

    func run(on spec: inout JSONObject) throws(CollectorUpgradeFailure) -> UpgradeStepReport {
        var draft = UpgradeDraft(version: self.version, spec: spec)
        try self.body(&draft)
        let notes = draft.notes
        spec = draft.spec
        return UpgradeStepReport(
            version: self.version,
            name: self.name,
            effect: !notes.skips.isEmpty ? .skipped : notes.changes.isEmpty ? .nothing : .changed,
            message: (notes.changes + notes.skips).joined(separator: "; "),
            warning: notes.warning
        )
    }
}

/// What a step has to say.
struct UpgradeNotes: Sendable {
    var changes: [String] = []
    var skips: [String] = []
    var warning: String?
}

/// The specification while a step works on it. Members are written back only when something in them is different, so
/// that whatever no step is about keeps its order and the text of its numbers.
struct UpgradeDraft: Sendable {
    let version: String
    var spec: JSONObject
    var notes = UpgradeNotes()

    /// The map at a path of members below `spec`; nil when it is absent or null, or (which is noted) of another kind.
    mutating func map(_ path: String...) -> JSONObject? { self.map(path) }

    mutating func map(_ path: [String]) -> JSONObject? {
        var object = self.spec
        for (depth, key) in path.enumerated() {
            let name = path[...depth].joined(separator: ".")
            guard let next = self.notes.map(object[key], name) else { return nil }
            object = next
        }
        return object
    }

    /// Writes a map at a path of members, the maps above it included.
    ///
    /// Returns false, with a note, when a member above it is of another kind.
    @discardableResult
    mutating func set(_ map: JSONObject, _ path: String...) -> Bool {
        func setting(_ object: JSONObject, _ depth: Int, _ notes: inout UpgradeNotes) -> JSONObject? {
            guard depth < path.count else { return map }
            let key = path[depth]
            var object = object
            var inner = JSONObject()
            if let value = object[key], !value.isNull, depth + 1 < path.count {
                guard let found = notes.map(value, path[...depth].joined(separator: ".")) else { return nil }
                inner = found
            }
            guard let changed = setting(inner, depth + 1, &notes) else { return nil }
            object[key] = .object(changed)
            return object
        }
        guard let spec = setting(self.spec, 0, &self.notes) else { return false }
        self.spec = spec
        return true
    }

    /// Changes the components of a section whose id starts with a prefix. `edit` gets the body and its path.
    mutating func editComponents(
        _ section: String,
        prefix: String,
        _ edit: (inout JSONObject, String, inout UpgradeNotes) -> Void
    ) {
        guard var components = self.map("config", section) else { return }
        var changed = false
        for (id, value) in components where id.hasPrefix(prefix) {
            let path = "config.\(section).\(shortened(id))"
            guard var body = self.notes.map(value, path) else { continue }
            edit(&body, path, &self.notes)
            guard body != value.object else { continue }
            components[id] = .object(body)
            changed = true
        }
        if changed { self.set(components, "config", section) }
    }

    /// Renames components in a list of every pipeline; nil removes them. Lists of other things stay as they are.
    mutating func editPipelines(_ list: String, _ rename: (String) -> String?) {
        guard var pipelines = self.map("config", "service", "pipelines") else { return }
        var changed = false
        for (name, value) in pipelines {
            let path = "config.service.pipelines.\(shortened(name))"
            guard var pipeline = self.notes.map(value, path), let ids = pipeline[list], !ids.isNull else { continue }
            guard let ids = ids.array else {
                self.notes.skips.append("\(path).\(list) is a \(ids.kindName), not a list")
                continue
            }
            let renamed = ids.compactMap { id in id.string.map { rename($0).map(JSONValue.string) } ?? id }
            guard renamed != ids else { continue }
            pipeline[list] = .array(renamed)
            pipelines[name] = .object(pipeline)
            changed = true
        }
        if changed { self.set(pipelines, "config", "service", "pipelines") }
    }
}

extension UpgradeNotes {
    /// A map; nil when it is absent or null, or (which is noted) of another kind.
    mutating func map(_ value: JSONValue?, _ path: String) -> JSONObject? {
        switch value {
        case nil, .null: return nil
        case .object(let object): return object
        case .some(let other):
            let kind = other.kindName
            let note = "\(path) is \(kind == "array" ? "an" : "a") \(kind), not a map"
            if !self.skips.contains(note) { self.skips.append(note) }
            return nil
        }
    }

    /// A change of the map at a path.
    mutating func changed(_ path: String, _ what: String) { self.changes.append("\(path): \(what)") }
}
