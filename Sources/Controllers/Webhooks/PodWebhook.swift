package import JSONTree
package import KubeClient
import KubeModel
package import KubeRuntime
package import Logging
import Metrics
package import PodInjection
import Synchronization
import TelemetryAPI

/// Answers the API server's question what a new pod shall look like (`/mutate-v1-pod`).
///
/// The decision is ``PodInjection``'s; here it is fed from the stores. A pod that asks for nothing costs one pass over its
/// bytes and one look at its namespace. What the stores don't have yet is fetched once, with a deadline, and a pod is
/// never held up for longer than that.
package struct PodWebhook: Sendable {
    /// How long one lookup that the stores can't answer may take. The API server waits ten seconds for all.
    package static let lookupDeadline = Duration.seconds(2)

    private let stores: ClusterStores
    private let sidecars: SidecarCache
    private let client: KubeClient
    private let settings: InjectionSettings
    private let recorder: DecisionRecorder

    package init(
        stores: ClusterStores,
        sidecars: SidecarCache,
        client: KubeClient,
        settings: InjectionSettings,
        recorder: DecisionRecorder
    ) {
        self.stores = stores
        self.sidecars = sidecars
        self.client = client
        self.settings = settings
        self.recorder = recorder
    }

    /// - Returns: the bytes of an AdmissionReview.
    /// - Throws: `JSONError` when the body is no AdmissionReview: an HTTP 400, as there is nothing to answer to.
    package func answer(_ body: [UInt8]) async throws(JSONError) -> [UInt8] {
        let request = try AdmissionRequest(scanning: body)
        // Only new pods are ours, whatever a webhook configuration of somebody else's sends.
        guard request.operation == "CREATE", request.subresource.isEmpty else {
            return AdmissionAnswer.allowed(request.uid)
        }
        guard let pod = request.pod else {
            return AdmissionAnswer.denied(request.uid, code: 400, message: request.problem)
        }
        let known = self.stores.namespaces[ObjectKey(name: request.namespace)]
        var inputs: InjectionInputs
        if let known {
            inputs = InjectionInputs(
                pod: pod,
                namespace: .found(InjectionNamespace(name: request.namespace, annotations: known.annotations)),
                settings: self.settings
            )
            if inputs.asksForNothing { return AdmissionAnswer.allowed(request.uid) }
        } else {
            // Created a moment ago, or the watch lags behind.
            let fetched = await self.fetchNamespace(request.namespace)
            inputs = InjectionInputs(pod: pod, namespace: fetched, settings: self.settings)
            if inputs.asksForNothing { return AdmissionAnswer.allowed(request.uid) }
        }
        while true {
            let missing = inputs.missingLookups()
            if missing.isEmpty { break }
            for lookup in missing {
                if let known = self.known(lookup) {
                    inputs.answer(lookup, with: known)
                } else {
                    inputs.answer(lookup, with: await self.fetch(lookup))
                }
            }
        }
        let outcome = inject(inputs)
        self.recorder.record(outcome, request)
        return AdmissionAnswer.answer(request.uid, outcome)
    }

    // MARK: Lookups

    /// What the stores know; `nil` when they don't and the API server has to be asked.
    private func known(_ lookup: InjectionLookup) -> InjectionAnswer? {
        switch lookup {
        // Before the first list is complete, what a store lacks is no news.
        case .instrumentations where !self.stores.instrumentations.isSynced: nil
        case .collectors where !self.stores.collectors.isSynced: nil
        case .instrumentations(let namespace):
            .instrumentations(self.stores.instrumentations.items(in: namespace).map(\.instrumentation))
        case .instrumentation(let key):
            self.stores.instrumentations[key].map { .instrumentations([$0.instrumentation]) }
        case .collectors(let namespace):
            .collectors(self.sidecars.sidecars(in: namespace))
        case .collector(let key):
            self.sidecars.collector(key).map { .collectors([$0]) }
        case .owners(.replicaSet, let key):
            self.stores.replicaSets[key].map { .owners($0.owners) }
        case .owners(.job, let key):
            self.stores.jobs[key].map { .owners($0.owners) }
        case .secret, .configMap:
            nil
        }
    }

    private func fetch(_ lookup: InjectionLookup) async -> InjectionAnswer {
        do {
            switch lookup {
            case .instrumentations(let namespace):
                let list = try await self.list(ResourceCatalog.instrumentations, namespace)
                return .instrumentations(list.map { .init($0.json) })
            case .collectors(let namespace):
                let list = try await self.list(ResourceCatalog.collectors, namespace)
                return .collectors(list.map { self.sidecars.render(.init($0.json)) })
            case .instrumentation(let key):
                let object = try await self.get(ResourceCatalog.instrumentations, key)
                return .instrumentations([.init(object.json)])
            case .collector(let key):
                let object = try await self.get(ResourceCatalog.collectors, key)
                return .collectors([self.sidecars.render(.init(object.json))])
            case .owners(let kind, let key):
                let object = try await self.get(kind.resource, key, metadataOnly: true)
                return .owners(object.metadata.ownerReferences)
            case .secret(let key):
                _ = try await self.get(ResourceCatalog.secrets, key, metadataOnly: true)
                return .found
            case .configMap(let key):
                _ = try await self.get(ResourceCatalog.configMaps, key, metadataOnly: true)
                return .found
            }
        } catch let error as APIError where error.isNotFound {
            return .notFound
        } catch {
            return .failed("\(error)")
        }
    }

    private func fetchNamespace(_ name: String) async -> InjectionInputs.NamespaceAnswer {
        do {
            let object = try await self.get(ResourceCatalog.namespaces, ObjectKey(name: name), metadataOnly: true)
            let pairs = object.metadata.annotations.map { (key: $0.key, value: $0.value) }
            return .found(InjectionNamespace(name: name, annotations: InjectionAnnotations(pairs)))
        } catch {
            return .failed((error as? APIError)?.message ?? "\(error)")
        }
    }

    private func list(_ resource: APIResource, _ namespace: String) async throws -> [KubeObject] {
        try await self.client.listAll(
            resource,
            namespace: namespace,
            options: ListOptions(timeout: Self.lookupDeadline)
        ).items
    }

    private func get(_ resource: APIResource, _ key: ObjectKey, metadataOnly: Bool = false) async throws -> KubeObject {
        try await self.client.get(
            resource,
            namespace: resource.isNamespaced ? key.namespace : nil,
            name: key.name,
            metadataOnly: metadataOnly,
            timeout: Self.lookupDeadline
        )
    }
}

/// Passes on what injection decided: counted, logged, told as Events.
package final class DecisionRecorder: Sendable {
    private struct Label: Hashable {
        var subject: String
        var code: String
    }

    private let counters = Mutex<[Label: Counter]>([:])
    private let logger: Logger
    private let events: EventRecorder?

    package init(logger: Logger, events: EventRecorder? = nil) {
        self.logger = logger
        self.events = events
    }

    package func record(_ outcome: InjectionOutcome, _ request: AdmissionRequest) {
        for decision in outcome.decisions {
            self.counter(Label(subject: decision.subject.id, code: decision.code.rawValue)).increment()
            guard decision.code != .injected else { continue }
            self.logger.info(
                "pod not injected",
                metadata: [
                    "namespace": "\(request.namespace)", "name": "\(request.name)",
                    "subject": "\(decision.subject.id)", "code": "\(decision.code)", "reason": "\(decision.message)",
                ]
            )
        }
        if let error = outcome.error {
            self.logger.warning(
                "pod admitted as it came",
                metadata: ["namespace": "\(request.namespace)", "name": "\(request.name)", "error": "\(error)"]
            )
        }
        // A dry run has no side effects. A pod without a name yet can't be told anything; its answer carries the warning.
        guard !request.isDryRun, !request.name.isEmpty, let events else { return }
        for event in outcome.events {
            events.record(
                EventNote(
                    event.type == "Warning" ? .warning : .normal,
                    reason: event.reason,
                    action: event.action,
                    note: event.note,
                    regarding: ObjectReference(
                        GroupVersionKind(group: "", version: "v1", kind: "Pod"),
                        ObjectKey(namespace: request.namespace, name: request.name)
                    )
                )
            )
        }
    }

    /// Tells that a collector was given the metrics reader it did not have (collector.md section 2.2).
    func recordDefaultTelemetry(of collector: KubeObject) {
        guard let events, !collector.name.isEmpty else { return }
        events.record(
            EventNote(
                .normal,
                reason: "Spec.Service.Telemetry.DefaultsApplied",
                note: "Applied default Prometheus telemetry configuration (host: 0.0.0.0, port: 8888)",
                regarding: collector.reference
            )
        )
    }

    private func counter(_ label: Label) -> Counter {
        self.counters.withLock { counters in
            if let known = counters[label] { return known }
            let made = Counter(
                label: "swiftlet_injection_decisions_total",
                dimensions: [("subject", label.subject), ("code", label.code)]
            )
            counters[label] = made
            return made
        }
    }
}
