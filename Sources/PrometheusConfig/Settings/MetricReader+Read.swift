import JSONTree

extension MetricReader {
    /// The readers of a configuration file; messages are those of the Go allocator where it has one.
    static func read(
        _ file: JSONObject,
        _ environment: [String: String],
        _ problems: inout [String],
        _ warnings: inout [ConfigProblem]
    ) -> [MetricReader] {
        let elements = file[path: "telemetry", "metrics", "readers"]?.array ?? []
        var readers: [MetricReader] = []
        for (index, element) in elements.enumerated() {
            let path = "telemetry.metrics.readers[\(index)].periodic"
            guard let periodic = element["periodic"], !periodic.isNull else { continue }
            do throws(ReaderError) {
                readers.append(try Self.periodic(periodic, path, environment, &warnings))
            } catch {
                problems.append(error.message)
            }
        }
        return readers
    }

    private struct ReaderError: Error { var message: String }

    private static func periodic(
        _ periodic: JSONValue,
        _ path: String,
        _ environment: [String: String],
        _ warnings: inout [ConfigProblem]
    ) throws(ReaderError) -> MetricReader {
        let exporter = periodic["exporter"] ?? .null
        let given = ["otlp_grpc", "otlp_http"].filter { !(exporter[$0] ?? .null).isNull }
        guard let name = given.first else {
            throw ReaderError(message: "\(path): must configure otlp_grpc or otlp_http exporter")
        }
        guard given.count == 1 else {
            throw ReaderError(
                message: "\(path): otlp_grpc and otlp_http are mutually exclusive, configure only one"
            )
        }
        let settings = exporter[name] ?? .null
        var substitution = EnvironmentReferences(environment)
        let isHTTP = name == "otlp_http"
        let written = Self.text(settings["endpoint"])
        let endpoint = isHTTP ? substitution.replaced(in: written) : written
        if endpoint.isEmpty { throw ReaderError(message: "\(path).\(name): endpoint must be set") }
        let preference = Self.text(settings["temporality_preference"])
        guard let temporality = preference.isEmpty ? .cumulative : Temporality(rawValue: preference) else {
            throw ReaderError(
                message: "\(path).\(name): temporality_preference must be 'cumulative', 'delta', or 'low_memory', "
                    + "got \"\(preference.abbreviated())\""
            )
        }
        var headers: [Header] = []
        for (index, header) in (settings["headers"]?.array ?? []).enumerated() {
            let headerName = Self.text(header["name"])
            if headerName.isEmpty {
                throw ReaderError(message: "\(path).\(name).headers[\(index)]: name must be set")
            }
            headers.append(Header(name: headerName, value: substitution.replaced(in: Self.text(header["value"]))))
        }
        for variable in substitution.missing {
            warnings.append(
                ConfigProblem(
                    path: "\(path).\(name)",
                    message: "the environment has no variable \(variable.abbreviated()), so it stands for nothing",
                    hint: "set it in the pod, or remove ${env:\(variable.abbreviated())}"
                )
            )
        }
        return MetricReader(
            interval: try Self.milliseconds(periodic, "interval", path) ?? .seconds(60),
            timeout: try Self.milliseconds(periodic, "timeout", path) ?? .seconds(30),
            transport: isHTTP ? .http : .grpc,
            endpoint: endpoint,
            headers: headers,
            temporality: temporality,
            isInsecure: settings["tls"]?["insecure"]?.bool ?? false
        )
    }

    private static func text(_ value: JSONValue?) -> String { value.flatMap { try? FieldSchema.text($0) } ?? "" }

    private static func milliseconds(
        _ periodic: JSONValue,
        _ name: String,
        _ path: String
    ) throws(ReaderError) -> Duration? {
        guard let value = periodic[name], !value.isNull else { return nil }
        guard let number = value.int, number >= 0 else {
            throw ReaderError(message: "\(path).\(name): must be a number of milliseconds, such as 60000")
        }
        return number == 0 ? nil : .milliseconds(number)
    }
}

/// Replaces `${env:NAME}`.
struct EnvironmentReferences {
    private let environment: [String: String]
    /// Names that stand for nothing.
    private(set) var missing: [String] = []

    init(_ environment: [String: String]) { self.environment = environment }

    /// What is replaced is not looked at again.
    mutating func replaced(in text: String) -> String {
        var result = ""
        var rest = text[...]
        while let dollar = rest.firstIndex(of: "$") {
            result += rest[..<dollar]
            rest = rest[dollar...]
            guard rest.hasPrefix("${env:"), let end = rest.firstIndex(of: "}") else {
                result += "$"
                rest = rest.dropFirst()
                continue
            }
            let name = String(rest[..<end].dropFirst("${env:".count))
            if let value = self.environment[name] { result += value } else { self.missing.append(name) }
            rest = rest[rest.index(after: end)...]
        }
        return result + rest
    }
}
