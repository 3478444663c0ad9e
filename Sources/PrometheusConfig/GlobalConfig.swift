package import JSONTree
package import PrometheusModel

/// The part of `global` that scrape configurations take values from.
package struct GlobalConfig: Sendable, Equatable {
    package var scrapeInterval: PrometheusDuration
    package var scrapeTimeout: PrometheusDuration
    /// What jobs take as it is where they have no value of their own, in Prometheus' form; intervals are not part of it.
    package var inherited: JSONObject
    /// What is odd about it, without being wrong.
    package var warnings: [ConfigProblem]

    private static let defaultInterval = PrometheusDuration(milliseconds: 60_000)
    private static let defaultTimeout = PrometheusDuration(milliseconds: 10_000)

    private static let schema = FieldSchema(FieldSchema.inheritedFields)
    /// Fields of Prometheus that no target allocator needs.
    private static let others: Set<String> = [
        "evaluation_interval", "rule_query_offset", "query_log_file", "external_labels",
    ]

    /// Prometheus' defaults.
    package init() {
        self.scrapeInterval = Self.defaultInterval
        self.scrapeTimeout = Self.defaultTimeout
        self.inherited = [:]
        self.warnings = []
    }

    /// - Throws: ``ConfigProblem`` for what Prometheus would refuse.
    package init(json: JSONObject) throws(ConfigProblem) {
        do throws(FieldError) {
            try self.init(reading: json)
        } catch {
            throw error.problem(job: nil)
        }
    }

    init(reading json: JSONObject) throws(FieldError) {
        self.init()
        var warnings: [ConfigProblem] = []
        var values = try Self.schema.normalised(json) { (name, _) throws(FieldError) in
            if !Self.others.contains(name) {
                let near = Spelling.nearest(to: name, among: Self.schema.fields.map(\.name) + Self.others.sorted())
                warnings.append(
                    ConfigProblem(
                        path: name,
                        message: "unknown field, left out",
                        hint: near.map { "did you mean \($0)?" } ?? ""
                    )
                )
            }
            return nil
        }
        self.warnings = warnings
        if let interval = values.remove("scrape_interval") { self.scrapeInterval = try FieldSchema.duration(interval) }
        if let timeout = values.remove("scrape_timeout") {
            self.scrapeTimeout = try FieldSchema.duration(timeout)
            guard self.scrapeTimeout.milliseconds <= self.scrapeInterval.milliseconds else {
                throw FieldError(
                    "\(self.scrapeTimeout) is longer than the scrape interval of \(self.scrapeInterval)",
                    hint: "lower scrape_timeout or raise scrape_interval"
                ).within("scrape_timeout")
            }
        } else if self.scrapeInterval.milliseconds < self.scrapeTimeout.milliseconds {
            self.scrapeTimeout = self.scrapeInterval
        }
        if json["scrape_protocols"]?.array?.isEmpty == true {
            throw FieldError("must not be empty", hint: "remove it for the default").within("scrape_protocols")
        }
        if let protocols = values[strings: "scrape_protocols"] { try ScrapeJobDraft.checkProtocols(protocols) }
        self.inherited = values
    }
}
