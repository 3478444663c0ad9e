import JSONTree
import KubeModel
import KubeRuntime
import Rendering
import Testing

@testable import Controllers

/// The operator before us: its Lease, its webhook configurations, and what is said about it.
struct PredecessorTests {
    /// Holds the state, as `#expect` takes no mutating call.
    private final class Judge {
        private var state = PredecessorLease()
        func isHeld(_ lease: LeaseRecord?, now: Duration, time: Timestamp) -> Bool {
            self.state.isHeld(lease, now: now, time: time)
        }
    }

    private func lease(_ holder: String, _ renewed: String, duration: Int? = 137) -> LeaseRecord {
        var spec: JSONObject = ["holderIdentity": .string(holder), "renewTime": .string(renewed)]
        if let duration { spec["leaseDurationSeconds"] = .int(duration) }
        return LeaseRecord(KubeObject(["metadata": ["name": "lease"], "spec": .object(spec)]))
    }

    private func time(_ text: String) throws -> Timestamp { try #require(Timestamp(text)) }

    @Test func aLeaseThatIsNotRenewedLapses() throws {
        let state = Judge()
        let time = try self.time("2026-01-01T00:02:00Z")
        let lease = self.lease("a", "2026-01-01T00:00:00.000000Z")
        #expect(state.isHeld(lease, now: .seconds(10), time: time))
        #expect(state.isHeld(lease, now: .seconds(146), time: time))
        #expect(!state.isHeld(lease, now: .seconds(147), time: time))
        // Its holder comes back.
        #expect(state.isHeld(self.lease("a", "2026-01-01T00:05:00Z"), now: .seconds(148), time: time))
    }

    @Test func renewalsKeepIt() throws {
        let state = Judge()
        let time = try self.time("2026-01-01T00:02:00Z")
        for second in 0..<60 {
            let renewed = "2026-01-01T00:00:\(second < 10 ? "0" : "")\(second)Z"
            #expect(state.isHeld(self.lease("a", renewed), now: .seconds(second * 26), time: time))
        }
    }

    @Test func whatIsReleasedOrGoneIsFree() throws {
        let state = Judge()
        let time = try self.time("2026-01-01T00:00:00Z")
        let held = self.lease("a", "2026-01-01T00:00:00Z")
        let released = self.lease("", "2026-01-01T00:00:00Z")
        #expect(state.isHeld(held, now: .zero, time: time))
        #expect(!state.isHeld(released, now: .seconds(1), time: time))
        #expect(state.isHeld(held, now: .seconds(2), time: time))
        #expect(!state.isHeld(nil, now: .seconds(3), time: time))
    }

    /// One that was left weeks ago costs no minutes at each start; clocks that differ a little are no reason to begin.
    @Test(arguments: [
        ("2026-01-01T00:00:00Z", "2026-01-01T00:12:17Z", true), ("2026-01-01T00:00:00Z", "2026-01-01T00:12:18Z", false),
        ("2026-01-01T00:00:00Z", "2025-01-01T00:00:00Z", true), ("nonsense", "2026-01-01T00:00:00Z", true),
    ])
    func anOldLeaseIsNotWaitedFor(_ renewed: String, _ now: String, _ isHeld: Bool) throws {
        let state = Judge()
        let time = try self.time(now)
        #expect(state.isHeld(self.lease("a", renewed), now: .seconds(5), time: time) == isHeld)
    }

    @Test func withoutADurationItIsTheGoOperators() throws {
        let state = Judge()
        let time = try self.time("2026-01-01T00:00:00Z")
        let lease = self.lease("a", "2026-01-01T00:00:00Z", duration: nil)
        #expect(state.isHeld(lease, now: .zero, time: time))
        #expect(state.isHeld(lease, now: .seconds(136), time: time))
        #expect(!state.isHeld(lease, now: .seconds(137), time: time))
    }

    // MARK: Webhook configurations

    private func configuration(_ names: [String], annotations: JSONObject = [:]) -> KubeObject {
        KubeObject([
            "metadata": ["name": "ours", "annotations": .object(annotations)],
            "webhooks": .array(names.map { ["name": .string($0)] }),
        ])
    }

    @Test func nothingIsClearedOfOurOwn() {
        let wanted = self.configuration(["a", "b"])
        #expect(WebhookRegistrar.clearance(of: wanted, for: wanted) == nil)
        let fewer = self.configuration(["a"], annotations: ["example.com/x": "1"])
        #expect(WebhookRegistrar.clearance(of: fewer, for: wanted) == nil)
    }

    @Test func entriesAndInjectorsOfThePredecessorGo() {
        let wanted = self.configuration(["a"])
        let live = self.configuration(
            ["a", "mopampbridge.kb.io"],
            annotations: ["cert-manager.io/inject-ca-from": "ns/cert", "example.com/x": "1"]
        )
        #expect(
            WebhookRegistrar.clearance(of: live, for: wanted) == [
                "metadata": ["annotations": ["cert-manager.io/inject-ca-from": nil]], "webhooks": [["name": "a"]],
            ]
        )
    }

    // MARK: Telling

    @Test func aTakeoverIsToldOnce() {
        let deployment = ObjectReference(
            ResourceCatalog.deployments.groupVersionKind,
            ObjectKey(namespace: "shop", name: "web-collector")
        )
        let role = ObjectReference(ResourceCatalog.clusterRoles.groupVersionKind, ObjectKey(name: "web-role"))
        #expect(Takeover().note(from: "manager") == nil)
        #expect(
            Takeover(adopted: [role, deployment]).note(from: "manager")
                == "took over from the field manager manager: ClusterRole web-role, Deployment web-collector"
        )
        #expect(
            Takeover(releasedFinalizer: true).note(from: "manager")
                == "removed the finalizer opentelemetrycollector.opentelemetry.io/finalizer"
        )
    }

    // MARK: Who wrote an object

    private func deployment(_ managers: JSONValue, labels: JSONObject = [:]) throws -> OwnedRecord {
        try OwnedRecord.read(
            [
                "metadata": [
                    "name": "web", "namespace": "shop", "uid": "1", "labels": .object(labels),
                    "annotations": ["operator.opentelemetry.io/applied-sha256": "of an older version of us"],
                    "managedFields": managers,
                ],
                "spec": ["template": ["spec": ["containers": []]]],
            ],
            ResourceCatalog.deployments
        )
    }

    /// Annotations of a Deployment count in its generation.
    @Test func aDeploymentIsMarkedWithALabel() throws {
        #expect(try self.deployment([]).appliedHash == nil)
        let marked = try self.deployment([], labels: ["operator.opentelemetry.io/applied-sha256": "abc"])
        #expect(marked.appliedHash == "abc")
    }

    static let managers: [(String, String, String?, JSONObject?, Bool)] = [
        ("manager", "Update", nil, ["f:spec": [:]], true),
        ("manager", "Update", nil, ["f:metadata": [:]], false),
        ("manager", "Update", nil, ["f:status": [:]], false),
        ("manager", "Apply", nil, ["f:spec": [:]], false),
        ("kubectl", "Update", nil, ["f:spec": [:]], false),
        ("manager", "Update", "status", ["f:spec": [:]], false),
        ("manager", "Update", nil, nil, false),
    ]

    @Test(arguments: Self.managers)
    func writtenByThePredecessor(
        _ manager: String,
        _ operation: String,
        _ subresource: String?,
        _ fields: JSONObject?,
        _ expected: Bool
    ) throws {
        var entry: JSONObject = ["manager": .string(manager), "operation": .string(operation)]
        if let subresource { entry["subresource"] = .string(subresource) }
        if let fields { entry["fieldsV1"] = .object(fields) }
        #expect(try self.deployment([.object(entry)]).isWrittenByPredecessor == expected)
    }
}
