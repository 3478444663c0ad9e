package import JSONTree
package import KubeModel
package import PodInjection
package import Rendering
package import TelemetryAPI

// What the stores of the operator keep of each kind: no more than decisions look at.

/// Namespaces: their annotations that concern injection, and on OpenShift those that tell its ranges of ids.
package struct NamespaceRecord: Sendable, Equatable {
    package var annotations: InjectionAnnotations
    package var openShiftAnnotations: [String: String]

    package init(_ cursor: inout JSONCursor) throws(JSONError) {
        var annotations = InjectionAnnotations()
        var openShiftAnnotations: [String: String] = [:]
        try cursor.readObject { (key, cursor) throws(JSONError) in
            guard key == "metadata" else { return try cursor.skip() }
            try cursor.readObject { (key, cursor) throws(JSONError) in
                guard key == "annotations", try cursor.peek() == .object else { return try cursor.skip() }
                try cursor.readObject { (key, cursor) throws(JSONError) in
                    let key = key.string
                    guard let value = try cursor.readStringIfPresent() else { return }
                    annotations.set(key, value)
                    if key.hasPrefix("openshift.io/sa.scc.") { openShiftAnnotations[key] = value }
                }
            }
        }
        self.annotations = annotations
        self.openShiftAnnotations = openShiftAnnotations
    }
}

/// ReplicaSets and Jobs: who owns them.
package struct OwnersRecord: Sendable, Equatable {
    package var owners: [OwnerReference]

    package init(_ cursor: inout JSONCursor) throws(JSONError) {
        var owners: [OwnerReference] = []
        try cursor.readObject { (key, cursor) throws(JSONError) in
            guard key == "metadata" else { return try cursor.skip() }
            try cursor.readObject { (key, cursor) throws(JSONError) in
                guard key == "ownerReferences", try cursor.peek() == .array else { return try cursor.skip() }
                try cursor.readArray { (cursor) throws(JSONError) in
                    owners.append(OwnerReference(try cursor.readObjectTree()))
                }
            }
        }
        self.owners = owners
    }
}

/// Instrumentations, whole but for what only the server cares about.
package struct InstrumentationRecord: Sendable, Equatable {
    package var instrumentation: Instrumentation

    package init(_ cursor: inout JSONCursor) throws(JSONError) {
        self.instrumentation = Instrumentation(try cursor.readResource())
    }
}

/// Collectors: the object as bytes without managed fields, read into a tree when it is looked at. A thousand of them as
/// trees would weigh ten times as much.
package struct CollectorRecord: Sendable, Equatable {
    package var key: ObjectKey
    package var generation: Int
    package var isSidecar: Bool
    /// The TargetAllocator that its label names.
    package var targetAllocator: String?
    /// Whether it brings one along, of its own name.
    package var embedsTargetAllocator: Bool
    private var bytes: [UInt8]

    /// Of the object as JSON.
    var size: Int { self.bytes.count }

    package init(_ cursor: inout JSONCursor) throws(JSONError) {
        let object = try cursor.readResource(ResourceCatalog.collectors)
        let collector = Collector(object)
        self.key = ObjectKey(namespace: collector.namespace, name: collector.name)
        self.generation = object[object: "metadata"]?[int: "generation"] ?? 0
        self.isSidecar = object[object: "spec"]?[string: "mode"] == "sidecar"
        self.targetAllocator = collector.targetAllocatorName
        self.embedsTargetAllocator = collector.spec.targetAllocator?.isEnabled ?? false
        self.bytes = object.bytes()
    }

    /// - Throws: never for what was read before; the error of reading the bytes back otherwise.
    package func collector() throws(JSONError) -> Collector {
        guard case .object(let object) = try JSONValue(parsing: self.bytes) else {
            throw JSONError(.unexpectedKind, "a collector is not an object", offset: 0)
        }
        return Collector(object)
    }
}

/// TargetAllocators: what a collector that asks one has to know, and the resource as bytes, as for collectors.
package struct TargetAllocatorRecord: Sendable, Equatable {
    package var facts: TargetAllocatorFacts
    private var bytes: [UInt8]

    /// Of the object as JSON.
    var size: Int { self.bytes.count }

    package init(_ cursor: inout JSONCursor) throws(JSONError) {
        let object = try cursor.readResource(ResourceCatalog.targetAllocators)
        self.facts = TargetAllocatorFacts(KubeObject(object))
        self.bytes = object.bytes()
    }

    /// - Throws: never for what was read before; the error of reading the bytes back otherwise.
    package func resource() throws(JSONError) -> TargetAllocatorResource {
        guard case .object(let object) = try JSONValue(parsing: self.bytes) else {
            throw JSONError(.unexpectedKind, "a target allocator is not an object", offset: 0)
        }
        return TargetAllocatorResource(object)
    }
}

extension JSONCursor {
    /// An object without what only the server cares about.
    ///
    /// - Parameter kind: said in the object, where rendering names an owner by it; lists leave that out.
    fileprivate mutating func readResource(_ kind: APIResource? = nil) throws(JSONError) -> JSONObject {
        var object = try self.readObjectTree()
        object.mutateObject("metadata") { metadata in
            metadata.remove("managedFields")
            metadata.remove("resourceVersion")
        }
        if let kind {
            object.insert("apiVersion", .string(kind.groupVersionKind.apiVersion), at: 0)
            object.insert("kind", .string(kind.kind), at: 1)
        }
        return object
    }
}
