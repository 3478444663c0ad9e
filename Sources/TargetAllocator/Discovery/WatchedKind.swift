import KubeModel
import KubeRuntime
import TargetDiscovery

/// A kind that discovery follows: where it is served and how its records are found.
struct WatchedKind<Record: DiscoveryRecord>: Sendable {
    /// As metrics call it.
    var role: String
    /// The version to take first. With several, the server is asked which it has.
    var resources: [APIResource]
    var indexes: [StoreIndex<Packed<Record>>] = []
    /// Members of no interest, left out while reading.
    var dropped: Set<String> = []
}

extension WatchedKind<ObjectRecord> {
    static let namespaces = WatchedKind(
        role: "namespace",
        resources: [
            APIResource(group: "", version: "v1", plural: "namespaces", kind: "Namespace", isNamespaced: false)
        ],
        dropped: ["spec", "status"]
    )
}

extension WatchedKind<NodeRecord> {
    static let nodes = WatchedKind(
        role: "node",
        resources: [APIResource(group: "", version: "v1", plural: "nodes", kind: "Node", isNamespaced: false)]
    )
}

extension WatchedKind<PodRecord> {
    static let pods = WatchedKind(
        role: "pod",
        resources: [APIResource(group: "", version: "v1", plural: "pods", kind: "Pod")],
        indexes: [.podNode]
    )
}

extension WatchedKind<ServiceRecord> {
    static let services = WatchedKind(
        role: "service",
        resources: [APIResource(group: "", version: "v1", plural: "services", kind: "Service")],
        dropped: ["status"]
    )
}

extension WatchedKind<EndpointsRecord> {
    static let endpoints = WatchedKind(
        role: "endpoints",
        resources: [APIResource(group: "", version: "v1", plural: "endpoints", kind: "Endpoints")],
        indexes: [.endpointsPod, .endpointsNode]
    )
}

extension WatchedKind<EndpointSliceRecord> {
    static let endpointSlices = WatchedKind(
        role: "endpointslice",
        resources: ["v1", "v1beta1"].map {
            APIResource(group: "discovery.k8s.io", version: $0, plural: "endpointslices", kind: "EndpointSlice")
        },
        indexes: [.slicePod, .sliceService, .sliceNode]
    )
}

extension WatchedKind<IngressRecord> {
    static let ingresses = WatchedKind(
        role: "ingress",
        resources: ["v1", "v1beta1"].map {
            APIResource(group: "networking.k8s.io", version: $0, plural: "ingresses", kind: "Ingress")
        },
        dropped: ["status"]
    )
}

extension StoreIndex<Packed<PodRecord>> {
    static let podNode = StoreIndex("node") { [$0.record.nodeName] }
}

extension StoreIndex<Packed<EndpointsRecord>> {
    static let endpointsPod = StoreIndex("pod") { $0.record.pods.map(\.description) }
    static let endpointsNode = StoreIndex("node") { Array(Set($0.record.nodes)) }
}

extension StoreIndex<Packed<EndpointSliceRecord>> {
    static let slicePod = StoreIndex("pod") { $0.record.pods.map(\.description) }
    static let sliceService = StoreIndex("service") { $0.record.service.map { [$0.description] } ?? [] }
    static let sliceNode = StoreIndex("node") { Array(Set($0.record.nodes)) }
}

extension Packed: HeapSized {
    package var heapBytes: Int { heapBuffer(self.byteCount) }
}
