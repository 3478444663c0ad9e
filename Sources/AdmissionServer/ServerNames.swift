import Glibc

/// The names and addresses a serving certificate is for.
package struct ServerNames: Sendable, Hashable {
    /// DNS names in lower case, each once, in the order given.
    package private(set) var dns: [String] = []
    /// IPv4 and IPv6 addresses in network byte order, 4 or 16 bytes.
    package private(set) var addresses: [[UInt8]] = []

    /// - Parameter names: DNS names and textual addresses (`webhook.ns.svc`, `127.0.0.1`, `[::1]`). A trailing dot goes;
    ///   what can stand in no certificate (empty, not ASCII, with spaces) is left out.
    package init(_ names: some Sequence<String>) {
        for name in names {
            var text = name.lowercased()
            if text.hasPrefix("["), text.hasSuffix("]") { text = String(text.dropFirst().dropLast()) }
            if let address = Self.address(text) {
                if !self.addresses.contains(address) { self.addresses.append(address) }
                continue
            }
            if text.hasSuffix(".") { text.removeLast() }
            let isName =
                !text.isEmpty && text.utf8.count <= 253
                && text.utf8.allSatisfy { byte in
                    switch byte {
                    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
                    case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "*"): true
                    default: false
                    }
                }
            if isName, !self.dns.contains(text) { self.dns.append(text) }
        }
    }

    /// The names under which an API server and others reach a Service: `NAME.NAMESPACE.svc` is the one webhooks use.
    package static func service(_ name: String, namespace: String, also more: [String] = []) -> ServerNames {
        ServerNames(
            ["\(name).\(namespace).svc", "\(name).\(namespace).svc.cluster.local", "\(name).\(namespace)"] + more
        )
    }

    package var isEmpty: Bool { self.dns.isEmpty && self.addresses.isEmpty }

    /// True when every one of `other` is among these.
    package func covers(_ other: ServerNames) -> Bool {
        other.dns.allSatisfy(self.dns.contains) && other.addresses.allSatisfy(self.addresses.contains)
    }

    mutating func append(address: [UInt8]) {
        if address.count == 4 || address.count == 16 { self.addresses.append(address) }
    }

    private static func address(_ text: String) -> [UInt8]? {
        var v4 = [UInt8](repeating: 0, count: 4)
        if inet_pton(AF_INET, text, &v4) == 1 { return v4 }
        var v6 = [UInt8](repeating: 0, count: 16)
        return inet_pton(AF_INET6, text, &v6) == 1 ? v6 : nil
    }
}
