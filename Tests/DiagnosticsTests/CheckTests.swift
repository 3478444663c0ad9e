import CollectorConfig
import JSONTree
import KubeModel
import Rendering
import Testing
import YAMLTree

@testable import Diagnostics

/// A cluster in which all is well; tests break one thing of it.
func soundFacts() throws -> CheckFacts {
    let bundle = "Q0E="
    var facts = CheckFacts(
        now: try #require(Timestamp("2026-06-01T12:00:00Z")),
        version: "0.1.0",
        serverVersion: KubernetesVersion(major: 1, minor: 30),
        serverText: "v1.30.1"
    )
    let registration = WebhookRegistration(
        endpoint: .service(namespace: "ops", name: "hooks", port: 443),
        caBundle: bundle,
        pods: PodSelection(excludedNamespaces: [])
    )
    facts.mutating = .found(registration.mutatingConfiguration())
    facts.validating = .found(registration.validatingConfiguration())
    var definition = try object(
        """
        metadata: {name: opentelemetrycollectors.opentelemetry.io}
        spec: {versions: [{name: v1beta1, served: true, schema: {openAPIV3Schema: {type: object}}}]}
        status: {conditions: [{type: Established, status: "True"}]}
        """
    )
    definition.json.mutateObject("spec") { $0["conversion"] = .object(registration.conversion()) }
    facts.definitions = [(definition, .found(definition))]
    let dates = CertificateDates(
        name: "CN=x",
        notBefore: try #require(Timestamp("2026-05-01T00:00:00Z")),
        notAfter: try #require(Timestamp("2026-08-01T00:00:00Z"))
    )
    facts.secret = .found(
        ServingSecret(
            key: ObjectKey(namespace: "ops", name: "certs"),
            caBundle: bundle,
            authorities: [dates],
            serving: [dates]
        )
    )
    facts.lease = .found(
        try object(
            """
            metadata: {namespace: ops, name: lease}
            spec: {holderIdentity: a, leaseDurationSeconds: 15, renewTime: "2026-06-01T11:59:58.000000Z"}
            """
        )
    )
    facts.deployments = [
        try object(
            """
            kind: Deployment
            metadata: {namespace: ops, name: operator}
            spec: {replicas: 2, template: {spec: {containers: [{name: manager, image: "swiftlet:1"}]}}}
            status: {readyReplicas: 2}
            """
        )
    ]
    facts.podProbe = .created(["metadata": ["annotations": ["swiftlet.opentelemetry.io/injection": "[]"]]])
    facts.collectorProbe = .created(["spec": ["config": ["service": ["telemetry": [:]]]]])
    facts.conversionProbe = .created([:])
    facts.missed = .found([])
    return facts
}

func object(_ yaml: String) throws -> KubeObject {
    KubeObject(try #require(try YAMLReader.document(in: yaml).object))
}

struct CheckTests {
    private static func codes(_ facts: CheckFacts, _ severity: Finding.Severity = .error) -> [String] {
        Check.after(facts).filter { $0.severity == severity }.map(\.code)
    }

    @Test func nothingIsWrongWithASoundCluster() throws {
        let findings = Check.after(try soundFacts())
        #expect(findings.filter { $0.severity != .ok }.map(\.code) == [])
        #expect(
            Set(findings.map(\.code)).isSuperset(of: ["Leader", "CABundleMatches", "PodWebhookCalled", "CRDReady"])
        )
    }

    @Test func nobodyGrantsWhatHeLacks() throws {
        var facts = try soundFacts()
        let check = AccessCheck(verb: "list", group: "", resource: "pods")
        facts.grants = [
            AccessAnswer(check, reason: "injection", isAllowed: false),
            AccessAnswer(AccessCheck(verb: "get", group: "", resource: "pods"), reason: "injection", isAllowed: true),
        ]
        let finding = try #require(Check.before(facts).first { $0.code == "InstallerGrantMissing" })
        #expect(finding.severity == .error && finding.message.contains("lacks 1 of the 2"))
        #expect(finding.message.hasSuffix("list pods"))
        facts.grants[0].isAllowed = true
        #expect(!Check.before(facts).contains { $0.code == "InstallerGrantMissing" })
    }

    @Test func replicasOfTwoImages() throws {
        var facts = try soundFacts()
        func pod(_ name: String, _ image: String) throws -> KubeObject {
            try object(
                """
                metadata: {namespace: ops, name: \(name)}
                status: {containerStatuses: [{name: manager, imageID: "\(image)"}, {name: proxy, imageID: "proxy@1"}]}
                """
            )
        }
        facts.pods = [try pod("a", "swiftlet@1"), try pod("b", "swiftlet@1")]
        #expect(Self.codes(facts, .warning) == [])
        facts.pods = [try pod("a", "swiftlet@1"), try pod("b", "swiftlet@2")]
        #expect(Self.codes(facts, .warning) == ["OperatorImagesDiffer"])
        let finding = try #require(Check.after(facts).first { $0.code == "OperatorImagesDiffer" })
        #expect(finding.message.hasSuffix("a: swiftlet@1, b: swiftlet@2"))
    }

    @Test(arguments: [
        ("args: [--watch-namespace=b]", "CollectorNotWatched", Finding.Severity.warning),
        ("env: [{name: WATCH_NAMESPACE, value: 'b,c'}]", "CollectorNotWatched", .warning),
        (
            "env: [{name: WATCH_NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}]",
            "CollectorNotWatched", .warning
        ),
        ("args: [--watch-namespace=a]", "CollectorNotSeen", .error),
        ("args: []", "CollectorNotSeen", .error),
    ])
    func collectorsElsewhere(_ started: String, _ code: String, _ severity: Finding.Severity) throws {
        var facts = try soundFacts()
        facts.deployments = [
            try object(
                """
                metadata: {namespace: ops, name: operator}
                spec: {replicas: 1, template: {spec: {containers: [{name: manager, image: "swiftlet:1", \(started)}]}}}
                status: {readyReplicas: 1}
                """
            )
        ]
        facts.collectors = [
            CollectorFacts(try object("metadata: {namespace: a, name: c}\nspec: {}"), pods: [], events: [])
        ]
        #expect(Self.codes(facts, severity).filter { $0.hasPrefix("Collector") } == [code])
    }

    @Test(arguments: [
        (KubernetesVersion(major: 1, minor: 19), "ServerTooOld"),
        (KubernetesVersion(major: 1, minor: 20), "ServerSupported"),
        (KubernetesVersion(major: 1, minor: 36), "ServerSupported"),
        (KubernetesVersion(major: 1, minor: 37), "ServerNewerThanTested"),
    ])
    func serverVersions(_ version: KubernetesVersion, _ code: String) throws {
        var facts = try soundFacts()
        facts.serverVersion = version
        #expect(Check.before(facts).first?.code == code)
    }

    @Test func definitionsAreMissingOrOld() throws {
        var facts = try soundFacts()
        facts.definitions[0].live = .absent
        #expect(Self.codes(facts) == ["CRDMissing"])

        facts = try soundFacts()
        var other = try #require(facts.definitions[0].live.value)
        other.json.mutateObject("spec") { spec in
            spec["versions"] = [["name": "v1beta1", "served": true, "schema": ["openAPIV3Schema": ["type": "string"]]]]
        }
        facts.definitions[0].live = .found(other)
        #expect(Self.codes(facts, .warning) == ["CRDOfOtherVersion"])

        other.json["status"] = ["conditions": []]
        facts.definitions[0].live = .found(other)
        #expect(Self.codes(facts) == ["CRDNotEstablished"])

        facts = try soundFacts()
        var stale = try #require(facts.definitions[0].live.value)
        stale.json.mutateObject("spec") { $0["conversion"] = ["strategy": "None"] }
        facts.definitions[0].live = .found(stale)
        #expect(Self.codes(facts) == ["ConversionMissing"])
    }

    @Test func webhooksAreAbsentEmptyOrIncomplete() throws {
        var facts = try soundFacts()
        facts.mutating = .absent
        #expect(Self.codes(facts) == ["WebhooksMissing"])
        var live = try #require(try soundFacts().mutating.value)
        live.json["webhooks"] = []
        facts.mutating = .found(live)
        #expect(Self.codes(facts) == ["WebhooksEmpty"])
        live = try #require(try soundFacts().mutating.value)
        live.json["webhooks"] = .array((live.json[array: "webhooks"] ?? []).dropLast())
        facts.mutating = .found(live)
        let finding = try #require(Check.after(facts).first { $0.code == "WebhooksIncomplete" })
        #expect(finding.message.contains("mpod.kb.io"))
    }

    @Test func authorityOfAnotherIsNamed() throws {
        var facts = try soundFacts()
        var secret = try #require(facts.secret.value)
        secret.caBundle = "T1RIRVI="
        facts.secret = .found(secret)
        #expect(Self.codes(facts) == ["CABundleMismatch"])
    }

    @Test(arguments: [
        ("2026-06-01T11:59:59Z", "CertificateExpired", Finding.Severity.error),
        ("2026-06-01T12:00:00Z", "CertificateExpired", .error),
        ("2026-06-03T12:00:00Z", "CertificateExpiresSoon", .warning),
        ("2026-06-05T12:00:00Z", "CertificateValid", .ok),
    ])
    func certificatesEnd(_ end: String, _ code: String, _ severity: Finding.Severity) throws {
        var facts = try soundFacts()
        var secret = try #require(facts.secret.value)
        secret.serving[0].notAfter = try #require(Timestamp(end))
        facts.secret = .found(secret)
        let finding = try #require(Check.after(facts).first { $0.message.contains("serving certificate") })
        #expect(finding.code == code)
        #expect(finding.severity == severity)
    }

    @Test(arguments: [
        (#"{holderIdentity: "", renewTime: "2026-06-01T11:59:58Z", leaseDurationSeconds: 1}"#, "NoLeader"),
        (#"{holderIdentity: a, renewTime: "2026-06-01T11:59:00Z", leaseDurationSeconds: 15}"#, "NoLeader"),
        (#"{holderIdentity: a, leaseDurationSeconds: 15}"#, "NoLeader"),
        (#"{holderIdentity: a, renewTime: "2026-06-01T11:59:41Z", leaseDurationSeconds: 15}"#, "Leader"),
        (#"{holderIdentity: a, renewTime: "2026-06-01T11:58:30Z", leaseDurationSeconds: 137}"#, "Leader"),
    ])
    func leaders(_ spec: String, _ code: String) throws {
        var facts = try soundFacts()
        facts.lease = .found(try object("metadata: {namespace: ops, name: lease}\nspec: \(spec)"))
        #expect(Check.lease(facts).map(\.code) == [code])
    }

    @Test(arguments: [
        (
            "failed calling webhook \"m\": Post \"https://h\": x509: certificate signed by unknown authority",
            "WebhookNotTrusted"
        ),
        (
            "failed calling webhook \"m\": x509: certificate has expired or is not yet valid",
            "WebhookCertificateExpired"
        ),
        ("failed calling webhook \"m\": dial tcp 10.0.0.1:443: connect: connection refused", "WebhookUnreachable"),
        ("failed calling webhook \"m\": no endpoints available for service \"hooks\"", "WebhookUnreachable"),
        ("failed calling webhook \"m\": context deadline exceeded", "WebhookUnreachable"),
        ("failed calling webhook \"m\": the server rejected our request", "WebhookFails"),
        ("exceeded quota", "ProbeRefused"),
    ])
    func refusedProbesSayWhy(_ message: String, _ code: String) throws {
        var facts = try soundFacts()
        facts.collectorProbe = .refused(message)
        facts.conversionProbe = .refused(message)
        // The pod webhook fails open: nothing is refused, and nothing is injected.
        facts.podProbe = .created(["metadata": [:]])
        let findings = Check.probes(facts)
        #expect(findings.map(\.code) == [code, "PodWebhookNotCalled"])
        #expect(findings[1].message.contains(message))
    }

    @Test func probesThatNobodyAnswered() throws {
        var facts = try soundFacts()
        facts.collectorProbe = .created(["spec": ["config": ["service": [:]]]])
        #expect(Self.codes(facts) == ["CollectorWebhookNotCalled"])
        facts.podProbe = .refused("pods \"swiftlet-check\" is forbidden: exceeded quota")
        #expect(Self.codes(facts, .warning) == ["PodProbeRefused"])
    }

    @Test func operatorIsMissingOrNotReady() throws {
        var facts = try soundFacts()
        facts.deployments = []
        #expect(Self.codes(facts) == ["OperatorMissing"])
        facts = try soundFacts()
        facts.deployments[0].json["status"] = ["readyReplicas": 0]
        facts.pods = [
            try object(
                """
                metadata: {namespace: ops, name: operator-1}
                status:
                  phase: Pending
                  containerStatuses:
                  - {name: manager, ready: false, state: {waiting: {reason: ImagePullBackOff, message: no such image}}}
                """
            )
        ]
        let finding = try #require(Check.after(facts).first { $0.code == "OperatorNotReady" })
        #expect(finding.severity == .error)
        #expect(finding.message.contains("container manager ImagePullBackOff (no such image)"))
    }

    @Test func permissionsThatAreMissingAreGrouped() throws {
        var facts = try soundFacts()
        facts.operatorAccountName = "ServiceAccount ops/operator"
        let checks = AccessCheck.checks(for: [PolicyRule("apps", ["deployments"], ["get", "patch", "list"])])
        facts.operatorAccount = checks.map { AccessAnswer($0, reason: "renders them", isAllowed: $0.verb == "get") }
        let missing = Check.after(facts).filter { $0.code == "OperatorPermissionMissing" }
        #expect(missing.map(\.message) == ["may not patch, list apps/deployments: renders them"])
        facts.operatorAccount = checks.map { AccessAnswer($0, reason: "", isAllowed: nil) }
        #expect(Self.codes(facts, .warning) == ["PermissionsUnknown"])
    }

    @Test func findingsAsTextAndJSON() {
        let findings = [
            Finding(.ok, "A", "x", "well"), Finding(.error, "Broken", "y", "not well", remedy: "mend it"),
        ]
        #expect(
            findings.text(Paint(false)) == """
                OK       A       x: well
                ERROR    Broken  y: not well
                         -> mend it
                1 errors, 0 warnings, 1 ok

                """
        )
        #expect(!findings.text(Paint(false), problemsOnly: true).contains("well\nERROR"))
        #expect(findings.text(Paint(true)).contains("\u{1B}[31mERROR"))
        #expect(findings.json["result"] == "error")
        #expect(findings.json[array: "findings"]?[1]["remedy"] == "mend it")
    }
}

struct CollectorCheckTests {
    private static let pod = """
        metadata: {namespace: a, name: c-collector-1}
        status: {phase: Running, containerStatuses: [{name: otc-container, ready: false, restartCount: 4,
          state: {waiting: {reason: CrashLoopBackOff}}, lastState: {terminated: {exitCode: 1, reason: Error}}}]}
        """

    @Test(arguments: [
        ("{}", "CollectorNotSeen"),
        (
            "{version: 1.0.0, conditions: [{type: Ready, status: 'False', reason: ReconcileError, message: no}]}",
            "CollectorNotReconciled"
        ),
        ("{version: 1.0.0, scale: {statusReplicas: 0/1}}", "CollectorNotReady"),
    ])
    func why(_ status: String, _ code: String) throws {
        let collector = try object("metadata: {namespace: a, name: c}\nspec: {replicas: 1}\nstatus: \(status)")
        let finding = try #require(Check.collector(CollectorFacts(collector, pods: [try object(Self.pod)], events: [])))
        #expect(finding.code == code)
        if code == "CollectorNotReady" {
            #expect(finding.message.contains("container otc-container CrashLoopBackOff (exit code 1, Error)"))
        }
    }

    @Test(arguments: [
        "spec: {replicas: 1}\nstatus: {version: 1.0.0, scale: {statusReplicas: 1/1}}",
        "spec: {managementState: unmanaged}", "spec: {mode: sidecar}\nstatus: {version: 1.0.0}",
    ])
    func well(_ text: String) throws {
        let collector = try object("metadata: {namespace: a, name: c}\n" + text)
        #expect(Check.collector(CollectorFacts(collector, pods: [], events: [])) == nil)
    }

    @Test func eventsTell() throws {
        let collector = try object(
            "metadata: {namespace: a, name: c}\nspec: {replicas: 1}\nstatus: {version: 1.0.0, scale: {statusReplicas: 0/1}}"
        )
        let event = try object("reason: FailedCreate\nmessage: exceeded quota\ninvolvedObject: {name: c-collector-5d}")
        let finding = Check.collector(CollectorFacts(collector, pods: [], events: [event]))
        #expect(finding?.message.contains("event FailedCreate of c-collector-5d: exceeded quota") == true)
    }
}

struct TargetAllocatorCheckTests {
    private static let pod = """
        metadata: {namespace: a, name: shared-targetallocator-1}
        status: {phase: Running, containerStatuses: [{name: ta-container, ready: false, state: {running: {}}}]}
        """
    private static let ready = "observedGeneration: 1, conditions: [{type: Ready, status: 'True', reason: Reconciled}"

    private func facts(_ rest: String, readyReplicas: Int?, collector: String? = "shared") throws -> AllocatorFacts {
        var deployment: KubeObject?
        if let readyReplicas {
            deployment = try object(
                "metadata: {namespace: a, name: shared-targetallocator}\nstatus: {readyReplicas: \(readyReplicas)}"
            )
        }
        var facts = AllocatorFacts(
            try object("metadata: {namespace: a, name: shared, generation: 1}\n" + rest),
            deployment: deployment,
            among: try collector.map {
                [try object("metadata: {namespace: a, name: c, labels: {opentelemetry.io/target-allocator: \($0)}}")]
            } ?? []
        )
        facts.pods = [try object(Self.pod)]
        return facts
    }

    @Test(
        arguments: [
            ("status: {}", nil, "TargetAllocatorNotSeen", "no operator"),
            ("status: {\(ready)]}", nil, "TargetAllocatorNotSeen", "no operator"),
            ("spec: {replicas: 1}", 1, "TargetAllocatorNotSeen", "no operator"),
            (
                "status: {conditions: [{type: Ready, status: 'False', reason: ReconcileError, message: two collectors}]}",
                1,
                "TargetAllocatorNotReconciled", "ReconcileError: two collectors"
            ),
            (
                "status: {\(ready)]}", 0, "TargetAllocatorNotReady",
                "0 of 1 pods ready: pod shared-targetallocator-1: container ta-container NotReady"
            ), ("spec: {replicas: 3}\nstatus: {\(ready)]}", 2, "TargetAllocatorNotReady", "2 of 3 pods ready"),
            (
                "status: {\(ready), {type: ConfigurationWarning, status: 'True', reason: X, message: it has nothing}]}",
                0,
                "TargetAllocatorNotReady", "0 of 1 pods ready; it has nothing: pod"
            ),
        ] as [(String, Int?, String, String)]
    )
    func why(_ rest: String, _ readyReplicas: Int?, _ code: String, _ message: String) throws {
        let facts = try self.facts(rest, readyReplicas: readyReplicas)
        let finding = try #require(Check.targetAllocator(facts))
        #expect(finding.code == code && finding.severity == .error)
        #expect(finding.subject == "TargetAllocator a/shared")
        #expect(finding.message.contains(message), "\(finding.message)")
        #expect(WaitState.ready(targetAllocator: facts) == .waiting(finding.message))
    }

    @Test func whatItsAccountLacks() throws {
        var facts = try self.facts("status: {\(Self.ready)]}", readyReplicas: 0)
        facts.missingRights = ["missing the following rules for x - pods: [list]"]
        let finding = try #require(Check.targetAllocator(facts))
        #expect(finding.message.contains("; missing the following rules for x - pods: [list]: pod "))
        #expect(finding.remedy.hasPrefix("grant"))
    }

    @Test func isWaitedForUntilItsNewestGeneration() throws {
        let facts = try self.facts("status: {\(Self.ready)]}", readyReplicas: 1)
        #expect(WaitState.ready(targetAllocator: facts) == .met("1/1 pods ready"))
        var newer = facts
        newer.resource.json.mutateObject("metadata") { $0["generation"] = 2 }
        #expect(!WaitState.ready(targetAllocator: newer).isMet)
    }

    @Test(arguments: [
        ("spec: {managementState: unmanaged}", "other", [] as [String], []),
        ("status: {\(ready)]}", "shared", ["Probe"], ["TargetAllocatorsReady"]),
        ("status: {\(ready)]}", "other", [], ["TargetAllocatorUnused", "TargetAllocatorsReady"]),
        (
            "spec: {prometheusCR: {enabled: true, probeSelector: {}}}\nstatus: {\(ready)]}", "shared", ["Probe"],
            ["PrometheusKindsMissing", "TargetAllocatorsReady"]
        ),
        (
            "spec: {prometheusCR: {enabled: true, podMonitorSelector: {}}}\nstatus: {\(ready)]}", "shared", ["Probe"],
            ["TargetAllocatorsReady"]
        ),
        (
            "spec: {prometheusCR: {enabled: false, probeSelector: {}}}\nstatus: {\(ready)]}", "shared", ["Probe"],
            ["TargetAllocatorsReady"]
        ), ("status: {}", "shared", [], ["TargetAllocatorNotSeen"]),
    ])
    func findings(_ rest: String, _ named: String, _ missing: [String], _ codes: [String]) throws {
        var facts = try soundFacts()
        facts.targetAllocators = [try self.facts(rest, readyReplicas: 1, collector: named)]
        facts.missingPrometheusKinds = Set(missing)
        let found = Check.after(facts).map(\.code).filter { $0.contains("Allocator") || $0.contains("Prometheus") }
        // An unmanaged one counts as ready, as it is nobody's business.
        #expect(found.sorted() == (rest.contains("unmanaged") ? ["TargetAllocatorsReady"] : codes))
    }

    @Test func elsewhereItIsAnotherOperators() throws {
        var facts = try soundFacts()
        facts.deployments = [
            try object(
                """
                kind: Deployment
                metadata: {namespace: ops, name: operator}
                spec: {template: {spec: {containers: [{name: manager, args: [--watch-namespace=b]}]}}}
                status: {readyReplicas: 1}
                """
            )
        ]
        facts.targetAllocators = [try self.facts("status: {}", readyReplicas: nil)]
        let codes = Check.after(facts).map(\.code)
        #expect(codes.contains("TargetAllocatorNotWatched") && !codes.contains("TargetAllocatorNotSeen"))
    }
}
