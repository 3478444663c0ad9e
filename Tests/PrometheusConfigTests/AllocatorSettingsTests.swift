import Foundation
import JSONTree
import KubeModel
import PrometheusConfig
import PrometheusModel
import Testing

/// File, environment and flags against what the allocator makes of them.
struct AllocatorSettingsTests {
    private static func shown(_ settings: AllocatorSettings) -> JSONObject {
        func selector(_ setting: LabelSelectorSetting?) -> JSONValue {
            setting.map { .string($0.selector.query) } ?? nil
        }
        let cr = settings.prometheusCR
        var json: JSONObject = [
            "config_file": .string(settings.configFile), "listen_addr": .string(settings.listenAddress),
            "kubeconfig": .string(settings.kubeconfigFile),
            "collector_selector": selector(settings.collectorSelector),
            "collector_namespace": .string(settings.collectorNamespace),
            "strategy": .string(settings.allocationStrategy), "fallback": .string(settings.allocationFallbackStrategy),
            "filter": .string(settings.filterStrategy), "filters": .bool(settings.filters),
            "grace": .int(Int(settings.collectorNotReadyGracePeriod.nanoseconds)),
            "insecure": .bool(settings.allowsInsecureAuthSecrets), "https": .bool(settings.https.isEnabled),
            "https_listen": .string(settings.https.listenAddress), "ca": .string(settings.https.caFile),
            "cert": .string(settings.https.certificateFile), "key": .string(settings.https.keyFile),
        ]
        json["cr"] = .bool(cr.isEnabled)
        json["allow"] = .strings(cr.allowNamespaces)
        json["deny"] = .strings(cr.denyNamespaces)
        json["secrets"] = .strings(cr.secretNamespaces)
        json["service_monitor"] = selector(cr.serviceMonitors.objects)
        json["service_monitor_namespaces"] = selector(cr.serviceMonitors.namespaces)
        json["pod_monitor"] = selector(cr.podMonitors.objects)
        json["probe"] = selector(cr.probes.objects)
        json["scrape_config"] = selector(cr.scrapeConfigs.objects)
        json["scrape_interval"] = .string("\(cr.scrapeInterval)")
        json["evaluation_interval"] = cr.evaluationInterval.map { .string("\($0)") } ?? JSONValue.null
        json["scrape_protocols"] = .strings(cr.scrapeProtocols)
        json["classes"] = .int(cr.scrapeClasses.count)
        json["deny_fs"] = .bool(cr.deniesFileAccess)
        json["readers"] = .int(settings.metricReaders.count)
        for (index, reader) in settings.metricReaders.enumerated() {
            let headers = reader.headers.map { "\($0.name)=\($0.value)" }.joined(separator: ",")
            let times = [reader.interval, reader.timeout].map { "\($0 / .milliseconds(1))".dropLast(2) }
            json["reader\(index)"] = .string(
                "\(reader.transport) \(reader.endpoint) \(times.joined(separator: " ")) "
                    + "\(reader.temporality.rawValue) \(reader.isInsecure) \(headers)"
            )
        }
        json["handover"] = .bool(settings.handOver.isEnabled)
        json["deadline"] = .int(Int(settings.handOver.deadline.nanoseconds))
        json["state_file"] = .string(settings.stateFile)
        json["zap_devel"] = .bool(settings.log.isDevelopment)
        json["zap_encoder"] = .string(settings.log.encoder)
        json["zap_level"] = .string(settings.log.level)
        json["zap_stacktrace"] = .string(settings.log.stacktraceLevel)
        json["zap_time"] = .string(settings.log.timeEncoding)
        json["jobs"] = .strings(settings.document.jobs.map(\.name))
        return json
    }

    @Test(arguments: Fixture.cases("settings.yaml")) func isUnderstood(_ example: Fixture.Case) throws {
        let file =
            example.json[string: "file"] ?? "{config: {scrape_configs: [{job_name: a}]}, collector_namespace: ns}"
        let says = example.json[strings: "says"]
        do {
            let settings = try AllocatorSettings.load(
                file: file,
                environment: example.json[stringMap: "environment"] ?? [:],
                flags: example.json[stringMap: "flags"] ?? [:]
            )
            #expect(says == nil, "it was taken")
            let shown = Self.shown(settings)
            let gives = try #require(example.json[object: "gives"])
            for (name, value) in gives { #expect(shown[name] == value, "\(name)") }
            if let warns = example.json[strings: "warns"] {
                #expect(settings.warnings.map(\.description) == warns)
            }
        } catch let error as AllocatorSettingsError {
            let says = try #require(says, "\(error)")
            #expect(error.isUsage == (example.json[bool: "usage"] ?? false))
            #expect(error.exitCode == (error.isUsage ? 2 : 1))
            if example.json[bool: "model"] == true {
                #expect(error.messages.count == 1 && error.description.hasPrefix(says.first ?? "?"))
            } else {
                #expect(error.messages == says)
            }
        }
    }

    /// The trap of the specification: no selector is no pod, an empty one every pod.
    @Test func noSelectorMeansEveryPod() throws {
        let file = "{prometheus_cr: {enabled: true}, collector_namespace: ns, collector_selector: null}"
        #expect(try AllocatorSettings.load(file: file).collectorPods == nil)
    }

    @Test func globalOfResources() throws {
        let file = "{prometheus_cr: {enabled: true, evaluation_interval: 1m}, collector_namespace: ns}"
        #expect(
            try AllocatorSettings.load(file: file).prometheusCR.global == [
                "scrape_interval": "30s", "evaluation_interval": "1m",
                "scrape_protocols": [
                    "OpenMetricsText1.0.0", "OpenMetricsText0.0.1", "PrometheusText1.0.0", "PrometheusText0.0.4",
                ],
            ]
        )
    }

    // MARK: - Command line

    @Test(
        arguments: [
            ([], [:]), (["--listen-addr", ":1"], ["listen-addr": ":1"]), (["--listen-addr=:1"], ["listen-addr": ":1"]),
            (["-listen-addr=:1"], ["listen-addr": ":1"]), (["--enable-https-server"], ["enable-https-server": "true"]),
            (["--enable-https-server=false", "--handover"], ["enable-https-server": "false", "handover": "true"]),
            (["--state-file="], ["state-file": ""]), (["--state-file", "a=b"], ["state-file": "a=b"]),
            (["--listen-addr=:1", "--listen-addr=:2"], ["listen-addr": ":2"]),
            (["--zap-log-level=debug", "--zap-devel"], ["zap-log-level": "debug", "zap-devel": "true"]),
        ] as [([String], [String: String])]
    )
    func commandLine(_ arguments: [String], _ expected: [String: String]) throws {
        #expect(try AllocatorFlags(parsing: arguments).values == expected)
    }

    @Test(
        arguments: [
            (["--listen-adr=:1"], "unknown flag --listen-adr: did you mean --listen-addr?"),
            (["--foo"], "unknown flag --foo: see --help for those there are"),
            (["--listen-addr"], "--listen-addr needs a value: --listen-addr=:8080"),
            (["--state-file", "--handover"], "--state-file needs a value: --state-file=VALUE"),
            (["serve"], "unexpected argument serve: there are flags only, see --help"),
            (["--"], "unexpected argument --: there are flags only, see --help"),
            (["---handover"], "unexpected argument ---handover: there are flags only, see --help"),
        ] as [([String], String)]
    )
    func commandLineErrors(_ arguments: [String], _ says: String) {
        let error = #expect(throws: AllocatorSettingsError.self) { try AllocatorFlags(parsing: arguments) }
        #expect(error?.messages == [says])
        #expect(error?.exitCode == 2)
    }

    @Test func help() throws {
        #expect(try AllocatorFlags(parsing: ["--handover", "--help"]).asksForHelp)
        let help = AllocatorSettingCatalog.help(command: "swiftlet target-allocator")
        for setting in AllocatorSettingCatalog.all {
            guard let flag = setting.flag else { continue }
            #expect(help.contains("  --\(flag)\n"))
        }
    }

    // MARK: - Table

    /// The keys and flags of the specification, sections 2.1 and 2.3.
    @Test func everySettingOfTheSpecificationIsThere() {
        let keys = """
            listen_addr kube_config_file_path collector_selector collector_namespace config allocation_strategy \
            allocation_fallback_strategy filter_strategy collector_not_ready_grace_period allow_insecure_auth_secrets \
            https.enabled https.listen_addr https.ca_file_path https.tls_cert_file_path https.tls_key_file_path \
            prometheus_cr.enabled prometheus_cr.allow_namespaces prometheus_cr.deny_namespaces \
            prometheus_cr.secret_namespaces prometheus_cr.service_monitor_selector prometheus_cr.pod_monitor_selector \
            prometheus_cr.scrape_config_selector prometheus_cr.probe_selector \
            prometheus_cr.service_monitor_namespace_selector prometheus_cr.pod_monitor_namespace_selector \
            prometheus_cr.scrape_config_namespace_selector prometheus_cr.probe_namespace_selector \
            prometheus_cr.scrape_interval prometheus_cr.evaluation_interval prometheus_cr.scrape_protocols \
            prometheus_cr.scrape_classes prometheus_cr.deny_fs_access_through_sms telemetry.metrics.readers \
            handover.enabled handover.deadline state_file
            """.split(separator: " ").map(String.init)
        let flags = """
            config-file listen-addr enable-prometheus-cr-watcher kubeconfig-path enable-https-server listen-addr-https \
            https-ca-file https-tls-cert-file https-tls-key-file allow-insecure-auth-secrets zap-devel zap-encoder \
            zap-log-level zap-stacktrace-level zap-time-encoding handover handover-deadline state-file
            """.split(separator: " ").map(String.init)
        #expect(Set(AllocatorSettingCatalog.all.compactMap(\.key)) == Set(keys))
        #expect(Set(AllocatorSettingCatalog.all.compactMap(\.flag)) == Set(flags))
        #expect(
            Set(AllocatorSettingCatalog.all.compactMap(\.variable)) == [
                "OTELCOL_NAMESPACE", "ALLOW_INSECURE_AUTH_SECRETS",
            ]
        )
    }

    /// The page is what the table says: `UPDATE_GOLDEN=1` writes it.
    @Test func referencePage() throws {
        let page = URL(filePath: #filePath).deletingLastPathComponent().appending(
            path: "../../docs/reference/target-allocator.md"
        )
        let text = AllocatorSettingCatalog.markdown
        if Fixture.updates {
            try Data(text.utf8).write(to: page)
            return
        }
        #expect(try String(decoding: Data(contentsOf: page), as: UTF8.self) == text)
    }
}
