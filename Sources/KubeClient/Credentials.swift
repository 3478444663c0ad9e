import KubeModel
import Logging
import NIOSSL
import Synchronization

/// Who we are, request by request: the `Authorization` header and, where it changes, the client certificate.
final class Credentials: Sendable {
    struct Current: Sendable {
        /// Value of the `Authorization` header.
        var authorization: String?
        /// When set, used in place of the client's TLS settings.
        var tls: TLSConfiguration?
        /// Tells a plugin's credentials apart.
        var serial = 0
    }

    /// The TLS settings for requests whose credential brings none of its own.
    let clientTLS: TLSConfiguration

    private enum Source {
        case header(String?)
        case file(RotatingFile)
        case exec(ExecCredentials)
    }

    private let source: Source
    private let settings: TLSSettings
    private let certificateFiles: (certificate: PEMBytes, key: PEMBytes)?
    private let execFlight = SingleFlight<Current>()
    private let now: @Sendable () -> Timestamp
    private let logger: Logger

    private struct State {
        var exec: (current: Current, expires: Timestamp?)?
        var serial = 0
        var identity: Identity?
    }
    private struct Identity {
        var certificate: [UInt8]
        var key: [UInt8]
        var tls: TLSConfiguration
    }
    private let state = Mutex(State())

    /// A plugin's credential is renewed this long before it expires, for the sake of requests under way.
    private static let expiryMargin = Duration.seconds(10)

    /// - Parameter now: the time of day, what a plugin's expiry is compared with.
    /// - Throws: ``KubeClientError`` for a client certificate that is none.
    init(
        configuration: ClientConfiguration,
        settings: TLSSettings,
        logger: Logger,
        time: TimeSource,
        now: @escaping @Sendable () -> Timestamp = { .now() }
    ) throws {
        self.settings = settings
        self.logger = logger
        self.now = now
        switch (configuration.clientCertificate?.certificate, configuration.clientCertificate?.key) {
        case (.data(let certificate), .data(let key)):
            self.clientTLS = try settings.with(certificate: certificate, key: key, of: "the kubeconfig's user")
            self.certificateFiles = nil
        case (let certificate?, let key?):
            self.clientTLS = settings.base
            self.certificateFiles = (
                PEMBytes(certificate, what: "the client certificate", time: time, logger: logger),
                PEMBytes(key, what: "the client key", time: time, logger: logger)
            )
        default:
            self.clientTLS = settings.base
            self.certificateFiles = nil
        }
        switch configuration.authentication {
        case .none: self.source = .header(nil)
        case .token(let token): self.source = .header("Bearer \(token)")
        case .basic(let username, let password):
            self.source = .header("Basic \(Base64.encode("\(username):\(password)".utf8))")
        case .tokenFile(let path):
            self.source = .file(RotatingFile(path: path, what: "the token", time: time, logger: logger))
        case .exec(let plugin): self.source = .exec(ExecCredentials(plugin, configuration: configuration))
        }
    }

    /// The credential to use now.
    ///
    /// - Throws: ``KubeClientError`` with code `credentials`.
    func current() async throws -> Current {
        var current: Current
        switch self.source {
        case .header(let value): current = Current(authorization: value)
        case .file(let file): current = Current(authorization: try await Self.bearer(file))
        case .exec(let exec): current = try await self.credential(of: exec)
        }
        if current.tls == nil, let files = self.certificateFiles {
            let certificate = try await files.certificate.bytes()
            let key = try await files.key.bytes()
            current.tls = try self.identity(certificate, key)
        }
        return current
    }

    /// The server refused `used` with 401: tries to get another one.
    ///
    /// - Returns: whether there is now a credential that differs.
    func renew(after used: Current) async throws -> Bool {
        switch self.source {
        case .header: return false
        case .file(let file):
            file.expire()
            return try await Self.bearer(file) != used.authorization
        case .exec(let exec):
            self.state.withLock { state in
                if state.exec?.current.serial == used.serial { state.exec = nil }
            }
            return try await self.credential(of: exec).serial != used.serial
        }
    }

    private static func bearer(_ file: RotatingFile) async throws -> String {
        let token = String(decoding: try await file.bytes(), as: UTF8.self).trimmingBlanks()
        if token.isEmpty { throw KubeClientError(.credentials, "the token file \(file.path) is empty") }
        return "Bearer \(token)"
    }

    // MARK: Plugin

    private func credential(of exec: ExecCredentials) async throws -> Current {
        if let known = self.known() { return known }
        return try await self.execFlight.run {
            // Somebody else may have got one between the look above and now.
            if let known = self.known() { return known }
            let credential = try await exec.run()
            var current = Current(authorization: credential.token.map { "Bearer \($0)" })
            if let certificate = credential.certificate, let key = credential.key {
                current.tls = try self.settings.with(
                    certificate: certificate,
                    key: key,
                    of: "the credential plugin '\(exec.plugin.command)'"
                )
            }
            self.logger.debug(
                "Got a credential from the plugin",
                metadata: ["command": "\(exec.plugin.command)", "expires": "\(credential.expires?.rfc3339 ?? "never")"]
            )
            return self.state.withLock { [current] state in
                state.serial += 1
                var numbered = current
                numbered.serial = state.serial
                state.exec = (numbered, credential.expires)
                return numbered
            }
        }
    }

    private func known() -> Current? {
        let now = self.now()
        return self.state.withLock { state in
            guard let known = state.exec else { return nil }
            if let expires = known.expires, expires - now <= Self.expiryMargin { return nil }
            return known.current
        }
    }

    // MARK: Client certificate in files

    private func identity(_ certificate: [UInt8], _ key: [UInt8]) throws -> TLSConfiguration {
        let known = self.state.withLock { $0.identity }
        // The same settings as long as the files are the same, so that connections are shared.
        if let known, known.certificate == certificate, known.key == key { return known.tls }
        do {
            let tls = try self.settings.with(certificate: certificate, key: key, of: "the kubeconfig's user")
            self.state.withLock { $0.identity = Identity(certificate: certificate, key: key, tls: tls) }
            return tls
        } catch {
            // Certificate and key are two files: between their replacements they do not fit.
            guard let known else { throw error }
            return known.tls
        }
    }
}

/// PEM text that is known, or in a file that may be replaced.
enum PEMBytes: Sendable {
    case data([UInt8])
    case file(RotatingFile)

    init(_ source: ClientConfiguration.PEMSource, what: String, time: TimeSource, logger: Logger) {
        switch source {
        case .data(let bytes): self = .data(bytes)
        case .file(let path): self = .file(RotatingFile(path: path, what: what, time: time, logger: logger))
        }
    }

    func bytes() async throws -> [UInt8] {
        switch self {
        case .data(let bytes): bytes
        case .file(let file): try await file.bytes()
        }
    }
}
