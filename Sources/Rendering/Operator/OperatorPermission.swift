package import JSONTree

/// What the operator's own account needs: the one source of its roles in `manifests` and `charts`, of
/// docs/permissions.md and of what `swiftlet check` asks about.
package struct OperatorPermission: Sendable, Equatable {
    /// Where it is needed.
    package enum Scope: String, Sendable, CaseIterable {
        /// On kinds without a namespace: a ClusterRole, whatever is watched.
        case cluster
        /// In each namespace that is watched: a ClusterRole where that is all of them, else a Role in each.
        case watched
        /// In the operator's namespace.
        case own
    }

    /// What it is for, if not for everybody.
    package enum Feature: String, Sendable, CaseIterable {
        /// The operator registers its webhooks itself and keeps them right.
        case webhooks
        /// The operator grants collectors' accounts what their configuration needs. Not in the manifests: it needs the right to
        /// write roles, and to escalate or to hold whatever it grants.
        case automaticRBAC = "automatic-rbac"
    }

    package var scope: Scope
    package var feature: Feature?
    package var groups: [String]
    package var resources: [String]
    package var names: [String] = []
    package var verbs: [String]
    /// Why, in a sentence.
    package var reason: String

    /// As a rule of a Role.
    package var rule: JSONValue {
        var rule: JSONObject = [
            "apiGroups": .strings(self.groups),
            "resources": .strings(self.resources),
        ]
        if !self.names.isEmpty { rule["resourceNames"] = .strings(self.names) }
        rule["verbs"] = .strings(self.verbs)
        return .object(rule)
    }
}

extension OperatorPermission {
    private static let write = ["create", "delete", "get", "list", "patch", "update", "watch"]
    private static let read = ["get", "list", "watch"]

    private static func rendered(_ group: String, _ resources: [String], _ reason: String) -> OperatorPermission {
        OperatorPermission(
            scope: .watched,
            groups: [group],
            resources: resources,
            verbs: write,
            reason: reason
        )
    }

    /// All of them, in the order of the manifests.
    package static let all: [OperatorPermission] = [
        .rendered(
            "",
            ["configmaps", "serviceaccounts", "services"],
            "Configuration, account and Services of a collector."
        ),
        .rendered("apps", ["daemonsets", "deployments", "statefulsets"], "The collector itself, by its mode."),
        .rendered("autoscaling", ["horizontalpodautoscalers"], "`spec.autoscaler` of a collector."),
        .rendered(
            "policy",
            ["poddisruptionbudgets"],
            "`spec.podDisruptionBudget` of a collector."
        ),
        .rendered(
            "networking.k8s.io",
            ["ingresses", "networkpolicies"],
            "`spec.ingress` and `spec.networkPolicy` of a collector."
        ),
        .rendered(
            "monitoring.coreos.com",
            ["podmonitors", "servicemonitors"],
            "`spec.observability` of a collector."
        ),
        .rendered("gateway.networking.k8s.io", ["httproutes"], "`spec.httpRoute` of a collector."),
        .rendered(
            "route.openshift.io",
            ["routes", "routes/custom-host"],
            "`spec.ingress.type: route` of a collector."
        ),
        .rendered("opentelemetry.io", ["targetallocators"], "`spec.targetAllocator` of a collector."),
        .rendered(
            "cert-manager.io",
            ["certificates", "issuers"],
            "`spec.mtls` of a target allocator, where cert-manager is installed."
        ),
        OperatorPermission(
            scope: .watched,
            groups: [""],
            resources: ["secrets"],
            verbs: ["create", "patch"],
            reason: "`spec.mtls` of a target allocator, where cert-manager is not: its certificates, and their renewal."
        ),
        OperatorPermission(
            scope: .watched,
            groups: ["opentelemetry.io"],
            resources: ["opentelemetrycollectors", "instrumentations"],
            verbs: ["get", "list", "patch", "update", "watch"],
            reason: "What users ask for; written when what an older operator stored is upgraded."
        ),
        OperatorPermission(
            scope: .watched,
            groups: ["opentelemetry.io"],
            resources: ["opentelemetrycollectors/status", "instrumentations/status", "targetallocators/status"],
            verbs: ["get", "patch", "update"],
            reason: "What became of it."
        ),
        OperatorPermission(
            scope: .watched,
            groups: ["opentelemetry.io"],
            resources: [
                "opentelemetrycollectors/finalizers", "instrumentations/finalizers", "targetallocators/finalizers",
            ],
            verbs: ["update"],
            reason:
                "To own what is rendered, where the API server checks that, and to take the Go operator's finalizer away."
        ),
        OperatorPermission(
            scope: .watched,
            groups: [""],
            resources: ["secrets"],
            verbs: ["get"],
            reason:
                "Whether the Secret of an exporter's TLS exists; only its metadata is asked for. And the certificates below."
        ),
        OperatorPermission(
            scope: .watched,
            groups: [""],
            resources: ["pods"],
            verbs: ["get", "list"],
            reason: "Pods that were created while the webhook was not reachable are looked for every ten minutes."
        ),
        OperatorPermission(
            scope: .watched,
            groups: ["apps"],
            resources: ["replicasets"],
            verbs: read,
            reason: "Owners of pods: names in resource attributes, and where Events go."
        ),
        OperatorPermission(
            scope: .watched,
            groups: ["batch"],
            resources: ["jobs"],
            verbs: read,
            reason: "As for replicasets."
        ),
        OperatorPermission(
            scope: .watched,
            groups: ["", "events.k8s.io"],
            resources: ["events"],
            verbs: ["create", "patch"],
            reason: "Events that say what was done and why not."
        ),
        OperatorPermission(
            scope: .cluster,
            groups: [""],
            resources: ["namespaces"],
            verbs: read,
            reason: "Annotations that ask for injection in a whole namespace; only metadata."
        ),
        OperatorPermission(
            scope: .cluster,
            groups: ["discovery.k8s.io"],
            resources: ["endpointslices"],
            verbs: ["get", "list"],
            reason: "Where the API server listens, for the operator's own NetworkPolicy."
        ),
        OperatorPermission(
            scope: .cluster,
            groups: [""],
            resources: ["endpoints"],
            names: ["kubernetes"],
            verbs: ["get"],
            reason: "The same on servers without EndpointSlices."
        ),
        OperatorPermission(
            scope: .cluster,
            groups: ["apiextensions.k8s.io"],
            resources: ["customresourcedefinitions"],
            verbs: read,
            reason: "Which optional APIs there are, as they come and go."
        ),
        OperatorPermission(
            scope: .cluster,
            feature: .webhooks,
            groups: ["apiextensions.k8s.io"],
            resources: ["customresourcedefinitions", "customresourcedefinitions/status"],
            names: ["opentelemetrycollectors.opentelemetry.io"],
            verbs: ["patch"],
            reason: "Address and trust bundle of the conversion webhook; which versions are still stored."
        ),
        OperatorPermission(
            scope: .cluster,
            feature: .webhooks,
            groups: ["admissionregistration.k8s.io"],
            resources: ["mutatingwebhookconfigurations", "validatingwebhookconfigurations"],
            verbs: ["get", "list", "watch", "create"],
            reason: "The webhook configurations, which the operator fills and keeps right itself."
        ),
        OperatorPermission(
            scope: .cluster,
            feature: .webhooks,
            groups: ["admissionregistration.k8s.io"],
            resources: ["mutatingwebhookconfigurations"],
            names: [WebhookRegistration.mutatingName],
            verbs: ["patch", "update"],
            reason: "Its own alone."
        ),
        OperatorPermission(
            scope: .cluster,
            feature: .webhooks,
            groups: ["admissionregistration.k8s.io"],
            resources: ["validatingwebhookconfigurations"],
            names: [WebhookRegistration.validatingName],
            verbs: ["patch", "update"],
            reason: "Its own alone."
        ),
        OperatorPermission(
            scope: .cluster,
            groups: ["coordination.k8s.io"],
            resources: ["leases"],
            names: ["9f7554c3.opentelemetry.io"],
            verbs: ["get"],
            reason: "Whether an operator in another namespace leads: while its Lease is renewed, ours writes nothing."
        ),
        OperatorPermission(
            scope: .cluster,
            groups: ["authentication.k8s.io"],
            resources: ["tokenreviews"],
            verbs: ["create"],
            reason: "Who asks for `/metrics`."
        ),
        OperatorPermission(
            scope: .cluster,
            groups: ["authorization.k8s.io"],
            resources: ["subjectaccessreviews"],
            verbs: ["create"],
            reason: "Whether they may, and whether a collector's account holds what its configuration needs."
        ),
        OperatorPermission(
            scope: .cluster,
            feature: .automaticRBAC,
            groups: ["rbac.authorization.k8s.io"],
            resources: ["clusterroles", "clusterrolebindings"],
            verbs: write,
            reason: "Roles for collectors' accounts. What is granted must be held, too, or `escalate` and `bind`."
        ),
        OperatorPermission(
            scope: .own,
            groups: [""],
            resources: ["secrets"],
            verbs: ["create", "get", "list", "patch", "update", "watch"],
            reason: "The Secret with the authority and the serving certificate, which all replicas share."
        ),
        OperatorPermission(
            scope: .own,
            groups: ["coordination.k8s.io"],
            resources: ["leases"],
            verbs: ["create", "get", "list", "patch", "update", "watch"],
            reason: "Which replica leads."
        ),
        OperatorPermission(
            scope: .own,
            groups: ["apps"],
            resources: ["deployments"],
            verbs: ["get"],
            reason: "Its own Deployment, which owns the objects below, so that they go with it."
        ),
        OperatorPermission(
            scope: .own,
            groups: ["networking.k8s.io"],
            resources: ["networkpolicies"],
            verbs: write,
            reason: "Its own NetworkPolicy."
        ),
        OperatorPermission(
            scope: .own,
            groups: ["policy"],
            resources: ["poddisruptionbudgets"],
            verbs: write,
            reason: "Its own PodDisruptionBudget."
        ),
        OperatorPermission(
            scope: .own,
            groups: ["monitoring.coreos.com"],
            resources: ["servicemonitors"],
            verbs: write,
            reason: "Its own ServiceMonitor (`--create-sm-operator-metrics`)."
        ),
        OperatorPermission(
            scope: .own,
            groups: ["", "events.k8s.io"],
            resources: ["events"],
            verbs: ["create", "patch"],
            reason: "Events about itself."
        ),
    ]

    /// The rules of one Role or ClusterRole.
    ///
    /// - Parameters:
    ///   - scopes: what it is for.
    ///   - features: those that are wanted beside what everybody needs.
    package static func needed(_ scopes: Set<Scope>, features: Set<Feature> = [.webhooks]) -> [OperatorPermission] {
        self.all.filter { scopes.contains($0.scope) && ($0.feature.map(features.contains) ?? true) }
    }
}
