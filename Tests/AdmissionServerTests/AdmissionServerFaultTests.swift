import InMemoryLogging
import Logging
import NIOCore
import Testing

@testable import AdmissionServer

/// Clients that are broken, slow or hostile: each costs only itself.
@Suite(.serialized) struct AdmissionServerFaultTests {
    /// Another client is served, and nothing loud was logged.
    private func expectUnharmed(_ test: TestServer) async throws {
        try await withClient(trust: test.bundle.trustPEM) { client in
            let answer = try await client.post("https://localhost:\(test.port)/echo", Array("{}".utf8))
            #expect(answer == (200, "{}"))
        }
        #expect(!test.logs.entries.contains { $0.level > .notice })
        #expect(test.logs.entries.filter { $0.level == .notice }.count <= 1)
    }

    @Test func truncatedHello() async throws {
        try await TestServer.with(configure: { $0.listener.handshakeTimeout = .milliseconds(300) }) { test in
            // The first bytes of a ClientHello of 512 bytes.
            let hello: [UInt8] = [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xFC, 0x03, 0x03, 0x41, 0x42]
            let client = try await RawClient(port: test.port)
            try? await client.send(hello)
            let begin = ContinuousClock.now
            _ = await client.receive()
            #expect(client.isClosed)
            #expect(ContinuousClock.now - begin < .seconds(10))
            #expect(
                test.value("swiftlet_http_connection_errors_total{reason=\"handshakeTimeout\",server=\"webhook\"}")
                    == "1"
            )
            // Truncated by the client itself.
            let quitter = try await RawClient(port: test.port)
            try? await quitter.send(hello)
            await quitter.close()
            try await self.expectUnharmed(test)
            #expect(!test.logs.entries.contains { $0.level == .notice })
        }
    }

    @Test func silence() async throws {
        try await TestServer.with(configure: { $0.listener.handshakeTimeout = .milliseconds(200) }) { test in
            let client = try await RawClient(port: test.port)
            _ = await client.receive()
            #expect(client.isClosed)
            try await self.expectUnharmed(test)
        }
    }

    @Test func garbageInsteadOfTLS() async throws {
        try await TestServer.with { test in
            for text in [
                "GET / HTTP/1.1\r\n\r\n", String(repeating: "\u{0}", count: 5_000), "\u{16}\u{3}\u{1}\u{0}\u{5}hello",
            ] {
                let client = try await RawClient(port: test.port)
                try await client.send(text)
                _ = await client.receive()
                #expect(client.isClosed)
            }
            try await self.expectUnharmed(test)
            // Many failures, one notice.
            #expect(test.logs.entries.filter { $0.level == .notice }.count == 1)
            let failed = test.value("swiftlet_http_connection_errors_total{reason=\"handshake\",server=\"webhook\"}")
            #expect(failed == "3")
        }
    }

    /// An API server with another trust bundle: the one failure an operator has to hear of.
    @Test func clientThatDoesNotTrustUs() async throws {
        try await TestServer.with { test in
            let other = try TestCertificates.second.get()
            for _ in 0..<3 {
                let client = try await test.connect(trust: other.trustPEM)
                try? await client.send(post("/echo", "{}"))
                #expect(await client.receive() == "")
            }
            #expect(try await test.eventually { test.logs.entries.contains { $0.level == .notice } })
            let notices = test.logs.entries.filter { $0.level == .notice }
            #expect(notices.map { "\($0.message)" } == ["TLS handshakes failed"])
            let error = notices.first?.metadata["error"]?.description ?? ""
            #expect(error.contains("UNKNOWN_CA"), "\(error)")
            try await self.expectUnharmed(test)
        }
    }

    @Test(arguments: [
        "GET / HTTP/9.9\r\n\r\n", "\r\n\r\nnonsense\r\n\r\n", "POST /echo HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        "POST /echo HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nabc",
        "POST /echo HTTP/1.1\r\ntransfer-encoding: chunked\r\ncontent-type: application/json\r\n\r\nzz\r\n\r\n",
    ])
    func garbageInsteadOfHTTP(text: String) async throws {
        try await TestServer.with { test in
            let client = try await test.connect()
            try await client.send(text)
            let answer = await client.receive()
            #expect(answer.hasPrefix("HTTP/1.1 400 Bad Request\r\n"))
            #expect(answer.contains("\"the request is not valid HTTP/1.1\""))
            #expect(client.isClosed)
            try await self.expectUnharmed(test)
        }
    }

    @Test func garbageBehindARequest() async throws {
        try await TestServer.with { test in
            let client = try await test.connect()
            try await client.send(post("/slow", "{\"first\":1}") + "nonsense\r\n\r\n")
            let answer = await client.receive()
            // The request that was fine is answered, the rest is not taken for anything.
            #expect(answer.hasPrefix("HTTP/1.1 200 OK"))
            #expect(answer.hasSuffix("{\"first\":1}"))
            try await self.expectUnharmed(test)
        }
    }

    @Test func endlessHeaders() async throws {
        try await TestServer.with { test in
            let client = try await test.connect()
            let headers = (0..<2_000).map { "x-header-\($0): \(String(repeating: "v", count: 50))" }
            try? await client.send(post("/echo", "{}", headers: headers))
            #expect(await client.receive().hasPrefix("HTTP/1.1 431 "))
            try await self.expectUnharmed(test)
        }
    }

    @Test func slowBody() async throws {
        try await TestServer.with(configure: { $0.listener.requestTimeout = .milliseconds(300) }) { test in
            // On a busy machine the connection may take longer than that before the request begins; then again.
            var received = ""
            for _ in 0..<20 where received.isEmpty {
                let client = try await test.connect()
                try? await client.send(post("/echo", "").replacingLength(with: 1_000_000))
                // A byte now and then does not buy time.
                while !client.isClosed {
                    try? await client.send([0x20])
                    try await Task.sleep(for: .milliseconds(10))
                }
                received = client.received
            }
            #expect(received.hasPrefix("HTTP/1.1 408 "))
            #expect(received.contains("the request did not arrive in time"))
        }
    }

    @Test func slowHead() async throws {
        try await TestServer.with(configure: { $0.listener.requestTimeout = .milliseconds(300) }) { test in
            let client = try await test.connect()
            try? await client.send("POST /echo HTTP/1.1\r\nx-slow: ")
            _ = await client.receive()
            #expect(client.isClosed)
        }
    }

    @Test func idleConnectionsAreClosed() async throws {
        try await TestServer.with(configure: { $0.listener.idleTimeout = .milliseconds(300) }) { test in
            let client = try await test.connect()
            try await client.send(post("/echo", "{}END"))
            #expect(await client.receive().hasSuffix("{}END"))
            #expect(client.isClosed)
        }
    }

    @Test func clientThatDoesNotRead() async throws {
        try await TestServer.with(configure: { $0.listener.writeTimeout = .milliseconds(300) }) { test in
            let client = try await RawClient(port: test.port, trust: test.bundle.trustPEM, autoRead: true)
            try await client.send(post("/echo", "{}END"))
            _ = await client.receive(count: 1, of: "END")
            try await client.channel.setOption(.autoRead, value: false).get()
            // Far more answers than sockets and buffers hold.
            let large = post("/echo", String(repeating: " ", count: 1 << 20))
            let sender = Task {
                for _ in 0..<64 { try await client.send(large) }
            }
            #expect(
                try await test.eventually {
                    test.value("swiftlet_http_connection_errors_total{reason=\"writeTimeout\",server=\"webhook\"}")
                        == "1"
                }
            )
            sender.cancel()
            await client.close()
            _ = await sender.result
            try await self.expectUnharmed(test)
        }
    }

    @Test func noReadinessBeforeTheFirstCertificate() async throws {
        let server = AdmissionServer(
            configuration: .init(address: ListenAddress(host: "127.0.0.1", port: 0)),
            handlers: [:],
            logger: .init(label: "test")
        )
        #expect(!server.isReady)
        #expect(throws: CertificateError.self) {
            try server.reload(ServingIdentity(certificateChainPEM: "nonsense", keyPEM: "nonsense"))
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            while server.port == nil { try await Task.sleep(for: .milliseconds(5)) }
            #expect(!server.isReady)
            #expect(await server.check.check() == "the webhook server has no certificate yet")
            try server.reload(try TestCertificates.first.get().identity)
            #expect(server.isReady)
            #expect(await server.check.check() == nil)
            group.cancelAll()
            try await group.waitForAll()
        }
        #expect(!server.isReady)
    }

    @Test func portThatIsTaken() async throws {
        try await TestServer.with { test in
            let second = AdmissionServer(
                configuration: .init(address: ListenAddress(host: "127.0.0.1", port: test.port)),
                handlers: [:],
                logger: .init(label: "test")
            )
            await #expect {
                try await second.run()
            } throws: { error in
                "\(error)".contains("cannot listen on 127.0.0.1:\(test.port) (webhook)")
            }
        }
    }
}
