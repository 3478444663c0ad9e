import JSONTree
package import KubeModel

/// The ServiceMonitor for the operator's own metrics (`--create-sm-operator-metrics`, specification operations.md
/// section 2).
package enum OperatorServiceMonitor {
    package static let name = "opentelemetry-operator-metrics-monitor"

    /// - Parameters:
    ///   - isSecure: whether `/metrics` is served with TLS.
    ///   - owner: the operator's Deployment, if there is one: what a killed operator leaves goes with it.
    package static func render(namespace: String, isSecure: Bool, owner: KubeObject?) -> KubeObject {
        var endpoint: JSONObject = [
            "interval": "30s", "path": "/metrics", "scheme": isSecure ? "https" : "http", "scrapeTimeout": "10s",
        ]
        // By its name in the Service: of the operator's Services only that of the metrics has such a port.
        endpoint["port"] = "https"
        if isSecure {
            endpoint["bearerTokenFile"] = "/var/run/secrets/kubernetes.io/serviceaccount/token"
            // The certificate is the operator's own unless it was given one, and nobody else knows the authority.
            endpoint["tlsConfig"] = ["insecureSkipVerify": true]
        }
        var object = KubeObject([
            "apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor",
            "metadata": [
                "name": .string(self.name), "namespace": .string(namespace),
                "labels": [
                    "app.kubernetes.io/name": "opentelemetry-operator",
                    "app.kubernetes.io/part-of": "opentelemetry-operator", "control-plane": "controller-manager",
                ],
            ],
            "spec": [
                "endpoints": [.object(endpoint)],
                "selector": ["matchLabels": ["app.kubernetes.io/name": "opentelemetry-operator"]],
            ],
        ])
        if let owner { object.metadata.ownerReferences = [owner.plainReference] }
        return object
    }
}
