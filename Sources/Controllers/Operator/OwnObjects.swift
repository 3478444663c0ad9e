import JSONTree
package import KubeClient
import KubeModel
import KubeRuntime
import Logging
import Rendering
import ServiceLifecycle
import TelemetryAPI

/// What the leader keeps in the operator's own namespace: its NetworkPolicy (gate `operator.networkpolicy`) and the
/// ServiceMonitor for its metrics (`--create-sm-operator-metrics`), which goes when the operator ends.
///
/// Nothing here is worth an operator that does not run: what can't be had is told in the log and tried again.
package struct OwnObjects: Service {
    private let client: KubeClient
    private let options: OperatorOptions
    private let apis: ClusterAPIs
    private let changed = Signal()

    package init(client: KubeClient, options: OperatorOptions, apis: ClusterAPIs) {
        self.client = client
        self.options = options
        self.apis = apis
    }

    package func run() async throws {
        guard let namespace = self.options.ownNamespace else {
            Logger.current.info(
                "the operator has no NetworkPolicy and no ServiceMonitor: its namespace is unknown, set NAMESPACE"
            )
            try await untilGracefulShutdown { try await Signal().wait() }
            return
        }
        self.apis.subscribe { [changed = self.changed] _ in changed.raise() }
        try await untilGracefulShutdown {
            try await withThrowingDiscardingTaskGroup { group in
                group.addTask { try await self.keepPolicy(in: namespace) }
                if self.options.createsServiceMonitor {
                    group.addTask { try await self.keepMonitor(in: namespace) }
                }
            }
        }
        // In a task of its own: this one may be cancelled by now, as the lease is waiting to be given back.
        if self.options.createsServiceMonitor {
            await Task { await self.deleteMonitor(in: namespace) }.value
        }
    }

    // MARK: NetworkPolicy

    private func keepPolicy(in namespace: String) async throws {
        try await self.insist("NetworkPolicy") {
            if self.options.settings.featureGates.isOn(FeatureGates.operatorNetworkPolicy) {
                try await self.applyPolicy(in: namespace)
            } else {
                try await self.deletePolicy(in: namespace)
            }
        }
    }

    private func applyPolicy(in namespace: String) async throws {
        guard let owner = try await self.deployment(in: namespace) else {
            Logger.current.info(
                "the operator has no NetworkPolicy: the Deployment that would own it does not exist",
                metadata: ["namespace": "\(namespace)", "deployment": "\(OperatorOptions.deployment)"]
            )
            return
        }
        let policy = OperatorNetworkPolicy(
            namespace: namespace,
            servedPorts: self.options.servedPorts,
            serverPorts: try await self.serverPorts(),
            otherPorts: self.options.telemetryPorts
        )
        try await self.apply(policy.render(owner: owner), ResourceCatalog.networkPolicies)
    }

    /// One of ours, from a time when the gate was on; whoever wrote another has a reason for it.
    private func deletePolicy(in namespace: String) async throws {
        do {
            let live = try await self.client.get(
                ResourceCatalog.networkPolicies,
                namespace: namespace,
                name: OperatorNetworkPolicy.name
            )
            let managers = live.metadata.json[array: "managedFields"] ?? []
            guard managers.contains(where: { $0.object?[string: "manager"] == ApplyEngine.fieldManager }) else {
                return
            }
            try await self.client.delete(
                ResourceCatalog.networkPolicies,
                namespace: namespace,
                name: OperatorNetworkPolicy.name
            )
        } catch let error as APIError where error.isNotFound {}
    }

    /// From the EndpointSlices of `default/kubernetes`, or its Endpoints where there are none; and that of the address we
    /// ourselves use.
    private func serverPorts() async throws -> [Int] {
        var ports: [Int] = []
        do {
            let slices = try await self.client.listAll(
                ResourceCatalog.endpointSlices,
                namespace: "default",
                options: ListOptions(labelSelector: "kubernetes.io/service-name=kubernetes")
            ).items
            ports = OperatorNetworkPolicy.ports(of: slices)
        } catch let error as APIError where error.isNotFound || error.isForbidden {}
        if ports.isEmpty {
            let endpoints = try await self.client.get(
                ResourceCatalog.endpoints,
                namespace: "default",
                name: "kubernetes"
            )
            ports = OperatorNetworkPolicy.ports(of: [endpoints])
        }
        guard !ports.isEmpty else {
            throw OperatorError("the endpoints of Service default/kubernetes name no port of the API server")
        }
        return ports + [URLPort(self.client.configuration.serverURL).port].compactMap(\.self)
    }

    // MARK: ServiceMonitor

    private func keepMonitor(in namespace: String) async throws {
        while true {
            if self.apis.facts.prometheusMonitors {
                try await self.insist("ServiceMonitor") {
                    let monitor = OperatorServiceMonitor.render(
                        namespace: namespace,
                        isSecure: self.options.isMetricsSecure,
                        owner: try await self.deployment(in: namespace)
                    )
                    try await self.apply(monitor, ResourceCatalog.serviceMonitors)
                }
            } else {
                Logger.current.info("no ServiceMonitor for the operator's metrics: the cluster does not know the kind")
            }
            try await self.changed.wait()
        }
    }

    private func deleteMonitor(in namespace: String) async {
        guard self.apis.facts.prometheusMonitors else { return }
        do {
            try await self.client.delete(
                ResourceCatalog.serviceMonitors,
                namespace: namespace,
                name: OperatorServiceMonitor.name
            )
        } catch let error as APIError where error.isNotFound {
        } catch {
            Logger.current.warning(
                "the ServiceMonitor of the operator's metrics could not be deleted",
                metadata: ["error": "\((error as? APIError)?.message ?? "\(error)")"]
            )
        }
    }

    // MARK: Both

    private func deployment(in namespace: String) async throws -> KubeObject? {
        do {
            return try await self.client.get(
                ResourceCatalog.deployments,
                namespace: namespace,
                name: OperatorOptions.deployment
            )
        } catch let error as APIError where error.isNotFound {
            return nil
        }
    }

    /// Writes it unless it is there as wanted: at rest, and after a restart, nothing is written.
    private func apply(_ wanted: KubeObject, _ resource: APIResource) async throws {
        var wanted = wanted
        let hash = ApplyEngine.hash(wanted)
        wanted.metadata.annotations[OwnedRecord.hashAnnotation] = hash
        do {
            let live = try await self.client.get(resource, namespace: wanted.namespace, name: wanted.name)
            if live.metadata.annotations[OwnedRecord.hashAnnotation] == hash,
                LiveComparison.holds(wanted.json, in: live.json)
            {
                return
            }
        } catch let error as APIError where error.isNotFound {}
        try await self.client.apply(wanted, resource, fieldManager: ApplyEngine.fieldManager)
    }

    /// Until it succeeds, less and less often.
    private func insist(_ kind: String, _ body: () async throws -> Void) async throws {
        var pause = Duration.seconds(1)
        while true {
            do {
                return try await body()
            } catch {
                try Task.checkCancellation()
                Logger.current.warning(
                    "an object of the operator itself could not be written, will retry",
                    metadata: [
                        "kind": "\(kind)", "error": "\((error as? APIError)?.message ?? "\(error)")",
                        "retry_after": "\(pause)",
                    ]
                )
            }
            try await Task.sleep(for: pause)
            pause = min(pause * 4, .seconds(600))
        }
    }
}

extension OperatorOptions {
    /// Where the API server, scrapers and the kubelet reach us.
    package var servedPorts: [Int] {
        var ports = self.servesWebhooks ? [self.webhookPort] : []
        ports += [self.metricsAddress, self.healthAddress].compactMap { URLPort(address: $0).port }
        return ports
    }
}

/// The port that an address names or, for a URL without one, that its scheme implies.
package struct URLPort: Sendable, Hashable {
    package var port: Int?

    /// - Parameter url: `http://host:4317/path`.
    package init(_ url: String) {
        guard let colon = url.firstIndex(of: ":"), url[colon...].hasPrefix("://") else {
            self.init(address: url)
            return
        }
        let authority = url[colon...].dropFirst(3).prefix { $0 != "/" && $0 != "?" }
        self.init(address: String(authority))
        if self.port == nil { self.port = url.hasPrefix("https:") ? 443 : 80 }
    }

    /// - Parameter address: `host:port`, `:port`, `[::1]:port`.
    package init(address: String) {
        guard let colon = address.lastIndex(of: ":"), let port = Int(address[address.index(after: colon)...]),
            (1...65535).contains(port), address.last != "]"
        else {
            self.port = nil
            return
        }
        self.port = port
    }
}
