import ArgumentParser
import Controllers
import TelemetryAPI

/// `swiftlet operator`: flags and environment of the Go operator (specification `operations.md` section 1.1), and a few of
/// our own. Flags win over the environment, the environment over defaults.
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
    @Option(help: "Namespaces to watch, comma separated; empty for all.") var watchNamespace: String?
    @Option(help: "Feature gates: a,+b,-c.") var featureGates: String?
    @Option(help: "Labels not to pass on to rendered objects: a regular expression, repeatable.")
    var labelsFilter: [String] = []
    @Option(help: "Annotations not to pass on to rendered objects: a regular expression, repeatable.")
    var annotationsFilter: [String] = []
    @Option(help: "Collector image for resources that name none.") var collectorImage: String?
    @Option(help: "Target allocator image.") var targetAllocatorImage: String?
    @Option(help: "OpAMP bridge image.") var operatorOpampBridgeImage: String?
    @Option(help: "Image of the Java agent.") var autoInstrumentationJavaImage: String?
    @Option(help: "Image of the Node.js agent.") var autoInstrumentationNodejsImage: String?
    @Option(help: "Image of the Python agent.") var autoInstrumentationPythonImage: String?
    @Option(help: "Image of the .NET agent.") var autoInstrumentationDotnetImage: String?
    @Option(help: "Image of the Go agent.") var autoInstrumentationGoImage: String?
    @Option(help: "Image of the Apache HTTPD agent.") var autoInstrumentationApacheHttpdImage: String?
    @Option(help: "Image of the nginx agent.") var autoInstrumentationNginxImage: String?
    @Option(help: "Allow several languages in one pod.") var enableMultiInstrumentation: String?
    @Option(help: "Allow Java injection.") var enableJavaInstrumentation: String?
    @Option(help: "Allow Node.js injection.") var enableNodejsInstrumentation: String?
    @Option(help: "Allow Python injection.") var enablePythonInstrumentation: String?
    @Option(help: "Allow .NET injection.") var enableDotnetInstrumentation: String?
    @Option(help: "Allow Apache HTTPD injection.") var enableApacheHttpdInstrumentation: String?
    @Option(help: "Allow Go injection.") var enableGoInstrumentation: String?
    @Option(help: "Allow nginx injection.") var enableNginxInstrumentation: String?
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

        options.metricsAddress = self.metricsAddr ?? environment["METRICS_ADDR"] ?? options.metricsAddress
        options.healthAddress = self.healthProbeAddr ?? environment["HEALTH_PROBE_ADDR"] ?? options.healthAddress
        environment.set(&options.isMetricsSecure, self.metricsSecure, "METRICS_SECURE")
        environment.set(&options.countsComponents, self.enableCRMetrics, "ENABLE_CR_METRICS")
        environment.set(&options.electsLeader, self.enableLeaderElection, "ENABLE_LEADER_ELECTION")
        environment.set(&options.servesWebhooks, self.enableWebhooks, "ENABLE_WEBHOOKS")
        if let text = self.webhookPort ?? environment["WEBHOOK_PORT"] {
            guard let port = Int(text), (1...65535).contains(port) else {
                throw ValidationError("--webhook-port (WEBHOOK_PORT) \(text): must be a number from 1 to 65535")
            }
            options.webhookPort = port
        }
        let namespaces = self.watchNamespace ?? environment["WATCH_NAMESPACE"] ?? ""
        options.watchNamespaces = namespaces.split(separator: ",").map(String.init)
        options.logLevel = self.zapLogLevel ?? "info"
        guard ["debug", "info", "warn", "warning", "error"].contains(options.logLevel) || Int(options.logLevel) != nil
        else { throw ValidationError("--zap-log-level \(options.logLevel): must be debug, info, warn or error") }
        options.settings = try self.settings(environment)
        options.images = self.images(environment)
        self.setLanguages(&options, environment)
        return options
    }

    private func settings(_ environment: Environment) throws -> OperatorSettings {
        var settings = OperatorSettings()
        func image(_ flag: String?, _ name: String, _ preset: String) -> String {
            flag ?? environment["RELATED_IMAGE_\(name)"] ?? preset
        }
        settings.images.collector = image(self.collectorImage, "COLLECTOR", settings.images.collector)
        settings.images.targetAllocator = image(
            self.targetAllocatorImage,
            "TARGET_ALLOCATOR",
            settings.images.targetAllocator
        )
        settings.images.opAMPBridge = image(
            self.operatorOpampBridgeImage,
            "OPERATOR_OPAMP_BRIDGE",
            settings.images.opAMPBridge
        )
        func filter(_ flags: [String], _ flag: String, _ name: String, _ preset: KeyFilter) throws -> KeyFilter {
            let patterns = flags.isEmpty ? environment[name].map { $0.split(separator: ",").map(String.init) } : flags
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
                parsing: self.featureGates ?? environment["FEATURE_GATES"] ?? ""
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
            let components = self.fipsDisabledComponents ?? environment["FIPS_DISABLED_COMPONENTS"] ?? ""
            settings.fipsDisabledComponents = components.split(separator: ",").map(String.init)
        }
        return settings
    }

    private func images(_ environment: Environment) -> [Language: String] {
        let flags: [(Language, String?, String)] = [
            (.java, self.autoInstrumentationJavaImage, "JAVA"),
            (.nodejs, self.autoInstrumentationNodejsImage, "NODEJS"),
            (.python, self.autoInstrumentationPythonImage, "PYTHON"),
            (.dotnet, self.autoInstrumentationDotnetImage, "DOTNET"),
            (.go, self.autoInstrumentationGoImage, "GO"),
            (.apacheHttpd, self.autoInstrumentationApacheHttpdImage, "APACHE_HTTPD"),
            (.nginx, self.autoInstrumentationNginxImage, "NGINX"),
        ]
        var images: [Language: String] = [:]
        for (language, flag, name) in flags {
            images[language] = flag ?? environment["RELATED_IMAGE_AUTO_INSTRUMENTATION_\(name)"]
        }
        return images
    }

    private func setLanguages(_ options: inout OperatorOptions, _ environment: Environment) {
        let flags: [(Language, String?, String)] = [
            (.java, self.enableJavaInstrumentation, "JAVA"), (.nodejs, self.enableNodejsInstrumentation, "NODEJS"),
            (.python, self.enablePythonInstrumentation, "PYTHON"),
            (.dotnet, self.enableDotnetInstrumentation, "DOTNET"),
            (.apacheHttpd, self.enableApacheHttpdInstrumentation, "APACHE_HTTPD"),
            (.go, self.enableGoInstrumentation, "GO"), (.nginx, self.enableNginxInstrumentation, "NGINX"),
        ]
        for (language, flag, name) in flags {
            var isEnabled = options.languages.contains(language)
            environment.set(&isEnabled, flag, "ENABLE_\(name)_AUTO_INSTRUMENTATION")
            if isEnabled { options.languages.insert(language) } else { options.languages.remove(language) }
        }
        environment.set(
            &options.allowsMultipleLanguages,
            self.enableMultiInstrumentation,
            "ENABLE_MULTI_INSTRUMENTATION"
        )
    }
}
