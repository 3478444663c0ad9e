import JSONTree
import KubeModel

/// The translation of one resource: what its jobs have in common.
struct Translation {
    let resource: PrometheusResource
    let settings: ResourceSettings
    var assets: AssetReader
    /// Of the resource, or the default one.
    let scrapeClass: ScrapeClass
    let spec: Field

    init(_ resource: PrometheusResource, settings: ResourceSettings, assets: AssetReader) throws(Rejection) {
        self.resource = resource
        self.settings = settings
        self.assets = assets
        self.spec = Field(path: "spec", json: resource.spec)
        self.scrapeClass = try ScrapeClass.chosen(by: try self.spec.string("scrapeClass"), settings: settings)
    }

    /// Jobs in Prometheus' form, in their order, each with the field it comes from.
    mutating func jobs() throws(Rejection) -> [JSONObject] {
        switch self.resource.id.kind {
        case .serviceMonitor: try self.serviceMonitorJobs()
        case .podMonitor: try self.podMonitorJobs()
        case .probe: [try self.probeJob()]
        case .scrapeConfig: [try self.scrapeConfigJob()]
        }
    }

    /// Such as `serviceMonitor/ns/name/0`.
    func jobName(_ index: Int? = nil) -> String {
        let name = "\(self.resource.id.kind.jobPrefix)/\(self.resource.id.key)"
        return index.map { "\(name)/\($0)" } ?? name
    }

    // MARK: Parts that several kinds have

    /// `honor_labels`, `honor_timestamps`, `track_timestamps_staleness`.
    func addHonoring(_ field: Field, to job: inout JSONObject) throws(Rejection) {
        job[bool: "honor_labels"] = try field.bool("honorLabels")
        job[bool: "honor_timestamps"] = try field.bool("honorTimestamps")
        job[bool: "track_timestamps_staleness"] = try field.bool("trackTimestampsStaleness")
    }

    /// Interval and timeout; a timeout above the interval would have every scrape refused.
    func addTimes(
        _ field: Field,
        interval intervalKey: String = "interval",
        timeout timeoutKey: String = "scrapeTimeout",
        to job: inout JSONObject
    ) throws(Rejection) {
        let interval = try field.duration(intervalKey)
        let timeout = try field.duration(timeoutKey)
        job[string: "scrape_interval"] = interval?.text
        job[string: "scrape_timeout"] = timeout?.text
        guard let timeout else { return }
        let effective = if let interval { interval } else { try self.globalInterval() }
        if timeout.milliseconds > effective.milliseconds {
            let source = interval == nil ? "the allocator's scrape_interval" : field.path(intervalKey)
            throw Rejection(
                .timeoutAboveInterval,
                "\(field.path(timeoutKey)): \(timeout.text) is above \(source), \(effective.text); "
                    + "lower the timeout or raise the interval"
            )
        }
    }

    private func globalInterval() throws(Rejection) -> ScrapeDuration {
        let global = Field(path: "global", json: self.settings.global)
        return try global.duration("scrape_interval") ?? ScrapeDuration(text: "1m", milliseconds: 60_000)
    }

    func addScheme(_ field: Field, to job: inout JSONObject) throws(Rejection) {
        job[string: "scheme"] = try field.choice("scheme", of: ["http", "https"])
    }

    /// What limits a scrape, and how samples are read; all of it is in `spec`.
    func addLimits(to job: inout JSONObject) throws(Rejection) {
        let limits = [
            ("sample_limit", "sampleLimit"), ("target_limit", "targetLimit"), ("label_limit", "labelLimit"),
            ("label_name_length_limit", "labelNameLengthLimit"),
            ("label_value_length_limit", "labelValueLengthLimit"), ("keep_dropped_targets", "keepDroppedTargets"),
            ("native_histogram_bucket_limit", "nativeHistogramBucketLimit"),
        ]
        for (name, key) in limits {
            // 0 is no limit, which Prometheus writes by leaving the limit out.
            guard let limit = try self.spec.count(key), limit > 0 else { continue }
            job[name] = .int(limit)
        }
        if let factor = self.spec.json["nativeHistogramMinBucketFactor"], !factor.isNull {
            guard let quantity = Quantity(factor), quantity.nanos >= 0 else {
                throw Rejection(
                    .invalidField,
                    "\(self.spec.path("nativeHistogramMinBucketFactor")): \(factor) is not a quantity"
                )
            }
            let value = Double(quantity.nanos) / 1_000_000_000
            if value > 0 { job["native_histogram_min_bucket_factor"] = .number(JSONNumber(value)) }
        }
        let flags = [
            ("scrape_native_histograms", "scrapeNativeHistograms"),
            ("always_scrape_classic_histograms", "scrapeClassicHistograms"),
            ("convert_classic_histograms_to_nhcb", "convertClassicHistogramsToNHCB"),
        ]
        for (name, key) in flags { job[bool: name] = try self.spec.bool(key) }
        if let size = try self.spec.string("bodySizeLimit"), size != "0" { job[string: "body_size_limit"] = size }
        let protocols = try self.spec.strings("scrapeProtocols")
        if !protocols.isEmpty { job["scrape_protocols"] = .strings(protocols) }
        let fallback = try self.spec.string("fallbackScrapeProtocol") ?? self.scrapeClass.fallbackScrapeProtocol
        job[string: "fallback_scrape_protocol"] = fallback
    }

    /// The class' rules come first.
    func addMetricRelabelings(_ field: Field, to job: inout JSONObject) throws(Rejection) {
        let rules =
            try self.scrapeClass.field.relabelRules("metricRelabelings")
            + field.relabelRules("metricRelabelings")
        if !rules.isEmpty { job["metric_relabel_configs"] = RelabelRules.array(rules) }
    }

    // MARK: Discovery of Kubernetes objects

    /// - Parameter selector: given, it becomes selectors of the discovery for these roles instead of relabel rules.
    func kubernetesDiscovery(
        role: String,
        namespaces selector: Field?,
        attachMetadata: Field? = nil,
        selectors: (selector: LabelSelector, roles: [String])? = nil
    ) throws(Rejection) -> JSONValue {
        var discovery: JSONObject = ["role": .string(role)]
        let namespaces = try self.namespaces(chosenBy: selector)
        if !namespaces.isEmpty { discovery["namespaces"] = ["names": .strings(namespaces)] }
        if let metadata = try Self.attachedMetadata(attachMetadata) { discovery["attach_metadata"] = metadata }
        if let selectors, !selectors.selector.isEmpty {
            let requirements = selectors.selector.requirements
                .sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            let label = JSONValue.string(LabelSelector(requirements).query)
            discovery["selectors"] = .array(selectors.roles.map { ["role": .string($0), "label": label] })
        }
        discovery[string: "kubeconfig_file"] = self.settings.kubeconfigFile
        return [.object(discovery)]
    }

    static func attachedMetadata(_ field: Field?) throws(Rejection) -> JSONValue? {
        guard let field else { return nil }
        var metadata = JSONObject()
        for key in ["node", "namespace"] {
            if try field.bool(key) ?? false { metadata[key] = true }
        }
        return metadata.isEmpty ? nil : .object(metadata)
    }

    /// Empty: all.
    private func namespaces(chosenBy selector: Field?) throws(Rejection) -> [String] {
        let own = [self.resource.namespace]
        guard let selector else { return own }
        if try selector.bool("any") ?? false { return [] }
        let names = try selector.strings("matchNames")
        return names.isEmpty ? own : names
    }

    /// The resource's own setting, or else the class'.
    func attachMetadata() throws(Rejection) -> Field? {
        if let own = try self.spec.object("attachMetadata") { return own }
        return try self.scrapeClass.field.object("attachMetadata")
    }

    /// Whether objects are selected by the discovery rather than by relabel rules.
    func selectsByRole() throws(Rejection) -> Bool {
        try self.spec.choice("selectorMechanism", of: ["relabelconfig", "roleselector"]) == "roleselector"
    }
}

/// A duration of Prometheus, as it was written.
struct ScrapeDuration {
    var text: String
    var milliseconds: Int
}
