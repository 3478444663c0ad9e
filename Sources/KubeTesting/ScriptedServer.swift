import NIOCore
import NIOHTTP1
package import NIOSSL
import Synchronization

/// An HTTP/1.1 server on loopback that answers from a script and remembers what it was asked.
///
///     try await ScriptedServer.run([.json("{}"), .failure(410, reason: "Expired")]) { server in
///         // requests to server.url
///         #expect(server.requests.count == 2)
///     }
package final class ScriptedServer: Sendable {
    /// Decides the answer to a request; the second value counts requests from 0.
    package typealias Script = @Sendable (RecordedRequest, Int) -> ScriptedAnswer

    private struct State {
        var requests: [RecordedRequest] = []
        var connections = 0
        var open: [Int: any Channel] = [:]
        var waiting: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let script: Script
    private let state = Mutex(State())
    private let listener = LoopbackListener()
    private let isTLS: Bool

    private init(_ script: @escaping Script, isTLS: Bool) {
        self.script = script
        self.isTLS = isTLS
    }

    /// Runs a server for the time of `body`.
    package static func run<Value>(
        tls: TLSConfiguration? = nil,
        script: @escaping Script,
        _ body: (ScriptedServer) async throws -> Value
    ) async throws -> Value {
        let server = ScriptedServer(script, isTLS: tls != nil)
        try await server.start(tls)
        do {
            let value = try await body(server)
            await server.stop()
            return value
        } catch {
            await server.stop()
            throw error
        }
    }

    /// Answers the requests one after the other with `answers`; further ones with the last.
    package static func run<Value>(
        _ answers: [ScriptedAnswer],
        tls: TLSConfiguration? = nil,
        _ body: (ScriptedServer) async throws -> Value
    ) async throws -> Value {
        try await Self.run(
            tls: tls,
            script: { _, number in
                answers.isEmpty ? .failure(500, reason: "NoScript") : answers[min(number, answers.count - 1)]
            },
            body
        )
    }

    private func start(_ tls: TLSConfiguration?) async throws {
        let context = try tls.map { try NIOSSLContext(configuration: $0) }
        try await self.listener.start(tls: context) { channel in
            try channel.pipeline.syncOperations.addHandler(
                ScriptedHandler(server: self, connection: self.opened(channel))
            )
        }
    }

    private func stop() async {
        await self.listener.stop()
        self.dropConnections()
    }

    // MARK: For tests

    package var port: Int { self.listener.port }
    package var url: String { "\(self.isTLS ? "https" : "http")://127.0.0.1:\(self.port)" }
    package var requests: [RecordedRequest] { self.state.withLock { $0.requests } }
    package var connectionCount: Int { self.state.withLock { $0.connections } }
    package var openConnectionCount: Int { self.state.withLock { $0.open.count } }

    /// Returns when at least `count` requests came in.
    package func waitForRequests(_ count: Int) async {
        await withCheckedContinuation { continuation in
            let isThere = self.state.withLock { state in
                if state.requests.count >= count { return true }
                state.waiting.append((count, continuation))
                return false
            }
            if isThere { continuation.resume() }
        }
    }

    /// Closes all connections, as a server that dies does.
    package func dropConnections() {
        let open = self.state.withLock { Array($0.open.values) }
        for channel in open { channel.close(promise: nil) }
    }

    // MARK: For the handler

    private func opened(_ channel: any Channel) -> Int {
        let number = self.state.withLock { state in
            state.connections += 1
            state.open[state.connections - 1] = channel
            return state.connections - 1
        }
        channel.closeFuture.whenComplete { _ in self.state.withLock { $0.open[number] = nil } }
        return number
    }

    func answer(_ request: RecordedRequest) -> ScriptedAnswer {
        let (number, ready) = self.state.withLock { state in
            state.requests.append(request)
            let count = state.requests.count
            let ready = state.waiting.filter { $0.count <= count }
            state.waiting.removeAll { $0.count <= count }
            return (count - 1, ready)
        }
        for waiter in ready { waiter.continuation.resume() }
        return self.script(request, number)
    }
}

/// One connection of a scripted server: collects a request, then plays its answer.
private final class ScriptedHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let server: ScriptedServer
    private let connection: Int
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []

    init(server: ScriptedServer, connection: Int) {
        self.server = server
        self.connection = connection
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            self.body = []
        case .body(let buffer): self.body.append(contentsOf: buffer.readableBytesView)
        case .end:
            guard let head = self.head else { return }
            let answer = self.server.answer(
                RecordedRequest(
                    method: head.method,
                    uri: head.uri,
                    headers: head.headers,
                    body: self.body,
                    connection: self.connection
                )
            )
            self.play(answer, context: context)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func play(_ answer: ScriptedAnswer, context: ChannelHandlerContext) {
        if let raw = answer.raw {
            // Past the encoder, which would make HTTP of it.
            let pipeline = context.pipeline.syncOperations
            if let encoder = try? pipeline.context(handlerType: HTTPResponseEncoder.self) {
                encoder.writeAndFlush(NIOAny(ByteBuffer(bytes: raw)), promise: nil)
            }
        } else if let status = answer.status {
            var headers = HTTPHeaders(answer.headers)
            if case .complete = answer.ending, answer.pieces.count <= 1, !headers.contains(name: "Content-Length") {
                var length = 0
                if case .bytes(let bytes)? = answer.pieces.first { length = bytes.count }
                headers.add(name: "Content-Length", value: String(length))
            } else if !headers.contains(name: "Content-Length") {
                headers.add(name: "Transfer-Encoding", value: "chunked")
            }
            let head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: status), headers: headers)
            context.writeAndFlush(self.wrapOutboundOut(.head(head)), promise: nil)
        }
        self.play(answer.pieces[...], answer, context: context)
    }

    private func play(
        _ pieces: ArraySlice<ScriptedAnswer.Piece>,
        _ answer: ScriptedAnswer,
        context: ChannelHandlerContext
    ) {
        var rest = pieces
        while let piece = rest.popFirst() {
            let remaining = rest
            let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            switch piece {
            case .bytes(let bytes):
                context.writeAndFlush(self.wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: bytes)))), promise: nil)
            case .pause(let duration):
                _ = context.eventLoop.scheduleTask(in: TimeAmount(duration)) {
                    bound.value.0.play(remaining, answer, context: bound.value.1)
                }
                return
            case .gate(let gate):
                let eventLoop = context.eventLoop
                gate.whenOpen {
                    eventLoop.execute { bound.value.0.play(remaining, answer, context: bound.value.1) }
                }
                return
            }
        }
        switch answer.ending {
        case .complete:
            if answer.status != nil { context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil) }
        case .close: context.close(promise: nil)
        case .hang: break
        }
    }
}
