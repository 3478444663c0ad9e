import JSONTree

/// Where a collector answers health checks.
package struct HealthCheckProbe: Sendable, Hashable {
    package var path: String
    package var port: Int
}

extension CollectorConfiguration {
    /// The endpoint of the first enabled health_check extension (specification section 3.5).
    ///
    /// Nil without such an extension, without an `extensions` section, or when its body has the wrong shape: then the
    /// collector gets no probe, but it is deployed.
    package var healthCheckProbe: HealthCheckProbe? {
        guard let extensions else { return nil }
        for id in self.enabled(.extension) {
            guard case .healthCheck(let defaultPort) = ComponentRegistry.parser(.extension, id: id).ports else {
                continue
            }
            do throws(ConfigurationError) {
                let body = try ComponentBody(extensions[id], path: "extensions.\(id)")
                let path = try body?.string("path") ?? ""
                return HealthCheckProbe(
                    path: path.isEmpty ? "/" : path,
                    port: try body?.string("endpoint").flatMap(Endpoint.port) ?? defaultPort
                )
            } catch {
                continue
            }
        }
        return nil
    }
}
