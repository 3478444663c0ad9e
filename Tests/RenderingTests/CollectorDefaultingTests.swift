import JSONTree
import KubeModel
import TelemetryAPI
import Testing

@testable import Rendering

/// Defaults of the webhook (specification section 2.2) and of the schema.
struct CollectorDefaultingTests {
    static let config = "config: {receivers: {}, exporters: {}, service: {pipelines: {}}}"

    /// Fields of `spec` before and after.
    @Test(arguments: [
        (
            "",
            "{mode: deployment, upgradeStrategy: automatic, replicas: 1, managementState: managed, networkPolicy: {enabled: true}}"
        ),
        (
            "mode: daemonset\n  replicas: 0\n  upgradeStrategy: none\n  managementState: unmanaged\n  networkPolicy: {enabled: false}",
            "{mode: daemonset, upgradeStrategy: none, replicas: 0, managementState: unmanaged, networkPolicy: {enabled: false}}"
        ), ("targetAllocator: {enabled: true}", "{targetAllocator: {enabled: true, replicas: 1}}"),
        ("targetAllocator: {enabled: false}", "{targetAllocator: {enabled: false}}"),
        ("targetAllocator: {enabled: true, replicas: 0}", "{targetAllocator: {enabled: true, replicas: 0}}"),
        ("autoscaler: {maxReplicas: 5}", "{autoscaler: {maxReplicas: 5, minReplicas: 1, targetCPUUtilization: 90}}"),
        (
            "replicas: 2\n  autoscaler: {maxReplicas: 5, targetMemoryUtilization: 50}",
            "{autoscaler: {maxReplicas: 5, minReplicas: 2, targetMemoryUtilization: 50}}"
        ), ("autoscaler: {minReplicas: 2}", "{autoscaler: {minReplicas: 2}}"),
        // A minimum of zero is none that the schema takes.
        ("replicas: 0\n  autoscaler: {maxReplicas: 5}", "{autoscaler: {maxReplicas: 5, targetCPUUtilization: 90}}"),
        ("autoscaler: {}", "{autoscaler: {}}"),
        ("ingress: {type: route}", "{ingress: {type: route, route: {termination: edge}}}"),
        (
            "ingress: {type: route, route: {termination: insecure}}",
            "{ingress: {type: route, route: {termination: insecure}}}"
        ),
        ("ingress: {type: ingress}", "{ingress: {type: ingress, ruleType: path}}"),
        ("ingress: {hostname: x}", "{ingress: {hostname: x}}"),
        ("networkPolicy: {}", "{networkPolicy: {enabled: true}}"),
    ])
    func fields(_ fields: String, _ expected: String) throws {
        let collector = try Collector.rawYAML("spec:\n  \(Self.config)\n  \(fields)")
        let result = try defaultCollector(collector, settings: OperatorSettings())
        for (key, value) in try #require(try JSONValue.yaml(expected).object) {
            #expect(result.collector.spec.json[key] == value)
        }
        #expect(result.addedTelemetry)
        let again = try defaultCollector(result.collector, settings: OperatorSettings())
        #expect(again.collector == result.collector)
        #expect(!again.addedTelemetry)
        // Nothing was reordered either: the patch of the webhook is empty.
        #expect(again.collector.json.bytes() == result.collector.json.bytes())
    }

    @Test func gateOfTheNetworkPolicy() throws {
        var settings = OperatorSettings()
        settings.featureGates.set(FeatureGates.operandNetworkPolicy, false)
        let collector = try Collector.rawYAML("spec: {\(Self.config)}")
        #expect(try defaultCollector(collector, settings: settings).collector.spec.json["networkPolicy"] == nil)
    }

    @Test func unknownMembersStay() throws {
        let collector = try Collector.rawYAML(
            "spec: {config: {receivers: {}, exporters: {}, odd: 1, service: {pipelines: {}, odd: 2}}, odd: 3}\nodd: 4"
        )
        let json = try defaultCollector(collector, settings: OperatorSettings()).collector.json
        #expect(json["odd"] == 4 && json["spec"]?["odd"] == 3 && json["spec"]?["config"]?["odd"] == 1)
        #expect(json["spec"]?["config"]?["service"]?["odd"] == 2)
    }

    @Test func insertedComponentsAreTold() throws {
        let collector = try Collector.rawYAML(
            "spec: {config: {receivers: {}, exporters: {}, service: {pipelines: {t: {receivers: [otlp], exporters: []}}}}}"
        )
        #expect(
            try defaultCollector(collector, settings: OperatorSettings()).warnings == [
                "spec.config.receivers.otlp is used by a pipeline but not defined; it was added with its defaults"
            ]
        )
    }

    @Test func refusalsNameThePath() throws {
        let collector = try Collector.rawYAML(
            "spec: {config: {receivers: {otlp: {protocols: {x: {}}}}, exporters: {}, service: {pipelines: {t: {receivers: [otlp], exporters: []}}}}}"
        )
        let error = #expect(throws: PlanError.self) { try defaultCollector(collector, settings: OperatorSettings()) }
        #expect(error?.description == "spec.config.receivers.otlp.protocols: unknown protocol set: x")
    }

    /// The defaults of every depth are those of the CRD, whatever is in it.
    @Test func schemaOfTheCRD() throws {
        #expect(Collector.specSchema?["properties"]?["replicas"]?["default"] == 1)
        let collector = try Collector.rawYAML(
            """
            spec:
              replicas: null
              additionalContainers: [{name: a, ports: [{containerPort: 1}]}]
              volumes: [{name: a, rbd: {image: b, monitors: [c], user: d}}]
              targetAllocator: {mtls: {tls: {certificateAuthorityCertificate: {configMap: {name: a}}}}}
            """
        ).withSchemaDefaults
        let spec = collector.spec.json
        #expect(spec["replicas"] == 1)
        #expect(spec["additionalContainers"] == [["name": "a", "ports": [["containerPort": 1, "protocol": "TCP"]]]])
        #expect(
            spec["volumes"]?[0]?["rbd"] == [
                "image": "b", "monitors": ["c"], "user": "d", "keyring": "/etc/ceph/keyring", "pool": "rbd",
            ]
        )
        #expect(
            spec["targetAllocator"]?["mtls"]?["tls"]?["certificateAuthorityCertificate"]?["configMap"]?["key"]
                == "ca.crt"
        )
        #expect(collector.withSchemaDefaults == collector)
    }

    @Test func schema() throws {
        let collector = try Collector.rawYAML(
            """
            spec:
              ports: [{name: a, port: 1}, {name: b, port: 2, protocol: UDP}]
              targetAllocator: {mtls: {enabled: true}, prometheusCR: {enabled: true, scrapeInterval: 1s}}
            """
        ).withSchemaDefaults
        #expect(
            JSONValue.object(collector.spec.json)
                == (try .yaml(
                    """
                    ipFamilyPolicy: SingleStack
                    managementState: managed
                    configVersions: 3
                    replicas: 1
                    ports: [{name: a, port: 1, protocol: TCP}, {name: b, port: 2, protocol: UDP}]
                    targetAllocator:
                      allocationStrategy: consistent-hashing
                      filterStrategy: relabel-config
                      collectorNotReadyGracePeriod: 30s
                      collectorTargetReloadInterval: 30s
                      mtls: {enabled: true, useCertManager: true}
                      prometheusCR:
                        enabled: true
                        scrapeInterval: 1s
                        evaluationInterval: 30s
                        serviceMonitorNamespaceSelector: {}
                        podMonitorNamespaceSelector: {}
                        probeNamespaceSelector: {}
                        scrapeConfigNamespaceSelector: {}
                    """
                ))
        )
    }
}
