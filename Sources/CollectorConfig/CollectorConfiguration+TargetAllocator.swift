import JSONTree

/// What a collector's prometheus receiver has to know of its target allocator.
package struct TargetAllocatorEndpoint: Sendable, Hashable {
    /// Name of the target allocator's Service.
    package var service: String
    package var usesMutualTLS: Bool
    /// Replaces the interval of 30 s; in Go's notation.
    package var reloadInterval: String?

    package init(service: String, usesMutualTLS: Bool = false, reloadInterval: String? = nil) {
        self.service = service
        self.usesMutualTLS = usesMutualTLS
        self.reloadInterval = reloadInterval
    }
}

extension CollectorConfiguration {
    /// The configuration whose `prometheus` receiver asks a target allocator (specification section 4.4).
    ///
    /// Throws when there is no receiver named exactly `prometheus` or its parts have the wrong shape. The reload
    /// interval is taken over only when it is a duration.
    package func asking(_ allocator: TargetAllocatorEndpoint) throws(ConfigurationError) -> CollectorConfiguration {
        let path = "receivers.prometheus"
        guard let receivers else {
            throw ConfigurationError(path: "receivers", "no receivers available as part of the configuration")
        }
        guard let value = receivers["prometheus"] else {
            throw ConfigurationError(path: path, "no prometheus available as part of the configuration")
        }
        var receiver: JSONObject
        switch value {
        case .object(let object): receiver = object
        case .null: receiver = [:]
        default:
            throw ConfigurationError(
                path: path,
                "prometheus property in the configuration doesn't contain valid prometheus"
            )
        }
        switch receiver["config"] {
        case nil, .null: break
        case .object(var inner):
            inner["scrape_configs"] = nil
            receiver["config"] = .object(inner)
        default:
            throw ConfigurationError(path: path, "config property in the configuration doesn't contain valid config")
        }
        var section: JSONObject
        switch receiver["target_allocator"] {
        case nil, .null: section = [:]
        case .object(let object): section = object
        default:
            throw ConfigurationError(
                path: path,
                "target_allocator property in the configuration doesn't contain valid target_allocator"
            )
        }
        let scheme = allocator.usesMutualTLS ? "https" : "http"
        let port = allocator.usesMutualTLS ? 443 : 80
        section["endpoint"] = .string("\(scheme)://\(allocator.service):\(port)")
        let interval = allocator.reloadInterval.flatMap(GoTime.nanoseconds).map(GoTime.duration)
        section["interval"] = .string(interval ?? "30s")
        section["collector_id"] = "${POD_NAME}"
        if allocator.usesMutualTLS {
            section.mutateObject("tls") { tls in
                tls["ca_file"] = "/tls/ca.crt"
                tls["cert_file"] = "/tls/tls.crt"
                tls["key_file"] = "/tls/tls.key"
                tls["reload_interval"] = "5m"
            }
        }
        receiver["target_allocator"] = .object(section)
        var result = self
        result.receivers?["prometheus"] = .object(receiver)
        return result
    }
}
