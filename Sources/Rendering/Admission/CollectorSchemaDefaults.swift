import JSONTree
package import TelemetryAPI

extension Collector {
    /// The collector as the API server stores it: with the defaults of the CRD's schema, which it sets before any webhook
    /// is asked (specification sections 1.2 and 1.3). For files, which no server has seen.
    package var withSchemaDefaults: Collector {
        var collector = self
        var spec = collector.spec.json
        spec.setDefaults([
            "ipFamilyPolicy": "SingleStack", "managementState": "managed", "configVersions": 3, "replicas": 1,
        ])
        if let ports = spec[array: "ports"] {
            spec["ports"] = .array(
                ports.map { port in
                    guard var port = port.object else { return port }
                    port.setDefaults(["protocol": "TCP"])
                    return .object(port)
                }
            )
        }
        if var allocator = spec[object: "targetAllocator"] {
            allocator.setDefaults([
                "allocationStrategy": "consistent-hashing", "filterStrategy": "relabel-config",
                "collectorNotReadyGracePeriod": "30s", "collectorTargetReloadInterval": "30s",
            ])
            if var mutualTLS = allocator[object: "mtls"] {
                mutualTLS.setDefaults(["useCertManager": true])
                allocator["mtls"] = .object(mutualTLS)
            }
            if var resources = allocator[object: "prometheusCR"] {
                resources.setDefaults([
                    "scrapeInterval": "30s", "evaluationInterval": "30s", "serviceMonitorNamespaceSelector": [:],
                    "podMonitorNamespaceSelector": [:], "probeNamespaceSelector": [:],
                    "scrapeConfigNamespaceSelector": [:],
                ])
                allocator["prometheusCR"] = .object(resources)
            }
            spec["targetAllocator"] = .object(allocator)
        }
        collector.spec = CollectorSpec(spec)
        return collector
    }
}

extension JSONObject {
    fileprivate mutating func setDefaults(_ defaults: JSONObject) {
        for (key, value) in defaults where !self.contains(key) { self[key] = value }
    }
}
