import JSONTree

extension Translation {
    mutating func serviceMonitorJobs() throws(Rejection) -> [JSONObject] {
        var jobs: [JSONObject] = []
        for (index, endpoint) in try self.spec.objects("endpoints").enumerated() {
            jobs.append(try self.serviceMonitorJob(endpoint, index))
        }
        return jobs
    }

    private mutating func serviceMonitorJob(_ endpoint: Field, _ index: Int) throws(Rejection) -> JSONObject {
        let role = try self.spec.choice("serviceDiscoveryRole", of: ["endpointslice", "endpoints"]) ?? "endpointslice"
        let selector = try self.spec.orderedSelector("selector")
        let selectsByRole = try self.selectsByRole()

        var job: JSONObject = ["job_name": .string(self.jobName(index))]
        try self.addHonoring(endpoint, to: &job)
        try self.addTimes(endpoint, to: &job)
        job[string: "metrics_path"] = try endpoint.string("path")
        job[object: "params"] = try endpoint.listMap("params")
        try self.addScheme(endpoint, to: &job)
        try self.addScrapeConnection(endpoint, files: true, to: &job)
        try self.addLimits(to: &job)
        job["kubernetes_sd_configs"] = try self.kubernetesDiscovery(
            role: role,
            namespaces: try self.spec.object("namespaceSelector"),
            attachMetadata: try self.attachMetadata(),
            selectors: selectsByRole ? (selector, [role, "service"]) : nil
        )
        let selection = selectsByRole ? [] : RelabelRules.select(selector, role: "service")
        job["relabel_configs"] = RelabelRules.array(
            try self.serviceMonitorRules(endpoint, role: role, selection: selection)
        )
        try self.addMetricRelabelings(endpoint, to: &job)
        return job
    }

    private func serviceMonitorRules(
        _ endpoint: Field,
        role: String,
        selection: [JSONObject]
    ) throws(Rejection) -> [JSONObject] {
        let prefix = role == "endpoints" ? "__meta_kubernetes_endpoint_" : "__meta_kubernetes_endpointslice_"
        var rules = [RelabelRules.jobName] + selection
        // A port by its name in the Service goes before one by its name or number in the pod.
        let port = try endpoint.string("port")
        let targetPort = try endpoint.port("targetPort")
        if let port {
            rules.append(RelabelRules.keep([prefix + "port_name"], port))
        } else if let targetPort {
            rules.append(Self.keepContainerPort(targetPort))
        }
        for (kind, label) in [("Node", "node"), ("Pod", "pod")] {
            rules.append([
                "source_labels": .strings([prefix + "address_target_kind", prefix + "address_target_name"]),
                "separator": ";", "regex": .string("\(kind);(.*)"), "replacement": "${1}",
                "target_label": .string(label),
            ])
        }
        rules += [
            RelabelRules.copy("__meta_kubernetes_namespace", to: "namespace"),
            RelabelRules.copy("__meta_kubernetes_service_name", to: "service"),
            RelabelRules.copy("__meta_kubernetes_pod_name", to: "pod"),
            RelabelRules.copy("__meta_kubernetes_pod_container_name", to: "container"),
        ]
        if try endpoint.bool("filterRunning") ?? true { rules.append(RelabelRules.dropEndedPods) }
        rules += Self.transferred(try self.spec.strings("targetLabels"), from: "service")
        rules += Self.transferred(try self.spec.strings("podTargetLabels"), from: "pod")
        var jobRule = RelabelRules.copy("__meta_kubernetes_service_name", to: "job")
        jobRule["replacement"] = "${1}"
        rules.append(jobRule)
        if let label = try self.spec.string("jobLabel") { rules.append(Self.jobRule(label, from: "service")) }
        if let name = port ?? targetPort?.text { rules.append(RelabelRules.set("endpoint", to: name)) }
        rules += try self.scrapeClass.field.relabelRules("relabelings")
        rules += try endpoint.relabelRules("relabelings")
        return rules + RelabelRules.sharding(on: "__address__")
    }

    static func keepContainerPort(_ port: PortReference) -> JSONObject {
        switch port {
        case .name: RelabelRules.keep(["__meta_kubernetes_pod_container_port_name"], port.text)
        case .number: RelabelRules.keep(["__meta_kubernetes_pod_container_port_number"], port.text)
        }
    }

    /// Labels of an object that a target gets, too.
    static func transferred(_ labels: [String], from role: String) -> [JSONObject] {
        labels.map { label in
            let name = RelabelRules.labelName(label)
            return RelabelRules.copyIfSet("__meta_kubernetes_\(role)_label_\(name)", to: name)
        }
    }

    /// The value of a label as the name of the job.
    static func jobRule(_ label: String, from role: String) -> JSONObject {
        RelabelRules.copyIfSet("__meta_kubernetes_\(role)_label_\(RelabelRules.labelName(label))", to: "job")
    }
}
