package import NIOSSL

extension ClientConfiguration {
    /// Where the server is, for who speaks to it without a ``KubeClient``: a proxy between client and server in tests.
    ///
    /// - Returns: host, port and, for https, the TLS settings with the client certificate as far as it is known by value.
    /// - Throws: ``KubeClientError`` when the URL or a certificate is none.
    package func endpoint() throws -> (host: String, port: Int, tls: TLSConfiguration?) {
        guard let host = ServerHost(self.serverURL) else {
            throw KubeClientError(.configuration, "the server's URL '\(self.serverURL)' is not a URL")
        }
        guard self.serverURL.hasPrefix("https:") else { return (host.name, host.port ?? 80, nil) }
        let settings = try TLSSettings(self)
        switch (self.clientCertificate?.certificate, self.clientCertificate?.key) {
        case (.data(let certificate), .data(let key)):
            let tls = try settings.with(certificate: certificate, key: key, of: "the kubeconfig's user")
            return (host.name, host.port ?? 443, tls)
        default: return (host.name, host.port ?? 443, settings.base)
        }
    }
}
