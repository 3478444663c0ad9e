package import JSONTree
package import KubeClient
import KubeModel
import KubeRuntime
package import PodInjection
import TelemetryAPI

/// Answers the API server's question what a new pod shall look like (`/mutate-v1-pod`).
///
/// The decision is ``PodInjection``'s; here it is fed from the stores. A pod that asks for nothing costs one pass over its
/// bytes and one look at its namespace. What the stores don't have yet is fetched once, with a deadline, and a pod is
/// never held up for longer than that.
package struct PodWebhook: Sendable {
    /// How long one lookup that the stores can't answer may take. The API server waits ten seconds for all.
    package static let lookupDeadline = Duration.seconds(2)
    /// How long all lookups of one review may take.
    package static let budget = Duration.seconds(5)

    private let stores: ClusterStores
    private let sidecars: SidecarCache
    private let fetcher: InjectionFetcher
    private let settings: InjectionSettings
    private let recorder: DecisionRecorder
    private let memory = LookupMemory()

    package init(
        stores: ClusterStores,
        sidecars: SidecarCache,
        client: KubeClient,
        settings: InjectionSettings,
        recorder: DecisionRecorder
    ) {
        self.stores = stores
        self.sidecars = sidecars
        self.fetcher = InjectionFetcher(client: client) { sidecars.render($0) }
        self.settings = settings
        self.recorder = recorder
    }

    /// - Returns: the bytes of an AdmissionReview.
    /// - Throws: `JSONError` when the body is no AdmissionReview: an HTTP 400, as there is nothing to answer to.
    package func answer(_ body: [UInt8]) async throws(JSONError) -> [UInt8] {
        let start = ContinuousClock.now
        var review = try PodReview(scanning: body, settings: self.settings)
        // Set with the first question to the API server: most pods need none.
        var deadline: ContinuousClock.Instant?
        while true {
            switch review.next() {
            case .answer(let bytes):
                if let outcome = review.outcome {
                    self.recorder.record(outcome, review.request, duration: .now - start)
                }
                return bytes
            case .namespace(let name):
                if let known = self.stores.namespaces[ObjectKey(name: name)] {
                    review.answer(
                        namespace: .found(InjectionNamespace(name: name, annotations: known.annotations))
                    )
                } else {
                    // Created a moment ago, or the watch lags behind.
                    review.answer(namespace: await self.fetcher.namespace(name, within: Self.lookupDeadline))
                }
            case .lookups(let lookups):
                var unknown: [InjectionLookup] = []
                for lookup in lookups {
                    if let known = self.known(lookup) {
                        review.answer(lookup, with: known)
                    } else {
                        unknown.append(lookup)
                    }
                }
                if unknown.isEmpty { continue }
                let end = deadline ?? .now + Self.budget
                deadline = end
                for (lookup, answer) in await self.fetch(unknown, until: end) { review.answer(lookup, with: answer) }
            }
        }
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
                ?? self.memory.answer(to: lookup)
        case .collectors(let namespace):
            .collectors(self.sidecars.sidecars(in: namespace))
        case .collector(let key):
            self.sidecars.collector(key).map { .collectors([$0]) } ?? self.memory.answer(to: lookup)
        case .owners(.replicaSet, let key):
            self.stores.replicaSets[key].map { .owners($0.owners) } ?? self.memory.answer(to: lookup)
        case .owners(.job, let key):
            self.stores.jobs[key].map { .owners($0.owners) } ?? self.memory.answer(to: lookup)
        case .secret, .configMap:
            self.memory.answer(to: lookup)
        }
    }

    /// All at once, each within its own deadline and all within the request's.
    private func fetch(
        _ lookups: [InjectionLookup],
        until end: ContinuousClock.Instant
    ) async -> [(InjectionLookup, InjectionAnswer)] {
        let time = min(Self.lookupDeadline, ContinuousClock.now.duration(to: end))
        guard time > .zero else {
            return lookups.map { ($0, .failed("the API server did not answer within \(Self.budget)")) }
        }
        let answers = await self.fetcher.answers(to: lookups, within: time)
        for (lookup, answer) in answers { self.memory.remember(answer, to: lookup) }
        return answers
    }
}
