package import KubeModel

/// Where a role finds the objects that its own objects refer to.
package struct DiscoveryLookup {
    package var pod: (ObjectKey) -> PodRecord?
    package var service: (ObjectKey) -> ServiceRecord?
    /// `nil`: nothing of the nodes is attached.
    package var node: ((String) -> NodeRecord?)?
    /// `nil`: nothing of the namespaces is attached.
    package var namespace: ((String) -> ObjectRecord?)?

    package init(
        pod: @escaping (ObjectKey) -> PodRecord? = { _ in nil },
        service: @escaping (ObjectKey) -> ServiceRecord? = { _ in nil },
        node: ((String) -> NodeRecord?)? = nil,
        namespace: ((String) -> ObjectRecord?)? = nil
    ) {
        self.pod = pod
        self.service = service
        self.node = node
        self.namespace = namespace
    }
}

extension LabelDraft {
    mutating func attach(node name: String?, _ lookup: DiscoveryLookup) {
        guard let name, !name.isEmpty, let node = lookup.node?(name) else { return }
        self.set(node.object, as: "node")
    }

    mutating func attach(namespace name: String, _ lookup: DiscoveryLookup) {
        guard let namespace = lookup.namespace?(name) else { return }
        self.set(
            namespace.labels,
            "\(Meta.prefix)namespace_label_",
            present: "\(Meta.prefix)namespace_labelpresent_"
        )
        self.set(
            namespace.annotations,
            "\(Meta.prefix)namespace_annotation_",
            present: "\(Meta.prefix)namespace_annotationpresent_"
        )
    }
}
