import KubeModel
import KubeTesting
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization
import Testing

@testable import KubeClient

/// TLS, client certificates and proxies, against a scripted server with certificates of ``TestCertificates``.
struct TLSTests {
    private static let object = ScriptedAnswer.json(#"{"metadata":{"name":"a"}}"#)

    private func get(_ client: KubeClient) async throws {
        _ = try await client.get(Resources.configMaps, namespace: "n", name: "a")
    }

    /// Runs one request; the answer is `nil` for success, or what went wrong.
    private func attempt(
        _ tls: TLSConfiguration,
        host: String = "127.0.0.1",
        _ configure: (inout ClientConfiguration) -> Void
    ) async throws -> (error: KubeClientError?, requests: [RecordedRequest]) {
        try await ScriptedServer.run([Self.object], tls: tls) { server in
            try await withClient("https://\(host):\(server.port)", configure: configure) { client in
                (await clientFailure { try await self.get(client) }, server.requests)
            }
        }
    }

    @Test func trusted() async throws {
        for host in ["127.0.0.1", "localhost"] {
            let result = try await self.attempt(.testServer(), host: host) { $0.trustTestAuthority() }
            #expect(result.error == nil && result.requests.count == 1, "\(host)")
        }
    }

    @Test func anotherAuthority() async throws {
        let result = try await self.attempt(.testServer()) {
            $0.certificateAuthorities = Array(TestCertificates.otherAuthority.utf8)
        }
        #expect(result.error?.code == .tls)
        #expect(
            result.error?.message.contains("not signed by the certificate authority") == true,
            "\(result.error?.message ?? "")"
        )
        #expect(result.requests.isEmpty)
    }

    @Test func notVerified() async throws {
        let result = try await self.attempt(.testServer()) { $0.skipsServerVerification = true }
        #expect(result.error == nil && result.requests.count == 1)
    }

    @Test func certificateForAnotherName() async throws {
        let named = try TLSConfiguration.testServer(certificate: TestCertificates.named, key: TestCertificates.namedKey)
        for host in ["127.0.0.1", "localhost"] {
            let wrong = try await self.attempt(named, host: host) { $0.trustTestAuthority() }
            #expect(wrong.error?.code == .tls)
            #expect(
                wrong.error?.message.contains("for another name (see tls-server-name)") == true,
                "\(wrong.error?.message ?? "")"
            )
            let right = try await self.attempt(named, host: host) {
                $0.trustTestAuthority()
                $0.tlsServerName = "kubernetes.test"
            }
            #expect(right.error == nil, "\(right.error?.message ?? "")")
            // The name is for TLS only.
            #expect(right.requests.first?.headers.first(name: "Host")?.hasPrefix("\(host):") == true)
        }
        let address = try await self.attempt(named, host: "localhost") {
            $0.trustTestAuthority()
            $0.tlsServerName = "127.0.0.1"
        }
        #expect(address.error?.message.contains("not for 127.0.0.1") == true, "\(address.error?.message ?? "")")
        let fits = try await self.attempt(.testServer(), host: "localhost") {
            $0.trustTestAuthority()
            $0.tlsServerName = "127.0.0.1"
        }
        #expect(fits.error == nil, "\(fits.error?.message ?? "")")
    }

    @Test func tlsToAPlainServer() async throws {
        try await ScriptedServer.run([Self.object]) { server in
            try await withClient("https://127.0.0.1:\(server.port)", configure: { $0.trustTestAuthority() }) { client in
                let error = await clientFailure { try await self.get(client) }
                #expect(error?.code == .tls || error?.code == .connection, "\(error?.message ?? "")")
            }
        }
    }

    @Test func certificatesThatAreNone() async throws {
        let cases: [(String, (inout ClientConfiguration) -> Void)] = [
            ("is not PEM with certificates", { $0.certificateAuthorities = Array("nonsense".utf8) }),
            (
                "is not PEM",
                {
                    $0.clientCertificate = .init(
                        certificate: .data([1]),
                        key: .data(Array(TestCertificates.clientKey.utf8))
                    )
                }
            ),
            (
                "is not a private key in PEM",
                {
                    $0.clientCertificate = .init(
                        certificate: .data(Array(TestCertificates.client.utf8)),
                        key: .data([1])
                    )
                }
            ),
            (
                "do not belong together",
                {
                    $0.clientCertificate = .init(
                        certificate: .data(Array(TestCertificates.client.utf8)),
                        key: .data(Array(TestCertificates.client2Key.utf8))
                    )
                }
            ),
        ]
        for (message, configure) in cases {
            let error = await clientFailure { try await withClient("https://h", configure: configure) { _ in } }
            #expect(error?.message.contains(message) == true, "\(error?.message ?? "no error")")
        }
    }

    // MARK: Client certificates

    @Test func clientCertificates() async throws {
        let tls = try TLSConfiguration.testServer(wantsClient: true)
        let without = try await self.attempt(tls) { $0.trustTestAuthority() }
        #expect(without.error != nil && without.requests.isEmpty)
        let with = try await self.attempt(tls) {
            $0.trustTestAuthority()
            $0.clientCertificate = .init(
                certificate: .data(Array(TestCertificates.client.utf8)),
                key: .data(Array(TestCertificates.clientKey.utf8))
            )
        }
        #expect(with.error == nil && with.requests.count == 1, "\(with.error?.message ?? "")")
    }

    @Test func clientCertificateFilesAreReadAgain() async throws {
        let clock = ManualClock()
        let tls = try TLSConfiguration.testServer(wantsClient: true)
        try await withFolder { folder in
            try TestFile.write(Array(TestCertificates.client.utf8), to: "\(folder)/crt")
            try TestFile.write(Array(TestCertificates.clientKey.utf8), to: "\(folder)/key")
            try await ScriptedServer.run([Self.object], tls: tls) { server in
                try await withClient(
                    server.url,
                    time: TimeSource(clock),
                    configure: {
                        $0.trustTestAuthority()
                        $0.maximumConnections = 1
                        $0.clientCertificate = .init(certificate: .file("\(folder)/crt"), key: .file("\(folder)/key"))
                    }
                ) { client in
                    try await self.get(client)
                    clock.advance(by: .seconds(60))
                    try await self.get(client)
                    #expect(server.connectionCount == 1)
                    // Half replaced: the pair that fits goes on.
                    try TestFile.write(Array(TestCertificates.client2.utf8), to: "\(folder)/crt")
                    clock.advance(by: .seconds(60))
                    try await self.get(client)
                    #expect(server.connectionCount == 1)
                    try TestFile.write(Array(TestCertificates.client2Key.utf8), to: "\(folder)/key")
                    clock.advance(by: .seconds(60))
                    try await self.get(client)
                    #expect(server.connectionCount == 2)
                }
            }
        }
    }

    @Test func aPluginMayGiveACertificate() async throws {
        let tls = try TLSConfiguration.testServer(wantsClient: true)
        func quoted(_ pem: String) -> String { pem.replacing("\n", with: "\\n") }
        let credential = """
            {"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{\
            "clientCertificateData":"\(quoted(TestCertificates.client))","clientKeyData":"\(quoted(TestCertificates.clientKey))"}}
            """
        try await withFolder { folder in
            try TestFile.write(Array(credential.utf8), to: "\(folder)/credential")
            let plugin = ClientConfiguration.ExecPlugin(
                apiVersion: "client.authentication.k8s.io/v1",
                command: "cat",
                arguments: ["\(folder)/credential"]
            )
            let result = try await self.attempt(tls) {
                $0.trustTestAuthority()
                $0.authentication = .exec(plugin)
            }
            #expect(result.error == nil && result.requests.count == 1, "\(result.error?.message ?? "")")
        }
    }

    // MARK: Proxy

    @Test func throughAProxy() async throws {
        try await ConnectProxy.run { proxy in
            for host in ["127.0.0.1", "localhost"] {
                let result = try await self.attempt(.testServer(), host: host) {
                    $0.trustTestAuthority()
                    $0.proxyURL = "http://me:pass@127.0.0.1:\(proxy.port)"
                }
                #expect(result.error == nil && result.requests.count == 1, "\(result.error?.message ?? "")")
            }
            #expect(proxy.targets.map { $0.prefix { $0 != ":" } } == ["127.0.0.1", "localhost"])
            #expect(proxy.logins == Array(repeating: "Basic \(Base64.encode("me:pass".utf8))", count: 2))

            // Without a host name in the handshake the certificate is compared with the server's address all the same.
            let named = try TLSConfiguration.testServer(
                certificate: TestCertificates.named,
                key: TestCertificates.namedKey
            )
            let wrong = try await self.attempt(named) {
                $0.trustTestAuthority()
                $0.proxyURL = "http://127.0.0.1:\(proxy.port)"
            }
            #expect(wrong.error?.message.contains("is not for 127.0.0.1") == true, "\(wrong.error?.message ?? "")")
            #expect(wrong.requests.isEmpty)
            let right = try await self.attempt(named) {
                $0.trustTestAuthority()
                $0.tlsServerName = "kubernetes.test"
                $0.proxyURL = "http://127.0.0.1:\(proxy.port)"
            }
            #expect(right.error == nil, "\(right.error?.message ?? "")")
        }
    }

    @Test func aProxyThatRefuses() async throws {
        try await ScriptedServer.run([.failure(403, reason: "Forbidden")]) { proxy in
            try await withClient(
                "https://127.0.0.1:1",
                configure: {
                    $0.trustTestAuthority()
                    $0.proxyURL = "http://127.0.0.1:\(proxy.port)"
                }
            ) { client in
                let error = await clientFailure { try await self.get(client) }
                #expect(error?.message == "the proxy refused to connect to https://127.0.0.1:1")
            }
        }
    }
}

/// A proxy that only knows CONNECT.
final class ConnectProxy: Sendable {
    private let state = Mutex<(targets: [String], logins: [String])>(([], []))
    private let channel = Mutex<(any Channel)?>(nil)

    var port: Int { self.channel.withLock { $0?.localAddress?.port } ?? 0 }
    var targets: [String] { self.state.withLock { $0.targets } }
    var logins: [String] { self.state.withLock { $0.logins } }

    static func run(_ body: (ConnectProxy) async throws -> Void) async throws {
        let proxy = ConnectProxy()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Handler(proxy))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        proxy.channel.withLock { $0 = channel }
        do { try await body(proxy) } catch {
            try? await channel.close()
            throw error
        }
        try? await channel.close()
    }

    /// Reads the head of the CONNECT, then passes bytes both ways.
    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let proxy: ConnectProxy
        private var head: [UInt8]? = []
        private var back: (any Channel)?
        private var pending: [ByteBuffer] = []

        init(_ proxy: ConnectProxy) { self.proxy = proxy }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let buffer = self.unwrapInboundIn(data)
            guard var head = self.head else {
                if let back = self.back {
                    back.writeAndFlush(buffer, promise: nil)
                } else {
                    self.pending.append(buffer)
                }
                return
            }
            head.append(contentsOf: buffer.readableBytesView)
            let text = String(decoding: head, as: UTF8.self)
            guard text.hasSuffix("\r\n\r\n") else {
                self.head = head
                return
            }
            self.head = nil
            self.connect(text, context)
        }

        private func connect(_ head: String, _ context: ChannelHandlerContext) {
            let lines = head.split(separator: "\r\n")
            let words = lines[0].split(separator: " ")
            guard words.count == 3, words[0] == "CONNECT" else {
                context.close(promise: nil)
                return
            }
            let target = String(words[1])
            let login = lines.first { $0.lowercased().hasPrefix("proxy-authorization:") }.map { $0.dropFirst(20) }
            self.proxy.state.withLock { state in
                state.targets.append(target)
                if let login { state.logins.append(String(login).trimmingBlanks()) }
            }
            let parts = target.split(separator: ":")
            let front = context.channel
            let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
            ClientBootstrap(group: context.eventLoop)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(Back(front))
                    }
                }
                .connect(host: String(parts[0]), port: Int(parts[1]) ?? 0)
                .whenComplete { result in
                    switch result {
                    case .success(let channel):
                        bound.value.back = channel
                        front.writeAndFlush(ByteBuffer(string: "HTTP/1.1 200 OK\r\n\r\n"), promise: nil)
                        for buffer in bound.value.pending { channel.writeAndFlush(buffer, promise: nil) }
                        bound.value.pending = []
                    case .failure: front.close(promise: nil)
                    }
                }
        }

        func channelInactive(context: ChannelHandlerContext) { self.back?.close(promise: nil) }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }

    private final class Back: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let front: any Channel
        init(_ front: any Channel) { self.front = front }
        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            self.front.writeAndFlush(self.unwrapInboundIn(data), promise: nil)
        }
        func channelInactive(context: ChannelHandlerContext) { self.front.close(promise: nil) }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
