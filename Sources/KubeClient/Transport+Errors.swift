import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

extension Transport {
    func timeout(_ request: APIRequest) -> KubeClientError {
        let allowed = request.timeout ?? self.configuration.requestTimeout
        return KubeClientError(.timeout, "\(request.method) \(request.path): no answer within \(allowed)")
    }

    /// Makes what lies beneath throws ours: a code to decide on, a message that says what to look at.
    func translate(_ error: any Error, _ request: APIRequest) -> any Error {
        let server = self.configuration.serverURL
        switch error {
        case is KubeClientError, is CancellationError: return error
        case let error as HTTPClientError: return self.translate(error, request)
        case let error as NIOConnectionError:
            return KubeClientError(.connection, "cannot connect to \(server): \(Self.reason(error))", cause: error)
        case let error as IOError:
            switch error.errnoCode {
            case ECONNRESET, EPIPE, ENOTCONN: return self.closed(request, error)
            default:
                return KubeClientError(
                    .connection,
                    "cannot connect to \(server): \(Self.text(of: error.errnoCode))",
                    cause: error
                )
            }
        case is NIOSSLError where (error as? NIOSSLError) == .uncleanShutdown: return self.closed(request, error)
        case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError:
            return KubeClientError(.tls, "no TLS connection to \(server): \(Self.tlsReason(error))", cause: error)
        case let error as ChannelError:
            switch error {
            case .ioOnClosedChannel, .alreadyClosed, .eof, .inputClosed, .outputClosed:
                return self.closed(request, error)
            default:
                return KubeClientError(.connection, "cannot connect to \(server): \(error)", cause: error)
            }
        // The end of the connection within a body.
        case HTTPParserError.invalidEOFState: return self.closed(request, error)
        case is HTTPParserError:
            return KubeClientError(
                .malformedResponse,
                "\(server) did not answer \(request.method) \(request.path) in HTTP: \(error)",
                cause: error
            )
        case let error as ResponseAccumulator.ResponseTooBigError:
            return KubeClientError(
                .tooLarge,
                """
                \(request.method) \(request.path): the answer is larger than \(error.maxBodySize) bytes; \
                ask for fewer objects at a time
                """,
                cause: error
            )
        default:
            return KubeClientError(.connection, "\(request.method) \(request.path) failed: \(error)", cause: error)
        }
    }

    private func translate(_ error: HTTPClientError, _ request: APIRequest) -> any Error {
        let server = self.configuration.serverURL
        switch error {
        case .cancelled:
            // Our own doing: the task was cancelled, or the client shut down.
            return Task.isCancelled
                ? CancellationError()
                : KubeClientError(
                    .shutDown,
                    "\(request.method) \(request.path): the client was shut down",
                    cause: error
                )
        case .alreadyShutdown:
            return KubeClientError(
                .shutDown,
                "\(request.method) \(request.path): the client was shut down",
                cause: error
            )
        case .deadlineExceeded, .readTimeout, .writeTimeout, .getConnectionFromPoolTimeout:
            return self.timeout(request)
        case .connectTimeout, .tlsHandshakeTimeout, .httpProxyHandshakeTimeout:
            return KubeClientError(.connection, "cannot connect to \(server): no answer within 10 s", cause: error)
        case .remoteConnectionClosed, .uncleanShutdown: return self.closed(request, error)
        case .proxyAuthenticationRequired:
            return KubeClientError(.connection, "the proxy wants a user and password in proxy-url", cause: error)
        case .invalidProxyResponse:
            return KubeClientError(.connection, "the proxy refused to connect to \(server)", cause: error)
        case .invalidURL, .emptyHost, .emptyScheme:
            return KubeClientError(.configuration, "'\(server)' is not the URL of a server", cause: error)
        default:
            return KubeClientError(
                .connection,
                "\(request.method) \(request.path) failed: \(error.description)",
                cause: error
            )
        }
    }

    private func closed(_ request: APIRequest, _ error: any Error) -> KubeClientError {
        KubeClientError(
            .connectionClosed,
            "\(request.method) \(request.path): the connection was closed before the answer was complete",
            cause: error
        )
    }

    private static func reason(_ error: NIOConnectionError) -> String {
        if let failure = error.connectionErrors.first {
            if let io = failure.error as? IOError { return Self.text(of: io.errnoCode) }
            if case ChannelError.connectTimeout = failure.error { return "no answer within 10 s" }
            return "\(failure.error)"
        }
        if error.dnsAError != nil || error.dnsAAAAError != nil { return "the name '\(error.host)' has no address" }
        return "\(error)"
    }

    private static func text(of code: CInt) -> String {
        switch code {
        case ECONNREFUSED: "connection refused"
        case EHOSTUNREACH, ENETUNREACH: "no route to it"
        case ETIMEDOUT: "no answer"
        default: "error \(code) (\(String(cString: strerror(code))))"
        }
    }

    private static func tlsReason(_ error: any Error) -> String {
        let text = "\(error)"
        if text.contains("CERTIFICATE_VERIFY_FAILED") {
            return "its certificate is not signed by the certificate authority of the configuration"
        }
        if case NIOSSLError.unableToValidateCertificate = error {
            return "its certificate is for another name (see tls-server-name)"
        }
        if text.contains("ailedToValidateHostname") || text.contains("ailed to validate hostname") {
            return "its certificate is for another name (see tls-server-name)"
        }
        if text.contains("WRONG_VERSION_NUMBER") { return "it does not speak TLS (is the URL http:// instead?)" }
        return text
    }
}
