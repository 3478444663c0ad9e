import Crypto
package import FoundationEssentials

/// What a server shows to its clients: a certificate chain, leaf first, and the leaf's key, both in PEM.
package struct ServingIdentity: Sendable, Hashable {
    package var certificateChainPEM: String
    package var keyPEM: String

    package init(certificateChainPEM: String, keyPEM: String) {
        self.certificateChainPEM = certificateChainPEM
        self.keyPEM = keyPEM
    }
}

/// Everything that replicas share so that they agree on one authority: kept in a Secret, see ``init(secretData:)``.
///
/// The life of an authority: *next* (in the trust bundle, signs nothing yet, so that clients can learn it), *current*
/// (signs serving certificates), *previous* (signs no more, stays in the trust bundle until the last serving certificate
/// it signed has ended). ``RotationPlan`` moves it along.
package struct CertificateBundle: Sendable, Hashable {
    /// An authority that clients are still learning.
    package struct NextAuthority: Sendable, Hashable {
        package var authority: CertificateAuthority
        /// When it entered the trust bundle.
        package var since: Date

        package init(_ authority: CertificateAuthority, since: Date) {
            self.authority = authority
            self.since = since
        }
    }

    /// Signs serving certificates.
    package var authority: CertificateAuthority
    package var next: NextAuthority?
    package var previous: [IssuedCertificate]
    /// When ``previous`` can go; `nil` without any.
    package var previousUntil: Date?
    package var serving: IssuedCertificate
    package var servingKeyPEM: String

    /// - Throws: ``CertificateError`` (mismatch) when the key is not the serving certificate's or none of the authorities
    ///   signed it, (malformed) when the key cannot be read.
    package init(
        authority: CertificateAuthority,
        next: NextAuthority? = nil,
        previous: [IssuedCertificate] = [],
        previousUntil: Date? = nil,
        serving: IssuedCertificate,
        servingKeyPEM: String
    ) throws(CertificateError) {
        self.authority = authority
        self.next = next
        self.previous = previous
        self.previousUntil = previous.isEmpty ? nil : previousUntil
        self.serving = serving
        let key = try CertificateAuthority.key(pem: servingKeyPEM, named: "tls.key")
        // Written anew: one library's idea of PEM is not another's, and what is in a bundle can be served.
        self.servingKeyPEM = key.pemRepresentation + "\n"
        guard serving.holds(key) else {
            throw CertificateError(.mismatch, "tls.key is not the key of the certificate in tls.crt")
        }
        guard self.trusted.contains(where: serving.isSigned) else {
            throw CertificateError(.mismatch, "the certificate in tls.crt is not signed by an authority in ca.crt")
        }
    }

    /// All authorities that clients must trust, the current one first.
    package var trusted: [IssuedCertificate] {
        [self.authority.certificate] + (self.next.map { [$0.authority.certificate] } ?? []) + self.previous
    }

    /// ``trusted`` as one PEM text: what `caBundle` of webhook configurations holds, base64 aside.
    package var trustPEM: String { self.trusted.map(\.pem).joined() }

    /// ``trustPEM`` in base64, as it stands in `webhooks[].clientConfig.caBundle` and a CRD's conversion webhook.
    package var caBundle: String { Data(self.trustPEM.utf8).base64EncodedString() }

    /// What ``AdmissionServer/reload(_:)`` takes. The chain is the leaf alone: clients hold the authority itself.
    package var identity: ServingIdentity {
        ServingIdentity(certificateChainPEM: self.serving.pem, keyPEM: self.servingKeyPEM)
    }
}
