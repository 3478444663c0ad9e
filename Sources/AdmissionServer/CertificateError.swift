/// Why a certificate, a key or a Secret full of them is of no use.
package struct CertificateError: Error, Hashable, CustomStringConvertible {
    package enum Code: Sendable, Hashable {
        /// A part is absent.
        case missing
        /// A part is not what it should be: not base64, not PEM, not a certificate, not a P-256 key.
        case malformed
        /// The parts do not belong together: another key, another issuer.
        case mismatch
        /// A certificate could not be made.
        case signing
    }

    package var code: Code
    package var message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { self.message }
}
