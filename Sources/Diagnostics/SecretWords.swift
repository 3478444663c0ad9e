/// Which names announce something secret.
enum SecretWords {
    private static let words = [
        "password", "passwd", "passphrase", "pwd", "secret", "token", "apikey", "accesskey", "privatekey", "keypem",
        "licensekey", "ingestkey", "instrumentationkey", "accountkey", "credential", "authorization", "bearer",
        "cookie",
        "connectionstring", "datasource", "dsn", "htpasswd", "headers",
    ]
    /// What ends so names where the secret is, or says something about it, and isn't one.
    private static let harmless = [
        "name", "names", "ref", "file", "files", "path", "filename", "namespace", "url", "uri", "type", "endpoint",
        "expirationseconds", "scheme", "size", "count", "enabled", "mount", "controller", "version",
    ]

    static func announces(_ name: some StringProtocol) -> Bool {
        let plain = String(
            decoding: name.utf8.filter { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
            },
            as: UTF8.self
        ).lowercased()
        guard !plain.isEmpty, self.words.contains(where: plain.contains) else { return false }
        return !self.harmless.contains(where: plain.hasSuffix)
    }
}
