package import KubeModel

/// The kinds of the Prometheus operator that become scrape jobs, in the order in which their jobs are listed.
package enum PrometheusResourceKind: String, Sendable, Hashable, CaseIterable, Comparable {
    case serviceMonitor = "ServiceMonitor"
    case podMonitor = "PodMonitor"
    case probe = "Probe"
    case scrapeConfig = "ScrapeConfig"

    /// What job names begin with.
    package var jobPrefix: String {
        switch self {
        case .serviceMonitor: "serviceMonitor"
        case .podMonitor: "podMonitor"
        case .probe: "probe"
        case .scrapeConfig: "scrapeConfig"
        }
    }

    /// The version that is read.
    package var version: String { self == .scrapeConfig ? "v1alpha1" : "v1" }

    package var groupVersionKind: GroupVersionKind {
        GroupVersionKind(group: "monitoring.coreos.com", version: self.version, kind: self.rawValue)
    }

    package static func < (left: PrometheusResourceKind, right: PrometheusResourceKind) -> Bool {
        left.place < right.place
    }

    private var place: Int {
        switch self {
        case .serviceMonitor: 0
        case .podMonitor: 1
        case .probe: 2
        case .scrapeConfig: 3
        }
    }
}
