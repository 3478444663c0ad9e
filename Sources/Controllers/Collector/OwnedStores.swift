import JSONTree
package import KubeClient
package import KubeModel
package import KubeRuntime
import Rendering
package import ServiceLifecycle
package import TelemetryAPI

/// Everything in the cluster that was rendered for collectors: one store for each kind that the server offers.
///
/// Only objects with our `managed-by` label are watched, so foreign ones cost nothing however many there are.
package struct OwnedStores: Sendable {
    package struct Kind: Sendable {
        package let resource: APIResource
        package let store: Store<OwnedRecord>
    }

    package static let selector = "app.kubernetes.io/managed-by=opentelemetry-operator"
    private static let index = StoreIndex<OwnedRecord>(OwnedRecord.byCollector) { record in
        record.collector.isEmpty ? [] : [record.collector]
    }

    package let kinds: [Kind]
    package let verified: VerifiedObjects
    private let places: [GroupKind: Int]
    private let scope: NamespaceScope

    package init(client: KubeClient, namespaces: NamespaceScope, facts: ClusterFacts) {
        let verified = VerifiedObjects()
        self.verified = verified
        self.scope = namespaces
        self.kinds = Self.resources(facts).map { resource in
            let store = Store(
                client: client,
                target: WatchTarget(resource, labelSelector: Self.selector),
                namespaces: resource.isNamespaced ? namespaces : .all,
                indexes: [Self.index],
                projection: { (cursor) throws(JSONError) in
                    try OwnedRecord(&cursor, resource: resource, verified: verified)
                }
            )
            return Kind(resource: resource, store: store)
        }
        var places: [GroupKind: Int] = [:]
        for (place, kind) in self.kinds.enumerated() { places[kind.resource.groupKind] = place }
        self.places = places
    }

    /// The kinds that a collector may own, in the versions that this server has.
    private static func resources(_ facts: ClusterFacts) -> [APIResource] {
        func resource(
            _ group: String,
            _ version: String,
            _ plural: String,
            _ kind: String,
            isNamespaced: Bool = true
        ) -> APIResource {
            APIResource(group: group, version: version, plural: plural, kind: kind, isNamespaced: isNamespaced)
        }
        var resources = [
            ResourceCatalog.configMaps, ResourceCatalog.serviceAccounts, ResourceCatalog.services,
            ResourceCatalog.deployments, ResourceCatalog.daemonSets, ResourceCatalog.statefulSets,
            resource("networking.k8s.io", "v1", "ingresses", "Ingress"),
            resource("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy"),
        ]
        if let version = facts.horizontalPodAutoscaler?.rawValue {
            resources.append(resource("autoscaling", version, "horizontalpodautoscalers", "HorizontalPodAutoscaler"))
        }
        if let version = facts.podDisruptionBudget?.rawValue {
            resources.append(resource("policy", version, "poddisruptionbudgets", "PodDisruptionBudget"))
        }
        if facts.prometheusMonitors {
            resources.append(resource("monitoring.coreos.com", "v1", "servicemonitors", "ServiceMonitor"))
            resources.append(resource("monitoring.coreos.com", "v1", "podmonitors", "PodMonitor"))
        }
        if facts.gatewayRoutes {
            resources.append(resource("gateway.networking.k8s.io", "v1", "httproutes", "HTTPRoute"))
        }
        if facts.openShiftRoutes {
            resources.append(resource("route.openshift.io", "v1", "routes", "Route"))
        }
        if facts.rbacCreation {
            let group = "rbac.authorization.k8s.io"
            resources.append(resource(group, "v1", "clusterroles", "ClusterRole", isNamespaced: false))
            resources.append(resource(group, "v1", "clusterrolebindings", "ClusterRoleBinding", isNamespaced: false))
        }
        return resources
    }

    package var services: [any Service] { self.kinds.map(\.store) }
    package var isSynced: Bool { self.kinds.allSatisfy(\.store.isSynced) }

    /// The kind of an object, `nil` when this server does not have it.
    package func kind(of reference: ObjectReference) -> Kind? {
        self.places[reference.groupVersionKind.groupKind].map { self.kinds[$0] }
    }

    /// All that belongs to a collector.
    package func records(of collector: ObjectKey) -> [OwnedRecord] {
        self.kinds.flatMap { $0.store.items(by: Self.index, collector.description) }
    }

    package func record(_ reference: ObjectReference) -> OwnedRecord? {
        self.kind(of: reference)?.store[reference.key]
    }

    /// Whose business a change is. Cluster-scoped objects are watched wherever they belong to; those of collectors in
    /// namespaces that we don't watch are another operator's, and to us their collectors would look deleted.
    package func collectors(of change: StoreChange<OwnedRecord>) -> Set<ObjectKey> {
        Set(change.states.compactMap(Self.collector).filter { self.covers($0.namespace) })
    }

    /// Whether collectors of a namespace are ours to look after.
    package func covers(_ namespace: String) -> Bool {
        switch self.scope {
        case .all: true
        case .only(let namespaces): namespaces.contains(namespace)
        }
    }

    /// The collector that an object belongs to.
    static func collector(of record: OwnedRecord) -> ObjectKey? {
        let parts = record.collector.split(separator: "/", maxSplits: 1)
        guard parts.count == 2 else { return nil }
        return ObjectKey(namespace: String(parts[0]), name: String(parts[1]))
    }
}
