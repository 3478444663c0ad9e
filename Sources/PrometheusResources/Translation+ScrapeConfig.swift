import JSONTree

extension Translation {
    mutating func scrapeConfigJob() throws(Rejection) -> JSONObject {
        var job: JSONObject = ["job_name": .string(self.jobName())]
        try self.addHonoring(self.spec, to: &job)
        try self.addTimes(self.spec, interval: "scrapeInterval", timeout: "scrapeTimeout", to: &job)
        job[string: "metrics_path"] = try self.spec.string("metricsPath")
        job[object: "params"] = try self.spec.listMap("params")
        try self.addScheme(self.spec, to: &job)
        job[bool: "enable_compression"] = try self.spec.bool("enableCompression")
        try self.addScrapeConnection(self.spec, files: false, http2: "enableHTTP2", to: &job)
        try self.addLimits(to: &job)
        try self.addNaming(to: &job)
        try self.addDiscoveries(to: &job)

        var rules = [RelabelRules.jobName]
        rules += try self.scrapeClass.field.relabelRules("relabelings")
        if let name = try self.spec.string("jobName") { rules.append(RelabelRules.set("job", to: name)) }
        rules += try self.spec.relabelRules("relabelings")
        job["relabel_configs"] = RelabelRules.array(rules)
        try self.addMetricRelabelings(self.spec, to: &job)
        return job
    }

    /// Which names of metrics and labels are taken, and how others are made such.
    private func addNaming(to job: inout JSONObject) throws(Rejection) {
        let validation = try self.spec.choice("nameValidationScheme", of: ["legacy", "utf8"])
        job[string: "metric_name_validation_scheme"] = validation
        let escaping = try self.spec.choice("nameEscapingScheme", of: ["allowutf8", "underscores", "dots", "values"])
        job[string: "metric_name_escaping_scheme"] = escaping == "allowutf8" ? "allow-utf-8" : escaping
    }

    private mutating func addDiscoveries(to job: inout JSONObject) throws(Rejection) {
        let known = ["staticConfigs", "fileSDConfigs", "httpSDConfigs", "kubernetesSDConfigs", "dnsSDConfigs"]
        for (key, value) in self.spec.json where !known.contains(key) && key.hasSuffix("SDConfigs") {
            if value.isNull || value.array?.isEmpty ?? false { continue }
            throw Rejection(
                .unsupportedDiscovery,
                "spec.\(key): this allocator does not have this kind of discovery; "
                    + "it has \(known.joined(separator: ", "))"
            )
        }
        var configurations: [JSONValue] = []
        for field in try self.spec.objects("staticConfigs") {
            var group: JSONObject = ["targets": .strings(try field.strings("targets"))]
            let labels = try field.stringMap("labels")
            if !labels.isEmpty { group["labels"] = .object(JSONObject(pairs: labels)) }
            configurations.append(.object(group))
        }
        Self.add(&configurations, "static_configs", to: &job)
        for field in try self.spec.objects("fileSDConfigs") {
            var discovery: JSONObject = ["files": .strings(try field.strings("files"))]
            discovery[string: "refresh_interval"] = try field.duration("refreshInterval")?.text
            configurations.append(.object(discovery))
        }
        Self.add(&configurations, "file_sd_configs", to: &job)
        for field in try self.spec.objects("httpSDConfigs") { configurations.append(try self.httpDiscovery(field)) }
        Self.add(&configurations, "http_sd_configs", to: &job)
        for field in try self.spec.objects("kubernetesSDConfigs") {
            configurations.append(try self.kubernetesDiscovery(field))
        }
        Self.add(&configurations, "kubernetes_sd_configs", to: &job)
        for field in try self.spec.objects("dnsSDConfigs") { configurations.append(try Self.dnsDiscovery(field)) }
        Self.add(&configurations, "dns_sd_configs", to: &job)
    }

    private static func add(_ configurations: inout [JSONValue], _ key: String, to job: inout JSONObject) {
        if !configurations.isEmpty { job[key] = .array(configurations) }
        configurations = []
    }

    private mutating func httpDiscovery(_ field: Field) throws(Rejection) -> JSONValue {
        guard let url = try field.string("url") else {
            throw Rejection(.invalidField, "\(field.path("url")): the address to ask for targets is needed")
        }
        var discovery: JSONObject = ["url": .string(url)]
        discovery[string: "refresh_interval"] = try field.duration("refreshInterval")?.text
        try self.addConnection(field, http2: "enableHTTP2", to: &discovery)
        return .object(discovery)
    }

    private mutating func kubernetesDiscovery(_ field: Field) throws(Rejection) -> JSONValue {
        let roles = ["node", "pod", "service", "endpoints", "endpointslice", "ingress"]
        guard let role = try field.choice("role", of: roles) else {
            throw Rejection(.invalidField, "\(field.path("role")): one of \(roles.joined(separator: ", ")) is needed")
        }
        var discovery: JSONObject = ["role": .string(role)]
        discovery[string: "api_server"] = try field.string("apiServer")
        // Where to connect to is said only once.
        if !discovery.contains("api_server") {
            discovery[string: "kubeconfig_file"] = self.settings.kubeconfigFile
        }
        if let namespaces = try field.object("namespaces") {
            var chosen = JSONObject()
            if try namespaces.bool("ownNamespace") ?? false { chosen["own_namespace"] = true }
            let names = try namespaces.strings("names")
            if !names.isEmpty { chosen["names"] = .strings(names) }
            if !chosen.isEmpty { discovery["namespaces"] = .object(chosen) }
        }
        var selectors: [JSONValue] = []
        for selector in try field.objects("selectors") {
            guard let role = try selector.choice("role", of: roles) else {
                throw Rejection(.invalidField, "\(selector.path("role")): the role that is selected is needed")
            }
            var one: JSONObject = ["role": .string(role)]
            one[string: "label"] = try selector.string("label")
            one[string: "field"] = try selector.string("field")
            selectors.append(.object(one))
        }
        if !selectors.isEmpty { discovery["selectors"] = .array(selectors) }
        // Prometheus attaches metadata for these roles only, and the Go operator leaves it out for the others.
        if ["pod", "endpoints", "endpointslice"].contains(role) {
            discovery["attach_metadata"] = try Self.attachedMetadata(try field.object("attachMetadata"))
        }
        try self.addConnection(field, http2: "enableHTTP2", to: &discovery)
        return .object(discovery)
    }

    private static func dnsDiscovery(_ field: Field) throws(Rejection) -> JSONValue {
        var discovery: JSONObject = ["names": .strings(try field.strings("names"))]
        discovery[string: "refresh_interval"] = try field.duration("refreshInterval")?.text
        discovery[string: "type"] = try field.choice("type", of: ["a", "aaaa", "mx", "ns", "srv"])?.uppercased()
        if let port = try field.count("port") { discovery["port"] = .int(port) }
        return .object(discovery)
    }
}
