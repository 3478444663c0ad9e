import JSONTree
import PrometheusModel

extension FieldSchema {
    static let validationSchemes = ["utf8", "legacy"]
    static let escapingSchemes = ["allow-utf-8", "underscores", "dots", "values"]

    /// The fields that a scrape configuration takes from `global` where it has none of its own.
    static let inheritedFields: [Field] = [
        Field("scrape_interval", .duration), Field("scrape_timeout", .duration), Field("scrape_protocols", .texts),
        Field("scrape_native_histograms", .explicitFlag), Field("always_scrape_classic_histograms", .explicitFlag),
        Field("convert_classic_histograms_to_nhcb", .explicitFlag), Field("extra_scrape_metrics", .explicitFlag),
        Field("scrape_failure_log_file", .text), Field("body_size_limit", .size), Field("sample_limit", .count),
        Field("target_limit", .count), Field("label_limit", .count), Field("label_name_length_limit", .count),
        Field("label_value_length_limit", .count), Field("keep_dropped_targets", .count),
        Field("metric_name_validation_scheme", .choice(validationSchemes)),
        Field("metric_name_escaping_scheme", .choice(escapingSchemes)),
    ]

    static let relabelRule = FieldSchema(
        [
            Field("source_labels", .texts), Field("separator", .text, ";"), Field("regex", .explicitText),
            Field("modulus", .count), Field("target_label", .text), Field("replacement", .text, "$1"),
            Field("action", .text, "replace"),
        ],
        check: { (rule) throws(FieldError) in
            let action = rule[string: "action"]?.lowercased()
            rule[string: "action"] = action
            // Where two labels are compared, a regular expression is an error, the default as well.
            if action != "keepequal", action != "dropequal", !rule.contains("regex") { rule["regex"] = "(.*)" }
        }
    )

    static let scrapeJob = FieldSchema(
        [Field("job_name", .text)] + inheritedFields + [
            Field("honor_labels", .flag), Field("honor_timestamps", .flag, true),
            Field("track_timestamps_staleness", .flag), Field("params", .textLists),
            Field("fallback_scrape_protocol", .choice(ScrapeJobDraft.protocols)),
            Field("metrics_path", .text), Field("scheme", .text), Field("enable_compression", .flag, true),
            Field("native_histogram_bucket_limit", .count), Field("native_histogram_min_bucket_factor", .factor),
        ] + httpFields + [
            Field("relabel_configs", .objects(relabelRule)), Field("metric_relabel_configs", .objects(relabelRule)),
        ]
    )
}

/// A scrape configuration on its way from what somebody wrote to what Prometheus would print.
struct ScrapeJobDraft {
    static let protocols = [
        "PrometheusProto", "OpenMetricsText1.0.0", "OpenMetricsText0.0.1", "PrometheusText1.0.0", "PrometheusText0.0.4",
    ]

    private let written: JSONObject
    private(set) var json: JSONObject = [:]
    private(set) var discoveries: [DiscoveryConfig] = []
    private(set) var relabelRules: [RelabelRule] = []
    private(set) var interval = PrometheusDuration(milliseconds: 0)
    private(set) var timeout = PrometheusDuration(milliseconds: 0)
    private(set) var warnings: [FieldError] = []

    init(_ written: JSONObject) { self.written = written }

    mutating func complete(with global: GlobalConfig, rules: inout RelabelRuleCache) throws(FieldError) {
        var discoveries: [DiscoveryConfig] = []
        var warnings: [FieldError] = []
        self.json = try FieldSchema.scrapeJob.normalised(self.written) { (name, value) throws(FieldError) in
            if name.hasSuffix("_sd_configs") || name == "static_configs" {
                return try DiscoveryConfig.read(name, value, into: &discoveries)
            }
            try Self.checkUnknown(name)
            warnings.append(
                FieldError(
                    "unknown field, handed on as it is",
                    hint: "collectors whose Prometheus does not know it refuse all jobs"
                ).within(name)
            )
            return value
        }
        self.discoveries = discoveries
        self.warnings = warnings
        if (self.json[string: "job_name"] ?? "").isEmpty {
            throw FieldError("must be given", hint: "each scrape configuration needs a name of its own")
                .within("job_name")
        }
        try FieldSchema.checkHTTP(&self.json)
        try self.completeAddress()
        try self.inherit(from: global)
        try self.completeTimes(global)
        try self.completeProtocols(global)
        try self.checkNames()
        try self.checkStaticLabels()
        try self.completeRules(&rules)
        if self.relabelRules.isEmpty { try self.checkStaticTargets() }
    }

    /// A field that is one slip away from a known one was meant to be that; others may be newer than we are.
    private static func checkUnknown(_ name: String) throws(FieldError) {
        let known = FieldSchema.scrapeJob.fields.map(\.name) + DiscoveryConfig.kinds
        if let near = known.first(where: {
            abs($0.utf8.count - name.utf8.count) <= 2 && Spelling.distance($0, name) <= 2
        }) {
            throw FieldError("unknown field \"\(name.abbreviated())\"", hint: "did you mean \(near)?")
        }
    }

    private mutating func completeAddress() throws(FieldError) {
        if !self.json.contains("metrics_path") { self.json["metrics_path"] = "/metrics" }
        let scheme = self.json[string: "scheme"] ?? "http"
        guard scheme == "http" || scheme == "https" else {
            throw FieldError("\"\(scheme.abbreviated())\" is not http or https").within("scheme")
        }
        self.json["scheme"] = .string(scheme)
    }

    private mutating func inherit(from global: GlobalConfig) throws(FieldError) {
        for (name, value) in global.inherited where !self.json.contains(name) {
            // The escaping goes with the validation: a job that says how names are validated has its own.
            if name == "metric_name_escaping_scheme" && self.written[string: "metric_name_validation_scheme"] != nil {
                continue
            }
            self.json[name] = value
        }
    }

    private mutating func completeTimes(_ global: GlobalConfig) throws(FieldError) {
        self.interval = try self.duration("scrape_interval") ?? global.scrapeInterval
        if let timeout = try self.duration("scrape_timeout") {
            guard timeout.milliseconds <= self.interval.milliseconds else {
                throw FieldError(
                    "\(timeout) is longer than the scrape interval of \(self.interval)",
                    hint: "lower scrape_timeout or raise scrape_interval"
                ).within("scrape_timeout")
            }
            self.timeout = timeout
        } else {
            self.timeout =
                global.scrapeTimeout.milliseconds < self.interval.milliseconds ? global.scrapeTimeout : self.interval
        }
        self.json["scrape_interval"] = .string("\(self.interval)")
        self.json["scrape_timeout"] = .string("\(self.timeout)")
    }

    private func duration(_ name: String) throws(FieldError) -> PrometheusDuration? {
        guard let value = self.json[name] else { return nil }
        do throws(FieldError) { return try FieldSchema.duration(value) } catch { throw error.within(name) }
    }

    private mutating func completeProtocols(_ global: GlobalConfig) throws(FieldError) {
        if self.written["scrape_protocols"]?.array?.isEmpty == true {
            throw FieldError("must not be empty", hint: "remove it for the default").within("scrape_protocols")
        }
        if let protocols = self.json[strings: "scrape_protocols"] {
            try Self.checkProtocols(protocols)
            return
        }
        let usual = Array(Self.protocols.dropFirst())
        let isNative = self.json[bool: "scrape_native_histograms"] ?? false
        self.json[strings: "scrape_protocols"] = isNative ? Self.protocols : usual
    }

    static func checkProtocols(
        _ protocols: [String],
        field: String = "scrape_protocols"
    ) throws(FieldError) {
        var seen: Set<String> = []
        for (index, name) in protocols.enumerated() {
            guard Self.protocols.contains(name) else {
                throw FieldSchema.notOneOf(Self.protocols, name).within(index).within(field)
            }
            guard seen.insert(name).inserted else {
                throw FieldError("\(name) is there twice", hint: "remove one").within(index).within(field)
            }
        }
    }

    private func checkNames() throws(FieldError) {
        if self.json[string: "metric_name_validation_scheme"] == "legacy",
            self.json[string: "metric_name_escaping_scheme"] == "allow-utf-8"
        {
            throw FieldError(
                "allow-utf-8 is not possible with metric_name_validation_scheme legacy",
                hint: "use underscores"
            ).within("metric_name_escaping_scheme")
        }
    }

    private mutating func completeRules(_ cache: inout RelabelRuleCache) throws(FieldError) {
        self.relabelRules = try self.rules("relabel_configs", &cache)
        _ = try self.rules("metric_relabel_configs", &cache)
    }

    private func rules(_ name: String, _ cache: inout RelabelRuleCache) throws(FieldError) -> [RelabelRule] {
        let elements = self.json[array: name] ?? []
        var rules: [RelabelRule] = []
        rules.reserveCapacity(elements.count)
        for (index, element) in elements.enumerated() {
            guard case .object(let rule) = element else { continue }
            do throws(FieldError) {
                rules.append(try cache.rule(rule, names: self.names))
            } catch {
                throw error.within(index).within(name)
            }
        }
        return rules
    }

    private var names: LabelName.Scheme {
        self.json[string: "metric_name_validation_scheme"] == "legacy" ? .legacy : .utf8
    }

    private func checkStaticLabels() throws(FieldError) {
        for case .statics(let groups) in self.discoveries {
            for (index, group) in groups.enumerated() {
                for label in group.labels where !LabelName.isValid(label.name, scheme: self.names) {
                    throw FieldError("\"\(label.name.abbreviated())\" is not a label name")
                        .within("labels").within(index).within("static_configs")
                }
            }
        }
    }

    private func checkStaticTargets() throws(FieldError) {
        for case .statics(let groups) in self.discoveries {
            for (index, group) in groups.enumerated() {
                for (place, target) in group.targets.enumerated() {
                    guard let address = target.first(where: { $0.name == "__address__" })?.value,
                        address.contains("/")
                    else { continue }
                    throw FieldError(
                        "\"\(address.abbreviated())\" is not a host with a port",
                        hint: "write HOST:PORT alone; scheme and metrics_path have fields of their own"
                    ).within(place).within("targets").within(index).within("static_configs")
                }
            }
        }
    }
}
