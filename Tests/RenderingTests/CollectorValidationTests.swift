import JSONTree
import KubeModel
import Rendering
import TelemetryAPI
import Testing

/// Answers of the validating webhook (specification sections 2.3, 2.4 and 9.2).
struct CollectorValidationTests {
    static let otlp =
        "config: {receivers: {otlp: {protocols: {grpc: {}, http: {}}}}, exporters: {debug: {}}, service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}}"
    static let prometheus =
        "config: {receivers: {prometheus: {config: {scrape_configs: [{job_name: x}]}}}, exporters: {debug: {}}, service: {pipelines: {metrics: {receivers: [prometheus], exporters: [debug]}}}}"

    private func validate(
        _ spec: String,
        config: String = otlp,
        old: Collector? = nil,
        _ change: (inout OperatorSettings, inout ClusterFacts) -> Void = { _, _ in }
    ) throws -> CollectorValidation {
        var settings = OperatorSettings()
        var facts = ClusterFacts(targetAllocators: true)
        change(&settings, &facts)
        let collector = try Collector.yaml("spec:\n  \(config)\n  \(spec)")
        return validateCollector(collector, old: old, settings: settings, facts: facts)
    }

    @Test(arguments: [
        "mode: deployment", "mode: daemonset", "mode: statefulset", "mode: sidecar",
        "mode: statefulset\n  volumeClaimTemplates: [{metadata: {name: x}}]\n  persistentVolumeClaimRetentionPolicy: {}",
        "ports: [{name: web, port: 80}]", "autoscaler: {maxReplicas: 1}",
        "autoscaler: {maxReplicas: 3, minReplicas: 2, behavior: {scaleUp: {stabilizationWindowSeconds: 3600}}}",
        "autoscaler: {maxReplicas: 3, metrics: [{type: Pods, pods: {target: {type: AverageValue, averageValue: '1'}}}, {type: Pods, pods: {target: {type: Value, averageValue: 1, value: 2k}}}]}",
        "ingress: {type: ingress, ruleType: subdomain, hostname: example.com}",
        "mode: daemonset\n  daemonSetUpdateStrategy: {type: OnDelete}",
        "deploymentUpdateStrategy: {type: Recreate}", "mode: daemonset\n  deploymentUpdateStrategy: {}",
        "mode: sidecar\n  tolerations: []\n  priorityClassName: ''",
    ])
    func accepted(_ spec: String) throws {
        let result = try self.validate(spec)
        #expect(result.errors == [])
        #expect(result.warnings == [])
    }

    static let unsupported = "which does not support the attribute"
    static let ports = "the OpenTelemetry Spec Ports configuration is incorrect"
    static let scale = "the OpenTelemetry Spec autoscale configuration is incorrect"

    @Test(arguments: [
        (
            "volumeClaimTemplates: [{metadata: {name: x}}]", "spec.volumeClaimTemplates",
            "the OpenTelemetry Collector mode is set to deployment, \(unsupported) 'volumeClaimTemplates'"
        ),
        (
            "mode: daemonset\n  persistentVolumeClaimRetentionPolicy: {whenDeleted: Delete}",
            "spec.persistentVolumeClaimRetentionPolicy",
            "the OpenTelemetry Collector mode is set to daemonset, \(unsupported) 'persistentVolumeClaimRetentionPolicy'"
        ),
        (
            "mode: sidecar\n  tolerations: [{key: x}]", "spec.tolerations",
            "the OpenTelemetry Collector mode is set to sidecar, \(unsupported) 'tolerations'"
        ),
        (
            "mode: sidecar\n  priorityClassName: x", "spec.priorityClassName",
            "the OpenTelemetry Collector mode is set to sidecar, \(unsupported) 'priorityClassName'"
        ),
        (
            "mode: sidecar\n  affinity: {}", "spec.affinity",
            "the OpenTelemetry Collector mode is set to sidecar, \(unsupported) 'affinity'"
        ),
        (
            "mode: sidecar\n  additionalContainers: [{name: x}]", "spec.additionalContainers",
            "the OpenTelemetry Collector mode is set to sidecar, \(unsupported) 'AdditionalContainers'"
        ),
        (
            "ports: [{name: ok, port: 1}, {name: 0123456789abcdef, port: 1}]", "spec.ports[1].name",
            "\(ports), port name '0123456789abcdef' errors: [must be no more than 15 characters], num '1' errors: []"
        ),
        (
            "ports: [{name: a}]", "spec.ports[0].port",
            "\(ports), port name 'a' errors: [], num '0' errors: [must be between 1 and 65535, inclusive]"
        ),
        (
            "ports: [{port: 1}]", "spec.ports[0].name",
            "\(ports), port name '' errors: [must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-) must contain at least one letter (a-z)], num '1' errors: []"
        ),
        (
            "autoscaler: {minReplicas: 2}", "spec.autoscaler.maxReplicas",
            "spec.maxReplica must be set when spec.minReplica is set"
        ),
        (
            "replicas: 3\n  autoscaler: {maxReplicas: 2, minReplicas: 1}", "spec.replicas",
            "\(scale), replicas must not be greater than maxReplicas"
        ),
        (
            "autoscaler: {maxReplicas: 2, minReplicas: 3}", "spec.autoscaler.minReplicas",
            "\(scale), minReplicas must not be greater than maxReplicas"
        ),
        (
            "autoscaler: {maxReplicas: 2, behavior: {scaleDown: {stabilizationWindowSeconds: -1}}}",
            "spec.autoscaler.behavior.scaleDown.stabilizationWindowSeconds",
            "\(scale), scaleDown.stabilizationWindowSeconds should be >=0 and <=3600"
        ),
        (
            "autoscaler: {maxReplicas: 2, behavior: {scaleUp: {stabilizationWindowSeconds: 3601}}}",
            "spec.autoscaler.behavior.scaleUp.stabilizationWindowSeconds",
            "\(scale), scaleUp.stabilizationWindowSeconds should be >=0 and <=3600"
        ),
        (
            "autoscaler: {maxReplicas: 2, metrics: [{type: Resource}]}", "spec.autoscaler.metrics[0].type",
            "\(scale), metric type unsupported. Expected metric of source type Pod"
        ),
        (
            "autoscaler: {maxReplicas: 2, metrics: [{type: Pods, pods: {target: {type: AverageValue, averageValue: 500m}}}]}",
            "spec.autoscaler.metrics[0].pods.target.averageValue", "\(scale), average value should be greater than 0"
        ),
        (
            "autoscaler: {maxReplicas: 2, metrics: [{type: Pods, pods: {target: {type: Value, value: '0'}}}]}",
            "spec.autoscaler.metrics[0].pods.target.value", "\(scale), value should be greater than 0"
        ),
        (
            "autoscaler: {maxReplicas: 2, metrics: [{type: Pods, pods: {target: {type: Utilization}}}]}",
            "spec.autoscaler.metrics[0].pods.target.type", "\(scale), invalid pods target type"
        ),
        (
            "mode: sidecar\n  ingress: {type: ingress}", "spec.ingress",
            "the OpenTelemetry Spec Ingress configuration is incorrect. Ingress can only be used in combination with the modes: deployment, daemonset, statefulset"
        ),
        (
            "ingress: {type: ingress, ruleType: subdomain}", "spec.ingress.hostname",
            "a valid Ingress hostname has to be defined for subdomain ruleType"
        ),
        (
            "ingress: {ruleType: subdomain, hostname: '*'}", "spec.ingress.hostname",
            "a valid Ingress hostname has to be defined for subdomain ruleType"
        ),
        (
            "daemonSetUpdateStrategy: {type: OnDelete}", "spec.daemonSetUpdateStrategy",
            "the OpenTelemetry Collector mode is set to deployment, \(unsupported) 'updateStrategy'"
        ),
        (
            "mode: statefulset\n  deploymentUpdateStrategy: {type: Recreate}", "spec.deploymentUpdateStrategy",
            "the OpenTelemetry Collector mode is set to statefulset, \(unsupported) 'deploymentUpdateStrategy'"
        ),
        // The Go operator leaves all that follows unchecked when there is an autoscaler.
        (
            "autoscaler: {maxReplicas: 2}\n  ingress: {type: ingress, ruleType: subdomain}", "spec.ingress.hostname",
            "a valid Ingress hostname has to be defined for subdomain ruleType"
        ),
        (
            "autoscaler: {maxReplicas: 2}\n  daemonSetUpdateStrategy: {type: OnDelete}", "spec.daemonSetUpdateStrategy",
            "the OpenTelemetry Collector mode is set to deployment, \(unsupported) 'updateStrategy'"
        ),
        (
            "targetAllocator: {enabled: true}", "spec.targetAllocator.enabled",
            "the OpenTelemetry Collector mode is set to deployment, which does not support the target allocation deployment"
        ),
    ])
    func refused(_ spec: String, _ path: String, _ message: String) throws {
        let result = try self.validate(spec)
        #expect(result.errors.first?.message == message)
        #expect(result.errors.first?.path == path)
        #expect(result.errors.count == 1)
    }

    @Test func allThatIsWrongIsFound() throws {
        let result = try self.validate(
            "ports: [{name: '', port: 0}]\n  autoscaler: {maxReplicas: 1, minReplicas: 2}\n  ingress: {ruleType: subdomain}"
        )
        #expect(
            result.errors.map(\.path) == ["spec.ports[0].name", "spec.autoscaler.minReplicas", "spec.ingress.hostname"]
        )
    }

    @Test func modeDoesNotChange() throws {
        let old = try Collector.yaml("spec: {\(Self.otlp)}")
        let result = try self.validate("mode: statefulset", old: old)
        #expect(
            result.errors.map(\.message) == [
                "the OpenTelemetry Collector mode is set to deployment, which does not support modification"
            ]
        )
        #expect(try self.validate("mode: deployment", old: old).errors == [])
        // An old one without a mode was a deployment, too.
        #expect(try self.validate("", old: Collector.rawYAML("spec: {}")).errors == [])
    }

    @Test func unknownModeIsRefusedAlone() {
        let result = validateCollector(
            Collector(["spec": ["mode": "job", "config": 7]]),
            settings: OperatorSettings(),
            facts: ClusterFacts()
        )
        #expect(result.errors.map(\.path) == ["spec.mode"])
    }

    private func config(_ receivers: String, _ id: String) -> String {
        "config: {receivers: {\(receivers)}, exporters: {debug: {}}, service: {pipelines: {l: {receivers: [\(id)], exporters: [debug]}}}}"
    }

    @Test(arguments: [
        (
            "tcplog: {}", "tcplog", "spec.config.receivers.tcplog",
            "the OpenTelemetry config is incorrect. The port numbers are invalid: receivers.tcplog: port should not be empty"
        ),
        (
            "zipkin: {endpoint: '0.0.0.0:65536'}", "zipkin", "spec.config.receivers.zipkin",
            "the OpenTelemetry config is incorrect. The port name 'zipkin' errors: [], num '65536' errors: [must be between 1 and 65535, inclusive]"
        ),
        (
            "my.receiver: {endpoint: ':1'}", "my.receiver", "spec.config.receivers.my.receiver",
            "the OpenTelemetry config is incorrect. The port name 'my.receiver' errors: [must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)], num '1' errors: []"
        ),
    ])
    func refusedConfigurations(_ receivers: String, _ id: String, _ path: String, _ message: String) throws {
        let result = try self.validate("", config: self.config(receivers, id))
        #expect(result.errors.map(\.message) == [message])
        #expect(result.errors.map(\.path) == [path])
    }

    @Test(arguments: ["zipkin: {endpoint: '0.0.0.0:0'}", "zipkin: {endpoint: ':-1'}"]) func unusablePortsFallBack(
        _ receiver: String
    ) throws {
        #expect(try self.validate("", config: self.config(receiver, "zipkin")).errors == [])
    }

    @Test func shapesOfTheConfiguration() {
        let result = validateCollector(
            Collector(["metadata": ["name": "x"], "spec": ["config": ["receivers": []]]]),
            settings: OperatorSettings(),
            facts: ClusterFacts()
        )
        #expect(
            result.errors.map(\.message) == [
                "the OpenTelemetry config is incorrect. spec.config.receivers: expected a map, got 'slice'"
            ]
        )
    }

    @Test func nullsAreWarnedOfAfterDefaulting() throws {
        let config =
            "config: {receivers: {otlp: {protocols: {grpc: null}}}, processors: {batch: null}, exporters: {debug: {}}, service: {pipelines: {t: {receivers: [otlp], processors: [batch], exporters: [debug]}}}}"
        #expect(
            try self.validate("", config: config).warnings == [
                "Collector config spec.config has null objects: processors.batch:. For compatibility with other tooling, such as kustomize and kubectl edit, it is recommended to use empty objects e.g. batch: {}."
            ]
        )
    }

    @Test func whatStopsTheRenderingIsAWarning() throws {
        let config =
            "config: {receivers: {otlp: {protocols: {grpc: {}}}}, exporters: {debug: {}}, service: {telemetry: {metrics: {address: 'localhost:${env:P}'}}, pipelines: {t: {receivers: [otlp], exporters: [debug]}}}}"
        let result = try self.validate("", config: config)
        #expect(result.errors == [])
        #expect(
            result.warnings == [
                "spec.config.service.telemetry.metrics.address: couldn't determine metrics port from configuration: localhost:${env:P}"
            ]
        )
    }

    @Test func findingsAndThingsWithoutEffectAreWarnings() throws {
        let result = try self.validate(
            "autoscaler: {targetCPUUtilization: 5}\n  httpRoute: {enabled: true, gateway: g}"
        )
        #expect(
            result.warnings == [
                "spec.autoscaler has no effect without spec.autoscaler.maxReplicas",
                "spec.httpRoute has no effect: this cluster does not serve HTTPRoutes (gateway.networking.k8s.io/v1)",
            ]
        )
        #expect(
            try self.validate("mode: daemonset\n  autoscaler: {maxReplicas: 2}").warnings == [
                "spec.autoscaler has no effect on a collector of mode daemonset"
            ]
        )
    }

    @Test func fips() throws {
        let result = try self.validate("autoscaler: {maxReplicas: 1}") { settings, _ in
            settings.fipsDisabledComponents = ["receiver.otlp", "exporter.otlp", "exporter.debug"]
        }
        #expect(
            result.errors.map(\.message) == [
                "the collector configuration contains not FIPS compliant components: [receiver.otlp exporter.debug]. Please remove it from the config"
            ]
        )
    }

    static let prefix = "the OpenTelemetry Spec Prometheus configuration is incorrect, "

    @Test(
        arguments: [
            ("receivers: {prometheus: {}}", "enabled: true", nil),
            ("receivers: {prometheus: {config: {scrape_configs: [{a: 1}]}}}", "enabled: true", nil),
            ("receivers: {prometheus: {config: {}}}", "enabled: true, prometheusCR: {enabled: true}", nil),
            ("receivers: {}", "enabled: true", "\(prefix)no prometheus available as part of the configuration"),
            (
                "receivers: {prometheus/b: {}, prometheus/a: {}}", "enabled: true",
                "\(prefix)the target allocator needs a receiver named exactly \"prometheus\", but only these were found: prometheus/a, prometheus/b; rename one of them to \"prometheus\""
            ),
            (
                "receivers: {prometheus: []}", "enabled: true",
                "\(prefix)prometheus property in the configuration doesn't contain valid prometheus"
            ),
            (
                "receivers: {prometheus: {config: {}}}", "enabled: true",
                "\(prefix)no scrape_configs available as part of the configuration"
            ),
            (
                "receivers: {prometheus: {config: {scrape_configs: x}}}", "enabled: true",
                "\(prefix)scrape_configs must be a list in the config"
            ),
            (
                "receivers: {prometheus: {config: {scrape_configs: [x]}}}", "enabled: true",
                "\(prefix)scrape_config property in the configuration doesn't contain valid scrape_config"
            ),
            (
                "receivers: {prometheus: {config: {scrape_configs: []}}}", "enabled: true",
                "\(prefix)either at least one scrape config needs to be defined or PrometheusCR needs to be enabled"
            ),
            (
                "receivers: {prometheus: {}}", "enabled: true, allocationStrategy: per-node",
                "target allocation strategy per-node is only supported in OpenTelemetry Collector mode daemonset"
            ),
            (
                "receivers: {prometheus: {}}", "enabled: true, mtls: {enabled: true, useCertManager: false}",
                "mTLS is enabled with useCertManager set to false; tls.serverCertificate and tls.clientCertificate must both be set"
            ),
            (
                "receivers: {prometheus: {}}",
                "enabled: true, mtls: {enabled: true, useCertManager: false, tls: {serverCertificate: {}, clientCertificate: {}}}",
                "mTLS is enabled with useCertManager set to false; tls.certificateAuthorityCertificate must be set"
            ),
            (
                "receivers: {prometheus: {}}",
                "enabled: true, mtls: {enabled: true, useCertManager: false, tls: {serverCertificate: {}, clientCertificate: {}, certificateAuthorityCertificate: {secret: {}, configMap: {}}}}",
                "tls.certificateAuthorityCertificate must set exactly one of secret or configMap"
            ),
            (
                "receivers: {prometheus: {}}", "enabled: true, mtls: {enabled: true}",
                nil
            ), ("receivers: {prometheus: {}}", "enabled: true, mtls: {enabled: false}", nil),
        ] as [(String, String, String?)]
    )
    func targetAllocator(_ receivers: String, _ allocator: String, _ message: String?) throws {
        let config = "config: {\(receivers), exporters: {}, service: {pipelines: {}}}"
        let result = try self.validate("mode: statefulset\n  targetAllocator: {\(allocator)}", config: config)
        #expect(result.errors.first?.message == message)
    }

    @Test(arguments: [("", true), ("allocationStrategy: per-node", false)]) func daemonSetsNeedPerNode(
        _ strategy: String,
        _ isRefused: Bool
    ) throws {
        let result = try self.validate(
            "mode: daemonset\n  targetAllocator: {enabled: true, \(strategy)}",
            config: Self.prometheus
        )
        #expect(
            result.errors.map(\.message)
                == (isRefused
                    ? [
                        "the OpenTelemetry Collector mode is set to daemonset, which must be used with target allocation strategy per-node "
                    ] : [])
        )
    }

    /// Rows of section 9.2 that no table above has.
    @Test(arguments: [
        ("mode: statefulset\n  targetAllocator: {enabled: true}", "prometheus: {}", true),
        ("mode: statefulset\n  targetAllocator: {enabled: true}", "prometheus/a: {}", false),
        (
            "mode: statefulset\n  targetAllocator: {enabled: true, prometheusCR: {enabled: true}}",
            "prometheus: {config: {}}", true
        ),
        ("autoscaler: {maxReplicas: 1}", "otlp: {protocols: {grpc: {}}}", true),
        ("autoscaler: {maxReplicas: 1}\n  ingress: {ruleType: subdomain}", "otlp: {protocols: {grpc: {}}}", false),
    ])
    func edges(_ spec: String, _ receiver: String, _ isAccepted: Bool) throws {
        let result = try self.validate(spec, config: self.config(receiver, String(receiver.prefix { $0 != ":" })))
        #expect(result.errors.isEmpty == isAccepted)
    }

    /// The first error of a sidecar with everything it may not have, and all of them.
    @Test func errorsKeepTheirOrder() throws {
        let result = try self.validate(
            """
            mode: sidecar
              volumeClaimTemplates: [{metadata: {name: x}}]
              persistentVolumeClaimRetentionPolicy: {}
              tolerations: [{key: x}]
              priorityClassName: x
              affinity: {}
              additionalContainers: [{name: x}]
              targetAllocator: {enabled: true}
              ports: [{name: '', port: 1}]
              autoscaler: {minReplicas: 1}
              ingress: {type: ingress, ruleType: subdomain}
              daemonSetUpdateStrategy: {type: OnDelete}
              deploymentUpdateStrategy: {type: Recreate}
            """,
            old: Collector.otlp()
        )
        #expect(
            result.errors.map(\.path) == [
                "spec.mode", "spec.volumeClaimTemplates", "spec.persistentVolumeClaimRetentionPolicy",
                "spec.tolerations",
                "spec.priorityClassName", "spec.affinity", "spec.additionalContainers", "spec.targetAllocator.enabled",
                "spec.ports[0].name", "spec.autoscaler.maxReplicas", "spec.ingress", "spec.ingress.hostname",
                "spec.daemonSetUpdateStrategy", "spec.deploymentUpdateStrategy",
            ]
        )
        #expect(
            result.errors.first?.message
                == "the OpenTelemetry Collector mode is set to deployment, which does not support modification"
        )
    }

    /// A collector that no webhook has defaulted: row 10 and the shapes that section 2.4 tells apart.
    @Test(arguments: [
        (
            "{receivers: {otlp: {protocols: {x: {}}}}, exporters: {}, service: {pipelines: {t: {receivers: [otlp], exporters: []}}}}",
            "the OpenTelemetry config is incorrect. The port numbers are invalid: receivers.otlp.protocols: unknown protocol set: x"
        ),
        (
            "{receivers: {zipkin: []}, exporters: {}, service: {pipelines: {t: {receivers: [zipkin], exporters: []}}}}",
            "the OpenTelemetry config is incorrect. The port numbers are invalid: receivers.zipkin: expected a map, got 'slice'"
        ),
        (
            "{exporters: {}, service: {pipelines: {}}}",
            "\(prefix)no receivers available as part of the configuration"
        ),
        (
            "{receivers: {prometheus: {config: []}}, exporters: {}, service: {pipelines: {}}}",
            "\(prefix)config property in the configuration doesn't contain valid config"
        ),
    ])
    func rawConfigurations(_ config: String, _ message: String) throws {
        let collector = try Collector.rawYAML(
            "spec: {mode: statefulset, targetAllocator: {enabled: true}, config: \(config)}"
        )
        let result = validateCollector(
            collector,
            settings: OperatorSettings(),
            facts: ClusterFacts(targetAllocators: true)
        )
        #expect(result.errors.map(\.message).contains(message), "\(result.errors.map(\.message))")
    }

    /// Nulls in every section, at every depth, not in lists; the example of the specification among them.
    @Test func nullsOfAllSections() throws {
        let collector = try Collector.rawYAML(
            """
            spec:
              config:
                receivers: {otlp: {protocols: {grpc: null}}, nop: {a: [null, {b: null}]}}
                processors: {batch: null}
                extensions: {foo: null}
                connectors: {forward: null}
                exporters: {debug: {}}
                service: {pipelines: {}}
            """
        )
        let warnings = validateCollector(collector, settings: OperatorSettings(), facts: ClusterFacts()).warnings
        #expect(
            warnings.contains(
                "Collector config spec.config has null objects: connectors.forward:, extensions.foo:, processors.batch:, receivers.otlp.protocols.grpc:. For compatibility with other tooling, such as kustomize and kubectl edit, it is recommended to use empty objects e.g. batch: {}."
            )
        )
    }

    /// The gravest first, since long lists are cut.
    @Test func warningsByWeight() throws {
        let result = try self.validate(
            "ports: [{name: a, port: 80, nodePort: 30080}]\n  autoscaler: {targetCPUUtilization: 5}",
            config:
                "config: {receivers: {otlp: {}, nop: null}, exporters: {debug: {}}, service: {pipelines: {t: {receivers: [otlp], exporters: [none]}}}}"
        )
        let warnings = result.warnings(besides: ["permissions"])
        let order = ["nodePort", "names \"none\"", "permissions", "has no effect", "null objects"]
        let places = order.map { word in warnings.firstIndex { $0.contains(word) } ?? -1 }
        #expect(places == places.sorted() && !places.contains(-1), "\(warnings)")
    }
}
