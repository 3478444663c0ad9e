import JSONTree
import KubeClient
import KubeModel
import KubeRuntime
import Logging
import Metrics
import Rendering
import ServiceLifecycle
import Synchronization

/// Keeps what only one operator may do from running beside another one.
///
/// In our own namespace the Lease decides between us and the Go operator, as both use the same. One in another namespace has
/// a Lease of its own: while that is being renewed, the leader waits, and says so. From then on it looks every few minutes
/// whether another one came back, and whether webhooks of one that is gone are in the way.
final class Predecessors: Service {
    private let client: KubeClient
    private let options: OperatorOptions
    private let events: EventRecorder
    private let services: [any Service]
    private let leases = Mutex<[String: PredecessorLease]>([:])
    private let status = Gauge(label: "swiftlet_other_operators_active", dimensions: [])

    private static let retry = Duration.seconds(2)
    private static let interval = Duration.seconds(300)
    private static let start = ContinuousClock.now

    /// - Parameter services: what must not run beside another operator.
    init(client: KubeClient, options: OperatorOptions, events: EventRecorder, services: [any Service]) {
        self.client = client
        self.options = options
        self.events = events
        self.services = services
    }

    func run() async throws {
        try await untilGracefulShutdown { try await self.wait() }
        guard !Task.isShuttingDownGracefully else { return }
        try await withThrowingDiscardingTaskGroup { group in
            for service in self.services { group.addTask { try await service.run() } }
            group.addTask { try await untilGracefulShutdown { try await self.watch() } }
        }
    }

    /// Returns when no other operator leads.
    private func wait() async throws {
        var told: [String] = []
        while true {
            let active = try await self.active(try await self.look())
            self.status.record(active.count)
            if active.isEmpty { break }
            if active != told {
                self.tell(
                    "waiting for another operator",
                    reason: "WaitingForOperator",
                    "another operator leads in \(Self.names(active)): waiting with everything but webhooks until its Lease \(OperatorOptions.lease) is released or lapses. To go on, stop it: kubectl -n \(active[0]) scale deployment --replicas=0 -l \(PredecessorDeployment.selector)"
                )
                told = active
            }
            try await Task.sleep(for: Self.retry)
        }
        if !told.isEmpty {
            self.tell(
                "the other operator is gone",
                reason: "OperatorGone",
                kind: .normal,
                "the Lease \(OperatorOptions.lease) in \(Self.names(told)) is not renewed any more: taking over"
            )
        }
    }

    /// Tells, each time that something changed, who else leads and what is left of who did.
    private func watch() async throws {
        var told: (active: [String], left: Set<PredecessorWebhooks>) = ([], [])
        while true {
            let found = try await self.look()
            // A Lease that is new to us may be one that nobody renews; the next look shows it.
            let known = self.leases.withLock { Set($0.keys) }
            let active = try await self.active(found).filter(known.contains)
            self.status.record(active.count)
            if !active.isEmpty, active != told.active {
                self.tell(
                    "another operator leads as well",
                    reason: "OtherOperatorActive",
                    "another operator leads in \(Self.names(active)) and writes the same objects as this one: stop one of the two"
                )
            }
            told.active = active
            var left: Set<PredecessorWebhooks> = []
            for webhooks in found.webhooks where try await !self.isServed(webhooks.service) { left.insert(webhooks) }
            for webhooks in left.subtracting(told.left).sorted(by: { $0.leftBehind < $1.leftBehind }) {
                self.tell(
                    "webhooks of another operator are left",
                    reason: "WebhooksLeftBehind",
                    webhooks.leftBehind,
                    related: webhooks.configuration
                )
            }
            told.left = left
            try await Task.sleep(for: Self.interval)
        }
    }

    // MARK: Looking

    private struct Findings {
        var webhooks: [PredecessorWebhooks] = []
        var rivals: [String] = []
        /// Namespaces with a Deployment of another operator that has pods.
        var running: Set<String> = []
    }

    /// What can't be read is not looked at: an operator with the permissions of some namespaces knows only those.
    ///
    /// - Throws: `CancellationError`; whatever else goes wrong is tried again, as not knowing is no reason to begin.
    private func look() async throws -> Findings {
        let own =
            self.options.webhookURL == nil
            ? self.options.ownNamespace.map { ObjectKey(namespace: $0, name: self.options.webhookService) } : nil
        var findings = Findings()
        var registered: Set<String> = []
        for resource in [ResourceCatalog.mutatingWebhooks, ResourceCatalog.validatingWebhooks] {
            let configurations = try await self.list(resource)
            findings.webhooks += configurations.compactMap { PredecessorWebhooks($0, own: own) }
            // Those of our names are the release manifest's, too: until we register they tell whose they are.
            for configuration in configurations where Self.ours.contains(configuration.name) {
                registered.formUnion(PredecessorWebhooks.serviceNamespaces(of: configuration))
            }
        }
        let deployments = try await self.list(
            ResourceCatalog.deployments,
            labelSelector: PredecessorDeployment.selector
        )
        let others = deployments.map { PredecessorDeployment($0) }
        findings.running = Set(others.filter(\.isRunning).map(\.reference.key.namespace))
        findings.rivals = PredecessorDeployment.rivals(
            others,
            findings.webhooks,
            own: self.options.electsLeader ? self.options.ownNamespace : nil,
            watched: self.options.watchNamespaces
        )
        if deployments.isEmpty {
            // Perhaps we may not see them: then these namespaces' Leases decide.
            registered.remove(self.options.ownNamespace ?? "")
            findings.rivals += registered.subtracting(findings.rivals).sorted()
        }
        return findings
    }

    private static let ours: Set<String> = [WebhookRegistration.mutatingName, WebhookRegistration.validatingName]

    private func list(_ resource: APIResource, labelSelector: String? = nil) async throws -> [KubeObject] {
        while true {
            do {
                return try await self.client.listAll(resource, options: ListOptions(labelSelector: labelSelector)).items
            } catch let error as APIError where error.isForbidden || error.isNotFound {
                Logger.current.debug(
                    "may not look for other operators",
                    metadata: ["kind": "\(resource.kind)", "error": "\(error.message)"]
                )
                return []
            } catch {
                try Task.checkCancellation()
                Logger.current.warning(
                    "cannot look for other operators, will retry",
                    metadata: ["kind": "\(resource.kind)", "error": "\(error)"]
                )
                try await Task.sleep(for: Self.retry)
            }
        }
    }

    /// In which of the namespaces an operator leads.
    private func active(_ findings: Findings) async throws -> [String] {
        var active: [String] = []
        for namespace in findings.rivals {
            var lease: LeaseRecord?
            do {
                lease = LeaseRecord(
                    try await self.client.get(.leases, namespace: namespace, name: OperatorOptions.lease)
                )
            } catch let error as APIError where error.isNotFound {
                lease = nil
            } catch let error as APIError where error.isForbidden {
                // Then its pods have to tell.
                Logger.current.debug(
                    "the Lease of another operator can't be read",
                    metadata: ["namespace": "\(namespace)", "error": "\(error.message)"]
                )
                if findings.running.contains(namespace) { active.append(namespace) }
                continue
            } catch {
                try Task.checkCancellation()
                // Not knowing is no reason to begin.
                active.append(namespace)
                continue
            }
            let (now, time) = (ContinuousClock.now - Self.start, Timestamp.now())
            let isHeld = self.leases.withLock {
                $0[namespace, default: PredecessorLease()].isHeld(lease, now: now, time: time)
            }
            if isHeld { active.append(namespace) }
        }
        return active
    }

    /// Whether a pod behind a Service is ready; also when that can't be known.
    private func isServed(_ service: ObjectKey) async throws -> Bool {
        do {
            let object = try await self.client.get(
                ResourceCatalog.services,
                namespace: service.namespace,
                name: service.name
            )
            let labels = object.spec?[object: "selector"] ?? [:]
            guard !labels.isEmpty else { return true }
            let query = labels.map { "\($0.key)=\($0.value.string ?? "")" }.joined(separator: ",")
            let pods = try await self.client.listAll(
                Self.pods,
                namespace: service.namespace,
                options: ListOptions(labelSelector: query)
            )
            return pods.items.contains { pod in
                !pod.metadata.isDeleting
                    && (pod.json["status"]?["conditions"]?.array ?? []).contains {
                        $0["type"]?.string == "Ready" && $0["status"]?.string == "True"
                    }
            }
        } catch let error as APIError where error.isNotFound {
            return false
        } catch {
            try Task.checkCancellation()
            return true
        }
    }

    private static let pods = APIResource(group: "", version: "v1", plural: "pods", kind: "Pod")

    // MARK: Telling

    /// At our own Deployment, where people look; a process without one tells it at what it is about.
    private func tell(
        _ message: Logger.Message,
        reason: String,
        kind: EventNote.Kind = .warning,
        _ note: String,
        related: ObjectReference? = nil
    ) {
        Logger.current.log(level: kind == .warning ? .warning : .info, message, metadata: ["note": "\(note)"])
        guard let namespace = self.options.ownNamespace else { return }
        let own = ObjectReference(
            ResourceCatalog.deployments.groupVersionKind,
            ObjectKey(namespace: namespace, name: DisruptionBudget.name)
        )
        self.events.record(EventNote(kind, reason: reason, note: note, regarding: own, related: related))
    }

    private static func names(_ namespaces: [String]) -> String {
        (namespaces.count == 1 ? "the namespace " : "the namespaces ") + namespaces.joined(separator: ", ")
    }
}
