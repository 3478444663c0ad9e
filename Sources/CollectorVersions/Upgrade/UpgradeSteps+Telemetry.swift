import CollectorConfig
import JSONTree

// Steps about where a collector serves its own metrics. They add and replace single members; the Go operator decodes
// `service.telemetry` into a type that knows metrics and resource only, and so loses logs and traces.

extension UpgradeDraft {
    /// `service.telemetry` and its `metrics`, empty where absent; nil when the shape is not what a step can work on.
    fileprivate mutating func telemetry() -> (telemetry: JSONObject, metrics: JSONObject)? {
        let skipped = self.notes.skips.count
        guard self.map("config", "service") != nil else { return nil }
        let telemetry = self.map("config", "service", "telemetry") ?? [:]
        guard self.notes.skips.count == skipped else { return nil }
        let metrics = self.notes.map(telemetry["metrics"], "config.service.telemetry.metrics") ?? [:]
        return self.notes.skips.count == skipped ? (telemetry, metrics) : nil
    }
}

private let metricsPath = "config.service.telemetry.metrics"

@Sendable func fillMetricsAddress(_ draft: inout UpgradeDraft) {
    guard var (telemetry, metrics) = draft.telemetry() else { return }
    guard metrics["readers"]?.isDeeplyEmpty ?? true else { return }
    let address = metrics["address"] ?? .null
    guard address.isNull || address == "" else { return }
    metrics["address"] = "0.0.0.0:8888"
    telemetry["metrics"] = .object(metrics)
    draft.set(telemetry, "config", "service", "telemetry")
    draft.notes.changed(metricsPath, "address added")
}

/// Host and port of an address; a port that an environment variable holds is left to the collector to fill in.
private func prometheusExporter(_ address: String) throws(ConfigurationError) -> JSONObject {
    if address.hasSuffix("}"), let start = address.firstRange(of: ":${")?.lowerBound {
        return [
            "host": .string(String(address[..<start])), "port": .string(String(address[start...].dropFirst())),
        ]
    }
    let telemetry: JSONObject = ["service": ["telemetry": ["metrics": ["address": .string(address)]]]]
    let endpoint = try CollectorConfiguration(telemetry).metricsEndpoint()
    return ["host": .string(endpoint.host), "port": .int(endpoint.port)]
}

@Sendable func replaceMetricsAddress(_ draft: inout UpgradeDraft) {
    guard var (telemetry, metrics) = draft.telemetry() else { return }
    let address = metrics["address"] ?? .null
    guard !address.isNull, address != "" else { return }
    guard let text = address.string else {
        draft.notes.skips.append("\(metricsPath).address is a \(address.kindName), not a string")
        return
    }
    let readers = metrics["readers"] ?? .null
    guard readers.isNull || readers.array != nil else {
        draft.notes.skips.append("\(metricsPath).readers is a \(readers.kindName), not a list")
        return
    }
    let reader: JSONValue
    do throws(ConfigurationError) {
        reader = ["pull": ["exporter": ["prometheus": .object(try prometheusExporter(text))]]]
    } catch {
        draft.notes.skips.append("\(metricsPath).address kept: \(error.message)")
        return
    }
    metrics.remove("address")
    let present = readers.array ?? []
    if !present.contains(reader) { metrics["readers"] = .array(present + [reader]) }
    telemetry["metrics"] = .object(metrics)
    draft.set(telemetry, "config", "service", "telemetry")
    draft.notes.changed(metricsPath, "address is now a prometheus reader")
}
