import NIOCore
import NIOHTTP1
package import NIOSSL
import Synchronization

/// A proxy between a client and a real API server that does what networks and busy servers do: drop connections, fall
/// silent, answer with errors, cut watches.
///
/// The client speaks plain HTTP to it; it speaks TLS to the server, with the client certificate it was given. Tokens pass
/// through.
///
///     try await FaultProxy.run(upstream: .init(host: "127.0.0.1", port: 6443, tls: tls)) { proxy in
///         configuration.serverURL = proxy.url
///         proxy.inject(.status(429, retryAfter: 1), next: 2) { $0.method == .POST }
///         …
///         proxy.cutWatches()
///     }
package final class FaultProxy: Sendable {
    /// The server behind the proxy.
    package struct Upstream: Sendable {
        package var host: String
        package var port: Int
        /// `nil` speaks plain HTTP.
        package var tls: TLSConfiguration?

        package init(host: String, port: Int, tls: TLSConfiguration?) {
            self.host = host
            self.port = port
            self.tls = tls
        }
    }

    /// What happens to a request.
    package enum Fault: Sendable {
        /// The proxy answers itself with a `Status` of this code, in place of the server.
        case status(Int, retryAfter: Int? = nil)
        /// The connection is closed and the server never sees the request.
        case drop
        /// The server does the request, and the connection is closed in place of its answer.
        case dropAnswer
        /// The server never sees the request, and no answer ever comes.
        case stall
        /// The request reaches the server this much later.
        case delay(Duration)
        /// The connection is closed after this many bytes of the answer's body.
        case cut(afterBytes: Int)
    }

    private struct Rule {
        var fault: Fault
        var remaining: Int
        var matches: @Sendable (RecordedRequest) -> Bool
    }

    private struct State {
        var rules: [Rule] = []
        var requests: [RecordedRequest] = []
        var connections = 0
        var open: [Int: ProxyConnection] = [:]
        /// While set, what the server sends on watches is held back.
        var watchesAreHeld = false
        /// While set, new connections are refused and requests dropped: the server is away.
        var isDown = false
    }

    let upstream: Upstream
    let tlsContext: NIOSSLContext?
    private let state = Mutex(State())
    private let listener = LoopbackListener()

    private init(_ upstream: Upstream) throws {
        self.upstream = upstream
        self.tlsContext = try upstream.tls.map { try NIOSSLContext(configuration: $0) }
    }

    /// Runs a proxy for the time of `body`.
    package static func run<Value>(
        upstream: Upstream,
        _ body: (FaultProxy) async throws -> Value
    ) async throws -> Value {
        let proxy = try FaultProxy(upstream)
        try await proxy.start()
        do {
            let value = try await body(proxy)
            await proxy.stop()
            return value
        } catch {
            await proxy.stop()
            throw error
        }
    }

    private func start() async throws {
        try await self.listener.start { channel in
            try channel.pipeline.syncOperations.addHandler(FrontHandler(self.opened(channel)))
        }
    }

    private func stop() async {
        await self.listener.stop()
        self.dropConnections()
    }

    // MARK: For tests

    package var port: Int { self.listener.port }
    package var url: String { "http://127.0.0.1:\(self.port)" }

    /// What the client asked, also what never reached the server.
    package var requests: [RecordedRequest] { self.state.withLock { $0.requests } }
    package func clearRequests() { self.state.withLock { $0.requests = [] } }
    package var connectionCount: Int { self.state.withLock { $0.connections } }

    /// How many watches are open now.
    package var openWatchCount: Int { self.state.withLock { $0.open.values.count { $0.isWatch } } }

    /// The next requests that match meet a fault. Faults are tried in the order they were given.
    package func inject(
        _ fault: Fault,
        next count: Int = 1,
        where matches: @escaping @Sendable (RecordedRequest) -> Bool = { _ in true }
    ) {
        self.state.withLock { $0.rules.append(Rule(fault: fault, remaining: count, matches: matches)) }
    }

    package func clearFaults() { self.state.withLock { $0.rules = [] } }

    /// How many injected faults did not happen yet.
    package var pendingFaultCount: Int { self.state.withLock { $0.rules.reduce(0) { $0 + $1.remaining } } }

    /// Closes the connections of all open watches.
    package func cutWatches() {
        for connection in self.state.withLock({ state in state.open.values.filter { $0.isWatch } }) {
            connection.close()
        }
    }

    /// Closes all connections.
    package func dropConnections() {
        for connection in self.state.withLock({ Array($0.open.values) }) { connection.close() }
    }

    /// Watches stay open but nothing arrives on them, as behind a dead NAT entry, until ``releaseWatches()``.
    package func holdWatches() { self.state.withLock { $0.watchesAreHeld = true } }

    package func releaseWatches() {
        let open = self.state.withLock { state in
            state.watchesAreHeld = false
            return Array(state.open.values)
        }
        for connection in open { connection.release() }
    }

    /// The server is away (or back): every connection is closed, and new requests are.
    package func setDown(_ isDown: Bool) {
        self.state.withLock { $0.isDown = isDown }
        if isDown { self.dropConnections() }
    }

    // MARK: For connections

    var watchesAreHeld: Bool { self.state.withLock { $0.watchesAreHeld } }

    private func opened(_ channel: any Channel) -> ProxyConnection {
        let connection = self.state.withLock { state in
            let connection = ProxyConnection(proxy: self, front: channel, number: state.connections)
            state.open[state.connections] = connection
            state.connections += 1
            return connection
        }
        channel.closeFuture.whenComplete { _ in
            self.state.withLock { $0.open[connection.number] = nil }
            connection.frontClosed()
        }
        return connection
    }

    /// Remembers a request and decides what becomes of it.
    func fault(for request: RecordedRequest) -> Fault? {
        self.state.withLock { state in
            state.requests.append(request)
            if state.isDown { return .drop }
            guard let place = state.rules.firstIndex(where: { $0.remaining > 0 && $0.matches(request) })
            else { return nil }
            state.rules[place].remaining -= 1
            let fault = state.rules[place].fault
            if state.rules[place].remaining == 0 { state.rules.remove(at: place) }
            return fault
        }
    }
}
