import JSONTree

// Steps about `spec.args`. Names have no dashes there, but collectors of v1alpha1's first years were written with them;
// where a step removes a flag that no collector knows any more, both spellings go.

extension UpgradeDraft {
    /// Takes arguments out of `spec.args` and gives their values by name; an empty `args` goes as well.
    fileprivate mutating func takeArguments(_ names: [String]) -> [String: JSONValue] {
        guard var arguments = self.map("args") else { return [:] }
        var taken: [String: JSONValue] = [:]
        for name in names {
            for spelling in [name, "--" + name] {
                guard let value = arguments.remove(spelling) else { continue }
                taken[name] = value
            }
        }
        guard !taken.isEmpty else { return [:] }
        self.spec["args"] = arguments.isEmpty ? nil : .object(arguments)
        return taken
    }

    /// Takes arguments and, unless `service.telemetry` has a member of that name already, puts what becomes of them there.
    fileprivate mutating func moveArguments(
        _ names: [String],
        to member: String,
        _ settings: ([String: JSONValue]) -> JSONObject
    ) {
        let skipped = self.notes.skips.count
        guard let arguments = self.map("args"),
            names.contains(where: { arguments.contains($0) || arguments.contains("--" + $0) })
        else { return }
        let service = self.map("config", "service")
        let telemetry = self.map("config", "service", "telemetry")
        // What can't be moved stays where it can be seen.
        guard self.notes.skips.count == skipped else { return }
        let taken = self.takeArguments(names)
        guard !taken.isEmpty else { return }
        let list = names.filter { taken[$0] != nil }.joined(separator: ", ")
        let path = "config.service.telemetry.\(member)"
        if let present = telemetry?[member], !present.isDeeplyEmpty {
            self.notes.changed("args", "\(list) removed, as \(path) is configured")
            return
        }
        let moved = settings(taken)
        // Without a service the collector does not start anyway, and half a service would hide why.
        guard service != nil, !moved.isEmpty else {
            self.notes.changed("args", "\(list) removed")
            return
        }
        self.set(moved, "config", "service", "telemetry", member)
        self.notes.changed("args", "\(list) moved to \(path)")
    }

    /// Adds a feature gate to the argument, unless its name occurs there in whatever form.
    fileprivate mutating func addGate(_ gate: String) {
        var arguments = self.map("args") ?? [:]
        if let value = self.spec["args"], !value.isNull, value.object == nil { return }
        let present = arguments["feature-gates"] ?? .null
        guard present.isNull || present.string != nil else {
            self.notes.skips.append("args.feature-gates is a \(present.kindName), not a string")
            return
        }
        let text = present.string ?? ""
        guard !gateNames(text).contains(Substring(gate)) else { return }
        arguments["feature-gates"] = .string(text.isEmpty ? "-" + gate : "\(text),-\(gate)")
        self.spec["args"] = .object(arguments)
        self.notes.changed("args.feature-gates", "-\(gate) added")
    }

    /// Removes the switched-off gate; with the last one the argument goes, and with the last argument `args`.
    fileprivate mutating func removeGate(_ gate: String) {
        guard var arguments = self.map("args"), let present = arguments["feature-gates"], !present.isNull else {
            return
        }
        guard let text = present.string else {
            self.notes.skips.append("args.feature-gates is a \(present.kindName), not a string")
            return
        }
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        let kept = parts.filter { trimmed($0) != "-" + gate }
        guard kept.count < parts.count else { return }
        arguments["feature-gates"] = kept.isEmpty ? nil : .string(kept.joined(separator: ","))
        self.spec["args"] = arguments.isEmpty ? nil : .object(arguments)
        self.notes.changed("args.feature-gates", "-\(gate) removed")
    }

    fileprivate var hasPrometheusReceiver: Bool {
        guard let receivers = self.spec[path: "config", "receivers"]?.object else { return false }
        return receivers.contains { $0.key.contains("prometheus") }
    }
}

private func trimmed(_ text: Substring) -> Substring {
    var text = text.drop { $0 == " " }
    while text.last == " " { text.removeLast() }
    return text
}

/// The gates of a `feature-gates` value without their signs.
private func gateNames(_ text: String) -> [Substring] {
    text.split(separator: ",").map { part in
        let part = trimmed(part)
        return part.first == "-" || part.first == "+" ? part.dropFirst() : part
    }
}

private let expansionGate = "confmap.unifyEnvVarExpansion"
private let localhostGate = "component.UseLocalHostAsDefaultHost"

@Sendable func dropMetricsArguments(_ draft: inout UpgradeDraft) {
    let names = ["new-metrics", "legacy-metrics"]
    let taken = draft.takeArguments(names)
    guard !taken.isEmpty else { return }
    draft.notes.changed("args", "\(names.filter { taken[$0] != nil }.joined(separator: ", ")) removed")
}

@Sendable func moveLogArguments(_ draft: inout UpgradeDraft) {
    draft.moveArguments(["log-level", "log-profile", "log-format"], to: "logs") { taken in
        var logs = JSONObject()
        if let level = taken["log-level"] { logs["level"] = level }
        // `prod` is what a collector without the setting does.
        if let profile = taken["log-profile"], profile != "prod" { logs["development"] = true }
        if let format = taken["log-format"] { logs["encoding"] = format }
        return logs
    }
}

@Sendable func moveMetricsArguments(_ draft: inout UpgradeDraft) {
    draft.moveArguments(["metrics-addr", "metrics-level"], to: "metrics") { taken in
        var metrics = JSONObject()
        if let address = taken["metrics-addr"] { metrics["address"] = address }
        if let level = taken["metrics-level"] { metrics["level"] = level }
        return metrics
    }
}

// The two gates kept the old behaviour for a while and were then removed from the collector, so a way across all four
// steps leaves the arguments as they were.

@Sendable func addExpansionGate(_ draft: inout UpgradeDraft) {
    if draft.hasPrometheusReceiver { draft.addGate(expansionGate) }
}

@Sendable func removeExpansionGate(_ draft: inout UpgradeDraft) {
    if draft.hasPrometheusReceiver { draft.removeGate(expansionGate) }
}

@Sendable func addLocalhostGate(_ draft: inout UpgradeDraft) {
    draft.addGate(localhostGate)
    draft.notes.warning =
        "From 0.104.0 on a collector component without an endpoint listens on localhost instead of 0.0.0.0. The operator "
        + "sets endpoints of components it knows; of any other that must be reached from outside its pod, set the "
        + "endpoint in spec.config, such as 0.0.0.0:4317."
}

@Sendable func removeLocalhostGate(_ draft: inout UpgradeDraft) {
    draft.removeGate(localhostGate)
    // An empty value may have been there from before.
    guard var arguments = draft.map("args"), arguments["feature-gates"] == "" else { return }
    arguments["feature-gates"] = nil
    draft.spec["args"] = arguments.isEmpty ? nil : .object(arguments)
    draft.notes.changed("args", "empty feature-gates removed")
}
