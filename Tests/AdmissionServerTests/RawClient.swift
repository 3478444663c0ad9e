import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// A connection that sends any bytes and keeps all it receives.
final class RawClient: Sendable {
    private final class Sink: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer
        let state = Mutex<(bytes: [UInt8], isClosed: Bool)>(([], false))
        let changes: AsyncStream<Void>
        let changed: AsyncStream<Void>.Continuation

        init() { (self.changes, self.changed) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1)) }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let buffer = self.unwrapInboundIn(data)
            self.state.withLock { $0.bytes += Array(buffer.readableBytesView) }
            self.changed.yield()
        }

        func channelInactive(context: ChannelHandlerContext) {
            self.state.withLock { $0.isClosed = true }
            self.changed.finish()
            context.fireChannelInactive()
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }

    let channel: any Channel
    private let sink: Sink

    /// - Parameters:
    ///   - trust: PEM of the authorities; `nil` for plain TCP.
    ///   - autoRead: false for a client that never reads.
    init(port: Int, trust: String? = nil, name: String? = "localhost", autoRead: Bool = true) async throws {
        let sink = Sink()
        self.sink = sink
        var context: NIOSSLContext?
        if let trust {
            var configuration = TLSConfiguration.makeClientConfiguration()
            configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(trust.utf8)))
            configuration.certificateVerification = .fullVerification
            context = try NIOSSLContext(configuration: configuration)
        }
        let tls = context
        self.channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.autoRead, value: autoRead)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls {
                        let handler = try NIOSSLClientHandler(context: tls, serverHostname: name)
                        try channel.pipeline.syncOperations.addHandler(handler)
                    }
                    try channel.pipeline.syncOperations.addHandler(sink)
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
    }

    func send(_ bytes: some Sequence<UInt8> & Sendable) async throws {
        try await self.channel.writeAndFlush(ByteBuffer(bytes: bytes))
    }

    func send(_ text: String) async throws { try await self.send(Array(text.utf8)) }

    var received: String { String(decoding: self.sink.state.withLock { $0.bytes }, as: UTF8.self) }
    var isClosed: Bool { self.sink.state.withLock { $0.isClosed } }

    /// Waits until what was received satisfies `isEnough` or the server has closed.
    func receive(until isEnough: (String) -> Bool = { _ in false }) async -> String {
        for await _ in self.sink.changes {
            if isEnough(self.received) { break }
        }
        return self.received
    }

    /// Waits until so many answers with a body ending in `end` have come, or the server has closed.
    func receive(count: Int, of end: String) async -> String {
        if self.received.occurrences(of: end) >= count { return self.received }
        return await self.receive { $0.occurrences(of: end) >= count }
    }

    /// The DER form of the certificate that the server showed.
    func peerCertificate() async throws -> [UInt8]? {
        try await self.channel.nioSSL_peerCertificate().get()?.toDERBytes()
    }

    func close() async { try? await self.channel.close() }
}

extension String {
    func occurrences(of part: String) -> Int {
        var count = 0
        var rest = self[...]
        while let range = rest.firstRange(of: part) {
            count += 1
            rest = rest[range.upperBound...]
        }
        return count
    }
}

/// A webhook request as an API server sends it.
func post(_ path: String, _ body: String, headers: [String] = []) -> String {
    ([
        "POST \(path) HTTP/1.1", "host: localhost", "content-type: application/json",
        "content-length: \(body.utf8.count)",
    ]
        + headers).joined(separator: "\r\n") + "\r\n\r\n" + body
}
