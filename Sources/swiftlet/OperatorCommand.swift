import ArgumentParser
import Controllers
import TelemetryAPI

/// `swiftlet operator`: flags and environment of the Go operator (specification `operations.md` section 1.1), and a few of
/// our own. Flags win over the environment, that over the configuration file, that over defaults.
struct OperatorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "operator",
        abstract: "Runs the operator: controllers and webhooks.",
        discussion: """
            Every flag of the Go operator has its environment variable: --webhook-port is WEBHOOK_PORT. Booleans are given
            as --flag or --flag=false.

            Outside a cluster:
              swiftlet operator --webhook-url https://127.0.0.1:9443
            registers the webhooks at that address instead of a Service of the cluster.
            """
    )

    @Option(help: "Kubeconfig file. Default: KUBECONFIG, then the pod's service account, then ~/.kube/config.")
    var kubeconfig: String?
    @Option(help: "Context of the kubeconfig.")
    var context: String?
    @Option(help: "Namespace of the operator itself: its Lease and certificates. Default: NAMESPACE, then the pod's.")
    var namespace: String?
    @Option(help: "Register webhooks at this address, https://HOST:PORT, instead of the webhook Service.")
    var webhookURL: String?
    @Option(help: "Address that the webhook server listens on.")
    var webhookHost: String?
    @Option(help: "How many collectors are reconciled at once.")
    var maxConcurrentReconciles: Int?
    @Option(help: "Seconds a leader's lease lasts.")
    var leaderElectionLeaseDuration: Int?

    @Option(help: "Address of /metrics.") var metricsAddr: String?
    @Option(help: "Protect /metrics with TLS, authentication and authorization.") var metricsSecure: String?
    @Option(help: "Address of /healthz and /readyz.") var healthProbeAddr: String?
    @Option(help: "Count the components of collectors in metrics.") var enableCRMetrics: String?
    @Option(help: "Let one of several replicas lead.") var enableLeaderElection: String?
    @Option(help: "Serve and register webhooks.") var enableWebhooks: String?
    @Option(help: "Port of the webhook server.") var webhookPort: String?
    @OptionGroup(title: "Certificates") var certificates: CertificateFlags
    @Option(help: "Namespaces to watch, comma separated; empty for all.") var watchNamespace: String?
    @Option(help: "Feature gates: a,+b,-c.") var featureGates: String?
    @Option(help: "Labels not to pass on to rendered objects: a regular expression, repeatable.")
    var labelsFilter: [String] = []
    @Option(help: "Annotations not to pass on to rendered objects: a regular expression, repeatable.")
    var annotationsFilter: [String] = []
    @Option(help: "Namespaces whose pods are never sent to the webhook, comma separated, such as kube-system.")
    var webhookExcludedNamespaces: String?
    @Option(help: "YAML file of settings; environment and flags win over it.") var configFile: String?
    @OptionGroup(title: "Languages") var languages: LanguageFlags
    @OptionGroup(title: "Webhooks") var webhooks: WebhookFlags
    @Option(help: "Collector image for resources that name none.") var collectorImage: String?
    @Option(help: "Target allocator image.") var targetAllocatorImage: String?
    @Option(help: "OpAMP bridge image.") var operatorOpampBridgeImage: String?
    @Option(help: "Components that a FIPS host refuses: receiver.x,exporter.y.") var fipsDisabledComponents: String?
    @Option(help: "Log level: debug, info, warn or error.") var zapLogLevel: String?
    @Option(help: "Accepted for compatibility; times are RFC 3339.") var zapTimeEncoding: String?
    @Option(help: "Accepted for compatibility; found out at start.") var createRbacPermissions: String?

    func run() async throws {
        try await OperatorRun(options: try self.options()).run()
    }

    /// What all sources together say.
    ///
    /// - Throws: `ValidationError` with one sentence that names the flag and the variable.
    func options() throws -> OperatorOptions {
        var options = OperatorOptions()
        let sources = SettingSources(file: try ConfigFileInput.read(self.configFile))
        let environment = Environment()
        options.kubeconfig = self.kubeconfig
        options.context = self.context
        options.ownNamespace = self.namespace ?? environment["NAMESPACE"]
        options.serviceAccountName = environment["SERVICE_ACCOUNT_NAME"]
        options.identity = environment["POD_NAME"] ?? environment["HOSTNAME"]
        options.webhookURL = try self.webhookURL.map { url in
            guard url.hasPrefix("https://"), url.count > 8 else {
                throw ValidationError("--webhook-url \(url): must have the form https://HOST:PORT")
            }
            return url.hasSuffix("/") ? String(url.dropLast()) : url
        }
        options.webhookHost = self.webhookHost ?? (options.webhookURL == nil ? nil : "127.0.0.1")
        if let count = self.maxConcurrentReconciles {
            guard count > 0 else { throw ValidationError("--max-concurrent-reconciles must be at least 1") }
            options.maxConcurrentReconciles = count
        }
        if let seconds = self.leaderElectionLeaseDuration {
            guard seconds >= 3 else { throw ValidationError("--leader-election-lease-duration must be at least 3") }
            options.leaseSeconds = seconds
        }

        options.metricsAddress =
            try sources.text(self.metricsAddr, "METRICS_ADDR", "metrics-addr") ?? options.metricsAddress
        options.healthAddress =
            try sources.text(self.healthProbeAddr, "HEALTH_PROBE_ADDR", "health-probe-addr") ?? options.healthAddress
        try sources.set(&options.isMetricsSecure, self.metricsSecure, "METRICS_SECURE", "metrics-secure")
        try sources.set(&options.countsComponents, self.enableCRMetrics, "ENABLE_CR_METRICS", "enable-cr-metrics")
        try sources.set(
            &options.electsLeader,
            self.enableLeaderElection,
            "ENABLE_LEADER_ELECTION",
            "enable-leader-election"
        )
        try sources.set(&options.servesWebhooks, self.enableWebhooks, "ENABLE_WEBHOOKS", "enable-webhooks")
        if let text = try sources.text(self.webhookPort, "WEBHOOK_PORT", "webhook-port") {
            guard let port = Int(text), (1...65535).contains(port) else {
                throw ValidationError("--webhook-port (WEBHOOK_PORT) \(text): must be a number from 1 to 65535")
            }
            options.webhookPort = port
        }
        try self.certificates.apply(to: &options, sources)
        options.watchNamespaces =
            try sources.list(self.watchNamespace.map { [$0] } ?? [], "WATCH_NAMESPACE", "watch-namespace")?
            .flatMap { $0.split(separator: ",").map(String.init) } ?? []
        options.excludedNamespaces =
            try sources.list(
                self.webhookExcludedNamespaces.map { [$0] } ?? [],
                "WEBHOOK_EXCLUDED_NAMESPACES",
                "webhook-excluded-namespaces"
            )?
            .flatMap { $0.split(separator: ",").map(String.init) } ?? []
        let level = try ConfigFileInput.checked { () throws(ConfigFileError) in
            try sources.file.group("zap").text("log-level")
        }
        options.logLevel = self.zapLogLevel ?? level ?? "info"
        guard ["debug", "info", "warn", "warning", "error"].contains(options.logLevel) || Int(options.logLevel) != nil
        else { throw ValidationError("--zap-log-level \(options.logLevel): must be debug, info, warn or error") }
        try self.webhooks.apply(to: &options, sources)
        options.settings = try self.settings(environment, sources)
        options.images = try self.languages.images(sources)
        try self.languages.apply(to: &options.languages, multiple: &options.allowsMultipleLanguages, sources)
        options.staticInstrumentation = try ConfigFileInput.checked { () throws(ConfigFileError) in
            try sources.file.staticInstrumentation()
        }
        return options
    }

    private func settings(_ environment: Environment, _ sources: SettingSources) throws -> OperatorSettings {
        var settings = OperatorSettings()
        func image(_ flag: String?, _ name: String, _ key: String, _ preset: String) throws -> String {
            try sources.text(flag, "RELATED_IMAGE_\(name)", key) ?? preset
        }
        settings.images.collector = try image(
            self.collectorImage,
            "COLLECTOR",
            "collector-image",
            settings.images.collector
        )
        settings.images.targetAllocator = try image(
            self.targetAllocatorImage,
            "TARGET_ALLOCATOR",
            "targetallocator-image",
            settings.images.targetAllocator
        )
        settings.images.opAMPBridge = try image(
            self.operatorOpampBridgeImage,
            "OPERATOR_OPAMP_BRIDGE",
            "operatoropampbridge-image",
            settings.images.opAMPBridge
        )
        func filter(_ flags: [String], _ flag: String, _ name: String, _ preset: KeyFilter) throws -> KeyFilter {
            let patterns = try sources.list(flags, name, String(flag.dropFirst(2)))
            do {
                return try patterns.map { try KeyFilter($0) } ?? preset
            } catch {
                throw ValidationError("\(flag) (\(name)): \(error)")
            }
        }
        settings.labelFilter = try filter(self.labelsFilter, "--labels-filter", "LABELS_FILTER", .none)
        settings.annotationFilter = try filter(
            self.annotationsFilter,
            "--annotations-filter",
            "ANNOTATIONS_FILTER",
            .lastApplied
        )
        do {
            settings.featureGates = try FeatureGates(
                parsing: try sources.text(self.featureGates, "FEATURE_GATES", "feature-gates") ?? ""
            )
        } catch {
            throw ValidationError("--feature-gates (FEATURE_GATES): \(error)")
        }
        settings.proxy = ProxyEnvironment(
            http: environment["HTTP_PROXY"],
            https: environment["HTTPS_PROXY"],
            no: environment["NO_PROXY"]
        )
        if OperatorRun.hostRequiresFIPS() {
            let components =
                try sources.text(self.fipsDisabledComponents, "FIPS_DISABLED_COMPONENTS", "fips-disabled-components")
                ?? ""
            settings.fipsDisabledComponents = components.split(separator: ",").map(String.init)
        }
        return settings
    }
}
