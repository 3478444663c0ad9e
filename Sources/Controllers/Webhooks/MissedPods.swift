import JSONTree
package import KubeClient
import KubeModel
package import KubeRuntime
import Logging
import Metrics
package import PodInjection
import ServiceLifecycle

/// Looks for pods that ask for injection and have nothing to show for it, not even a reason: they were created while the
/// webhook was not reachable (it fails open, so that nothing ever waits for it), or before the annotation was set.
///
/// Run by the leader every few minutes. Tells each workload once, as an Event, and the metric
/// `swiftlet_injection_missed_pods` how many there are.
package final class MissedPods: Service {
    private static let pods = APIResource(group: "", version: "v1", plural: "pods", kind: "Pod")
    /// So many pods are read whole in one round: metadata does not tell whether somebody else injected them.
    private static let readLimit = 50

    private let client: KubeClient
    private let stores: ClusterStores
    private let namespaces: [String]
    private let excluded: Set<String>
    private let fetcher: InjectionFetcher
    private let settings: InjectionSettings
    private let events: EventRecorder
    private let interval: Duration
    private let gauge = Meter(label: "swiftlet_injection_missed_pods")

    /// - Parameters:
    ///   - namespaces: to look into; empty for all.
    ///   - excluded: namespaces whose pods never come to the webhook.
    ///   - interval: between two rounds; the first one comes after a tenth of it.
    package init(
        client: KubeClient,
        stores: ClusterStores,
        namespaces: [String],
        excluded: [String],
        fetcher: InjectionFetcher,
        settings: InjectionSettings,
        events: EventRecorder,
        interval: Duration = .seconds(600)
    ) {
        self.client = client
        self.stores = stores
        self.namespaces = namespaces
        self.excluded = Set(excluded)
        self.fetcher = fetcher
        self.settings = settings
        self.events = events
        self.interval = interval
    }

    package func run() async throws {
        try await untilGracefulShutdown {
            var told: Set<ObjectReference> = []
            try await Task.sleep(for: self.interval / 10)
            while true {
                do {
                    let missed = try await self.look()
                    self.gauge.set(missed.count)
                    let workloads = Set(missed.map(\.workload))
                    for workload in workloads.subtracting(told) {
                        self.tell(workload, missed.count { $0.workload == workload })
                    }
                    told = workloads
                } catch let error as APIError where error.isForbidden {
                    Logger.current.info(
                        "pods can't be looked through for missed ones",
                        metadata: ["error": "\(error.message)"]
                    )
                    return try await untilGracefulShutdown()
                } catch {
                    try Task.checkCancellation()
                    Logger.current.warning("pods can't be looked through now", metadata: ["error": "\(error)"])
                }
                try await Task.sleep(for: self.interval)
            }
        }
    }

    /// A pod that was missed, and what it belongs to.
    struct Missed: Sendable, Hashable {
        var pod: ObjectKey
        var workload: ObjectReference
    }

    /// What the metadata of a pod tells.
    private struct Mark: Sendable {
        var key: ObjectKey
        var annotations: InjectionAnnotations
        var isSettled: Bool

        init(_ cursor: inout JSONCursor) throws(JSONError) {
            let object = KubeObject(try cursor.readObjectTree())
            let metadata = object.metadata
            self.key = object.key
            self.annotations = InjectionAnnotations(metadata.annotations.map { (key: $0.key, value: $0.value) })
            self.isSettled =
                metadata.isDeleting || metadata.annotations[InjectionStamp.annotation] != nil
                || metadata.labels["app.kubernetes.io/managed-by"] == "opentelemetry-operator"
        }
    }

    /// One round.
    ///
    /// - Throws: `APIError` when pods can't be listed.
    func look() async throws -> [Missed] {
        var missed: [Missed] = []
        var budget = Self.readLimit
        for namespace in self.namespaces.isEmpty ? [nil] : self.namespaces.map(Optional.some) {
            var options = ListOptions(limit: 500, metadataOnly: true)
            repeat {
                let page = try await self.client.listPage(Self.pods, namespace: namespace, options: options) {
                    (cursor) throws(JSONError) in try Mark(&cursor)
                }
                for mark in page.items where budget > 0 && self.isSuspect(mark) {
                    budget -= 1
                    if let found = try await self.judge(mark.key) { missed.append(found) }
                }
                options.continueToken = page.continueToken
            } while options.continueToken != nil && budget > 0
        }
        return missed
    }

    private func isSuspect(_ mark: Mark) -> Bool {
        if mark.isSettled || self.excluded.contains(mark.key.namespace) { return false }
        let namespace = self.stores.namespaces[ObjectKey(name: mark.key.namespace)]?.annotations
        return InjectionAnnotations.isInjectionAsked(
            pod: mark.annotations,
            namespace: namespace ?? InjectionAnnotations()
        )
    }

    /// Whether somebody injected a pod without saying so, as the Go operator does.
    private func judge(_ key: ObjectKey) async throws -> Missed? {
        let object: KubeObject
        do {
            object = try await self.client.get(Self.pods, namespace: key.namespace, name: key.name)
        } catch let error as APIError where error.isNotFound {
            return nil
        }
        // What has ended is nobody's business any more.
        let phase = object.status?[string: "phase"] ?? ""
        if phase == "Succeeded" || phase == "Failed" { return nil }
        var inputs = InjectionInputs(
            pod: try PodDocument(object.json),
            namespace: await self.fetcher.namespace(key.namespace, within: .seconds(5)),
            settings: self.settings
        )
        while case let lookups = inputs.missingLookups(), !lookups.isEmpty {
            for (lookup, answer) in await self.fetcher.answers(to: lookups, within: .seconds(5)) {
                inputs.answer(lookup, with: answer)
            }
        }
        let outcome = inject(inputs)
        guard outcome.decisions.contains(where: { $0.code == .injected }) else { return nil }
        return Missed(pod: key, workload: outcome.workload ?? object.reference)
    }

    private func tell(_ workload: ObjectReference, _ count: Int) {
        self.events.record(
            EventNote(
                .warning,
                reason: ReasonCode.webhookNotAsked.rawValue,
                action: "Inject",
                note:
                    "pods that ask for injection were created while the webhook was not reachable, or before the annotation "
                    + "was set: create them anew, such as with kubectl rollout restart",
                regarding: workload
            )
        )
        Logger.current.info(
            "pods were missed",
            metadata: ["workload": "\(workload)", "pods": "\(count)"]
        )
    }
}
