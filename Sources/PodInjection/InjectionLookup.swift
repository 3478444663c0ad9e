package import KubeModel
package import TelemetryAPI

/// Something of the cluster that has to be known before a pod can be decided on.
package enum InjectionLookup: Sendable, Hashable {
    /// All Instrumentations of a namespace. Answered with ``InjectionAnswer/instrumentations(_:)``.
    case instrumentations(namespace: String)
    /// One Instrumentation. Answered with ``InjectionAnswer/instrumentations(_:)`` of one.
    case instrumentation(ObjectKey)
    /// All collectors of a namespace (those of other modes than sidecar may be left out). Answered with
    /// ``InjectionAnswer/collectors(_:)``.
    case collectors(namespace: String)
    /// One collector, of whatever mode. Answered with ``InjectionAnswer/collectors(_:)`` of one.
    case collector(ObjectKey)
    /// The owners of a ReplicaSet (apps/v1) or Job (batch/v1). Answered with ``InjectionAnswer/owners(_:)``.
    case owners(OwnerKind, ObjectKey)
    /// Whether a Secret is there. Answered with ``InjectionAnswer/found``.
    case secret(ObjectKey)
    /// Whether a ConfigMap is there. Answered with ``InjectionAnswer/found``.
    case configMap(ObjectKey)
}

/// The kinds of owners that have owners which matter.
package enum OwnerKind: String, Sendable, Hashable {
    case replicaSet = "ReplicaSet"
    case job = "Job"

    package var resource: APIResource {
        switch self {
        case .replicaSet: APIResource(group: "apps", version: "v1", plural: "replicasets", kind: "ReplicaSet")
        case .job: APIResource(group: "batch", version: "v1", plural: "jobs", kind: "Job")
        }
    }
}

/// What a lookup came to.
package enum InjectionAnswer: Sendable {
    case instrumentations([Instrumentation])
    case collectors([SidecarCollector])
    /// `metadata.ownerReferences` of the object.
    case owners([OwnerReference])
    case found
    case notFound
    /// Why it cannot be told: a sentence, such as the API server's message.
    case failed(String)
}

/// Answers lookups from a list of objects: for `swiftlet inject -f` and for tests.
package struct InjectionCatalog: Sendable {
    private var instrumentations: [Instrumentation] = []
    private var collectors: [SidecarCollector] = []
    private var objects: [GroupKind: [ObjectKey: KubeObject]] = [:]
    private var namespaces: [String: InjectionAnnotations] = [:]

    /// Objects without a namespace are in `defaultNamespace`. Instrumentations are taken as they are: default them first,
    /// as the webhook would have.
    ///
    /// - Parameter sidecar: renders a collector into what it adds to a pod.
    package init(
        _ objects: [KubeObject],
        defaultNamespace: String,
        sidecar: (Collector) -> SidecarCollector
    ) {
        for var object in objects {
            switch object.kind {
            case "Namespace":
                self.namespaces[object.name] = InjectionAnnotations(
                    object.metadata.annotations.map { ($0.key, $0.value) }
                )
                continue
            default: break
            }
            if object.namespace.isEmpty { object.metadata.namespace = defaultNamespace }
            switch object.kind {
            case "Instrumentation": self.instrumentations.append(Instrumentation(object.json))
            case "OpenTelemetryCollector": self.collectors.append(sidecar(Collector(object.json)))
            default: self.objects[object.groupVersionKind.groupKind, default: [:]][object.key] = object
            }
        }
    }

    /// The annotations of a namespace; one that is not in the list has none.
    package func namespace(_ name: String) -> InjectionNamespace {
        InjectionNamespace(name: name, annotations: self.namespaces[name] ?? InjectionAnnotations())
    }

    package func answer(to lookup: InjectionLookup) -> InjectionAnswer {
        switch lookup {
        case .instrumentations(let namespace):
            .instrumentations(self.instrumentations.filter { $0.key.namespace == namespace })
        case .instrumentation(let key):
            self.instrumentations.first { $0.key == key }.map { .instrumentations([$0]) } ?? .notFound
        case .collectors(let namespace): .collectors(self.collectors.filter { $0.key.namespace == namespace })
        case .collector(let key): self.collectors.first { $0.key == key }.map { .collectors([$0]) } ?? .notFound
        case .owners(let kind, let key):
            self.object(kind.resource.groupKind, key).map { .owners($0.metadata.ownerReferences) } ?? .notFound
        case .secret(let key): self.object(GroupKind(group: "", kind: "Secret"), key) == nil ? .notFound : .found
        case .configMap(let key): self.object(GroupKind(group: "", kind: "ConfigMap"), key) == nil ? .notFound : .found
        }
    }

    private func object(_ kind: GroupKind, _ key: ObjectKey) -> KubeObject? { self.objects[kind]?[key] }
}
