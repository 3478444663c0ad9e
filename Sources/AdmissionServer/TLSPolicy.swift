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
            if Self.unsupportedSuites.contains(name) {
                throw Unknown(what: "TLS cipher suite", word: name, known: Self.suites.map(\.name), isGone: true)
            }
            guard let suite = Self.suites.first(where: { $0.name == name })?.cipher else {
                throw Unknown(what: "TLS cipher suite", word: name, known: Self.suites.map(\.name))
            }
            suites.append(suite)
        }
        // Those of TLS 1.3 can't be chosen among, but who names only them wants no older version.
        self.cipherSuites = suites.filter { !Self.suitesOf13.contains($0) }
        if !suites.isEmpty, self.cipherSuites.isEmpty { self.minimumVersion = .tls13 }
    }

    package struct Unknown: Error, Hashable, CustomStringConvertible {
        package var what: String
        package var word: String
        package var known: [String]
        /// Go knows it, the TLS library here no longer does.
        package var isGone = false
        package var description: String {
            let problem =
                self.isGone
                ? "\(self.what) \"\(self.word)\" is too weak to be served here"
                : "unknown \(self.what) \"\(self.word)\""
            return "\(problem); known are \(self.known.joined(separator: ", "))"
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
        // Go's older names.
        ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305", .TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256),
        ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305", .TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256),
        ("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", .TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA),
        ("TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", .TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA),
        ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", .TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA),
        ("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", .TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA),
        ("TLS_RSA_WITH_AES_128_GCM_SHA256", .TLS_RSA_WITH_AES_128_GCM_SHA256),
        ("TLS_RSA_WITH_AES_256_GCM_SHA384", .TLS_RSA_WITH_AES_256_GCM_SHA384),
        ("TLS_RSA_WITH_AES_128_CBC_SHA", .TLS_RSA_WITH_AES_128_CBC_SHA),
        ("TLS_RSA_WITH_AES_256_CBC_SHA", .TLS_RSA_WITH_AES_256_CBC_SHA),
    ]

    private static let suitesOf13: [NIOTLSCipher] = [
        .TLS_AES_128_GCM_SHA256, .TLS_AES_256_GCM_SHA384, .TLS_CHACHA20_POLY1305_SHA256,
    ]

    /// What Go has besides.
    private static let unsupportedSuites: Set<String> = [
        "TLS_RSA_WITH_RC4_128_SHA", "TLS_RSA_WITH_3DES_EDE_CBC_SHA", "TLS_RSA_WITH_AES_128_CBC_SHA256",
        "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA", "TLS_ECDHE_RSA_WITH_RC4_128_SHA", "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
        "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
    ]
}
