package import KubeClient
package import KubeModel
import Logging
import Metrics
import ServiceLifecycle
import Synchronization

/// Tells the users of objects what happened to them, through Events (`events.k8s.io/v1`, else core `v1`).
///
/// Recording never waits and never fails: events are sent by ``run()``, counted when they repeat within ten minutes, and
/// dropped when an object has too many or the server will not have them.
package final class EventRecorder: Service {
    private let client: KubeClient
    private let reporter: EventReporter
    private let time: TimeSource
    private let wallClock: WallClock
    private let series: Mutex<EventSeries>
    private let queue: WorkQueue<EventNote>
    private let api: Mutex<EventAPI?>
    private let sent = Counter(label: "swiftlet_events_sent_total")
    private let dropped = Counter(label: "swiftlet_events_dropped_total")
    /// Whether the server has refused an event for want of permission.
    private let isRefused = Atomic(false)

    /// - Parameter reporter: for users `opentelemetry-operator` and the pod's name.
    package convenience init(
        client: KubeClient,
        reporter: EventReporter,
        clock: some Clock<Duration> = ContinuousClock(),
        wallClock: WallClock = .system
    ) {
        self.init(
            client: client,
            reporter: reporter,
            configuration: EventSeries.Configuration(),
            clock: clock,
            wallClock: wallClock
        )
    }

    init(
        client: KubeClient,
        reporter: EventReporter,
        configuration: EventSeries.Configuration,
        api: EventAPI? = nil,
        clock: some Clock<Duration>,
        wallClock: WallClock
    ) {
        self.api = Mutex(api)
        self.client = client
        self.reporter = reporter
        self.time = TimeSource(clock)
        self.wallClock = wallClock
        self.series = Mutex(EventSeries(configuration: configuration))
        self.queue = WorkQueue(
            name: "events",
            backoff: Backoff.Policy(base: .seconds(1), cap: .seconds(60)),
            clock: clock
        )
    }

    package func record(_ note: EventNote) {
        let now = self.time.now
        let wallTime = self.wallClock.now()
        switch self.series.withLock({ $0.record(note, wallTime: wallTime, now: now) }) {
        case .send(let due): self.queue.add(note, after: max(.zero, due - now))
        case .full, .limited: self.dropped.increment()
        }
    }

    package func record(
        _ kind: EventNote.Kind,
        reason: String,
        action: String = "",
        note: String,
        regarding object: KubeObject
    ) {
        self.record(EventNote(kind, reason: reason, action: action, note: note, regarding: object.reference))
    }

    /// Sends events until graceful shutdown, then for at most two seconds what is left.
    ///
    /// - Throws: `CancellationError`.
    package func run() async throws {
        await withGracefulShutdownHandler {
            await self.queue.run(parallelism: 2) { await self.send($0) }
        } onGracefulShutdown: {
            self.queue.stop()
        }
        try Task.checkCancellation()
        _ = try await self.time.withDeadline(self.time.now + .seconds(2)) {
            for note in self.series.withLock({ $0.unsent }) {
                try Task.checkCancellation()
                _ = await self.send(note)
            }
        }
    }

    private func send(_ note: EventNote) async -> KeyOutcome {
        guard let write = self.series.withLock({ $0.write(for: note) }) else { return .done() }
        let api = await self.chosenAPI()
        do {
            let count: Int
            switch write {
            case .create(let name, let first, let last, let total):
                count = total
                let event = api.object(
                    note,
                    name: name,
                    reporter: self.reporter,
                    first: first,
                    last: last,
                    count: total
                )
                do {
                    try await self.client.create(event, api.resource)
                } catch let error as APIError where error.isAlreadyExists {
                    // The answer to an earlier attempt was lost.
                }
            case .update(let name, let last, let total):
                count = total
                try await self.client.patch(
                    api.resource,
                    namespace: note.namespace,
                    name: name,
                    .merge(api.patch(last: last, count: total))
                )
            }
            self.sent.increment()
            let now = self.time.now
            self.series.withLock { $0.wrote(note, count: count, now: now) }
            return .done()
        } catch {
            return self.handle(error, note, write)
        }
    }

    private func handle(_ error: any Error, _ note: EventNote, _ write: EventSeries.Write) -> KeyOutcome {
        let code = (error as? APIError)?.code ?? 0
        if code == 404, case .update = write {
            self.series.withLock { $0.vanished(note) }
            return .done(requeue: .zero)
        }
        // Refused for what it is (a namespace that is being deleted, a missing permission), not for when it came.
        let isFinal = (400..<500).contains(code) && code != 408 && code != 429
        if self.series.withLock({ $0.failed(note, isFinal: isFinal) }) { return .retry() }
        self.dropped.increment()
        // Said once where everybody reads it: it is nearly always the account, and then every event fails.
        let isNews = code == 403 && !self.isRefused.exchange(true, ordering: .relaxed)
        Logger.current.log(
            level: isNews ? .warning : .debug,
            isNews ? "events are not allowed here; no more is said of it" : "dropped an event",
            metadata: [
                "regarding": "\(note.regarding)", "reason": "\(note.reason)", "error": "\(error)",
            ]
        )
        return .giveUp
    }

    /// The newer API where it is served; asked once. While the server cannot tell, the newer one is assumed.
    private func chosenAPI() async -> EventAPI {
        if let api = self.api.withLock({ $0 }) { return api }
        guard let versions = try? await self.client.discovery.versions(ofGroup: "events.k8s.io") else { return .events }
        let api: EventAPI = versions.contains("v1") ? .events : .core
        self.api.withLock { $0 = api }
        return api
    }
}
