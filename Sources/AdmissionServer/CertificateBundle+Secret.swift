import Crypto
import FoundationEssentials
package import JSONTree

/// What was found where a ``CertificateBundle`` should be.
package enum StoredBundle: Sendable, Hashable {
    /// No Secret, or one without data.
    case absent
    /// Something that is no bundle, and why.
    case corrupt(CertificateError)
    case intact(CertificateBundle)

    /// Reads `data` of a Secret; `nil` or an empty object is ``absent``.
    package init(secretData data: JSONObject?) {
        guard let data, !data.isEmpty else {
            self = .absent
            return
        }
        do throws(CertificateError) {
            self = .intact(try CertificateBundle(secretData: data))
        } catch {
            self = .corrupt(error)
        }
    }

    package var bundle: CertificateBundle? {
        if case .intact(let bundle) = self { bundle } else { nil }
    }
}

// The Secret is of type `kubernetes.io/tls`, so that everything that reads such Secrets can use it:
//
//     tls.crt, tls.key    the serving certificate and its key
//     ca.crt              all authorities to trust: current, next, previous
//
// and, only for replicas of ours:
//
//     ca.key              the key of the current authority, which says which certificate of ca.crt that is
//     next-ca.key         the key of the next one
//     next-ca.since       when the next one entered ca.crt (RFC 3339)
//     previous-ca.until   when the previous ones can go (RFC 3339)
extension CertificateBundle {
    package static let secretType = "kubernetes.io/tls"

    /// Reads `data` of a Secret.
    ///
    /// - Throws: ``CertificateError`` naming the key that is absent, unreadable or does not fit the others.
    package init(secretData data: JSONObject) throws(CertificateError) {
        let serving = try IssuedCertificate.parse(pem: try Self.text(data, "tls.crt"), named: "tls.crt")
        let trusted = try IssuedCertificate.parse(pem: try Self.text(data, "ca.crt"), named: "ca.crt")
        var others = trusted

        func take(_ name: String) throws(CertificateError) -> CertificateAuthority {
            let key = try CertificateAuthority.key(pem: try Self.text(data, name), named: name)
            guard let place = others.firstIndex(where: { $0.holds(key) }) else {
                throw CertificateError(.mismatch, "\(name) is the key of no certificate in ca.crt")
            }
            return try CertificateAuthority(certificate: others.remove(at: place), keyPEM: key.pemRepresentation)
        }

        let authority = try take("ca.key")
        var next: NextAuthority?
        if data.contains("next-ca.key") {
            next = NextAuthority(try take("next-ca.key"), since: try Self.date(data, "next-ca.since"))
        }
        let until = others.isEmpty ? nil : try Self.date(data, "previous-ca.until")
        guard let leaf = serving.first else { throw CertificateError(.missing, "tls.crt holds no certificate") }
        try self.init(
            authority: authority,
            next: next,
            previous: others,
            previousUntil: until,
            serving: leaf,
            servingKeyPEM: try Self.text(data, "tls.key")
        )
    }

    /// `data` of the Secret. Equal bundles give equal data, keys in byte order.
    package var secretData: JSONObject {
        var data: [String: String] = [
            "tls.crt": self.serving.pem,
            "tls.key": self.servingKeyPEM,
            "ca.crt": self.trustPEM,
            "ca.key": self.authority.keyPEM,
        ]
        if let next = self.next {
            data["next-ca.key"] = next.authority.keyPEM
            data["next-ca.since"] = next.since.formatted(.iso8601)
        }
        if let until = self.previousUntil { data["previous-ca.until"] = until.formatted(.iso8601) }
        return JSONObject(strings: data.mapValues { Data($0.utf8).base64EncodedString() })
    }

    private static func text(_ data: JSONObject, _ name: String) throws(CertificateError) -> String {
        guard let encoded = data[string: name], !encoded.isEmpty else {
            throw CertificateError(.missing, "the Secret has no \(name)")
        }
        guard let bytes = Data(base64Encoded: encoded) else {
            throw CertificateError(.malformed, "\(name) of the Secret is not base64")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw CertificateError(.malformed, "\(name) of the Secret is not text")
        }
        return text
    }

    private static func date(_ data: JSONObject, _ name: String) throws(CertificateError) -> Date {
        let text = try self.text(data, name)
        do {
            return try Date(text, strategy: .iso8601)
        } catch {
            throw CertificateError(.malformed, "\(name) of the Secret is not a time in RFC 3339")
        }
    }
}
