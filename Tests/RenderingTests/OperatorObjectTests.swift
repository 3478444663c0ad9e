import JSONTree
import KubeModel
import Rendering
import Testing
import YAMLTree

/// What the operator makes for itself (specification operations.md section 2).
struct OperatorObjectTests {
    private let deployment = KubeObject([
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": ["name": "d", "namespace": "o", "uid": "u"],
    ])

    private func expect(_ object: KubeObject, _ yaml: String) throws {
        let expected = try #require(try YAMLReader.documents(in: Array(yaml.utf8)).first)
        #expect(JSONValue.object(object.json) == expected, "\(YAMLWriter.text(.object(object.json)))")
    }

    @Test func networkPolicy() throws {
        let policy = OperatorNetworkPolicy(
            namespace: "o",
            servedPorts: [9443, 8443, 8081],
            serverPorts: [16443, 443],
            otherPorts: [4317]
        )
        try self.expect(
            policy.render(owner: self.deployment),
            """
            apiVersion: networking.k8s.io/v1
            kind: NetworkPolicy
            metadata:
              name: opentelemetry-operator
              namespace: o
              labels: {app.kubernetes.io/name: opentelemetry-operator}
              ownerReferences:
              - {apiVersion: apps/v1, kind: Deployment, name: d, uid: u}
            spec:
              podSelector: {matchLabels: {app.kubernetes.io/name: opentelemetry-operator}}
              policyTypes: [Ingress, Egress]
              ingress:
              - ports: [{port: 9443, protocol: TCP}, {port: 8443, protocol: TCP}, {port: 8081, protocol: TCP}]
              egress:
              - ports: [{port: 443, protocol: TCP}, {port: 6443, protocol: TCP}, {port: 16443, protocol: TCP}]
              - ports:
                - {port: 53, protocol: UDP}
                - {port: 53, protocol: TCP}
                - {port: 5353, protocol: UDP}
                - {port: 5353, protocol: TCP}
              - ports: [{port: 4317, protocol: TCP}]
            """
        )
    }

    /// No rule names an address: one that changes would cut the operator off from the only place that tells it so.
    @Test func networkPolicyNamesNoAddress() {
        let policy = OperatorNetworkPolicy(namespace: "o", servedPorts: [1, 1, 0], serverPorts: []).render(
            owner: self.deployment
        )
        let egress = policy.spec?[array: "egress"] ?? []
        #expect(egress.count == 2 && egress.allSatisfy { $0["to"] == nil })
        #expect(policy.spec?["ingress"] == [["ports": [["port": 1, "protocol": "TCP"]]]])
    }

    /// A rule without ports would let in everything.
    @Test func networkPolicyOfWhatServesNothing() {
        let policy = OperatorNetworkPolicy(namespace: "o", servedPorts: [0], serverPorts: [443])
        #expect(policy.render(owner: self.deployment).spec?["ingress"] == [])
    }

    @Test func portsOfEndpoints() {
        let slice = KubeObject([
            "kind": "EndpointSlice", "ports": [["name": "https", "port": 6443], ["name": "other", "port": 1]],
            "endpoints": [["addresses": ["fd00::1"]]],
        ])
        let endpoints = KubeObject([
            "kind": "Endpoints",
            "subsets": [["ports": [["port": 16443]]], ["ports": [["port": 16443], ["port": "x"]]]],
        ])
        #expect(OperatorNetworkPolicy.ports(of: [slice]) == [6443])
        #expect(OperatorNetworkPolicy.ports(of: [endpoints]) == [16443])
        #expect(OperatorNetworkPolicy.ports(of: []) == [])
    }

    @Test func serviceMonitor() throws {
        try self.expect(
            OperatorServiceMonitor.render(namespace: "o", isSecure: true, owner: self.deployment),
            """
            apiVersion: monitoring.coreos.com/v1
            kind: ServiceMonitor
            metadata:
              name: opentelemetry-operator-metrics-monitor
              namespace: o
              labels:
                app.kubernetes.io/name: opentelemetry-operator
                app.kubernetes.io/part-of: opentelemetry-operator
                control-plane: controller-manager
              ownerReferences:
              - {apiVersion: apps/v1, kind: Deployment, name: d, uid: u}
            spec:
              endpoints:
              - interval: 30s
                path: /metrics
                scheme: https
                scrapeTimeout: 10s
                port: https
                bearerTokenFile: /var/run/secrets/kubernetes.io/serviceaccount/token
                tlsConfig: {insecureSkipVerify: true}
              selector: {matchLabels: {app.kubernetes.io/name: opentelemetry-operator}}
            """
        )
        let plain = OperatorServiceMonitor.render(namespace: "o", isSecure: false, owner: nil)
        #expect(plain.metadata.ownerReferences == [])
        #expect(plain.spec?[array: "endpoints"]?.first?["scheme"] == "http")
        #expect(plain.spec?[array: "endpoints"]?.first?["tlsConfig"] == nil)
    }
}
