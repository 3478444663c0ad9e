import KubeClient
import TargetDiscovery

/// One cluster with all that discovery follows there.
final class WatchedCluster: Sendable {
    let client: KubeClient
    let nodes: SharedStores<NodeRecord>
    let namespaces: SharedStores<ObjectRecord>
    let pods: SharedStores<PodRecord>
    let services: SharedStores<ServiceRecord>
    let endpoints: SharedStores<EndpointsRecord>
    let endpointSlices: SharedStores<EndpointSliceRecord>
    let ingresses: SharedStores<IngressRecord>

    init(client: KubeClient) {
        self.client = client
        self.nodes = SharedStores(.nodes, client: client)
        self.namespaces = SharedStores(.namespaces, client: client)
        self.pods = SharedStores(.pods, client: client)
        self.services = SharedStores(.services, client: client)
        self.endpoints = SharedStores(.endpoints, client: client)
        self.endpointSlices = SharedStores(.endpointSlices, client: client)
        self.ingresses = SharedStores(.ingresses, client: client)
    }

    /// How many watches run.
    var watchCount: Int {
        self.nodes.count + self.namespaces.count + self.pods.count + self.services.count + self.endpoints.count
            + self.endpointSlices.count + self.ingresses.count
    }
}
