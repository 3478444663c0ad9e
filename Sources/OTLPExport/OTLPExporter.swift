import AsyncHTTPClient
package import Logging
import Metrics
import NIOSSL
import ServiceLifecycle
import Synchronization
import Tracing

/// Sends ended spans to a collector by OTLP/HTTP, in batches; see ``OTLPSettings``.
///
///     let (settings, warnings) = OTLPSettings.read(environment, service: "opentelemetry-operator", version: "1")
///     let exporter = try settings.map { try OTLPExporter($0, …) }
///     // exporter.tracer makes spans; run() sends them, until graceful shutdown and then what is left
///
/// Its own requests are made with a client that knows no tracer, so they make no spans.
package final class OTLPExporter: Service {
    private struct State {
        var queue: SpanQueue
        var isStopping = false
    }

    private let settings: OTLPSettings
    private let post: OTLPPost
    private let encoder: OTLPEncoder
    private let logger: Logger
    private let state: Mutex<State>
    private let wakes: AsyncStream<Void>
    private let waker: AsyncStream<Void>.Continuation
    private let trust: NIOSSLTrustRoots
    private let exported = Counter(label: "swiftlet_trace_spans_exported_total")
    private let dropped = Counter(label: "swiftlet_trace_spans_dropped_total")
    private let failures = Counter(label: "swiftlet_trace_export_failures_total")

    /// - Throws: ``OTLPError`` when the certificates to trust can't be read.
    package init(_ settings: OTLPSettings, scope: String, version: String, logger: Logger) throws {
        self.settings = settings
        self.post = OTLPPost(endpoint: settings.endpoint, headers: settings.headers)
        self.encoder = OTLPEncoder(
            resource: settings.resource.map { ($0.name, .string($0.value)) },
            scope: scope,
            scopeVersion: version
        )
        self.logger = logger
        self.state = Mutex(State(queue: SpanQueue(limit: settings.queueLimit, batch: settings.batchLimit)))
        (self.wakes, self.waker) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        if let path = settings.certificate {
            do {
                self.trust = .certificates(try NIOSSLCertificate.fromPEMFile(path))
            } catch {
                throw OTLPError(
                    "OTEL_EXPORTER_OTLP_CERTIFICATE: the file \(path) is not certificates in PEM that can be read: \(error)"
                )
            }
        } else {
            self.trust = .default
        }
    }

    /// Makes spans that this exports.
    package var tracer: OTLPTracer {
        OTLPTracer(sampler: self.settings.sampler) { [self] span in self.add(span) }
    }

    private func add(_ span: FinishedSpan) {
        switch self.state.withLock({ $0.queue.add(span) }) {
        case .queued: break
        case .batchIsFull: self.waker.yield()
        case .dropped: self.dropped.increment()
        }
    }

    /// How many spans wait.
    package var waitingCount: Int { self.state.withLock { $0.queue.count } }

    package func run() async throws {
        let client = OTLPPost.client(trusting: self.trust)
        let (stop, stopping) = AsyncStream<Void>.makeStream()
        await withGracefulShutdownHandler {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await self.send(client) }
                group.addTask {
                    for await _ in stop {}
                    try? await Task.sleep(for: Self.patience)
                }
                // Either all is sent or the time is up.
                await group.next()
                group.cancelAll()
            }
        } onGracefulShutdown: {
            self.state.withLock { $0.isStopping = true }
            self.waker.yield()
            stopping.finish()
        }
        let left = self.waitingCount
        if left > 0 {
            self.dropped.increment(by: left)
            self.logger.warning("spans were left when the operator stopped", metadata: ["spans": "\(left)"])
        }
        try? await client.shutdown()
        try Task.checkCancellation()
    }

    /// How long a stop may take.
    private static let patience = Duration.seconds(5)

    private func send(_ client: HTTPClient) async {
        var wakes = self.wakes.makeAsyncIterator()
        while !Task.isCancelled {
            if !self.state.withLock({ $0.isStopping }) {
                let timer = Task {
                    try await Task.sleep(for: self.settings.scheduleDelay)
                    self.waker.yield()
                }
                await wakes.next(isolation: nil)
                timer.cancel()
            }
            // What came before the stop is sent; a collector that is gone must not hold the process up, so then each
            // batch has little time.
            while case let batch = self.state.withLock({ $0.queue.next() }), !batch.isEmpty {
                await self.deliver(batch, client)
                if Task.isCancelled { return }
            }
            if self.state.withLock({ $0.isStopping && $0.queue.isEmpty }) { return }
        }
    }

    private func deliver(_ batch: [FinishedSpan], _ client: HTTPClient) async {
        let body = self.encoder.body(batch)
        var policy = ExportRetry()
        let end = ContinuousClock.now + self.settings.exportTimeout
        while true {
            let isStopping = self.state.withLock { $0.isStopping }
            let left = min(
                ContinuousClock.now.duration(to: end),
                isStopping ? .seconds(3) : self.settings.exportTimeout
            )
            let (outcome, reason) = await self.post.send(body, client, within: min(left, self.settings.timeout))
            switch policy.decide(outcome, remaining: isStopping ? .zero : left, random: .random(in: 0...1)) {
            case .delivered:
                self.exported.increment(by: batch.count)
                return
            case .giveUp:
                self.failures.increment()
                self.dropped.increment(by: batch.count)
                self.state.withLock { $0.queue.lose(batch.count) }
                self.logger.warning(
                    "spans could not be exported",
                    metadata: ["spans": "\(batch.count)", "reason": "\(reason)"]
                )
                return
            case .retry(let pause):
                self.failures.increment()
                self.logger.debug(
                    "exporting spans failed, will retry",
                    metadata: ["reason": "\(reason)", "pause": "\(pause)"]
                )
                try? await Task.sleep(for: pause)
                if Task.isCancelled { return }
            }
        }
    }
}

/// Why spans can't be exported.
package struct OTLPError: Error, Sendable, CustomStringConvertible {
    package var description: String
    package init(_ description: String) { self.description = description }
}
