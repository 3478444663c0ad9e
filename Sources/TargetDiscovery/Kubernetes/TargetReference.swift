import JSONTree
package import KubeModel

/// What an address of an endpoint belongs to.
package struct TargetReference: Sendable, Equatable {
    package var kind: String
    package var namespace: String
    package var name: String

    init?(_ json: JSONObject?) {
        guard let json else { return nil }
        self.kind = json[string: "kind"] ?? ""
        self.namespace = json[string: "namespace"] ?? ""
        self.name = json[string: "name"] ?? ""
    }

    init?(unpacking reader: inout PackReader) {
        guard reader.bool() else { return nil }
        self.kind = reader.string()
        self.namespace = reader.string()
        self.name = reader.string()
    }

    package var pod: ObjectKey? {
        self.kind == "Pod" ? ObjectKey(namespace: self.namespace, name: self.name) : nil
    }

    /// The node, when it is one.
    var node: String? { self.kind == "Node" ? self.name : nil }
}

extension PackWriter {
    mutating func write(_ reference: TargetReference?) {
        self.write(reference != nil)
        guard let reference else { return }
        self.write(reference.kind)
        self.write(reference.namespace)
        self.write(reference.name)
    }
}
