/// What Kubernetes takes for names of several kinds.
enum KubeSyntax {
    /// An RFC 1123 label: names of containers and volumes.
    static func isLabel(_ text: String) -> Bool { text.utf8.count <= 63 && self.isLabel(text.utf8[...]) }

    /// An RFC 1123 subdomain: names of most objects, hosts.
    static func isSubdomain(_ text: String) -> Bool {
        text.utf8.count <= 253
            && text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy(self.isLabel)
    }

    private static func isLabel(_ bytes: Substring.UTF8View) -> Bool {
        guard let first = bytes.first, let last = bytes.last else { return false }
        return self.isLower(first) && self.isLower(last)
            && bytes.allSatisfy { self.isLower($0) || $0 == UInt8(ascii: "-") }
    }

    /// What a rule of an Ingress may have as its host: a subdomain, also with `*.` in front, that is no address.
    static func isIngressHost(_ text: String) -> Bool {
        if self.isAddress(text) { return false }
        return self.isSubdomain(text.hasPrefix("*.") ? String(text.dropFirst(2)) : text)
    }

    /// Keys of labels and annotations, application protocols: `[subdomain/]name`.
    static func isQualifiedName(_ text: String) -> Bool {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard let name = parts.last, parts.count <= 2, !name.isEmpty else { return false }
        return self.isLabelValue(String(name)) && (parts.count == 1 || self.isSubdomain(String(parts[0])))
    }

    static func isLabelValue(_ text: String) -> Bool {
        guard let first = text.utf8.first, let last = text.utf8.last else { return true }
        return text.utf8.count <= 63 && self.isAlphanumeric(first) && self.isAlphanumeric(last)
            && text.utf8.allSatisfy { self.isAlphanumeric($0) || "-_.".utf8.contains($0) }
    }

    /// The name of an environment variable, in the narrower sense of servers below 1.30.
    static func isVariable(_ text: String) -> Bool {
        guard let first = text.utf8.first, !(0x30...0x39).contains(first), text != ".", !text.hasPrefix("..") else {
            return false
        }
        return text.utf8.allSatisfy { self.isAlphanumeric($0) || "-_.".utf8.contains($0) }
    }

    /// An IP address: IPv4 exactly, IPv6 by its characters.
    static func isAddress(_ text: String) -> Bool {
        if text.utf8.filter({ $0 == UInt8(ascii: ":") }).count >= 2 {
            return text.utf8.allSatisfy { self.isHexadecimal($0) || ":.".utf8.contains($0) }
        }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { part in UInt8(part).map { String($0) == part } ?? false }
    }

    /// `[host[:port]/]path[:tag][@algorithm:digest]`.
    static func isImage(_ text: String) -> Bool {
        var rest = Substring(text)
        if let at = rest.firstIndex(of: "@") {
            let digest = rest[rest.index(after: at)...].split(separator: ":", omittingEmptySubsequences: false)
            guard digest.count == 2, digest[1].utf8.count >= 32, digest[1].utf8.allSatisfy(self.isHexadecimal),
                !digest[0].isEmpty, digest[0].utf8.allSatisfy({ self.isAlphanumeric($0) || "+._-".utf8.contains($0) })
            else { return false }
            rest = rest[..<at]
        }
        if let colon = rest.lastIndex(of: ":"), !rest[colon...].contains("/") {
            let tag = rest[rest.index(after: colon)...]
            guard let first = tag.utf8.first, tag.utf8.count <= 128, !"-.".utf8.contains(first),
                tag.utf8.allSatisfy({ self.isAlphanumeric($0) || "-_.".utf8.contains($0) })
            else { return false }
            rest = rest[..<colon]
        }
        var parts = rest.split(separator: "/", omittingEmptySubsequences: false)
        if parts.count > 1, let host = parts.first, host.contains(".") || host.contains(":") || host == "localhost" {
            guard !host.isEmpty, host.utf8.allSatisfy({ self.isAlphanumeric($0) || "-.:[]".utf8.contains($0) }) else {
                return false
            }
            parts.removeFirst()
        }
        return parts.allSatisfy { part in
            guard let first = part.utf8.first, let last = part.utf8.last else { return false }
            return self.isLower(first) && self.isLower(last)
                && part.utf8.allSatisfy { self.isLower($0) || "-_.".utf8.contains($0) }
        }
    }

    private static func isLower(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte) }
    private static func isAlphanumeric(_ byte: UInt8) -> Bool { self.isLower(byte) || (0x41...0x5A).contains(byte) }
    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte) || (0x41...0x46).contains(byte)
    }
}
