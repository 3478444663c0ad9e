/// How a collector runs: `spec.mode` of an OpenTelemetryCollector (specification section 1.2).
package enum CollectorMode: String, Sendable, Hashable, CaseIterable {
    case deployment
    case daemonset
    case statefulset
    /// No workload of its own: the collector's container is injected into annotated pods.
    case sidecar
}
