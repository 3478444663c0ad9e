import JSONTree
import KubeModel
import Subprocess
import _NIOFileSystem

/// Runs a credential plugin and reads what it prints.
///
/// Source: https://kubernetes.io/docs/reference/config-api/client-authentication.v1/
struct ExecCredentials: Sendable {
    static let supportedVersions = ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"]

    /// A plugin may ask a cloud's API, not a person.
    private static let timeout = Duration.seconds(60)
    private static let maximumOutput = 1 << 20

    let plugin: ClientConfiguration.ExecPlugin
    let clusterInfo: JSONObject?
    var timeout = Self.timeout

    init(_ plugin: ClientConfiguration.ExecPlugin, configuration: ClientConfiguration) {
        self.plugin = plugin
        self.clusterInfo = plugin.providesClusterInfo ? Self.clusterInfo(of: configuration, plugin) : nil
    }

    /// What a plugin gave.
    struct Credential: Sendable, Hashable {
        var token: String?
        var certificate: [UInt8]?
        var key: [UInt8]?
        /// `nil` holds until the server refuses it.
        var expires: Timestamp?
    }

    /// - Throws: ``KubeClientError`` with code `credentials`: what went wrong with which program.
    func run() async throws -> Credential {
        let result = try await self.execute()
        guard result.status.isSuccess else {
            let how: String =
                switch result.status {
                case .exited(let code): "ended with code \(code)"
                case .signaled(let signal): "was ended by signal \(signal)"
                }
            throw self.error("\(how)\(Self.excerpt(of: result.error))")
        }
        return try self.read(result.output)
    }

    private struct Finished: Sendable {
        var status: TerminationStatus
        var output: [UInt8]
        var error: String
    }

    private func execute() async throws -> Finished {
        var variables: [Environment.Key: String?] = [:]
        for variable in self.plugin.environment {
            variables[Environment.Key(stringLiteral: variable.name)] = variable.value
        }
        variables["KUBERNETES_EXEC_INFO"] = JSONValue.object(self.input()).text()
        let environment = Environment.inherit.updating(variables)
        let command = self.plugin.command
        do {
            return try await withThrowingTaskGroup(of: Finished?.self) { group in
                group.addTask {
                    let result = try await Subprocess.run(
                        command.contains("/") ? .path(FilePath(command)) : .name(command),
                        arguments: Arguments(self.plugin.arguments),
                        environment: environment,
                        output: .bytes(limit: Self.maximumOutput),
                        error: .string(limit: Self.maximumOutput)
                    )
                    return Finished(
                        status: result.terminationStatus,
                        output: result.standardOutput,
                        error: result.standardError
                    )
                }
                group.addTask {
                    try await Task.sleep(for: self.timeout)
                    return nil
                }
                defer { group.cancelAll() }
                guard let first = try await group.next(), let finished = first else {
                    throw self.error("did not end within \(self.timeout)")
                }
                return finished
            }
        } catch let error as SubprocessError {
            if error.code == .executableNotFound {
                let hint = self.plugin.installHint.map { ". \($0)" } ?? ""
                throw self.error("was not found\(command.contains("/") ? "" : " in PATH")\(hint)", cause: error)
            }
            throw self.error("could not be run: \(error)", cause: error)
        }
    }

    /// The ExecCredential that the plugin is given in `KUBERNETES_EXEC_INFO`.
    func input() -> JSONObject {
        var spec: JSONObject = [:]
        if let clusterInfo { spec["cluster"] = .object(clusterInfo) }
        spec["interactive"] = false
        return [
            "apiVersion": .string(self.plugin.apiVersion), "kind": "ExecCredential", "spec": .object(spec),
        ]
    }

    private static func clusterInfo(
        of configuration: ClientConfiguration,
        _ plugin: ClientConfiguration.ExecPlugin
    ) -> JSONObject {
        var info: JSONObject = ["server": .string(configuration.serverURL)]
        info[string: "tls-server-name"] = configuration.tlsServerName
        if configuration.skipsServerVerification { info["insecure-skip-tls-verify"] = true }
        if let authorities = configuration.certificateAuthorities {
            info["certificate-authority-data"] = .string(Base64.encode(authorities))
        }
        info[string: "proxy-url"] = configuration.proxyURL
        info["config"] = plugin.clusterConfiguration
        return info
    }

    func read(_ output: [UInt8]) throws -> Credential {
        // Never say what the plugin printed: it is a secret, or part of one.
        let parsed: JSONValue
        do { parsed = try JSONValue(parsing: output) } catch {
            throw self.error("did not print a JSON object (\(error.code) at byte \(error.offset))")
        }
        guard let object = parsed.object else { throw self.error("did not print a JSON object") }
        guard object[string: "kind"] == "ExecCredential" else {
            throw self.error("did not print an ExecCredential but kind '\(object[string: "kind"] ?? "")'")
        }
        guard let version = object[string: "apiVersion"], version == self.plugin.apiVersion else {
            throw self.error(
                """
                printed apiVersion '\(object[string: "apiVersion"] ?? "")' where the kubeconfig says \
                '\(self.plugin.apiVersion)'
                """
            )
        }
        guard let status = object[object: "status"] else { throw self.error("printed no status") }
        var credential = Credential()
        if let token = status[string: "token"], !token.isEmpty { credential.token = token }
        credential.certificate = status[string: "clientCertificateData"].flatMap { $0.isEmpty ? nil : Array($0.utf8) }
        credential.key = status[string: "clientKeyData"].flatMap { $0.isEmpty ? nil : Array($0.utf8) }
        guard (credential.certificate == nil) == (credential.key == nil) else {
            throw self.error("printed only one of clientCertificateData and clientKeyData")
        }
        guard credential.token != nil || credential.certificate != nil else {
            throw self.error("printed neither a token nor a client certificate")
        }
        if let text = status[string: "expirationTimestamp"], !text.isEmpty {
            guard let expires = Timestamp(text) else {
                throw self.error("printed the expirationTimestamp '\(text)', which is not RFC 3339")
            }
            credential.expires = expires
        }
        return credential
    }

    func error(_ problem: String, cause: (any Error)? = nil) -> KubeClientError {
        KubeClientError(.credentials, "the credential plugin '\(self.plugin.command)' \(problem)", cause: cause)
    }

    /// The end of what it complained about, where tools put the reason.
    private static func excerpt(of text: String) -> String {
        let trimmed = text.trimmingBlanks()
        return trimmed.isEmpty ? "" : ": \(trimmed.suffix(500))"
    }
}
