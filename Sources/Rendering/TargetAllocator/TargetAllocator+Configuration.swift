import CollectorConfig
import JSONTree
import TelemetryAPI

extension TargetAllocatorContext {
    /// `targetallocator.yaml`, byte for byte as the Go operator writes it (specification section 3.13).
    var configurationYAML: String {
        CollectorYAML(indentation: 2, dialect: .targetAllocator).text(self.configuration)
    }

    private var configuration: JSONObject {
        var file: JSONObject = [:]
        if self.settings.featureGates.isOn(FeatureGates.fallbackStrategy) {
            file["allocation_fallback_strategy"] = "consistent-hashing"
        }
        file["allocation_strategy"] = .string(self.spec.allocationStrategy ?? "consistent-hashing")
        if self.spec.json[bool: "allowInsecureAuthSecrets"] == true { file["allow_insecure_auth_secrets"] = true }
        file["collector_not_ready_grace_period"] = self.spec.json.goDuration("collectorNotReadyGracePeriod")
        // Written also where there is none: without the key the allocator would go by its own default.
        file["collector_selector"] = self.collectorSelector
        if !self.prometheus.isEmpty { file["config"] = .object(self.prometheus) }
        file["filter_strategy"] = .string(self.spec.json[string: "filterStrategy"] ?? "")
        if self.spec.usesMutualTLS {
            file["https"] = [
                "ca_file_path": "/tls/ca.crt", "enabled": true, "listen_addr": ":8443",
                "tls_cert_file_path": "/tls/tls.crt", "tls_key_file_path": "/tls/tls.key",
            ]
        }
        if self.spec.prometheusCR.isEnabled { file["prometheus_cr"] = .object(self.prometheusResources) }
        return file
    }

    private var collectorSelector: JSONValue {
        guard let collector = self.collector else { return .null }
        let labels = ObjectLabels.selector(collector.metadata, component: .collector)
        return ["matchlabels": .object(JSONObject(strings: labels)), "matchexpressions": []]
    }

    private var prometheusResources: JSONObject {
        let given = self.spec.prometheusCR.json
        var section: JSONObject = [:]
        for (key, name) in [
            ("allow_namespaces", "allowNamespaces"), ("deny_namespaces", "denyNamespaces"),
            ("scrape_classes", "scrapeClasses"), ("scrape_protocols", "scrapeProtocols"),
            ("secret_namespaces", "secretNamespaces"),
        ] {
            if let list = given[array: name] { section[key] = JSONValue.array(list).deeplySorted }
        }
        if given[bool: "denyFSAccessThroughSMs"] == true { section["deny_fs_access_through_sms"] = true }
        section["enabled"] = true
        section["evaluation_interval"] = given.goDuration("evaluationInterval")
        section["scrape_interval"] = given.goDuration("scrapeInterval")
        for (key, name) in [
            ("pod_monitor", "podMonitor"), ("probe", "probe"), ("scrape_config", "scrapeConfig"),
            ("service_monitor", "serviceMonitor"),
        ] {
            section["\(key)_selector"] = Self.selector(given[object: "\(name)Selector"])
            section["\(key)_namespace_selector"] = Self.selector(given[object: "\(name)NamespaceSelector"])
        }
        return JSONObject(section.sortedByKey().map { ($0.key, $0.value) })
    }

    /// A label selector in the spelling of the file; one that is absent selects nothing and is written as null.
    private static func selector(_ selector: JSONObject?) -> JSONValue {
        guard let selector else { return .null }
        let expressions = (selector[array: "matchExpressions"] ?? []).compactMap { value -> JSONValue? in
            guard let given = value.object else { return nil }
            return [
                "key": .string(given[string: "key"] ?? ""), "operator": .string(given[string: "operator"] ?? ""),
                "values": .strings(given[strings: "values"] ?? []),
            ]
        }
        return [
            "matchlabels": .object(JSONObject(strings: selector[stringMap: "matchLabels"] ?? [:])),
            "matchexpressions": .array(expressions),
        ]
    }

    /// `global` and `scrape_configs`: its own, then those of its collector's prometheus receiver.
    static func prometheus(_ spec: TargetAllocatorSpec, _ collector: Collector?) throws(PlanError) -> JSONObject {
        let receiver = try collector.map { collector throws(PlanError) in try Self.receiver(of: collector) } ?? [:]
        var section: JSONObject = [:]
        let global = spec.global.isEmpty ? receiver[object: "global"] ?? [:] : spec.global
        if !global.isEmpty { section["global"] = .object(global.deeplySorted) }
        var jobs = spec.scrapeConfigs
        for (place, job) in (receiver[array: "scrape_configs"] ?? []).enumerated() {
            jobs.append(try Self.unescaped(job, place))
        }
        if !jobs.isEmpty { section["scrape_configs"] = .array(jobs.map(\.deeplySorted)) }
        return section
    }

    /// `config` of the receiver that is named exactly `prometheus`; empty without one.
    private static func receiver(of collector: Collector) throws(PlanError) -> JSONObject {
        func wrong(_ path: String, _ message: String) -> PlanError {
            PlanError(
                .invalidConfiguration,
                path: "OpenTelemetryCollector \(collector.name): spec.config.receivers\(path)",
                message
            )
        }
        let receivers = collector.spec.config?[object: "receivers"] ?? [:]
        guard let value = receivers["prometheus"] else {
            throw wrong("", "no prometheus available as part of the configuration")
        }
        switch value["config"] ?? .null {
        case .null: return [:]
        case .object(let config):
            switch config["scrape_configs"] ?? .null {
            case .null, .array: return config
            default: throw wrong(".prometheus.config.scrape_configs", "scrape_configs must be a list in the config")
            }
        default:
            throw wrong(".prometheus.config", "config property in the configuration doesn't contain valid config")
        }
    }

    /// The collector reads `$$` as `$`, the allocator does not.
    private static func unescaped(_ job: JSONValue, _ place: Int) throws(PlanError) -> JSONValue {
        guard var job = job.object else {
            throw PlanError(
                .invalidConfiguration,
                path: "spec.config.receivers.prometheus.config.scrape_configs[\(place)]",
                "scrape_config property in the configuration doesn't contain valid scrape_config"
            )
        }
        for name in ["relabel_configs", "metric_relabel_configs"] {
            guard let rules = job[array: name] else { continue }
            var changed: [JSONValue] = []
            for (rule, value) in rules.enumerated() {
                guard var json = value.object, let replacement = json["replacement"], !replacement.isNull else {
                    changed.append(value)
                    continue
                }
                guard let text = replacement.string else {
                    throw PlanError(
                        .invalidConfiguration,
                        path:
                            "spec.config.receivers.prometheus.config.scrape_configs[\(place)].\(name)[\(rule)].replacement",
                        "it must be a string; put it in quotes"
                    )
                }
                json["replacement"] = .string(Self.withSingleDollars(text))
                changed.append(.object(json))
            }
            job[name] = .array(changed)
        }
        return .object(job)
    }

    private static func withSingleDollars(_ text: String) -> String {
        var out = ""
        var isHalf = false
        for character in text.unicodeScalars {
            if character == "$", isHalf {
                isHalf = false
                continue
            }
            isHalf = character == "$"
            out.unicodeScalars.append(character)
        }
        return out
    }
}

extension JSONObject {
    /// A duration as Go prints it; absent where there is none. One that can't be read is left for the allocator to refuse.
    fileprivate func goDuration(_ name: String) -> JSONValue? {
        guard let text = self[string: name], !text.isEmpty else { return nil }
        return .string(GoTime.nanoseconds(text).map(GoTime.duration) ?? text)
    }
}
