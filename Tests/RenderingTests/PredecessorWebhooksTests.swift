import JSONTree
import KubeModel
import Testing

@testable import Rendering

/// Webhooks and Deployments of another operator, told from everybody else's.
struct PredecessorWebhooksTests {
    private static func entry(
        _ name: String,
        _ path: String,
        resource: String = "opentelemetrycollectors",
        policy: String? = "Fail",
        namespace: String = "observability",
        service: String = "otel-webhook"
    ) -> JSONValue {
        var entry: JSONObject = [
            "name": .string(name),
            "clientConfig": [
                "service": ["namespace": .string(namespace), "name": .string(service), "path": .string(path)]
            ],
            "rules": [["resources": [.string(resource)]]],
        ]
        if let policy { entry["failurePolicy"] = .string(policy) }
        return .object(entry)
    }

    private static let collectors = entry(
        "mopentelemetrycollectorbeta.kb.io",
        "/mutate-opentelemetry-io-v1beta1-opentelemetrycollector"
    )
    private static let pods = entry("mpod.kb.io", "/mutate-v1-pod", resource: "pods", policy: "Ignore")

    private func read(_ entries: [JSONValue], name: String = "otel-mutation", own: ObjectKey? = nil)
        -> PredecessorWebhooks?
    {
        PredecessorWebhooks(
            KubeObject([
                "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
                "metadata": ["name": .string(name), "uid": "1"], "webhooks": .array(entries),
            ]),
            own: own
        )
    }

    @Test func theHelmChartsAreKnown() throws {
        let webhooks = try #require(self.read([Self.collectors, Self.pods]))
        #expect(webhooks.service == ObjectKey(namespace: "observability", name: "otel-webhook"))
        #expect(webhooks.refused == ["opentelemetrycollectors"])
        #expect(
            webhooks.leftBehind.contains(
                "the API server refuses to write opentelemetrycollectors. If that operator is gone for good: kubectl delete mutatingwebhookconfiguration otel-mutation"
            )
        )
        let ignored = try #require(self.read([Self.pods]))
        #expect(ignored.refused.isEmpty && ignored.leftBehind.contains("its webhooks are ignored"))
    }

    @Test func aPolicyThatIsNotGivenIsFail() {
        let entry = Self.entry("mpod.kb.io", "/mutate-v1-pod", resource: "pods", policy: nil)
        #expect(self.read([entry])?.refused == ["pods"])
    }

    @Test func anythingElseIsSomebodyElses() {
        #expect(self.read([]) == nil)
        #expect(self.read([Self.collectors, Self.entry("mpod.example.com", "/mutate-v1-pod")]) == nil)
        #expect(self.read([Self.entry("mpod.kb.io", "/mutate-pods")]) == nil)
        #expect(self.read([Self.collectors, Self.entry("mpod.kb.io", "/mutate-v1-pod", service: "other")]) == nil)
        #expect(self.read([["name": "mpod.kb.io", "clientConfig": ["url": "https://x/mutate-v1-pod"]]]) == nil)
        #expect(self.read([Self.collectors], name: WebhookRegistration.mutatingName) == nil)
        #expect(
            self.read([Self.collectors], own: ObjectKey(namespace: "observability", name: "otel-webhook")) == nil
        )
    }

    private func deployment(_ namespace: String, container: JSONObject = [:]) -> PredecessorDeployment {
        PredecessorDeployment(
            KubeObject([
                "apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": ["name": "operator", "namespace": .string(namespace)],
                "spec": ["template": ["spec": ["containers": [.object(container)]]]],
            ])
        )
    }

    private static func variable(_ value: JSONValue) -> JSONObject {
        ["env": [["name": "WATCH_NAMESPACE", "value": value]]]
    }

    static let containers: [(JSONObject, [String])] = [
        ([:], []),
        (variable(""), []),
        (variable("a, b"), ["a", "b"]),
        (
            ["env": [["name": "WATCH_NAMESPACE", "valueFrom": ["fieldRef": ["fieldPath": "metadata.namespace"]]]]],
            ["there"]
        ),
        (["args": ["--watch-namespace=a,b"]], ["a", "b"]),
        (["args": ["--watch-namespace", "c"], "env": [["name": "WATCH_NAMESPACE", "value": "a"]]], ["c"]),
    ]

    @Test(arguments: Self.containers)
    func whatADeploymentWatches(_ container: JSONObject, _ expected: [String]) {
        #expect(self.deployment("there", container: container).watchedNamespaces == expected)
    }

    @Test func oneWithoutPodsDoesNotRun() {
        func isRunning(_ status: JSONValue) -> Bool {
            PredecessorDeployment(KubeObject(["metadata": ["name": "operator"], "status": status])).isRunning
        }
        #expect(isRunning(["replicas": 1]))
        #expect(!isRunning(["replicas": 0]) && !isRunning([:]))
    }

    @Test func rivalsAreThoseWhoCareForTheSame() {
        let everywhere = self.deployment("there")
        let team = self.deployment("team", container: ["args": ["--watch-namespace=team"]])
        let here = self.deployment("here")
        let webhooks = [self.read([Self.collectors])].compactMap(\.self)
        func rivals(_ own: String?, _ watched: [String]) -> [String] {
            PredecessorDeployment.rivals([everywhere, team, here], webhooks, own: own, watched: watched)
        }
        // Webhooks alone tell of an operator as well: its Deployment may be gone and its Lease not.
        #expect(rivals("here", []) == ["observability", "team", "there"])
        #expect(rivals("here", ["shop"]) == ["observability", "there"])
        #expect(rivals(nil, ["team"]) == ["here", "observability", "team", "there"])
        let apart = PredecessorDeployment.rivals([team], [], own: "here", watched: ["shop"])
        #expect(apart == [])
    }

    /// Operators of different namespaces, each with its webhooks, must not wait for each other.
    @Test func webhooksOfAnOperatorThatCaresForOthersAreNoRival() {
        let apart = self.deployment("observability", container: ["args": ["--watch-namespace=team"]])
        let webhooks = [self.read([Self.collectors])].compactMap(\.self)
        #expect(!webhooks.isEmpty)
        #expect(PredecessorDeployment.rivals([apart], webhooks, own: "here", watched: ["shop"]) == [])
    }
}
