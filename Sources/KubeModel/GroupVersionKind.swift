/// The type of a Kubernetes object: API group (`""` for core), version and kind.
package struct GroupVersionKind: Sendable, Hashable, CustomStringConvertible {
    package var group: String
    package var version: String
    package var kind: String

    package init(group: String, version: String, kind: String) {
        self.group = group
        self.version = version
        self.kind = kind
    }

    /// `apiVersion` as objects carry it: `apps/v1`, for the core group `v1`.
    package init(apiVersion: String, kind: String) {
        let parts = apiVersion.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        self.group = parts.count == 2 ? String(parts[0]) : ""
        self.version = String(parts.last ?? "")
        self.kind = kind
    }

    package var apiVersion: String { self.group.isEmpty ? self.version : "\(self.group)/\(self.version)" }
    package var groupKind: GroupKind { GroupKind(group: self.group, kind: self.kind) }
    package var description: String { "\(self.apiVersion) \(self.kind)" }
}

/// A kind without its version: what an object is, however it is served.
package struct GroupKind: Sendable, Hashable, CustomStringConvertible {
    package var group: String
    package var kind: String

    package init(group: String, kind: String) {
        self.group = group
        self.kind = kind
    }

    /// `Deployment.apps`, for the core group only the kind.
    package var description: String { self.group.isEmpty ? self.kind : "\(self.kind).\(self.group)" }
}

/// Where objects of a kind are served: group, version, plural resource name and scope, as discovery tells them.
package struct APIResource: Sendable, Hashable {
    package var group: String
    package var version: String
    /// The plural name in paths, such as `deployments`.
    package var plural: String
    package var kind: String
    package var isNamespaced: Bool

    package init(group: String, version: String, plural: String, kind: String, isNamespaced: Bool = true) {
        self.group = group
        self.version = version
        self.plural = plural
        self.kind = kind
        self.isNamespaced = isNamespaced
    }

    package var apiVersion: String { self.group.isEmpty ? self.version : "\(self.group)/\(self.version)" }
    package var groupVersionKind: GroupVersionKind {
        GroupVersionKind(group: self.group, version: self.version, kind: self.kind)
    }
    package var groupKind: GroupKind { GroupKind(group: self.group, kind: self.kind) }

    /// The path below the server's root: `/apis/apps/v1/namespaces/NS/deployments/NAME/SUBRESOURCE`. Without a namespace
    /// the collection across all namespaces.
    package func path(namespace: String? = nil, name: String? = nil, subresource: String? = nil) -> String {
        var path = self.group.isEmpty ? "/api/\(self.version)" : "/apis/\(self.group)/\(self.version)"
        if self.isNamespaced, let namespace, !namespace.isEmpty { path += "/namespaces/\(namespace)" }
        path += "/\(self.plural)"
        if let name { path += "/\(name)" }
        if let subresource { path += "/\(subresource)" }
        return path
    }
}

/// Namespace (empty for cluster-scoped objects) and name: what tells objects of one kind apart.
package struct ObjectKey: Sendable, Hashable, Comparable, CustomStringConvertible {
    package var namespace: String
    package var name: String

    package init(namespace: String = "", name: String) {
        self.namespace = namespace
        self.name = name
    }

    /// `namespace/name`, or the name alone.
    package var description: String { self.namespace.isEmpty ? self.name : self.namespace + "/" + self.name }

    package static func < (left: ObjectKey, right: ObjectKey) -> Bool {
        (left.namespace, left.name) < (right.namespace, right.name)
    }
}

/// One object of the cluster, named: kind and key.
package struct ObjectReference: Sendable, Hashable, CustomStringConvertible {
    package var groupVersionKind: GroupVersionKind
    package var key: ObjectKey
    package var uid: String?

    package init(_ groupVersionKind: GroupVersionKind, _ key: ObjectKey, uid: String? = nil) {
        self.groupVersionKind = groupVersionKind
        self.key = key
        self.uid = uid
    }

    package var description: String { "\(self.groupVersionKind.kind) \(self.key)" }
}
