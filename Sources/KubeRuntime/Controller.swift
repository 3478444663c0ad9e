import KubeClient
package import KubeModel
package import Logging
import Metrics
import ServiceLifecycle
import Synchronization
package import Tracing

/// What a reconcile that went well asks for.
package enum ReconcileResult: Sendable, Equatable {
    /// Nothing to do until something changes.
    case done
    /// Look again after that time even if nothing changes.
    case requeue(after: Duration)
}

/// What a controller works on. Its log lines carry what the key says about itself.
package protocol ReconcileKey: Hashable, Sendable {
    var logMetadata: Logger.Metadata { get }
}

extension ObjectKey: ReconcileKey {
    package var logMetadata: Logger.Metadata {
        self.namespace.isEmpty
            ? ["name": .string(self.name)] : ["namespace": .string(self.namespace), "name": .string(self.name)]
    }
}

extension ObjectReference: ReconcileKey {
    package var logMetadata: Logger.Metadata {
        self.key.logMetadata.merging(["kind": .string(self.groupVersionKind.kind)]) { $1 }
    }
}

/// Brings the world in line with one key at a time, whenever something changed that the key depends on.
///
/// Sources are added with `watch` before ``run()``. A reconcile is not told what changed: it reads the stores and
/// compares with what should be. While it runs, `Logger.current` carries controller, kind, namespace, name and reconcile
/// id.
package final class Controller<Key: ReconcileKey>: Service {
    package typealias Reconcile = @Sendable (Key) async throws -> ReconcileResult

    private struct Source {
        var cache: any Syncable
        var subscribe: @Sendable (WorkQueue<Key>) -> StoreSubscription
    }

    package let name: String
    /// The kind of the objects that keys stand for, in logs.
    package let kind: String
    /// Keys added here run as if a source had named them.
    package let queue: WorkQueue<Key>
    private let parallelism: Int
    private let time: TimeSource
    private let reconcile: Reconcile
    private let sources = Mutex<[Source]>([])
    private let metrics: ControllerMetrics
    private let tracer: (any Tracer)?

    /// - Parameters:
    ///   - name: the `controller` label of logs and metrics.
    ///   - kind: such as `OpenTelemetryCollector`.
    ///   - parallelism: how many keys may be worked on at once.
    ///   - backoff: the pauses after failures of a key.
    ///   - tracer: makes a span of each reconcile; `nil` for none.
    ///   - reconcile: the work. Errors are retried with backoff, except ``ReconcileError`` with code `terminal`.
    package init(
        name: String,
        kind: String,
        parallelism: Int = 1,
        backoff: Backoff.Policy = .reconcile,
        clock: some Clock<Duration> = ContinuousClock(),
        jitter: JitterSource = .random,
        tracer: (any Tracer)? = nil,
        reconcile: @escaping Reconcile
    ) {
        self.name = name
        self.kind = kind
        self.parallelism = max(1, parallelism)
        self.queue = WorkQueue(name: name, backoff: backoff, clock: clock, jitter: jitter)
        self.time = TimeSource(clock)
        self.reconcile = reconcile
        self.tracer = tracer
        self.metrics = ControllerMetrics(name: name)
        self.metrics.parallelism.record(self.parallelism)
    }

    // MARK: Sources

    /// Wakes keys when objects of a store change. What is in the store when the controller starts counts as added.
    ///
    /// - Parameters:
    ///   - matches: which changes count; the store has left out those that leave its projection equal.
    ///   - keys: whose business a change is.
    package func watch<Item>(
        _ store: Store<Item>,
        where matches: @escaping @Sendable (StoreChange<Item>) -> Bool = { _ in true },
        keys: @escaping @Sendable (StoreChange<Item>) -> [Key]
    ) {
        let source = Source(cache: store) { queue in
            store.subscribe { changes in
                var woken: [Key] = []
                woken.reserveCapacity(changes.count)
                for change in changes where matches(change) { woken.append(contentsOf: keys(change)) }
                if !woken.isEmpty { queue.add(woken) }
            }
        }
        self.sources.withLock { $0.append(source) }
    }

    /// Wakes keys from a source of another shape than a store.
    ///
    /// - Parameter subscribing: begins to tell keys when the controller starts; what it returns ends that.
    package func watch(
        _ cache: some Syncable,
        subscribing: @escaping @Sendable (_ wake: @escaping @Sendable ([Key]) -> Void) -> StoreSubscription
    ) {
        let source = Source(cache: cache) { queue in
            subscribing { keys in
                if !keys.isEmpty { queue.add(keys) }
            }
        }
        self.sources.withLock { $0.append(source) }
    }

    /// Has ``run()`` wait for a cache that reconciles read but that wakes nobody.
    package func wait(for cache: some Syncable) {
        let source = Source(cache: cache) { _ in StoreSubscription {} }
        self.sources.withLock { $0.append(source) }
    }

    // MARK: Running

    /// Brings those metrics up to date that grow by themselves, for a scrape.
    package func refreshMetrics() { self.queue.refreshMetrics() }

    /// Waits for the caches, then works on keys until graceful shutdown (keys that are being worked on are finished) or
    /// cancellation (they are cancelled). Can be run again afterwards, as after a lost and regained leadership.
    ///
    /// - Throws: `CancellationError`.
    package func run() async throws {
        try await withLogger(mergingMetadata: ["controller": .string(self.name)]) { logger in
            let sources = self.sources.withLock { $0 }
            let isReady = try await self.waitForCaches(sources.map(\.cache))
            guard isReady else { return }
            let subscriptions = sources.map { $0.subscribe(self.queue) }
            defer { for subscription in subscriptions { subscription.cancel() } }
            logger.debug("controller started", metadata: ["workers": .stringConvertible(self.parallelism)])
            await withGracefulShutdownHandler {
                await self.queue.run(parallelism: self.parallelism) { await self.work(on: $0) }
            } onGracefulShutdown: {
                self.queue.stop()
            }
            try Task.checkCancellation()
        }
    }

    /// - Returns: false when graceful shutdown came first.
    private func waitForCaches(_ caches: [any Syncable]) async throws -> Bool {
        let isReady = Mutex(false)
        try await untilGracefulShutdown {
            for cache in caches { try await cache.waitForSync() }
            isReady.withLock { $0 = true }
        }
        return isReady.withLock { $0 }
    }

    private func work(on key: Key) async -> KeyOutcome {
        var metadata = key.logMetadata
        if metadata["kind"] == nil { metadata["kind"] = .string(self.kind) }
        metadata["reconcileID"] = .string(Self.makeID())
        let start = self.time.now
        self.metrics.active.increment()
        let (outcome, result) = await withLogger(mergingMetadata: metadata) { logger in
            let ended = await self.tracedAttempt(key, logger, metadata)
            logger.debug(
                "reconcile ended",
                metadata: ["result": "\(ended.1)", "seconds": "\((self.time.now - start).seconds)"]
            )
            return ended
        }
        self.metrics.active.decrement()
        self.metrics.time.recordNanoseconds((self.time.now - start).nanoseconds)
        self.metrics.count(result)
        return outcome
    }

    /// ``attempt(_:_:)`` within a span, if there is a tracer.
    private func tracedAttempt(
        _ key: Key,
        _ logger: Logger,
        _ metadata: Logger.Metadata
    ) async -> (KeyOutcome, ControllerMetrics.Result) {
        guard let tracer else { return await self.attempt(key, logger) }
        // Each reconcile is a trace of its own: many changes may have asked for it.
        let span = tracer.startSpan("reconcile \(self.name)", context: .topLevel)
        defer { span.end() }
        return await InstrumentationContext.withValue(span.context) {
            let ended = await self.attempt(key, logger)
            if span.isRecording {
                var attributes: SpanAttributes = [:]
                attributes["swiftlet.controller"] = self.name
                attributes["swiftlet.kind"] = metadata["kind"]?.description
                attributes["k8s.namespace.name"] = metadata["namespace"]?.description
                attributes["swiftlet.name"] = metadata["name"]?.description
                attributes["swiftlet.reconcile.id"] = metadata["reconcileID"]?.description
                attributes["swiftlet.reconcile.result"] = ended.1.rawValue
                span.attributes = attributes
            }
            if ended.1 == .error || ended.1 == .terminalError { span.setStatus(SpanStatus(code: .error)) }
            return ended
        }
    }

    /// 128 random bits: no two reconciles have the same, not even of two processes.
    private static func makeID() -> String {
        func hex(_ bits: UInt64) -> String {
            let text = String(bits, radix: 16)
            return String(repeating: "0", count: 16 - text.utf8.count) + text
        }
        var random = SystemRandomNumberGenerator()
        return hex(random.next()) + hex(random.next())
    }

    private func attempt(_ key: Key, _ logger: Logger) async -> (KeyOutcome, ControllerMetrics.Result) {
        do {
            switch try await self.reconcile(key) {
            case .done: return (.done(), .success)
            case .requeue(let delay): return (.done(requeue: delay), .requeueAfter)
            }
        } catch {
            switch ReconcileFailure(error) {
            case .cancelled:
                // Queued again, so that a controller that is run again looks at it again; with a pause, as a reconcile
                // may also throw this without having been cancelled.
                return (.retry(), .requeue)
            case .conflict:
                logger.debug("conflict, will retry", metadata: ["error": "\(error)"])
                return (.retry(), .requeue)
            case .terminal:
                logger.error("reconcile failed for good", metadata: ["error": "\(error)"])
                return (.giveUp, .terminalError)
            case .retryable(let delay):
                logger.warning("reconcile failed, will retry", metadata: ["error": "\(error)"])
                return (.retry(notBefore: delay), .error)
            }
        }
    }
}

/// Names and meaning as controller-runtime's, which dashboards know. Handles are made once.
private struct ControllerMetrics: Sendable {
    enum Result: String, CustomStringConvertible {
        case success, requeue
        case requeueAfter = "requeue_after"
        case error
        case terminalError = "terminal_error"
        var description: String { self.rawValue }
    }

    let active: Meter
    let parallelism: Gauge
    let time: Metrics.Timer
    private let success: Counter
    private let requeue: Counter
    private let requeueAfter: Counter
    private let error: Counter
    private let errors: Counter
    private let terminalErrors: Counter
    private let panics: Counter

    init(name: String) {
        let labels = [("controller", name)]
        func total(_ result: String) -> Counter {
            Counter(label: "controller_runtime_reconcile_total", dimensions: labels + [("result", result)])
        }
        self.active = Meter(label: "controller_runtime_active_workers", dimensions: labels)
        self.parallelism = Gauge(label: "controller_runtime_max_concurrent_reconciles", dimensions: labels)
        self.time = Metrics.Timer(label: "controller_runtime_reconcile_time_seconds", dimensions: labels)
        self.success = total("success")
        self.requeue = total("requeue")
        self.requeueAfter = total("requeue_after")
        self.error = total("error")
        self.errors = Counter(label: "controller_runtime_reconcile_errors_total", dimensions: labels)
        self.terminalErrors = Counter(label: "controller_runtime_terminal_reconcile_errors_total", dimensions: labels)
        // There is nothing here like a recovered panic: a trap ends the process. For dashboards it is 0.
        self.panics = Counter(label: "controller_runtime_reconcile_panics_total", dimensions: labels)
    }

    func count(_ result: Result) {
        switch result {
        case .success: self.success.increment()
        case .requeue: self.requeue.increment()
        case .requeueAfter: self.requeueAfter.increment()
        case .error, .terminalError:
            self.error.increment()
            self.errors.increment()
            if result == .terminalError { self.terminalErrors.increment() }
        }
    }
}
