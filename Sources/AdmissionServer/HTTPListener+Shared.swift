import Logging
import Metrics
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

extension HTTPListener {
    /// What the connections of a listener share.
    final class Shared: Sendable {
        /// Why a connection ended early; a metric's label.
        enum Trouble: String, CaseIterable {
            case handshake, handshakeTimeout, malformed, requestTimeout, writeTimeout, transport, accept
        }

        private struct State {
            var connections: [ObjectIdentifier: any Channel] = [:]
            var isDraining = false
            var isHeld: Bool
            var leftAt: ContinuousClock.Instant?
            var drained: EventLoopPromise<Void>?
            /// The server channel, while it waits for a connection to end.
            var waitingToAccept: (any Channel)?
        }

        let configuration: Configuration
        let logger: Logger
        let route: @Sendable (HTTPRequestHead) -> Routing
        let bodies: BodyBudget
        private let state: Mutex<State>
        private let executors = Mutex<[ObjectIdentifier: EventLoopExecutor]>([:])
        private let leaving = Atomic<Bool>(false)
        private let troubles: [Trouble: Counter]
        private let open: Gauge
        private let notices = Mutex<(next: NIODeadline, suppressed: Int)>((.uptimeNanoseconds(0), 0))

        init(
            configuration: Configuration,
            logger: Logger,
            metrics: any MetricsFactory,
            route: @escaping @Sendable (HTTPRequestHead) -> Routing
        ) {
            var logger = logger
            logger[metadataKey: "server"] = "\(configuration.name)"
            self.configuration = configuration
            self.state = Mutex(State(isHeld: configuration.isHeld))
            self.logger = logger
            self.route = route
            self.bodies = BodyBudget(limit: configuration.maximumBufferedBodies)
            let server = [("server", configuration.name)]
            self.open = Gauge(label: "swiftlet_http_connections", dimensions: server, factory: metrics)
            var troubles: [Trouble: Counter] = [:]
            for trouble in Trouble.allCases {
                troubles[trouble] = Counter(
                    label: "swiftlet_http_connection_errors_total",
                    dimensions: server + [("reason", trouble.rawValue)],
                    factory: metrics
                )
            }
            self.troubles = troubles
        }

        // MARK: Executors

        /// One executor per event loop. They are kept as long as the listener: tasks refer to them without owning them.
        func makeExecutors(for group: any EventLoopGroup) {
            self.executors.withLock { executors in
                for loop in group.makeIterator() {
                    executors[ObjectIdentifier(loop)] = EventLoopExecutor(loop: loop)
                }
            }
        }

        func executor(for loop: any EventLoop) -> EventLoopExecutor {
            self.executors.withLock { executors in
                if let executor = executors[ObjectIdentifier(loop)] { return executor }
                let executor = EventLoopExecutor(loop: loop)
                executors[ObjectIdentifier(loop)] = executor
                return executor
            }
        }

        // MARK: Connections

        /// Called on the accepting event loop, before the connection's own loop knows of it: so the count is never behind
        /// when it is decided whether to accept more.
        func opened(_ channel: any Channel) {
            let key = ObjectIdentifier(channel)
            let count = self.state.withLock { state in
                state.connections[key] = channel
                return state.connections.count
            }
            self.open.record(count)
            channel.closeFuture.whenComplete { _ in self.closed(key) }
        }

        var isDraining: Bool { self.state.withLock { $0.isDraining } }

        private func closed(_ key: ObjectIdentifier) {
            let (count, drained, accepting) = self.state.withLock { state in
                state.connections[key] = nil
                var accepting: (any Channel)?
                if state.connections.count < self.configuration.maximumConnections {
                    swap(&accepting, &state.waitingToAccept)
                }
                return (state.connections.count, state.connections.isEmpty ? state.drained : nil, accepting)
            }
            self.open.record(count)
            accepting?.read()
            drained?.succeed()
        }

        /// True when another connection fits; otherwise the channel is asked to read again once one does.
        func mayAccept(_ server: any Channel) -> Bool {
            self.state.withLock { state in
                if !state.isHeld, state.connections.count < self.configuration.maximumConnections { return true }
                state.waitingToAccept = server
                return false
            }
        }

        func admit() {
            let accepting = self.state.withLock { state in
                state.isHeld = false
                var accepting: (any Channel)?
                swap(&accepting, &state.waitingToAccept)
                return accepting
            }
            accepting?.read()
        }

        // MARK: Shutdown

        var isLeaving: Bool { self.leaving.load(ordering: .relaxed) }

        /// From now on every answer asks its client to close the connection.
        ///
        /// - Returns: since when.
        @discardableResult
        func leave() -> ContinuousClock.Instant {
            self.leaving.store(true, ordering: .relaxed)
            return self.state.withLock { state in
                let since = state.leftAt ?? .now
                state.leftAt = since
                return since
            }
        }

        /// Lets requests in flight end, for the time allowed or until the task is cancelled; then closes what is left.
        func drain(on loop: any EventLoop) async {
            self.leave()
            let drained = loop.makePromise(of: Void.self)
            let open = self.state.withLock { state in
                state.isDraining = true
                state.drained = drained
                return Array(state.connections.values)
            }
            if open.isEmpty { drained.succeed() }
            for channel in open {
                channel.pipeline.fireUserInboundEventTriggered(HTTPConnection.Drain())
            }
            let forced = loop.scheduleTask(in: self.configuration.drainTimeout) { self.closeAll() }
            await withTaskCancellationHandler {
                try? await drained.futureResult.get()
            } onCancel: {
                self.closeAll()
            }
            forced.cancel()
        }

        private func closeAll() {
            for channel in self.state.withLock({ Array($0.connections.values) }) { channel.close(promise: nil) }
        }

        // MARK: Troubles

        func count(_ trouble: Trouble) { self.troubles[trouble]?.increment() }

        /// Anyone can connect and talk nonsense, so each failure is only a debug line; but an API server that does not
        /// trust our certificate shows here and nowhere else, so once a minute it is worth a notice.
        func handshakeFailed(_ error: any Error, from address: SocketAddress?, isNotable: Bool) {
            self.count(.handshake)
            self.logger.debug(
                "TLS handshake failed",
                metadata: ["error": "\(error)", "client": "\(address?.ipAddress ?? "")"]
            )
            if isNotable { self.notice("TLS handshakes failed", error, from: address) }
        }

        func acceptFailed(_ error: any Error) {
            self.count(.accept)
            self.notice("connections could not be accepted", error, from: nil)
        }

        private func notice(_ message: Logger.Message, _ error: any Error, from address: SocketAddress?) {
            let now = NIODeadline.now()
            let suppressed: Int? = self.notices.withLock { notices in
                guard now >= notices.next else {
                    notices.suppressed += 1
                    return nil
                }
                defer { notices = (now + .minutes(1), 0) }
                return notices.suppressed
            }
            guard let suppressed else { return }
            self.logger.notice(
                message,
                metadata: [
                    "error": "\(error)", "client": "\(address?.ipAddress ?? "")", "more-since-last": "\(suppressed)",
                ]
            )
        }
    }
}

/// The bytes that large request bodies may hold at one time.
final class BodyBudget: Sendable {
    private let left: Atomic<Int>

    init(limit: Int) { self.left = Atomic(limit) }

    var available: Int { self.left.load(ordering: .relaxed) }

    func charge(_ count: Int) -> Bool {
        if self.left.subtract(count, ordering: .relaxed).newValue >= 0 { return true }
        self.release(count)
        return false
    }

    func release(_ count: Int) { self.left.add(count, ordering: .relaxed) }
}

/// Runs jobs of tasks on an event loop.
final class EventLoopExecutor: TaskExecutor {
    private let loop: any EventLoop

    init(loop: any EventLoop) { self.loop = loop }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        self.loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}

/// In front of the accepting socket: holds back when all places are taken, and survives errors of `accept`.
final class AcceptGate: ChannelDuplexHandler {
    typealias InboundIn = any Channel
    typealias InboundOut = any Channel
    typealias OutboundIn = Never
    typealias OutboundOut = Never

    private let shared: HTTPListener.Shared
    private var isPaused = false

    init(shared: HTTPListener.Shared) { self.shared = shared }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.shared.opened(self.unwrapInboundIn(data))
        context.fireChannelRead(data)
    }

    func read(context: ChannelHandlerContext) {
        if !self.isPaused, self.shared.mayAccept(context.channel) { context.read() }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.shared.acceptFailed(error)
        // Out of descriptors or memory: without a pause the loop would spin on the same error.
        guard !self.isPaused else { return }
        self.isPaused = true
        let bound = NIOLoopBound((gate: self, context: context), eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: .milliseconds(200)) {
            bound.value.gate.isPaused = false
            bound.value.context.channel.read()
        }
    }
}
