import Controllers
import Diagnostics
import JSONTree
import KubeClient
import KubeModel
import KubeRuntime
import Rendering

/// Finds the operator in a cluster by its label, as `/usr/bin/gather` of the Go operator does.
struct OperatorSearch {
    static let label = "app.kubernetes.io/name=opentelemetry-operator"
    static let usualNamespace = "opentelemetry-operator-system"

    let client: KubeClient

    /// - Parameter namespace: `nil` for wherever it is.
    func deployments(in namespace: String?) async throws -> Fact<[KubeObject]> {
        try await ClusterReader(client: self.client).list(
            ResourceCatalog.deployments,
            namespace: namespace,
            options: ListOptions(labelSelector: Self.label)
        )
    }

    static func account(of deployment: KubeObject) -> ObjectKey? {
        let name = deployment.spec?["template"]?["spec"]?["serviceAccountName"]?.string ?? "default"
        return ObjectKey(namespace: deployment.namespace, name: name)
    }
}

/// What the operator's account has to be allowed to, as questions: for each kind of `ResourceCatalog`, what it does with it.
enum OperatorNeeds {
    private static let read = ["get", "list", "watch"]
    private static let write = ["create", "delete", "get", "list", "patch", "update", "watch"]

    /// - Parameter facts: kinds that the cluster does not serve need no permission.
    static func checks(
        of deployment: KubeObject,
        _ facts: CheckFacts
    ) -> [(check: AccessCheck, namespace: String, reason: String)] {
        let served = Set(facts.optionalKinds.filter { $0.version != nil }.map(\.kind))
        var needs: [(APIResource, [String], String)] = ResourceCatalog.alwaysOwned.map {
            ($0, self.write, "collectors are rendered as such")
        }
        let optional = [
            ResourceCatalog.horizontalPodAutoscalers("v2"), ResourceCatalog.podDisruptionBudgets("v1"),
            ResourceCatalog.serviceMonitors, ResourceCatalog.podMonitors, ResourceCatalog.httpRoutes,
            ResourceCatalog.openShiftRoutes, ResourceCatalog.targetAllocators,
        ]
        needs += optional.filter { served.contains($0.groupKind) }.map {
            ($0, self.write, "collectors are rendered as such")
        }
        needs += [ResourceCatalog.collectors, ResourceCatalog.instrumentations].map {
            ($0, self.read + ["patch", "update"], "it reconciles and upgrades them")
        }
        needs += [ResourceCatalog.namespaces, ResourceCatalog.replicaSets, ResourceCatalog.jobs].map {
            ($0, self.read, "they tell what pods ask for and belong to")
        }
        needs += [ResourceCatalog.mutatingWebhooks, ResourceCatalog.validatingWebhooks].map {
            ($0, self.read + ["create"], "it registers its webhooks")
        }
        needs.append((ResourceCatalog.subjectAccessReviews, ["create"], "it asks what users may do"))
        var checks = needs.flatMap { resource, verbs, reason in
            verbs.map { verb in
                (AccessCheck(verb: verb, group: resource.group, resource: resource.plural), "", reason)
            }
        }
        for (resource, reason) in [
            (ResourceCatalog.secrets, "its certificates are kept there"), (.leases, "replicas elect a leader by it"),
        ] {
            checks += (self.read + ["create", "patch", "update"]).map { verb in
                (
                    AccessCheck(verb: verb, group: resource.group, resource: resource.plural),
                    deployment.namespace, reason
                )
            }
        }
        return checks
    }
}

/// What tells that the Go operator is, or was, in a cluster.
struct PredecessorTraces {
    let reader: ClusterReader

    /// A Deployment whose image is another program than ours.
    static func isPredecessor(_ deployment: KubeObject) -> Bool {
        let images = (deployment.spec?["template"]?["spec"]?["containers"]?.array ?? []).compactMap {
            $0["image"]?.string
        }
        return images.contains { $0.contains("opentelemetry-operator/opentelemetry-operator") }
    }

    func find(_ facts: CheckFacts) async throws -> [Leftover] {
        var found = facts.deployments.filter(Self.isPredecessor).map { deployment in
            Leftover(
                "Deployment \(deployment.key)",
                "the Go operator runs here",
                remedy: "Swiftlet takes over its resources, but not while both run: docs/migrate.md says how"
            )
        }
        for configuration in [facts.mutating.value, facts.validating.value].compactMap(\.self)
        where configuration.metadata.annotations.keys.contains(where: { $0.hasPrefix("cert-manager.io/inject-") }) {
            found.append(
                Leftover(
                    "\(configuration.kind) \(configuration.name)",
                    "cert-manager writes its trust bundle",
                    remedy: "nothing to do: the operator takes it over; delete the old Certificate afterwards"
                )
            )
        }
        for plural in ["opampbridges", "targetallocators", "clusterobservabilities"] {
            let name = "\(plural).opentelemetry.io"
            guard case .found = try await self.reader.get(ClusterReader.definitions, name: name) else { continue }
            found.append(
                Leftover(
                    "CustomResourceDefinition \(name)",
                    "a kind of the Go operator that Swiftlet does not reconcile",
                    remedy: "keep it while you use its objects; they are left alone"
                )
            )
        }
        let collectors = try await self.reader.list(ResourceCatalog.collectors).value ?? []
        let held = collectors.filter {
            $0.metadata.finalizers.contains("opentelemetrycollector.opentelemetry.io/finalizer")
        }
        if !held.isEmpty {
            found.append(
                Leftover(
                    "\(held.count) OpenTelemetryCollectors",
                    "carry the Go operator's finalizer",
                    remedy: "nothing to do: Swiftlet takes it away; without an operator they can't be deleted"
                )
            )
        }
        return found
    }
}
