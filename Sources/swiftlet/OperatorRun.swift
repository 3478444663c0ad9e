import Controllers
import CoreMetrics
import KubeClient
import Logging
import OTLPExport
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
    /// All settings as they are written, for the first line of the log.
    let summary: [(key: String, value: String)]

    func run() async throws {
        // As a container's first process we would not be ended by a signal that nobody handles: until the services do,
        // there is nothing to finish.
        signal(SIGTERM) { _ in _exit(0) }
        let (traces, remarks) = OTLPSettings.read(
            Environment.variables,
            service: "opentelemetry-operator",
            version: Version.current
        )
        LoggingSystem.bootstrap(
            { label, provider in
                var handler = JSONLineHandler(label: label, format: self.options.logFormat)
                handler.metadataProvider = provider
                return handler
            },
            metadataProvider: traces == nil ? nil : .spans
        )
        let logger = Logger(label: "swiftlet")
        let metrics = PrometheusMetrics()
        let process = ProcessMetrics()
        metrics.collect { process.write(to: &$0) }
        for metric in MetricCatalog.all { metrics.describe(metric.name, help: metric.help, buckets: metric.buckets) }
        MetricsSystem.bootstrap(metrics)
        BuildInfo.expose(version: Version.current, compatible: Version.compatible)
        // Read by people and by scripts that look for the collector's image, so it comes first and on one line.
        logger.info(
            "Starting the OpenTelemetry Operator",
            metadata: [
                "opentelemetry-operator": "\(Version.compatible)", "swiftlet": "\(Version.current)",
                // A build carries no date, so that the same source gives the same program; and no Go.
                "build-date": "unknown", "go-version": "none", "go-arch": "\(Self.architecture)",
                "go-os": "\(Self.system)",
                "config": .dictionary(
                    Dictionary(self.summary.map { ($0.key, .string($0.value)) }, uniquingKeysWith: { $1 })
                ),
            ]
        )
        for warning in self.options.warnings {
            logger.warning("a setting has no effect", metadata: ["reason": "\(warning)"])
        }
        for remark in remarks {
            logger.warning("a setting of the operator's own traces is not followed", metadata: ["reason": "\(remark)"])
        }
        let exporter = try traces.map {
            try OTLPExporter($0, scope: "swiftlet", version: Version.current, logger: logger)
        }
        let tracer = exporter?.tracer
        let configuration = try await ClientConfiguration.load(
            kubeconfig: self.options.kubeconfig,
            context: self.options.context
        )
        let client = try KubeClient(
            configuration: configuration,
            logger: logger,
            observer: MetricsObserver(of: configuration),
            tracer: tracer
        )
        do {
            var services = try Operator(
                options: self.options,
                client: client,
                exposition: { metrics.exposition() },
                tracer: tracer,
                logger: logger
            ).services()
            // The first to start is the last to stop: it sends what the others' end is told by.
            if let exporter { services.insert(exporter, at: 0) }
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

    /// By Go's names, as scripts know them.
    private static var architecture: String {
        #if arch(x86_64)
        "amd64"
        #elseif arch(arm64)
        "arm64"
        #else
        "unknown"
        #endif
    }

    private static var system: String {
        #if os(Linux)
        "linux"
        #else
        "darwin"
        #endif
    }

    /// `/proc/sys/crypto/fips_enabled`: absent means no, unreadable yes.
    static func hostRequiresFIPS() -> Bool {
        guard let file = fopen("/proc/sys/crypto/fips_enabled", "r") else { return errno != ENOENT }
        defer { fclose(file) }
        return fgetc(file) == Int32(UInt8(ascii: "1"))
    }
}
