import JSONTree
package import KubeClient
import KubeModel
import KubeRuntime
import Logging
package import PodInjection
import ServiceLifecycle
import Synchronization
import TelemetryAPI

/// Keeps count, in the status of each Instrumentation, of what became of the pods that asked for it.
///
/// Webhooks only add up in memory; every few seconds the sums are added to what the status says, whichever replica wrote
/// that. A roll-out of a thousand pods is then one write, and none is made while nothing is rolled out.
package final class InstrumentationTally: Service {
    struct Label: Hashable {
        var language: String
        var reason: String
    }

    struct Count {
        var pods = 0
        var message = ""

        mutating func add(_ decision: Decision) {
            self.pods += 1
            self.message = decision.message
        }
    }

    private struct State {
        var counts: [ObjectKey: [Label: Count]] = [:]
        /// The definition of another operator may have no place for the counts; then nothing is written any more.
        var isDropped = false
    }

    /// Counts of so many Instrumentations are held at most, should none of them be written any more.
    private static let capacity = 10_000

    private let client: KubeClient
    private let interval: Duration
    private let now: @Sendable () -> String
    private let state = Mutex(State())
    private let changed = Signal()

    /// - Parameters:
    ///   - interval: between two writes.
    ///   - now: the time, RFC 3339.
    package init(client: KubeClient, interval: Duration = .seconds(2), now: @escaping @Sendable () -> String) {
        self.client = client
        self.interval = interval
        self.now = now
    }

    package func count(_ decisions: [Decision]) {
        let isNew = self.state.withLock { state in
            var isNew = false
            for decision in decisions where decision.code != .alreadyInstrumented {
                guard case .language(let language) = decision.subject, let source = decision.source, !state.isDropped,
                    state.counts.count < Self.capacity || state.counts[source] != nil
                else { continue }
                let label = Label(language: language.id, reason: decision.code.rawValue)
                state.counts[source, default: [:]][label, default: Count()].add(decision)
                isNew = true
            }
            return isNew
        }
        if isNew { self.changed.raise() }
    }

    /// Writes until graceful shutdown, then once more, for two seconds at most.
    ///
    /// - Throws: `CancellationError`.
    package func run() async throws {
        try await untilGracefulShutdown {
            while true {
                try await self.changed.wait()
                try await Task.sleep(for: self.interval)
                await self.write(timeout: .seconds(5))
            }
        }
        await self.write(timeout: .seconds(2))
    }

    /// Adds what was counted to the stored statuses. What can't be written now is kept for the next time.
    func write(timeout: Duration) async {
        let counts = self.state.withLock { state in
            defer { state.counts = [:] }
            return state.counts
        }
        let end = ContinuousClock.now + timeout
        for (key, labels) in counts {
            do {
                let left = ContinuousClock.now.duration(to: end)
                guard left > .zero else { throw CancellationError() }
                try await self.add(labels, to: key, timeout: left)
            } catch let error as APIError where error.isNotFound {
                // Deleted meanwhile.
            } catch {
                if let error = error as? APIError, !error.isConflict {
                    Logger.current.debug(
                        "injections could not be counted yet",
                        metadata: ["instrumentation": "\(key)", "error": "\(error)"]
                    )
                    // A missing permission stays missing; the counters of /metrics have it all the same.
                    if error.isForbidden { continue }
                }
                self.giveBack(labels, key)
            }
        }
    }

    private func add(_ labels: [Label: Count], to key: ObjectKey, timeout: Duration) async throws {
        let stored = Instrumentation(
            try await self.client.get(
                ResourceCatalog.instrumentations,
                namespace: key.namespace,
                name: key.name,
                timeout: timeout
            ).json
        )
        var status = stored.status
        let time = self.now()
        for (label, count) in labels.sorted(by: { ($0.key.language, $0.key.reason) < ($1.key.language, $1.key.reason) })
        {
            status.count(
                language: label.language,
                reason: label.reason,
                by: count.pods,
                message: count.message,
                at: time
            )
        }
        // The version makes it an addition and not a race: another replica may be counting as well.
        let patch: JSONObject = [
            "metadata": ["resourceVersion": .string(stored.metadata.resourceVersion ?? "")],
            "status": ["injections": status.json["injections"] ?? []],
        ]
        let written = try await self.client.patch(
            ResourceCatalog.instrumentations,
            namespace: key.namespace,
            name: key.name,
            subresource: "status",
            .merge(patch),
            options: WriteOptions(timeout: timeout)
        )
        APIWrites.count(ResourceCatalog.instrumentations.kind, .status)
        if Instrumentation(written.json).status.injections.isEmpty {
            self.state.withLock { $0 = State(isDropped: true) }
            Logger.current.info(
                "the definition of Instrumentations has no place for counts, so none are kept in their status"
            )
        }
    }

    private func giveBack(_ labels: [Label: Count], _ key: ObjectKey) {
        self.state.withLock { state in
            guard !state.isDropped, state.counts.count < Self.capacity else { return }
            for (label, count) in labels {
                var sum = state.counts[key, default: [:]][label] ?? Count(message: count.message)
                sum.pods += count.pods
                state.counts[key, default: [:]][label] = sum
            }
        }
        self.changed.raise()
    }
}
