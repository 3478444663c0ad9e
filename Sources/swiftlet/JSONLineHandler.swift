import JSONTree
import KubeClient
import KubeModel
import Logging
import TelemetryAPI

#if canImport(Glibc)
import Glibc
#endif

/// Writes log lines to standard error in the form that the operator's settings give them: by default JSON objects with the
/// keys that the Go operator's users parse, `level`, `timestamp`, `message`.
struct JSONLineHandler: LogHandler {
    let label: String
    let format: LogFormat
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    init(label: String, format: LogFormat) {
        self.label = label
        self.format = format
        self.logLevel = Self.level(format.threshold)
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var all = self.metadata
        if let provided = self.metadataProvider?.get() { all.merge(provided) { $1 } }
        if let own = event.metadata { all.merge(own) { $1 } }
        let bytes = self.format.line(
            level: Self.name(of: event.level),
            time: Timestamp.now(),
            message: event.message.description,
            members: JSONObject(all.sorted { $0.key < $1.key }.map { ($0.key, Self.json($0.value)) })
        )
        // One write a line, so that lines of several threads don't mix.
        _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }

    private static func json(_ value: Logger.Metadata.Value) -> JSONValue {
        switch value {
        case .string(let text): .string(text)
        case .stringConvertible(let value): .string(value.description)
        case .array(let values): .array(values.map(Self.json))
        case .dictionary(let values):
            .object(JSONObject(values.sorted { $0.key < $1.key }.map { ($0.key, Self.json($0.value)) }))
        }
    }

    private static func name(of level: Logger.Level) -> String {
        switch level {
        case .trace, .debug: "DEBUG"
        case .info, .notice: "INFO"
        case .warning: "WARN"
        case .error, .critical: "ERROR"
        }
    }

    private static func level(_ threshold: LogFormat.Threshold) -> Logger.Level {
        switch threshold {
        case .trace: .trace
        case .debug: .debug
        case .info: .info
        case .warning: .warning
        case .error: .error
        case .critical: .critical
        }
    }
}
