package import JSONTree
import YAMLTree

/// A Prometheus configuration, of which `global` and `scrape_configs` matter.
///
/// A job that can't be used is a problem and not among the jobs; the others are.
package struct PrometheusDocument: Sendable, Equatable {
    package var global: GlobalConfig
    package var jobs: [ScrapeJob]
    /// One for each job that is left out.
    package var problems: [ConfigProblem]
    package var warnings: [ConfigProblem]
    /// How many scrape configurations there are, those with problems too.
    package var scrapeConfigCount: Int

    /// Without jobs.
    package init() {
        self.global = GlobalConfig()
        self.jobs = []
        self.problems = []
        self.warnings = []
        self.scrapeConfigCount = 0
    }

    /// - Throws: ``ConfigProblem`` for what concerns every job: `global`, or a document of another shape.
    package init(json: JSONObject) throws(ConfigProblem) {
        self.init()
        switch json["global"] {
        case nil, .null?: break
        case .object(let object)?:
            do throws(ConfigProblem) {
                self.global = try GlobalConfig(json: object)
            } catch {
                throw error.within("global")
            }
            self.warnings = self.global.warnings.map { $0.within("global") }
        case let other?:
            throw ConfigProblem(path: "global", message: "must be a mapping, not \(FieldSchema.shown(other))")
        }
        self.warn(about: json)
        switch json["scrape_configs"] {
        case nil, .null?: return
        case .array(let elements)?: self.read(elements)
        case let other?:
            throw ConfigProblem(path: "scrape_configs", message: "must be a list, not \(FieldSchema.shown(other))")
        }
    }

    /// - Throws: ``YAMLError`` for text that is not YAML, ``ConfigProblem`` as ``init(json:)``.
    package init(yaml text: String) throws {
        // Go's YAML has `yes` for a boolean only where a boolean is expected, so it has to stay a text here.
        switch try YAMLReader.document(in: text, dialect: .trueFalseOnly) {
        case .null: self.init()
        case .object(let object): try self.init(json: object)
        case let other:
            throw ConfigProblem(message: "the document must be a mapping, not \(FieldSchema.shown(other))")
        }
    }

    private mutating func warn(about json: JSONObject) {
        if let files = json["scrape_config_files"], !files.isDeeplyEmpty {
            self.warnings.append(
                ConfigProblem(
                    path: "scrape_config_files",
                    message: "has no effect in a target allocator",
                    hint: "put the scrape configurations under scrape_configs"
                )
            )
        }
        for name in json.keys where name != "global" && name != "scrape_configs" && !Self.others.contains(name) {
            let near = Spelling.nearest(to: name, among: ["global", "scrape_configs"])
            self.warnings.append(
                ConfigProblem(
                    path: name.abbreviated(),
                    message: "unknown field, left out",
                    hint: near.map { "did you mean \($0)?" } ?? ""
                )
            )
        }
    }

    private static let others: Set<String> = [
        "runtime", "alerting", "rule_files", "scrape_config_files", "storage", "tracing", "remote_write",
        "remote_read", "otlp",
    ]

    private mutating func read(_ elements: [JSONValue]) {
        self.scrapeConfigCount = elements.count
        var rules = RelabelRuleCache()
        var places: [String: Int] = [:]
        self.jobs.reserveCapacity(elements.count)
        for (index, element) in elements.enumerated() {
            let place = "scrape_configs[\(index)]"
            do throws(ConfigProblem) {
                guard case .object(let object) = element else {
                    throw ConfigProblem(message: "must be a mapping, not \(FieldSchema.shown(element))")
                }
                let job = try ScrapeJob(json: object, global: self.global, rules: &rules)
                if let first = places[job.name] {
                    throw ConfigProblem(
                        job: job.name,
                        path: "job_name",
                        message: "found multiple scrape configs with this job name, the first is "
                            + "scrape_configs[\(first)]",
                        hint: "give each a name of its own; the first one is used"
                    )
                }
                places[job.name] = index
                self.warnings += job.warnings.map { $0.within(place) }
                self.jobs.append(job)
            } catch {
                self.problems.append(error.within(place))
            }
        }
    }
}
