/// Where a server listens: `:8443` (all addresses, IPv6 and IPv4), `127.0.0.1:8080`, `[::1]:8080`, `localhost:9443`. Port
/// 0 lets the system choose.
package struct ListenAddress: Sendable, Hashable, CustomStringConvertible {
    /// Empty for all addresses.
    package var host: String
    package var port: Int

    package init(host: String = "", port: Int) {
        self.host = host
        self.port = port
    }

    /// - Throws: ``Malformed`` for what is no such text.
    package init(parsing text: String) throws(Malformed) {
        guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")),
            let port = UInt16(text[text.index(after: colon)...])
        else { throw Malformed(text: text) }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
        } else if host.utf8.contains(UInt8(ascii: ":")) {
            // An IPv6 address without brackets could hide its last group as the port.
            throw Malformed(text: text)
        }
        self.init(host: host, port: Int(port))
    }

    package struct Malformed: Error, Hashable, CustomStringConvertible {
        package var text: String
        package var description: String {
            "\"\(self.text)\" is not an address to listen on; expected HOST:PORT or :PORT, such as :8443 or [::1]:8443"
        }
    }

    package var description: String {
        self.host.utf8.contains(UInt8(ascii: ":")) ? "[\(self.host)]:\(self.port)" : "\(self.host):\(self.port)"
    }
}
