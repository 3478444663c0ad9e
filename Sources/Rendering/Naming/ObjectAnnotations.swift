package import KubeModel
package import TelemetryAPI

/// Annotations of rendered objects (specification section 0.5).
package enum ObjectAnnotations {
    /// The hash of the configuration a pod was started with.
    package static let configHash = "opentelemetry-operator-config/sha256"
    /// The hash of the configuration a target allocator's pod was started with.
    package static let targetAllocatorHash = "opentelemetry-targetallocator-config/hash"
    /// Says that the scrape annotations of a pod template are the operator's, to be taken away by it again.
    package static let prometheusMarker = "operator.opentelemetry.io/prometheus-annotations-added"
    package static let prometheus = [
        "prometheus.io/scrape": "true", "prometheus.io/port": "8888", "prometheus.io/path": "/metrics",
    ]
    /// On cluster-scoped objects, which can't have an owner reference: the collector they belong to, `namespace/name`.
    package static let collector = "operator.opentelemetry.io/collector"
    /// On a StatefulSet with volume claims: the hash of the claims it was made with.
    package static let claimsHash = "operator.opentelemetry.io/volume-claims-sha256"

    package static func annotations(_ metadata: ObjectMeta, _ settings: OperatorSettings) -> [String: String] {
        settings.annotationFilter.removing(from: metadata.annotations)
    }

    /// Of the pod template: the pod annotations of the resource, then its own, then those that make Prometheus scrape
    /// the pod, then the hash of the configuration.
    package static func podTemplate(_ collector: Collector, _ settings: OperatorSettings, hash: String) -> [String:
        String]
    {
        var annotations = settings.annotationFilter.removing(from: collector.spec.podAnnotations)
        annotations.merge(self.annotations(collector.metadata, settings)) { own, _ in own }
        if !collector.spec.observability.disablesPrometheusAnnotations {
            let missing = self.prometheus.filter { annotations[$0.key] == nil }
            if !missing.isEmpty {
                annotations.merge(missing) { own, _ in own }
                annotations[self.prometheusMarker] = "true"
            }
        }
        annotations[self.configHash] = hash
        return annotations
    }
}
