import NIOCore
import NIOSSL
import Synchronization

/// Holds the TLS context that new connections get. Existing connections keep the one they began with, so a change of
/// certificate drops none of them.
///
/// Sessions resumed with a ticket of an earlier context are refused by the new one (ticket keys belong to a context), so
/// from ``reload(_:)`` on every new connection sees the new certificate.
package final class TLSContextSource: Sendable {
    private struct State {
        var context: NIOSSLContext?
        var identity: ServingIdentity?
        var clientAuthorities: String?
    }

    private let policy: TLSPolicy
    private let state = Mutex(State())

    /// Without an identity connections are closed at once, until ``reload(_:)``.
    package init(policy: TLSPolicy = .standard) {
        self.policy = policy
    }

    package convenience init(_ identity: ServingIdentity, policy: TLSPolicy = .standard) throws(CertificateError) {
        self.init(policy: policy)
        try self.reload(identity)
    }

    /// Gives new connections another certificate. The same identity again changes nothing.
    ///
    /// - Parameter clientAuthorities: PEM of the authorities that clients' certificates must come from; with it a client
    ///   without a certificate fails in the handshake. `nil` asks clients for none.
    /// - Returns: whether something changed.
    /// - Throws: ``CertificateError`` when the chain or the key is unreadable or they do not fit; what was served before
    ///   goes on being served.
    @discardableResult
    package func reload(
        _ identity: ServingIdentity,
        clientAuthorities: String? = nil
    ) throws(CertificateError) -> Bool {
        let isKnown = self.state.withLock {
            $0.identity == identity && $0.clientAuthorities == clientAuthorities
        }
        if isKnown { return false }
        let context = try Self.context(identity, clientAuthorities, self.policy)
        self.state.withLock {
            $0 = State(context: context, identity: identity, clientAuthorities: clientAuthorities)
        }
        return true
    }

    /// What is shown to new connections.
    package var identity: ServingIdentity? { self.state.withLock { $0.identity } }

    package var hasIdentity: Bool { self.state.withLock { $0.context != nil } }

    var context: NIOSSLContext? { self.state.withLock { $0.context } }

    private static func context(
        _ identity: ServingIdentity,
        _ clientAuthorities: String?,
        _ policy: TLSPolicy
    ) throws(CertificateError) -> NIOSSLContext {
        let chain: [NIOSSLCertificate]
        do {
            chain = try NIOSSLCertificate.fromPEMBytes(Array(identity.certificateChainPEM.utf8))
        } catch {
            throw CertificateError(.malformed, "the serving certificate is not PEM: \(error)")
        }
        guard !chain.isEmpty else { throw CertificateError(.missing, "there is no serving certificate") }
        let key: NIOSSLPrivateKey
        do {
            key = try NIOSSLPrivateKey(bytes: Array(identity.keyPEM.utf8), format: .pem)
        } catch {
            // The error could quote the text, and the text is a secret.
            throw CertificateError(.malformed, "the key of the serving certificate is not a key in PEM")
        }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) },
            privateKey: .privateKey(key)
        )
        configuration.minimumTLSVersion = policy.minimumVersion == .tls13 ? .tlsv13 : .tlsv12
        if !policy.cipherSuites.isEmpty { configuration.cipherSuiteValues = policy.cipherSuites }
        // Without a protocol named, Go's client would wait for nothing either; naming it keeps h2 off the table.
        configuration.applicationProtocols = ["http/1.1"]
        configuration.shutdownTimeout = .seconds(2)
        if let clientAuthorities {
            let authorities: [NIOSSLCertificate]
            do {
                authorities = try NIOSSLCertificate.fromPEMBytes(Array(clientAuthorities.utf8))
            } catch {
                throw CertificateError(.malformed, "the clients' authorities are not PEM: \(error)")
            }
            guard !authorities.isEmpty else {
                throw CertificateError(.missing, "there are no authorities to check clients' certificates with")
            }
            configuration.trustRoots = .certificates(authorities)
            // A server has no name to compare; chain, time and usage (clientAuth) are checked.
            configuration.certificateVerification = .noHostnameVerification
        }
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw CertificateError(.mismatch, "the serving certificate and its key cannot be used: \(error)")
        }
    }
}
