import Controllers
import Diagnostics
import JSONTree
import KubeClient
import KubeModel
import KubeRuntime
import Rendering

/// Collects what must-gather of the Go operator collects (specification operations.md section 9), and the webhooks, the
/// Lease and Events. What can't be read is noted, and the rest goes on.
struct BundleGatherer {
    /// Of each container; so much that a restart loop is seen, so little that a bundle can be sent.
    private static let logLines = 20_000
    private static let logBytes = 5 << 20

    let client: KubeClient
    var operatorName = "opentelemetry-operator"
    var operatorNamespace: String?

    private(set) var bundle = SupportBundle()

    init(client: KubeClient) { self.client = client }

    private var reader: ClusterReader { ClusterReader(client: self.client) }

    mutating func gather() async throws {
        try await self.operatorItself()
        try await self.lifecycleManager()
        try await self.definitionsAndWebhooks()
        try await self.customResources()
    }

    mutating func add(_ text: String, at path: String) { self.bundle.add(text, at: path) }
    mutating func fail(_ what: String, _ reason: String) { self.bundle.fail(what, reason) }

    // MARK: The operator

    private mutating func operatorItself() async throws {
        let options = ListOptions(labelSelector: "app.kubernetes.io/name=\(self.operatorName)")
        let deployments = try await self.list(ResourceCatalog.deployments, self.operatorNamespace, options)
        if deployments.isEmpty {
            self.bundle.fail("operator", "no Deployment is labelled app.kubernetes.io/name=\(self.operatorName)")
        }
        for deployment in deployments { self.bundle.add(deployment, ResourceCatalog.deployments) }
        var homes = Set(deployments.map(\.namespace))
        if let operatorNamespace { homes.insert(operatorNamespace) }
        for namespace in homes.sorted() {
            for pod in try await self.list(ClusterReader.pods, namespace, options) { try await self.add(pod: pod) }
            for resource in [ResourceCatalog.services, ResourceCatalog.serviceAccounts] {
                for object in try await self.list(resource, namespace, options) { self.bundle.add(object, resource) }
            }
            for lease in try await self.list(.leases, namespace) { self.bundle.add(lease, .leases) }
            try await self.events(namespace)
        }
    }

    private mutating func add(pod: KubeObject) async throws {
        self.bundle.add(pod, ClusterReader.pods)
        let statuses = ["initContainerStatuses", "containerStatuses"].flatMap { pod.status?[array: $0] ?? [] }
        for list in ["initContainers", "containers"] {
            for container in pod.spec?[array: list] ?? [] {
                let name = container["name"]?.string ?? ""
                let status = statuses.first { $0["name"]?.string == name }
                // A container that never ran has no log, and the server says so in ways that look like failures.
                guard status?["state"]?["waiting"] == nil || status?["restartCount"]?.int ?? 0 > 0 else { continue }
                guard status != nil else { continue }
                try await self.log(pod, name, previous: false)
                if status?["restartCount"]?.int ?? 0 > 0 { try await self.log(pod, name, previous: true) }
            }
        }
    }

    private mutating func log(_ pod: KubeObject, _ container: String, previous: Bool) async throws {
        do {
            let bytes = try await self.client.log(
                namespace: pod.namespace,
                pod: pod.name,
                container: container,
                previous: previous,
                tailLines: Self.logLines,
                limit: Self.logBytes
            )
            self.bundle.add(
                log: bytes,
                namespace: pod.namespace,
                pod: pod.name,
                container: container,
                name: previous ? "previous" : "current"
            )
        } catch let error as APIError where !error.isUnauthorized {
            self.bundle.fail("log of pod \(pod.key), container \(container)", error.message)
        }
    }

    private mutating func events(_ namespace: String) async throws {
        for event in try await self.list(ClusterReader.events, namespace) {
            self.bundle.add(event, ClusterReader.events)
        }
    }

    // MARK: Around it

    /// Objects of the Operator Lifecycle Manager, where that is.
    private mutating func lifecycleManager() async throws {
        for kind in ["Operator", "OperatorGroup", "Subscription", "InstallPlan", "ClusterServiceVersion"] {
            guard let resource = try await self.served(GroupKind(group: "operators.coreos.com", kind: kind)) else {
                continue
            }
            for object in try await self.list(resource, self.operatorNamespace) { self.bundle.add(object, resource) }
        }
    }

    private mutating func definitionsAndWebhooks() async throws {
        for definition in try await self.list(ClusterReader.definitions, nil)
        where definition.name.hasSuffix(".opentelemetry.io") {
            self.bundle.add(definition, ClusterReader.definitions)
        }
        for (resource, name) in [
            (ResourceCatalog.mutatingWebhooks, WebhookRegistration.mutatingName),
            (ResourceCatalog.validatingWebhooks, WebhookRegistration.validatingName),
        ] {
            switch try await self.reader.get(resource, name: name) {
            case .found(let object): self.bundle.add(object, resource)
            case .absent: self.bundle.fail("\(resource.kind) \(name)", "is not there")
            case .unreadable(let reason): self.bundle.fail("\(resource.kind) \(name)", reason)
            }
        }
    }

    // MARK: Custom resources and what they own

    private mutating func customResources() async throws {
        var owners: [KubeObject] = []
        for kind in ["OpenTelemetryCollector", "TargetAllocator", "OpAMPBridge", "Instrumentation"] {
            guard let resource = try await self.served(GroupKind(group: "opentelemetry.io", kind: kind)) else {
                continue
            }
            for object in try await self.list(resource, nil) {
                self.bundle.add(object, resource)
                if kind != "Instrumentation" { owners.append(object) }
            }
        }
        let uids = Set(owners.compactMap(\.metadata.uid))
        let options = ListOptions(labelSelector: "app.kubernetes.io/managed-by=opentelemetry-operator")
        for resource in try await self.ownedResources() {
            for object in try await self.list(resource, nil, options)
            where !resource.isNamespaced || object.metadata.ownerReferences.contains(where: { uids.contains($0.uid) }) {
                self.bundle.add(object, resource)
            }
        }
        for owner in owners {
            let mine = ListOptions(labelSelector: "app.kubernetes.io/instance=\(owner.namespace).\(owner.name)")
            for pod in try await self.list(ClusterReader.pods, owner.namespace, mine) { try await self.add(pod: pod) }
        }
        for namespace in Set(owners.map(\.namespace)).sorted() { try await self.events(namespace) }
    }

    private func ownedResources() async throws -> [APIResource] {
        var resources =
            ResourceCatalog.alwaysOwned + [ResourceCatalog.clusterRoles, ResourceCatalog.clusterRoleBindings]
        resources.append(
            APIResource(group: "", version: "v1", plural: "persistentvolumeclaims", kind: "PersistentVolumeClaim")
        )
        resources.append(
            APIResource(
                group: "",
                version: "v1",
                plural: "persistentvolumes",
                kind: "PersistentVolume",
                isNamespaced: false
            )
        )
        for (kind, versions) in OptionalKinds.versions.sorted(by: { "\($0.key)" < "\($1.key)" })
        where kind != OptionalKinds.certificate {
            if let resource = try await self.served(kind, versions) { resources.append(resource) }
        }
        return resources
    }

    // MARK: Reading

    private func served(_ kind: GroupKind, _ versions: [String] = []) async throws -> APIResource? {
        do {
            return try await self.client.discovery.resource(for: kind, preferredVersions: versions)
        } catch let error as APIError where !error.isUnauthorized {
            return nil
        }
    }

    private mutating func list(
        _ resource: APIResource,
        _ namespace: String?,
        _ options: ListOptions = ListOptions()
    ) async throws -> [KubeObject] {
        switch try await self.reader.list(resource, namespace: namespace, options: options) {
        case .found(let items): return items
        case .absent: return []
        case .unreadable(let reason):
            self.bundle.fail(resource.plural, reason)
            return []
        }
    }
}
