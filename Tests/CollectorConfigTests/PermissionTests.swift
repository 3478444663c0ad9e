import CollectorConfig
import JSONTree
import Testing

/// Cluster permissions (specification section 6.1) and variables of the environment.
struct PermissionTests {
    static let readers = ["get", "watch", "list"]
    static let pods = PolicyRule("", ["pods", "namespaces"], readers)
    static let replicaSets = PolicyRule("apps", ["replicasets"], readers)
    static let nodes = PolicyRule("", ["nodes"], readers)

    @Test(arguments: [
        (ComponentKind.processor, "k8sattributes", "{}", [pods, replicaSets]),
        (.processor, "k8s_attributes", "null", [pods, replicaSets]),
        (.processor, "k8sattributes", "{extract: {metadata: [k8s.node.name]}}", [pods, nodes]),
        (
            .processor, "k8sattributes",
            "{extract: {metadata: [k8s.node.uid, k8s.deployment.name, service.name, k8s.node.name]}}",
            [pods, nodes, replicaSets, nodes]
        ), (.processor, "k8sattributes", "{extract: {metadata: [k8s.pod.name]}}", [pods]),
        (
            .processor, "resourcedetection", "{detectors: [env, k8snode, k8s_api, openshift]}",
            [
                PolicyRule("", ["nodes"], ["get", "list"]),
                PolicyRule("config.openshift.io", ["infrastructures", "infrastructures/status"], readers),
            ]
        ), (.processor, "resource_detection", "null", []),
        (.receiver, "k8s_events", "null", [PolicyRule("", ["events"], ["get", "list", "watch"])]),
        (
            .receiver, "k8sobjects",
            "{objects: [{name: pods, mode: pull}, {name: events, mode: pull}, {name: events, mode: watch, group: events.k8s.io}, {name: x}]}",
            [
                PolicyRule("", ["pods"], ["list", "get"]), PolicyRule("", ["events"], ["list"]),
                PolicyRule("events.k8s.io", ["events"], ["list", "watch"]), PolicyRule("", ["x"], ["list"]),
            ]
        ), (.receiver, "kubeletstats", "{}", [PolicyRule("", ["nodes/stats"], ["get"])]),
        (
            .receiver, "kubelet_stats", "{extra_metadata_labels: [container.id]}",
            [PolicyRule("", ["nodes/stats"], ["get"]), PolicyRule("", ["nodes/proxy"], ["get"])]
        ),
        (
            .receiver, "kubeletstats", "{metrics: {k8s.pod.memory_request_utilization: {enabled: true}}}",
            [PolicyRule("", ["nodes/stats"], ["get"]), PolicyRule("", ["nodes/proxy"], ["get"])]
        ),
        (
            .receiver, "kubeletstats",
            "{metrics: {k8s.pod.memory_request_utilization: {enabled: false}, k8s.node.x: {enabled: true}}}",
            [PolicyRule("", ["nodes/stats"], ["get"])]
        ),
        (
            .extension, "k8s_leader_elector", "{}",
            [
                PolicyRule(
                    "coordination.k8s.io",
                    ["leases"],
                    ["get", "list", "watch", "create", "update", "patch", "delete"]
                )
            ]
        ),
        (
            .extension, "k8s_observer", "{observe_pods: true, observe_services: false, observe_nodes: true}",
            [PolicyRule("", ["pods"], ["list", "watch"]), PolicyRule("", ["nodes"], ["list", "watch"])]
        ), (.receiver, "prometheus", "{}", []), (.receiver, "receiver_creator", "{}", []),
        (.receiver, "otlp", "{}", []),
    ])
    func rules(_ kind: ComponentKind, _ id: String, _ body: String, _ rules: [PolicyRule]) throws {
        #expect(try CollectorConfiguration.using(kind, id, body).permissions() == rules)
    }

    @Test func clusterReceiver() throws {
        let plain = try CollectorConfiguration.using(.receiver, "k8s_cluster", "{}").permissions()
        #expect(plain.map(\.apiGroups) == [[""], ["apps"], ["extensions"], ["batch"], ["autoscaling"]])
        #expect(plain.allSatisfy { $0.verbs == ["get", "list", "watch"] })
        #expect(plain[0].resources.count == 13)
        let openShift = try CollectorConfiguration.using(.receiver, "k8s_cluster", "{distribution: openshift}")
            .permissions()
        #expect(
            openShift == plain + [
                PolicyRule("quota.openshift.io", ["clusterresourcequotas"], ["get", "list", "watch"])
            ]
        )
    }

    @Test func wrongShapesAreRefused() throws {
        let configuration = try CollectorConfiguration.using(.processor, "k8sattributes", "{extract: {metadata: all}}")
        let error = #expect(throws: ConfigurationError.self) { try configuration.permissions() }
        #expect(error?.description == "processors.k8sattributes.extract.metadata: expected a list, got 'string'")
    }

    @Test func variablesAreNamedOnce() throws {
        let configuration = try CollectorConfiguration.yaml(
            "{receivers: {kubeletstats: {}, kubelet_stats/2: {}}, exporters: {}, service: {pipelines: {m: {receivers: [kubeletstats, kubelet_stats/2], exporters: []}}}}"
        )
        #expect(configuration.environment == [FieldVariable(name: "K8S_NODE_NAME", fieldPath: "spec.nodeName")])
    }
}
