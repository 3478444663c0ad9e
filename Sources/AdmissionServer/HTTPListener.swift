package import Logging
package import Metrics
package import NIOCore
package import NIOHTTP1
import NIOPosix
import NIOSSL
import ServiceLifecycle
import Synchronization

/// An HTTP/1.1 server, plain or TLS, for short requests with whole answers: what ``AdmissionServer`` and ``HealthServer``
/// are made of.
///
/// With ``Configuration/isHeld`` connections wait in the kernel's queue until ``admit()``: a client that comes too early is
/// served late, where a closed port would refuse it.
///
/// `run()` binds, serves, and on graceful shutdown lets go: for ``Configuration/leaveDelay`` it goes on accepting while
/// every answer asks its client to close, then it stops accepting, closes idle connections, waits up to
/// ``Configuration/drainTimeout`` for requests in flight, and closes what is left. Cancellation skips the waiting.
package final class HTTPListener: Service {
    package struct Configuration: Sendable {
        package var address: ListenAddress
        /// Tells listeners apart in logs and metrics.
        package var name: String
        /// Connections beyond this wait in the kernel's queue.
        package var maximumConnections = 512
        /// From the accepted connection to the end of the TLS handshake.
        package var handshakeTimeout: TimeAmount = .seconds(10)
        /// From the first byte of a request to its last; also from the connection to its first request.
        package var requestTimeout: TimeAmount = .seconds(30)
        /// Between requests. More than the 90 s after which Go's clients close idle connections themselves, so that a
        /// request never crosses our closing.
        package var idleTimeout: TimeAmount = .seconds(120)
        /// For a client that does not read its answer.
        package var writeTimeout: TimeAmount = .seconds(30)
        package var maximumHeaderBytes = 32 << 10
        /// Bodies up to this size are always taken.
        package var freeBody = 256 << 10
        /// What the larger bodies of all connections may hold together; beyond, they are refused with 503.
        package var maximumBufferedBodies = 128 << 20
        /// How much of a refused body is read and thrown away so that the client sees the answer.
        package var discardLimit = 32 << 20
        /// Counted from ``HTTPListener/leave()`` if that came before.
        package var leaveDelay: Duration = .zero
        package var isHeld = false
        package var drainTimeout: TimeAmount = .seconds(8)
        /// Threads, when the listener is given no event loop group.
        package var eventLoops = HTTPListener.defaultEventLoops

        package init(address: ListenAddress, name: String) {
            self.address = address
            self.name = name
        }
    }

    /// Two at most, one if the CPU limit (the cgroup's, or the number of processors) allows no more.
    package static var defaultEventLoops: Int { max(1, min(2, System.coreCount)) }

    package struct Failure: Error, CustomStringConvertible {
        package var description: String
    }

    private enum Phase {
        case idle
        case listening(port: Int)
        case ended
    }

    private let tls: TLSContextSource?
    private let group: (any EventLoopGroup)?
    private let onListening: (@Sendable (_ port: Int) -> Void)?
    private let phase = Mutex(Phase.idle)
    let shared: Shared

    /// - Parameters:
    ///   - tls: `nil` for plain HTTP.
    ///   - group: whose event loops to use; by default it makes its own and ends them with `run()`.
    ///   - onListening: called once the port is bound.
    ///   - route: decides on each request when its head has arrived; it runs on the event loop and must be quick.
    package init(
        configuration: Configuration,
        tls: TLSContextSource?,
        group: (any EventLoopGroup)? = nil,
        metrics: any MetricsFactory = MetricsSystem.factory,
        logger: Logger,
        onListening: (@Sendable (_ port: Int) -> Void)? = nil,
        route: @escaping @Sendable (HTTPRequestHead) -> Routing
    ) {
        self.tls = tls
        self.group = group
        self.onListening = onListening
        self.shared = Shared(configuration: configuration, logger: logger, metrics: metrics, route: route)
    }

    /// The port that is listened on; `nil` before and after.
    package var port: Int? {
        self.phase.withLock { if case .listening(let port) = $0 { port } else { nil } }
    }

    /// Begins to accept connections, if they were held.
    package func admit() { self.shared.admit() }

    /// From now on every answer asks its client to close the connection, as a stop is near.
    package func leave() { self.shared.leave() }

    package func run() async throws {
        if let group = self.group { return try await self.run(on: group) }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: max(1, self.shared.configuration.eventLoops))
        do {
            try await self.run(on: group)
        } catch {
            try? await group.shutdownGracefully()
            throw error
        }
        try await group.shutdownGracefully()
    }

    private func run(on group: any EventLoopGroup) async throws {
        let configuration = self.shared.configuration
        self.shared.makeExecutors(for: group)
        let channel = try await self.bind(on: group)
        let port = channel.localAddress?.port ?? configuration.address.port
        self.phase.withLock { $0 = .listening(port: port) }
        self.shared.logger.info("listening", metadata: ["port": "\(port)", "tls": "\(self.tls != nil)"])
        self.onListening?(port)

        let (stop, stopping) = AsyncStream<Void>.makeStream()
        channel.closeFuture.whenComplete { _ in stopping.finish() }
        await withTaskCancellationOrGracefulShutdownHandler {
            for await _ in stop {}
        } onCancelOrGracefulShutdown: {
            stopping.finish()
        }
        let wasAskedTo = Task.isCancelled || Task.isShuttingDownGracefully

        if !Task.isCancelled, Task.isShuttingDownGracefully, configuration.leaveDelay > .zero {
            let since = self.shared.leave()
            try? await Task.sleep(until: since + configuration.leaveDelay, clock: .continuous)
        }
        self.phase.withLock { $0 = .ended }
        try? await channel.close()
        await self.shared.drain(on: channel.eventLoop)
        self.shared.logger.info("stopped listening", metadata: ["port": "\(port)"])
        guard wasAskedTo else { throw Failure(description: "the listening socket on port \(port) was closed") }
    }

    private func bind(on group: any EventLoopGroup) async throws -> any Channel {
        let shared = self.shared
        let tls = self.tls
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AcceptGate(shared: shared))
                }
            }
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try Self.configure(channel, shared: shared, tls: tls) }
            }
        let address = shared.configuration.address
        do {
            if !address.host.isEmpty { return try await bootstrap.bind(host: address.host, port: address.port).get() }
            do {
                // Takes IPv4 as well, through mapped addresses.
                return try await bootstrap.bind(host: "::", port: address.port).get()
            } catch let error as IOError where error.errnoCode == EAFNOSUPPORT || error.errnoCode == EADDRNOTAVAIL {
                return try await bootstrap.bind(host: "0.0.0.0", port: address.port).get()
            }
        } catch {
            throw Failure(description: "cannot listen on \(address) (\(shared.configuration.name)): \(error)")
        }
    }

    private static func configure(_ channel: any Channel, shared: Shared, tls: TLSContextSource?) throws {
        let pipeline = channel.pipeline.syncOperations
        guard !shared.isDraining else { throw Failure(description: "the server is shutting down") }
        if let tls {
            guard let context = tls.context else { throw Failure(description: "there is no serving certificate yet") }
            try pipeline.addHandler(NIOSSLServerHandler(context: context))
        }
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = shared.configuration.maximumHeaderBytes
        limits.maxHeaderListSize = shared.configuration.maximumHeaderBytes
        limits.maxHeaderFieldCount = 128
        let decoder = HTTPRequestDecoder(
            leftOverBytesStrategy: .dropBytes,
            informationalResponseStrategy: .drop,
            limitConfiguration: limits
        )
        try pipeline.addHandler(ByteToMessageHandler(decoder))
        try pipeline.addHandler(HTTPConnection(shared: shared, isTLS: tls != nil))
    }
}
