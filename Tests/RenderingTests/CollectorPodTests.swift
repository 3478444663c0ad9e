import JSONTree
import KubeModel
import Rendering
import TelemetryAPI
import Testing

/// Pod templates, replicas and strategies (specification sections 3.6 and 9.3).
struct CollectorPodTests {
    private func pod(_ collector: Collector, _ change: (inout CollectorInputs) -> Void = { _ in }) throws -> JSONObject
    {
        var inputs = CollectorInputs(collector: collector)
        change(&inputs)
        return try #require(try plan(inputs).apply[0].spec?["template"]?["spec"]?.object)
    }

    @Test(arguments: [
        ("", "ClusterFirst"), ("hostNetwork: true", "ClusterFirstWithHostNet"),
        ("podDnsConfig: {nameservers: []}", "None"),
        ("podDnsConfig: {nameservers: [a], searches: []}", "None"), ("podDnsConfig: {searches: [a]}", "ClusterFirst"),
        ("{dnsPolicy: Default, podDnsConfig: {nameservers: [a]}}", "Default"),
    ])
    func dnsPolicy(_ fields: String, _ policy: String) throws {
        var collector = try Collector.otlp()
        for (key, value) in try JSONValue.yaml(fields).object ?? [:] { collector.json.setInSpec(key, value) }
        let pod = try self.pod(collector)
        #expect(pod["dnsPolicy"] == .string(policy))
        #expect(pod["dnsConfig"] == collector.spec.json["podDnsConfig"] ?? [:])
    }

    @Test(arguments: [
        ("replicas: 0", 0), ("replicas: 2", 2), ("autoscaler: {minReplicas: 3, maxReplicas: 9}", 3),
        ("replicas: 5\n  autoscaler: {minReplicas: 3, maxReplicas: 9}", 5),
        ("replicas: 1\n  autoscaler: {maxReplicas: 9}", 1),
    ])
    func replicas(_ fields: String, _ replicas: Int) throws {
        for mode in ["deployment", "statefulset"] {
            let inputs = CollectorInputs(collector: try Collector.otlp("  mode: \(mode)\n  \(fields)"))
            #expect(try plan(inputs).apply[0].spec?[int: "replicas"] == replicas)
            var shared = inputs
            shared.leavesReplicas = true
            #expect(try plan(shared).apply[0].spec?["replicas"] == nil)
        }
    }

    @Test func daemonSetsHaveNoReplicas() throws {
        #expect(try plan(CollectorInputs(collector: .otlp("  mode: daemonset"))).apply[0].spec?["replicas"] == nil)
    }

    @Test(
        arguments: [
            (["openshift.io/sa.scc.supplemental-groups": "1000680000/10000"], 1_000_680_000),
            (["openshift.io/sa.scc.supplemental-groups": "5-10", "openshift.io/sa.scc.uid-range": "7/8"], 5),
            (["openshift.io/sa.scc.supplemental-groups": "9/10,20/5"], 9),
            (["openshift.io/sa.scc.supplemental-groups": "", "openshift.io/sa.scc.uid-range": "7-9"], 7),
            (["openshift.io/sa.scc.supplemental-groups": "many", "openshift.io/sa.scc.uid-range": "7/8"], 7),
            ([:], nil),
            (["openshift.io/sa.scc.uid-range": "7"], nil),
        ] as [([String: String], Int?)]
    )
    func groupOfTheNamespace(_ annotations: [String: String], _ group: Int?) throws {
        let pod = try self.pod(.otlp()) {
            $0.facts.openShiftRoutes = true
            $0.namespaceAnnotations = annotations
        }
        #expect(pod["securityContext"]?["fsGroup"]?.int == group)
        let own = try self.pod(.otlp("  podSecurityContext: {fsGroup: 1}")) {
            $0.facts.openShiftRoutes = true
            $0.namespaceAnnotations = annotations
        }
        #expect(own["securityContext"]?["fsGroup"] == 1)
        #expect(try self.pod(.otlp()) { $0.namespaceAnnotations = annotations }["securityContext"] == nil)
    }

    @Test func annotationsOfTheTemplate() throws {
        func annotations(_ spec: String) throws -> [String: String] {
            try plan(CollectorInputs(collector: .otlp(spec))).apply[0].spec?["template"]?["metadata"]?.object?[
                stringMap: "annotations"
            ] ?? [:]
        }
        let all = "{prometheus.io/scrape: 'false', prometheus.io/port: '1', prometheus.io/path: /x}"
        let own = try annotations("  podAnnotations: \(all)")
        #expect(own["operator.opentelemetry.io/prometheus-annotations-added"] == nil)
        #expect(own["prometheus.io/scrape"] == "false")
        let some = try annotations("  podAnnotations: {prometheus.io/port: '1'}")
        #expect(some["operator.opentelemetry.io/prometheus-annotations-added"] == "true")
        #expect(some["prometheus.io/port"] == "1")
        #expect(some["prometheus.io/scrape"] == "true")
        let none = try annotations("  observability: {metrics: {disablePrometheusAnnotations: true}}")
        #expect(none.keys.sorted() == ["opentelemetry-operator-config/sha256"])
        #expect(
            try annotations("  podAnnotations: {opentelemetry-operator-config/sha256: mine}")[
                "opentelemetry-operator-config/sha256"
            ]?.count == 64
        )
    }
}

extension JSONObject {
    mutating func setInSpec(_ key: String, _ value: JSONValue) { self.mutateObject("spec") { $0[key] = value } }
}
