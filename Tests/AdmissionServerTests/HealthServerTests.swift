import AsyncHTTPClient
import Logging
import NIOCore
import NIOHTTP1
import Synchronization
import Testing

@testable import AdmissionServer

@Suite struct HealthServerTests {
    private func with<Result>(
        checks: [HealthCheck] = [],
        metrics: MetricsEndpoint? = nil,
        tls: TLSContextSource? = nil,
        _ body: (String, HTTPClient) async throws -> Result
    ) async throws -> Result {
        let (ports, listening) = AsyncStream<Int>.makeStream()
        var readiness: (@Sendable () -> [HealthCheck])?
        if !checks.isEmpty { readiness = { checks } }
        let server = HealthServer(
            configuration: .init(address: ListenAddress(host: "127.0.0.1", port: 0), name: "health"),
            checks: readiness,
            metrics: metrics,
            tls: tls,
            logger: Logger(label: "test"),
            onListening: { listening.yield($0) }
        )
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                defer { listening.finish() }
                try await server.run()
            }
            var iterator = ports.makeAsyncIterator()
            let port = try #require(await iterator.next())
            let scheme = tls == nil ? "http" : "https"
            let result = try await withClient(trust: try TestCertificates.first.get().trustPEM) { client in
                try await body("\(scheme)://localhost:\(port)", client)
            }
            group.cancelAll()
            try await group.waitForAll()
            return result
        }
    }

    @Test func probes() async throws {
        let isReady = Mutex(false)
        let checks = [
            HealthCheck("ping"),
            HealthCheck("webhook") { isReady.withLock { $0 } ? nil : "not listening yet" },
        ]
        try await self.with(checks: checks) { url, client in
            func expect(_ path: String, _ status: Int, _ text: String) async throws {
                let answer = try await client.get(url + path)
                #expect(answer == (status, text), "\(path)")
            }
            for path in ["/healthz", "/livez", "/healthz/", "/healthz?x=y", "/healthz/ping", "/readyz/ping"] {
                try await expect(path, 200, "ok")
            }
            let failed = "[+]ping ok\n[-]webhook failed: not listening yet\nreadyz check failed\n"
            try await expect("/readyz", 500, failed)
            try await expect("/readyz/webhook", 500, "internal server error: not listening yet\n")
            try await expect("/readyz?exclude=webhook", 200, "ok")
            isReady.withLock { $0 = true }
            try await expect("/readyz", 200, "ok")
            try await expect("/readyz?verbose", 200, "[+]ping ok\n[+]webhook ok\nreadyz check passed\n")
            try await expect("/readyz/nonsense", 404, "404 page not found\n")
            try await expect("/metrics", 404, "404 page not found\n")
            let posted = try await client.post(url + "/readyz", [])
            #expect(posted == (405, "method not allowed\n"))
        }
    }

    @Test func headHasNoBody() async throws {
        let (ports, listening) = AsyncStream<Int>.makeStream()
        let server = HealthServer(
            configuration: .init(address: ListenAddress(host: "127.0.0.1", port: 0), name: "health"),
            checks: { [HealthCheck("ping")] },
            logger: Logger(label: "test"),
            onListening: { listening.yield($0) }
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            var iterator = ports.makeAsyncIterator()
            let client = try await RawClient(port: try #require(await iterator.next()))
            try await client.send(
                "HEAD /healthz HTTP/1.1\r\nhost: x\r\n\r\nGET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
            )
            let answer = await client.receive()
            #expect(answer.occurrences(of: "content-length: 2\r\n") == 2)
            #expect(answer.occurrences(of: "\r\n\r\nok") == 1)
            #expect(answer.hasSuffix("\r\n\r\nok"))
            group.cancelAll()
        }
    }

    @Test func metricsArePlainWithoutProtection() async throws {
        let endpoint = MetricsEndpoint(exposition: { Array("up 1\n".utf8) })
        try await self.with(metrics: endpoint) { url, client in
            let response = try await client.execute(HTTPClientRequest(url: url + "/metrics"), timeout: .seconds(10))
            #expect(response.headers["content-type"] == ["text/plain; version=0.0.4; charset=utf-8"])
            let text = String(buffer: try await response.body.collect(upTo: 1_000))
            #expect(text == "up 1\n")
            let status = try await client.get(url + "/readyz").0
            #expect(status == 404)
        }
    }

    @Test(arguments: [
        ("good" as String?, 200, "up 1\n"), ("nobody", 401, "Unauthorized\n"), (nil, 401, "Unauthorized\n"),
        ("stranger", 403, "Authorization denied\n"), ("broken", 500, "Authorization failed: no API server\n"),
    ])
    func metricsAreProtected(token: String?, status: Int, text: String) async throws {
        let endpoint = MetricsEndpoint(exposition: { Array("up 1\n".utf8) }) { token in
            switch token {
            case "good": .allowed
            case "stranger": .forbidden
            case "broken": .failed("no API server")
            default: .unauthenticated
            }
        }
        let tls = try TLSContextSource(try TestCertificates.first.get().identity)
        try await self.with(metrics: endpoint, tls: tls) { url, client in
            let answer = try await client.get(url + "/metrics", token: token)
            #expect(answer == (status, text))
        }
    }

    @Test(arguments: [
        (":8443", "", 8_443), ("127.0.0.1:0", "127.0.0.1", 0), ("[::1]:9443", "::1", 9_443),
        ("localhost:1", "localhost", 1),
    ])
    func addresses(text: String, host: String, port: Int) throws {
        let address = try ListenAddress(parsing: text)
        #expect(address == ListenAddress(host: host, port: port))
        #expect(address.description == text)
    }

    @Test(arguments: ["", "8443", "::1:80", "host:", "host:x", "host:65536", "host:-1"])
    func malformedAddresses(text: String) {
        #expect(throws: ListenAddress.Malformed(text: text)) { try ListenAddress(parsing: text) }
    }
}
