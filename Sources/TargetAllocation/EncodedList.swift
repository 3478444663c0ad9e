import PrometheusModel

/// An answer's bytes, and what its client may keep them by.
package struct EncodedList<Body: Sendable>: Sendable {
    package var body: Body
    /// Whether `body` is one gzip member.
    package var isCompressed: Bool
    /// Of these bytes: quoted, and another one when they are compressed. Equal content has the same on every replica.
    package var entityTag: String
    /// Which version of the list it is; `delivered` wants it back.
    package var version: UInt64

    /// Whether an `If-None-Match` header names it: then the client has it, and 304 is the answer.
    package func isNamed(by header: String) -> Bool { EntityTag.matches(header, self.entityTag) }
}

package enum EntityTag {
    static func make(_ bytes: UnsafeRawBufferPointer, isCompressed: Bool) -> String {
        let hash = bytes.withMemoryRebound(to: UInt8.self) { XXH64.hash($0) }
        let digits = String(hash, radix: 16)
        return "\"" + String(repeating: "0", count: 16 - digits.utf8.count) + digits + (isCompressed ? "-gzip\"" : "\"")
    }

    /// RFC 9110, 13.1.2: a list of tags or `*`, compared weakly.
    package static func matches(_ header: String, _ tag: String) -> Bool {
        var rest = Substring(header)[...]
        func skip(_ bytes: String) { rest = rest.drop { bytes.contains($0) } }
        skip(" \t,")
        if rest.first == "*" { return true }
        while !rest.isEmpty {
            if rest.hasPrefix("W/") { rest = rest.dropFirst(2) }
            guard rest.first == "\"", let end = rest.dropFirst().firstIndex(of: "\"") else { return false }
            if rest[...end] == tag { return true }
            rest = rest[rest.index(after: end)...]
            skip(" \t,")
        }
        return false
    }
}
