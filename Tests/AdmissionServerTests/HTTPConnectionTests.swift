import Logging
import Metrics
import NIOCore
import NIOEmbedded
import NIOHTTP1
import Synchronization
import Testing

@testable import AdmissionServer

/// The connection alone, on an event loop that the test drives.
@Suite struct HTTPConnectionTests {
    private func connection(
        _ respond: @escaping @Sendable (ServerRequest) async -> ServerResponse
    ) throws -> EmbeddedChannel {
        let route = Route(bodyLimit: 1_000, handle: respond)
        let shared = HTTPListener.Shared(
            configuration: .init(address: ListenAddress(port: 0), name: "test"),
            logger: Logger(label: "test"),
            metrics: NOOPMetricsHandler.instance,
            route: { _ in .handle(route) }
        )
        let channel = EmbeddedChannel()
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes)))
        try pipeline.addHandler(HTTPConnection(shared: shared, isTLS: false))
        try channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        return channel
    }

    private func sent(_ channel: EmbeddedChannel) throws -> String {
        var text = ""
        while let buffer = try channel.readOutbound(as: ByteBuffer.self) { text += String(buffer: buffer) }
        return text
    }

    @Test func thousandsOfPipelinedRequestsNeedNoStack() throws {
        let channel = try self.connection { _ in .text("END") }
        let request = "POST / HTTP/1.1\r\ncontent-length: 0\r\n\r\n"
        let bytes = String(repeating: request, count: 20_000)
        try channel.writeInbound(ByteBuffer(string: bytes))
        #expect(try self.sent(channel).occurrences(of: "END") == 20_000)
        _ = try channel.finish(acceptAlreadyClosed: true)
    }

    @Test func requestsCutAnywhere() throws {
        let requests =
            post("/a?b=c", "{\"n\":1}") + "GET /b HTTP/1.1\r\n\r\n"
            + "POST /c HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
        let respond: @Sendable (ServerRequest) async -> ServerResponse = { request in
            .text("[\(request.method) \(request.path) \(request.query ?? "-") \(String(buffer: request.body))]")
        }
        let bytes = Array(requests.utf8)
        let whole = try self.connection(respond)
        try whole.writeInbound(ByteBuffer(bytes: bytes))
        let expected = try self.sent(whole)
        for part in ["[POST /a b=c {\"n\":1}]", "[GET /b - ]", "[POST /c - abcde]"] { #expect(expected.contains(part)) }
        _ = try whole.finish(acceptAlreadyClosed: true)
        for cut in 1..<bytes.count {
            let channel = try self.connection(respond)
            try channel.writeInbound(ByteBuffer(bytes: bytes[..<cut]))
            try channel.writeInbound(ByteBuffer(bytes: bytes[cut...]))
            #expect(try self.sent(channel) == expected, "cut at \(cut)")
            _ = try channel.finish(acceptAlreadyClosed: true)
        }
    }

    /// A client that pipelines while a request is with its handler is not read from until that one is answered.
    @Test func readsWaitForTheHandler() throws {
        let held = Mutex<UnsafeContinuation<Void, Never>?>(nil)
        let channel = try self.connection { request in
            if request.path == "/held" {
                await withUnsafeContinuation { continuation in held.withLock { $0 = continuation } }
            }
            return .text("END")
        }
        let reads = ReadCounter()
        try channel.pipeline.syncOperations.addHandler(reads, position: .first)
        try channel.writeInbound(ByteBuffer(string: "GET /held HTTP/1.1\r\n\r\n"))
        channel.read()
        // Nothing waits yet: a close of the client has to be noticed.
        #expect(reads.count == 1)
        try channel.writeInbound(ByteBuffer(string: "GET /next HTTP/1.1\r\n\r\n"))
        channel.read()
        #expect(reads.count == 1)
        #expect(try self.sent(channel) == "")

        held.withLock { $0 }?.resume()
        channel.embeddedEventLoop.run()
        #expect(try self.sent(channel).occurrences(of: "END") == 2)
        #expect(reads.count == 2)
        _ = try channel.finish(acceptAlreadyClosed: true)
    }

    @Test func headersCannotBeSmuggledIn() throws {
        let channel = try self.connection { _ in
            ServerResponse(
                status: 299,
                contentType: "text/plain\r\nx-evil: 1",
                body: .bytes([]),
                headers: [("x-a", "b\r\n\r\nc"), ("x-\nd", "e")]
            )
        }
        try channel.writeInbound(ByteBuffer(string: "GET / HTTP/1.1\r\n\r\n"))
        let answer = try self.sent(channel)
        #expect(answer.split(separator: "\r\n").count == 5)
        #expect(answer.contains("\r\nx-a: bc\r\nx-d: e\r\n\r\n"))
        _ = try channel.finish(acceptAlreadyClosed: true)
    }

    @Test func bearerTokens() {
        func token(_ value: String?) -> String? {
            var headers = HTTPHeaders()
            if let value { headers.add(name: "Authorization", value: value) }
            return ServerRequest(method: .GET, uri: "/", headers: headers, body: ByteBuffer()).bearerToken
        }
        #expect(token("Bearer abc.def") == "abc.def")
        #expect(token("bearer  abc") == "abc")
        for wrong in [nil, "", "Bearer", "Bearer ", "Basic abc", "abc"] { #expect(token(wrong) == nil) }
    }

    @Test func budgetIsExact() {
        let budget = BodyBudget(limit: 100)
        #expect(budget.charge(60))
        #expect(!budget.charge(41))
        #expect(budget.charge(40))
        budget.release(1)
        #expect(budget.charge(1))
        #expect(!budget.charge(1))
    }
}

private final class ReadCounter: ChannelOutboundHandler {
    typealias OutboundIn = Never
    private(set) var count = 0
    func read(context: ChannelHandlerContext) {
        self.count += 1
        context.read()
    }
}
