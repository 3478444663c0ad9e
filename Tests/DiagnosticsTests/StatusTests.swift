import CollectorConfig
import JSONTree
import KubeModel
import Rendering
import TelemetryAPI
import Testing

@testable import Diagnostics

private func pod(_ name: String, _ stamp: String?, hash: String = "5d", deleting: Bool = false) -> KubeObject {
    var metadata: JSONObject = [
        "namespace": "shop", "name": .string(name), "labels": ["pod-template-hash": .string(hash)],
        "ownerReferences": [
            [
                "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": .string("web-\(hash)"), "uid": "u",
                "controller": true,
            ]
        ],
    ]
    if let stamp { metadata["annotations"] = ["swiftlet.opentelemetry.io/injection": .string(stamp)] }
    if deleting { metadata["deletionTimestamp"] = "2026-06-01T12:00:00Z" }
    return KubeObject(["metadata": .object(metadata)])
}

private let injected = #"[{"subject":"java","code":"Injected","containers":["app"]}]"#
private let refused = #"[{"subject":"python","code":"InstrumentationNotFound","message":"make one"}]"#

struct StatusTests {
    @Test func workloadsAreCountedByTheirPods() {
        let report = StatusReport(
            collectors: [],
            pods: [
                pod("a", injected), pod("b", refused), pod("c", nil), pod("d", injected, hash: "6e"),
                pod("e", refused, deleting: true),
            ],
            missed: [MissedWorkload(namespace: "shop", workload: "deployment/old", pods: 2)],
            instrumentations: []
        )
        #expect(
            report.workloads.rows == [
                ["shop", "deployment/web", "java,python", "2", "1", "InstrumentationNotFound (1)"]
            ]
        )
        #expect(report.missed.rows == [["shop", "deployment/old", "2", "WebhookNotAsked"]])
        #expect(report.json["workloads"]?[0]?["notInjected"] == "1")
        #expect(report.text(Paint(false)).contains("Collectors: none\n"))
    }

    @Test func collectorsAndInstrumentations() throws {
        let report = StatusReport(
            collectors: [
                try object("metadata: {namespace: a, name: new}\nspec: {mode: sidecar}"),
                try object(
                    """
                    metadata: {namespace: a, name: c}
                    spec: {mode: deployment, replicas: 2}
                    status: {version: 0.158.0, image: "i:1", scale: {statusReplicas: 1/2},
                      conditions: [{type: Ready, status: "True", reason: Reconciled}]}
                    """
                ),
            ],
            pods: [],
            missed: [],
            instrumentations: [
                try object(
                    """
                    metadata: {namespace: a, name: i}
                    status: {injections: [{language: java, reason: Injected, count: 3, lastTime: "2026-06-01T12:00:00Z"},
                      {language: go, reason: LanguageDisabled, count: 2, lastTime: "2026-06-02T12:00:00Z"}]}
                    """
                )
            ]
        )
        #expect(
            report.collectors.rows == [
                ["a", "c", "deployment", "0.158.0", "1/2", "i:1", "Reconciled"],
                ["a", "new", "sidecar", "", "", "", "not seen by an operator"],
            ]
        )
        #expect(report.instrumentations.rows == [["a", "i", "3", "2", "LanguageDisabled (2)", "2026-06-02T12:00:00Z"]])
    }

    @Test func targetAllocators() throws {
        let report = StatusReport(
            collectors: [],
            targetAllocators: [
                AllocatorFacts(
                    try object(
                        """
                        metadata: {namespace: a, name: shared}
                        spec: {replicas: 2, allocationStrategy: per-node}
                        status: {version: 0.158.0, image: "i:1",
                          conditions: [{type: Ready, status: "True", reason: Reconciled}]}
                        """
                    ),
                    deployment: try object("spec: {replicas: 2}\nstatus: {readyReplicas: 1}"),
                    among: [
                        try object(
                            "metadata: {namespace: a, name: c, labels: {opentelemetry.io/target-allocator: shared}}"
                        ),
                        try object(
                            "metadata: {namespace: b, name: d, labels: {opentelemetry.io/target-allocator: shared}}"
                        ),
                    ]
                ),
                AllocatorFacts(
                    try object(
                        """
                        metadata: {namespace: a, name: c, ownerReferences: [{apiVersion: opentelemetry.io/v1beta1,
                          kind: OpenTelemetryCollector, name: c, uid: u}]}
                        """
                    ),
                    deployment: nil,
                    among: [try object("metadata: {namespace: a, name: c}")]
                ),
            ],
            pods: [],
            missed: [],
            instrumentations: []
        )
        #expect(
            report.targetAllocators.rows == [
                ["a", "c", "consistent-hashing", "", "0/1", "c", "", "not seen by an operator"],
                ["a", "shared", "per-node", "0.158.0", "1/2", "c", "i:1", "Reconciled"],
            ]
        )
        #expect(report.json["targetAllocators"]?[1]?["collectors"] == "c")
        #expect(report.text(Paint(false)).contains("Target allocators\nNAMESPACE"))
    }

    @Test func tablesAlign() {
        var table = Table("T", ["A", "LONG NAME"])
        table.add("value", "")
        table.add("x", "y", "too much")
        #expect(table.text(Paint(false)) == "T\nA      LONG NAME\nvalue  -\nx      y\n")
        #expect(table.json == [["a": "value", "longName": ""], ["a": "x", "longName": "y"]])
    }
}

struct WaitTests {
    @Test func injectionIsWaitedFor() {
        #expect(WaitState.injected([], wanted: 1) == .waiting("there are no pods yet"))
        #expect(WaitState.injected([pod("a", injected)], wanted: 2) == .waiting("1 of 2 pods injected"))
        #expect(WaitState.injected([pod("a", injected), pod("b", injected)], wanted: 2) == .met("2 pods injected"))
        let state = WaitState.injected([pod("a", injected), pod("b", refused)], wanted: 2)
        #expect(state == .waiting("1 of 2 pods injected: pod b: python InstrumentationNotFound: make one"))
        #expect(!WaitState.injected([pod("a", nil)], wanted: 1).isMet)
        #expect(!WaitState.injected([pod("a", injected, deleting: true)], wanted: 0).isMet)
    }

    @Test(arguments: [
        ("{observedGeneration: 2, replicas: 2, readyReplicas: 2, updatedReplicas: 2}", true),
        ("{observedGeneration: 1, replicas: 2, readyReplicas: 2, updatedReplicas: 2}", false),
        ("{observedGeneration: 2, replicas: 3, readyReplicas: 3, updatedReplicas: 2}", false),
        ("{observedGeneration: 2, replicas: 2, readyReplicas: 1, updatedReplicas: 2}", false),
        ("{}", false),
    ])
    func deploymentsRollOut(_ status: String, _ isMet: Bool) throws {
        let deployment = try object(
            "kind: Deployment\nmetadata: {generation: 2}\nspec: {replicas: 2}\nstatus: \(status)"
        )
        #expect(WaitState.ready(deployment, pods: []).isMet == isMet)
    }

    @Test func operatorIsReadyWithoutErrorsOfItsOwn() {
        #expect(WaitState.ready(operatorFindings: [Finding(.error, "CollectorNotReady", "c", "m")]).isMet)
        let state = WaitState.ready(operatorFindings: [Finding(.error, "NoLeader", "Lease", "nobody")])
        #expect(state == .waiting("NoLeader: Lease: nobody"))
    }
}

struct RBACPlanTests {
    private func plan() throws -> RBACPlan {
        let collector = try object(
            """
            metadata: {namespace: a, name: c}
            spec:
              config:
                receivers: {otlp: {}, k8s_events: {}}
                processors: {k8sattributes/x: {}}
                exporters: {debug: {}}
                service: {pipelines: {logs: {receivers: [otlp, k8s_events], processors: [k8sattributes/x], exporters: [debug]}}}
            """
        )
        return try RBACPlan(Collector(collector.json), namespace: "default")
    }

    @Test func everyRuleHasItsComponent() throws {
        let plan = try self.plan()
        #expect(plan.account.description == "a/c-collector")
        #expect(Set(plan.needs.map(\.component)) == ["receivers.k8s_events", "processors.k8sattributes/x"])
        #expect(plan.needs.last?.reason == "finds the pod that telemetry came from, and its owners")
        let role = try #require(plan.collectorObjects.first)
        #expect(role.kind == "ClusterRole")
        let granted = (role.json[array: "rules"] ?? []).flatMap { rule in
            (rule["resources"]?.array ?? []).compactMap(\.string)
        }
        #expect(Set(granted) == Set(plan.needs.flatMap(\.rule.resources)))
    }

    @Test func escalationRule() throws {
        let need = AccessAnswer(AccessCheck(verb: "get", group: "", resource: "pods"), reason: "", isAllowed: false)
        let role = AccessAnswer(
            AccessCheck(verb: "create", group: "r", resource: "clusterroles"),
            reason: "",
            isAllowed: true
        )
        func escalation(_ bind: Bool) -> [AccessAnswer] {
            RBACPlan.escalationChecks.map { AccessAnswer($0, reason: "", isAllowed: $0.verb == "escalate" || bind) }
        }
        #expect(RBACPlan.lacks(roles: [role], needs: [need], escalation: escalation(false)) == [need])
        #expect(RBACPlan.lacks(roles: [role], needs: [need], escalation: escalation(true)) == [])
    }

    @Test func grantedByEither() throws {
        var plan = try self.plan()
        #expect(plan.isGranted)
        plan.accountLacks = plan.checks
        plan.operatorLacks = [AccessAnswer(plan.checks[0], reason: "", isAllowed: false)]
        plan.operatorAccount = ObjectKey(namespace: "ops", name: "o")
        #expect(!plan.isGranted)
        #expect(plan.operatorObjects.map(\.kind) == ["ClusterRole", "ClusterRoleBinding"])
        #expect(plan.table.columns.contains("HELD"))
        plan.operatorLacks = []
        #expect(plan.isGranted)
    }
}

struct TarArchiveTests {
    private let time = Timestamp(seconds: 1_700_000_000)

    @Test func blocksOfAnArchive() {
        let bytes = TarArchive.bytes(of: [BundleFile("a/b", "hello")], time: self.time)
        #expect(bytes.count == 512 + 512 + 1024)
        #expect(String(decoding: bytes[0..<3], as: UTF8.self) == "a/b")
        #expect(String(decoding: bytes[257..<262], as: UTF8.self) == "ustar")
        var header = Array(bytes[0..<512])
        for place in 148..<156 { header[place] = 0x20 }
        let sum = header.reduce(0) { $0 + Int($1) }
        #expect(Int(String(decoding: bytes[148..<154], as: UTF8.self), radix: 8) == sum)
    }

    @Test func longNamesHaveARecord() {
        let name = String(repeating: "x", count: 150)
        let bytes = TarArchive.bytes(of: [BundleFile(name, "")], time: self.time)
        #expect(bytes[156] == UInt8(ascii: "x"))
        #expect(String(decoding: bytes[512..<512 + 161], as: UTF8.self) == "160 path=\(name)\n\0")
    }

    @Test func gzipOfStoredBlocks() {
        let bytes = GzipFile.bytes(storing: Array("123456789".utf8), time: self.time)
        // The check value of CRC-32.
        #expect(bytes.suffix(8) == [0x26, 0x39, 0xF4, 0xCB, 9, 0, 0, 0])
        #expect(bytes[10..<15] == [1, 9, 0, 0xF6, 0xFF])
    }
}
