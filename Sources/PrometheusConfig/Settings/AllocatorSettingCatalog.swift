import JSONTree
import PrometheusModel

/// Every setting of the target allocator, in one table: what its file, the environment and the command line are read by,
/// and what the help and the reference page list.
package enum AllocatorSettingCatalog {
    package static let all: [AllocatorSetting] = process + collectors + jobs + https + resources + telemetry + logs

    /// By flag, without dashes.
    package static let flags = Dictionary(
        all.compactMap { setting in setting.flag.map { ($0, setting) } },
        uniquingKeysWith: { first, _ in first }
    )

    private static let process: [AllocatorSetting] = [
        .text(
            nil,
            flag: "config-file",
            preset: AllocatorSettings.defaultConfigFile,
            .process,
            "The file of settings.",
            \.configFile
        ),
        .text("listen_addr", flag: "listen-addr", preset: ":8080", .process, "Where HTTP is served.", \.listenAddress),
        .text(
            "kube_config_file_path",
            flag: "kubeconfig-path",
            preset: "~/.kube/config",
            .process,
            "Kubeconfig file; the pod's service account where it does not exist.",
            \.kubeconfigFile
        ),
        .boolean(
            "allow_insecure_auth_secrets",
            env: "ALLOW_INSECURE_AUTH_SECRETS",
            flag: "allow-insecure-auth-secrets",
            .process,
            "Serves secrets in clear on plain HTTP, too. Of the variable only the value true has an effect.",
            \.allowsInsecureAuthSecrets
        ),
        .text(
            "state_file",
            flag: "state-file",
            .process,
            "Keeps the assignment over a restart of the container, where a volume is given.",
            \.stateFile
        ),
    ]

    private static let collectors: [AllocatorSetting] = [
        AllocatorSetting(
            key: "collector_selector",
            .selector,
            preset: "null",
            .collectors,
            "Which pods are collectors; without one no pod is, with {} every pod of the namespace."
        ) { (settings, value) throws(FieldError) in
            settings.collectorSelector = try LabelSelectorSetting(reading: value)
        },
        .text(
            "collector_namespace",
            env: "OTELCOL_NAMESPACE",
            .collectors,
            "Namespace of the collectors; must be given.",
            \.collectorNamespace
        ),
        duration(
            "collector_not_ready_grace_period",
            preset: "30s",
            .collectors,
            "How long a collector may be not ready before its targets move; 0s takes every pod.",
            \.collectorNotReadyGracePeriod
        ),
        .choice(
            "allocation_strategy",
            AllocatorSettings.strategies,
            preset: "consistent-hashing",
            .collectors,
            "How targets are spread.",
            \.allocationStrategy
        ),
        .choice(
            "allocation_fallback_strategy",
            AllocatorSettings.strategies,
            .collectors,
            "How per-node spreads targets that have no node.",
            \.allocationFallbackStrategy
        ),
        .text(
            "filter_strategy",
            preset: AllocatorSettings.filteringStrategy,
            .collectors,
            "relabel-config leaves out targets that their job drops; anything else leaves out none.",
            \.filterStrategy
        ),
        .boolean(
            "handover.enabled",
            flag: "handover",
            preset: true,
            .collectors,
            "Leaves a moved target on its old collector's list, too, until the new one has fetched its own.",
            \.handOver.isEnabled
        ),
        duration(
            "handover.deadline",
            flag: "handover-deadline",
            preset: "1m0s",
            .collectors,
            "How long that lasts at most.",
            \.handOver.deadline
        ),
    ]

    private static let jobs: [AllocatorSetting] = [
        AllocatorSetting(
            key: "config",
            .block,
            .jobs,
            "A Prometheus configuration, of which global and scrape_configs are used."
        ) { (settings, value) throws(FieldError) in
            settings.config = try FieldSchema.object(value)
        }
    ]

    private static let https: [AllocatorSetting] = [
        .boolean("https.enabled", flag: "enable-https-server", .https, "Serves HTTPS, too.", \.https.isEnabled),
        .text(
            "https.listen_addr",
            flag: "listen-addr-https",
            preset: ":8443",
            .https,
            "Where HTTPS is served.",
            \.https.listenAddress
        ),
        .text(
            "https.ca_file_path",
            flag: "https-ca-file",
            .https,
            "PEM file of the authorities whose clients are let in.",
            \.https.caFile
        ),
        .text(
            "https.tls_cert_file_path",
            flag: "https-tls-cert-file",
            .https,
            "PEM file of the server's certificate.",
            \.https.certificateFile
        ),
        .text(
            "https.tls_key_file_path",
            flag: "https-tls-key-file",
            .https,
            "PEM file of its key.",
            \.https.keyFile
        ),
    ]

    private static let resources: [AllocatorSetting] =
        [
            .boolean(
                "prometheus_cr.enabled",
                flag: "enable-prometheus-cr-watcher",
                .resources,
                "Makes jobs of ServiceMonitors, PodMonitors, Probes and ScrapeConfigs.",
                \.prometheusCR.isEnabled
            ),
            .list(
                "prometheus_cr.allow_namespaces",
                .resources,
                "The only namespaces to look at; empty for all.",
                \.prometheusCR.allowNamespaces
            ),
            .list(
                "prometheus_cr.deny_namespaces",
                .resources,
                "Namespaces to leave out; not together with allow_namespaces.",
                \.prometheusCR.denyNamespaces
            ),
            .list(
                "prometheus_cr.secret_namespaces",
                .resources,
                "Where Secrets that resources refer to are read; by default the collectors' namespace.",
                \.prometheusCR.secretNamespaces
            ),
        ] + selectors + [
            scrapeDuration(
                "prometheus_cr.scrape_interval",
                preset: "30s",
                "Interval of resources that have none."
            ) { $0.prometheusCR.scrapeInterval = $1 },
            scrapeDuration(
                "prometheus_cr.evaluation_interval",
                "Passed through."
            ) { $0.prometheusCR.evaluationInterval = $1 },
            AllocatorSetting(
                key: "prometheus_cr.scrape_protocols",
                .list,
                preset: ScrapeJobDraft.protocols.dropFirst().joined(separator: ","),
                .resources,
                "Protocols of resources that have none."
            ) { (settings, value) throws(FieldError) in
                let protocols = try FieldSchema.texts(value)
                if protocols.isEmpty { return }
                try ScrapeJobDraft.checkProtocols(protocols, field: "")
                settings.prometheusCR.scrapeProtocols = protocols
            },
            AllocatorSetting(
                key: "prometheus_cr.scrape_classes",
                .list,
                .resources,
                "Scrape classes (monitoring.coreos.com/v1 ScrapeClass) that resources may name."
            ) { (settings, value) throws(FieldError) in
                settings.prometheusCR.scrapeClasses = try scrapeClasses(value)
            },
            .boolean(
                "prometheus_cr.deny_fs_access_through_sms",
                .resources,
                "Leaves out jobs that read files of the collector.",
                \.prometheusCR.deniesFileAccess
            ),
        ]

    private static let selectors: [AllocatorSetting] = [
        .selector(
            "prometheus_cr.service_monitor_selector",
            "ServiceMonitors to take; null takes none, {} takes all.",
            \.prometheusCR.serviceMonitors.objects
        ),
        .namespaceSelector(
            "prometheus_cr.service_monitor_namespace_selector",
            "Namespaces to take ServiceMonitors from.",
            \.prometheusCR.serviceMonitors.namespaces
        ),
        .selector(
            "prometheus_cr.pod_monitor_selector",
            "PodMonitors to take; null takes none, {} takes all.",
            \.prometheusCR.podMonitors.objects
        ),
        .namespaceSelector(
            "prometheus_cr.pod_monitor_namespace_selector",
            "Namespaces to take PodMonitors from.",
            \.prometheusCR.podMonitors.namespaces
        ),
        .selector(
            "prometheus_cr.scrape_config_selector",
            "ScrapeConfigs to take; null takes none, {} takes all.",
            \.prometheusCR.scrapeConfigs.objects
        ),
        .namespaceSelector(
            "prometheus_cr.scrape_config_namespace_selector",
            "Namespaces to take ScrapeConfigs from.",
            \.prometheusCR.scrapeConfigs.namespaces
        ),
        .selector(
            "prometheus_cr.probe_selector",
            "Probes to take; null takes none, {} takes all.",
            \.prometheusCR.probes.objects
        ),
        .namespaceSelector(
            "prometheus_cr.probe_namespace_selector",
            "Namespaces to take Probes from.",
            \.prometheusCR.probes.namespaces
        ),
    ]

    private static let telemetry: [AllocatorSetting] = [
        AllocatorSetting(
            key: "telemetry.metrics.readers",
            .list,
            .telemetry,
            "Where its own metrics are pushed to by OTLP. In headers and HTTP endpoints ${env:NAME} is replaced."
        ) { (_, value) throws(FieldError) in
            // Read by itself: it needs the environment, and its messages are those of the Go allocator.
            _ = try FieldSchema.array(value)
        }
    ]

    private static let logs: [AllocatorSetting] = [
        .boolean(
            nil,
            flag: "zap-devel",
            .logs,
            "Logs for developers: the console encoder, from debug on.",
            \.log.isDevelopment
        ),
        .choice(nil, flag: "zap-encoder", ["json", "console"], .logs, "How log lines are written.", \.log.encoder),
        level("zap-log-level", "What is logged at least: debug, info, error, panic, or a number.", \.log.level),
        level(
            "zap-stacktrace-level",
            "Accepted without effect: Swift has no stack traces in logs.",
            \.log.stacktraceLevel
        ),
        .choice(
            nil,
            flag: "zap-time-encoding",
            ["epoch", "millis", "nano", "iso8601", "rfc3339", "rfc3339nano"],
            .logs,
            "How times are written.",
            \.log.timeEncoding
        ),
    ]

    // MARK: - Kinds that only this table has

    private static func duration(
        _ key: String,
        flag: String? = nil,
        preset: String,
        _ group: AllocatorSetting.Group,
        _ help: String,
        _ path: any AllocatorSetting.Path<GoDuration>
    ) -> AllocatorSetting {
        AllocatorSetting(key: key, flag: flag, .duration, preset: preset, group, help) {
            (settings, value) throws(FieldError) in
            let text = try FieldSchema.text(value)
            let duration: GoDuration
            do {
                duration = try GoDuration(text)
            } catch {
                throw FieldError(
                    "\"\(text.abbreviated())\" is not a duration",
                    hint: "write a number and a unit (ms, s, m, h), such as 30s or 1m30s; there are no days"
                )
            }
            if duration.nanoseconds < 0 { throw FieldError("must not be negative") }
            settings[keyPath: path] = duration
        }
    }

    private static func scrapeDuration(
        _ key: String,
        preset: String = "",
        _ help: String,
        set: @escaping @Sendable (inout AllocatorSettings, PrometheusDuration) -> Void
    ) -> AllocatorSetting {
        AllocatorSetting(key: key, .scrapeDuration, preset: preset, .resources, help) {
            (settings, value) throws(FieldError) in
            // The Go allocator reads these as Go does, where 90s may also be 1.5m; Prometheus' form is a day's, too.
            let text = try FieldSchema.text(value)
            if let duration = try? PrometheusDuration(text) {
                if duration.milliseconds > 0 { set(&settings, duration) }
            } else if let duration = try? GoDuration(text), duration.nanoseconds >= 1_000_000 {
                set(&settings, PrometheusDuration(milliseconds: duration.nanoseconds / 1_000_000))
            } else {
                _ = try FieldSchema.duration(value)
            }
        }
    }

    private static func level(
        _ flag: String,
        _ help: String,
        _ path: any AllocatorSetting.Path<String>
    ) -> AllocatorSetting {
        AllocatorSetting(flag: flag, .text, .logs, help) { (settings, value) throws(FieldError) in
            let text = try FieldSchema.text(value)
            let words = ["debug", "info", "warn", "error", "panic"]
            guard words.contains(text.lowercased()) || Int(text).map({ $0 >= 0 }) ?? false else {
                throw FieldSchema.notOneOf(words + ["a number from 0"], text)
            }
            settings[keyPath: path] = text
        }
    }

    private static func scrapeClasses(_ value: JSONValue) throws(FieldError) -> [JSONObject] {
        var classes: [JSONObject] = []
        for (index, element) in try FieldSchema.array(value).enumerated() {
            do throws(FieldError) {
                let object = try FieldSchema.object(element)
                guard let name = object[string: "name"], !name.isEmpty else {
                    throw FieldError("must be given").within("name")
                }
                if classes.contains(where: { $0[string: "name"] == name }) {
                    throw FieldError("there is a scrape class \"\(name.abbreviated())\" already").within("name")
                }
                if object[bool: "default"] == true, classes.contains(where: { $0[bool: "default"] == true }) {
                    throw FieldError("only one scrape class can be the default").within("default")
                }
                classes.append(object)
            } catch {
                throw error.within(index)
            }
        }
        return classes
    }
}
