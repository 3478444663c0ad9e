import ArgumentParser
import CoreMetrics
import FoundationEssentials
import KubeClient
import KubeModel
import Logging
import OTLPExport
import PrometheusConfig
import PrometheusMetrics
import ServiceLifecycle
import TargetAllocator
import TelemetryAPI
import UnixSignals

#if canImport(Glibc)
import Glibc
#endif

/// `swiftlet target-allocator`: with the file, the environment and the flags of the Go target allocator.
struct TargetAllocatorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "target-allocator",
        abstract: "Finds Prometheus targets and spreads them over collectors.",
        helpNames: []
    )

    @Argument(parsing: .captureForPassthrough) var arguments: [String] = []

    /// Whether the program without a subcommand is meant to be the target allocator: where the Go allocator's image was, its
    /// configuration is mounted.
    static func isMeant(by arguments: [String]) -> Bool {
        let asks = arguments.contains { ["-h", "-help", "--help", "-version", "--version"].contains($0) }
        if !asks, access(AllocatorSettings.defaultConfigFile, R_OK) == 0 { return true }
        // Flags that the operator has, too, don't tell the two apart.
        guard let flags = try? AllocatorFlags(parsing: arguments) else { return false }
        return flags.values.keys.contains { AllocatorSettingCatalog.ownFlags.contains($0) }
    }

    func run() async throws {
        let flags: AllocatorFlags
        do {
            flags = try AllocatorFlags(parsing: self.arguments)
        } catch {
            complain("error: \(error)")
            throw ExitCode(error.exitCode)
        }
        if flags.asksForHelp {
            try emit(AllocatorSettingCatalog.help(command: "swiftlet target-allocator"))
            return
        }
        let path = flags.values["config-file"] ?? AllocatorSettings.defaultConfigFile
        guard access(path, R_OK) == 0 else {
            complain(
                "configuration error: \(path): \(String(cString: strerror(errno))); name the file with --config-file"
            )
            throw ExitCode(1)
        }
        let bytes = Array(try ManifestInput.read(path))
        let environment = Environment.variables
        let read: @Sendable (String) throws -> AllocatorSettings = { text in
            try AllocatorSettings.load(file: text, environment: environment, flags: flags.values)
        }
        let settings: AllocatorSettings
        do {
            settings = try AllocatorSettings.load(
                file: String(decoding: bytes, as: UTF8.self),
                environment: environment,
                flags: flags.values
            )
        } catch {
            for message in error.messages { complain("configuration error: \(path): \(message)") }
            throw ExitCode(error.exitCode)
        }
        try await Self.run(settings, file: bytes, read)
    }

    private static func run(
        _ settings: AllocatorSettings,
        file: [UInt8],
        _ read: @escaping @Sendable (String) throws -> AllocatorSettings
    ) async throws {
        // As a container's first process we would not be ended by a signal that nobody handles.
        signal(SIGTERM) { _ in _exit(0) }
        let format = Self.format(settings.log)
        LoggingSystem.bootstrap { label in JSONLineHandler(label: label, format: format) }
        let logger = Logger(label: "target-allocator")
        let metrics = PrometheusMetrics()
        let process = ProcessMetrics()
        metrics.collect { process.write(to: &$0) }
        for metric in TargetAllocatorProcess.metricDescriptions {
            metrics.describe(metric.name, help: metric.help, buckets: metric.buckets)
        }
        MetricsSystem.bootstrap(metrics)
        logger.info(
            "starting the target allocator",
            metadata: [
                "swiftlet": "\(Version.current)", "strategy": "\(settings.allocationStrategy)",
                "collector-namespace": "\(settings.collectorNamespace)", "jobs": "\(settings.document.jobs.count)",
                "prometheus-cr": "\(settings.prometheusCR.isEnabled)",
            ]
        )
        for warning in settings.warnings + settings.document.warnings {
            logger.warning("a setting is odd", metadata: ["reason": "\(warning)"])
        }
        let exporters = Self.exporters(settings.metricReaders, metrics, logger)
        do {
            let kubeconfig = access(settings.kubeconfigFile, R_OK) == 0 ? settings.kubeconfigFile : nil
            let configuration =
                try await kubeconfig == nil
                ? ClientConfiguration.inCluster() : ClientConfiguration.load(kubeconfig: kubeconfig)
            let client = try KubeClient(configuration: configuration, logger: logger)
            do {
                let services = try await TargetAllocatorProcess(
                    settings: settings,
                    client: client,
                    exposition: { metrics.exposition() },
                    reload: read,
                    podName: Environment.variables["POD_NAME"] ?? "",
                    logger: logger
                ).services(file: file)
                var group = ServiceGroupConfiguration(
                    services: (exporters + services).map { .init(service: $0) },
                    gracefulShutdownSignals: [.sigterm, .sigint],
                    logger: logger
                )
                group.maximumGracefulShutdownDuration = .seconds(25)
                let running = ServiceGroup(configuration: group)
                try await withLogger(logger) { _ in try await running.run() }
            } catch {
                await client.shutdown()
                throw error
            }
            await client.shutdown()
        } catch {
            logger.critical("the target allocator ends", metadata: ["error": "\(error)"])
            throw ExitCode(1)
        }
        logger.info("stopped")
    }

    /// What pushes the metrics, first to start and last to end.
    private static func exporters(
        _ readers: [MetricReader],
        _ metrics: PrometheusMetrics,
        _ logger: Logger
    ) -> [any Service] {
        let resource = TelemetryResource.attributes(
            environment: Environment.variables,
            hostName: ProcessInfo.processInfo.hostName
        )
        var exporters: [any Service] = []
        for (index, reader) in readers.enumerated() {
            let path = "telemetry.metrics.readers[\(index)].periodic.exporter"
            guard reader.transport == .http else {
                logger.warning(
                    "metrics are not pushed with gRPC",
                    metadata: ["setting": "\(path).otlp_grpc", "mend": "use otlp_http, usually with port 4318"]
                )
                continue
            }
            guard let endpoint = OTLPMetricSettings.endpoint(reader.endpoint) else {
                logger.warning(
                    "metrics are not pushed: the endpoint is no URL of http or https",
                    metadata: ["setting": "\(path).otlp_http.endpoint", "mend": "write it as http://HOST:4318"]
                )
                continue
            }
            if reader.temporality != .cumulative {
                logger.warning(
                    "metrics are pushed as cumulative ones",
                    metadata: ["setting": "\(path).otlp_http.temporality_preference", "mend": "leave it out"]
                )
            }
            let headers = reader.headers.map { OTLPSettings.Attribute(name: $0.name, value: $0.value) }
            for header in headers where !header.canBeHeader {
                logger.warning(
                    "a header can't be sent and is left out",
                    metadata: ["setting": "\(path).otlp_http.headers", "name": "\(header.name)"]
                )
            }
            exporters.append(
                OTLPMetricExporter(
                    OTLPMetricSettings(
                        endpoint: endpoint,
                        headers: headers.filter(\.canBeHeader),
                        resource: resource.map { .init(name: $0.name, value: $0.value) },
                        interval: reader.interval,
                        timeout: reader.timeout
                    ),
                    scope: "target-allocator",
                    version: Version.current,
                    logger: logger,
                    read: { metrics.metricFamilies() }
                )
            )
        }
        return exporters
    }

    /// The keys of controller-runtime's log lines; `--zap-devel` writes for people.
    private static func format(_ log: AllocatorSettings.Log) -> LogFormat {
        var format = LogFormat(
            encoder: log.isDevelopment ? .console : .json,
            timeEncoding: .rfc3339,
            messageKey: "msg",
            levelKey: "level",
            timeKey: "ts",
            isUppercase: log.isDevelopment,
            threshold: log.isDevelopment ? .debug : .info
        )
        if let encoder = LogFormat.Encoder(rawValue: log.encoder) { format.encoder = encoder }
        if let encoding = LogFormat.TimeEncoding(rawValue: log.timeEncoding) { format.timeEncoding = encoding }
        if let threshold = LogFormat.Threshold(log.level) { format.threshold = threshold }
        return format
    }
}

extension AllocatorSettingCatalog {
    /// Flags that only the target allocator has.
    static let ownFlags: Set<String> = Set(AllocatorSettingCatalog.flags.keys).subtracting(
        SettingCatalog.all.compactMap(\.flag) + ["kubeconfig", "config-file"]
    )
}
