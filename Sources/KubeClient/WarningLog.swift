import Logging
import NIOHTTP1
import Synchronization

/// Hands the server's `Warning` headers (deprecated versions, unknown fields) to the logger, each text once.
final class WarningLog: Sendable {
    private let logger: Logger
    private let seen = Mutex<Set<String>>([])

    /// A server that makes up new texts forever must not fill the memory: from here on warnings are dropped.
    private static let capacity = 256
    private static let maximumLength = 1_000

    init(logger: Logger) { self.logger = logger }

    func note(_ headers: HTTPHeaders, method: HTTPMethod, path: String) {
        for header in headers[canonicalForm: "Warning"] {
            guard let text = Self.text(of: header) else { continue }
            let isNew = self.seen.withLock { $0.count < Self.capacity && $0.insert(text).inserted }
            guard isNew else { continue }
            self.logger.warning(
                "The API server warns",
                metadata: ["warning": "\(text)", "method": "\(method)", "path": "\(path)"]
            )
        }
    }

    /// The text of a warning value `299 - "text"` (RFC 7234 section 5.5); other codes are for caches, not for us.
    static func text(of header: Substring) -> String? {
        let parts = header.split(separator: " ", maxSplits: 2)
        guard parts.count == 3, parts[0] == "299", parts[2].first == "\"" else { return nil }
        var text = ""
        var isEscaped = false
        for character in parts[2].dropFirst() {
            if isEscaped {
                text.append(character)
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else if character == "\"" {
                break
            } else {
                text.append(character)
            }
            if text.utf8.count >= Self.maximumLength { break }
        }
        return text.isEmpty ? nil : text
    }
}
