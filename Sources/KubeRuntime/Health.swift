import Synchronization

/// Whether a part of the process works.
package enum HealthStatus: Sendable, Equatable {
    case healthy
    /// With the reason, for people; it is shown to whoever may ask, so no secrets.
    case unhealthy(String)
}

/// A named question that must be answered at once, from what is known.
package struct HealthCheck: Sendable {
    package var name: String
    package var check: @Sendable () -> HealthStatus

    package init(_ name: String, check: @escaping @Sendable () -> HealthStatus) {
        self.name = name
        self.check = check
    }

    /// Healthy as soon as a cache is complete.
    package static func synced(_ cache: some Syncable) -> HealthCheck {
        HealthCheck("informer-sync-\(cache.name)") { cache.isSynced ? .healthy : .unhealthy("not synced yet") }
    }

    /// Always healthy: the process answers.
    package static let ping = HealthCheck("ping") { .healthy }
}

/// The checks behind `/healthz` or `/readyz`, in the order in which they were added. Serving them is somebody else's.
package final class Health: Sendable {
    private let checks: Mutex<[HealthCheck]>

    package init(_ checks: [HealthCheck] = [.ping]) { self.checks = Mutex(checks) }

    /// Adds a check, or replaces the one of the same name.
    package func add(_ check: HealthCheck) {
        self.checks.withLock { checks in
            if let place = checks.firstIndex(where: { $0.name == check.name }) {
                checks[place] = check
            } else {
                checks.append(check)
            }
        }
    }

    /// - Parameter excluding: names of checks to leave out (the query parameter `exclude`).
    package func report(excluding: Set<String> = []) -> HealthReport {
        // Outside the lock: a check may take its time or look here.
        let checks = self.checks.withLock { $0 }
        return HealthReport(
            results: checks.filter { !excluding.contains($0.name) }.map { ($0.name, $0.check()) }
        )
    }
}

/// The answers to all checks at one time.
package struct HealthReport: Sendable {
    package var results: [(name: String, status: HealthStatus)]

    package var isHealthy: Bool { self.results.allSatisfy { $0.status == .healthy } }

    /// As Kubernetes components write it for `?verbose`: a line for each check and a last one for all.
    package func text(for endpoint: String) -> String {
        var lines = self.results.map { result in
            switch result.status {
            case .healthy: "[+]\(result.name) ok"
            case .unhealthy(let reason): "[-]\(result.name) failed: \(reason)"
            }
        }
        lines.append("\(endpoint) check \(self.isHealthy ? "passed" : "failed")")
        return lines.joined(separator: "\n") + "\n"
    }
}
