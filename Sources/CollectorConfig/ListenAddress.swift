/// Host and port of an endpoint as the collector reads them when it listens: stricter than ``Endpoint``, which follows
/// the Go operator's reading.
struct ListenAddress: Hashable {
    /// Without brackets; empty for all addresses.
    var host: String
    /// 0 asks for any port.
    var port: Int

    enum Reading: Hashable {
        case address(ListenAddress)
        /// A socket in the file system, or something that a variable decides.
        case unknowable
        /// What is wrong, to be read behind the endpoint, and how to mend it.
        case wrong(String)
    }

    /// Names of ports that Go knows without a list of services.
    private static let names = ["domain": 53, "http": 80, "https": 443, "smtp": 25, "ssh": 22, "telnet": 23]

    static func read(_ endpoint: String) -> Reading {
        let bytes = Array(endpoint.utf8)
        if let variable = bytes.lastIndex(of: UInt8(ascii: "$")) {
            // Only the host, if the port stands behind it in plain digits: `${env:POD_IP}:4317`.
            let rest = bytes[max(variable, bytes.lastIndex(of: UInt8(ascii: "}")) ?? 0)...]
            guard let colon = rest.lastIndex(of: UInt8(ascii: ":")),
                let port = Int(String(decoding: bytes[(colon + 1)...], as: UTF8.self)), (0...65535).contains(port)
            else { return .unknowable }
            return .address(ListenAddress(host: String(decoding: bytes[..<colon], as: UTF8.self), port: port))
        }
        if let first = bytes.first, "/@.".utf8.contains(first) || bytes.starts(with: "unix".utf8) { return .unknowable }
        if endpoint.utf8.contains(UInt8(ascii: "/")) {
            return .wrong("is an address with a scheme or a path: write host:port only")
        }
        guard let colon = bytes.lastIndex(of: UInt8(ascii: ":")), colon > (bytes.lastIndex(of: UInt8(ascii: "]")) ?? -1)
        else { return .wrong("has no port: write host:port") }
        var host = bytes[..<colon]
        if host.first == UInt8(ascii: "[") {
            guard host.last == UInt8(ascii: "]") else { return .wrong("has an unclosed bracket: write [address]:port") }
            host = host.dropFirst().dropLast()
        } else if host.contains(UInt8(ascii: ":")) {
            return .wrong("has too many colons: put an IPv6 address in brackets, as in [::1]:4317")
        }
        let text = String(decoding: bytes[(colon + 1)...], as: UTF8.self)
        guard let port = text.isEmpty ? 0 : Int(text) ?? Self.names[text.lowercased()], (0...65535).contains(port)
        else {
            return .wrong("has no valid port: write a number from 1 to 65535 after the colon")
        }
        return .address(ListenAddress(host: String(decoding: host, as: UTF8.self), port: port))
    }

    /// Whether only one of the two can be had: the same port on the same host, or on all of them.
    func collides(with other: ListenAddress) -> Bool {
        guard self.port == other.port, self.port != 0 else { return false }
        let (left, right) = (Self.family(self.host), Self.family(other.host))
        switch (left, right) {
        case (.everything, _), (_, .everything): return true
        case (.everyIPv4, .ipv6), (.ipv6, .everyIPv4): return false
        case (.everyIPv4, _), (_, .everyIPv4): return true
        case (.ipv4(let left), .ipv4(let right)), (.ipv6(let left), .ipv6(let right)),
            (.name(let left), .name(let right)):
            return left == right
        default: return false
        }
    }

    private enum Family {
        /// All addresses of both families.
        case everything
        case everyIPv4
        case ipv4(String)
        case ipv6(String)
        case name(String)
    }

    private static func family(_ host: String) -> Family {
        if host.utf8.contains(UInt8(ascii: "$")) { return .name(host) }
        return switch host.lowercased() {
        case "", "::", "0:0:0:0:0:0:0:0": .everything
        case "0.0.0.0": .everyIPv4
        case "localhost": .ipv4("127.0.0.1")
        case let host where host.utf8.contains(UInt8(ascii: ":")): .ipv6(host)
        case let host where host.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == UInt8(ascii: ".") }): .ipv4(host)
        case let host: .name(host)
        }
    }
}
