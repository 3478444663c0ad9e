import JSONTree

/// Every step, oldest first; of one version they run in the order of this table (specification section 7.7).
///
/// The functions are in `UpgradeSteps+Components.swift`, `+Arguments.swift` and `+Telemetry.swift`. They take and give
/// the v1beta1 tree: the Go operator converts to v1alpha1 and back for those up to 0.61, and loses what that lacks.
let upgradeSteps: [UpgradeStep] = [
    UpgradeStep("0.2.10", "none") { _ in },
    UpgradeStep("0.9.0", "opencensus-reconnection-delay", dropReconnectionDelay),
    UpgradeStep("0.15.0", "metrics-arguments", dropMetricsArguments),
    UpgradeStep("0.19.0", "queued-retry-and-resource", dropQueuedRetryAndNameResource),
    UpgradeStep("0.24.0", "health-check-port", moveHealthCheckPort),
    UpgradeStep("0.31.0", "influxdb-metrics-schema", dropMetricsSchema),
    UpgradeStep("0.36.0", "otlp-tls", moveTLSSettings),
    UpgradeStep("0.38.0", "log-arguments", moveLogArguments),
    UpgradeStep("0.39.0", "ballast-and-httpd", dropBallastAndRenameHTTPD),
    UpgradeStep("0.41.0", "otlp-cors", moveCORS),
    UpgradeStep("0.43.0", "metrics-address-arguments", moveMetricsArguments),
    UpgradeStep("0.56.0", "autoscaler-minimum", setMinimumReplicas),
    UpgradeStep("0.57.2", "health-check-endpoint", joinHealthCheckPort),
    UpgradeStep("0.61.0", "jaeger-remote-sampling", refuseRemoteSampling),
    UpgradeStep("0.104.0", "environment-expansion-gate", addExpansionGate),
    UpgradeStep("0.104.0", "localhost-gate", addLocalhostGate),
    UpgradeStep("0.105.0", "environment-expansion-gate-removal", removeExpansionGate),
    UpgradeStep("0.110.0", "localhost-gate-removal", removeLocalhostGate),
    UpgradeStep("0.111.0", "telemetry-address", fillMetricsAddress),
    UpgradeStep("0.122.0", "telemetry-reader", replaceMetricsAddress),
].compactMap(\.self)

// The Go operator also points HorizontalPodAutoscalers at the collector instead of its Deployment here. Ours are applied
// server-side with their `scaleTargetRef` on every change, so nothing but the minimum is left to do.
@Sendable func setMinimumReplicas(_ draft: inout UpgradeDraft) {
    guard var autoscaler = draft.map("autoscaler"), let maximum = autoscaler["maxReplicas"], !maximum.isNull,
        autoscaler["minReplicas"] ?? .null == .null
    else { return }
    autoscaler["minReplicas"] = 1
    draft.set(autoscaler, "autoscaler")
    draft.notes.changed("autoscaler", "minReplicas is now 1")
}
