import JSONTree

// Steps about the components of `spec.config`. `otlp*` in the specification's table is any id that starts so: the type,
// its named instances (`otlp/2`) and types with a longer name (`otlphttp`).

extension JSONObject {
    /// Gives a member another name, in its place. One that exists under the new name stays, and the old one goes.
    fileprivate mutating func rename(_ old: String, _ new: String) -> Bool {
        guard let position = self.position(of: old), let value = self.remove(old) else { return false }
        if !self.contains(new) { self.insert(new, value, at: position) }
        return true
    }

    /// Moves members into the map `target`, under names without `prefix`; what is in there stays. Names those it moved.
    fileprivate mutating func gather(_ names: [String], dropping prefix: String = "", into target: String) -> [String] {
        var map = self[object: target] ?? [:]
        var moved: [String] = []
        for name in names {
            guard let value = self.remove(name) else { continue }
            let key = String(name.dropFirst(prefix.count))
            if !map.contains(key) { map[key] = value }
            moved.append(name)
        }
        if !moved.isEmpty { self[target] = .object(map) }
        return moved
    }
}

@Sendable func dropReconnectionDelay(_ draft: inout UpgradeDraft) throws(CollectorUpgradeFailure) {
    guard draft.map("config", "exporters") != nil else {
        throw CollectorUpgradeFailure(
            version: draft.version,
            "spec.config.exporters is missing or not a map; add the exporters that the pipelines send to."
        )
    }
    draft.editComponents("exporters", prefix: "opencensus") { body, path, notes in
        if body.remove("reconnection_delay") != nil { notes.changed(path, "reconnection_delay removed") }
    }
}

@Sendable func dropQueuedRetryAndNameResource(_ draft: inout UpgradeDraft) {
    if var processors = draft.map("config", "processors") {
        let retries = processors.keys.filter { $0.hasPrefix("queued_retry") }
        if !retries.isEmpty {
            for id in retries { processors.remove(id) }
            draft.set(processors, "config", "processors")
            // The Go operator leaves the pipelines naming what no longer exists, which the collector refuses.
            draft.editPipelines("processors") { $0.hasPrefix("queued_retry") ? nil : $0 }
            draft.notes.changes += retries.map { "config.processors: \(shortened($0)) removed" }
        }
    }
    draft.editComponents("processors", prefix: "resource") { body, path, notes in
        var added: [JSONValue] = []
        var gone: [String] = []
        if let type = body["type"], let text = type.string {
            added.append(["key": "opencensus.type", "value": .string(text), "action": "upsert"])
            gone.append("type")
        }
        if let labels = notes.map(body["labels"], path + ".labels") {
            for (key, value) in labels { added.append(["key": .string(key), "value": value, "action": "upsert"]) }
            gone.append("labels")
        }
        guard !gone.isEmpty else { return }
        let attributes = body["attributes"] ?? .null
        guard attributes.isNull || attributes.array != nil else {
            notes.skips.append("\(path).attributes is a \(attributes.kindName), not a list")
            return
        }
        for name in gone { body.remove(name) }
        if !added.isEmpty { body["attributes"] = .array((attributes.array ?? []) + added) }
        notes.changed(path, "\(gone.joined(separator: " and ")) moved to attributes")
    }
}

/// What a port is in an endpoint; nil for what can't be one.
private func portText(_ value: JSONValue) -> String? {
    switch value {
    case .number(let number): number.int.map(String.init)
    case .string(let text): text.isEmpty ? nil : text
    default: nil
    }
}

/// Moves the member `port` of the health check into its endpoint.
private func joinPort(_ body: inout JSONObject, _ path: String, _ notes: inout UpgradeNotes, onlyAlone: Bool) {
    guard let port = body["port"] else { return }
    guard let text = portText(port) else {
        notes.skips.append("\(path).port is no port")
        return
    }
    let endpoint = body["endpoint"] ?? .null
    guard endpoint.isNull || endpoint.string != nil else {
        notes.skips.append("\(path).endpoint is a \(endpoint.kindName), not a string")
        return
    }
    let host = endpoint.string ?? ""
    if onlyAlone, !host.isEmpty { return }
    body.remove("port")
    let digits = host.utf8.reversed().prefix { (0x30...0x39).contains($0) }.count
    if digits > 0, host.utf8.dropLast(digits).last == UInt8(ascii: ":") {
        // A second port would make it unreadable; the collector took the endpoint then, too.
        notes.changed(path, "port removed, as endpoint has one")
        return
    }
    body["endpoint"] = .string("\(host.isEmpty ? "0.0.0.0" : host):\(text)")
    notes.changed(path, "port moved to endpoint")
}

/// An endpoint beside the port is the business of ``joinHealthCheckPort(_:)``.
@Sendable func moveHealthCheckPort(_ draft: inout UpgradeDraft) {
    draft.editComponents("extensions", prefix: "health_check") { joinPort(&$0, $1, &$2, onlyAlone: true) }
}

@Sendable func joinHealthCheckPort(_ draft: inout UpgradeDraft) {
    draft.editComponents("extensions", prefix: "health_check") { joinPort(&$0, $1, &$2, onlyAlone: false) }
}

@Sendable func dropMetricsSchema(_ draft: inout UpgradeDraft) {
    draft.editComponents("receivers", prefix: "influxdb") { body, path, notes in
        for key in body.keys.filter({ $0.hasPrefix("metrics_schema") }) {
            body.remove(key)
            notes.changed(path, "\(shortened(key)) removed")
        }
    }
}

@Sendable func moveTLSSettings(_ draft: inout UpgradeDraft) {
    draft.editComponents("receivers", prefix: "otlp") { body, path, notes in
        guard var protocols = notes.map(body["protocols"], path + ".protocols") else { return }
        for name in ["grpc", "http"] {
            let path = "\(path).protocols.\(name)"
            guard var settings = notes.map(protocols[name], path), settings.rename("tls_settings", "tls") else {
                continue
            }
            protocols[name] = .object(settings)
            notes.changed(path, "tls_settings is now tls")
        }
        body["protocols"] = .object(protocols)
    }
    let names = [
        "ca_file", "cert_file", "key_file", "min_version", "max_version", "insecure", "insecure_skip_verify",
        "server_name_override",
    ]
    draft.editComponents("exporters", prefix: "otlp") { body, path, notes in
        let tls = body["tls"] ?? .null
        guard tls.isNull || notes.map(tls, path + ".tls") != nil else { return }
        let moved = body.gather(names, into: "tls")
        if !moved.isEmpty {
            notes.changed(path, "\(moved.joined(separator: ", ")) moved to tls")
        } else if tls.isNull {
            // It says nothing, but is what the Go operator leaves.
            body["tls"] = [:]
            notes.changed(path, "empty tls added")
        }
    }
}

@Sendable func dropBallastAndRenameHTTPD(_ draft: inout UpgradeDraft) {
    draft.editComponents("processors", prefix: "memory_limiter") { body, path, notes in
        if body.remove("ballast_size_mib") != nil { notes.changed(path, "ballast_size_mib removed") }
    }
    guard let receivers = draft.map("config", "receivers") else { return }
    var renamed: [String: String] = [:]
    var kept = JSONObject()
    for (id, body) in receivers {
        let new = "apache" + id.dropFirst("httpd".count)
        if id.hasPrefix("httpd"), receivers.contains(new) {
            draft.notes.skips.append("config.receivers.\(shortened(id)) not renamed, as \(shortened(new)) exists")
        } else if id.hasPrefix("httpd") {
            renamed[id] = new
            draft.notes.changed("config.receivers", "\(shortened(id)) is now \(shortened(new))")
        }
        kept[renamed[id] ?? id] = body
    }
    guard !renamed.isEmpty else { return }
    draft.set(kept, "config", "receivers")
    draft.editPipelines("receivers") { renamed[$0] ?? $0 }
}

@Sendable func moveCORS(_ draft: inout UpgradeDraft) {
    func move(_ body: inout JSONObject, _ path: String, _ notes: inout UpgradeNotes) {
        let cors = body["cors"] ?? .null
        guard cors.isNull || notes.map(cors, path + ".cors") != nil else { return }
        let names = ["cors_allowed_origins", "cors_allowed_headers"]
        let moved = body.gather(names, dropping: "cors_", into: "cors")
        if !moved.isEmpty { notes.changed(path, "\(moved.joined(separator: ", ")) moved to cors") }
    }
    draft.editComponents("receivers", prefix: "otlp") { body, path, notes in
        move(&body, path, &notes)
        guard var protocols = notes.map(body["protocols"], path + ".protocols"),
            var http = notes.map(protocols["http"], path + ".protocols.http")
        else { return }
        move(&http, path + ".protocols.http", &notes)
        guard http != protocols[object: "http"] else { return }
        protocols["http"] = .object(http)
        body["protocols"] = .object(protocols)
    }
}

@Sendable func refuseRemoteSampling(_ draft: inout UpgradeDraft) throws(CollectorUpgradeFailure) {
    guard let receivers = draft.map("config", "receivers") else { return }
    for (id, value) in receivers where id.hasPrefix("jaeger") {
        guard let body = draft.notes.map(value, "config.receivers.\(shortened(id))"), body.contains("remote_sampling")
        else { continue }
        throw CollectorUpgradeFailure(
            version: draft.version,
            "spec.config.receivers.\(shortened(id)).remote_sampling is no longer known to the jaeger receiver; remove it "
                + "and use the extension jaegerremotesampling instead."
        )
    }
}
