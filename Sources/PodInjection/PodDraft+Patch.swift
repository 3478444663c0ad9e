import JSONTree

// The order of operations is what keeps the indexes right: members of what was there first, with the indexes of the pod
// as it came; then what goes away, from the end; then what is added, from the start, so that every index before the place
// of an addition is final.
extension PodDraft {
    /// The edits as a JSON Patch for the pod as it came; empty when there are none.
    func patch() -> [UInt8] {
        var writer = PatchWriter(document: self.pod.document.bytes)
        self.patchMetadata(&writer)
        self.patchSpec(&writer)
        return writer.finish()
    }

    private func patchMetadata(_ writer: inout PatchWriter) {
        if self.addedLabels.isEmpty, self.newStamp == nil { return }
        if !self.pod.document.outline.hasMetadata {
            writer.begin("add", "/metadata")
            writer.value()
            writer.write(raw: "{}")
            writer.end()
        }
        self.patchLabels(&writer)
        self.patchStamp(&writer)
    }

    private func patchStamp(_ writer: inout PatchWriter) {
        guard let stamp = self.newStamp else { return }
        let presence = self.pod.document.outline.annotationPresence
        guard presence == .present else {
            writer.begin(presence == .null ? "replace" : "add", "/metadata/annotations")
            writer.value()
            writer.write([InjectionStamp.annotation: .string(stamp)] as JSONObject)
            return writer.end()
        }
        writer.begin("add", "/metadata/annotations/")
        writer.stepEscaped(InjectionStamp.annotation)
        writer.value()
        writer.write(string: stamp)
        writer.end()
    }

    private func patchLabels(_ writer: inout PatchWriter) {
        if self.addedLabels.isEmpty { return }
        guard self.pod.labelPresence == .present else {
            writer.begin(self.pod.labelPresence == .null ? "replace" : "add", "/metadata/labels")
            writer.value()
            writer.write(JSONObject(self.addedLabels.map { ($0.key, .string($0.value)) }))
            writer.end()
            return
        }
        for label in self.addedLabels where self.pod.label(label.key) != label.value {
            writer.begin("add", "/metadata/labels/")
            writer.stepEscaped(label.key)
            writer.value()
            writer.write(string: label.value)
            writer.end()
        }
    }

    private func patchSpec(_ writer: inout PatchWriter) {
        if !self.pod.document.outline.hasSpec, self.isSpecChanged {
            writer.begin("add", "/spec")
            writer.value()
            writer.write(raw: "{}")
            writer.end()
        }
        if self.sharesProcessNamespace, self.pod.sharesProcessNamespace != true {
            writer.begin(self.pod.hasShareProcessNamespace ? "replace" : "add", "/spec/shareProcessNamespace")
            writer.value()
            writer.write(raw: "true")
            writer.end()
        }
        self.patch(self.initContainers, at: "/spec/initContainers", &writer)
        self.patch(self.containers, at: "/spec/containers", &writer)
        self.patchVolumes(&writer)
    }

    private var isSpecChanged: Bool {
        self.sharesProcessNamespace || !self.addedVolumes.isEmpty || !self.containers.containers.isEmpty
            || !self.initContainers.containers.isEmpty
    }

    private func patch(_ list: ContainerList, at path: StaticString, _ writer: inout PatchWriter) {
        guard list.presence == .present else {
            if list.containers.isEmpty { return }
            writer.begin(list.presence == .null ? "replace" : "add", path)
            writer.value()
            writer.list(list.containers) { $0.write($1) }
            writer.end()
            return
        }
        var kept = 0
        for container in list.containers {
            guard let origin = container.origin else { continue }
            kept += 1
            Self.patch(container.environment, of: origin, in: path, &writer)
            Self.patchMounts(container, of: origin, in: path, &writer)
        }
        for origin in list.removed.sorted(by: >) {
            writer.begin("remove", path)
            writer.index(origin)
            writer.endWithoutValue()
        }
        for (place, container) in list.containers.enumerated() where container.origin == nil {
            writer.begin("add", path)
            if place >= kept { writer.step("/-") } else { writer.index(place) }
            kept += 1
            writer.value()
            writer.write(container)
            writer.end()
        }
    }

    private static func patch(
        _ environment: EnvironmentDraft,
        of container: Int,
        in path: StaticString,
        _ writer: inout PatchWriter
    ) {
        func begin(_ operation: StaticString) {
            writer.begin(operation, path)
            writer.index(container)
            writer.step("/env")
        }
        guard environment.presence == .present else {
            if environment.entries.isEmpty { return }
            begin(environment.presence == .null ? "replace" : "add")
            writer.value()
            writer.list(environment.entries) { $0.write($1) }
            writer.end()
            return
        }
        var kept = 0
        for entry in environment.entries {
            guard let origin = entry.origin else { continue }
            kept += 1
            guard entry.isChanged else { continue }
            begin(entry.hasValue ? "replace" : "add")
            writer.index(origin)
            writer.step("/value")
            writer.value()
            writer.write(string: entry.value)
            writer.end()
        }
        for origin in environment.removed.sorted(by: >) {
            begin("remove")
            writer.index(origin)
            writer.endWithoutValue()
        }
        // Most variables are added at the end, and those begin alike.
        var beginning: [UInt8] = []
        for (place, entry) in environment.entries.enumerated() where entry.origin == nil {
            if beginning.isEmpty {
                let start = writer.place
                begin("add")
                if place >= kept { writer.step("/-") } else { writer.index(place) }
                writer.value()
                if place >= kept { beginning = writer.beginning(from: start) }
            } else {
                writer.again(beginning)
            }
            kept += 1
            writer.write(entry)
            writer.end()
        }
    }

    private static func patchMounts(
        _ container: ContainerDraft,
        of origin: Int,
        in path: StaticString,
        _ writer: inout PatchWriter
    ) {
        func begin(_ operation: StaticString) {
            writer.begin(operation, path)
            writer.index(origin)
            writer.step("/volumeMounts")
        }
        let added = container.addedMounts
        guard container.mountPresence == .present else {
            if added.isEmpty { return }
            begin(container.mountPresence == .null ? "replace" : "add")
            writer.value()
            writer.list(added) { $0.write($1) }
            writer.end()
            return
        }
        for removed in container.removedMounts.sorted(by: >) {
            begin("remove")
            writer.index(removed)
            writer.endWithoutValue()
        }
        for mount in added {
            begin("add")
            writer.step("/-")
            writer.value()
            writer.write(mount)
            writer.end()
        }
    }

    private func patchVolumes(_ writer: inout PatchWriter) {
        if self.addedVolumes.isEmpty { return }
        guard self.pod.volumePresence == .present else {
            writer.begin(self.pod.volumePresence == .null ? "replace" : "add", "/spec/volumes")
            writer.value()
            writer.list(self.addedVolumes) { $0.write($1) }
            writer.end()
            return
        }
        for volume in self.addedVolumes {
            writer.begin("add", "/spec/volumes/-")
            writer.value()
            writer.write(volume)
            writer.end()
        }
    }
}

extension PatchWriter {
    /// A key as a step of a path (RFC 6901): `~` and `/` escaped. Keys of labels and annotations hold nothing that JSON escapes.
    fileprivate mutating func stepEscaped(_ key: String) {
        for byte in key.utf8 {
            switch byte {
            case UInt8(ascii: "~"): self.step("~0")
            case UInt8(ascii: "/"): self.step("~1")
            default: self.step(byte: byte)
            }
        }
    }
}
