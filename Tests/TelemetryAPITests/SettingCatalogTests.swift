import JSONTree
import TelemetryAPI
import Testing

/// The table of settings against what the Go operator 0.158 takes (specification operations.md sections 1.1 and 1.2).
struct SettingCatalogTests {
    /// Flag, variable (`-` for none), default.
    private static let flags = """
        metrics-addr METRICS_ADDR :8443
        metrics-secure METRICS_SECURE true
        metrics-tls-cert-file METRICS_TLS_CERT_FILE
        metrics-tls-key-file METRICS_TLS_KEY_FILE
        health-probe-addr HEALTH_PROBE_ADDR :8081
        pprof-addr PPROF_ADDR
        enable-leader-election ENABLE_LEADER_ELECTION false
        enable-webhooks ENABLE_WEBHOOKS true
        webhook-port WEBHOOK_PORT 9443
        watch-namespace WATCH_NAMESPACE
        feature-gates FEATURE_GATES
        config-file -
        labels-filter LABELS_FILTER
        annotations-filter ANNOTATIONS_FILTER ^kubectl\\.kubernetes\\.io/last-applied-configuration$
        ignore-missing-collector-crds IGNORE_MISSING_COLLECTOR_CRDS false
        create-rbac-permissions - false
        openshift-create-dashboard OPENSHIFT_CREATE_DASHBOARD false
        openshift-webhook-replicas OPENSHIFT_WEBHOOK_REPLICAS 2
        enable-multi-instrumentation ENABLE_MULTI_INSTRUMENTATION true
        enable-java-instrumentation ENABLE_JAVA_AUTO_INSTRUMENTATION true
        enable-nodejs-instrumentation ENABLE_NODEJS_AUTO_INSTRUMENTATION true
        enable-python-instrumentation ENABLE_PYTHON_AUTO_INSTRUMENTATION true
        enable-dotnet-instrumentation ENABLE_DOTNET_AUTO_INSTRUMENTATION true
        enable-apache-httpd-instrumentation ENABLE_APACHE_HTTPD_AUTO_INSTRUMENTATION true
        enable-go-instrumentation ENABLE_GO_AUTO_INSTRUMENTATION false
        enable-nginx-instrumentation ENABLE_NGINX_AUTO_INSTRUMENTATION false
        enable-cr-metrics ENABLE_CR_METRICS false
        create-sm-operator-metrics CREATE_SM_OPERATOR_METRICS false
        collector-image RELATED_IMAGE_COLLECTOR \
        ghcr.io/open-telemetry/opentelemetry-collector-releases/opentelemetry-collector:0.158.0
        clusterobservability-collector-image - \
        ghcr.io/open-telemetry/opentelemetry-collector-releases/opentelemetry-collector-k8s:0.158.0
        target-allocator-image RELATED_IMAGE_TARGET_ALLOCATOR
        operator-opamp-bridge-image RELATED_IMAGE_OPERATOR_OPAMP_BRIDGE \
        ghcr.io/open-telemetry/opentelemetry-operator/operator-opamp-bridge:0.158.0
        auto-instrumentation-java-image RELATED_IMAGE_AUTO_INSTRUMENTATION_JAVA \
        ghcr.io/open-telemetry/opentelemetry-operator/autoinstrumentation-java:2.30.0
        auto-instrumentation-nodejs-image RELATED_IMAGE_AUTO_INSTRUMENTATION_NODEJS \
        ghcr.io/open-telemetry/opentelemetry-operator/autoinstrumentation-nodejs:0.78.0
        auto-instrumentation-python-image RELATED_IMAGE_AUTO_INSTRUMENTATION_PYTHON \
        ghcr.io/open-telemetry/opentelemetry-operator/autoinstrumentation-python:0.64b0
        auto-instrumentation-dotnet-image RELATED_IMAGE_AUTO_INSTRUMENTATION_DOTNET \
        ghcr.io/open-telemetry/opentelemetry-operator/autoinstrumentation-dotnet:1.16.0
        auto-instrumentation-apache-httpd-image RELATED_IMAGE_AUTO_INSTRUMENTATION_APACHE_HTTPD \
        ghcr.io/open-telemetry/opentelemetry-operator/autoinstrumentation-apache-httpd:1.0.4
        auto-instrumentation-nginx-image RELATED_IMAGE_AUTO_INSTRUMENTATION_NGINX \
        ghcr.io/open-telemetry/opentelemetry-operator/autoinstrumentation-apache-httpd:1.0.4
        auto-instrumentation-go-image RELATED_IMAGE_AUTO_INSTRUMENTATION_GO \
        ghcr.io/open-telemetry/opentelemetry-go-instrumentation/autoinstrumentation-go:v0.24.0
        tls-cluster-profile TLS_CLUSTER_PROFILE false
        tls-configure-operands TLS_CONFIGURE_OPERANDS false
        tls-min-version TLS_MIN_VERSION VersionTLS12
        tls-cipher-suites TLS_CIPHER_SUITES
        zap-message-key ZAP_MESSAGE_KEY message
        zap-level-key ZAP_LEVEL_KEY level
        zap-time-key ZAP_TIME_KEY timestamp
        zap-level-format ZAP_LEVEL_FORMAT uppercase
        zap-devel - false
        zap-encoder - json
        zap-log-level - info
        zap-stacktrace-level - error
        zap-time-encoding - rfc3339nano
        """

    @Test(arguments: flags.split(separator: "\n").map(String.init)) func flagsOfTheGoOperator(_ line: String) throws {
        let words = line.split(separator: " ").map(String.init)
        let setting = try #require(SettingCatalog.flags[words[0]])
        #expect(setting.variable == (words.count > 1 && words[1] != "-" ? words[1] : nil))
        #expect(setting.preset == (words.count > 2 ? words[2] : ""))
    }

    /// An upstream slip that does no harm: the list is `uppercase` there.
    @Test func fipsComponents() {
        #expect(SettingCatalog.flags["fips-disabled-components"]?.variable == "FIPS_DISABLED_COMPONENTS")
        #expect(SettingCatalog.flags["fips-disabled-components"]?.preset == "")
    }

    @Test(
        arguments: """
            targetallocator-image operatoropampbridge-image collector-image enable-multi-instrumentation
            enable-dot-net-auto-instrumentation enable-go-auto-instrumentation enable-nginx-auto-instrumentation
            enable-python-auto-instrumentation enable-node-js-auto-instrumentation enable-java-auto-instrumentation
            enable-apache-httpd-instrumentation auto-instrumentation-dot-net-image auto-instrumentation-node-js-image
            auto-instrumentation-go-image auto-instrumentation-apache-httpd-image auto-instrumentation-nginx-image
            auto-instrumentation-java-image auto-instrumentation-python-image create-service-monitor-operator-metrics
            collector-configmap-entry target-allocator-configmap-entry operator-op-amp-bridge-configmap-entry
            feature-gates enable-instrumentation-crds instrumentations create-rbac-permissions
            clusterobservability-collector-image openshift-create-dashboard open-shift-routes-availability
            gateway-apis-availability prometheus-cr-availability cert-manager-availability
            target-allocator-availability collector-availability opampbridge-availability
            ignore-missing-collector-crds labels-filter annotations-filter metrics-addr metrics-secure
            metrics-tls-cert-file metrics-tls-key-file health-probe-addr pprof-addr enable-leader-election
            enable-cr-metrics webhook-port fips-disabled-components watch-namespace enable-webhooks
            openshift-webhook-replicas tls.minversion tls.ciphersuites tls.useclusterprofile tls.configureoperands
            zap.message-key zap.level-key zap.time-key zap.level-format
            """.split { $0 == " " || $0 == "\n" }.map(String.init)
    )
    func keysOfTheGoOperator(_ key: String) { #expect(SettingCatalog.keys[key] != nil) }

    @Test func everythingOnce() {
        let all = SettingCatalog.all
        #expect(SettingCatalog.flags.count == all.compactMap(\.flag).count)
        #expect(SettingCatalog.variables.count == all.compactMap(\.variable).count)
        #expect(SettingCatalog.keys.count == all.compactMap(\.key).count)
        #expect(Set(all.map(\.name)).count == all.count)
    }

    @Test(arguments: SettingCatalog.all) func wellFormed(_ setting: Setting) throws {
        #expect(!setting.name.isEmpty)
        #expect(setting.help.hasSuffix("."), "one sentence: \(setting.help)")
        #expect((setting.use == .works) == (setting.group != .compatibility))
        if let reason = setting.reasonWithoutUse { #expect(!reason.hasSuffix(".") && reason.count > 10) }
        // Its default is a value that it takes itself.
        guard let flag = setting.flag, !setting.preset.isEmpty else { return }
        let values = try SettingValues(flags: CommandLineFlags(parsing: ["--\(flag)=\(setting.preset)"]))
        #expect(values.text(setting) == setting.preset && values.source(setting) == .flag)
        #expect(values.warnings.isEmpty)
    }

    @Test func listings() throws {
        let json = try #require(SettingCatalog.json.array)
        #expect(json.count == SettingCatalog.all.count)
        #expect(json.first { $0["flag"]?.string == "--pprof-addr" }?["works"] == .bool(false))
        let table = SettingCatalog.table.split(separator: "\n")
        #expect(table.count == SettingCatalog.all.count + 1)
        let help = SettingCatalog.help(command: "c", purpose: "p")
        for setting in SettingCatalog.all {
            for name in [
                setting.flag.map { "`--\($0)`" }, setting.variable.map { "`\($0)`" }, setting.key.map { "`\($0)`" },
            ] {
                if let name { #expect(SettingCatalog.markdown.contains(name)) }
            }
            if let flag = setting.flag { #expect(help.contains("  --\(flag)\n")) }
        }
    }
}

/// What somebody may have meant.
struct SpellingTests {
    @Test(arguments: [
        ("", "", 0), ("abc", "", 3), ("abc", "abc", 0), ("abc", "acb", 1), ("webhok", "webhook", 1),
        ("kitten", "sitting", 3),
    ])
    func distance(_ left: String, _ right: String, _ expected: Int) {
        #expect(Spelling.distance(left, right) == expected)
        #expect(Spelling.distance(right, left) == expected)
    }

    @Test(
        arguments: [
            ("webhok-port", "webhook-port"), ("metrics-adr", "metrics-addr"), ("zap-loglevel", "zap-log-level"),
            ("enable-webhook", "enable-webhooks"), ("completely-different-thing", nil), ("", nil),
            (String(repeating: "x", count: 5000), nil),
        ] as [(String, String?)]
    )
    func nearest(_ word: String, _ expected: String?) {
        #expect(Spelling.nearest(to: word, among: SettingCatalog.all.compactMap(\.flag)) == expected)
    }
}
