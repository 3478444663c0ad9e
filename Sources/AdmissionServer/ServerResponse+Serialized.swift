import NIOCore
import NIOHTTP1

extension ServerResponse {
    /// Head and body in one buffer: one TLS record for an ordinary answer, and one copy of the body.
    func serialized(closes: Bool, omitsBody: Bool) -> ByteBuffer {
        let count = self.body.count
        var buffer = ByteBufferAllocator().buffer(capacity: (omitsBody ? 0 : count) + 192)
        if self.status == 200 {
            buffer.writeStaticString("HTTP/1.1 200 OK\r\ncontent-type: ")
        } else {
            let reason = HTTPResponseStatus(statusCode: self.status).reasonPhrase
            buffer.writeString("HTTP/1.1 \(self.status) \(reason)\r\ncontent-type: ")
        }
        Self.writeField(self.contentType, to: &buffer)
        buffer.writeStaticString("\r\ncontent-length: ")
        buffer.writeString(String(count))
        for (name, value) in self.headers {
            buffer.writeStaticString("\r\n")
            Self.writeField(name, to: &buffer)
            buffer.writeStaticString(": ")
            Self.writeField(value, to: &buffer)
        }
        buffer.writeStaticString(closes ? "\r\nconnection: close\r\n\r\n" : "\r\n\r\n")
        guard !omitsBody else { return buffer }
        switch self.body {
        case .bytes(let bytes): buffer.writeBytes(bytes)
        case .buffer(let body): buffer.writeImmutableBuffer(body)
        }
        return buffer
    }

    /// A line feed within a header would begin another one.
    private static func writeField(_ text: String, to buffer: inout ByteBuffer) {
        if text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) {
            buffer.writeString(text)
        } else {
            buffer.writeBytes(text.utf8.lazy.filter { $0 >= 0x20 && $0 != 0x7F })
        }
    }
}
