import JSONTree

/// Where a collector serves its own metrics.
package struct MetricsEndpoint: Sendable, Hashable {
    package var host: String
    package var port: Int

    package init(host: String = "0.0.0.0", port: Int = 8888) {
        self.host = host
        self.port = port
    }
}

extension CollectorConfiguration {
    /// The endpoint of `service.telemetry.metrics` (specification section 4.3): the first pull reader with a prometheus
    /// exporter, else the old `address`, else 0.0.0.0:8888.
    ///
    /// Throws when the port is out of range, or an address leaves its port to an environment variable.
    package func metricsEndpoint() throws(ConfigurationError) -> MetricsEndpoint {
        guard let metrics = self.service.telemetry?[object: "metrics"] else { return MetricsEndpoint() }
        if let readers = metrics[array: "readers"], !readers.isEmpty {
            for (position, reader) in readers.enumerated() {
                guard let exporter = reader["pull"]?["exporter"]?["prometheus"]?.object else { continue }
                let host = exporter[string: "host"] ?? ""
                // A port given by an environment variable can't be known here; the default is the best guess.
                let port = exporter[int: "port"] ?? 0
                guard (0...65535).contains(port) else {
                    throw ConfigurationError(
                        path: "service.telemetry.metrics.readers[\(position)].pull.exporter.prometheus.port",
                        "invalid prometheus metrics port: \(port)"
                    )
                }
                return MetricsEndpoint(host: host.isEmpty ? "0.0.0.0" : host, port: port == 0 ? 8888 : port)
            }
            return MetricsEndpoint()
        }
        guard let address = metrics[string: "address"], !address.isEmpty else { return MetricsEndpoint() }
        let path = "service.telemetry.metrics.address"
        let digits = address.utf8.reversed().prefix { (0x30...0x39).contains($0) }.count
        if digits > 0, address.utf8.dropLast(digits).last == UInt8(ascii: ":") {
            let text = String(decoding: address.utf8.suffix(digits), as: UTF8.self)
            guard let port = Int(text), port <= 65535 else {
                throw ConfigurationError(path: path, "invalid prometheus metrics port: \(text)")
            }
            return MetricsEndpoint(
                host: String(decoding: address.utf8.dropLast(digits + 1), as: UTF8.self),
                port: port == 0 ? 8888 : port
            )
        }
        if self.portIsVariable(address) {
            throw ConfigurationError(path: path, "couldn't determine metrics port from configuration: \(address)")
        }
        return MetricsEndpoint(host: address, port: 8888)
    }

    /// Whether an address ends in `:${…}`.
    private func portIsVariable(_ address: String) -> Bool {
        let bytes = Array(address.utf8)
        guard bytes.last == UInt8(ascii: "}"), let dollar = bytes.lastIndex(of: UInt8(ascii: "$")), dollar > 0 else {
            return false
        }
        return bytes[dollar - 1] == UInt8(ascii: ":") && bytes[dollar + 1] == UInt8(ascii: "{")
            && !bytes[dollar...].dropLast().contains(UInt8(ascii: "}"))
    }
}
