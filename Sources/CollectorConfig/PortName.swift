/// Names of ports (specification section 0.3).
package enum PortName {
    /// A name made from a component id: `/` and `_` become `-`; what is longer than 15 bytes or is no name then becomes
    /// `port-<port>`.
    package static func make(_ name: String, port: Int) -> String {
        let fallback = "port-\(port)"
        guard name.utf8.count <= 15 else { return fallback }
        let replaced = String(
            decoding: name.utf8.map { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "_") ? UInt8(ascii: "-") : $0 },
            as: UTF8.self
        )
        return self.isQualified(replaced) ? replaced : fallback
    }

    /// `^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$`
    private static func isQualified(_ name: String) -> Bool {
        guard let first = name.utf8.first, let last = name.utf8.last else { return true }
        return self.isAlphanumeric(first) && self.isAlphanumeric(last)
            && name.utf8.allSatisfy {
                self.isAlphanumeric($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: ".")
            }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }

    /// Why a name is none that Kubernetes takes for a port (IANA_SVC_NAME), in its own words; empty for a good name.
    package static func problems(_ name: String) -> [String] {
        var problems: [String] = []
        if name.utf8.count > 15 { problems.append("must be no more than 15 characters") }
        let bytes = Array(name.utf8)
        if !bytes.allSatisfy({ self.isLower($0) || $0 == UInt8(ascii: "-") }) || bytes.isEmpty {
            problems.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
        }
        if !bytes.contains(where: { (0x61...0x7A).contains($0) }) {
            problems.append("must contain at least one letter (a-z)")
        }
        if zip(bytes, bytes.dropFirst()).contains(where: { $0 == UInt8(ascii: "-") && $1 == UInt8(ascii: "-") }) {
            problems.append("must not contain consecutive hyphens")
        }
        if bytes.first == UInt8(ascii: "-") || bytes.last == UInt8(ascii: "-") {
            problems.append("must not begin or end with a hyphen")
        }
        return problems
    }

    private static func isLower(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte)
    }

    /// Why a number is no port.
    package static func problems(number: Int) -> [String] {
        (1...65535).contains(number) ? [] : ["must be between 1 and 65535, inclusive"]
    }
}
