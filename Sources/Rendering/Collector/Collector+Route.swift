import CollectorConfig
import JSONTree
import KubeModel
import TelemetryAPI

extension CollectorContext {
    /// OpenShift Routes to the receivers, one for each port, when `spec.ingress.type` is `route` and the cluster has
    /// them (specification section 3.8).
    func routes() throws(ConfigurationError) -> [KubeObject?] {
        guard self.facts.openShiftRoutes, let ingress = self.spec.ingress, ingress.type == "route",
            ["insecure", "edge", "passthrough", "reencrypt"].contains(ingress.routeTermination)
        else { return [] }
        return self.servicePorts(from: try self.ports(of: .receiver)).map { port in
            let name = ObjectName.route(self.name, port: port.reference)
            var object = self.object(
                GroupVersionKind(group: "route.openshift.io", version: "v1", kind: "Route"),
                name,
                labels: [
                    ObjectLabels.name: name,
                    // The Go operator does not cut it, and is refused when it is longer than a label may be.
                    ObjectLabels.instance: ObjectName.instance(self.name, namespace: self.namespace),
                    ObjectLabels.managedBy: "opentelemetry-operator",
                    ObjectLabels.component: ObjectLabels.Component.collector.rawValue,
                ],
                annotations: ingress.annotations
            )
            var spec: JSONObject = [
                "to": ["kind": "Service", "name": .string(ObjectName.collector(self.name))],
                "port": ["targetPort": .string(port.reference)], "wildcardPolicy": "None",
            ]
            // Without a hostname the router makes one.
            if !ingress.hostname.isEmpty { spec["host"] = .string(Self.host(port, ingress.hostname)) }
            if ingress.routeTermination != "insecure" {
                spec["tls"] = ["termination": .string(ingress.routeTermination)]
            }
            object.spec = spec
            return object
        }
    }
}
