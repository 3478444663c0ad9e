import JSONTree
import NIOCore
import NIOHTTP1

extension APIError {
    /// How much of a body that is no `Status` is kept.
    private static let maximumMessage = 300

    /// The error that an answer is.
    init(_ response: APIResponse, to request: APIRequest) {
        let retryAfter = RetryPolicy.retryAfter(response.headers)
        if let status = Self.status(in: response.body) {
            self.init(status: status, code: response.status, retryAfter: retryAfter)
        } else {
            self.init(
                code: response.status,
                message: Self.message(of: response.body, headers: response.headers),
                retryAfter: retryAfter
            )
            if self.message.isEmpty { self.message = "\(HTTPResponseStatus(statusCode: response.status).reasonPhrase)" }
        }
        self.method = "\(request.method)"
        self.path = request.path
    }

    /// The error that a `Status` object is.
    ///
    /// - Parameter code: the HTTP status, 0 for a `Status` that came as an event.
    init(status: JSONObject, code: Int, retryAfter: Duration? = nil) {
        let seconds = status[path: "details", "retryAfterSeconds"]?.int
        self.init(
            code: code != 0 ? code : status[int: "code"] ?? 500,
            reason: status[string: "reason"] ?? "",
            message: status[string: "message"] ?? "",
            status: status,
            retryAfter: retryAfter ?? seconds.flatMap { $0 > 0 ? .seconds($0) : nil }
        )
    }

    private static func status(in body: ByteBuffer) -> JSONObject? {
        // Whatever is not a Status is described by its text instead, so why it is none does not matter.
        guard let value = try? JSONValue(parsing: body.readableBytesView), let object = value.object,
            object[string: "kind"] == "Status"
        else { return nil }
        return object
    }

    /// The text of a body in one line: of HTML the words between the tags.
    static func message(of body: ByteBuffer, headers: HTTPHeaders) -> String {
        let bytes = body.readableBytesView.prefix(16_384)
        let isHTML =
            headers.first(name: "Content-Type")?.lowercased().contains("html") == true
            || String(decoding: bytes.prefix(100), as: UTF8.self).lowercased().contains("<html")
        var text: [UInt8] = []
        var isInTag = false
        for byte in bytes {
            if isHTML, byte == UInt8(ascii: "<") {
                isInTag = true
            } else if isInTag {
                if byte == UInt8(ascii: ">") { isInTag = false }
                // A tag separates words.
                if !isInTag { text.append(0x20) }
            } else {
                text.append(byte < 0x20 || byte == 0x7F ? 0x20 : byte)
            }
        }
        let words = String(decoding: text, as: UTF8.self).split(separator: " ").joined(separator: " ")
        return words.count > Self.maximumMessage ? "\(words.prefix(Self.maximumMessage))…" : words
    }
}
