import AdmissionServer
import FoundationEssentials
package import KubeClient
import KubeModel
import KubeRuntime
package import Logging
package import Metrics
import NIOCore
package import PrometheusConfig
import PrometheusModel
import PrometheusResources
package import ServiceLifecycle
import TargetAllocation

/// The target allocator as a set of services.
package struct TargetAllocatorProcess: Sendable {
    private let settings: AllocatorSettings
    private let client: KubeClient
    private let exposition: @Sendable () async -> [UInt8]
    private let reload: @Sendable (_ file: String) throws -> AllocatorSettings
    private let podName: String
    private let metrics: any MetricsFactory
    private let logger: Logger
    private let onListening: (@Sendable (_ name: String, _ port: Int) -> Void)?

    /// - Parameters:
    ///   - reload: makes settings of another text of the configuration file, with the flags and the environment of before.
    ///   - podName: of the pod that this is; empty for the host's name.
    package init(
        settings: AllocatorSettings,
        client: KubeClient,
        exposition: @escaping @Sendable () async -> [UInt8],
        reload: @escaping @Sendable (_ file: String) throws -> AllocatorSettings,
        podName: String = "",
        metrics: any MetricsFactory = MetricsSystem.factory,
        logger: Logger,
        onListening: (@Sendable (_ name: String, _ port: Int) -> Void)? = nil
    ) {
        self.settings = settings
        self.client = client
        self.exposition = exposition
        self.reload = reload
        self.podName = podName.isEmpty ? ProcessInfo.processInfo.hostName : podName
        self.metrics = metrics
        self.logger = logger
        self.onListening = onListening
    }

    /// Help and buckets of the metrics, for the backend.
    package static var metricDescriptions: [(name: String, help: String, buckets: [Double]?)] {
        AllocatorMetrics.descriptions
    }

    /// In the order in which they start; they end the other way round.
    ///
    /// - Parameter file: what the configuration file held when `settings` were read.
    package func services(file: [UInt8]) async throws -> [any Service] {
        let settings = self.settings
        let kept = settings.stateFile.isEmpty ? nil : await StateFile.read(settings.stateFile, logger: self.logger)
        let weighs = AllocationSettings(settings).weighs
        let core = AllocatorCore(
            settings: settings,
            kept: kept,
            awaitsReplicas: weighs,
            metrics: self.metrics,
            logger: self.logger
        )
        let runner = DiscoveryRunner(client: self.client) { core.receive($0) }

        var services: [any Service] = [
            try self.listener("http", settings.listenAddress, core, showsSecrets: settings.allowsInsecureAuthSecrets)
        ]
        if settings.https.isEnabled {
            let tls = TLSContextSource()
            services.append(try await CertificateFiles(settings.https, tls: tls))
            services.append(
                try self.listener("https", settings.https.listenAddress, core, showsSecrets: true, tls: tls)
            )
        }
        services.append(core)
        services.append(runner)
        let client = self.client
        let pods = ReplaceableService(Self.pods(settings)) { choice in
            CollectorPodWatcher(client: client, choice: choice) { core.setCollectors($0) }
        }
        let metrics = self.metrics
        let host = ProcessInfo.processInfo.hostName
        let events = EventRecorder(
            client: client,
            reporter: EventReporter(controller: "opentelemetry-targetallocator", instance: host)
        )
        services.append(events)
        let resources = ReplaceableService(Self.resources(settings, client)) { configuration in
            configuration.map { configuration in
                var watched = ResourceWatcher.Configuration(
                    settings: configuration.settings,
                    secretNamespaces: configuration.secretNamespaces
                )
                watched.quietTime = .seconds(1)
                return ResourceWatcher(client: client, configuration: watched, events: events, metrics: metrics) {
                    core.use($0)
                }
            }
        }
        let (podName, port) = (self.podName, try ListenAddress(parsing: settings.listenAddress).port)
        // Of a pod its own; where the allocator runs outside of the cluster, the one that it was told.
        let namespaces = [client.configuration.namespace, settings.collectorNamespace]
        let replicas = ReplaceableService(weighs) { weighs in
            // The other strategies come to the same assignment each for itself.
            weighs
                ? ReplicaFollower(client: client, namespaces: namespaces, podName: podName, port: port, core: core)
                : nil
        }
        services += [pods, resources, replicas]
        if !settings.stateFile.isEmpty { services.append(StateFile(path: settings.stateFile, core: core)) }
        services.append(
            ConfigurationReload(settings, file: file, core: core, read: self.reload) { settings in
                pods.replace(Self.pods(settings))
                resources.replace(Self.resources(settings, client))
                replicas.replace(AllocationSettings(settings).weighs)
            }
        )
        core.use(runner)
        return services
    }

    private func listener(
        _ name: String,
        _ address: String,
        _ core: AllocatorCore,
        showsSecrets: Bool,
        tls: TLSContextSource? = nil
    ) throws -> HTTPListener {
        let onListening = self.onListening
        return AllocatorServer.listener(
            address: try ListenAddress(parsing: address),
            name: name,
            server: AllocatorServer(core: core, showsSecrets: showsSecrets, exposition: self.exposition),
            tls: tls,
            metrics: self.metrics,
            logger: self.logger,
            onListening: { onListening?(name, $0) }
        )
    }

    private static func pods(_ settings: AllocatorSettings) -> CollectorPodWatcher.Choice {
        CollectorPodWatcher.Choice(
            selector: settings.collectorPods,
            namespace: settings.collectorNamespace,
            grace: .nanoseconds(settings.collectorNotReadyGracePeriod.nanoseconds)
        )
    }

    struct Resources: Sendable, Equatable {
        var settings: ResourceSettings
        var secretNamespaces: [String]
    }

    private static func resources(_ settings: AllocatorSettings, _ client: KubeClient) -> Resources? {
        let given = settings.prometheusCR
        guard given.isEnabled else { return nil }
        var made = ResourceSettings(namespace: settings.collectorNamespace)
        func selection(_ selection: AllocatorSettings.Selection) -> ResourceSelection {
            ResourceSelection(objects: selection.objects?.selector, namespaces: selection.namespaces.selector)
        }
        made.selections = [
            .serviceMonitor: selection(given.serviceMonitors), .podMonitor: selection(given.podMonitors),
            .scrapeConfig: selection(given.scrapeConfigs), .probe: selection(given.probes),
        ]
        made.allowedNamespaces = given.allowNamespaces
        made.deniedNamespaces = given.denyNamespaces
        made.global = given.global
        made.scrapeClasses = given.scrapeClasses
        made.deniesFileAccess = given.deniesFileAccess
        return Resources(settings: made, secretNamespaces: given.secretNamespaces)
    }
}

/// Reads the configuration file again when it has changed. What can't be used is told and counted, and leaves everything as
/// it was.
final class ConfigurationReload: Service {
    private let start: AllocatorSettings
    private let file: [UInt8]
    private let core: AllocatorCore
    private let read: @Sendable (_ file: String) throws -> AllocatorSettings
    private let changed: @Sendable (AllocatorSettings) -> Void

    init(
        _ settings: AllocatorSettings,
        file: [UInt8],
        core: AllocatorCore,
        read: @escaping @Sendable (_ file: String) throws -> AllocatorSettings,
        changed: @escaping @Sendable (AllocatorSettings) -> Void
    ) {
        self.start = settings
        self.file = file
        self.core = core
        self.read = read
        self.changed = changed
    }

    func run() async throws {
        let files = WatchedFiles(paths: [self.start.configFile])
        try await untilGracefulShutdown {
            try await files.follow(from: [self.file]) { result in self.take(result) }
        }
    }

    private func take(_ result: Result<[[UInt8]], any Error>) {
        let settings: AllocatorSettings
        do {
            let text = String(decoding: try result.get().first ?? [], as: UTF8.self)
            settings = try self.read(text)
        } catch {
            self.core.metrics.failedReloads.increment()
            Logger.current.error(
                "the changed configuration file can't be used; going on with what it said before",
                metadata: ["file": "\(self.start.configFile)", "error": "\(error)"]
            )
            return
        }
        self.core.metrics.reloads.increment()
        Logger.current.info(
            "the configuration file has changed",
            metadata: ["file": "\(self.start.configFile)", "jobs": "\(settings.document.jobs.count)"]
        )
        for warning in settings.warnings + settings.document.warnings {
            Logger.current.warning("a setting is odd", metadata: ["reason": "\(warning)"])
        }
        let isFixed =
            settings.listenAddress == self.start.listenAddress && settings.https == self.start.https
            && settings.kubeconfigFile == self.start.kubeconfigFile && settings.stateFile == self.start.stateFile
            && settings.allowsInsecureAuthSecrets == self.start.allowsInsecureAuthSecrets
            && settings.metricReaders == self.start.metricReaders
        if !isFixed {
            Logger.current.warning(
                "some of the changed settings count from the next start on",
                metadata: [
                    "settings": "addresses, https, kubeconfig, state_file, telemetry, allow_insecure_auth_secrets"
                ]
            )
        }
        self.core.use(settings)
        self.changed(settings)
    }
}
