/// Whether and where spans are exported: the environment variables of OpenTelemetry's SDKs
/// (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/), read without reading anything else.
package struct OTLPSettings: Sendable, Hashable {
    package struct Attribute: Sendable, Hashable {
        package var name: String
        package var value: String

        package init(name: String, value: String) {
            self.name = name
            self.value = value
        }

        /// Whether an HTTP header may be of this name and value.
        package var canBeHeader: Bool {
            let isToken =
                !self.name.isEmpty
                && self.name.utf8.allSatisfy { byte in
                    switch byte {
                    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                        UInt8(ascii: "0")...UInt8(ascii: "9"):
                        true
                    default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
                    }
                }
            return isToken && !self.value.utf8.contains { $0 < 0x20 && $0 != 0x09 || $0 == 0x7F }
        }
    }

    /// The whole URL that spans are posted to.
    package var endpoint: String
    package var headers: [Attribute]
    package var resource: [Attribute]
    package var sampler = SpanSampler(root: .always)
    /// Of one attempt.
    package var timeout = Duration.seconds(10)
    /// File with the authorities to trust, PEM; `nil` for the system's.
    package var certificate: String?
    package var scheduleDelay = Duration.seconds(5)
    /// Of one batch, retries included.
    package var exportTimeout = Duration.seconds(30)
    package var queueLimit = 2_048
    package var batchLimit = 512

    /// - Parameters:
    ///   - environment: all variables; others than `OTEL_…`, `POD_NAME` and `NAMESPACE` are not looked at.
    ///   - version: of the service.
    /// - Returns: `nil` settings when nothing is to be exported; warnings either way, each a whole sentence that names the
    ///   variable. Values of headers are in none of them.
    package static func read(
        _ environment: [String: String],
        service: String,
        version: String
    ) -> (settings: OTLPSettings?, warnings: [String]) {
        var reader = Reader(environment)
        // The specification: only "true", in any case, is true.
        if reader["OTEL_SDK_DISABLED"]?.lowercased() == "true" { return (nil, []) }
        guard let endpoint = reader.endpoint() else { return (nil, reader.warnings) }
        switch reader["OTEL_TRACES_EXPORTER"]?.lowercased() {
        case nil, "otlp": break
        case "none": return (nil, reader.warnings)
        case let other?:
            reader.warn("OTEL_TRACES_EXPORTER=\(other) is not supported: spans are exported with otlp")
        }
        switch reader.ofTraces("PROTOCOL") {
        case nil, "http/json": break
        case let other?:
            reader.warn(
                "OTEL_EXPORTER_OTLP_PROTOCOL=\(other) is not supported: spans are sent as http/json, which needs an OTLP/HTTP endpoint, usually port 4318"
            )
        }
        if let compression = reader.ofTraces("COMPRESSION"), compression != "none" {
            reader.warn("OTEL_EXPORTER_OTLP_COMPRESSION=\(compression) is not supported: spans are sent uncompressed")
        }
        for name in ["CLIENT_KEY", "CLIENT_CERTIFICATE"] where reader.ofTraces(name) != nil {
            reader.warn("OTEL_EXPORTER_OTLP_\(name) is not supported: the exporter shows no certificate")
        }
        var settings = OTLPSettings(endpoint: endpoint, headers: reader.headers(), resource: [])
        settings.resource = reader.resource(service: service, version: version)
        settings.sampler = reader.sampler()
        settings.certificate = reader.ofTraces("CERTIFICATE")
        settings.timeout = reader.milliseconds(
            reader.environment["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT"] == nil
                ? "OTEL_EXPORTER_OTLP_TIMEOUT" : "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
            settings.timeout
        )
        settings.scheduleDelay = reader.milliseconds("OTEL_BSP_SCHEDULE_DELAY", settings.scheduleDelay)
        settings.exportTimeout = reader.milliseconds("OTEL_BSP_EXPORT_TIMEOUT", settings.exportTimeout)
        settings.queueLimit = min(reader.count("OTEL_BSP_MAX_QUEUE_SIZE", settings.queueLimit), 1 << 20)
        settings.batchLimit = min(
            reader.count("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", settings.batchLimit),
            settings.queueLimit
        )
        return (settings, reader.warnings)
    }
}

private struct Reader {
    let environment: [String: String]
    private(set) var warnings: [String] = []

    init(_ environment: [String: String]) { self.environment = environment }

    /// Empty is as good as unset.
    subscript(_ name: String) -> String? {
        guard let value = self.environment[name].map(Self.trimmed), !value.isEmpty else { return nil }
        return value
    }

    /// The variable for traces, or that for all signals.
    func ofTraces(_ name: String) -> String? {
        self["OTEL_EXPORTER_OTLP_TRACES_\(name)"] ?? self["OTEL_EXPORTER_OTLP_\(name)"]
    }

    mutating func warn(_ text: String) { self.warnings.append(text) }

    mutating func endpoint() -> String? {
        let own = self["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"]
        guard let url = own ?? self["OTEL_EXPORTER_OTLP_ENDPOINT"] else { return nil }
        let rest = ["http://", "https://"].first { url.lowercased().hasPrefix($0) }.map { url.dropFirst($0.count) }
        guard let rest, let first = rest.utf8.first, first != UInt8(ascii: "/"),
            !url.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7F })
        else {
            let name = own == nil ? "OTEL_EXPORTER_OTLP_ENDPOINT" : "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
            self.warn("\(name) is not a URL of the form http://HOST:4318: no spans are exported")
            return nil
        }
        if own == nil { return url + (url.hasSuffix("/") ? "v1/traces" : "/v1/traces") }
        // As it is; a URL without a path is one with the path "/".
        return rest.contains("/") ? url : url + "/"
    }

    mutating func headers() -> [OTLPSettings.Attribute] {
        let own = self["OTEL_EXPORTER_OTLP_TRACES_HEADERS"]
        let name = own == nil ? "OTEL_EXPORTER_OTLP_HEADERS" : "OTEL_EXPORTER_OTLP_TRACES_HEADERS"
        return self.pairs(name).filter { header in
            if !header.canBeHeader { self.warn("\(name) has an entry that can not be a header: it is left out") }
            return header.canBeHeader
        }
    }

    mutating func resource(service: String, version: String) -> [OTLPSettings.Attribute] {
        var attributes: [OTLPSettings.Attribute] = []
        func set(_ name: String, _ value: String?) {
            guard let value else { return }
            if let place = attributes.firstIndex(where: { $0.name == name }) {
                attributes[place].value = value
            } else {
                attributes.append(OTLPSettings.Attribute(name: name, value: value))
            }
        }
        set("service.name", service)
        set("service.version", version)
        set("service.instance.id", self["POD_NAME"])
        set("k8s.pod.name", self["POD_NAME"])
        set("k8s.namespace.name", self["NAMESPACE"])
        for attribute in self.pairs("OTEL_RESOURCE_ATTRIBUTES") { set(attribute.name, attribute.value) }
        set("service.name", self["OTEL_SERVICE_NAME"])
        set("telemetry.sdk.name", "swiftlet")
        set("telemetry.sdk.language", "swift")
        set("telemetry.sdk.version", version)
        return attributes
    }

    mutating func sampler() -> SpanSampler {
        let name = self["OTEL_TRACES_SAMPLER"]?.lowercased() ?? "parentbased_always_on"
        let prefix = "parentbased_"
        let follows = name.hasPrefix(prefix)
        switch follows ? String(name.dropFirst(prefix.count)) : name {
        case "always_on": return SpanSampler(root: .always, followsParent: follows)
        case "always_off": return SpanSampler(root: .never, followsParent: follows)
        case "traceidratio":
            var ratio = 1.0
            if let text = self["OTEL_TRACES_SAMPLER_ARG"] {
                if let number = Double(text), (0...1).contains(number) {
                    ratio = number
                } else {
                    self.warn("OTEL_TRACES_SAMPLER_ARG=\(text) is not a number from 0 to 1: 1 is taken")
                }
            }
            return SpanSampler(root: .ratio(ratio), followsParent: follows)
        default:
            self.warn("OTEL_TRACES_SAMPLER=\(name) is not known: parentbased_always_on is taken")
            return SpanSampler(root: .always)
        }
    }

    mutating func milliseconds(_ name: String, _ preset: Duration) -> Duration {
        guard let text = self[name] else { return preset }
        guard let number = Int64(text), (1...86_400_000).contains(number) else {
            self.warn("\(name)=\(text) is not a number of milliseconds from 1 to a day's: the default is taken")
            return preset
        }
        return .milliseconds(number)
    }

    mutating func count(_ name: String, _ preset: Int) -> Int {
        guard let text = self[name] else { return preset }
        guard let number = Int(text), number > 0 else {
            self.warn("\(name)=\(text) is not a positive number: the default is taken")
            return preset
        }
        return number
    }

    /// `a=1,b=2` with percent-encoded values (W3C Baggage, without properties).
    private mutating func pairs(_ name: String) -> [OTLPSettings.Attribute] {
        guard let text = self[name] else { return [] }
        var pairs: [OTLPSettings.Attribute] = []
        for part in text.split(separator: ",") where !Self.trimmed(part).isEmpty {
            let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard sides.count == 2, case let key = Self.trimmed(sides[0]), !key.isEmpty,
                let value = Self.decoded(Self.trimmed(sides[1]))
            else {
                // It may be a secret, so it is not quoted.
                self.warn("\(name) has an entry that is not NAME=VALUE: it is left out")
                continue
            }
            pairs.append(OTLPSettings.Attribute(name: key, value: value))
        }
        return pairs
    }

    private static func trimmed(_ text: some StringProtocol) -> String {
        let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" || $0.isNewline }
        return String(text.drop(while: isBlank).reversed().drop(while: isBlank).reversed())
    }

    private static func decoded(_ text: String) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let number = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else {
                return nil
            }
            bytes.append(number)
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
