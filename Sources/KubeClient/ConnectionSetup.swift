import NIOCore
import NIOSSL

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// What each new connection gets before its first request.
enum ConnectionSetup {
    /// A peer that vanished without a word (node lost, NAT entry gone) is noticed after 30 + 3 * 10 s. HTTP/1.1 has no
    /// ping, and a watch is silent for minutes.
    private static let keepAlive: [(NIOBSDSocket.Option, SocketOptionValue)] = [
        (NIOBSDSocket.Option(rawValue: TCP_KEEPIDLE), 30),
        (NIOBSDSocket.Option(rawValue: TCP_KEEPINTVL), 10),
        (NIOBSDSocket.Option(rawValue: TCP_KEEPCNT), 3),
    ]

    static func prepare(_ channel: any Channel, check: PeerNameCheck?) -> EventLoopFuture<Void> {
        var futures = [
            channel.setOption(.socketOption(.so_keepalive), value: 1)
        ]
        for (option, value) in Self.keepAlive {
            futures.append(channel.setOption(.socket(.init(IPPROTO_TCP), option.rawValue), value: value))
        }
        let ready = EventLoopFuture.andAllSucceed(futures, on: channel.eventLoop)
        guard let check else { return ready }
        return ready.flatMap {
            channel.nioSSL_peerCertificate()
        }.flatMapThrowing { certificate in
            try check.verify(certificate)
        }
    }
}
