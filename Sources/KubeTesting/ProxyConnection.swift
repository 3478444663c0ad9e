import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// One client connection of a ``FaultProxy`` with its connection to the server. Everything happens on the client
/// connection's event loop, except what is said to be callable from anywhere.
final class ProxyConnection: Sendable {
    private struct Local {
        /// The request under way, collected before it is sent on.
        var head: HTTPRequestHead?
        var body: [UInt8] = []
        var fault: FaultProxy.Fault?
        var back: EventLoopFuture<any Channel>?
        var bodyBytes = 0
        /// Parts of the answer that are held back.
        var held: [HTTPClientResponsePart] = []
        /// Nothing more goes out on this connection.
        var isSilent = false
    }

    private let proxy: FaultProxy
    private let front: any Channel
    let number: Int
    private let local: NIOLoopBoundBox<Local>
    private let watching = Mutex(false)

    /// On any thread; the rest of its life on the event loop of `front`.
    init(proxy: FaultProxy, front: any Channel, number: Int) {
        self.proxy = proxy
        self.front = front
        self.number = number
        self.local = NIOLoopBoundBox.makeBoxSendingValue(Local(), eventLoop: front.eventLoop)
    }

    // MARK: From anywhere

    var isWatch: Bool { self.watching.withLock { $0 } }

    func close() { self.front.close(promise: nil) }

    func release() {
        self.front.eventLoop.execute {
            let held = self.local.value.held
            self.local.value.held = []
            for part in held { self.forward(part) }
            self.front.flush()
        }
    }

    func frontClosed() {
        self.front.eventLoop.execute {
            self.local.value.back?.whenSuccess { $0.close(promise: nil) }
        }
    }

    // MARK: Requests

    func received(_ part: HTTPServerRequestPart) {
        switch part {
        case .head(let head):
            self.local.value.head = head
            self.local.value.body = []
        case .body(let buffer): self.local.value.body.append(contentsOf: buffer.readableBytesView)
        case .end: self.requestIsComplete()
        }
    }

    private func requestIsComplete() {
        guard let head = self.local.value.head else { return }
        let request = RecordedRequest(
            method: head.method,
            uri: head.uri,
            headers: head.headers,
            body: self.local.value.body,
            connection: self.number
        )
        self.watching.withLock { $0 = request.isWatch }
        self.local.value.bodyBytes = 0
        let fault = self.proxy.fault(for: request)
        self.local.value.fault = fault
        switch fault {
        case .drop: self.close()
        case .stall: break
        case .status(let code, let retryAfter): self.answer(code, retryAfter)
        case .delay(let duration):
            _ = self.front.eventLoop.scheduleTask(in: TimeAmount(duration)) { self.send(request, head) }
        case nil, .dropAnswer, .cut: self.send(request, head)
        }
    }

    private func answer(_ code: Int, _ retryAfter: Int?) {
        let reason =
            switch code {
            case 409: "Conflict"
            case 410: "Expired"
            case 429: "TooManyRequests"
            case 503: "ServiceUnavailable"
            case 504: "Timeout"
            default: "InternalError"
            }
        let body = Array(
            """
            {"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"injected by the fault proxy",\
            "reason":"\(reason)","code":\(code)}
            """.utf8
        )
        var headers: HTTPHeaders = ["Content-Type": "application/json", "Content-Length": String(body.count)]
        if let retryAfter { headers.add(name: "Retry-After", value: String(retryAfter)) }
        let head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: code), headers: headers)
        self.front.write(HTTPServerResponsePart.head(head), promise: nil)
        self.front.write(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(bytes: body))), promise: nil)
        self.front.writeAndFlush(HTTPServerResponsePart.end(nil), promise: nil)
    }

    private func send(_ request: RecordedRequest, _ head: HTTPRequestHead) {
        guard self.front.isActive else { return }
        let back = self.local.value.back ?? self.connect()
        self.local.value.back = back
        back.whenComplete { result in
            switch result {
            case .success(let channel):
                channel.write(HTTPClientRequestPart.head(head), promise: nil)
                if !request.body.isEmpty {
                    channel.write(
                        HTTPClientRequestPart.body(.byteBuffer(ByteBuffer(bytes: request.body))),
                        promise: nil
                    )
                }
                channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
            case .failure: self.close()
            }
        }
    }

    private func connect() -> EventLoopFuture<any Channel> {
        let upstream = self.proxy.upstream
        return ClientBootstrap(group: self.front.eventLoop)
            .channelOption(.socketOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let context = self.proxy.tlsContext {
                        let isAddress = (try? SocketAddress(ipAddress: upstream.host, port: 0)) != nil
                        try pipeline.addHandler(
                            NIOSSLClientHandler(context: context, serverHostname: isAddress ? nil : upstream.host)
                        )
                    }
                    try pipeline.addHTTPClientHandlers()
                    try pipeline.addHandler(BackHandler(self))
                }
            }
            .connect(host: upstream.host, port: upstream.port)
    }

    // MARK: Answers

    func answered(_ part: HTTPClientResponsePart) {
        if case .dropAnswer? = self.local.value.fault {
            self.close()
            return
        }
        if self.isWatch, self.proxy.watchesAreHeld {
            self.local.value.held.append(part)
            return
        }
        self.forward(part)
    }

    func flush() { self.front.flush() }

    private func forward(_ part: HTTPClientResponsePart) {
        guard !self.local.value.isSilent else { return }
        switch part {
        case .head(let head):
            self.front.write(
                HTTPServerResponsePart.head(
                    HTTPResponseHead(version: .http1_1, status: head.status, headers: head.headers)
                ),
                promise: nil
            )
        case .body(var buffer):
            if case .cut(let limit)? = self.local.value.fault {
                let rest = limit - self.local.value.bodyBytes
                if buffer.readableBytes >= rest {
                    let last = buffer.readSlice(length: max(0, rest)) ?? ByteBuffer()
                    self.local.value.isSilent = true
                    let front = self.front
                    front.writeAndFlush(HTTPServerResponsePart.body(.byteBuffer(last))).whenComplete { _ in
                        front.close(promise: nil)
                    }
                    return
                }
            }
            self.local.value.bodyBytes += buffer.readableBytes
            self.front.write(HTTPServerResponsePart.body(.byteBuffer(buffer)), promise: nil)
        case .end(let trailers):
            self.watching.withLock { $0 = false }
            self.front.write(HTTPServerResponsePart.end(trailers), promise: nil)
        }
    }
}

/// Hands the parts of requests to their connection.
final class FrontHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart

    private let connection: ProxyConnection

    init(_ connection: ProxyConnection) { self.connection = connection }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.connection.received(self.unwrapInboundIn(data))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

/// Hands the parts of answers to their connection; a server that goes takes the client's connection along.
final class BackHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    private let connection: ProxyConnection

    init(_ connection: ProxyConnection) { self.connection = connection }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.connection.answered(self.unwrapInboundIn(data))
    }

    func channelReadComplete(context: ChannelHandlerContext) { self.connection.flush() }

    func channelInactive(context: ChannelHandlerContext) { self.connection.close() }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
