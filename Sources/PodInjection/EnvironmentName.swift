/// The name of an environment variable that injection looks for, with what makes looking for it quick: a pod's list is
/// searched some twenty times per container.
struct EnvironmentName: Sendable, Hashable, ExpressibleByStringLiteral {
    let text: String
    let signature: UInt32

    init(_ text: String) {
        self.text = text
        self.signature = Self.signature(of: text)
    }

    init(stringLiteral text: String) { self.init(text) }

    /// Length, a middle and the last three bytes: tells nearly all names of a list apart. `OTEL_` is what they share.
    static func signature(of text: String) -> UInt32 {
        var text = text
        return text.withUTF8 { bytes in
            let count = bytes.count
            guard count > 3 else { return UInt32(count) }
            return UInt32(truncatingIfNeeded: count) << 24 | UInt32(bytes[count / 2]) << 16 | UInt32(bytes[count - 1])
                << 8
                | UInt32(bytes[count - 3])
        }
    }

    static let nodeIP: EnvironmentName = "OTEL_NODE_IP"
    static let podIP: EnvironmentName = "OTEL_POD_IP"
    static let serviceName: EnvironmentName = "OTEL_SERVICE_NAME"
    static let endpoint: EnvironmentName = "OTEL_EXPORTER_OTLP_ENDPOINT"
    static let certificate: EnvironmentName = "OTEL_EXPORTER_OTLP_CERTIFICATE"
    static let clientCertificate: EnvironmentName = "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"
    static let clientKey: EnvironmentName = "OTEL_EXPORTER_OTLP_CLIENT_KEY"
    static let podName: EnvironmentName = "OTEL_RESOURCE_ATTRIBUTES_POD_NAME"
    static let podUID: EnvironmentName = "OTEL_RESOURCE_ATTRIBUTES_POD_UID"
    static let nodeName: EnvironmentName = "OTEL_RESOURCE_ATTRIBUTES_NODE_NAME"
    static let resourceAttributes: EnvironmentName = "OTEL_RESOURCE_ATTRIBUTES"
    static let propagators: EnvironmentName = "OTEL_PROPAGATORS"
    static let tracesSampler: EnvironmentName = "OTEL_TRACES_SAMPLER"
    static let tracesSamplerArgument: EnvironmentName = "OTEL_TRACES_SAMPLER_ARG"
    static let protocolName: EnvironmentName = "OTEL_EXPORTER_OTLP_PROTOCOL"
    static let tracesExporter: EnvironmentName = "OTEL_TRACES_EXPORTER"
    static let metricsExporter: EnvironmentName = "OTEL_METRICS_EXPORTER"
    static let logsExporter: EnvironmentName = "OTEL_LOGS_EXPORTER"
}
