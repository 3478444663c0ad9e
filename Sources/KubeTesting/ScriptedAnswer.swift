package import NIOHTTP1

/// A request as a test server got it.
package struct RecordedRequest: Sendable {
    package var method: HTTPMethod
    /// Path and query, as sent.
    package var uri: String
    package var headers: HTTPHeaders
    package var body: [UInt8]
    /// Counts the connections of the server from 0: equal numbers mean a connection was used again.
    package var connection: Int

    package init(method: HTTPMethod, uri: String, headers: HTTPHeaders, body: [UInt8], connection: Int) {
        self.method = method
        self.uri = uri
        self.headers = headers
        self.body = body
        self.connection = connection
    }

    package var path: String { String(self.uri.prefix { $0 != "?" }) }
    package var text: String { String(decoding: self.body, as: UTF8.self) }
    package var isWatch: Bool { self.uri.contains("watch=true") || self.uri.contains("watch=1") }

    /// The values of a query parameter, still percent-encoded.
    package func query(_ name: String) -> String? {
        guard let mark = self.uri.firstIndex(of: "?") else { return nil }
        for pair in self.uri[self.uri.index(after: mark)...].split(separator: "&") where pair.hasPrefix("\(name)=") {
            return String(pair.dropFirst(name.count + 1))
        }
        return nil
    }
}

/// How a scripted server answers one request.
package struct ScriptedAnswer: Sendable {
    package enum Piece: Sendable {
        /// One chunk of the body, sent at once.
        case bytes([UInt8])
        case pause(Duration)
        /// Waits until the test opens the gate.
        case gate(Gate)
    }

    package enum Ending: Sendable {
        /// The answer ends in order.
        case complete
        /// The connection is closed without the end of the answer.
        case close
        /// Nothing more comes, and the connection stays.
        case hang
    }

    /// `nil` sends no head: the connection is closed or hangs before any answer.
    package var status: Int?
    package var headers: [(String, String)]
    package var pieces: [Piece]
    package var ending: Ending
    /// Sent as they are in place of an answer: what is not HTTP.
    package var raw: [UInt8]?

    package init(
        status: Int? = 200,
        headers: [(String, String)] = [("Content-Type", "application/json")],
        pieces: [Piece] = [],
        ending: Ending = .complete,
        raw: [UInt8]? = nil
    ) {
        self.status = status
        self.headers = headers
        self.pieces = pieces
        self.ending = ending
        self.raw = raw
    }

    /// JSON in one piece.
    package static func json(_ text: String, status: Int = 200, headers: [(String, String)] = []) -> ScriptedAnswer {
        ScriptedAnswer(
            status: status,
            headers: [("Content-Type", "application/json")] + headers,
            pieces: [.bytes(Array(text.utf8))]
        )
    }

    /// A `Status` as the API server writes it.
    package static func failure(
        _ code: Int,
        reason: String,
        message: String = "",
        headers: [(String, String)] = []
    ) -> ScriptedAnswer {
        .json(
            """
            {"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"\(message)",\
            "reason":"\(reason)","code":\(code)}
            """,
            status: code,
            headers: headers
        )
    }

    /// A stream whose body comes in exactly these chunks.
    package static func chunks(_ chunks: [String], ending: Ending = .complete) -> ScriptedAnswer {
        ScriptedAnswer(pieces: chunks.map { .bytes(Array($0.utf8)) }, ending: ending)
    }

    /// A text cut at the given places, each part a chunk of its own.
    package static func split(_ text: String, at places: [Int], ending: Ending = .complete) -> ScriptedAnswer {
        let bytes = Array(text.utf8)
        let bounds = [0] + places.filter { $0 > 0 && $0 < bytes.count } + [bytes.count]
        let pieces = zip(bounds, bounds.dropFirst()).map { Piece.bytes(Array(bytes[$0..<$1])) }
        return ScriptedAnswer(pieces: pieces, ending: ending)
    }

    /// The connection is closed before any answer.
    package static let close = ScriptedAnswer(status: nil, ending: .close)
    /// No answer ever comes.
    package static let hang = ScriptedAnswer(status: nil, ending: .hang)
    package static func raw(_ text: String) -> ScriptedAnswer {
        ScriptedAnswer(status: nil, ending: .close, raw: Array(text.utf8))
    }
}
