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

    /// What the operator was started with; `nil` for what neither flag nor variable says.
    static func setting(_ name: String, of deployment: KubeObject) -> String? {
        OperatorNamespaces.setting(name, of: deployment)
    }

    static func account(of deployment: KubeObject) -> ObjectKey? {
        let name = deployment.spec?["template"]?["spec"]?["serviceAccountName"]?.string ?? "default"
        return ObjectKey(namespace: deployment.namespace, name: name)
    }
}

/// What the operator's account has to be allowed to, as questions.
enum OperatorNeeds {
    static func checks(
        of deployment: KubeObject,
        _ facts: CheckFacts
    ) -> [(check: AccessCheck, namespace: String, reason: String)] {
        self.checks(home: deployment.namespace, watched: OperatorNamespaces.watched(by: deployment), facts)
    }

    /// - Parameters:
    ///   - home: the operator's namespace.
    ///   - watched: empty for the whole cluster.
    ///   - facts: groups that the cluster does not serve need no permission.
    static func checks(
        home: String,
        watched: [String],
        _ facts: CheckFacts
    ) -> [(check: AccessCheck, namespace: String, reason: String)] {
        let optional = Dictionary(grouping: facts.optionalKinds) { $0.kind.group }
        var checks: [(check: AccessCheck, namespace: String, reason: String)] = []
        for permission in OperatorPermission.needed(Set(OperatorPermission.Scope.allCases)) {
            let namespaces =
                switch permission.scope {
                case .own: [home]
                case .watched: watched.isEmpty ? [""] : watched
                case .cluster: [""]
                }
            for group in permission.groups {
                // A group of which we know only optional kinds, none of them served.
                let isAlwaysThere = ["", "autoscaling", "policy", "opentelemetry.io"].contains(group)
                if !isAlwaysThere, let kinds = optional[group], kinds.allSatisfy({ $0.version == nil }) { continue }
                for resource in permission.resources {
                    for name in permission.names.isEmpty ? [nil] : permission.names.map(Optional.some) {
                        for verb in permission.verbs {
                            let check = AccessCheck(verb: verb, group: group, resource: resource, name: name)
                            checks += namespaces.map { (check, $0, permission.reason) }
                        }
                    }
                }
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
        for plural in ["opampbridges", "clusterobservabilities"] {
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
