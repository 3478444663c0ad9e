/// Every setting of the operator, in one table: what the command line, the environment and the configuration file are
/// read by, and what `swiftlet settings` and the reference page list (specification operations.md sections 1.1 and 1.2).
package enum SettingCatalog {
    package static let all: [Setting] =
        process + webhooks + metrics + tls + logs + collectors + instrumentation + compatibility

    /// By flag, without dashes.
    package static let flags = Dictionary(
        all.compactMap { setting in setting.flag.map { ($0, setting) } },
        uniquingKeysWith: { first, _ in first }
    )
    /// By key of the configuration file, as ``Setting/key``.
    package static let keys = Dictionary(
        all.compactMap { setting in setting.key.map { ($0, setting) } },
        uniquingKeysWith: { first, _ in first }
    )
    package static let variables = Dictionary(
        all.compactMap { setting in setting.variable.map { ($0, setting) } },
        uniquingKeysWith: { first, _ in first }
    )

    private static let process: [Setting] = [
        .configFile, .kubeconfig, .context, .namespace, .serviceAccountName, .podName, .hostName, .watchNamespace,
        .enableLeaderElection, .leaseDuration, .maxConcurrentReconciles, .featureGates, .ignoreMissingCRDs,
    ]
    private static let webhooks: [Setting] = [
        .enableWebhooks, .webhookPort, .webhookHost, .webhookURL, .excludedNamespaces, .certificateValidity,
        .authorityValidity, .webhookService, .webhookSecret, .webhookFailurePolicy, .webhookPodFailurePolicy,
        .webhookTimeout, .webhookNamespaceSelector, .webhookObjectSelector,
    ]
    private static let metrics: [Setting] = [
        .metricsAddress, .metricsSecure, .metricsCertificateFile, .metricsKeyFile, .healthAddress, .enableCRMetrics,
        .createServiceMonitor,
    ]
    private static let tls: [Setting] = [.tlsMinVersion, .tlsCipherSuites, .tlsConfigureOperands]
    private static let logs: [Setting] = [
        .logLevel, .logEncoder, .logDevel, .logTimeEncoding, .logMessageKey, .logLevelKey, .logTimeKey,
        .logLevelFormat,
    ]
    private static let collectors: [Setting] = [
        .collectorImage, .targetAllocatorImage, .opAMPBridgeImage, .labelsFilter, .annotationsFilter,
        .fipsDisabledComponents, .httpProxy, .httpsProxy, .noProxy,
    ]
    private static let instrumentation: [Setting] =
        [.enableMulti] + Language.withAgent.map(Setting.enable) + Language.withAgent.map(Setting.image)
        + [.enableInstrumentationCRDs, .instrumentations]

    private static let compatibility: [Setting] =
        [
            Setting(
                "pprof-addr",
                env: "PPROF_ADDR",
                key: "pprof-addr",
                kind: .text,
                preset: "",
                .compatibility,
                "Address of Go's profiler.",
                unused: "Swift has no pprof; perf and heaptrack work on the process from outside"
            ),
            Setting(
                "create-rbac-permissions",
                key: "create-rbac-permissions",
                kind: .boolean,
                preset: "false",
                .compatibility,
                "Lets the operator create cluster roles for collectors.",
                unused: "whether the operator may create roles is found out at start"
            ),
            Setting(
                "openshift-create-dashboard",
                env: "OPENSHIFT_CREATE_DASHBOARD",
                key: "openshift-create-dashboard",
                kind: .boolean,
                preset: "false",
                .compatibility,
                "Creates a dashboard for OpenShift's console.",
                unused: "Swiftlet makes no OpenShift dashboard"
            ),
            Setting(
                "openshift-webhook-replicas",
                env: "OPENSHIFT_WEBHOOK_REPLICAS",
                key: "openshift-webhook-replicas",
                kind: .integer(0...100),
                preset: "2",
                .compatibility,
                "Replicas of the separate webhook Deployment under OLM.",
                unused: "Swiftlet does not change OLM's ClusterServiceVersion; scale the webhook Deployment itself"
            ),
            Setting(
                "clusterobservability-collector-image",
                key: "clusterobservability-collector-image",
                kind: .text,
                preset: "ghcr.io/open-telemetry/opentelemetry-collector-releases/opentelemetry-collector-k8s:0.158.0",
                .compatibility,
                "Collector image of ClusterObservability resources.",
                unused: "Swiftlet has no controller for ClusterObservability yet"
            ),
            Setting(
                "tls-cluster-profile",
                env: "TLS_CLUSTER_PROFILE",
                key: "tls.useclusterprofile",
                kind: .boolean,
                preset: "false",
                .compatibility,
                "Takes the TLS profile of OpenShift's APIServer resource.",
                unused: "Swiftlet does not read OpenShift's TLS profile; set --tls-min-version and --tls-cipher-suites"
            ),
            Setting(
                "zap-stacktrace-level",
                key: "zap.stacktrace-level",
                kind: .choice(["info", "error", "panic"]),
                preset: "error",
                .compatibility,
                "From which level on log lines carry stack traces.",
                unused: "Swiftlet's log lines carry no stack traces"
            ),
            Setting(
                nil,
                key: "collector-configmap-entry",
                kind: .text,
                preset: "collector.yaml",
                .compatibility,
                "Name of the collector's configuration in its ConfigMap.",
                unused: "the name is fixed"
            ),
            Setting(
                nil,
                key: "target-allocator-configmap-entry",
                kind: .text,
                preset: "targetallocator.yaml",
                .compatibility,
                "Name of the target allocator's configuration in its ConfigMap.",
                unused: "the name is fixed"
            ),
            Setting(
                nil,
                key: "operator-op-amp-bridge-configmap-entry",
                kind: .text,
                preset: "remoteconfiguration.yaml",
                .compatibility,
                "Name of the OpAMP bridge's configuration in its ConfigMap.",
                unused: "the name is fixed"
            ),
        ]
        + [
            "open-shift-routes", "gateway-apis", "prometheus-cr", "cert-manager", "target-allocator", "collector",
            "opampbridge",
        ].map { api in
            Setting(
                nil,
                key: "\(api)-availability",
                kind: .block,
                preset: "",
                .compatibility,
                "Whether the cluster has this API.",
                unused: "what the cluster offers is found out at start and followed from then on"
            )
        }
}

extension Setting {
    // MARK: Process and cluster

    package static let configFile = Setting(
        "config-file",
        .process,
        "YAML file of settings; environment and flags win over it."
    )
    package static let kubeconfig = Setting(
        "kubeconfig",
        env: "KUBECONFIG",
        .process,
        "Kubeconfig file; by default the pod's service account, then ~/.kube/config."
    )
    package static let context = Setting("context", .process, "Context of the kubeconfig.")
    package static let namespace = Setting(
        "namespace",
        env: "NAMESPACE",
        .process,
        "Namespace of the operator itself: its Lease, certificates and NetworkPolicy."
    )
    package static let serviceAccountName = Setting(
        nil,
        env: "SERVICE_ACCOUNT_NAME",
        .process,
        "Service account of the operator's pod."
    )
    package static let podName = Setting(
        nil,
        env: "POD_NAME",
        .process,
        "Names this replica in the Lease and in Events."
    )
    package static let hostName = Setting(nil, env: "HOSTNAME", .process, "The same where POD_NAME is not set.")
    package static let watchNamespace = Setting(
        "watch-namespace",
        env: "WATCH_NAMESPACE",
        key: "watch-namespace",
        kind: .list,
        preset: "",
        .process,
        "Namespaces to watch; empty for all."
    )
    package static let enableLeaderElection = Setting(
        "enable-leader-election",
        env: "ENABLE_LEADER_ELECTION",
        key: "enable-leader-election",
        kind: .boolean,
        preset: "false",
        .process,
        "Lets one of several replicas lead."
    )
    package static let leaseDuration = Setting(
        "leader-election-lease-duration",
        kind: .integer(3...3600),
        preset: "15",
        .process,
        "Seconds a leader's Lease lasts."
    )
    package static let maxConcurrentReconciles = Setting(
        "max-concurrent-reconciles",
        kind: .integer(1...1000),
        preset: "16",
        .process,
        "How many collectors are reconciled at once."
    )
    package static let featureGates = Setting(
        "feature-gates",
        env: "FEATURE_GATES",
        key: "feature-gates",
        kind: .text,
        preset: "",
        .process,
        "Feature gates to switch on (a or +a) and off (-a), with commas between them."
    )
    package static let ignoreMissingCRDs = Setting(
        "ignore-missing-collector-crds",
        env: "IGNORE_MISSING_COLLECTOR_CRDS",
        key: "ignore-missing-collector-crds",
        kind: .boolean,
        preset: "false",
        .process,
        "Starts also where the cluster does not know OpenTelemetryCollector."
    )

    // MARK: Webhooks

    package static let enableWebhooks = Setting(
        "enable-webhooks",
        env: "ENABLE_WEBHOOKS",
        key: "enable-webhooks",
        kind: .boolean,
        preset: "true",
        .webhooks,
        "Serves and registers webhooks."
    )
    package static let webhookPort = Setting(
        "webhook-port",
        env: "WEBHOOK_PORT",
        key: "webhook-port",
        kind: .integer(1...65535),
        preset: "9443",
        .webhooks,
        "Port of the webhook server."
    )
    package static let webhookHost = Setting(
        "webhook-host",
        .webhooks,
        "Address the webhook server listens on; empty for all."
    )
    package static let webhookURL = Setting(
        "webhook-url",
        .webhooks,
        "Registers the webhooks at this address, https://HOST:PORT, instead of the webhook Service."
    )
    package static let excludedNamespaces = Setting(
        "webhook-excluded-namespaces",
        env: "WEBHOOK_EXCLUDED_NAMESPACES",
        key: "webhook-excluded-namespaces",
        kind: .list,
        preset: "",
        .webhooks,
        "Namespaces whose pods are never sent to the webhook, such as kube-system."
    )
    package static let certificateValidity = Setting(
        "webhook-certificate-validity",
        env: "WEBHOOK_CERTIFICATE_VALIDITY",
        key: "webhook-certificate-validity",
        kind: .text,
        preset: "",
        .webhooks,
        "How long the webhooks' serving certificates live, such as 2160h (which it is when empty); renewed after two thirds."
    )
    package static let authorityValidity = Setting(
        "webhook-authority-validity",
        env: "WEBHOOK_AUTHORITY_VALIDITY",
        key: "webhook-authority-validity",
        kind: .text,
        preset: "",
        .webhooks,
        "How long the authority that signs them lives, such as 87600h (which it is when empty)."
    )
    package static let webhookService = Setting(
        "webhook-service",
        env: "WEBHOOK_SERVICE",
        key: "webhook-service",
        kind: .text,
        preset: "opentelemetry-operator-webhook-service",
        .webhooks,
        "Service, in the operator's namespace, through which the API server reaches the webhooks."
    )
    package static let webhookSecret = Setting(
        "webhook-secret",
        env: "WEBHOOK_SECRET",
        key: "webhook-secret",
        kind: .text,
        preset: "opentelemetry-operator-webhook-certificates",
        .webhooks,
        "Secret, in the operator's namespace, that holds the webhooks' certificates."
    )
    package static let webhookFailurePolicy = Setting(
        "webhook-failure-policy",
        env: "WEBHOOK_FAILURE_POLICY",
        key: "webhook-failure-policy",
        kind: .text,
        preset: "Fail",
        .webhooks,
        "Fail or Ignore: what becomes of our own resources while no webhook answers."
    )
    package static let webhookPodFailurePolicy = Setting(
        "webhook-pod-failure-policy",
        env: "WEBHOOK_POD_FAILURE_POLICY",
        key: "webhook-pod-failure-policy",
        kind: .text,
        preset: "Ignore",
        .webhooks,
        "Fail or Ignore: what becomes of new pods while no webhook answers."
    )
    package static let webhookTimeout = Setting(
        "webhook-timeout-seconds",
        env: "WEBHOOK_TIMEOUT_SECONDS",
        key: "webhook-timeout-seconds",
        kind: .integer(1...30),
        preset: "10",
        .webhooks,
        "Seconds that the API server waits for a webhook."
    )
    package static let webhookNamespaceSelector = Setting(
        "webhook-namespace-selector",
        env: "WEBHOOK_NAMESPACE_SELECTOR",
        key: "webhook-namespace-selector",
        kind: .text,
        preset: "",
        .webhooks,
        "Label selector, as JSON, of the namespaces whose objects come to the webhooks."
    )
    package static let webhookObjectSelector = Setting(
        "webhook-object-selector",
        env: "WEBHOOK_OBJECT_SELECTOR",
        key: "webhook-object-selector",
        kind: .text,
        preset: "",
        .webhooks,
        "Label selector, as JSON, of the objects that come to the webhooks."
    )

    // MARK: Metrics and probes

    package static let metricsAddress = Setting(
        "metrics-addr",
        env: "METRICS_ADDR",
        key: "metrics-addr",
        kind: .text,
        preset: ":8443",
        .metrics,
        "Address of /metrics, HOST:PORT; 0 serves none."
    )
    package static let metricsSecure = Setting(
        "metrics-secure",
        env: "METRICS_SECURE",
        key: "metrics-secure",
        kind: .boolean,
        preset: "true",
        .metrics,
        "Protects /metrics with TLS, authentication and authorization."
    )
    package static let metricsCertificateFile = Setting(
        "metrics-tls-cert-file",
        env: "METRICS_TLS_CERT_FILE",
        key: "metrics-tls-cert-file",
        .metrics,
        "PEM file with the certificate chain of /metrics, read again when it changes; without one it is made."
    )
    package static let metricsKeyFile = Setting(
        "metrics-tls-key-file",
        env: "METRICS_TLS_KEY_FILE",
        key: "metrics-tls-key-file",
        .metrics,
        "PEM file with the key of that certificate."
    )
    package static let healthAddress = Setting(
        "health-probe-addr",
        env: "HEALTH_PROBE_ADDR",
        key: "health-probe-addr",
        kind: .text,
        preset: ":8081",
        .metrics,
        "Address of /healthz and /readyz, HOST:PORT."
    )
    package static let enableCRMetrics = Setting(
        "enable-cr-metrics",
        env: "ENABLE_CR_METRICS",
        key: "enable-cr-metrics",
        kind: .boolean,
        preset: "false",
        .metrics,
        "Counts the components of collectors in metrics."
    )
    package static let createServiceMonitor = Setting(
        "create-sm-operator-metrics",
        env: "CREATE_SM_OPERATOR_METRICS",
        key: "create-service-monitor-operator-metrics",
        kind: .boolean,
        preset: "false",
        .metrics,
        "Keeps a ServiceMonitor for the operator's own metrics while it runs."
    )

    // MARK: TLS

    package static let tlsMinVersion = Setting(
        "tls-min-version",
        env: "TLS_MIN_VERSION",
        key: "tls.minversion",
        kind: .choice(["VersionTLS12", "VersionTLS13"]),
        preset: "VersionTLS12",
        .tls,
        "Lowest TLS version that the webhook and metrics servers accept."
    )
    package static let tlsCipherSuites = Setting(
        "tls-cipher-suites",
        env: "TLS_CIPHER_SUITES",
        key: "tls.ciphersuites",
        kind: .list,
        preset: "",
        .tls,
        "Cipher suites of TLS 1.2 that they accept, by Go's names; empty for the library's choice."
    )
    package static let tlsConfigureOperands = Setting(
        "tls-configure-operands",
        env: "TLS_CONFIGURE_OPERANDS",
        key: "tls.configureoperands",
        kind: .boolean,
        preset: "false",
        .tls,
        "Writes version and cipher suites into the TLS settings of collectors, too, where these name none."
    )

    // MARK: Logs

    package static let logLevel = Setting(
        "zap-log-level",
        key: "zap.log-level",
        kind: .text,
        preset: "info",
        .logs,
        "Least level that is logged: debug, info, warn, error, panic, or a number: 1 is debug, more is everything."
    )
    package static let logEncoder = Setting(
        "zap-encoder",
        key: "zap.encoder",
        kind: .choice(["json", "console"]),
        preset: "json",
        .logs,
        "Form of log lines."
    )
    package static let logDevel = Setting(
        "zap-devel",
        key: "zap.devel",
        kind: .boolean,
        preset: "false",
        .logs,
        "Defaults for development: level debug, encoder console."
    )
    package static let logTimeEncoding = Setting(
        "zap-time-encoding",
        key: "zap.time-encoding",
        kind: .choice(LogFormat.TimeEncoding.allCases.map(\.rawValue)),
        preset: "rfc3339nano",
        .logs,
        "Form of times in log lines."
    )
    package static let logMessageKey = Setting(
        "zap-message-key",
        env: "ZAP_MESSAGE_KEY",
        key: "zap.message-key",
        kind: .text,
        preset: "message",
        .logs,
        "Key of the message in log lines."
    )
    package static let logLevelKey = Setting(
        "zap-level-key",
        env: "ZAP_LEVEL_KEY",
        key: "zap.level-key",
        kind: .text,
        preset: "level",
        .logs,
        "Key of the level in log lines."
    )
    package static let logTimeKey = Setting(
        "zap-time-key",
        env: "ZAP_TIME_KEY",
        key: "zap.time-key",
        kind: .text,
        preset: "timestamp",
        .logs,
        "Key of the time in log lines."
    )
    package static let logLevelFormat = Setting(
        "zap-level-format",
        env: "ZAP_LEVEL_FORMAT",
        key: "zap.level-format",
        kind: .choice(["uppercase", "lowercase"]),
        preset: "uppercase",
        .logs,
        "Whether levels are written INFO or info."
    )

    // MARK: Collectors

    private static let images = OperatorSettings.Images()

    package static let collectorImage = Setting(
        "collector-image",
        env: "RELATED_IMAGE_COLLECTOR",
        key: "collector-image",
        kind: .text,
        preset: images.collector,
        .collectors,
        "Image of collectors that name none."
    )
    package static let targetAllocatorImage = Setting(
        "target-allocator-image",
        env: "RELATED_IMAGE_TARGET_ALLOCATOR",
        key: "targetallocator-image",
        kind: .text,
        .collectors,
        "Image of target allocators that name none; the operator's own unless set."
    )
    package static let opAMPBridgeImage = Setting(
        "operator-opamp-bridge-image",
        env: "RELATED_IMAGE_OPERATOR_OPAMP_BRIDGE",
        key: "operatoropampbridge-image",
        kind: .text,
        preset: images.opAMPBridge,
        .collectors,
        "Image of OpAMP bridges that name none."
    )
    package static let labelsFilter = Setting(
        "labels-filter",
        env: "LABELS_FILTER",
        key: "labels-filter",
        kind: .patterns,
        preset: "",
        .collectors,
        "Labels of a resource not to pass on to its objects: expressions that match anywhere in the key."
    )
    package static let annotationsFilter = Setting(
        "annotations-filter",
        env: "ANNOTATIONS_FILTER",
        key: "annotations-filter",
        kind: .patterns,
        preset: KeyFilter.lastAppliedPattern,
        .collectors,
        "Annotations not to pass on, likewise; what is given replaces the default."
    )
    package static let fipsDisabledComponents = Setting(
        "fips-disabled-components",
        env: "FIPS_DISABLED_COMPONENTS",
        key: "fips-disabled-components",
        kind: .list,
        preset: "",
        .collectors,
        "Components that are refused where the node runs in FIPS mode, such as receiver.x,exporter.y."
    )
    package static let httpProxy = Setting(
        nil,
        env: "HTTP_PROXY",
        .collectors,
        "Passed on to every container that the operator makes, in both cases."
    )
    package static let httpsProxy = Setting(nil, env: "HTTPS_PROXY", .collectors, "Likewise.")
    package static let noProxy = Setting(nil, env: "NO_PROXY", .collectors, "Likewise.")

    // MARK: Instrumentation

    package static let enableMulti = Setting(
        "enable-multi-instrumentation",
        env: "ENABLE_MULTI_INSTRUMENTATION",
        key: "enable-multi-instrumentation",
        kind: .boolean,
        preset: "true",
        .instrumentation,
        "Allows several languages in one pod."
    )

    /// Whether the language may be injected.
    package static func enable(_ language: Language) -> Setting {
        Setting(
            "enable-\(language.id)-instrumentation",
            env: "ENABLE_\(Self.variablePart(language))_AUTO_INSTRUMENTATION",
            // Apache's key is without `auto`.
            key: language == .apacheHttpd
                ? "enable-apache-httpd-instrumentation" : "enable-\(Self.keyPart(language))-auto-instrumentation",
            kind: .boolean,
            preset: "\(language != .go && language != .nginx)",
            .instrumentation,
            "Allows injection of \(language.displayName)."
        )
    }

    /// The agent's image.
    package static func image(_ language: Language) -> Setting {
        Setting(
            "auto-instrumentation-\(language.id)-image",
            env: "RELATED_IMAGE_AUTO_INSTRUMENTATION_\(Self.variablePart(language))",
            key: "auto-instrumentation-\(Self.keyPart(language))-image",
            kind: .text,
            preset: InstrumentationDefaulting.defaultImages[language] ?? "",
            .instrumentation,
            "Image of the agent of Instrumentations that name none, for \(language.displayName)."
        )
    }

    package static let enableInstrumentationCRDs = Setting(
        nil,
        key: "enable-instrumentation-crds",
        kind: .boolean,
        preset: "true",
        .instrumentation,
        "Without, no Instrumentation resources are looked for and the one below is used."
    )
    package static let instrumentations = Setting(
        nil,
        key: "instrumentations",
        kind: .block,
        preset: "",
        .instrumentation,
        "The Instrumentation that annotations with true mean then."
    )

    private static func variablePart(_ language: Language) -> String {
        String(language.id.uppercased().map { $0 == "-" ? "_" : $0 })
    }

    private static func keyPart(_ language: Language) -> String {
        switch language {
        case .nodejs: "node-js"
        case .dotnet: "dot-net"
        default: language.id
        }
    }
}
