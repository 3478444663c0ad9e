package import JSONTree

extension ScrapeJob {
    /// The configuration as collectors get it: Prometheus' own form as JSON.
    ///
    /// `regex` is left out of rules with `keepequal` and `dropequal`, where the receiver refuses it, although Prometheus
    /// prints it.
    ///
    /// - Parameter masked: whether secrets are `<secret>` instead of what they are.
    package func served(masked: Bool) -> JSONObject {
        var json = masked ? SecretMask.masked(self.json) : self.json
        for name in ["relabel_configs", "metric_relabel_configs"] {
            guard let rules = json[array: name], rules.contains(where: Self.comparesLabels) else { continue }
            json[name] = .array(
                rules.map { rule in
                    guard Self.comparesLabels(rule), case .object(var object) = rule else { return rule }
                    object.remove("regex")
                    return .object(object)
                }
            )
        }
        return json
    }

    private static func comparesLabels(_ rule: JSONValue) -> Bool {
        let action = rule["action"]?.string
        return action == "keepequal" || action == "dropequal"
    }
}
