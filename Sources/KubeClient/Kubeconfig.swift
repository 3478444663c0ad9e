import JSONTree
import KubeModel
import YAMLTree

/// Kubeconfig files, merged by kubectl's rules: what an earlier file says stays, a named cluster, user or context is taken
/// whole from the first file that has it; files that do not exist are passed over.
///
/// Source: https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
struct Kubeconfig {
    /// A named entry with the file that it comes from, since relative paths are relative to that file's folder.
    struct Entry {
        var name: String
        var json: JSONObject
        var file: String
        /// Where it stands, for messages: `users[0]`.
        var place: String
    }

    private(set) var currentContext: String?
    private(set) var clusters: [String: Entry] = [:]
    private(set) var users: [String: Entry] = [:]
    private(set) var contexts: [String: Entry] = [:]
    let files: [String]

    /// - Throws: ``KubeClientError`` naming file and place.
    init(files: [String], missingIsError: Bool) async throws {
        self.files = files
        var found = 0
        for file in files {
            if !missingIsError, await !FileReading.exists(file) { continue }
            try self.merge(await FileReading.bytes(of: file, what: "the kubeconfig"), from: file)
            found += 1
        }
        if found == 0 {
            throw KubeClientError(
                .configuration,
                files.count == 1
                    ? "the kubeconfig \(files[0]) that KUBECONFIG names does not exist"
                    : "none of the files that KUBECONFIG names exists: \(files.joined(separator: ", "))"
            )
        }
    }

    /// For tests: texts in place of files.
    init(texts: [(file: String, text: String)]) throws {
        self.files = texts.map(\.file)
        for (file, text) in texts { try self.merge(Array(text.utf8), from: file) }
    }

    private mutating func merge(_ bytes: [UInt8], from file: String) throws {
        let document: JSONValue
        do {
            document = try YAMLReader.document(in: bytes)
        } catch {
            throw KubeClientError(.configuration, "the kubeconfig \(file) is not readable: \(error)", cause: error)
        }
        // An empty file is an empty configuration.
        if document.isNull { return }
        guard case .object(let root) = document else {
            throw Self.error(file, "", "must be an object, not \(document.kindName)")
        }
        if let kind = root[string: "kind"], kind != "Config" {
            throw Self.error(file, "kind", "is '\(kind)', a kubeconfig has kind Config")
        }
        if self.currentContext == nil, let current = try Self.string(root, "current-context", file, "") {
            self.currentContext = current
        }
        try Self.collect(root, "clusters", "cluster", file, into: &self.clusters)
        try Self.collect(root, "users", "user", file, into: &self.users)
        try Self.collect(root, "contexts", "context", file, into: &self.contexts)
    }

    private static func collect(
        _ root: JSONObject,
        _ list: String,
        _ member: String,
        _ file: String,
        into known: inout [String: Entry]
    ) throws {
        guard let value = root[list], !value.isNull else { return }
        guard case .array(let elements) = value else {
            throw Self.error(file, list, "must be a list, not \(value.kindName)")
        }
        var names: Set<String> = []
        for (position, element) in elements.enumerated() {
            let place = "\(list)[\(position)]"
            guard case .object(let object) = element, let name = object[string: "name"] else {
                throw Self.error(file, place, "must be an object with a name")
            }
            guard names.insert(name).inserted else {
                throw Self.error(file, place, "has the name '\(name)' a second time")
            }
            let json: JSONObject
            switch object[member] {
            case .object(let inner): json = inner
            case nil, .null: json = [:]
            case let other?: throw Self.error(file, "\(place).\(member)", "must be an object, not \(other.kindName)")
            }
            if known[name] == nil {
                known[name] = Entry(name: name, json: json, file: file, place: "\(place).\(member)")
            }
        }
    }

    // MARK: Reading members

    static func error(_ file: String, _ place: String, _ problem: String) -> KubeClientError {
        KubeClientError(
            .configuration,
            place.isEmpty ? "the kubeconfig \(file) \(problem)" : "kubeconfig \(file): \(place) \(problem)"
        )
    }

    /// A string member; absent, null and empty are all "not set", as for kubectl.
    static func string(_ json: JSONObject, _ key: String, _ file: String, _ place: String) throws -> String? {
        switch json[key] {
        case nil, .null: return nil
        case .string(let text): return text.isEmpty ? nil : text
        case let other?:
            throw Self.error(
                file,
                place.isEmpty ? key : "\(place).\(key)",
                "must be a string, not \(other.kindName) (does it need quotes?)"
            )
        }
    }
}

extension Kubeconfig.Entry {
    func string(_ key: String) throws -> String? {
        try Kubeconfig.string(self.json, key, self.file, self.place)
    }

    func bool(_ key: String) throws -> Bool {
        switch self.json[key] {
        case nil, .null: return false
        case .bool(let flag): return flag
        case let other?: throw self.error(key, "must be true or false, not \(other.kindName)")
        }
    }

    /// Bytes in base64.
    func data(_ key: String) throws -> [UInt8]? {
        guard let text = try self.string(key) else { return nil }
        guard let bytes = Base64.decode(text) else {
            throw self.error(key, "is not base64 (for the path of a file use \(key.dropLast("-data".count)))")
        }
        return bytes
    }

    /// A path, made absolute by the folder of the file it stands in.
    func path(_ key: String) throws -> String? {
        guard let path = try self.string(key) else { return nil }
        return Self.resolve(path, besides: self.file)
    }

    static func resolve(_ path: String, besides file: String) -> String {
        guard !path.hasPrefix("/"), let slash = file.utf8.lastIndex(of: UInt8(ascii: "/")) else { return path }
        return "\(file[..<slash])/\(path)"
    }

    func error(_ key: String, _ problem: String) -> KubeClientError {
        Kubeconfig.error(self.file, "\(self.place).\(key) (\(self.name))", problem)
    }
}
