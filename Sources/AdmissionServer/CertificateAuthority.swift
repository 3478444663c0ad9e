import Crypto
package import FoundationEssentials
import SwiftASN1
import X509

/// A certificate authority of our own: its certificate and the P-256 key that signs. Pure: values in, values out; only the
/// keys and serial numbers it makes are random.
///
/// RFC 5280 profile: the authority has basic constraints (critical, no further authority below it) and key usage
/// certificate signing; a serving certificate has the names, key usage digital signature and extended key usage server
/// authentication; key identifiers tie the two together, so that a client that trusts two of our authorities finds the
/// right one.
package struct CertificateAuthority: Sendable, Hashable {
    package let certificate: IssuedCertificate
    private let key: P256.Signing.PrivateKey

    /// The key in PEM (PKCS #8).
    package var keyPEM: String { self.key.pemRepresentation + "\n" }

    /// Puts a certificate and its key together.
    ///
    /// - Throws: ``CertificateError`` (malformed) when the key cannot be read, (mismatch) when it is not the
    ///   certificate's or the certificate is not an authority's.
    package init(certificate: IssuedCertificate, keyPEM: String) throws(CertificateError) {
        let key = try Self.key(pem: keyPEM, named: "the authority's key")
        guard certificate.holds(key) else {
            throw CertificateError(.mismatch, "the authority's key is not the key of its certificate")
        }
        guard certificate.isAuthority else {
            throw CertificateError(.mismatch, "\(certificate.subject) is not a certificate authority")
        }
        self.certificate = certificate
        self.key = key
    }

    private init(certificate: IssuedCertificate, key: P256.Signing.PrivateKey) {
        self.certificate = certificate
        self.key = key
    }

    /// Makes a new authority with a new key.
    ///
    /// - Parameters:
    ///   - name: its common name; a part of its serial number is added, so that two authorities never share a name.
    ///   - now: it is valid from `backdate` before.
    ///   - lifetime: how long it is valid from `now` on.
    ///   - backdate: allowance for clocks that are behind.
    package static func make(
        name: String = "swiftlet-ca",
        now: Date,
        lifetime: TimeInterval = RotationPolicy.standard.authorityLifetime,
        backdate: TimeInterval = RotationPolicy.standard.backdate
    ) throws(CertificateError) -> CertificateAuthority {
        let key = P256.Signing.PrivateKey()
        let serial = Certificate.SerialNumber()
        let suffix = serial.bytes.suffix(4).map { String($0, radix: 16) }.joined()
        let certificate = try Self.issue {
            let subject = try DistinguishedName { CommonName("\(name)-\(suffix)") }
            return try Certificate(
                version: .v3,
                serialNumber: serial,
                publicKey: Certificate.PublicKey(key.publicKey),
                notValidBefore: now - backdate,
                notValidAfter: now + lifetime,
                issuer: subject,
                subject: subject,
                signatureAlgorithm: .ecdsaWithSHA256,
                extensions: try Certificate.Extensions {
                    Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
                    Critical(KeyUsage(keyCertSign: true, cRLSign: true))
                    SubjectKeyIdentifier(hash: Certificate.PublicKey(key.publicKey))
                },
                issuerPrivateKey: Certificate.PrivateKey(key)
            )
        }
        return CertificateAuthority(certificate: certificate, key: key)
    }

    /// Makes a serving certificate with a new key.
    ///
    /// - Parameters:
    ///   - names: at least one.
    ///   - lifetime: how long it is valid from `now` on, but never longer than the authority itself.
    ///   - isClient: whether its holder shows it to servers, too.
    /// - Throws: ``CertificateError`` (signing) without a name or when the authority has ended.
    package func issueServing(
        for names: ServerNames,
        now: Date,
        lifetime: TimeInterval = RotationPolicy.standard.servingLifetime,
        backdate: TimeInterval = RotationPolicy.standard.backdate,
        isClient: Bool = false
    ) throws(CertificateError) -> (certificate: IssuedCertificate, keyPEM: String) {
        guard !names.isEmpty else {
            throw CertificateError(.signing, "a serving certificate needs a name or an address")
        }
        guard now < self.certificate.notAfter else {
            throw CertificateError(.signing, "the authority \(self.certificate.subject) has ended")
        }
        let key = P256.Signing.PrivateKey()
        let certificate = try Self.issue {
            let publicKey = Certificate.PublicKey(key.publicKey)
            let alternatives =
                names.dns.map { GeneralName.dnsName($0) }
                + names.addresses.map { GeneralName.ipAddress(ASN1OctetString(contentBytes: $0[...])) }
            return try Certificate(
                version: .v3,
                serialNumber: Certificate.SerialNumber(),
                publicKey: publicKey,
                notValidBefore: max(now - backdate, self.certificate.notBefore),
                notValidAfter: min(now + lifetime, self.certificate.notAfter),
                issuer: self.certificate.x509.subject,
                subject: try Self.subject(for: names),
                signatureAlgorithm: .ecdsaWithSHA256,
                extensions: try Certificate.Extensions {
                    Critical(BasicConstraints.notCertificateAuthority)
                    Critical(KeyUsage(digitalSignature: true))
                    try ExtendedKeyUsage(isClient ? [.clientAuth, .serverAuth] : [.serverAuth])
                    SubjectAlternativeNames(alternatives)
                    SubjectKeyIdentifier(hash: publicKey)
                    AuthorityKeyIdentifier(
                        keyIdentifier: try self.certificate.x509.extensions.subjectKeyIdentifier?.keyIdentifier
                            ?? SubjectKeyIdentifier(hash: self.certificate.x509.publicKey).keyIdentifier
                    )
                },
                issuerPrivateKey: Certificate.PrivateKey(self.key)
            )
        }
        return (certificate, key.pemRepresentation + "\n")
    }

    /// A common name has at most 64 characters (RFC 5280, upper bounds); clients look at the names extension anyway.
    private static func subject(for names: ServerNames) throws -> DistinguishedName {
        let name = names.dns.first { $0.utf8.count <= 64 } ?? "swiftlet"
        return try DistinguishedName { CommonName(name) }
    }

    private static func issue(_ make: () throws -> Certificate) throws(CertificateError) -> IssuedCertificate {
        let certificate: Certificate
        do {
            certificate = try make()
        } catch {
            throw CertificateError(.signing, "a certificate could not be made: \(error)")
        }
        return try IssuedCertificate(certificate)
    }

    static func key(pem: String, named name: String) throws(CertificateError) -> P256.Signing.PrivateKey {
        do {
            return try P256.Signing.PrivateKey(pemRepresentation: pem)
        } catch {
            // The error could quote the text, and the text is a secret.
            throw CertificateError(.malformed, "\(name) is not a P-256 key in PEM")
        }
    }

    package static func == (left: CertificateAuthority, right: CertificateAuthority) -> Bool {
        left.certificate == right.certificate
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(self.certificate) }
}
