import CollectorConfig
import JSONTree
import KubeModel
import TelemetryAPI

extension CollectorContext {
    /// Gateway API routes to the receivers, one for each port that does not speak gRPC (specification section 3.8); none
    /// where the cluster has no Gateway API.
    func httpRoutes() throws(ConfigurationError) -> [KubeObject?] {
        guard self.facts.gatewayRoutes, let route = self.spec.httpRoute, route.isEnabled, !route.gateway.isEmpty else {
            return []
        }
        return self.servicePorts(from: try self.ports(of: .receiver)).compactMap { port in
            guard port.appProtocol != "grpc", port.appProtocol != "h2c" else { return nil }
            let name = ObjectName.httpRoute(self.name, port: port.reference)
            var object = self.object(
                GroupVersionKind(group: "gateway.networking.k8s.io", version: "v1", kind: "HTTPRoute"),
                name,
                labels: self.labels(name: name, filtered: true)
            )
            var spec: JSONObject = [
                "parentRefs": [
                    [
                        "group": "gateway.networking.k8s.io", "kind": "Gateway", "name": .string(route.gateway),
                        "namespace": .string(route.gatewayNamespace.isEmpty ? self.namespace : route.gatewayNamespace),
                    ]
                ]
            ]
            if !route.hostnames.isEmpty { spec["hostnames"] = .strings(route.hostnames) }
            spec["rules"] = [
                [
                    "matches": [["path": ["type": "PathPrefix", "value": .string("/\(port.name)")]]],
                    "filters": [
                        [
                            "type": "URLRewrite",
                            "urlRewrite": ["path": ["type": "ReplacePrefixMatch", "replacePrefixMatch": "/"]],
                        ]
                    ],
                    "backendRefs": [["name": .string(ObjectName.collector(self.name)), "port": .int(port.port)]],
                ]
            ]
            object.spec = spec
            return object
        }
    }
}
