package import NIOCore
package import NIOHTTP1

/// A request whose body has arrived whole.
package struct ServerRequest: Sendable {
    package var method: HTTPMethod
    /// The path as it was sent, without the query.
    package var path: String
    /// What follows the question mark, as it was sent.
    package var query: String?
    package var headers: HTTPHeaders
    package var body: ByteBuffer

    package init(method: HTTPMethod, uri: String, headers: HTTPHeaders, body: ByteBuffer) {
        self.method = method
        self.headers = headers
        self.body = body
        if let mark = uri.utf8.firstIndex(of: UInt8(ascii: "?")) {
            self.path = String(uri[..<mark])
            self.query = String(uri[uri.utf8.index(after: mark)...])
        } else {
            self.path = uri
            self.query = nil
        }
    }

    /// The token of an `Authorization: Bearer …` header.
    package var bearerToken: String? {
        guard let value = self.headers.first(name: "authorization") else { return nil }
        let parts = value.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        let token = parts[1].drop { $0 == " " }
        return token.isEmpty ? nil : String(token)
    }
}

/// An answer, complete.
package struct ServerResponse: Sendable {
    /// The bytes as the handler has them, so that they are copied once: into what goes to the socket.
    package enum Body: Sendable {
        case bytes([UInt8])
        case buffer(ByteBuffer)

        package var count: Int {
            switch self {
            case .bytes(let bytes): bytes.count
            case .buffer(let buffer): buffer.readableBytes
            }
        }
    }

    package var status: Int
    package var contentType: String
    package var body: Body
    /// Further headers; names and values are written without control characters.
    package var headers: [(String, String)]

    package init(
        status: Int = 200,
        contentType: String = "application/json",
        body: Body,
        headers: [(String, String)] = []
    ) {
        self.status = status
        self.contentType = contentType
        self.body = body
        self.headers = headers
    }

    /// JSON bytes.
    package static func json(_ bytes: [UInt8], status: Int = 200) -> ServerResponse {
        ServerResponse(status: status, body: .bytes(bytes))
    }

    package static func text(_ text: String, status: Int = 200) -> ServerResponse {
        ServerResponse(status: status, contentType: "text/plain; charset=utf-8", body: .bytes(Array(text.utf8)))
    }

    /// A Kubernetes `Status` (meta/v1): API servers show its message to the user whose request failed.
    package static func failure(_ status: Int, reason: String, _ message: String) -> ServerResponse {
        .json(FailureStatus.bytes(code: status, reason: reason, message: message), status: status)
    }
}

/// How a server takes a request whose head has arrived.
package enum Routing: Sendable {
    case handle(Route)
    /// Answer so, once the body has been thrown away, and count it there.
    case refuse(ServerResponse, RouteMetrics? = nil)
}

/// What handles the requests of one path.
package final class Route: Sendable {
    /// The largest body it takes.
    let bodyLimit: Int
    let handle: @Sendable (ServerRequest) async -> ServerResponse
    let metrics: RouteMetrics?

    package init(
        bodyLimit: Int,
        metrics: RouteMetrics? = nil,
        handle: @escaping @Sendable (ServerRequest) async -> ServerResponse
    ) {
        self.bodyLimit = bodyLimit
        self.metrics = metrics
        self.handle = handle
    }
}
