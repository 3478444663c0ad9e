import Crypto
package import FoundationEssentials
import SwiftASN1
import X509

/// One certificate as PEM, with what rotation and people want to know of it.
package struct IssuedCertificate: Sendable, Hashable {
    let x509: Certificate
    /// The certificate in PEM, with a line feed at the end.
    package let pem: String
    /// SHA-256 of the DER form in hexadecimal: the same certificate has the same fingerprint.
    package let fingerprint: String

    init(_ x509: Certificate) throws(CertificateError) {
        do {
            var serializer = DER.Serializer()
            try serializer.serialize(x509)
            self.fingerprint = SHA256.hash(data: serializer.serializedBytes).map { byte in
                byte < 16 ? "0" + String(byte, radix: 16) : String(byte, radix: 16)
            }.joined()
            self.pem = try x509.serializeAsPEM().pemString + "\n"
            self.x509 = x509
        } catch {
            throw CertificateError(.malformed, "a certificate cannot be written: \(error)")
        }
    }

    /// All certificates of a PEM text, in order; what stands between them is ignored.
    ///
    /// - Throws: ``CertificateError`` (malformed) when a block cannot be read or is not a certificate, (missing) when
    ///   there is none.
    package static func parse(pem: String, named name: String = "the PEM text") throws(CertificateError)
        -> [IssuedCertificate]
    {
        let documents: [PEMDocument]
        do {
            documents = try PEMDocument.parseMultiple(pemString: pem)
        } catch {
            throw CertificateError(.malformed, "\(name) is not PEM: \(error)")
        }
        guard !documents.isEmpty else { throw CertificateError(.missing, "\(name) holds no certificate") }
        var certificates: [IssuedCertificate] = []
        for document in documents {
            let certificate: Certificate
            do {
                certificate = try Certificate(pemDocument: document)
            } catch {
                throw CertificateError(.malformed, "\(name) holds a block that is no certificate: \(error)")
            }
            certificates.append(try IssuedCertificate(certificate))
        }
        return certificates
    }

    package var notBefore: Date { self.x509.notValidBefore }
    package var notAfter: Date { self.x509.notValidAfter }
    package var subject: String { self.x509.subject.description }
    package var issuer: String { self.x509.issuer.description }

    /// True from ``notBefore`` to ``notAfter``.
    package func isValid(at now: Date) -> Bool { self.notBefore <= now && now < self.notAfter }

    package var isAuthority: Bool {
        guard let constraints = try? self.x509.extensions.basicConstraints else { return false }
        if case .isCertificateAuthority = constraints { return true }
        return false
    }

    /// The names in the subject alternative name extension.
    package var names: ServerNames {
        var names = ServerNames([])
        guard let alternatives = try? self.x509.extensions.subjectAlternativeNames else { return names }
        names = ServerNames(
            alternatives.compactMap { name in
                if case .dnsName(let text) = name { text } else { nil }
            }
        )
        for case .ipAddress(let address) in alternatives { names.append(address: Array(address.bytes)) }
        return names
    }

    /// True when that authority's key signed this certificate and its name stands as issuer.
    func isSigned(by authority: IssuedCertificate) -> Bool {
        self.x509.issuer == authority.x509.subject
            && authority.x509.publicKey.isValidSignature(self.x509.signature, for: self.x509)
    }

    /// What ``isSigned(by:)`` finds out, from names and key identifiers alone: quick, and enough for certificates whose
    /// signatures were checked when they were read.
    func names(issuer authority: IssuedCertificate) -> Bool {
        guard self.x509.issuer == authority.x509.subject else { return false }
        guard let wanted = try? self.x509.extensions.authorityKeyIdentifier?.keyIdentifier,
            let identifier = try? authority.x509.extensions.subjectKeyIdentifier?.keyIdentifier
        else { return self.isSigned(by: authority) }
        return wanted == identifier
    }

    func holds(_ key: P256.Signing.PrivateKey) -> Bool {
        self.x509.publicKey == Certificate.PublicKey(key.publicKey)
    }

    package static func == (left: IssuedCertificate, right: IssuedCertificate) -> Bool {
        left.fingerprint == right.fingerprint
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(self.fingerprint) }
}
