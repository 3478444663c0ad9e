import PrometheusConfig

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

extension HTTPClientSettings.Proxy {
    /// The proxy for a URL, `nil` for none.
    func choose(
        for url: String,
        environment: (String) -> String? = { name in getenv(name).map { String(cString: $0) } }
    ) -> String? {
        guard let host = URLParts(url) else { return nil }
        func variable(_ name: String) -> String? {
            for name in [name, name.lowercased()] {
                if let value = environment(name), !value.isEmpty { return value }
            }
            return nil
        }
        if self.fromEnvironment {
            if NoProxy(variable("NO_PROXY") ?? "").covers(host.name) { return nil }
            return variable(host.isSecure ? "HTTPS_PROXY" : "HTTP_PROXY")
        }
        guard let proxy = self.url, !proxy.isEmpty else { return nil }
        guard let exceptions = self.noProxy, !exceptions.isEmpty else { return proxy }
        return NoProxy(exceptions).covers(host.name) ? nil : proxy
    }
}

/// What matters of a URL here.
struct URLParts: Sendable, Equatable {
    var isSecure: Bool
    /// Without the brackets of an IPv6 address.
    var name: String
    var port: Int?
    /// Path and query, with the slash.
    var rest: String

    init?(_ url: String) {
        let lowered = url.lowercased()
        guard lowered.hasPrefix("http://") || lowered.hasPrefix("https://") else { return nil }
        self.isSecure = lowered.hasPrefix("https://")
        let text = url.dropFirst(self.isSecure ? 8 : 7)
        let end = text.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? text.endIndex
        self.rest = String(text[end...])
        if !self.rest.hasPrefix("/") { self.rest = "/" + self.rest }
        var authority = text[..<end]
        if let at = authority.lastIndex(of: "@") { authority = authority[authority.index(after: at)...] }
        var port = Substring()
        if authority.hasPrefix("[") {
            guard let close = authority.firstIndex(of: "]") else { return nil }
            self.name = String(authority[authority.index(after: authority.startIndex)..<close])
            port = authority[authority.index(after: close)...]
        } else {
            let colon = authority.firstIndex(of: ":") ?? authority.endIndex
            self.name = String(authority[..<colon])
            port = authority[colon...]
        }
        if self.name.isEmpty { return nil }
        if port.isEmpty || port == ":" {
            self.port = nil
        } else {
            guard port.first == ":", let number = Int(port.dropFirst()), (1...65_535).contains(number) else {
                return nil
            }
            self.port = number
        }
    }
}

/// A list as in the variable NO_PROXY: names, domains, addresses, networks, or `*`.
struct NoProxy: Sendable {
    private let entries: [String]

    init(_ text: String) {
        self.entries = text.split(whereSeparator: { $0 == "," || $0 == " " }).map { $0.lowercased() }
    }

    func covers(_ host: String) -> Bool {
        let host = host.lowercased()
        // Go takes the own machine out of every list.
        if host == "localhost" || host == "::1" || host.hasPrefix("127.") { return true }
        return self.entries.contains { entry in
            if entry == "*" { return true }
            if entry.contains("/") { return Self.network(entry, contains: host) }
            var name = Substring(entry)
            if let colon = name.lastIndex(of: ":"), name.firstIndex(of: ":") == colon { name = name[..<colon] }
            if name.hasPrefix("*.") { name = name.dropFirst() }
            // A leading dot means subdomains only.
            return name.hasPrefix(".") ? host.hasSuffix(name) : host == name || host.hasSuffix("." + name)
        }
    }

    private static func network(_ network: String, contains host: String) -> Bool {
        let parts = network.split(separator: "/")
        guard parts.count == 2, let bits = Int(parts[1]), let base = Self.bytes(String(parts[0])),
            let address = Self.bytes(host), base.count == address.count, (0...base.count * 8).contains(bits)
        else { return false }
        for place in 0..<bits {
            let mask = UInt8(0x80) >> UInt8(place % 8)
            if base[place / 8] & mask != address[place / 8] & mask { return false }
        }
        return true
    }

    private static func bytes(_ address: String) -> [UInt8]? {
        for (family, count) in [(AF_INET, 4), (AF_INET6, 16)] {
            var bytes = [UInt8](repeating: 0, count: count)
            if inet_pton(family, address, &bytes) == 1 { return bytes }
        }
        return nil
    }
}
