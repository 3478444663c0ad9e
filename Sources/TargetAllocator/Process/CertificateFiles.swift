import AdmissionServer
import KubeRuntime
import Logging
import PrometheusConfig
import ServiceLifecycle

/// Gives the HTTPS listener what its files hold, also when they are replaced.
final class CertificateFiles: Service {
    private let files: WatchedFiles
    private let known: [[UInt8]]
    private let tls: TLSContextSource

    /// - Throws: when the files can't be read or used: without them there is no use in starting.
    init(_ https: AllocatorSettings.HTTPS, tls: TLSContextSource, period: Duration = .seconds(2)) async throws {
        self.files = WatchedFiles(paths: [https.caFile, https.certificateFile, https.keyFile], period: period)
        self.known = try await self.files.read()
        self.tls = tls
        try Self.load(self.known, tls)
    }

    private static func load(_ contents: [[UInt8]], _ tls: TLSContextSource) throws {
        let texts = contents.map { String(decoding: $0, as: UTF8.self) }
        try tls.reload(
            ServingIdentity(certificateChainPEM: texts[1], keyPEM: texts[2]),
            clientAuthorities: texts[0]
        )
    }

    func run() async throws {
        try await untilGracefulShutdown {
            try await self.files.follow(from: self.known) { result in
                do {
                    try Self.load(result.get(), self.tls)
                    Logger.current.info("the certificates of HTTPS were replaced")
                } catch {
                    Logger.current.error(
                        "the new certificates of HTTPS can't be used; going on with the old ones",
                        metadata: ["error": "\(error)"]
                    )
                }
            }
        }
    }
}
