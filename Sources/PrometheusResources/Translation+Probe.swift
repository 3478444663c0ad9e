import JSONTree

extension Translation {
    mutating func probeJob() throws(Rejection) -> JSONObject {
        guard let prober = try self.spec.object("prober"), let url = try prober.string("url") else {
            throw Rejection(.invalidField, "spec.prober.url: the address of the prober is needed, such as host:9115")
        }
        var job: JSONObject = ["job_name": .string(self.jobName()), "honor_timestamps": true]
        try self.addTimes(self.spec, to: &job)
        job["metrics_path"] = .string(try prober.string("path") ?? "/probe")
        try self.addScheme(prober, to: &job)
        job[object: "params"] = try self.probeParameters()
        try self.addProxy(prober, to: &job)
        try self.addScrapeConnection(self.spec, files: false, proxy: false, to: &job)
        try self.addLimits(to: &job)

        var rules = [RelabelRules.jobName]
        if let name = try self.spec.string("jobName") { rules.append(RelabelRules.set("job", to: name)) }
        let targets = try self.spec.object("targets")
        if let targets = try targets?.object("staticConfig") {
            try self.addStaticTargets(targets, prober: url, &rules, to: &job)
        } else if let targets = try targets?.object("ingress") {
            try self.addIngressTargets(targets, prober: url, &rules, to: &job)
        } else {
            throw Rejection(.invalidField, "spec.targets: either staticConfig or ingress is needed")
        }
        job["relabel_configs"] = RelabelRules.array(rules + RelabelRules.sharding(on: "__param_target"))
        try self.addMetricRelabelings(self.spec, to: &job)
        return job
    }

    private func probeParameters() throws(Rejection) -> JSONObject? {
        var parameters = JSONObject()
        if let module = try self.spec.string("module") { parameters["module"] = [.string(module)] }
        for field in try self.spec.objects("params") {
            guard let name = try field.string("name") else {
                throw Rejection(.invalidField, "\(field.path("name")): the name of the parameter is needed")
            }
            // `spec.module` goes first; the target is set for each target.
            if name == "module", parameters.contains("module") { continue }
            parameters[name] = .strings(try field.strings("values"))
        }
        return parameters.isEmpty ? nil : parameters
    }

    private func addStaticTargets(
        _ targets: Field,
        prober url: String,
        _ rules: inout [JSONObject],
        to job: inout JSONObject
    ) throws(Rejection) {
        var labels = JSONObject()
        for (name, value) in try targets.stringMap("labels") { labels[name] = .string(value) }
        if !labels.contains("namespace") { labels["namespace"] = .string(self.resource.namespace) }
        job["static_configs"] = [
            ["targets": .strings(try targets.strings("static")), "labels": .object(labels.sortedByKey())]
        ]
        rules += [
            RelabelRules.copy("__address__", to: "__param_target"),
            RelabelRules.copy("__param_target", to: "instance"),
            RelabelRules.set("__address__", to: url),
        ]
        rules += try self.scrapeClass.field.relabelRules("relabelings")
        rules += try targets.relabelRules("relabelingConfigs")
    }

    private func addIngressTargets(
        _ targets: Field,
        prober url: String,
        _ rules: inout [JSONObject],
        to job: inout JSONObject
    ) throws(Rejection) {
        job["kubernetes_sd_configs"] = try self.kubernetesDiscovery(
            role: "ingress",
            namespaces: try targets.object("namespaceSelector")
        )
        rules += RelabelRules.select(try targets.orderedSelector("selector"), role: "ingress")
        rules += [
            [
                "source_labels": [
                    "__meta_kubernetes_ingress_scheme", "__address__", "__meta_kubernetes_ingress_path",
                ],
                "separator": ";", "regex": "(.+);(.+);(.+)", "target_label": "__param_target",
                "replacement": "${1}://${2}${3}", "action": "replace",
            ],
            RelabelRules.copy("__meta_kubernetes_namespace", to: "namespace"),
            RelabelRules.copy("__meta_kubernetes_ingress_name", to: "ingress"),
            [
                "source_labels": ["__address__"], "separator": ";", "regex": "(.*)",
                "target_label": "__tmp_ingress_address", "replacement": "$1", "action": "replace",
            ],
            RelabelRules.copy("__param_target", to: "instance"),
            RelabelRules.set("__address__", to: url),
        ]
        rules += try self.scrapeClass.field.relabelRules("relabelings")
        rules += try targets.relabelRules("relabelingConfigs")
    }
}
