import JSONTree
import KubeModel
import TelemetryAPI
import Testing

@testable import Controllers

struct DisruptionBudgetTests {
    @Test(arguments: [ClusterFacts.ServedVersion.v1, .v1beta1])
    func ownedByTheDeploymentAndForItsPods(version: ClusterFacts.ServedVersion) throws {
        let deployment = KubeObject([
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": ["name": "opentelemetry-operator-controller-manager", "namespace": "own", "uid": "1-2"],
            "spec": ["selector": ["matchLabels": ["app": "operator"]]],
        ])
        let budget = try #require(DisruptionBudget.budget(of: deployment, version: version))
        #expect(
            budget.json == [
                "apiVersion": .string("policy/\(version.rawValue)"), "kind": "PodDisruptionBudget",
                "metadata": [
                    "name": "opentelemetry-operator-controller-manager", "namespace": "own",
                    "labels": ["app.kubernetes.io/name": "opentelemetry-operator"],
                    "ownerReferences": [
                        [
                            "apiVersion": "apps/v1", "kind": "Deployment",
                            "name": "opentelemetry-operator-controller-manager", "uid": "1-2",
                        ]
                    ],
                ],
                "spec": ["maxUnavailable": 1, "selector": ["matchLabels": ["app": "operator"]]],
            ]
        )
    }

    @Test func withoutASelectorThereIsNone() {
        #expect(DisruptionBudget.budget(of: KubeObject(["metadata": ["uid": "1"]]), version: .v1) == nil)
    }
}
