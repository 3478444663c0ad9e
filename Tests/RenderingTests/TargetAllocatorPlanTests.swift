import JSONTree
import KubeModel
import TelemetryAPI
import Testing
import YAMLTree

@testable import Rendering

/// What the golden files of target allocators don't show: errors, warnings, status.
struct TargetAllocatorPlanTests {
    private func inputs(
        _ spec: String = "{}",
        owner: String? = nil,
        collectors: [String] = [],
        facts: ClusterFacts = ClusterFacts()
    ) throws -> TargetAllocatorInputs {
        var resource = try TargetAllocatorResource.yaml("metadata: {name: ta, namespace: ns, uid: u}\nspec: \(spec)")
        if let owner {
            resource.json.mutateObject("metadata") {
                $0["ownerReferences"] = [
                    [
                        "apiVersion": "opentelemetry.io/v1beta1", "kind": "OpenTelemetryCollector",
                        "name": .string(owner),
                        "uid": "c", "controller": true,
                    ]
                ]
            }
        }
        return TargetAllocatorInputs(
            resource: resource,
            facts: facts,
            collectors: try collectors.map { text in
                Collector(try #require(try YAMLReader.document(in: Array(text.utf8)).object))
            }
        )
    }

    private static func collector(
        _ name: String,
        label: String = "ta",
        receiver: String = "{}",
        named: String = "prometheus"
    ) -> String {
        """
        metadata: {name: \(name), namespace: ns, labels: {opentelemetry.io/target-allocator: \(label)}}
        spec: {mode: statefulset, config: {receivers: {\(named): \(receiver)}, exporters: {}, service: {pipelines: {}}}}
        """
    }

    private func error(_ inputs: TargetAllocatorInputs) -> PlanError? {
        do throws(PlanError) {
            _ = try plan(inputs)
            return nil
        } catch {
            return error
        }
    }

    // MARK: Whose targets

    @Test func oneCollectorCanNameIt() throws {
        let two = [Self.collector("a"), Self.collector("b"), Self.collector("c", label: "other")]
        #expect(try self.inputs(collectors: [two[0], two[2]]).collector()?.name == "a")
        #expect(try self.inputs(collectors: [two[2]]).collector() == nil)
        let error = try #require(self.error(self.inputs(collectors: two)))
        #expect(error.code == .severalCollectors)
        #expect(
            "\(error)".contains(
                "found multiple OpenTelemetry collectors annotated with the same Target Allocator: ns/ta"
            )
        )
    }

    @Test func itsOwnerWinsOverLabels() throws {
        let all = [Self.collector("a"), Self.collector("b"), Self.collector("own", label: "other")]
        #expect(try self.inputs(owner: "own", collectors: all).collector()?.name == "own")
        let error = try #require(self.error(self.inputs(owner: "gone", collectors: all)))
        #expect(error.code == .missingCollector)
        #expect("\(error)".contains("\"gone\"") && "\(error)".contains("\"ns\""))
    }

    // MARK: The receiver

    @Test(arguments: [
        ("{config: [], x: 1}", "spec.config.receivers.prometheus.config: config property in the configuration"),
        (
            "{config: {scrape_configs: {}}}",
            "prometheus.config.scrape_configs: scrape_configs must be a list in the config"
        ),
        ("{config: {scrape_configs: [x]}}", "scrape_configs[0]: scrape_config property in the configuration"),
        (
            "{config: {scrape_configs: [{job_name: a}, {relabel_configs: [{}, {replacement: 1}]}]}}",
            "scrape_configs[1].relabel_configs[1].replacement: it must be a string; put it in quotes"
        ),
        (
            "{config: {scrape_configs: [{metric_relabel_configs: [{replacement: true}]}]}}",
            "scrape_configs[0].metric_relabel_configs[0].replacement: it must be a string"
        ),
    ])
    func receiversOfTheWrongShape(_ receiver: String, _ message: String) throws {
        let error = try #require(self.error(self.inputs(collectors: [Self.collector("a", receiver: receiver)])))
        #expect(error.code == .invalidConfiguration)
        #expect("\(error)".contains(message), "\(error)")
    }

    @Test func withoutTheReceiver() throws {
        let error = try #require(self.error(self.inputs(collectors: [Self.collector("a", named: "prometheus/a")])))
        #expect("\(error)".contains("OpenTelemetryCollector a: spec.config.receivers"))
        #expect("\(error)".contains("no prometheus available as part of the configuration"))
    }

    // MARK: Warnings

    @Test(
        arguments: [
            ("{}", "it has nothing to hand out and will not start"),
            ("{prometheusCR: {enabled: true}}", "enabled without a selector"),
            ("{prometheusCR: {enabled: true, probeSelector: {}}}", nil),
            ("{scrapeConfigs: [{job_name: a}]}", nil),
            ("{scrapeConfigs: [{job_name: a}], prometheusCR: {enabled: true}}", nil),
            (
                "{scrapeConfigs: [{job_name: a}], observability: {metrics: {enableMetrics: true}}}",
                "spec.observability.metrics.enableMetrics has no effect"
            ),
        ] as [(String, String?)]
    )
    func warnings(_ spec: String, _ warning: String?) throws {
        let warnings = try plan(self.inputs(spec)).warnings
        #expect(warnings.count == (warning == nil ? 0 : 1))
        #expect(warning.map { warnings.first?.contains($0) == true } ?? true, "\(warnings)")
    }

    @Test func nothingIsWantedOfAnUnmanagedOne() throws {
        let plan = try plan(self.inputs("{managementState: unmanaged, mtls: {enabled: true}}"))
        #expect(!plan.isManaged && plan.apply.isEmpty && plan.prune.isEmpty)
        let resource = try self.inputs("{managementState: unmanaged, mtls: {enabled: true}}").resource
        #expect(!MutualTLSSecrets.areOurs(resource, ClusterFacts()))
    }

    @Test(arguments: [
        ("{}", false, false), ("{mtls: {enabled: false}}", false, false), ("{mtls: {enabled: true}}", false, true),
        ("{mtls: {enabled: true, useCertManager: true}}", false, true), ("{mtls: {enabled: true}}", true, false),
        ("{mtls: {enabled: true, useCertManager: false}}", false, false),
    ])
    func whoIssues(_ spec: String, _ certManager: Bool, _ isOurs: Bool) throws {
        let inputs = try self.inputs(spec, facts: ClusterFacts(certManager: certManager))
        #expect(MutualTLSSecrets.areOurs(inputs.resource, inputs.facts) == isOurs)
        let kinds = Set(try plan(inputs).apply.map(\.kind))
        #expect(kinds.contains("Certificate") == (certManager && spec.contains("enabled: true")))
    }

    // MARK: Status

    private func status(
        _ resource: TargetAllocatorResource,
        _ outcome: StatusInputs.Outcome,
        warnings: [String] = [],
        image: String? = "i:1",
        now: String = "2026-06-01T12:00:00Z"
    ) -> TargetAllocatorStatus {
        targetAllocatorStatus(resource, OperatorSettings(), outcome, image: image, warnings: warnings, now: now)
    }

    @Test func statusOfSuccess() throws {
        var resource = try self.inputs().resource
        resource.json.mutateObject("metadata") { $0["generation"] = 3 }
        let status = self.status(resource, .applied, warnings: ["one", "two"])
        #expect(status.version == OperatorSettings().versions.targetAllocator)
        #expect(status.image == "i:1" && status.observedGeneration == 3)
        #expect(status.conditions.map(\.type) == ["Ready", "ConfigurationWarning"])
        #expect(status.conditions.map(\.status) == [.true, .true])
        #expect(status.conditions.last?.message.contains("one") == true)
        // Nothing new: nothing changes, the times neither.
        resource.status = status
        #expect(self.status(resource, .applied, warnings: ["one", "two"], now: "2027-01-01T00:00:00Z") == status)
    }

    /// Of an image of the user's own nobody knows the version; a failure leaves what was observed before.
    @Test func statusOfOwnImagesAndFailures() throws {
        var resource = try self.inputs("{image: 'mine:2'}").resource
        #expect(self.status(resource, .applied, image: "mine:2").version == nil)
        resource.status = self.status(resource, .applied, image: "mine:2")
        let failed = self.status(resource, .failed("two collectors"), image: nil)
        #expect(failed.image == "mine:2")
        let ready = try #require(failed.conditions.first { $0.type == "Ready" })
        #expect(ready.status == .false && ready.reason == "ReconcileError" && ready.message == "two collectors")
    }
}

/// `TargetAllocator` at admission (specification section 2.7).
struct TargetAllocatorValidationTests {
    @Test(arguments: [
        ("{}", []), ("null", []),
        (
            "{prometheusCR: {enabled: true, allowNamespaces: [a], denyNamespaces: [b]}}",
            ["spec.prometheusCR.denyNamespaces: allowNamespaces and denyNamespaces are mutually exclusive"]
        ),
        (
            "{prometheusCR: {allowNamespaces: [a], denyNamespaces: [b]}}",
            ["spec.prometheusCR.denyNamespaces: allowNamespaces and denyNamespaces are mutually exclusive"]
        ), ("{prometheusCR: {enabled: true, allowNamespaces: [a], denyNamespaces: []}}", []),
        ("{mtls: {enabled: true}}", []), ("{mtls: {enabled: true, useCertManager: true}}", []),
        ("{mtls: {enabled: false, useCertManager: false}}", []),
        (
            "{mtls: {enabled: true, useCertManager: false}}",
            [
                "spec.mtls.tls: mTLS is enabled with useCertManager set to false; tls.serverCertificate and tls.clientCertificate must both be set",
                "spec.mtls.tls.certificateAuthorityCertificate: mTLS is enabled with useCertManager set to false; tls.certificateAuthorityCertificate must be set",
            ]
        ),
        (
            "{mtls: {enabled: true, useCertManager: false, tls: {serverCertificate: {}, certificateAuthorityCertificate: {secret: {}}}}}",
            [
                "spec.mtls.tls: mTLS is enabled with useCertManager set to false; tls.serverCertificate and tls.clientCertificate must both be set"
            ]
        ),
        (
            "{mtls: {enabled: true, useCertManager: false, tls: {serverCertificate: {}, clientCertificate: {}, certificateAuthorityCertificate: {}}}}",
            [
                "spec.mtls.tls.certificateAuthorityCertificate: tls.certificateAuthorityCertificate must set exactly one of secret or configMap"
            ]
        ),
        (
            "{mtls: {enabled: true, useCertManager: false, tls: {serverCertificate: {}, clientCertificate: {}, certificateAuthorityCertificate: {secret: {}, configMap: {}}}}}",
            [
                "spec.mtls.tls.certificateAuthorityCertificate: tls.certificateAuthorityCertificate must set exactly one of secret or configMap"
            ]
        ),
    ])
    func errors(_ spec: String, _ errors: [String]) throws {
        let resource = try TargetAllocatorResource.yaml("metadata: {name: ta, namespace: ns}\nspec: \(spec)")
        #expect(validateTargetAllocator(resource).errors.map { "\($0.path): \($0.message)" } == errors)
    }

    /// In the words of collectors' ports.
    @Test(arguments: ["{name: much-too-long-for-a-port, port: 1}", "{name: a, port: 0}", "{name: A_B, port: 65536}"])
    func ports(_ port: String) throws {
        let resource = try TargetAllocatorResource.yaml("metadata: {name: ta}\nspec: {ports: [\(port)]}")
        let collector = try Collector.otlp("  ports: [\(port)]")
        let own = validateTargetAllocator(resource).errors
        let collectors = validateCollector(collector, old: nil, settings: OperatorSettings(), facts: ClusterFacts())
            .errors
        #expect(!own.isEmpty)
        #expect(
            own.allSatisfy { issue in collectors.contains { $0.path == issue.path && $0.message == issue.message } }
        )
    }

    /// Only one that reads Prometheus' resources is asked about, with its account; at admission only one of its own.
    @Test func accounts() throws {
        func needs(_ text: String, evenIfOwned: Bool = false) throws -> [String] {
            AccountNeeds.of(try TargetAllocatorResource.yaml(text), evenIfOwned: evenIfOwned).map(\.user)
        }
        let own = "metadata: {name: ta, namespace: ns}\n"
        let owned =
            "metadata: {name: ta, namespace: ns, ownerReferences: [{apiVersion: opentelemetry.io/v1beta1, kind: OpenTelemetryCollector, name: x}]}\n"
        let enabled = "spec: {prometheusCR: {enabled: true}}"
        #expect(try needs(own + enabled) == ["system:serviceaccount:ns:ta-targetallocator"])
        #expect(
            try needs(own + "spec: {serviceAccount: mine, prometheusCR: {enabled: true}}")
                == ["system:serviceaccount:ns:mine"]
        )
        #expect(try needs(own + "spec: {}") == [])
        #expect(try needs(owned + enabled) == [])
        #expect(try needs(owned + enabled, evenIfOwned: true) == ["system:serviceaccount:ns:ta-targetallocator"])
    }
}

extension TargetAllocatorResource {
    fileprivate static func yaml(_ text: String) throws -> TargetAllocatorResource {
        TargetAllocatorResource(try #require(try YAMLReader.document(in: Array(text.utf8)).object))
    }
}
