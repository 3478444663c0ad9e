package import JSONTree
package import KubeModel

/// What discovery looks at in the metadata of any object. All it needs of a namespace.
package struct ObjectRecord: DiscoveryRecord {
    package struct Pair: Sendable, Equatable {
        package var key: String
        package var value: String
    }

    package var namespace: String
    package var name: String
    /// Both sorted by key.
    package var labels: [Pair]
    package var annotations: [Pair]

    package init(_ object: JSONObject) {
        let metadata = object[object: "metadata"] ?? [:]
        self.namespace = metadata[string: "namespace"] ?? ""
        self.name = metadata[string: "name"] ?? ""
        self.labels = Self.pairs(metadata[object: "labels"])
        self.annotations = Self.pairs(metadata[object: "annotations"])
    }

    package func pack(into writer: inout PackWriter) {
        writer.write(self.namespace)
        writer.write(self.name)
        for pairs in [self.labels, self.annotations] { Self.pack(pairs, into: &writer) }
    }

    package init(unpacking reader: inout PackReader) {
        self.namespace = reader.string()
        self.name = reader.string()
        self.labels = Self.unpack(&reader)
        self.annotations = Self.unpack(&reader)
    }

    package var key: ObjectKey { ObjectKey(namespace: self.namespace, name: self.name) }

    package func label(_ key: String) -> String? { self.labels.first { $0.key == key }?.value }

    static func pairs(_ object: JSONObject?) -> [Pair] {
        guard let object else { return [] }
        return object.compactMap { key, value in value.string.map { Pair(key: key, value: $0) } }
            .sorted { $0.key < $1.key }
    }

    static func pack(_ pairs: [Pair], into writer: inout PackWriter) {
        writer.write(pairs) {
            $0.write($1.key)
            $0.write($1.value)
        }
    }

    static func unpack(_ reader: inout PackReader) -> [Pair] {
        reader.array { Pair(key: $0.string(), value: $0.string()) }
    }
}

extension LabelDraft {
    /// The name, labels and annotations of an object, as each role gives them.
    mutating func set(_ object: ObjectRecord, as role: String) {
        self.set("\(Meta.prefix)\(role)_name", object.name)
        self.set(object.labels, "\(Meta.prefix)\(role)_label_", present: "\(Meta.prefix)\(role)_labelpresent_")
        self.set(
            object.annotations,
            "\(Meta.prefix)\(role)_annotation_",
            present: "\(Meta.prefix)\(role)_annotationpresent_"
        )
    }

    /// A label for each pair, and another that tells that it is there even if its value is empty.
    mutating func set(_ pairs: [ObjectRecord.Pair], _ prefix: String, present: String) {
        for pair in pairs {
            let name = pair.key.asLabelNamePart
            self.set(prefix + name, pair.value)
            self.set(present + name, "true")
        }
    }
}

/// Names that several roles give.
enum Meta {
    static let prefix = "__meta_kubernetes_"
    static let namespace = "__meta_kubernetes_namespace"
}
