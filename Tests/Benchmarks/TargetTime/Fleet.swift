import ArgumentParser
import JSONTree
import PrometheusConfig
import PrometheusModel
import TargetAllocation

/// Pods of a cluster as `kubernetes_sd_configs` with role `endpointslice` shows them, one target each.
struct Fleet {
    let targets: Int
    let collectors: Int
    let jobs: [ScrapeJob]
    /// The same jobs with one rule more; nil where they have none.
    let otherRules: [ScrapeJob]?

    init(targets: Int, jobs: Int, collectors: Int, _ relabelling: Bool) throws {
        self.targets = targets
        self.collectors = collectors
        let rules = relabelling ? try Self.rules(Self.serviceMonitor) : []
        let other =
            relabelling ? try Self.rules(Self.serviceMonitor + [#"{"regex":"tmp_.*","action":"labeldrop"}"#]) : nil
        func job(_ number: Int, _ rules: [RelabelRule]) -> ScrapeJob {
            ScrapeJob(
                name: "serviceMonitor/shop/app-\(number)/0",
                discoveries: [.statics([])],
                relabelRules: rules
            )
        }
        self.jobs = (0..<jobs).map { job($0, rules) }
        self.otherRules = other.map { rules in (0..<jobs).map { job($0, rules) } }
    }

    func start(_ state: inout AllocatorState) {
        state.setJobs(self.jobs, now: .zero)
        state.setCollectors(self.pods(self.collectors), now: .zero)
    }

    func pods(_ count: Int) -> [CollectorPod] {
        (0..<count).map { CollectorPod(name: "otel-collector-\($0)", nodeName: "node-\($0)") }
    }

    /// All of them, some hundred at once; what making them takes is not counted.
    func discover(_ state: inout AllocatorState) -> Double {
        var time = 0.0
        var start = 0
        while start < self.targets {
            let end = min(start + 500, self.targets)
            var updates = self.jobs.map { TargetUpdate(job: $0.name) }
            for number in start..<end { updates[number % self.jobs.count].changed.append(self.group(number)) }
            time += milliseconds { state.apply(updates, now: .zero) }
            start = end
        }
        return time
    }

    /// A pod's successor, which has another address.
    func replaced(_ number: Int) -> TargetUpdate {
        TargetUpdate(
            job: self.jobs[number % self.jobs.count].name,
            changed: [self.group(number, generation: 1)],
            removed: [self.group(number).source]
        )
    }

    var labelsOfEach: Int {
        let group = self.group(0)
        return group.labels.count + group.targets[0].count
    }

    private func group(_ number: Int, generation: Int = 0) -> TargetGroup {
        let service = "app-\(number % self.jobs.count)"
        let pod = "\(service)-7d9f8b6c5d-\(String(number * 48_271 + generation, radix: 36))"
        let address = "10.\(100 + generation).\(number >> 8 & 255).\(number & 255)"
        // Beyond 65,536 addresses the port says which.
        let port = 8080 + number >> 16
        func label(_ name: String, _ value: String) -> Label {
            Label(name: "__meta_kubernetes_" + name, value: value)
        }
        let shared = [
            label("namespace", "shop-\(number % 40)"), label("service_name", service),
            label("service_label_app_kubernetes_io_name", service),
            label("service_labelpresent_app_kubernetes_io_name", "true"),
            label("endpointslice_name", service + "-x7k2p"), label("endpointslice_address_type", "IPv4"),
        ]
        let own = [
            Label(name: "__address__", value: "\(address):\(port)"),
            label("endpointslice_port", "\(port)"), label("endpointslice_port_name", "metrics"),
            label("endpointslice_port_protocol", "TCP"), label("endpointslice_endpoint_conditions_ready", "true"),
            label("endpointslice_address_target_kind", "Pod"), label("endpointslice_address_target_name", pod),
            label("pod_name", pod), label("pod_ip", address), label("pod_ready", "true"), label("pod_phase", "Running"),
            label("pod_node_name", "node-\(number % self.collectors)"),
            label("pod_host_ip", "192.168.0.\(number % self.collectors)"),
            label("pod_uid", "3f2c9a1e-\(String(number, radix: 16))-4e1b-9c0d-\(generation)7a4f8e21"),
            label("pod_controller_kind", "ReplicaSet"), label("pod_controller_name", service + "-7d9f8b6c5d"),
            label("pod_container_name", "server"),
            label("pod_container_image", "registry.example.com/shop/\(service):1.42.0"),
            label("pod_container_port_name", "metrics"), label("pod_container_port_number", "\(port)"),
            label("pod_label_app_kubernetes_io_name", service),
            label("pod_labelpresent_app_kubernetes_io_name", "true"),
        ]
        return TargetGroup(source: "endpointslice/shop/\(pod)", labels: shared, targets: [own])
    }

    private static func rules(_ texts: [String]) throws -> [RelabelRule] {
        try texts.map { text in
            guard case .object(let json) = try JSONValue(parsing: text) else {
                throw ValidationError("no rule: \(text)")
            }
            return try RelabelRule(json: json)
        }
    }

    /// As they are made of a ServiceMonitor with a label selector, a named port and two relabelings.
    private static let serviceMonitor = [
        #"{"source_labels":["job"],"target_label":"__tmp_prometheus_job_name"}"#,
        """
        {"source_labels":["__meta_kubernetes_service_label_app_kubernetes_io_name",\
        "__meta_kubernetes_service_labelpresent_app_kubernetes_io_name"],"regex":"(app-.*);true","action":"keep"}
        """,
        #"{"source_labels":["__meta_kubernetes_endpointslice_port_name"],"regex":"metrics","action":"keep"}"#,
        """
        {"source_labels":["__meta_kubernetes_endpointslice_address_target_kind",\
        "__meta_kubernetes_endpointslice_address_target_name"],"regex":"Node;(.*)","replacement":"${1}","target_label":"node"}
        """,
        """
        {"source_labels":["__meta_kubernetes_endpointslice_address_target_kind",\
        "__meta_kubernetes_endpointslice_address_target_name"],"regex":"Pod;(.*)","replacement":"${1}","target_label":"pod"}
        """,
        #"{"source_labels":["__meta_kubernetes_namespace"],"target_label":"namespace"}"#,
        #"{"source_labels":["__meta_kubernetes_service_name"],"target_label":"service"}"#,
        #"{"source_labels":["__meta_kubernetes_pod_name"],"target_label":"pod"}"#,
        #"{"source_labels":["__meta_kubernetes_pod_container_name"],"target_label":"container"}"#,
        #"{"source_labels":["__meta_kubernetes_pod_phase"],"regex":"(Failed|Succeeded)","action":"drop"}"#,
        """
        {"source_labels":["__meta_kubernetes_service_label_team"],"regex":"(.+)","replacement":"${1}","target_label":"team"}
        """,
        """
        {"source_labels":["__meta_kubernetes_pod_label_app_kubernetes_io_name"],"regex":"(.+)","replacement":"${1}",\
        "target_label":"app"}
        """,
        #"{"source_labels":["__meta_kubernetes_service_name"],"replacement":"${1}","target_label":"job"}"#,
        #"{"target_label":"endpoint","replacement":"metrics"}"#,
        #"{"source_labels":["__meta_kubernetes_pod_node_name"],"target_label":"node"}"#,
        #"{"regex":"__meta_kubernetes_pod_label_(app.*)","action":"labelmap"}"#,
        #"{"regex":"pod_template_hash","action":"labeldrop"}"#,
        """
        {"source_labels":["__address__","__tmp_hash"],"regex":"(.+);","target_label":"__tmp_hash","replacement":"$1"}
        """,
        #"{"source_labels":["__tmp_hash"],"modulus":1,"target_label":"__tmp_hash","action":"hashmod"}"#,
        #"{"source_labels":["__tmp_hash","__tmp_disable_sharding"],"regex":"$(SHARD);|.+;.+","action":"keep"}"#,
    ]
}
