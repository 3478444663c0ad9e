package import JSONTree

/// Any Kubernetes object as a tree, with the members that all of them have.
package struct KubeObject: JSONView {
    package var json: JSONObject
    package init(_ json: JSONObject) { self.json = json }

    package init(_ groupVersionKind: GroupVersionKind, namespace: String? = nil, name: String) {
        self.json = ["apiVersion": .string(groupVersionKind.apiVersion), "kind": .string(groupVersionKind.kind)]
        var metadata = ObjectMeta([:])
        metadata.name = name
        metadata.namespace = namespace
        self.metadata = metadata
    }

    package var apiVersion: String {
        get { self.json[string: "apiVersion"] ?? "" }
        set { self.json[string: "apiVersion"] = newValue }
    }
    package var kind: String {
        get { self.json[string: "kind"] ?? "" }
        set { self.json[string: "kind"] = newValue }
    }
    package var metadata: ObjectMeta {
        get { ObjectMeta(self.json[object: "metadata"] ?? [:]) }
        set { self.json[object: "metadata"] = newValue.json }
    }
    package var spec: JSONObject? {
        get { self.json[object: "spec"] }
        set { self.json[object: "spec"] = newValue }
    }
    package var status: JSONObject? {
        get { self.json[object: "status"] }
        set { self.json[object: "status"] = newValue }
    }

    package var name: String { self.metadata.name ?? "" }
    package var namespace: String { self.metadata.namespace ?? "" }
    package var key: ObjectKey { ObjectKey(namespace: self.namespace, name: self.name) }
    package var groupVersionKind: GroupVersionKind { GroupVersionKind(apiVersion: self.apiVersion, kind: self.kind) }
    package var reference: ObjectReference { ObjectReference(self.groupVersionKind, self.key, uid: self.metadata.uid) }
}

/// `metadata` of an object (meta/v1 ObjectMeta).
package struct ObjectMeta: JSONView {
    package var json: JSONObject
    package init(_ json: JSONObject) { self.json = json }

    package var name: String? {
        get { self.json[string: "name"] }
        set { self.json[string: "name"] = newValue }
    }
    package var generateName: String? { self.json[string: "generateName"] }
    package var namespace: String? {
        get { self.json[string: "namespace"] }
        set { self.json[string: "namespace"] = newValue }
    }
    package var uid: String? {
        get { self.json[string: "uid"] }
        set { self.json[string: "uid"] = newValue }
    }
    package var resourceVersion: String? {
        get { self.json[string: "resourceVersion"] }
        set { self.json[string: "resourceVersion"] = newValue }
    }
    package var generation: Int? { self.json[int: "generation"] }
    /// RFC 3339, as the server wrote it.
    package var creationTimestamp: String? { self.json[string: "creationTimestamp"] }
    package var deletionTimestamp: String? { self.json[string: "deletionTimestamp"] }
    package var isDeleting: Bool { self.json.contains("deletionTimestamp") }
    /// Members that are not strings are left out; an empty map is removed on writing.
    package var labels: [String: String] {
        get { self.json[stringMap: "labels"] ?? [:] }
        set { self.json[stringMap: "labels"] = newValue.isEmpty ? nil : newValue }
    }
    package var annotations: [String: String] {
        get { self.json[stringMap: "annotations"] ?? [:] }
        set { self.json[stringMap: "annotations"] = newValue.isEmpty ? nil : newValue }
    }
    package var finalizers: [String] {
        get { self.json[strings: "finalizers"] ?? [] }
        set { self.json[strings: "finalizers"] = newValue.isEmpty ? nil : newValue }
    }
    package var ownerReferences: [OwnerReference] {
        get { self.json[views: "ownerReferences"] }
        set { self.json[views: "ownerReferences"] = newValue }
    }
    /// The one owner that controls this object, if any.
    package var controller: OwnerReference? { self.ownerReferences.first { $0.isController } }
}

/// meta/v1 OwnerReference.
package struct OwnerReference: JSONView {
    package var json: JSONObject
    package init(_ json: JSONObject) { self.json = json }

    /// A controller reference that blocks foreground deletion of the owner.
    package init(controller object: KubeObject) {
        self.json = [
            "apiVersion": .string(object.apiVersion), "kind": .string(object.kind), "name": .string(object.name),
            "uid": .string(object.metadata.uid ?? ""), "controller": true, "blockOwnerDeletion": true,
        ]
    }

    package var apiVersion: String { self.json[string: "apiVersion"] ?? "" }
    package var kind: String { self.json[string: "kind"] ?? "" }
    package var name: String { self.json[string: "name"] ?? "" }
    package var uid: String { self.json[string: "uid"] ?? "" }
    package var isController: Bool { self.json[bool: "controller"] ?? false }
    package var group: String { GroupVersionKind(apiVersion: self.apiVersion, kind: self.kind).group }
}
