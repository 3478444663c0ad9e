package import KubeModel

/// What the cluster can do, as found by discovery: values only, so that the same facts render the same objects.
///
/// Nothing here is guessed from a version where discovery can tell; only fields of built-in kinds, which discovery does
/// not list, are judged by ``kubernetesVersion``.
package struct ClusterFacts: Sendable, Hashable {
    /// The API version under which a kind that changed its version is served.
    package enum ServedVersion: String, Sendable, Hashable {
        case v2, v2beta2, v1, v1beta1
    }

    package var kubernetesVersion: KubernetesVersion
    /// HorizontalPodAutoscaler of group autoscaling: `.v2`, `.v2beta2`, or nil where neither is served.
    package var horizontalPodAutoscaler: ServedVersion?
    /// PodDisruptionBudget of group policy: `.v1`, `.v1beta1`, or nil.
    package var podDisruptionBudget: ServedVersion?
    /// Both ServiceMonitor and PodMonitor (monitoring.coreos.com/v1) are served.
    package var prometheusMonitors: Bool
    /// HTTPRoute (gateway.networking.k8s.io/v1) is served.
    package var gatewayRoutes: Bool
    /// Route (route.openshift.io/v1) is served: an OpenShift cluster.
    package var openShiftRoutes: Bool
    /// cert-manager.io is served and the operator may use it.
    package var certManager: Bool
    /// The operator may use cert-manager, should it be served: asked of the API server, not found by discovery.
    package var certManagerRights: Bool
    /// TargetAllocator (opentelemetry.io/v1alpha1) is served.
    package var targetAllocators: Bool
    /// The API server starts containers of `initContainers` with `restartPolicy: Always` as sidecars (1.29 and later).
    package var nativeSidecars: Bool
    /// The operator may create ClusterRoles and ClusterRoleBindings.
    package var rbacCreation: Bool
    /// Where the API server listens, beside 443 and 6443.
    package var apiServerPorts: [Int]
    /// The image that the operator itself runs; `nil` where that is not known.
    package var operatorImage: String?

    /// A current cluster without additions: what `swiftlet render` assumes unless told otherwise.
    package init(
        kubernetesVersion: KubernetesVersion = KubernetesVersion(major: 1, minor: 36),
        horizontalPodAutoscaler: ServedVersion? = .v2,
        podDisruptionBudget: ServedVersion? = .v1,
        prometheusMonitors: Bool = false,
        gatewayRoutes: Bool = false,
        openShiftRoutes: Bool = false,
        certManager: Bool = false,
        certManagerRights: Bool = true,
        targetAllocators: Bool = false,
        nativeSidecars: Bool = true,
        rbacCreation: Bool = true,
        apiServerPorts: [Int] = [],
        operatorImage: String? = nil
    ) {
        self.kubernetesVersion = kubernetesVersion
        self.horizontalPodAutoscaler = horizontalPodAutoscaler
        self.podDisruptionBudget = podDisruptionBudget
        self.prometheusMonitors = prometheusMonitors
        self.gatewayRoutes = gatewayRoutes
        self.openShiftRoutes = openShiftRoutes
        self.certManager = certManager
        self.certManagerRights = certManagerRights
        self.targetAllocators = targetAllocators
        self.nativeSidecars = nativeSidecars
        self.rbacCreation = rbacCreation
        self.apiServerPorts = apiServerPorts
        self.operatorImage = operatorImage
    }
}
