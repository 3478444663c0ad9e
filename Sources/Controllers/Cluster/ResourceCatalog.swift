package import KubeModel

/// Where the kinds are served that we read or write under a version that every supported server has. Kinds whose
/// version differs between servers are asked for at the server (see ``ClusterProbe``).
package enum ResourceCatalog {
    package static let collectors = APIResource(
        group: "opentelemetry.io",
        version: "v1beta1",
        plural: "opentelemetrycollectors",
        kind: "OpenTelemetryCollector"
    )
    package static let instrumentations = APIResource(
        group: "opentelemetry.io",
        version: "v1alpha1",
        plural: "instrumentations",
        kind: "Instrumentation"
    )
    package static let namespaces = APIResource(
        group: "",
        version: "v1",
        plural: "namespaces",
        kind: "Namespace",
        isNamespaced: false
    )
    package static let secrets = APIResource(group: "", version: "v1", plural: "secrets", kind: "Secret")
    package static let configMaps = APIResource(group: "", version: "v1", plural: "configmaps", kind: "ConfigMap")
    package static let serviceAccounts = APIResource(
        group: "",
        version: "v1",
        plural: "serviceaccounts",
        kind: "ServiceAccount"
    )
    package static let services = APIResource(group: "", version: "v1", plural: "services", kind: "Service")
    package static let deployments = APIResource(
        group: "apps",
        version: "v1",
        plural: "deployments",
        kind: "Deployment"
    )
    package static let daemonSets = APIResource(group: "apps", version: "v1", plural: "daemonsets", kind: "DaemonSet")
    package static let statefulSets = APIResource(
        group: "apps",
        version: "v1",
        plural: "statefulsets",
        kind: "StatefulSet"
    )
    package static let replicaSets = APIResource(
        group: "apps",
        version: "v1",
        plural: "replicasets",
        kind: "ReplicaSet"
    )
    package static let jobs = APIResource(group: "batch", version: "v1", plural: "jobs", kind: "Job")
    package static let mutatingWebhooks = APIResource(
        group: "admissionregistration.k8s.io",
        version: "v1",
        plural: "mutatingwebhookconfigurations",
        kind: "MutatingWebhookConfiguration",
        isNamespaced: false
    )
    package static let validatingWebhooks = APIResource(
        group: "admissionregistration.k8s.io",
        version: "v1",
        plural: "validatingwebhookconfigurations",
        kind: "ValidatingWebhookConfiguration",
        isNamespaced: false
    )
    package static let selfSubjectAccessReviews = APIResource(
        group: "authorization.k8s.io",
        version: "v1",
        plural: "selfsubjectaccessreviews",
        kind: "SelfSubjectAccessReview",
        isNamespaced: false
    )
    package static let subjectAccessReviews = APIResource(
        group: "authorization.k8s.io",
        version: "v1",
        plural: "subjectaccessreviews",
        kind: "SubjectAccessReview",
        isNamespaced: false
    )

    package static let endpointSlices = APIResource(
        group: "discovery.k8s.io",
        version: "v1",
        plural: "endpointslices",
        kind: "EndpointSlice"
    )
    package static let endpoints = APIResource(group: "", version: "v1", plural: "endpoints", kind: "Endpoints")

    // MARK: What collectors own

    package static let ingresses = APIResource(
        group: "networking.k8s.io",
        version: "v1",
        plural: "ingresses",
        kind: "Ingress"
    )
    package static let networkPolicies = APIResource(
        group: "networking.k8s.io",
        version: "v1",
        plural: "networkpolicies",
        kind: "NetworkPolicy"
    )
    package static func horizontalPodAutoscalers(_ version: String) -> APIResource {
        APIResource(
            group: "autoscaling",
            version: version,
            plural: "horizontalpodautoscalers",
            kind: "HorizontalPodAutoscaler"
        )
    }
    package static func podDisruptionBudgets(_ version: String) -> APIResource {
        APIResource(group: "policy", version: version, plural: "poddisruptionbudgets", kind: "PodDisruptionBudget")
    }
    package static let serviceMonitors = APIResource(
        group: "monitoring.coreos.com",
        version: "v1",
        plural: "servicemonitors",
        kind: "ServiceMonitor"
    )
    package static let podMonitors = APIResource(
        group: "monitoring.coreos.com",
        version: "v1",
        plural: "podmonitors",
        kind: "PodMonitor"
    )
    package static let httpRoutes = APIResource(
        group: "gateway.networking.k8s.io",
        version: "v1",
        plural: "httproutes",
        kind: "HTTPRoute"
    )
    package static let openShiftRoutes = APIResource(
        group: "route.openshift.io",
        version: "v1",
        plural: "routes",
        kind: "Route"
    )
    package static let targetAllocators = APIResource(
        group: "opentelemetry.io",
        version: "v1alpha1",
        plural: "targetallocators",
        kind: "TargetAllocator"
    )
    package static let certificates = APIResource(
        group: "cert-manager.io",
        version: "v1",
        plural: "certificates",
        kind: "Certificate"
    )
    package static let issuers = APIResource(
        group: "cert-manager.io",
        version: "v1",
        plural: "issuers",
        kind: "Issuer"
    )
    package static let clusterRoles = APIResource(
        group: "rbac.authorization.k8s.io",
        version: "v1",
        plural: "clusterroles",
        kind: "ClusterRole",
        isNamespaced: false
    )
    package static let clusterRoleBindings = APIResource(
        group: "rbac.authorization.k8s.io",
        version: "v1",
        plural: "clusterrolebindings",
        kind: "ClusterRoleBinding",
        isNamespaced: false
    )

    /// Kinds that every supported server has, in one version.
    package static let alwaysOwned: [APIResource] = [
        configMaps, serviceAccounts, services, deployments, daemonSets, statefulSets, ingresses, networkPolicies,
    ]
}
