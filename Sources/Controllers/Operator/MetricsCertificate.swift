package import AdmissionServer
import FoundationEssentials
import KubeRuntime
package import Logging
import Metrics
import ServiceLifecycle

/// Keeps the certificate of `/metrics` as two files have it (`--metrics-tls-cert-file`, `--metrics-tls-key-file`): they
/// are looked at every few seconds, as a Secret that is mounted changes without a notice.
package struct MetricsCertificate: Service {
    private let files: OperatorOptions.MetricsFiles
    private let contexts: TLSContextSource
    private let interval: Duration
    private let logger: Logger

    /// Reads them at once.
    ///
    /// - Throws: ``OperatorError`` when there is nothing in them that can be served.
    package init(
        files: OperatorOptions.MetricsFiles,
        contexts: TLSContextSource,
        interval: Duration = .seconds(5),
        logger: Logger
    ) throws {
        self.files = files
        self.contexts = contexts
        self.interval = interval
        self.logger = logger
        try self.load()
    }

    package func run() async throws {
        try await untilGracefulShutdown {
            var failure: String?
            while true {
                try await Task.sleep(for: self.interval)
                do {
                    if try self.load() { self.logger.info("the certificate of /metrics was replaced") }
                    failure = nil
                } catch {
                    // A moment between the writing of one file and the other is no news; what lasts is told once.
                    let reason = "\(error)"
                    if failure == nil {
                        failure = ""
                    } else if failure != reason {
                        failure = reason
                        self.logger.warning(
                            "the certificate of /metrics can't be replaced, the one before goes on being served",
                            metadata: ["error": "\(reason)"]
                        )
                    }
                }
            }
        }
    }

    /// - Returns: whether another one is served now.
    @discardableResult
    private func load() throws(OperatorError) -> Bool {
        let identity = ServingIdentity(
            certificateChainPEM: try Self.read(self.files.certificate, "--metrics-tls-cert-file"),
            keyPEM: try Self.read(self.files.key, "--metrics-tls-key-file")
        )
        guard self.contexts.identity != identity else { return false }
        do throws(CertificateError) {
            try self.contexts.reload(identity)
        } catch {
            Counter(label: "certwatcher_read_certificate_errors_total").increment()
            throw OperatorError("--metrics-tls-cert-file \(self.files.certificate): \(error)")
        }
        Counter(label: "certwatcher_read_certificate_total").increment()
        return true
    }

    /// A certificate is some kilobytes; what is larger is something else.
    private static func read(_ path: String, _ flag: String) throws(OperatorError) -> String {
        let data: Data
        do {
            data = try Data(contentsOf: URL(filePath: path))
        } catch {
            throw OperatorError("\(flag) \(path): it can't be read: no such file, or no permission")
        }
        guard data.count <= 1 << 20, let text = String(bytes: data, encoding: .utf8) else {
            throw OperatorError("\(flag) \(path): it is not PEM text")
        }
        return text
    }
}
