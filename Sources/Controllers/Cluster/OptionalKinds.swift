package import KubeModel
package import TelemetryAPI

/// The kinds that not every cluster serves, or not under the same version: what of ``ClusterFacts`` discovery decides.
package enum OptionalKinds {
    package static let horizontalPodAutoscaler = GroupKind(group: "autoscaling", kind: "HorizontalPodAutoscaler")
    package static let podDisruptionBudget = GroupKind(group: "policy", kind: "PodDisruptionBudget")
    package static let serviceMonitor = GroupKind(group: "monitoring.coreos.com", kind: "ServiceMonitor")
    package static let podMonitor = GroupKind(group: "monitoring.coreos.com", kind: "PodMonitor")
    package static let httpRoute = GroupKind(group: "gateway.networking.k8s.io", kind: "HTTPRoute")
    package static let openShiftRoute = GroupKind(group: "route.openshift.io", kind: "Route")
    package static let certificate = GroupKind(group: "cert-manager.io", kind: "Certificate")
    package static let targetAllocator = GroupKind(group: "opentelemetry.io", kind: "TargetAllocator")

    /// Each with the versions that we can write, best first (empty: whichever).
    package static let versions: [GroupKind: [String]] = [
        horizontalPodAutoscaler: ["v2", "v2beta2"],
        podDisruptionBudget: ["v1", "v1beta1"],
        serviceMonitor: ["v1"],
        podMonitor: ["v1"],
        httpRoute: ["v1"],
        openShiftRoute: ["v1"],
        certificate: ["v1"],
        targetAllocator: ["v1alpha1"],
    ]
}

extension ClusterFacts {
    /// The same cluster, serving these of the ``OptionalKinds``.
    package func serving(_ served: [GroupKind: APIResource]) -> ClusterFacts {
        var facts = self
        func version(_ kind: GroupKind) -> ServedVersion? {
            served[kind].flatMap { ServedVersion(rawValue: $0.version) }
        }
        facts.horizontalPodAutoscaler = version(OptionalKinds.horizontalPodAutoscaler)
        facts.podDisruptionBudget = version(OptionalKinds.podDisruptionBudget)
        facts.prometheusMonitors =
            served[OptionalKinds.serviceMonitor] != nil && served[OptionalKinds.podMonitor] != nil
        facts.gatewayRoutes = served[OptionalKinds.httpRoute] != nil
        facts.openShiftRoutes = served[OptionalKinds.openShiftRoute] != nil
        facts.certManager = served[OptionalKinds.certificate] != nil && self.certManagerRights
        facts.targetAllocators = served[OptionalKinds.targetAllocator] != nil
        return facts
    }
}
