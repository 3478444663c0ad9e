/// Endpoints as configurations write them: `host:port`, and whatever else people write there.
package enum Endpoint {
    /// The port of an endpoint: the digits of the first `:` that digits follow. None, zero and what no 32 bit number
    /// can hold give nil.
    ///
    /// A bracketed IPv6 address is skipped: `[::1]:4317` is port 4317 (the Go operator reads 1 there).
    package static func port(_ endpoint: String) -> Int? {
        var bytes = Array(endpoint.utf8)[...]
        while let place = bytes.firstIndex(where: { $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "[") }) {
            if bytes[place] == UInt8(ascii: "["), let close = bytes[place...].firstIndex(of: UInt8(ascii: "]")) {
                bytes = bytes[(close + 1)...]
                continue
            }
            bytes = bytes[(place + 1)...]
            let digits = bytes.prefix { (0x30...0x39).contains($0) }
            guard !digits.isEmpty else { continue }
            guard let port = Int32(String(decoding: digits, as: UTF8.self)), port > 0 else { return nil }
            return Int(port)
        }
        return nil
    }

    /// The endpoint with a host in front: `:4317`, and what has no colon, get `0.0.0.0`; an empty one the default port.
    package static func filled(_ endpoint: String?, defaultPort: Int) -> String {
        guard let endpoint, !endpoint.isEmpty else { return "0.0.0.0:\(defaultPort)" }
        let parts = endpoint.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard parts.count < 2 || parts[0].isEmpty, let last = parts.last else { return endpoint }
        return "0.0.0.0:\(String(decoding: last, as: UTF8.self))"
    }
}
