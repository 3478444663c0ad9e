/// A request that got no answer from the API server, or no answer that could be understood.
///
/// What the server did answer is an ``APIError``; cancellation of the task is a `CancellationError`.
package struct KubeClientError: Error, Sendable {
    package struct Code: Sendable, Hashable, CustomStringConvertible {
        private let name: String
        package var description: String { self.name }

        /// The client's configuration (kubeconfig, environment, files) is incomplete or wrong.
        package static let configuration = Code(name: "configuration")
        /// No credential could be got: token file, exec plugin.
        package static let credentials = Code(name: "credentials")
        /// The call itself makes no sense, such as an empty name.
        package static let invalidRequest = Code(name: "invalidRequest")
        /// No connection could be made: nothing listens, the name has no address, a proxy refused.
        package static let connection = Code(name: "connection")
        /// The connection broke before the answer was complete.
        package static let connectionClosed = Code(name: "connectionClosed")
        /// The TLS handshake failed: a certificate that is not trusted or has another name.
        package static let tls = Code(name: "tls")
        /// No complete answer within the time allowed.
        package static let timeout = Code(name: "timeout")
        /// The answer was not what the API promises (no JSON, no object).
        package static let malformedResponse = Code(name: "malformedResponse")
        /// The answer, or one line of a watch, was larger than the limit.
        package static let tooLarge = Code(name: "tooLarge")
        /// The client was shut down.
        package static let shutDown = Code(name: "shutDown")
    }

    package var code: Code
    package var message: String
    /// What lies beneath, when there is something.
    package var cause: (any Error)?

    package init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }
}

extension KubeClientError: CustomStringConvertible {
    package var description: String { self.message }
}
