import JSONTree
import KubeModel
import Rendering
import TelemetryAPI
import Testing

/// Questions about permissions, and what is said of the answers (specification sections 2.3 to 2.5).
struct AccessCheckTests {
    static let config =
        "config: {receivers: {k8s_events: {}, kubeletstats: {}, prometheus: {}}, exporters: {debug: {}}, service: {pipelines: {l: {receivers: [k8s_events, kubeletstats], exporters: [debug]}}}}"

    private func collector(_ spec: String = "") throws -> Collector {
        try Collector.yaml("spec:\n  \(Self.config)\n  \(spec)")
    }

    @Test func grants() throws {
        let collector = try self.collector()
        let grants = try AccessCheck.grants(of: collector, facts: ClusterFacts())
        #expect(
            grants.map { "\($0.verb) \($0.item)" } == ["get events", "list events", "watch events", "get nodes/stats"]
        )
        #expect(grants.last?.resource == "nodes" && grants.last?.subresource == "stats")
        #expect(try AccessCheck.grants(of: collector, facts: ClusterFacts(rbacCreation: false)) == [])
        #expect(AccessCheck.serviceAccount(of: collector) == "system:serviceaccount:default:simplest-collector")
        #expect(
            AccessCheck.escalation(user: "u", missing: grants)
                == "user \"u\" is not allowed to create a collector whose config would grant permissions they do not hold: events: [get list watch]; nodes/stats: [get]"
        )
    }

    @Test func allGrantsOfOneThingAreAskedOnce() throws {
        let collector = try Collector.yaml(
            "spec: {config: {receivers: {k8s_events: {}, k8s_events/2: {}}, exporters: {}, service: {pipelines: {l: {receivers: [k8s_events, k8s_events/2], exporters: []}}}}}"
        )
        #expect(try AccessCheck.grants(of: collector, facts: ClusterFacts()).count == 3)
    }

    /// Warnings of a collector's own account: only where the operator creates no roles, and the account is the user's.
    @Test(arguments: [(false, "serviceAccount: own", true), (true, "serviceAccount: own", false), (false, "", false)])
    func ownAccount(_ createsRoles: Bool, _ spec: String, _ isAsked: Bool) throws {
        let needs = try AccountNeeds.of(self.collector(spec), facts: ClusterFacts(rbacCreation: createsRoles))
        guard isAsked else {
            #expect(needs == [])
            return
        }
        let account = try #require(needs.first)
        #expect(needs.count == 1)
        #expect(account.user == "system:serviceaccount:default:own")
        #expect(account.groups.contains("system:serviceaccounts:default"))
        #expect(
            account.warnings(missing: account.checks) == [
                "RBAC rules are missing: missing the following rules for system:serviceaccount:default:own - events: [get list watch]",
                "RBAC rules are missing: missing the following rules for system:serviceaccount:default:own - nodes/stats: [get]",
            ]
        )
        #expect(account.warnings(missing: []) == [])
        #expect(
            account.warning(unanswered: "boom")
                == "cannot find out what system:serviceaccount:default:own may do: boom"
        )
    }

    @Test func anAccountThatNeedsNothingIsNotAskedAbout() throws {
        let collector = try Collector.otlp("  serviceAccount: own")
        #expect(try AccountNeeds.of(collector, facts: ClusterFacts(rbacCreation: false)) == [])
    }

    /// Warnings of the target allocator's account: modes that have one, with `prometheusCR`, where the kind is served.
    @Test(
        arguments: [
            (
                "mode: statefulset\n  targetAllocator: {enabled: true, prometheusCR: {enabled: true}}",
                "simplest-targetallocator"
            ),
            (
                "mode: daemonset\n  targetAllocator: {enabled: true, serviceAccount: own, prometheusCR: {enabled: true}}",
                "own"
            ), ("mode: statefulset\n  targetAllocator: {enabled: true}", nil),
            ("mode: statefulset\n  targetAllocator: {prometheusCR: {enabled: true}}", nil),
            ("targetAllocator: {enabled: true, prometheusCR: {enabled: true}}", nil),
        ] as [(String, String?)]
    )
    func targetAllocator(_ spec: String, _ name: String?) throws {
        let needs = try AccountNeeds.of(self.collector(spec), facts: ClusterFacts(targetAllocators: true))
        #expect(needs.map(\.user) == (name.map { ["system:serviceaccount:default:\($0)"] } ?? []))
        #expect(try AccountNeeds.of(self.collector(spec), facts: ClusterFacts(targetAllocators: false)) == [])
        guard let account = needs.first, let name else { return }
        let lines = account.warnings(missing: account.checks)
        let start = "missing the following rules for system:serviceaccount:default:\(name) - "
        #expect(
            lines
                == [
                    "monitoring.coreos.com/servicemonitors: [*]", "monitoring.coreos.com/podmonitors: [*]",
                    "nodes: [get list watch]", "nodes/metrics: [get list watch]", "services: [get list watch]",
                    "endpoints: [get list watch]", "pods: [get list watch]", "namespaces: [get list watch]",
                    "configmaps: [get]", "discovery.k8s.io/endpointslices: [get list watch]",
                    "networking.k8s.io/ingresses: [get list watch]", "nonResourceURL: /metrics: [get]",
                    "nonResourceURL: /api: [get]", "nonResourceURL: /api/*: [get]", "nonResourceURL: /apis: [get]",
                    "nonResourceURL: /apis/*: [get]",
                ].map { start + $0 }
        )
    }

    @Test func aConfigurationOfTheWrongShapeCanNotBeAskedAbout() {
        let collector = Collector([
            "metadata": ["name": "x"], "spec": ["serviceAccount": "own", "config": ["receivers": []]],
        ])
        #expect(throws: PlanError.self) { try AccountNeeds.of(collector, facts: ClusterFacts(rbacCreation: false)) }
    }
}
