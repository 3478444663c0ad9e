import KubeClient
import Metrics
import Synchronization

/// What became of one run of a key.
package enum KeyOutcome: Sendable, Equatable {
    /// All is well. With `requeue` the key runs again after that time.
    case done(requeue: Duration? = nil)
    /// It failed and runs again after its backoff, but not before `notBefore` from now.
    case retry(notBefore: Duration? = nil)
    /// It failed, and trying again is pointless before something changes.
    case giveUp
}

/// Keys to be worked on, each by one task at a time, several keys at once.
///
/// Keys can be added at any time, from anywhere, also while nothing runs: they wait. See ``KeyQueue`` for the order.
package final class WorkQueue<Key: Hashable & Sendable>: Sendable {
    private struct State {
        var queue: KeyQueue<Key>
        var isStopping = false
        /// When the work on keys began that runs now.
        var starts: [Key: Duration] = [:]
    }

    package let name: String
    private let state: Mutex<State>
    private let changed = Signal()
    private let time: TimeSource
    private let jitter: JitterSource
    private let metrics: WorkQueueMetrics

    /// - Parameters:
    ///   - name: the label of the metrics `workqueue_*`.
    ///   - backoff: the pauses after failures of a key.
    package init(
        name: String,
        backoff: Backoff.Policy = .reconcile,
        clock: some Clock<Duration> = ContinuousClock(),
        jitter: JitterSource = .random
    ) {
        self.name = name
        self.state = Mutex(State(queue: KeyQueue(backoff: backoff)))
        self.time = TimeSource(clock)
        self.jitter = jitter
        self.metrics = WorkQueueMetrics(name: name)
    }

    package func add(_ key: Key, after delay: Duration = .zero) { self.add(CollectionOfOne(key), after: delay) }

    package func add(_ keys: some Sequence<Key>, after delay: Duration = .zero) {
        let now = self.time.now
        self.change { state in
            for key in keys { state.queue.add(key, due: now + delay, now: now) }
        }
        self.changed.raise()
    }

    /// The key's next failure counts as its first.
    package func forget(_ key: Key) { self.state.withLock { $0.queue.forget(key) } }

    /// Nothing runs and nothing is queued, not even for later.
    package var isEmpty: Bool { self.state.withLock { $0.queue.isEmpty } }
    /// Keys that could run now, keys that wait for their time, and keys that run.
    package var depth: (ready: Int, delayed: Int, running: Int) {
        self.state.withLock { ($0.queue.readyCount, $0.queue.delayedCount, $0.queue.runningCount) }
    }
    package var statistics: KeyQueue<Key>.Statistics { self.state.withLock { $0.queue.statistics } }

    /// Ends ``run(parallelism:work:)`` once the keys that run now have ended; queued keys stay queued.
    package func stop() {
        self.state.withLock { $0.isStopping = true }
        self.changed.raise()
    }

    /// Works on keys until ``stop()``, or until cancelled: then the running work is cancelled, too. Either way it returns
    /// when all work has ended. Only one call may run at a time; after it returned the queue can be run again.
    package func run(parallelism: Int, work: @escaping @Sendable (Key) async -> KeyOutcome) async {
        await withDiscardingTaskGroup { group in
            while true {
                let now = self.time.now
                // No key is taken that there is no task for: the order is decided as late as possible.
                let step = self.change { state -> KeyQueue<Key>.Step? in
                    if state.isStopping || Task.isCancelled { return nil }
                    if state.queue.runningCount >= max(1, parallelism) { return .idle }
                    let step = state.queue.next(now: now)
                    if case .run(let key, _) = step { state.starts[key] = now }
                    return step
                }
                switch step {
                case nil: return
                case .run(let key, let waited):
                    self.metrics.queueDuration.recordNanoseconds(waited.nanoseconds)
                    group.addTask {
                        let start = self.time.now
                        let outcome = await work(key)
                        self.end(key, outcome, start: start)
                    }
                case .wait(let until): try? await self.changed.wait(until: until, on: self.time)
                case .idle: try? await self.changed.wait()
                }
            }
        }
        self.state.withLock { $0.isStopping = false }
    }

    /// How long the work under way takes already: all of it together, and what began first.
    package var workUnderWay: (total: Duration, longest: Duration) {
        let now = self.time.now
        let ages = self.state.withLock { state in state.starts.values.map { now - $0 } }
        return (ages.reduce(.zero, +), ages.max() ?? .zero)
    }

    /// Brings those metrics up to date that grow by themselves, for a scrape.
    package func refreshMetrics() {
        let work = self.workUnderWay
        self.metrics.unfinished.record(work.total.seconds)
        self.metrics.longest.record(work.longest.seconds)
    }

    private func end(_ key: Key, _ outcome: KeyOutcome, start: Duration) {
        let now = self.time.now
        self.metrics.workDuration.recordNanoseconds((now - start).nanoseconds)
        self.change { state in
            state.starts[key] = nil
            switch outcome {
            case .done(let requeue):
                state.queue.finish(key, requeue: requeue.map { now + $0 }, now: now)
            case .retry(let notBefore):
                state.queue.fail(key, notBefore: notBefore.map { now + $0 }, now: now, random: self.jitter.next())
            case .giveUp:
                state.queue.finish(key, now: now)
            }
        }
        // There is room for another key now, and maybe another time to wait for.
        self.changed.raise()
    }

    /// Changes the state and counts what changed. Under the lock, so that the depth last told is the depth.
    private func change<Result>(_ body: (inout State) -> Result) -> Result {
        self.state.withLock { state in
            let before = state.queue.statistics
            let depth = state.queue.readyCount
            let result = body(&state)
            let after = state.queue.statistics
            if after.adds != before.adds { self.metrics.adds.increment(by: after.adds - before.adds) }
            if after.retries != before.retries { self.metrics.retries.increment(by: after.retries - before.retries) }
            if state.queue.readyCount != depth { self.metrics.depth.record(state.queue.readyCount) }
            return result
        }
    }
}

/// Names and meaning as client-go's, which dashboards know.
private struct WorkQueueMetrics: Sendable {
    let depth: Gauge
    let adds: Counter
    let retries: Counter
    let queueDuration: Metrics.Timer
    let workDuration: Metrics.Timer
    let unfinished: Gauge
    let longest: Gauge

    init(name: String) {
        let labels = [("name", name), ("controller", name)]
        self.depth = Gauge(label: "workqueue_depth", dimensions: labels)
        self.adds = Counter(label: "workqueue_adds_total", dimensions: labels)
        self.retries = Counter(label: "workqueue_retries_total", dimensions: labels)
        self.queueDuration = Metrics.Timer(label: "workqueue_queue_duration_seconds", dimensions: labels)
        self.workDuration = Metrics.Timer(label: "workqueue_work_duration_seconds", dimensions: labels)
        self.unfinished = Gauge(label: "workqueue_unfinished_work_seconds", dimensions: labels)
        self.longest = Gauge(label: "workqueue_longest_running_processor_seconds", dimensions: labels)
        // What is 0 is told, so that an alert can tell it from what is not there.
        self.depth.record(0)
        self.unfinished.record(0)
        self.longest.record(0)
    }
}
