import JSONTree
import KubeModel
import Rendering
import TelemetryAPI
import Testing

/// The status of a collector (specification section 7.6).
struct CollectorStatusTests {
    private func inputs(_ outcome: StatusInputs.Outcome, mode: String = "deployment", status: JSONObject = [:]) throws
        -> StatusInputs
    {
        var collector = try Collector.otlp("  mode: \(mode)")
        collector.metadata.json["generation"] = 7
        collector.status = CollectorStatus(status)
        return StatusInputs(
            collector: collector,
            settings: OperatorSettings(),
            outcome: outcome,
            workload: mode == "sidecar" ? nil : ObservedWorkload(replicas: 3, readyReplicas: 2, image: "i:1"),
            now: "2024-01-01T00:00:00Z"
        )
    }

    @Test func success() throws {
        let status = collectorStatus(try self.inputs(.applied))
        #expect(status.version == "0.158.0")
        #expect(status.image == "i:1")
        #expect(status.observedGeneration == 7)
        #expect(
            status.scale == [
                "replicas": 3, "statusReplicas": "2/3",
                "selector":
                    "app.kubernetes.io/component=opentelemetry-collector,app.kubernetes.io/instance=default.simplest,app.kubernetes.io/managed-by=opentelemetry-operator,app.kubernetes.io/part-of=opentelemetry",
            ]
        )
        #expect(status.conditions.map(\.type) == ["Ready"])
        #expect(status.conditions[0].status == .true)
        #expect(status.conditions[0].reason == "Reconciled")
        #expect(status.conditions[0].message == "Successfully reconciled")
    }

    /// Computed again from itself it is the same, so nothing is written.
    @Test(arguments: [StatusInputs.Outcome.applied, .failed("x"), .workloadUnreadable("y")])
    func rests(_ outcome: StatusInputs.Outcome) throws {
        var inputs = try self.inputs(outcome)
        let first = collectorStatus(inputs)
        inputs.collector.status = first
        inputs.now = "2025-01-01T00:00:00Z"
        #expect(collectorStatus(inputs) == first)
    }

    @Test func versionIsNotOverwritten() throws {
        #expect(collectorStatus(try self.inputs(.applied, status: ["version": "0.1.0"])).version == "0.1.0")
    }

    @Test func sidecarsHaveNoScale() throws {
        let status = collectorStatus(try self.inputs(.applied, mode: "sidecar", status: ["image": "kept"]))
        #expect(status.scale == ["replicas": 0, "selector": ""])
        #expect(status.image == "kept")
    }

    @Test func failuresLeaveTheRest() throws {
        let status = collectorStatus(
            try self.inputs(.failed("broken"), status: ["scale": ["replicas": 1], "other": true])
        )
        #expect(status.scale == ["replicas": 1])
        #expect(status.json["other"] == true)
        #expect(status.version == nil)
        #expect(status.observedGeneration == 7)
        #expect(status.conditions[0].status == .false)
        #expect(status.conditions[0].reason == "ReconcileError")
        #expect(status.conditions[0].message == "broken")
        let unreadable = collectorStatus(try self.inputs(.workloadUnreadable("gone")))
        #expect(unreadable.conditions[0].reason == "StatusUpdateFailed")
        #expect(unreadable.conditions[0].message == "Failed to update status fields: gone")
    }

    @Test func transitionTimeChangesWithTheStatusOnly() throws {
        var inputs = try self.inputs(.failed("x"))
        inputs.collector.status = collectorStatus(inputs)
        inputs.now = "2025-01-01T00:00:00Z"
        inputs.outcome = .failed("y")
        var status = collectorStatus(inputs)
        #expect(status.conditions[0].lastTransitionTime == "2024-01-01T00:00:00Z")
        #expect(status.conditions[0].message == "y")
        inputs.collector.status = status
        inputs.outcome = .applied
        status = collectorStatus(inputs)
        #expect(status.conditions[0].lastTransitionTime == "2025-01-01T00:00:00Z")
    }

    @Test func warningsAreACondition() throws {
        var inputs = try self.inputs(.applied)
        inputs.warnings = ["a", "b"]
        let status = collectorStatus(inputs)
        #expect(status.conditions.map(\.type) == ["Ready", "ConfigurationWarning"])
        #expect(status.conditions[1].message == "a; b")
        inputs.collector.status = status
        inputs.warnings = []
        #expect(collectorStatus(inputs).conditions[1].status == .false)
    }

    @Test func workloads() {
        let daemonSet = KubeObject([
            "kind": "DaemonSet",
            "status": ["desiredNumberScheduled": 4, "numberReady": 3, "currentNumberScheduled": 9],
            "spec": ["template": ["spec": ["containers": [["image": "x"], ["image": "y"]]]]],
        ])
        #expect(ObservedWorkload(daemonSet) == ObservedWorkload(replicas: 4, readyReplicas: 3, image: "x"))
        let deployment = KubeObject(["kind": "Deployment", "status": ["replicas": 2]])
        #expect(ObservedWorkload(deployment) == ObservedWorkload(replicas: 2, readyReplicas: 0, image: ""))
    }
}
