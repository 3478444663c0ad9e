import Logging
import NIOCore
import NIOHTTP1
import NIOSSL
import NIOTLS

/// One connection of an ``HTTPListener``: collects a request, has it handled, writes the answer, and again.
///
/// It lives on its event loop. One request at a time: what a client sends while one is with its handler (pipelining)
/// waits, and from then on nothing more is read, so answers keep their order and a client cannot pile up work. Life of a
/// connection:
///
///     handshaking ──► idle ──► receiving ──► handling ──► idle …
///                                  │             └──────► flushing ──► idle   (the client does not read)
///                                  └──► discarding ──► closing                (refused before the body was there)
///     any ──► closing (last answer on its way) ──► closed
///
/// Each state but `handling` has a deadline, see ``HTTPListener/Configuration``. Handlers run on this event loop (until
/// they suspend within this call, from then on as jobs of the loop), which saves two thread switches per request.
final class HTTPConnection: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = Never
    typealias OutboundIn = Never
    typealias OutboundOut = ByteBuffer

    /// Asks a connection to end when its request, if it has one, is answered.
    struct Drain: Sendable {}

    private enum State {
        case handshaking, idle, receiving, handling, flushing, discarding, closing, closed
    }

    /// A request on its way in.
    private struct Incoming {
        var head: HTTPRequestHead
        var routing: Routing
        var limit: Int
        var body = ByteBuffer()
        /// True when `body` is a buffer of our own that has room, not a slice of what was read.
        var isCollected = false
        var received = 0
        var receivedAt: NIODeadline
    }

    private let shared: HTTPListener.Shared
    private var context: ChannelHandlerContext?
    private var state: State
    private var deadline: NIODeadline = .distantFuture
    private var wakeUp: (callback: NIOScheduledCallback, at: NIODeadline)?

    private var incoming: Incoming?
    /// Counts requests, so that a late answer is not taken for that of the next request.
    private var exchange: UInt64 = 0
    private var handler: Task<Void, Never>?
    private var keepsAlive = true
    private var omitsBody = false
    private var isDraining = false
    /// How much of ``HTTPListener/Shared/bodies`` this connection's request holds.
    private var charged = 0
    private var discarded = 0

    /// Parts of later requests that came with the bytes of the current one.
    private var waiting = CircularBuffer<HTTPServerRequestPart>()
    private var isTakingParts = false
    private var isReading = false
    private var needsFlush = false
    private var hasHeldRead = false

    init(shared: HTTPListener.Shared, isTLS: Bool) {
        self.shared = shared
        self.state = isTLS ? .handshaking : .idle
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        let limits = self.shared.configuration
        // Until its first request a connection has only the time a request has: whoever connects has something to say.
        self.setDeadline(in: self.state == .handshaking ? limits.handshakeTimeout : limits.requestTimeout)
        self.armWakeUp()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.end()
        self.context = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.end()
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? TLSUserEvent, case .handshakeCompleted = event {
            if self.state == .handshaking {
                self.state = .idle
                self.setDeadline(in: self.shared.configuration.requestTimeout)
                self.armWakeUp()
                if self.isDraining { self.close() }
            }
        } else if event is Drain {
            self.drain()
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.isReading = true
        let part = self.unwrapInboundIn(data)
        if self.isBusy || self.isTakingParts {
            self.waiting.append(part)
        } else {
            self.take(part)
            self.takeWaiting()
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        self.isReading = false
        self.flushIfNeeded()
        self.armWakeUp()
        context.fireChannelReadComplete()
    }

    /// Back pressure: reads wait when an answer is stuck or a pipelined request waits already. Otherwise they go on while
    /// a request is handled, so that a client that leaves is noticed at once.
    func read(context: ChannelHandlerContext) {
        if self.state == .flushing || !self.waiting.isEmpty {
            self.hasHeldRead = true
        } else {
            context.read()
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if self.state == .flushing, context.channel.isWritable {
            self.becomeIdle(at: .now())
            self.takeWaiting()
            self.flushIfNeeded()
            self.armWakeUp()
        }
        context.fireChannelWritabilityChanged()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case let error as HTTPParserError:
            self.parsingFailed(error)
        case NIOSSLError.uncleanShutdown:
            // The client closed without saying so first: usual, and of no consequence between requests.
            self.close()
        default:
            if self.state == .handshaking {
                // Who connects and goes away, as TCP probes do, says nothing about our certificate.
                let hasLeft = !context.channel.isActive
                self.shared.handshakeFailed(error, from: context.channel.remoteAddress, isNotable: !hasLeft)
            } else {
                self.shared.logger.debug("connection failed", metadata: ["error": "\(error)"])
                self.shared.count(.transport)
            }
            self.close()
        }
    }

    // MARK: Requests

    private var isBusy: Bool {
        switch self.state {
        case .handling, .flushing: true
        case .handshaking, .idle, .receiving, .discarding, .closing, .closed: false
        }
    }

    private func takeWaiting() {
        // A handler that answers at once brings us back here from within `take`: the outer loop goes on then. Recursion
        // would let a client with many small pipelined requests exhaust the stack.
        guard !self.isTakingParts else { return }
        self.isTakingParts = true
        while !self.isBusy, let part = self.waiting.popFirst() { self.take(part) }
        self.isTakingParts = false
        if !self.isBusy, self.hasHeldRead {
            self.hasHeldRead = false
            self.context?.read()
        }
    }

    private func take(_ part: HTTPServerRequestPart) {
        switch (self.state, part) {
        case (.idle, .head(let head)): self.begin(head)
        case (.receiving, .body(let bytes)): self.collect(bytes)
        case (.receiving, .end): self.finishReceiving()
        case (.discarding, .body(let bytes)): self.discard(bytes.readableBytes)
        case (.discarding, .end): self.closeAfterWriting()
        default: break  // closing or closed: nothing matters any more
        }
    }

    private func begin(_ head: HTTPRequestHead) {
        let now = NIODeadline.now()
        self.state = .receiving
        self.deadline = now + self.shared.configuration.requestTimeout
        self.exchange &+= 1
        self.keepsAlive = head.isKeepAlive
        self.omitsBody = head.method == .HEAD
        let routing = self.shared.route(head)
        let limit: Int
        switch routing {
        case .handle(let route): limit = route.bodyLimit
        case .refuse: limit = self.shared.configuration.discardLimit
        }
        self.incoming = Incoming(head: head, routing: routing, limit: limit, receivedAt: now)
        if let length = head.headers.first(name: "content-length").flatMap({ Int($0) }), length > limit {
            return self.refuseEarly(self.tooLarge(limit, routing))
        }
        if case .handle = routing, let expectation = head.headers.first(name: "expect"),
            expectation.lowercased() == "100-continue", head.version == .http1_1
        {
            self.write(self.buffer("HTTP/1.1 100 Continue\r\n\r\n"))
        }
    }

    private func collect(_ bytes: ByteBuffer) {
        guard var incoming = self.incoming else { return }
        // Taken out so that the body is uniquely referenced while it grows.
        self.incoming = nil
        incoming.received += bytes.readableBytes
        var refusal: ServerResponse?
        if incoming.received > incoming.limit {
            refusal = self.tooLarge(incoming.limit, incoming.routing)
        } else if case .handle = incoming.routing {
            if self.charge(for: incoming.received) {
                Self.append(bytes, to: &incoming)
            } else {
                refusal = .failure(
                    503,
                    reason: "ServiceUnavailable",
                    "too many large requests are being received at this time; try again later"
                )
            }
        }
        self.incoming = incoming
        if let refusal { self.refuseEarly(refusal) }
    }

    /// The usual body comes in one piece and is handed on as it is; of several pieces each is copied once.
    private static func append(_ bytes: ByteBuffer, to incoming: inout Incoming) {
        if incoming.body.readableBytes == 0 {
            incoming.body = bytes
            return
        }
        if !incoming.isCollected {
            let announced = incoming.head.headers.first(name: "content-length").flatMap { Int($0) } ?? 0
            // What a client announces is believed up to a mebibyte; beyond, the buffer doubles as bytes really come.
            var body = ByteBufferAllocator().buffer(capacity: max(min(announced, 1 << 20), 2 * incoming.received))
            body.writeImmutableBuffer(incoming.body)
            incoming.body = body
            incoming.isCollected = true
        }
        incoming.body.writeImmutableBuffer(bytes)
    }

    private func finishReceiving() {
        guard let incoming = self.incoming else { return }
        self.incoming = nil
        switch incoming.routing {
        case .refuse(let response, let metrics):
            metrics?.count(response.status)
            self.answer(response)
        case .handle(let route):
            self.handle(incoming, route)
        }
    }

    private func handle(_ incoming: Incoming, _ route: Route) {
        guard let context = self.context else { return }
        self.state = .handling
        self.deadline = .distantFuture
        let request = ServerRequest(
            method: incoming.head.method,
            uri: incoming.head.uri,
            headers: incoming.head.headers,
            body: incoming.body
        )
        let receivedAt = incoming.receivedAt
        let exchange = self.exchange
        let loop = context.eventLoop
        let connection = NIOLoopBound(self, eventLoop: loop)
        route.metrics?.begin()
        // Bridges the event loop's callbacks to the handler. `immediate` with the loop as executor: a handler that does
        // not suspend is done when this returns, without a job being queued anywhere.
        let task = Task.immediate(executorPreference: self.shared.executor(for: loop)) {
            let response = await route.handle(request)
            // A handler that ran elsewhere (on an actor with an executor of its own) may leave us there.
            if loop.inEventLoop {
                connection.value.handled(exchange, route, receivedAt, response)
            } else {
                loop.execute { connection.value.handled(exchange, route, receivedAt, response) }
            }
        }
        if self.state == .handling, self.exchange == exchange { self.handler = task }
    }

    private func handled(_ exchange: UInt64, _ route: Route, _ receivedAt: NIODeadline, _ response: ServerResponse) {
        let now = NIODeadline.now()
        route.metrics?.end(status: response.status, duration: now - receivedAt)
        guard self.state == .handling, self.exchange == exchange else { return }
        self.handler = nil
        self.release()
        self.answer(response, at: now)
        if !self.isTakingParts {
            self.takeWaiting()
            if !self.isReading { self.flushIfNeeded() }
            self.armWakeUp()
        }
    }

    // MARK: Answers

    /// Answers a request that was received whole.
    private func answer(_ response: ServerResponse, at now: NIODeadline = .now()) {
        let closes = !self.keepsAlive || self.isDraining || self.shared.isLeaving
        self.write(response.serialized(closes: closes, omitsBody: self.omitsBody))
        if closes {
            self.closeAfterWriting()
        } else if let context = self.context, !context.channel.isWritable {
            self.state = .flushing
            self.deadline = now + self.shared.configuration.writeTimeout
        } else {
            self.becomeIdle(at: now)
        }
    }

    /// Answers before the body is there. The rest of it is read and thrown away for a while: closing at once would reset
    /// the connection, and the client would see that instead of the answer.
    private func refuseEarly(_ response: ServerResponse) {
        switch self.incoming?.routing {
        case .handle(let route): route.metrics?.count(response.status)
        case .refuse(_, let metrics): metrics?.count(response.status)
        case nil: break
        }
        self.incoming = nil
        self.release()
        self.state = .discarding
        self.discarded = 0
        self.write(response.serialized(closes: true, omitsBody: self.omitsBody))
    }

    private func discard(_ count: Int) {
        self.discarded += count
        if self.discarded > self.shared.configuration.discardLimit { self.closeAfterWriting() }
    }

    private func tooLarge(_ limit: Int, _ routing: Routing) -> ServerResponse {
        if case .refuse(let response, _) = routing { return response }
        return .failure(
            413,
            reason: "RequestEntityTooLarge",
            "the request body is larger than the limit of \(limit) bytes"
        )
    }

    private func parsingFailed(_ error: HTTPParserError) {
        self.shared.logger.debug("request is not HTTP", metadata: ["error": "\(error)"])
        self.shared.count(.malformed)
        switch self.state {
        case .idle, .receiving:
            self.incoming = nil
            self.release()
            let response: ServerResponse =
                error == .headerOverflow
                ? .failure(431, reason: "BadRequest", "the request's headers are too large")
                : .failure(400, reason: "BadRequest", "the request is not valid HTTP/1.1")
            self.write(response.serialized(closes: true, omitsBody: false))
            self.closeAfterWriting()
        case .handling, .flushing:
            // What came behind the current request is of no use; its own answer is still owed.
            self.keepsAlive = false
            self.waiting.removeAll()
            if self.state == .flushing { self.closeAfterWriting() }
        case .handshaking, .discarding, .closing, .closed:
            self.close()
        }
    }

    private func buffer(_ text: StaticString) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: text.utf8CodeUnitCount)
        buffer.writeStaticString(text)
        return buffer
    }

    private func write(_ buffer: ByteBuffer) {
        guard let context = self.context else { return }
        context.write(self.wrapOutboundOut(buffer), promise: nil)
        self.needsFlush = true
        // Within a read the flush comes at its end: pipelined answers share a packet.
        if !self.isReading { self.flushIfNeeded() }
    }

    private func flushIfNeeded() {
        guard self.needsFlush else { return }
        self.needsFlush = false
        self.context?.flush()
    }

    // MARK: The end

    private func becomeIdle(at now: NIODeadline) {
        self.state = .idle
        self.deadline = now + self.shared.configuration.idleTimeout
        if self.isDraining || !self.keepsAlive { self.closeAfterWriting() }
    }

    private func drain() {
        self.isDraining = true
        switch self.state {
        case .idle where self.waiting.isEmpty: self.closeAfterWriting()
        case .idle, .handshaking, .receiving, .handling, .flushing, .discarding, .closing, .closed: break
        }
    }

    private func closeAfterWriting() {
        guard let context = self.context else { return }
        self.state = .closing
        self.waiting.removeAll()
        self.deadline = .now() + self.shared.configuration.writeTimeout
        self.needsFlush = false
        let connection = NIOLoopBound(self, eventLoop: context.eventLoop)
        context.writeAndFlush(self.wrapOutboundOut(ByteBuffer())).whenComplete { _ in connection.value.close() }
        self.armWakeUp()
    }

    private func close() {
        guard self.state != .closed, let context = self.context else { return }
        self.flushIfNeeded()
        self.end()
        context.close(promise: nil)
    }

    private func end() {
        guard self.state != .closed else { return }
        self.state = .closed
        self.incoming = nil
        self.waiting.removeAll()
        self.release()
        // The client is gone: who still works for it should know.
        self.handler?.cancel()
        self.handler = nil
        self.wakeUp?.callback.cancel()
        self.wakeUp = nil
    }

    // MARK: Memory

    /// Small bodies are always taken; of large ones the whole server holds a limited amount.
    private func charge(for received: Int) -> Bool {
        guard received > self.shared.configuration.freeBody else { return true }
        let more = received - self.charged
        guard self.shared.bodies.charge(more) else { return false }
        self.charged = received
        return true
    }

    private func release() {
        if self.charged > 0 { self.shared.bodies.release(self.charged) }
        self.charged = 0
    }

    // MARK: Deadlines

    private func setDeadline(in amount: TimeAmount) { self.deadline = .now() + amount }

    /// One timer per connection that looks at the deadline of the moment: moving a deadline back, as each request does,
    /// costs nothing. Only a deadline before the next look needs a new one.
    private func armWakeUp() {
        guard self.state != .closed, self.deadline != .distantFuture, let context = self.context else { return }
        if let wakeUp = self.wakeUp {
            if wakeUp.at <= self.deadline { return }
            wakeUp.callback.cancel()
            self.wakeUp = nil
        }
        let look = Look(connection: NIOLoopBound(self, eventLoop: context.eventLoop))
        guard let callback = try? context.eventLoop.scheduleCallback(at: self.deadline, handler: look) else { return }
        self.wakeUp = (callback, self.deadline)
    }

    private struct Look: NIOScheduledCallbackHandler, Sendable {
        let connection: NIOLoopBound<HTTPConnection>
        func handleScheduledCallback(eventLoop: some EventLoop) { self.connection.value.look() }
    }

    private func look() {
        self.wakeUp = nil
        guard NIODeadline.now() >= self.deadline else { return self.armWakeUp() }
        switch self.state {
        case .handshaking:
            self.shared.logger.debug("TLS handshake took too long")
            self.shared.count(.handshakeTimeout)
            self.close()
        case .receiving:
            self.shared.logger.debug("request took too long to arrive")
            self.shared.count(.requestTimeout)
            self.incoming = nil
            self.release()
            let response = ServerResponse.failure(408, reason: "Timeout", "the request did not arrive in time")
            self.write(response.serialized(closes: true, omitsBody: false))
            self.closeAfterWriting()
        case .flushing, .discarding, .closing:
            self.shared.count(.writeTimeout)
            self.abort()
        case .idle:
            self.close()
        case .handling, .closed:
            break
        }
    }

    /// Closes without waiting for anything: not for the last bytes, not for a TLS farewell.
    private func abort() {
        guard let context = self.context else { return }
        self.end()
        context.channel.close(promise: nil)
    }
}
