import JSONTree
import KubeModel

extension Translation {
    mutating func podMonitorJobs() throws(Rejection) -> [JSONObject] {
        var jobs: [JSONObject] = []
        for (index, endpoint) in try self.spec.objects("podMetricsEndpoints").enumerated() {
            jobs.append(try self.podMonitorJob(endpoint, index))
        }
        return jobs
    }

    private mutating func podMonitorJob(_ endpoint: Field, _ index: Int) throws(Rejection) -> JSONObject {
        let selector = try self.spec.orderedSelector("selector")
        let selectsByRole = try self.selectsByRole()

        var job: JSONObject = ["job_name": .string(self.jobName(index))]
        try self.addHonoring(endpoint, to: &job)
        try self.addTimes(endpoint, to: &job)
        job[string: "metrics_path"] = try endpoint.string("path")
        job[object: "params"] = try endpoint.listMap("params")
        try self.addScheme(endpoint, to: &job)
        try self.addScrapeConnection(endpoint, files: false, to: &job)
        try self.addLimits(to: &job)
        job["kubernetes_sd_configs"] = try self.kubernetesDiscovery(
            role: "pod",
            namespaces: try self.spec.object("namespaceSelector"),
            attachMetadata: try self.attachMetadata(),
            selectors: selectsByRole ? (selector, ["pod"]) : nil
        )

        var rules = [RelabelRules.jobName]
        if try endpoint.bool("filterRunning") ?? true { rules.append(RelabelRules.dropEndedPods) }
        if !selectsByRole { rules += RelabelRules.select(selector, role: "pod") }
        // A name goes before a number, and both before the deprecated field for either.
        let name = try endpoint.string("port")
        let targetPort = try endpoint.port("targetPort")
        if let name {
            rules.append(Self.keepContainerPort(.name(name)))
        } else if let number = try endpoint.port("portNumber") {
            rules.append(Self.keepContainerPort(number))
        } else if let targetPort {
            rules.append(Self.keepContainerPort(targetPort))
        }
        rules += [
            RelabelRules.copy("__meta_kubernetes_namespace", to: "namespace"),
            RelabelRules.copy("__meta_kubernetes_pod_container_name", to: "container"),
            RelabelRules.copy("__meta_kubernetes_pod_name", to: "pod"),
        ]
        rules += Self.transferred(try self.spec.strings("podTargetLabels"), from: "pod")
        rules.append(RelabelRules.set("job", to: self.resource.id.key.description))
        if let label = try self.spec.string("jobLabel") { rules.append(Self.jobRule(label, from: "pod")) }
        // As with the Go operator there is no such label for a port that is given by `portNumber`.
        if let text = name ?? targetPort?.text { rules.append(RelabelRules.set("endpoint", to: text)) }
        rules += try self.scrapeClass.field.relabelRules("relabelings")
        rules += try endpoint.relabelRules("relabelings")
        rules += RelabelRules.sharding(on: "__address__")
        job["relabel_configs"] = RelabelRules.array(rules)
        try self.addMetricRelabelings(endpoint, to: &job)
        return job
    }
}
