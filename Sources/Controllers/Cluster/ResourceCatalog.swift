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
}
