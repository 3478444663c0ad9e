/// What the validating webhook says about an Instrumentation (specification section 1.5). The texts are those of the Go
/// operator, slips included: scripts and tests compare them.
package struct InstrumentationValidation: Sendable, Hashable {
    /// One line each, also when there is an ``error``.
    package private(set) var warnings: [String] = []
    /// Why it is refused, `nil` when it isn't.
    package private(set) var error: String?

    package init(_ instrumentation: Instrumentation, defaults: InstrumentationDefaulting) {
        let spec = instrumentation.spec
        self.warnAboutUpgrades(instrumentation, defaults)
        if let error = self.checkSampler(spec) ?? Self.checkVolumes(spec) {
            self.error = error
            return
        }
        self.warnAboutExporter(spec.exporter)
        for language in Language.deprecationOrder where spec[language].volumeLimitSize != nil {
            self.warnings.append(
                "spec.\(language.lowercasedSpecKey).volumeSizeLimit is deprecated and will be removed in a future release; "
                    + "use spec.\(language.lowercasedSpecKey).volume.size instead"
            )
        }
    }

    private mutating func warnAboutUpgrades(_ instrumentation: Instrumentation, _ defaults: InstrumentationDefaulting) {
        for language in Language.withAgent {
            let image = instrumentation.spec[language].image
            guard !image.isEmpty,
                let message = InstrumentationUpgrade.blockedMessage(
                    language,
                    image: image,
                    defaultImage: defaults.defaultImage(language)
                )
            else { continue }
            self.warnings.append(
                "Instrumentation \(instrumentation.key): \(language.id) image \(image) is at a version that cannot be "
                    + "automatically upgraded. \(message.isEmpty ? "Manual upgrade is required." : message)"
            )
        }
    }

    private mutating func checkSampler(_ spec: InstrumentationSpec) -> String? {
        let type = spec.samplerType
        let argument = spec.samplerArgument
        switch type {
        case "":
            self.warnings.append("sampler type not set")
            return nil
        case "traceidratio", "parentbased_traceidratio":
            if argument.isEmpty { return nil }
            guard let rate = Self.rate(argument) else { return "spec.sampler.argument is not a number: \(argument)" }
            return (0...1).contains(rate) ? nil : "spec.sampler.argument should be in rage [0..1]: \(argument)"
        case "jaeger_remote", "parentbased_jaeger_remote":
            return Self.jaegerProblem(argument).map {
                "spec.sampler.argument is not a valid argument for sampler \(type): \($0)"
            }
        case "always_on", "always_off", "parentbased_always_on", "parentbased_always_off", "xray": return nil
        default: return "spec.sampler.type is not valid: \(type)"
        }
    }

    /// A number; what is not a number but parses as one (`nan`) isn't.
    private static func rate(_ text: String) -> Double? {
        guard let number = Double(text), !number.isNaN else { return nil }
        return number
    }

    private static func jaegerProblem(_ argument: String) -> String? {
        if argument.isEmpty { return nil }
        for part in argument.split(separator: ",", omittingEmptySubsequences: false) {
            let pair = part.split(separator: "=", omittingEmptySubsequences: false)
            guard pair.count == 2 else {
                return "invalid argument: \(part), the argument should be in the form of key=value"
            }
            let value = String(pair[1])
            switch pair[0] {
            case "endpoint":
                if value.isEmpty { return "endpoint cannot be empty" }
            case "pollingIntervalMs":
                if Int(value) == nil { return "invalid pollingIntervalMs: \(value)" }
            case "initialSamplingRate":
                guard let rate = Self.rate(value) else { return "invalid initialSamplingRate: \(value)" }
                if !(0...1).contains(rate) { return "initialSamplingRate should be in rage [0..1]: \(value)" }
            default: break
            }
        }
        return nil
    }

    private static func checkVolumes(_ spec: InstrumentationSpec) -> String? {
        for language in Language.volumeCheckOrder {
            let view = spec[language]
            guard view.volumeClaimTemplate != nil, view.volumeLimitSize != nil else { continue }
            let key = language.lowercasedSpecKey
            return
                "spec.\(key).volumeClaimTemplate and spec.\(key).volumeSizeLimit cannot both be defined: unable to resolve "
                + "volume size"
        }
        return nil
    }

    private mutating func warnAboutExporter(_ exporter: InstrumentationExporter) {
        let isHTTPS = exporter.endpoint.hasPrefix("https://")
        guard let tls = exporter.tls else {
            if isHTTPS { self.warnings.append("exporter is using https:// but exporter.tls is unset") }
            return
        }
        if tls.keyFile.isEmpty != tls.certFile.isEmpty {
            self.warnings.append("both exporter.tls.key and exporter.tls.cert mut be set")
        }
        if !isHTTPS {
            self.warnings.append("exporter.tls is configured but exporter.endpoint is not enabling TLS with https://")
        }
    }
}
