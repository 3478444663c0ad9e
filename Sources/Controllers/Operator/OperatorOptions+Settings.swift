import AdmissionServer
import CollectorConfig
import JSONTree
import PodInjection
import Rendering
package import TelemetryAPI

extension OperatorOptions {
    /// What the settings say, checked as a whole.
    ///
    /// - Parameter requiresFIPS: whether the host runs in FIPS mode.
    /// - Throws: ``SettingError`` with one sentence that names where the value was given.
    package init(_ values: SettingValues, requiresFIPS: Bool = false) throws(SettingError) {
        self.init()
        // Of KUBECONFIG, which may list several files, the client's loader knows more.
        self.kubeconfig = values.source(.kubeconfig) == .flag ? values.textIfAny(.kubeconfig) : nil
        self.context = values.textIfAny(.context)
        self.ownNamespace = values.textIfAny(.namespace)
        self.serviceAccountName = values.textIfAny(.serviceAccountName)
        self.identity = values.textIfAny(.podName) ?? values.textIfAny(.hostName)
        self.watchNamespaces = values.list(.watchNamespace)
        self.electsLeader = values.isOn(.enableLeaderElection)
        self.leaseSeconds = values.number(.leaseDuration)
        self.maxConcurrentReconciles = values.number(.maxConcurrentReconciles)
        self.ignoresMissingCollectors = values.isOn(.ignoreMissingCRDs)

        self.servesWebhooks = values.isOn(.enableWebhooks)
        self.webhookPort = values.number(.webhookPort)
        self.webhookURL = try Self.webhookURL(values)
        self.webhookHost = values.textIfAny(.webhookHost) ?? (self.webhookURL == nil ? nil : "127.0.0.1")
        self.excludedNamespaces = values.list(.excludedNamespaces)

        self.webhookService = values.text(.webhookService)
        self.certificateSecret = values.text(.webhookSecret)
        self.webhookPolicy.failurePolicy = try Self.failurePolicy(.webhookFailurePolicy, values)
        self.webhookPolicy.podFailurePolicy = try Self.failurePolicy(.webhookPodFailurePolicy, values)
        self.webhookPolicy.timeoutSeconds = values.number(.webhookTimeout)
        self.webhookPolicy.namespaceSelector = try Self.selector(.webhookNamespaceSelector, values)
        self.webhookPolicy.objectSelector = try Self.selector(.webhookObjectSelector, values)
        self.servingCertificateSeconds = try Self.seconds(.certificateValidity, values)
        self.authoritySeconds = try Self.seconds(.authorityValidity, values)
        if let serving = self.servingCertificateSeconds, let authority = self.authoritySeconds, serving > authority {
            throw values.refusal(
                .certificateValidity,
                "must not be longer than --webhook-authority-validity: a certificate ends with the authority that signed it"
            )
        }

        self.metricsAddress = values.text(.metricsAddress)
        self.healthAddress = values.text(.healthAddress)
        for setting in [Setting.metricsAddress, .healthAddress] {
            let text = values.text(setting)
            if setting == .metricsAddress, text == "0" { continue }
            do {
                _ = try ListenAddress(parsing: text)
            } catch {
                throw values.refusal(setting, "\(error)")
            }
        }
        self.isMetricsSecure = values.isOn(.metricsSecure)
        self.metricsFiles = try Self.metricsFiles(values)
        self.countsComponents = values.isOn(.enableCRMetrics)
        self.createsServiceMonitor = values.isOn(.createServiceMonitor)

        self.tls = try Self.tls(values)
        self.logFormat = try Self.logFormat(values)
        self.settings = try Self.settings(values, requiresFIPS: requiresFIPS)

        for language in Language.withAgent {
            self.images[language] = values.text(.image(language))
            if values.isOn(.enable(language)) {
                self.languages.insert(language)
            } else {
                self.languages.remove(language)
            }
        }
        self.allowsMultipleLanguages = values.isOn(.enableMulti)
        do {
            self.staticInstrumentation = try values.file.staticInstrumentation()
        } catch {
            throw values.refusal(error)
        }
        self.warnings = values.warnings
        if self.metricsFiles != nil, !self.isMetricsSecure {
            self.warnings.append("--metrics-tls-cert-file has no effect: --metrics-secure=false serves plain HTTP")
        }
    }

    private static func failurePolicy(_ setting: Setting, _ values: SettingValues) throws(SettingError) -> String {
        let text = values.text(setting)
        guard ["Fail", "Ignore"].contains(text) else { throw values.refusal(setting, "must be Fail or Ignore") }
        return text
    }

    private static func selector(_ setting: Setting, _ values: SettingValues) throws(SettingError) -> JSONObject {
        guard let text = values.textIfAny(setting) else { return [:] }
        guard case .object(let selector)? = try? JSONValue(parsing: text),
            selector.keys.allSatisfy({ $0 == "matchLabels" || $0 == "matchExpressions" })
        else { throw values.refusal(setting, "must be a JSON object of matchLabels and matchExpressions") }
        return selector
    }

    private static func seconds(_ setting: Setting, _ values: SettingValues) throws(SettingError) -> Double? {
        guard let text = values.textIfAny(setting) else { return nil }
        // Ten seconds are for tests: less could not be renewed in time.
        guard let nanoseconds = GoTime.nanoseconds(text), nanoseconds >= 10_000_000_000 else {
            throw values.refusal(setting, "must be a duration of at least 10s, such as 2160h")
        }
        return Double(nanoseconds) / 1e9
    }

    private static func webhookURL(_ values: SettingValues) throws(SettingError) -> String? {
        guard let url = values.textIfAny(.webhookURL) else { return nil }
        guard url.hasPrefix("https://"), url.utf8.count > 8, !url.contains("@") else {
            throw values.refusal(.webhookURL, "must have the form https://HOST:PORT")
        }
        return url.hasSuffix("/") ? String(url.dropLast()) : url
    }

    private static func metricsFiles(_ values: SettingValues) throws(SettingError) -> MetricsFiles? {
        switch (values.textIfAny(.metricsCertificateFile), values.textIfAny(.metricsKeyFile)) {
        case (let certificate?, let key?): return MetricsFiles(certificate: certificate, key: key)
        case (nil, nil): return nil
        case (_?, nil):
            throw values.refusal(.metricsCertificateFile, "needs its key: set --metrics-tls-key-file too")
        case (nil, _?):
            throw values.refusal(.metricsKeyFile, "needs its certificate: set --metrics-tls-cert-file too")
        }
    }

    private static func tls(_ values: SettingValues) throws(SettingError) -> TLSPolicy {
        do {
            return try TLSPolicy(
                minimumVersion: values.text(.tlsMinVersion),
                cipherSuites: values.list(.tlsCipherSuites)
            )
        } catch {
            throw values.refusal(.tlsCipherSuites, "\(error)")
        }
    }

    private static func logFormat(_ values: SettingValues) throws(SettingError) -> LogFormat {
        var format = LogFormat()
        let isDevelopment = values.isOn(.logDevel)
        // What was said outright wins over the defaults for development.
        func text(_ setting: Setting, _ developmentDefault: String) -> String {
            isDevelopment && values.source(setting) == .preset ? developmentDefault : values.text(setting)
        }
        format.encoder = LogFormat.Encoder(rawValue: text(.logEncoder, "console")) ?? format.encoder
        guard let threshold = LogFormat.Threshold(text(.logLevel, "debug")) else {
            throw values.refusal(
                .logLevel,
                "\"\(values.text(.logLevel))\": must be debug, info, warn, error, panic or a number from 0"
            )
        }
        format.threshold = threshold
        format.timeEncoding = LogFormat.TimeEncoding(rawValue: values.text(.logTimeEncoding)) ?? format.timeEncoding
        format.messageKey = values.text(.logMessageKey)
        format.levelKey = values.text(.logLevelKey)
        format.timeKey = values.text(.logTimeKey)
        format.isUppercase = values.text(.logLevelFormat) == "uppercase"
        return format
    }

    private static func settings(
        _ values: SettingValues,
        requiresFIPS: Bool
    ) throws(SettingError) -> OperatorSettings {
        var settings = OperatorSettings()
        settings.images.collector = values.text(.collectorImage)
        settings.images.targetAllocator = values.textIfAny(.targetAllocatorImage)
        settings.images.opAMPBridge = values.text(.opAMPBridgeImage)
        settings.labelFilter = try self.filter(.labelsFilter, values)
        settings.annotationFilter = try self.filter(.annotationsFilter, values)
        do {
            settings.featureGates = try FeatureGates(parsing: values.text(.featureGates))
        } catch {
            let known = FeatureGates.all.map(\.name).joined(separator: ", ")
            throw values.refusal(.featureGates, "\(error); known are \(known)")
        }
        settings.proxy = ProxyEnvironment(
            http: values.textIfAny(.httpProxy),
            https: values.textIfAny(.httpsProxy),
            no: values.textIfAny(.noProxy)
        )
        if requiresFIPS { settings.fipsDisabledComponents = values.list(.fipsDisabledComponents) }
        if values.isOn(.tlsConfigureOperands) {
            settings.operandTLS = OperatorSettings.OperandTLS(
                minimumVersion: values.text(.tlsMinVersion) == "VersionTLS13" ? "1.3" : "1.2",
                cipherSuites: values.list(.tlsCipherSuites)
            )
        }
        return settings
    }

    private static func filter(_ setting: Setting, _ values: SettingValues) throws(SettingError) -> KeyFilter {
        do {
            return try KeyFilter(values.list(setting))
        } catch {
            throw values.refusal(setting, "\(error)")
        }
    }
}
