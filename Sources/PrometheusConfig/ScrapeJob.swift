package import JSONTree
package import PrometheusModel

/// One scrape configuration, checked and with Prometheus' defaults.
package struct ScrapeJob: Sendable, Equatable {
    package var name: String
    /// The configuration as Prometheus would print it, with secrets in clear; see ``served(masked:)``.
    package var json: JSONObject
    package var discoveries: [DiscoveryConfig]
    package var relabelRules: [RelabelRule]
    package var scrapeInterval: PrometheusDuration
    package var scrapeTimeout: PrometheusDuration
    package var metricsPath: String
    package var scheme: String
    package var params: [String: [String]]
    /// What is odd about it, without being wrong.
    package var warnings: [ConfigProblem] = []

    /// A job made of its parts, without a configuration of its own: for tests and tools.
    package init(
        name: String,
        json: JSONObject = [:],
        discoveries: [DiscoveryConfig] = [],
        relabelRules: [RelabelRule] = [],
        scrapeInterval: PrometheusDuration = PrometheusDuration(milliseconds: 60_000),
        scrapeTimeout: PrometheusDuration = PrometheusDuration(milliseconds: 10_000),
        metricsPath: String = "/metrics",
        scheme: String = "http",
        params: [String: [String]] = [:]
    ) {
        self.name = name
        self.json = json
        self.discoveries = discoveries
        self.relabelRules = relabelRules
        self.scrapeInterval = scrapeInterval
        self.scrapeTimeout = scrapeTimeout
        self.metricsPath = metricsPath
        self.scheme = scheme
        self.params = params
    }

    /// From an element of `scrape_configs` in Prometheus' own form.
    ///
    /// - Throws: ``ConfigProblem`` for the first thing that Prometheus would refuse.
    package init(json: JSONObject, global: GlobalConfig) throws(ConfigProblem) {
        var rules = RelabelRuleCache()
        try self.init(json: json, global: global, rules: &rules)
    }

    init(json: JSONObject, global: GlobalConfig, rules: inout RelabelRuleCache) throws(ConfigProblem) {
        let name = json["job_name"].flatMap { try? FieldSchema.text($0) } ?? ""
        do throws(FieldError) {
            var draft = ScrapeJobDraft(json)
            try draft.complete(with: global, rules: &rules)
            self.init(
                name: name,
                json: draft.json,
                discoveries: draft.discoveries,
                relabelRules: draft.relabelRules,
                scrapeInterval: draft.interval,
                scrapeTimeout: draft.timeout,
                metricsPath: draft.json[string: "metrics_path"] ?? "",
                scheme: draft.json[string: "scheme"] ?? "",
                params: (draft.json[object: "params"] ?? [:]).reduce(into: [:]) { params, member in
                    params[member.key] = member.value.array?.compactMap(\.string) ?? []
                }
            )
            self.warnings = draft.warnings.map { $0.problem(job: name) }
        } catch {
            throw error.problem(job: name.isEmpty ? nil : name)
        }
    }

    /// The labels that Prometheus adds to a target that does not have them, before it relabels.
    package func seeds() -> [Label] {
        var labels = [
            Label(name: "job", value: self.name),
            Label(name: "__scrape_interval__", value: "\(self.scrapeInterval)"),
            Label(name: "__scrape_timeout__", value: "\(self.scrapeTimeout)"),
            Label(name: "__metrics_path__", value: self.metricsPath),
            Label(name: "__scheme__", value: self.scheme),
        ]
        for (name, values) in self.params.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
            if let first = values.first { labels.append(Label(name: "__param_\(name)", value: first)) }
        }
        return labels
    }
}

/// Relabel rules that were read before: many jobs have the same ones, and share them so.
struct RelabelRuleCache {
    private struct Key: Hashable {
        var json: JSONObject
        var names: LabelName.Scheme
    }

    private var known: [Key: RelabelRule] = [:]
    private static let limit = 10_000

    mutating func rule(_ json: JSONObject, names: LabelName.Scheme) throws(FieldError) -> RelabelRule {
        let key = Key(json: json, names: names)
        if let rule = self.known[key] { return rule }
        do throws(RelabelRule.Problem) {
            let rule = try RelabelRule(json: json, names: names)
            if self.known.count < Self.limit { self.known[key] = rule }
            return rule
        } catch {
            throw FieldError(error.message).within(error.field)
        }
    }
}
