package import KubeModel
package import TelemetryAPI

/// Labels of rendered objects (specification section 0.4).
package enum ObjectLabels {
    package static let name = "app.kubernetes.io/name"
    package static let instance = "app.kubernetes.io/instance"
    package static let managedBy = "app.kubernetes.io/managed-by"
    package static let partOf = "app.kubernetes.io/part-of"
    package static let component = "app.kubernetes.io/component"
    package static let version = "app.kubernetes.io/version"

    package enum Component: String, Sendable {
        case collector = "opentelemetry-collector"
        case targetAllocator = "opentelemetry-targetallocator"
        case opAMPBridge = "opentelemetry-opamp-bridge"
        case clusterObservability = "cluster-observability"
    }

    /// All labels of an object: those of the custom resource that `filter` lets through, then the fixed ones.
    /// - Parameters:
    ///   - name: for `app.kubernetes.io/name`, unless the resource has that label itself
    ///   - image: `spec.image`, from which the version is read
    package static func labels(
        _ metadata: ObjectMeta,
        name: String,
        image: String,
        component: Component,
        filter: KeyFilter = .none
    ) -> [String: String] {
        var labels = filter.removing(from: metadata.labels)
        labels.merge(self.selector(metadata, component: component)) { $1 }
        labels[self.version] = self.version(ofImage: image)
        if labels[self.name] == nil { labels[self.name] = name }
        return labels
    }

    /// What selects the pods: these never change in the life of a resource.
    package static func selector(_ metadata: ObjectMeta, component: Component) -> [String: String] {
        [
            self.managedBy: "opentelemetry-operator",
            self.instance: ObjectName.instance(metadata.name ?? "", namespace: metadata.namespace ?? ""),
            self.partOf: "opentelemetry",
            self.component: component.rawValue,
        ]
    }

    /// The version an image name tells, at most 63 bytes: its tag, or the digest of an image without tag, or `latest`.
    ///
    /// The port of a registry is no version: `host:5000/img:tag` is `tag` and `host:5000/img` is `latest`. (The Go
    /// operator writes an empty and a useless label there.)
    package static func version(ofImage image: String) -> String {
        let parts = image.split(separator: ":" as Character, omittingEmptySubsequences: false)
        // A tag may begin with `_` and end with `.` or `-`; a label may not, and all objects would be refused for it.
        func cut(_ text: some StringProtocol) -> String {
            ObjectName.trimmed(String(decoding: text.utf8.prefix(63), as: UTF8.self))
        }
        switch parts.count {
        case 2:
            // A slash behind the colon: what is in front of it is the port of a registry.
            return parts[1].contains("/") ? "latest" : cut(parts[1])
        case 3:
            if let tagged = parts.first(where: { $0.hasSuffix("@sha256") }) {
                let tag = tagged.dropLast("@sha256".count)
                // `host:5000/img@sha256:…` has no tag either.
                return tag.contains("/") ? cut(parts[2]) : cut(tag)
            }
            return cut(parts[2])
        default: return "latest"
        }
    }
}
