import NIOSSL

/// What a TLS server accepts: the lowest version and the cipher suites of TLS 1.2 (those of 1.3 are fixed).
package struct TLSPolicy: Sendable, Hashable {
    package enum Version: String, Sendable, Hashable, CaseIterable {
        case tls12 = "VersionTLS12"
        case tls13 = "VersionTLS13"
    }

    package var minimumVersion: Version
    /// Empty for the library's choice.
    let cipherSuites: [NIOTLSCipher]

    package static let standard = TLSPolicy(minimumVersion: .tls12)

    package init(minimumVersion: Version) {
        self.minimumVersion = minimumVersion
        self.cipherSuites = []
    }

    /// From the words of Kubernetes' flags.
    ///
    /// - Parameters:
    ///   - minimumVersion: `VersionTLS12` or `VersionTLS13`; empty for the former. Older versions are refused.
    ///   - cipherSuites: names of the IANA registry as Go has them, such as `TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256`.
    /// - Throws: ``Unknown`` naming the first word that is not known, and the words that are.
    package init(minimumVersion: String, cipherSuites: [String] = []) throws(Unknown) {
        if minimumVersion.isEmpty {
            self.minimumVersion = .tls12
        } else if let version = Version(rawValue: minimumVersion) {
            self.minimumVersion = version
        } else {
            throw Unknown(what: "minimum TLS version", word: minimumVersion, known: Version.allCases.map(\.rawValue))
        }
        var suites: [NIOTLSCipher] = []
        for name in cipherSuites where !name.isEmpty {
            guard let suite = Self.suites.first(where: { $0.name == name })?.cipher else {
                throw Unknown(what: "TLS cipher suite", word: name, known: Self.suites.map(\.name))
            }
            suites.append(suite)
        }
        self.cipherSuites = suites
    }

    package struct Unknown: Error, Hashable, CustomStringConvertible {
        package var what: String
        package var word: String
        package var known: [String]
        package var description: String {
            "unknown \(self.what) \"\(self.word)\"; known are \(self.known.joined(separator: ", "))"
        }
    }

    private static let suites: [(name: String, cipher: NIOTLSCipher)] = [
        ("TLS_AES_128_GCM_SHA256", .TLS_AES_128_GCM_SHA256),
        ("TLS_AES_256_GCM_SHA384", .TLS_AES_256_GCM_SHA384),
        ("TLS_CHACHA20_POLY1305_SHA256", .TLS_CHACHA20_POLY1305_SHA256),
        ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", .TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256),
        ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", .TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384),
        ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", .TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256),
        ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", .TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256),
        ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", .TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384),
        ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", .TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256),
        ("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", .TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA),
        ("TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", .TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA),
        ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", .TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA),
        ("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", .TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA),
    ]
}
