import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOSSL

/// How bodies of OTLP/HTTP get to a collector.
struct OTLPPost: Sendable {
    var endpoint: String
    var headers: [OTLPSettings.Attribute]

    /// A client whose own requests make no spans.
    static func client(trusting roots: NIOSSLTrustRoots = .default) -> HTTPClient {
        var configuration = HTTPClient.Configuration()
        configuration.tlsConfiguration = .makeClientConfiguration()
        configuration.tlsConfiguration?.trustRoots = roots
        configuration.redirectConfiguration = .disallow
        configuration.tracing.tracer = nil
        configuration.timeout = .init(connect: .seconds(5))
        configuration.connectionPool.retryConnectionEstablishment = false
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    /// One attempt.
    func send(
        _ body: [UInt8],
        _ client: HTTPClient,
        within time: Duration
    ) async -> (ExportRetry.Outcome, reason: String) {
        var request = HTTPClientRequest(url: self.endpoint)
        request.method = .POST
        for header in self.headers { request.headers.replaceOrAdd(name: header.name, value: header.value) }
        request.headers.replaceOrAdd(name: "content-type", value: "application/json")
        request.headers.replaceOrAdd(name: "user-agent", value: "OTel-OTLP-Exporter-Swiftlet")
        request.body = .bytes(ByteBuffer(bytes: body))
        do {
            let limit = TimeAmount.nanoseconds(Int64(max(0.001, time / .seconds(1)) * 1e9))
            let response = try await client.execute(request, timeout: limit)
            let code = Int(response.status.code)
            let after = response.headers.first(name: "retry-after").flatMap(Double.init)
            // The answer may say that some of it was refused. It is read so that the connection can be used again.
            let answer = try? await response.body.collect(upTo: 64 << 10)
            return (.answered(code, retryAfter: after), "status \(code): \(Self.excerpt(answer))")
        } catch {
            return (.unreachable, "\(error)")
        }
    }

    private static func excerpt(_ body: ByteBuffer?) -> String {
        guard let body else { return "" }
        return String(decoding: body.readableBytesView.prefix(200).map { $0 < 0x20 ? 0x20 : $0 }, as: UTF8.self)
    }
}
