import JSONTree
import TelemetryAPI
import Testing
import YAMLTree

@testable import CollectorVersions

/// An object as YAML.
func object(_ text: String) throws -> JSONObject {
    try #require(try YAMLReader.document(in: text).object)
}

struct ConversionTests {
    private func old(_ spec: String) throws -> JSONObject {
        [
            "apiVersion": "opentelemetry.io/v1alpha1", "kind": "OpenTelemetryCollector", "metadata": ["name": "a"],
            "spec": .object(try object(spec)),
        ]
    }

    private func new(_ spec: String) throws -> JSONObject {
        [
            "apiVersion": "opentelemetry.io/v1beta1", "kind": "OpenTelemetryCollector", "metadata": ["name": "a"],
            "spec": .object(try object(spec)),
        ]
    }

    private func up(_ object: JSONObject) -> JSONObject { CollectorConversion.converted(object, to: .v1beta1) }
    private func down(_ object: JSONObject) -> JSONObject { CollectorConversion.converted(object, to: .v1alpha1) }
    private static let nothing = "{receivers: {}, exporters: {}, service: {pipelines: {}}}"

    // MARK: v1alpha1 to v1beta1

    @Test(arguments: [
        // The configuration.
        (
            "{config: 'receivers: {otlp: }'}",
            "{config: {receivers: {otlp: null}, exporters: {}, service: {pipelines: {}}}}"
        ),
        ("{config: 'null'}", "{config: \(nothing)}"),
        ("{config: ''}", "{config: \(nothing)}"),
        ("{config: null}", "{config: \(nothing)}"),
        ("{}", "{config: \(nothing)}"),
        (
            "{config: 'processors: {a: {b: on}}'}",
            "{config: {processors: {a: {b: 'on'}}, receivers: {}, exporters: {}, service: {pipelines: {}}}}"
        ),
        // The old bounds.
        ("{minReplicas: 1, maxReplicas: 3}", "{autoscaler: {minReplicas: 1, maxReplicas: 3}, config: \(nothing)}"),
        (
            "{minReplicas: 1, maxReplicas: 3, autoscaler: {maxReplicas: 9}}",
            "{autoscaler: {minReplicas: 1, maxReplicas: 9}, config: \(nothing)}"
        ),
        // Names.
        (
            "{updateStrategy: {type: OnDelete}, deploymentUpdateStrategy: {type: Recreate}}",
            "{daemonSetUpdateStrategy: {type: OnDelete}, deploymentUpdateStrategy: {type: Recreate}, config: \(nothing)}"
        ),
        (
            "{observability: {metrics: {enableMetrics: true, DisablePrometheusAnnotations: true}}}",
            "{observability: {metrics: {enableMetrics: true, disablePrometheusAnnotations: true}}, config: \(nothing)}"
        ),
        // The target allocator.
        (
            "{targetAllocator: {allocationStrategy: per-node, filterStrategy: relabel-config, prometheusCR: {podMonitorSelector: {a: b}}}}",
            "{targetAllocator: {allocationStrategy: per-node, filterStrategy: relabel-config, prometheusCR: {podMonitorSelector: {matchLabels: {a: b}}, serviceMonitorSelector: {}}}, config: \(nothing)}"
        ),
        (
            "{targetAllocator: {allocationStrategy: random, filterStrategy: other}}",
            "{targetAllocator: {filterStrategy: ''}, config: \(nothing)}"
        ),
        // What both know and what neither knows.
        (
            "{ports: [{name: a, port: 1}], future: [1.50]}",
            "{ports: [{name: a, port: 1}], future: [1.50], config: \(nothing)}"
        ),
    ])
    func raised(_ old: String, _ new: String) throws {
        #expect(self.up(try self.old(old)) == (try self.new(new)))
    }

    /// The check of the Go operator's own tests, after the webhook's defaulting.
    @Test func nullAsText() throws {
        var stored = self.up(try self.old("{config: 'null'}"))
        stored.mutateObject("spec") { spec in
            spec.mutateObject("config") { config in
                config.mutateObject("service") {
                    $0["telemetry"] = [
                        "metrics": [
                            "readers": [["pull": ["exporter": ["prometheus": ["host": "0.0.0.0", "port": 8888]]]]]
                        ]
                    ]
                }
            }
        }
        let back = self.down(stored)
        #expect(
            back["spec"]?["config"]?.string == """
                receivers: {}
                exporters: {}
                service:
                  telemetry:
                    metrics:
                      readers:
                        - pull:
                            exporter:
                              prometheus:
                                host: 0.0.0.0
                                port: 8888
                  pipelines: {}

                """
        )
        #expect(back["metadata"]?["annotations"] == nil)
    }

    @Test(arguments: [
        "receivers: [", "- a", "text", "receivers: [otlp]", "service: 7", "service: {pipelines: [traces]}",
        "a: 1\na: 2\n", "service: {pipelines: {traces: otlp}}",
    ])
    func textThatIsNoConfiguration(_ text: String) throws {
        var old = try self.old("{mode: sidecar}")
        old.mutateObject("spec") { $0["config"] = .string(text) }
        var new = self.up(old)
        #expect(new["spec"]?["config"] == .object(OldConfiguration.nothing))
        let finding = try #require(CollectorConversion.finding(of: Collector(new)))
        #expect(finding.contains("v1alpha1"))
        // It comes back as it was, also after the webhook's defaults.
        #expect(self.down(new) == old)
        new.mutateObject("spec") { spec in
            spec.mutateObject("config") {
                $0.mutateObject("service") { $0["telemetry"] = ["metrics": ["level": "none"]] }
            }
        }
        #expect(self.down(new)["spec"]?["config"] == .string(text))
        #expect(self.up(self.down(new)) == new)
        // Once there is a configuration, that counts.
        new.mutateObject("spec") { spec in spec.mutateObject("config") { $0["receivers"] = ["otlp": [:]] } }
        #expect(CollectorConversion.finding(of: Collector(new)) == nil)
        #expect(self.down(new)["spec"]?["config"]?.string?.contains("otlp") == true)
        #expect(self.down(new)["metadata"]?["annotations"]?[CollectorConversion.textAnnotation] == nil)
    }

    // MARK: v1beta1 to v1alpha1 and back

    /// Everything that v1alpha1 has no words for, at least once.
    static let beyond: [String] = [
        "serviceName: gov", "podDnsConfig: {nameservers: [1.1.1.1]}", "ipFamilies: [IPv6]",
        "ipFamilyPolicy: SingleStack", "sessionAffinity: ClientIP",
        "sessionAffinityConfig: {clientIP: {timeoutSeconds: 5}}", "hostPID: true", "hostUsers: false",
        "hostAliases: [{ip: 1.1.1.1}]", "dnsPolicy: Default", "readinessProbe: {periodSeconds: 1}",
        "startupProbe: {periodSeconds: 1}", "configVersions: 7", "networkPolicy: {enabled: false}",
        "httpRoute: {enabled: true, gateway: g}", "command: [/otelcol]",
        "persistentVolumeClaimRetentionPolicy: {whenScaled: Delete}", "podManagementPolicy: OrderedReady",
        "observability: {metrics: {enableMetrics: true, extraLabels: {a: b}, disablePrometheusAnnotations: true}}",
        "targetAllocator: {enabled: true, mtls: {enabled: true}, allowInsecureAuthSecrets: true, collectorNotReadyGracePeriod: 5s, collectorTargetReloadInterval: 1s}",
        "targetAllocator: {prometheusCR: {enabled: true, evaluationInterval: 9s, scrapeProtocols: [a], allowNamespaces: [a], denyNamespaces: [b], secretNamespaces: [c], denyFSAccessThroughSMs: true, probeSelector: {}, scrapeConfigSelector: {matchLabels: {a: b}}, podMonitorNamespaceSelector: {}}}",
        "targetAllocator: {prometheusCR: {podMonitorSelector: {matchExpressions: [{key: a, operator: Exists}]}, serviceMonitorSelector: {matchLabels: {a: b}, matchExpressions: []}}}",
        "targetAllocator: {prometheusCR: {enabled: true}}",
        "targetAllocator: {allocationStrategy: '', filterStrategy: ''}",
        "updateStrategy: {type: foreign}", "daemonSetUpdateStrategy: {type: OnDelete}", "maxReplicas: 4",
        "futureField: {a: [1.50, null, {b: c}]}", "autoscaler: {maxReplicas: 2}",
    ]

    @Test(arguments: beyond)
    func comesBackWhole(_ members: String) throws {
        var new = try self.new(
            "{config: {receivers: {a: {n: 1000000, f: 1.5, b: yes}}, exporters: {}, service: {pipelines: {}}}}"
        )
        new.mutateObject("spec") { spec in
            for (key, value) in (try? object(members)) ?? [:] { spec[key] = value }
        }
        new["status"] = [
            "version": "1", "conditions": [["type": "Ready"]], "observedGeneration": 4, "scale": ["replicas": 2],
        ]
        let old = self.down(new)
        #expect(old["spec"]?["config"]?.string != nil)
        #expect(self.up(old) == new)
        #expect(self.down(self.up(old)) == old)
        // Nothing that v1alpha1 does not know is shown in it.
        #expect(old["status"]?["conditions"] == nil)
        for field in ["httpRoute", "command", "dnsPolicy", "futureField", "networkPolicy", "daemonSetUpdateStrategy"] {
            #expect(old["spec"]?[field] == nil)
        }
    }

    /// Members that the shell of a configuration does not know are in no text, and not lost either.
    @Test func unknownMembersOfTheConfiguration() throws {
        let new = try self.new(
            "{config: {receivers: {}, exporters: {}, more: {x: 1}, service: {y: 2, pipelines: {traces: {receivers: [a], exporters: [b], z: 3}}}}}"
        )
        #expect(self.up(self.down(new)) == new)
    }

    /// The user reads v1alpha1, changes it and writes it: the change counts, the rest is as it was.
    @Test func editsInBetweenWin() throws {
        let new = try self.new(
            """
            replicas: 1
            dnsPolicy: Default
            observability: {metrics: {enableMetrics: true, extraLabels: {a: b}}}
            targetAllocator:
              enabled: true
              collectorNotReadyGracePeriod: 5s
              prometheusCR: {enabled: true, evaluationInterval: 9s, podMonitorSelector: {matchExpressions: [{key: x, operator: Exists}]}}
            config: {receivers: {otlp: {}}, exporters: {}, service: {pipelines: {}}}
            """
        )
        var old = self.down(new)
        old.mutateObject("spec") { spec in
            spec["replicas"] = 5
            spec["config"] = "receivers: {zipkin: {}}"
            spec.mutateObject("observability") { $0.mutateObject("metrics") { $0["enableMetrics"] = false } }
            spec.mutateObject("targetAllocator") { allocator in
                allocator["image"] = "x:1"
                allocator.mutateObject("prometheusCR") { $0["serviceMonitorSelector"] = ["team": "a"] }
            }
        }
        let wanted = try self.new(
            """
            replicas: 5
            dnsPolicy: Default
            observability: {metrics: {enableMetrics: false, extraLabels: {a: b}}}
            targetAllocator:
              enabled: true
              image: x:1
              collectorNotReadyGracePeriod: 5s
              prometheusCR:
                enabled: true
                evaluationInterval: 9s
                podMonitorSelector: {matchExpressions: [{key: x, operator: Exists}]}
                serviceMonitorSelector: {matchLabels: {team: a}}
            config: {receivers: {zipkin: {}}, exporters: {}, service: {pipelines: {}}}
            """
        )
        #expect(self.up(old) == wanted)
        // Taken out whole, what is beneath goes with it only where the user could see it.
        old.mutateObject("spec") { $0["targetAllocator"] = nil }
        #expect(self.up(old)["spec"]?["dnsPolicy"] == "Default")
    }

    @Test(arguments: [
        "nonsense", "[]", "{}",
        #"{"add": 7, "replace": [1, {"path": []}, {"path": ["metadata", "name"], "from": "a", "to": "b"}]}"#,
        #"{"add": {"metadata": {"name": "evil"}, "spec": 3}}"#,
    ])
    func aBrokenAnnotationHarmsNothing(_ text: String) throws {
        var old = try self.old("{replicas: 2}")
        old.mutateObject("metadata") {
            $0["annotations"] = ["a": "b", CollectorConversion.keptAnnotation: .string(text)]
        }
        let new = self.up(old)
        #expect(new["spec"]?["replicas"] == 2)
        #expect(new["metadata"]?["name"] == "a")
        #expect(new["metadata"]?["annotations"]?["a"] == "b")
    }

    // MARK: Whatever comes

    @Test(arguments: [
        "{}", "{spec: null}", "{spec: 7}", "{spec: []}", "{metadata: 7, spec: {}}",
        "{metadata: {annotations: 7}, spec: {}}",
        "{spec: {config: [1]}}", "{spec: {config: {receivers: 7}}}", "{spec: {autoscaler: 7, minReplicas: 1}}",
        "{spec: {targetAllocator: 7, observability: []}}", "{spec: {targetAllocator: {prometheusCR: 7}}}",
        "{spec: {targetAllocator: {prometheusCR: {podMonitorSelector: 7}}}, status: 7}",
        "{spec: {observability: {metrics: 7}}, status: {messages: 7}}",
        "{spec: {minReplicas: null, updateStrategy: null}}",
    ])
    func oddShapes(_ text: String) throws {
        for version in CollectorConversion.Version.allCases {
            for other in CollectorConversion.Version.allCases {
                var odd = try object(text)
                odd["apiVersion"] = .string(version.apiVersion)
                odd["kind"] = "OpenTelemetryCollector"
                let converted = CollectorConversion.converted(odd, to: other)
                #expect(converted["apiVersion"] == .string(other.apiVersion))
                #expect(CollectorConversion.converted(odd, to: version) == odd)
                // A second way there and back finds nothing more to change.
                let back = CollectorConversion.converted(converted, to: version)
                let again = CollectorConversion.converted(CollectorConversion.converted(back, to: other), to: version)
                #expect(again == back)
            }
        }
    }

    @Test func othersAreLeftAlone() throws {
        for text in [
            "{apiVersion: v1, kind: Pod, spec: {config: a}}",
            "{apiVersion: opentelemetry.io/v1alpha1, kind: Instrumentation, spec: {}}", "{}",
        ] {
            let other = try object(text)
            #expect(CollectorConversion.converted(other, to: .v1beta1) == other)
        }
    }

    /// Random objects of both versions.
    @Test func randomObjectsComeBack() throws {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<300 {
            var new = try self.new("{config: {receivers: {}, exporters: {}, service: {pipelines: {}}}}")
            new.mutateObject("spec") { spec in
                for members in Self.beyond where Bool.random(using: &random) {
                    for (key, value) in (try? object(members)) ?? [:] { spec[key] = value }
                }
                if Bool.random(using: &random) { spec["replicas"] = .int(Int.random(in: 0...9, using: &random)) }
                if Bool.random(using: &random) {
                    spec.mutateObject("config") {
                        $0["receivers"] = ["r": .array((0..<3).map { _ in random.value(depth: 3) })]
                    }
                }
            }
            let old = self.down(new)
            #expect(self.up(old) == new)
            let again = self.down(self.up(old))
            #expect(again == old)
        }
    }
}

/// SplitMix64, so that a failure can be repeated.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { self.state = seed }

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A value as configurations hold them.
    mutating func value(depth: Int) -> JSONValue {
        switch Int.random(in: 0..<(depth > 0 ? 8 : 6), using: &self) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &self))
        case 2: return .int(Int.random(in: -5...2_000_000, using: &self))
        case 3: return .number(JSONNumber(Double.random(in: -10...10, using: &self)))
        case 4:
            return .string(
                ["", "on", "1e5", "a: b", "x\ny\n", "${env:A}", "08", "~", "é"].randomElement(using: &self) ?? ""
            )
        case 5: return .string("word")
        case 6: return .array((0..<2).map { _ in self.value(depth: depth - 1) })
        default:
            return ["k": self.value(depth: depth - 1), "l": self.value(depth: depth - 1)]
        }
    }
}
