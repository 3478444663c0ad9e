package import JSONTree

/// `status` of an Instrumentation. `upgradeBlockedVersions` is the Go operator's, `injections` is ours.
package struct InstrumentationStatus: JSONView {
    package var json: JSONObject
    package init(_ json: JSONObject) { self.json = json }

    /// Language id to the message why its image isn't upgraded by itself.
    package var upgradeBlockedVersions: [String: String] {
        get { self.json[stringMap: "upgradeBlockedVersions"] ?? [:] }
        set { self.json[stringMap: "upgradeBlockedVersions"] = newValue.isEmpty ? nil : newValue }
    }

    /// What became of the pods that asked for this Instrumentation: one entry a language and reason.
    package var injections: [InjectionCount] {
        get { self.json[views: "injections"] }
        set { self.json[views: "injections"] = newValue }
    }

    /// Adds to the count of a language and reason, which begins with this if there is none.
    ///
    /// - Parameters:
    ///   - message: of the last of them; empty for none.
    ///   - time: of the last of them, RFC 3339.
    package mutating func count(language: String, reason: String, by count: Int, message: String, at time: String) {
        var all = self.injections
        let place = all.firstIndex { $0.language == language && $0.reason == reason }
        var entry = place.map { all[$0] } ?? InjectionCount(["language": .string(language), "reason": .string(reason)])
        let (sum, isTooMuch) = entry.count.addingReportingOverflow(count)
        entry.json["count"] = .int(isTooMuch ? .max : sum)
        entry.json["lastTime"] = .string(time)
        entry.json[string: "message"] = message.isEmpty ? nil : message
        if let place { all[place] = entry } else { all.append(entry) }
        self.injections = all
    }
}

/// One of `status.injections`.
package struct InjectionCount: JSONView {
    package var json: JSONObject
    package init(_ json: JSONObject) { self.json = json }

    package var language: String { self.json[string: "language"] ?? "" }
    package var reason: String { self.json[string: "reason"] ?? "" }
    package var count: Int { self.json[int: "count"] ?? 0 }
    package var lastTime: String { self.json[string: "lastTime"] ?? "" }
    package var message: String { self.json[string: "message"] ?? "" }
}
