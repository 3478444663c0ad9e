import NIOSSL

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The TLS side of a configuration.
struct TLSSettings: Sendable {
    /// Without a client certificate.
    let base: TLSConfiguration
    /// Set when the name check is left to ``PeerNameCheck`` after the handshake.
    let peerCheck: PeerNameCheck?
    /// The name for SNI and the certificate when it differs from the host of the URL.
    let serverName: String?

    /// - Throws: ``KubeClientError`` for certificates that are none.
    init(_ configuration: ClientConfiguration) throws {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        tls.applicationProtocols = ["http/1.1"]
        if let pem = configuration.certificateAuthorities {
            do {
                let certificates = try NIOSSLCertificate.fromPEMBytes(pem)
                if certificates.isEmpty { throw NIOSSLError.failedToLoadCertificate }
                tls.trustRoots = .certificates(certificates)
            } catch {
                throw KubeClientError(
                    .configuration,
                    "the certificate authority for \(configuration.serverURL) is not PEM with certificates",
                    cause: error
                )
            }
        }
        var check: PeerNameCheck?
        var serverName = configuration.tlsServerName
        if configuration.skipsServerVerification {
            tls.certificateVerification = .none
        } else {
            // NIOSSL compares the certificate with a host name, or with the address at the other end of the connection.
            // Through a proxy that address is the proxy's, and a tls-server-name may be an address, too: there the chain
            // is verified in the handshake and the address right after it, before anything is sent.
            let host = ServerHost(configuration.serverURL)
            let address = serverName ?? (configuration.proxyURL == nil ? nil : host?.name)
            if let address, let bytes = PeerNameCheck.bytes(ofAddress: address) {
                tls.certificateVerification = .noHostnameVerification
                check = PeerNameCheck(address: address, bytes: bytes)
                serverName = nil
            }
        }
        self.base = tls
        self.peerCheck = check
        self.serverName = serverName
    }

    /// The settings with a client certificate.
    ///
    /// - Throws: ``KubeClientError`` when it is not PEM, or the key does not fit.
    func with(certificate: [UInt8], key: [UInt8], of owner: String) throws -> TLSConfiguration {
        var tls = self.base
        do {
            let chain = try NIOSSLCertificate.fromPEMBytes(certificate)
            if chain.isEmpty { throw NIOSSLError.failedToLoadCertificate }
            tls.certificateChain = chain.map { .certificate($0) }
        } catch {
            throw KubeClientError(.credentials, "the client certificate of \(owner) is not PEM", cause: error)
        }
        do {
            tls.privateKey = .privateKey(try NIOSSLPrivateKey(bytes: key, format: .pem))
        } catch {
            throw KubeClientError(.credentials, "the client key of \(owner) is not a private key in PEM", cause: error)
        }
        do {
            _ = try NIOSSLContext(configuration: tls)
        } catch {
            throw KubeClientError(
                .credentials,
                "the client certificate and key of \(owner) do not belong together",
                cause: error
            )
        }
        return tls
    }
}

/// Host and port of the server's URL.
struct ServerHost: Hashable {
    /// Without the brackets of an IPv6 address.
    var name: String
    var port: Int?
    var path: String

    init?(_ url: String) {
        guard let scheme = url.utf8.firstIndex(of: UInt8(ascii: ":")) else { return nil }
        var rest = url[url.utf8.index(after: scheme)...]
        guard rest.hasPrefix("//") else { return nil }
        rest = rest.dropFirst(2)
        let end = rest.firstIndex(of: "/") ?? rest.endIndex
        self.path = String(rest[end...])
        rest = rest[..<end]
        if rest.hasPrefix("[") {
            guard let close = rest.firstIndex(of: "]") else { return nil }
            self.name = String(rest[rest.index(after: rest.startIndex)..<close])
            rest = rest[rest.index(after: close)...]
        } else {
            let colon = rest.firstIndex(of: ":") ?? rest.endIndex
            self.name = String(rest[..<colon])
            rest = rest[colon...]
        }
        if rest.isEmpty {
            self.port = nil
        } else {
            guard rest.first == ":", let port = Int(rest.dropFirst()), (1...65_535).contains(port) else { return nil }
            self.port = port
        }
        if self.name.isEmpty { return nil }
    }
}

/// Checks after the handshake that the server's certificate names an IP address.
struct PeerNameCheck: Sendable {
    let address: String
    /// 4 or 16, in network order, as certificates carry them.
    let bytes: [UInt8]

    static func bytes(ofAddress text: String) -> [UInt8]? {
        for (family, count) in [(AF_INET, 4), (AF_INET6, 16)] {
            var bytes = [UInt8](repeating: 0, count: count)
            if inet_pton(family, text, &bytes) == 1 { return bytes }
        }
        return nil
    }

    func verify(_ certificate: NIOSSLCertificate?) throws {
        let isNamed = certificate?._subjectAlternativeNames().contains { name in
            name.nameType == .ipAddress && name.contents.elementsEqual(self.bytes)
        }
        guard isNamed == true else {
            throw KubeClientError(.tls, "the server's certificate is not for \(self.address)")
        }
    }
}
