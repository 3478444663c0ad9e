import JSONTree
package import KubeModel
import YAMLTree

/// The files of a support bundle in the layout of must-gather, which `omc` reads, and a manifest of what is in it, what
/// was taken out, and what could not be collected.
package struct SupportBundle: Sendable {
    package private(set) var files: [BundleFile] = []
    package private(set) var redaction = Redaction()
    package private(set) var errors: [String] = []
    private var paths: Set<String> = []

    package init() {}

    /// Something that could not be collected. The rest goes on.
    package mutating func fail(_ what: String, _ reason: String) { self.errors.append("\(what): \(reason)") }

    /// An object; the same one a second time is passed over, and Secrets never get in.
    package mutating func add(_ object: KubeObject, _ resource: APIResource) {
        let path = Self.path(of: object, resource)
        guard self.paths.insert(path).inserted else { return }
        var object = object
        object.json["apiVersion"] = .string(resource.apiVersion)
        object.json["kind"] = .string(resource.kind)
        guard let clean = self.redaction.redacted(object, file: path) else { return }
        self.files.append(BundleFile(path, YAMLWriter.text(.object(clean.json))))
    }

    /// - Parameter name: `current` or `previous`.
    package mutating func add(log: [UInt8], namespace: String, pod: String, container: String, name: String) {
        let path = "namespaces/\(namespace)/pods/\(pod)/\(container)/\(container)/logs/\(name).log"
        guard self.paths.insert(path).inserted else { return }
        self.files.append(BundleFile(path, self.redaction.redacted(log: log, file: path)))
    }

    /// A text of this command's own.
    package mutating func add(_ text: String, at path: String) {
        guard self.paths.insert(path).inserted else { return }
        self.files.append(BundleFile(path, self.redaction.redacted(log: Array(text.utf8), file: path)))
    }

    static func path(of object: KubeObject, _ resource: APIResource) -> String {
        if resource.group.isEmpty, resource.kind == "Pod" {
            return "namespaces/\(object.namespace)/pods/\(object.name)/\(object.name).yaml"
        }
        let group = resource.group.isEmpty ? "core" : resource.group
        let place = object.namespace.isEmpty ? "cluster-scoped-resources" : "namespaces/\(object.namespace)"
        return "\(place)/\(group)/\(resource.plural)/\(object.name).yaml"
    }

    /// All files, `manifest.json` among them.
    package func complete(version: String, time: Timestamp) -> [BundleFile] {
        let manifest: JSONValue = [
            "madeBy": .string("swiftlet \(version)"), "time": .string(time.rfc3339),
            "files": .strings(self.files.map(\.path)), "redacted": self.redaction.json,
            "neverCollected": ["Secrets"], "errors": .strings(self.errors),
        ]
        return [BundleFile("manifest.json", manifest.text() + "\n")] + self.files
    }
}
