import JSONTree
import TelemetryAPI

extension CollectorValidation {
    /// The target allocator a collector brings along (specification section 2.4).
    mutating func checkTargetAllocator(_ collector: Collector, _ mode: CollectorMode) {
        guard let allocator = collector.spec.targetAllocator, allocator.isEnabled else { return }
        func refuse(_ field: String, _ reason: Issue.Reason, _ message: String) {
            self.errors.append(Issue(path: field, reason: reason, message: message))
        }
        guard mode == .statefulset || mode == .daemonset else {
            return refuse(
                "spec.targetAllocator.enabled",
                .forbidden,
                "the OpenTelemetry Collector mode is set to \(mode.rawValue), which does not support the target allocation deployment"
            )
        }
        let isPerNode = allocator.allocationStrategy == "per-node"
        if mode == .daemonset, !isPerNode {
            refuse(
                "spec.targetAllocator.allocationStrategy",
                .invalid,
                "the OpenTelemetry Collector mode is set to daemonset, which must be used with target allocation strategy per-node "
            )
        }
        if isPerNode, mode != .daemonset {
            refuse(
                "spec.targetAllocator.allocationStrategy",
                .invalid,
                "target allocation strategy per-node is only supported in OpenTelemetry Collector mode daemonset"
            )
        }
        if let problem = Self.prometheusProblem(collector.spec.config ?? [:], allocator) {
            refuse(
                "spec.config.receivers.prometheus",
                .invalid,
                "the OpenTelemetry Spec Prometheus configuration is incorrect, \(problem)"
            )
        }
        if let mutualTLS = allocator.mutualTLS, mutualTLS.isEnabled {
            for (field, message) in mutualTLS.problems {
                refuse("spec.targetAllocator.mtls.\(field)", .invalid, message)
            }
        }
    }

    /// What keeps the prometheus receiver from being served by a target allocator.
    private static func prometheusProblem(_ config: JSONObject, _ allocator: EmbeddedTargetAllocator) -> String? {
        let receivers: JSONObject
        switch config["receivers"] {
        case nil, .null: return "no receivers available as part of the configuration"
        case .object(let object): receivers = object
        default: return "receivers property in the configuration doesn't contain valid receivers"
        }
        let prometheus: JSONObject
        switch receivers["prometheus"] {
        case nil:
            let others = receivers.keys.filter { $0.hasPrefix("prometheus/") }.sorted()
            if others.isEmpty { return "no prometheus available as part of the configuration" }
            return
                "the target allocator needs a receiver named exactly \"prometheus\", but only these were found: \(others.joined(separator: ", ")); rename one of them to \"prometheus\""
        case .null: prometheus = [:]
        case .object(let object): prometheus = object
        default: return "prometheus property in the configuration doesn't contain valid prometheus"
        }
        let inner: JSONObject
        switch prometheus["config"] {
        case nil, .null: return nil
        case .object(let object): inner = object
        default: return "config property in the configuration doesn't contain valid config"
        }
        guard !allocator.prometheusCREnabled else { return nil }
        switch inner["scrape_configs"] {
        case nil, .null: return "no scrape_configs available as part of the configuration"
        case .array(let entries):
            if entries.isEmpty {
                return "either at least one scrape config needs to be defined or PrometheusCR needs to be enabled"
            }
            return entries.allSatisfy { $0.object != nil }
                ? nil : "scrape_config property in the configuration doesn't contain valid scrape_config"
        default: return "scrape_configs must be a list in the config"
        }
    }
}

extension TargetAllocatorMutualTLS {
    /// Fields (below `mtls`) and what is wrong with them.
    var problems: [(field: String, message: String)] {
        // Without cert-manager the operator issues the certificates itself.
        if self.usesCertManager { return [] }
        let prefix = "mTLS is enabled with useCertManager set to false;"
        var problems: [(field: String, message: String)] = []
        if self.tls[object: "serverCertificate"] == nil || self.tls[object: "clientCertificate"] == nil {
            problems.append(("tls", "\(prefix) tls.serverCertificate and tls.clientCertificate must both be set"))
        }
        guard let authority = self.tls[object: "certificateAuthorityCertificate"] else {
            problems.append(
                ("tls.certificateAuthorityCertificate", "\(prefix) tls.certificateAuthorityCertificate must be set")
            )
            return problems
        }
        if (authority[object: "secret"] == nil) == (authority[object: "configMap"] == nil) {
            problems.append(
                (
                    "tls.certificateAuthorityCertificate",
                    "tls.certificateAuthorityCertificate must set exactly one of secret or configMap"
                )
            )
        }
        return problems
    }
}
