import Metrics

/// What discovery counts, by the names that Prometheus has for it.
enum DiscoveryMetrics {
    static let fileErrors = Counter(label: "prometheus_sd_file_read_errors_total")
    static let httpFailures = Counter(label: "prometheus_sd_http_failures_total")
    static let dnsLookups = Counter(label: "prometheus_sd_dns_lookups_total")
    static let dnsFailures = Counter(label: "prometheus_sd_dns_lookup_failures_total")
    static let kubernetesFailures = Counter(label: "prometheus_sd_kubernetes_failures_total")
}
