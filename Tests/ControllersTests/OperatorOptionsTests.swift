import AdmissionServer
import FoundationEssentials
import Logging
import TelemetryAPI
import Testing

@testable import Controllers

/// What the settings make of the operator.
struct OperatorOptionsTests {
    private func options(_ flags: [String], _ file: String = "", fips: Bool = false) throws -> OperatorOptions {
        try OperatorOptions(
            SettingValues(
                flags: CommandLineFlags(parsing: flags),
                file: ConfigFile(parsing: Array(file.utf8), named: "f.yaml")
            ),
            requiresFIPS: fips
        )
    }

    /// The table's defaults are those that the code has.
    @Test func defaults() throws {
        let options = try self.options([])
        let plain = OperatorOptions()
        #expect(options.settings == plain.settings)
        #expect(options.languages == plain.languages)
        #expect(options.tls == plain.tls && options.logFormat == plain.logFormat)
        #expect(
            [options.metricsAddress, options.healthAddress, "\(options.webhookPort)", "\(options.leaseSeconds)"]
                == [plain.metricsAddress, plain.healthAddress, "\(plain.webhookPort)", "\(plain.leaseSeconds)"]
        )
        #expect(options.maxConcurrentReconciles == plain.maxConcurrentReconciles)
        #expect(options.isMetricsSecure && options.servesWebhooks && !options.electsLeader && !options.countsComponents)
        #expect(options.metricsFiles == nil && options.staticInstrumentation == nil && options.warnings == [])
        #expect(options.ownNamespace == nil && options.kubeconfig == nil && options.webhookHost == nil)
    }

    @Test func values() throws {
        let options = try self.options([
            "--namespace=n", "--enable-go-instrumentation", "--enable-java-instrumentation=false",
            "--auto-instrumentation-java-image=java:1", "--webhook-url=https://h:1/", "--metrics-addr=0",
            "--metrics-tls-cert-file=a", "--metrics-tls-key-file=b", "--create-sm-operator-metrics",
            "--tls-min-version=VersionTLS13", "--tls-configure-operands", "--labels-filter=^a",
            "--feature-gates=operator.clusterobservability,-operand.networkpolicy",
            "--ignore-missing-collector-crds",
        ])
        #expect(
            options.ownNamespace == "n" && options.webhookURL == "https://h:1" && options.webhookHost == "127.0.0.1"
        )
        #expect(options.languages.contains(.go) && !options.languages.contains(.java))
        #expect(options.images[.java] == "java:1")
        #expect(options.metricsFiles == .init(certificate: "a", key: "b") && options.createsServiceMonitor)
        #expect(options.tls.minimumVersion == .tls13 && options.ignoresMissingCollectors)
        #expect(options.settings.operandTLS == .init(minimumVersion: "1.3"))
        #expect(options.settings.labelFilter.matches("ab") && !options.settings.labelFilter.matches("ba"))
        #expect(options.settings.featureGates.isOn(FeatureGates.clusterObservability))
        #expect(!options.settings.featureGates.isOn(FeatureGates.operandNetworkPolicy))
    }

    @Test func fipsComponentsOnlyWhereItIsOn() throws {
        let flags = ["--fips-disabled-components=receiver.a,exporter.b"]
        #expect(try self.options(flags).settings.fipsDisabledComponents == [])
        #expect(try self.options(flags, fips: true).settings.fipsDisabledComponents == ["receiver.a", "exporter.b"])
    }

    @Test func logs() throws {
        #expect(try self.options(["--zap-devel"]).logFormat == LogFormat(encoder: .console, threshold: .debug))
        #expect(
            try self.options(["--zap-devel", "--zap-encoder=json", "--zap-log-level=error"]).logFormat
                == LogFormat(threshold: .error)
        )
        #expect(
            try self.options(["--zap-log-level=4"], "zap: {level-format: lowercase, message-key: msg}").logFormat
                == LogFormat(messageKey: "msg", isUppercase: false, threshold: .trace)
        )
    }

    @Test(arguments: [
        (["--zap-log-level=loud"], "", "--zap-log-level: \"loud\": must be debug"),
        (["--webhook-url=http://a"], "", "--webhook-url: must have the form https://HOST:PORT"),
        (["--metrics-addr=8443"], "", "--metrics-addr: \"8443\" is not an address to listen on"),
        (["--metrics-tls-key-file=b"], "", "--metrics-tls-key-file: needs its certificate"),
        ([], "metrics-tls-cert-file: b", "f.yaml: metrics-tls-cert-file: needs its key"),
        (["--labels-filter=("], "", "--labels-filter: "),
        (["--feature-gates=nonsense"], "", "--feature-gates: no such feature gate: \"nonsense\"; known are operator."),
        (
            ["--feature-gates=-operator.golang.flags"], "",
            "--feature-gates: feature gate \"operator.golang.flags\" is stable"
        ),
        (["--tls-cipher-suites=TLS_NULL"], "", "--tls-cipher-suites: unknown TLS cipher suite \"TLS_NULL\""),
        ([], "tls: {cipherSuites: [TLS_RSA_WITH_RC4_128_SHA]}", "f.yaml: tls.ciphersuites: TLS cipher suite"),
        (["--tls-min-version=VersionTLS11"], "", "--tls-min-version: \"VersionTLS11\": must be one of"),
        ([], "enable-instrumentation-crds: false\ninstrumentations: none", "f.yaml: instrumentations: must be"),
    ])
    func mistakes(_ flags: [String], _ file: String, _ expected: String) {
        let error = #expect(throws: SettingError.self) { try self.options(flags, file) }
        #expect(error?.description.hasPrefix(expected) == true, "\(String(describing: error))")
        #expect(error?.exitCode == (flags.isEmpty ? 1 : 2))
    }

    @Test func certificateWithoutTLS() throws {
        let options = try self.options([
            "--metrics-secure=false", "--metrics-tls-cert-file=a", "--metrics-tls-key-file=b",
        ])
        #expect(options.warnings.count == 1)
    }

    @Test(
        arguments: [
            ("http://c:4317", 4317), ("https://c", 443), ("http://c/v1", 80), ("c:4317", 4317), ("http://[::1]:1/x", 1),
            ("[::1]", nil), ("c", nil), ("", nil), (":8081", 8081), ("http://c:x", 80),
        ] as [(String, Int?)]
    )
    func ports(_ text: String, _ expected: Int?) { #expect(URLPort(text).port == expected) }

    @Test func servedPorts() throws {
        #expect(try self.options([]).servedPorts == [9443, 8443, 8081])
        #expect(try self.options(["--metrics-addr=0", "--enable-webhooks=false"]).servedPorts == [8081])
    }
}

/// The certificate of `/metrics` from files.
struct MetricsCertificateTests {
    private func identity() throws -> ServingIdentity {
        try RotationPlan(stored: .absent, names: ServerNames(["localhost"]), now: Date()).carryOut().identity
    }

    private func write(_ identity: ServingIdentity, _ files: OperatorOptions.MetricsFiles) throws {
        try Data(identity.certificateChainPEM.utf8).write(to: URL(filePath: files.certificate))
        try Data(identity.keyPEM.utf8).write(to: URL(filePath: files.key))
    }

    @Test func followsItsFiles() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "swiftlet-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let files = OperatorOptions.MetricsFiles(
            certificate: folder.appending(path: "tls.crt").path,
            key: folder.appending(path: "tls.key").path
        )
        let contexts = TLSContextSource()
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        func load() throws -> MetricsCertificate {
            try MetricsCertificate(files: files, contexts: contexts, interval: .milliseconds(1), logger: logger)
        }
        var error = #expect(throws: OperatorError.self) { try load() }
        #expect(error?.description.hasPrefix("--metrics-tls-cert-file \(files.certificate): it can't be read") == true)
        let (first, second) = (try self.identity(), try self.identity())
        try self.write(first, files)
        let keeper = try load()
        #expect(contexts.identity == first)
        // A key of another certificate is refused, and what was there stays.
        try Data(second.keyPEM.utf8).write(to: URL(filePath: files.key))
        error = #expect(throws: OperatorError.self) { try load() }
        #expect(error?.description.contains(second.keyPEM) == false)
        #expect(contexts.identity == first)
        try await withThrowingTaskGroup { group in
            group.addTask { try await keeper.run() }
            try self.write(second, files)
            for _ in 0..<2000 where contexts.identity != second { try await Task.sleep(for: .milliseconds(5)) }
            group.cancelAll()
            try? await group.waitForAll()
        }
        #expect(contexts.identity == second)
    }
}
