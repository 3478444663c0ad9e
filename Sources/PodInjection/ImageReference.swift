/// The tag and digest of an image reference, by the grammar of the distribution project: `[host[:port]/]path[:tag][@digest]`
/// (specification section 6.3).
struct ImageReference: Sendable, Hashable {
    /// Empty when it has none.
    var tag = ""
    /// Empty when it has none.
    var digest = ""

    /// What it says about the version: `tag@digest`, either one, or nothing.
    var version: String {
        if self.tag.isEmpty { return self.digest }
        return self.digest.isEmpty ? self.tag : "\(self.tag)@\(self.digest)"
    }

    /// `nil` for a text that isn't a reference.
    init?(_ text: String) {
        var text = text
        guard let parsed = text.withUTF8({ Self.parse(UnsafeBufferPointer(rebasing: $0[...])) }) else { return nil }
        self = parsed
    }

    private init(tag: String, digest: String) {
        self.tag = tag
        self.digest = digest
    }

    private typealias Bytes = UnsafeBufferPointer<UInt8>.SubSequence

    private static func parse(_ text: UnsafeBufferPointer<UInt8>) -> ImageReference? {
        var name = text[...]
        var digest = ""
        if let at = name.firstIndex(of: UInt8(ascii: "@")) {
            guard Self.isDigest(name[(at + 1)...]) else { return nil }
            digest = String(decoding: name[(at + 1)...], as: UTF8.self)
            name = name[..<at]
        }
        var tag = ""
        let lastSlash = name.lastIndex(of: UInt8(ascii: "/"))
        let lastComponent = lastSlash.map { name.index(after: $0) } ?? name.startIndex
        if let colon = name[lastComponent...].firstIndex(of: UInt8(ascii: ":")) {
            guard Self.isTag(name[(colon + 1)...]) else { return nil }
            tag = String(decoding: name[(colon + 1)...], as: UTF8.self)
            name = name[..<colon]
        }
        guard name.count <= 255 else { return nil }
        var components = name.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        if components.count > 1, let first = components.first, Self.isHost(first) { components.removeFirst() }
        guard !components.isEmpty, components.allSatisfy(Self.isPathComponent) else { return nil }
        return ImageReference(tag: tag, digest: digest)
    }

    private static func isLower(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte) }
    private static func isUpper(_ byte: UInt8) -> Bool { (0x41...0x5A).contains(byte) }
    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        Self.isLower(byte) || Self.isUpper(byte) || Self.isDigit(byte)
    }

    /// `[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}`
    private static func isTag(_ text: Bytes) -> Bool {
        guard let first = text.first, text.count <= 128, Self.isAlphanumeric(first) || first == UInt8(ascii: "_") else {
            return false
        }
        return text.allSatisfy { Self.isAlphanumeric($0) || $0 == 0x5F || $0 == 0x2E || $0 == 0x2D }
    }

    /// `algorithm:hex`, of the algorithms that images use.
    private static func isDigest(_ text: Bytes) -> Bool {
        for (algorithm, length) in [("sha256:", 64), ("sha512:", 128), ("sha384:", 96)] {
            guard text.starts(with: algorithm.utf8) else { continue }
            let hex = text.dropFirst(algorithm.utf8.count)
            return hex.count == length && hex.allSatisfy { Self.isDigit($0) || (0x61...0x66).contains($0) }
        }
        return false
    }

    /// Parts of letters, digits and hyphens (not at their ends) between dots, or an IPv6 address in brackets; then
    /// perhaps a port.
    private static func isHost(_ text: Bytes) -> Bool {
        var host = text
        if let colon = text.lastIndex(of: UInt8(ascii: ":")), text.last != UInt8(ascii: "]") {
            let port = text[(colon + 1)...]
            guard !port.isEmpty, port.allSatisfy(Self.isDigit) else { return false }
            host = text[..<colon]
        }
        if host.first == UInt8(ascii: "["), host.last == UInt8(ascii: "]") {
            let address = host.dropFirst().dropLast()
            return !address.isEmpty
                && address.allSatisfy {
                    Self.isDigit($0) || (0x61...0x66).contains($0 | 0x20) || $0 == UInt8(ascii: ":")
                }
        }
        return host.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy { part in
            guard let first = part.first, let last = part.last else { return false }
            return Self.isAlphanumeric(first) && Self.isAlphanumeric(last)
                && part.allSatisfy { Self.isAlphanumeric($0) || $0 == UInt8(ascii: "-") }
        }
    }

    /// Runs of lower-case letters and digits, between them `.`, `_`, `__` or any number of hyphens.
    private static func isPathComponent(_ text: Bytes) -> Bool {
        var place = text.startIndex
        func skipRun() -> Bool {
            let start = place
            while place < text.endIndex, Self.isLower(text[place]) || Self.isDigit(text[place]) { place += 1 }
            return place > start
        }
        guard skipRun() else { return false }
        while place < text.endIndex {
            switch text[place] {
            case UInt8(ascii: "."): place += 1
            case UInt8(ascii: "_"):
                place += 1
                if place < text.endIndex, text[place] == UInt8(ascii: "_") { place += 1 }
            case UInt8(ascii: "-"):
                while place < text.endIndex, text[place] == UInt8(ascii: "-") { place += 1 }
            default: return false
            }
            guard skipRun() else { return false }
        }
        return true
    }
}
