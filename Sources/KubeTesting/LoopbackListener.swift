import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// Listens with HTTP/1.1 on a free port of the loopback interface.
final class LoopbackListener: Sendable {
    private let channel: Mutex<(any Channel)?> = Mutex(nil)

    /// The port, 0 before it listens.
    var port: Int { self.channel.withLock { $0?.localAddress?.port } ?? 0 }

    /// - Parameter addHandler: puts what answers requests at the end of a new connection's pipeline.
    func start(
        tls context: NIOSSLContext? = nil,
        addHandler: @escaping @Sendable (any Channel) throws -> Void
    ) async throws {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let context { try pipeline.addHandler(NIOSSLServerHandler(context: context)) }
                    try pipeline.addHandler(HTTPResponseEncoder())
                    try pipeline.addHandler(ByteToMessageHandler(HTTPRequestDecoder()))
                    try addHandler(channel)
                }
            }
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            .bind(host: "127.0.0.1", port: 0)
            .get()
        self.channel.withLock { $0 = channel }
    }

    func stop() async {
        let channel = self.channel.withLock { $0 }
        // Closing what is closed already fails, which is as good.
        try? await channel?.close()
    }
}
