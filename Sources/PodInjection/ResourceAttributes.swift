import TelemetryAPI

/// Attributes of a resource by key (specification section 6.2), rendered as OpenTelemetry SDKs read them.
struct ResourceAttributes: Sendable {
    private(set) var attributes: [Attribute] = []

    /// Keys that the user gave in the variable itself: what they say is not overridden.
    private let fixed: Set<String>

    /// Where each key stands, once there are so many that looking through them takes long: a pod may have thousands of
    /// annotations, and every container reads them all.
    private var places: [String: Int]?
    private static let manyAttributes = 32

    init(fixed: Set<String> = []) { self.fixed = fixed }

    /// Sets a key, unless the user did.
    mutating func set(_ key: String, _ value: String) {
        if !self.fixed.isEmpty, self.fixed.contains(key) { return }
        self.override(key, value)
    }

    /// Sets a key whatever the user gave: for another container than the one that the map describes.
    mutating func override(_ key: String, _ value: String) {
        if let place = self.place(of: key) {
            self.attributes[place].value = value
            return
        }
        self.attributes.append(Attribute(key: key, value: value))
        if self.places != nil {
            self.places?[key] = self.attributes.count - 1
        } else if self.attributes.count == Self.manyAttributes {
            self.places = Dictionary(
                self.attributes.enumerated().map { ($0.element.key, $0.offset) },
                uniquingKeysWith: { first, _ in first }
            )
        }
    }

    private func place(of key: String) -> Int? {
        if let places { return places[key] }
        return self.attributes.firstIndex { $0.key == key }
    }

    mutating func setUnlessEmpty(_ key: String, _ value: String) {
        if !value.isEmpty { self.set(key, value) }
    }

    /// Empty for a key that isn't there.
    subscript(key: String) -> String { self.place(of: key).map { self.attributes[$0].value } ?? "" }

    /// `key=value` joined by commas, keys in byte order.
    func rendered() -> String {
        var order = Array(self.attributes.indices)
        order.sort { self.attributes[$0].key.precedes(self.attributes[$1].key) }
        var text: [UInt8] = []
        text.reserveCapacity(self.attributes.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count + 2 })
        for place in order {
            if !text.isEmpty { text.append(UInt8(ascii: ",")) }
            text.append(contentsOf: self.attributes[place].key.utf8)
            text.append(UInt8(ascii: "="))
            let start = text.count
            text.append(contentsOf: self.attributes[place].value.utf8)
            if text[start...].contains(UInt8(ascii: ",")) {
                text.removeLast(text.count - start)
                text.append(contentsOf: Self.escaped(self.attributes[place].value).utf8)
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// A value with a comma would end at it. SDKs decode percent escapes, so such a value, and only such a one, is
    /// written with them (sharp edge 22).
    private static func escaped(_ value: String) -> String {
        var text = ""
        for character in value.unicodeScalars {
            switch character {
            case ",": text += "%2C"
            case "%": text += "%25"
            default: text.unicodeScalars.append(character)
            }
        }
        return text
    }

    /// The keys in a value of `OTEL_RESOURCE_ATTRIBUTES`: what stands before the first `=` of an item, without blanks and
    /// line ends around it, as SDKs read it. What has no `=` is skipped.
    static func keys(in text: String) -> Set<String> {
        if text.isEmpty { return [] }
        func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
        var keys: Set<String> = []
        for item in text.utf8.split(separator: UInt8(ascii: ",")) {
            guard let equals = item.firstIndex(of: UInt8(ascii: "=")) else { continue }
            let start = item[..<equals].drop(while: isBlank)
            guard let last = start.lastIndex(where: { !isBlank($0) }) else { continue }
            keys.insert(String(Substring(start[...last])))
        }
        return keys
    }
}

// What the telemetry of a program says about where it runs.
extension Injection {
    /// The map of specification section 6.2 for one container.
    func resourceAttributes(
        of container: ContainerDraft,
        _ settings: InstrumentationSettings,
        fixed: Set<String>
    ) -> ResourceAttributes {
        var map = ResourceAttributes(fixed: fixed)
        for attribute in settings.resourceAttributes { map.set(attribute.key, attribute.value) }

        map.setUnlessEmpty("k8s.namespace.name", self.namespace.name)
        map.setUnlessEmpty("k8s.container.name", container.name)
        map.setUnlessEmpty("k8s.pod.name", self.draft.pod.name)
        map.setUnlessEmpty("k8s.pod.uid", self.draft.pod.uid)
        map.setUnlessEmpty("k8s.node.name", self.draft.pod.nodeName)
        map.setUnlessEmpty("service.instance.id", self.serviceInstanceID(of: container))
        for owner in self.owners.owners {
            map.set(owner.nameKey, owner.name)
            if settings.addsKubernetesUIDs { map.setUnlessEmpty(owner.uidKey, owner.uid) }
        }

        for attribute in self.annotations.resourceAttributes where attribute.key != "service.name" {
            map.set(attribute.key, attribute.value)
        }

        let serviceNamespace = self.annotations.resourceAttribute("service.namespace")
        map.setUnlessEmpty("service.namespace", serviceNamespace.isEmpty ? self.namespace.name : serviceNamespace)
        return map
    }

    /// Specification section 6.1: the first that isn't empty.
    func serviceName(of container: ContainerDraft, _ map: ResourceAttributes, usesLabels: Bool) -> String {
        let annotated = self.annotations.resourceAttribute("service.name")
        if !annotated.isEmpty { return annotated }
        if usesLabels {
            for key in ["app.kubernetes.io/instance", "app.kubernetes.io/name"] {
                let label = self.draft.pod.label(key)
                if !label.isEmpty { return label }
            }
        }
        for key in serviceNameKeys {
            let name = map[key]
            if !name.isEmpty { return name }
        }
        return container.name
    }

    /// Specification section 6.3; empty for none.
    func serviceVersion(of container: ContainerDraft, usesLabels: Bool) -> String {
        let annotated = self.annotations.resourceAttribute("service.version")
        if !annotated.isEmpty { return annotated }
        if usesLabels {
            let label = self.draft.pod.label("app.kubernetes.io/version")
            if !label.isEmpty { return label }
        }
        return ImageReference(container.image)?.version ?? ""
    }

    private func serviceInstanceID(of container: ContainerDraft) -> String {
        let annotated = self.annotations.resourceAttribute("service.instance.id")
        if !annotated.isEmpty { return annotated }
        let namespace = self.namespace.name
        if namespace.isEmpty || container.name.isEmpty { return "" }
        return namespace + ".$(OTEL_RESOURCE_ATTRIBUTES_POD_NAME)." + container.name
    }
}

private let serviceNameKeys = [
    "k8s.deployment.name", "k8s.replicaset.name", "k8s.statefulset.name", "k8s.daemonset.name", "k8s.cronjob.name",
    "k8s.job.name", "k8s.pod.name",
]

extension String {
    /// Whether it stands before another one in the order of their bytes.
    fileprivate func precedes(_ other: String) -> Bool {
        let answer = self.utf8.withContiguousStorageIfAvailable { left in
            other.utf8.withContiguousStorageIfAvailable { right in
                let common = min(left.count, right.count)
                var place = 0
                while place < common {
                    if left[place] != right[place] { return left[place] < right[place] }
                    place += 1
                }
                return left.count < right.count
            }
        }
        return answer.flatMap(\.self) ?? self.utf8.lexicographicallyPrecedes(other.utf8)
    }
}
