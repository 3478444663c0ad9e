import Controllers
import CoreMetrics
import KubeClient
import Logging
import PrometheusMetrics
import ServiceLifecycle
import TelemetryAPI
import UnixSignals

#if canImport(Glibc)
import Glibc
#endif

/// Runs the operator until it is told to stop (SIGTERM, SIGINT): logging, metrics, the client and the services.
struct OperatorRun {
    let options: OperatorOptions

    func run() async throws {
        // As a container's first process we would not be ended by a signal that nobody handles: until the services do,
        // there is nothing to finish.
        signal(SIGTERM) { _ in _exit(0) }
        LoggingSystem.bootstrap { label in JSONLineHandler(label: label, level: self.level) }
        let logger = Logger(label: "swiftlet")
        let metrics = PrometheusMetrics()
        let process = ProcessMetrics()
        metrics.collect { process.write(to: &$0) }
        MetricsSystem.bootstrap(metrics)
        // Read by people and by scripts that look for the collector's image, so it comes first and on one line.
        logger.info(
            "Starting the OpenTelemetry Operator",
            metadata: [
                "opentelemetry-operator": "\(Version.compatible)", "swiftlet": "\(Version.current)",
                "config": ["collector-image": "\(self.options.settings.images.collector)"],
            ]
        )
        let configuration = try await ClientConfiguration.load(
            kubeconfig: self.options.kubeconfig,
            context: self.options.context
        )
        let client = try KubeClient(configuration: configuration, logger: logger)
        do {
            let services = try Operator(
                options: self.options,
                client: client,
                exposition: { metrics.exposition() },
                logger: logger
            ).services()
            var configuration = ServiceGroupConfiguration(
                services: services.map { .init(service: $0) },
                gracefulShutdownSignals: [.sigterm, .sigint],
                logger: logger
            )
            // Below the pod's grace period, so that even a stop that hangs gives the lease up.
            configuration.maximumGracefulShutdownDuration = .seconds(25)
            let group = ServiceGroup(configuration: configuration)
            try await withLogger(logger) { _ in try await group.run() }
        } catch {
            await client.shutdown()
            logger.critical("the operator ends", metadata: ["error": "\(error)"])
            throw error
        }
        await client.shutdown()
        logger.info("stopped")
    }

    private var level: Logger.Level {
        switch self.options.logLevel {
        case "debug": .debug
        case "error": .error
        case "warn", "warning": .warning
        default: Int(self.options.logLevel).map { $0 > 0 ? .debug : .info } ?? .info
        }
    }

    /// `/proc/sys/crypto/fips_enabled`: absent means no, unreadable yes.
    static func hostRequiresFIPS() -> Bool {
        guard let file = fopen("/proc/sys/crypto/fips_enabled", "r") else { return errno != ENOENT }
        defer { fclose(file) }
        return fgetc(file) == Int32(UInt8(ascii: "1"))
    }
}
