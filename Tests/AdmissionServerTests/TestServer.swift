import AsyncHTTPClient
import FoundationEssentials
import InMemoryLogging
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import PrometheusMetrics
import ServiceLifecycle
import Testing

@testable import AdmissionServer

/// Certificates are made once: in debug builds that takes a while.
enum TestCertificates {
    static let names = ServerNames(["localhost", "127.0.0.1", "webhook.ns.svc"])
    static let first = Result { try RotationPlan.settle(stored: .absent, names: Self.names, now: Date()).bundle }
    static let second = Result { try RotationPlan.settle(stored: .absent, names: Self.names, now: Date()).bundle }
}

/// A running ``AdmissionServer`` for the time of a test.
struct TestServer {
    var server: AdmissionServer
    var port: Int
    var bundle: CertificateBundle
    var metrics: PrometheusMetrics
    var logs: InMemoryLogHandler

    static func with<Result>(
        handlers: [String: AdmissionServer.Handler] = TestServer.handlers,
        configure: (inout AdmissionServer.Configuration) -> Void = { _ in },
        _ body: (TestServer) async throws -> Result
    ) async throws -> Result {
        var configuration = AdmissionServer.Configuration(address: ListenAddress(host: "127.0.0.1", port: 0))
        configure(&configuration)
        let (ports, listening) = AsyncStream<Int>.makeStream()
        let metrics = PrometheusMetrics()
        var logs = InMemoryLogHandler()
        logs.logLevel = .trace
        let handler = logs
        let server = AdmissionServer(
            configuration: configuration,
            handlers: handlers,
            metrics: metrics,
            logger: Logger(label: "test", factory: { _ in handler }),
            onListening: { listening.yield($0) }
        )
        let bundle = try TestCertificates.first.get()
        try server.reload(bundle.identity)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                defer { listening.finish() }
                try await server.run()
            }
            var iterator = ports.makeAsyncIterator()
            let port = try #require(await iterator.next())
            let test = TestServer(server: server, port: port, bundle: bundle, metrics: metrics, logs: logs)
            let result = try await body(test)
            group.cancelAll()
            try await group.waitForAll()
            return result
        }
    }

    static let handlers: [String: AdmissionServer.Handler] = [
        "/echo": { body in ServerResponse(body: .buffer(body)) },
        "/size": { body in .text("\(body.readableBytes) bytes") },
        "/slow": { body in
            try? await Task.sleep(for: .milliseconds(300))
            return ServerResponse(body: .buffer(body))
        },
        "/review": { body in
            guard body.readableBytesView.first == UInt8(ascii: "{") else {
                return .failure(400, reason: "BadRequest", "the request body is not an AdmissionReview")
            }
            return .json(Array(body.readableBytesView))
        },
    ]

    func connect(trust: String? = nil, name: String? = "localhost") async throws -> RawClient {
        try await RawClient(port: self.port, trust: trust ?? self.bundle.trustPEM, name: name)
    }

    func value(_ line: String) -> String? {
        let text = String(decoding: self.metrics.exposition(), as: UTF8.self)
        return text.split(separator: "\n").first { $0.hasPrefix(line + " ") }.map {
            String($0.dropFirst(line.count + 1))
        }
    }

    /// Waits for something that happens soon on another thread.
    func eventually(_ condition: () -> Bool) async throws -> Bool {
        for _ in 0..<500 {
            if condition() { return true }
            try await Task.sleep(for: .milliseconds(10))
        }
        return condition()
    }
}

/// An HTTP client that verifies chain and name.
func withClient<Result>(trust: String, _ body: (HTTPClient) async throws -> Result) async throws -> Result {
    var configuration = HTTPClient.Configuration()
    var tls = TLSConfiguration.makeClientConfiguration()
    tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(trust.utf8)))
    configuration.tlsConfiguration = tls
    let client = HTTPClient(eventLoopGroup: MultiThreadedEventLoopGroup.singleton, configuration: configuration)
    do {
        let result = try await body(client)
        try await client.shutdown()
        return result
    } catch {
        try? await client.shutdown()
        throw error
    }
}

extension HTTPClient {
    func post(_ url: String, _ body: [UInt8], type: String = "application/json") async throws -> (Int, String) {
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.headers = ["content-type": type]
        request.body = .bytes(body)
        let response = try await self.execute(request, timeout: .seconds(30))
        let answer = try await response.body.collect(upTo: 64 << 20)
        return (Int(response.status.code), String(buffer: answer))
    }

    func get(_ url: String, token: String? = nil) async throws -> (Int, String) {
        var request = HTTPClientRequest(url: url)
        if let token { request.headers.add(name: "authorization", value: "Bearer \(token)") }
        let response = try await self.execute(request, timeout: .seconds(30))
        let answer = try await response.body.collect(upTo: 1 << 20)
        return (Int(response.status.code), String(buffer: answer))
    }
}
