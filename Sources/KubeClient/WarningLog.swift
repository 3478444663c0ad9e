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
        for header in headers["Warning"] {
            for text in Self.texts(in: header) {
                let isNew = self.seen.withLock { $0.count < Self.capacity && $0.insert(text).inserted }
                guard isNew else { continue }
                self.logger.inContext.warning(
                    "The API server warns",
                    metadata: ["warning": "\(text)", "method": "\(method)", "path": "\(path)"]
                )
            }
        }
    }

    /// The texts of a value `299 - "text"`, or of several with commas between (RFC 7234 section 5.5). Warnings with other
    /// codes are for caches, not for us.
    static func texts(in header: String) -> [String] {
        var texts: [String] = []
        var rest = header[...]
        while true {
            let words = rest.drop { $0 == " " || $0 == "," }.split(separator: " ", maxSplits: 2)
            guard words.count == 3, words[2].first == "\"" else { return texts }
            let (text, end) = Self.unquote(words[2])
            if words[0] == "299", !text.isEmpty { texts.append(text) }
            // A date in quotes may follow.
            rest = words[2][end...].drop { $0 != "," }
        }
    }

    /// The text of a quoted string, and where it ends.
    private static func unquote(_ quoted: Substring) -> (text: String, end: Substring.Index) {
        var text = ""
        var isEscaped = false
        var place = quoted.index(after: quoted.startIndex)
        while place < quoted.endIndex {
            let character = quoted[place]
            place = quoted.index(after: place)
            if !isEscaped, character == "\"" { break }
            isEscaped = !isEscaped && character == "\\"
            if !isEscaped, text.utf8.count < Self.maximumLength { text.append(character) }
        }
        return (text, place)
    }
}
