import JSONTree
import KubeModel
import Rendering
import TelemetryAPI
import Testing

/// Which objects there are, and what differs with what the cluster serves (specification sections 3.1 and 3.7 to 3.13).
struct CollectorObjectTests {
    @Test(arguments: [
        (
            "deployment",
            [
                "Deployment", "PodDisruptionBudget", "ConfigMap", "ServiceAccount", "HorizontalPodAutoscaler",
                "Service", "Service", "Service",
                "Service", "Ingress", "NetworkPolicy", "ServiceMonitor", "ClusterRole", "ClusterRoleBinding",
                "HTTPRoute",
            ]
        ),
        (
            "statefulset",
            [
                "StatefulSet", "PodDisruptionBudget", "ConfigMap", "ServiceAccount", "HorizontalPodAutoscaler",
                "Service", "Service", "Service",
                "Service", "Ingress", "NetworkPolicy", "TargetAllocator", "ServiceMonitor", "ClusterRole",
                "ClusterRoleBinding", "HTTPRoute",
            ]
        ),
        (
            "daemonset",
            [
                "DaemonSet", "ConfigMap", "ServiceAccount", "HorizontalPodAutoscaler", "Service", "Service", "Service",
                "Service", "Ingress",
                "NetworkPolicy", "TargetAllocator", "ServiceMonitor", "ClusterRole", "ClusterRoleBinding", "HTTPRoute",
            ]
        ), ("sidecar", ["ConfigMap", "ServiceAccount", "PodMonitor", "ClusterRole", "ClusterRoleBinding"]),
    ])
    func orderOfKinds(_ mode: String, _ kinds: [String]) throws {
        let allocator =
            ["statefulset": "{enabled: true}", "daemonset": "{enabled: true, allocationStrategy: per-node}"][mode]
            ?? "{}"
        let collector = try Collector.yaml(
            """
            spec:
              mode: \(mode)
              autoscaler: {maxReplicas: 3}
              ingress: {type: ingress}
              httpRoute: {enabled: true, gateway: g}
              targetAllocator: \(allocator)
              observability: {metrics: {enableMetrics: true}}
              config:
                receivers: {zipkin: {}, k8s_events: {}, prometheus: {config: {scrape_configs: [{job_name: x}]}}}
                exporters: {debug: {}}
                extensions: {health_check: {}}
                service: {extensions: [health_check], pipelines: {traces: {receivers: [zipkin, k8s_events], exporters: [debug]}}}
            """
        )
        let facts = ClusterFacts(prometheusMonitors: true, gatewayRoutes: true, targetAllocators: true)
        #expect(try plan(CollectorInputs(collector: collector, facts: facts)).apply.map(\.kind) == kinds)
        // Nothing that needs a kind the cluster does not serve.
        let bare = ClusterFacts(horizontalPodAutoscaler: nil, podDisruptionBudget: nil, rbacCreation: false)
        let missing: Set = [
            "HorizontalPodAutoscaler", "PodDisruptionBudget", "TargetAllocator", "ServiceMonitor", "PodMonitor",
            "ClusterRole",
            "ClusterRoleBinding", "HTTPRoute",
        ]
        #expect(
            try plan(CollectorInputs(collector: collector, facts: bare)).apply.map(\.kind)
                == kinds.filter { !missing.contains($0) }
        )
    }

    @Test func oldVersionsAreUsedWhereOnlyTheyAreServed() throws {
        let facts = ClusterFacts(
            kubernetesVersion: KubernetesVersion(major: 1, minor: 20),
            horizontalPodAutoscaler: .v2beta2,
            podDisruptionBudget: .v1beta1
        )
        let collector = try Collector.otlp(
            "  autoscaler: {maxReplicas: 3}\n  trafficDistribution: PreferClose\n  hostUsers: false"
        )
        let plan = try plan(CollectorInputs(collector: collector, facts: facts))
        #expect(plan.object("HorizontalPodAutoscaler", "simplest-collector")?.apiVersion == "autoscaling/v2beta2")
        #expect(plan.object("PodDisruptionBudget", "simplest-collector")?.apiVersion == "policy/v1beta1")
        let service = try #require(plan.object("Service", "simplest-collector")?.spec)
        #expect(service["internalTrafficPolicy"] == nil)
        #expect(service["trafficDistribution"] == nil)
        #expect(plan.apply[0].spec?["template"]?["spec"]?["hostUsers"] == nil)
        let now = try Rendering.plan(CollectorInputs(collector: collector))
        #expect(now.object("Service", "simplest-collector")?.spec?["trafficDistribution"] == "PreferClose")
        #expect(now.apply[0].spec?["template"]?["spec"]?["hostUsers"] == false)
    }

    @Test func probesOfOldServersHaveNoGracePeriod() throws {
        var collector = try Collector.otlp("  livenessProbe: {terminationGracePeriodSeconds: 5, timeoutSeconds: 2}")
        collector.json.mutateObject("spec") { spec in
            spec.mutateObject("config") { config in
                config["extensions"] = ["health_check": [:]]
                config.mutateObject("service") { $0["extensions"] = ["health_check"] }
            }
        }
        for (minor, period) in [(20, nil), (21, 5)] as [(Int, Int?)] {
            let facts = ClusterFacts(kubernetesVersion: KubernetesVersion(major: 1, minor: minor))
            let container = try plan(CollectorInputs(collector: collector, facts: facts)).apply[0].spec?["template"]?[
                "spec"
            ]?["containers"]?[0]
            #expect(container?["livenessProbe"]?["terminationGracePeriodSeconds"]?.int == period)
            #expect(container?["livenessProbe"]?["timeoutSeconds"] == 2)
        }
    }

    @Test(arguments: [(20, nil), (32, nil), (33, "0.05")] as [(Int, JSONValue?)])
    func scalingTolerance(_ minor: Int, _ tolerance: JSONValue?) throws {
        let facts = ClusterFacts(kubernetesVersion: KubernetesVersion(major: 1, minor: minor))
        let collector = try Collector.otlp(
            "  autoscaler: {maxReplicas: 3, behavior: {scaleUp: {tolerance: '0.05', selectPolicy: Max}}}"
        )
        let rules = try plan(CollectorInputs(collector: collector, facts: facts))
            .object("HorizontalPodAutoscaler", "simplest-collector")?.spec?["behavior"]?["scaleUp"]
        #expect(rules?["tolerance"] == tolerance)
        #expect(rules?["selectPolicy"] == "Max")
    }

    /// Ports of one name would be refused; the second gets the name it has in the container.
    @Test func servicePortsOfOneName() throws {
        let plan = try plan(
            CollectorInputs(collector: .otlp("  ports: [{name: a, port: 1}, {name: a, port: 2}, {name: a, port: 2}]"))
        )
        for name in ["simplest-collector", "simplest-collector-headless"] {
            #expect(
                plan.object("Service", name)?.spec?["ports"]?.array?.compactMap { $0["name"]?.string } == [
                    "a", "port-2", "otlp-grpc", "otlp-http",
                ]
            )
        }
    }

    @Test func autoscalerWithoutAMaximumIsNone() throws {
        let plan = try plan(CollectorInputs(collector: .otlp("  autoscaler: {targetCPUUtilization: 3}")))
        #expect(plan.object("HorizontalPodAutoscaler", "simplest-collector") == nil)
    }

    @Test func serviceAccountOfTheUserIsNotMade() throws {
        let plan = try plan(CollectorInputs(collector: .otlp("  serviceAccount: foo")))
        #expect(!plan.apply.contains { $0.kind == "ServiceAccount" })
        #expect(plan.apply[0].spec?["template"]?["spec"]?["serviceAccountName"] == "foo")
    }

    /// Without a uid (a file) no owner can be named; cluster-scoped objects never have one.
    @Test func ownerReferences() throws {
        var collector = try Collector.yaml(
            """
            spec:
              config:
                receivers: {k8s_events: {}}
                exporters: {debug: {}}
                service: {pipelines: {logs: {receivers: [k8s_events], exporters: [debug]}}}
            """
        )
        #expect(
            try plan(CollectorInputs(collector: collector)).apply.allSatisfy { $0.metadata.ownerReferences.isEmpty }
        )
        collector.metadata.uid = "u"
        for object in try plan(CollectorInputs(collector: collector)).apply {
            let owners = object.metadata.ownerReferences
            if object.kind.hasPrefix("ClusterRole") {
                #expect(owners == [] && object.namespace == "")
                #expect(object.metadata.annotations["operator.opentelemetry.io/collector"] == "default/simplest")
            } else {
                #expect(
                    owners.map(\.uid) == ["u"] && owners.first?.isController == true && object.namespace == "default"
                )
                #expect(owners.first?.apiVersion == "opentelemetry.io/v1beta1")
            }
        }
    }

    /// The headless Service asks OpenShift for a certificate, unless the user asks for another.
    @Test func servingCertificate() throws {
        let key = "service.beta.openshift.io/serving-cert-secret-name"
        var collector = try Collector.otlp()
        #expect(
            try plan(CollectorInputs(collector: collector)).object("Service", "simplest-collector-headless")?.metadata
                .annotations[key]
                == "simplest-collector-headless-tls"
        )
        collector.metadata.annotations = [key: "mine"]
        #expect(
            try plan(CollectorInputs(collector: collector)).object("Service", "simplest-collector-headless")?.metadata
                .annotations[key]
                == "mine"
        )
    }

    @Test func subdomainWithoutHostname() throws {
        let ingress = try plan(
            CollectorInputs(collector: .otlp("  ingress: {type: ingress, ruleType: subdomain, hostname: '*'}"))
        )
        .object("Ingress", "simplest-ingress")
        #expect(ingress?.spec?["rules"]?.array?.compactMap { $0["host"]?.string } == ["otlp-grpc", "otlp-http"])
    }

    @Test(
        arguments: [("insecure", nil), ("edge", "edge"), ("passthrough", "passthrough"), ("reencrypt", "reencrypt")]
            as [(String, String?)]
    )
    func routesOfEachTermination(_ termination: String, _ tls: String?) throws {
        var inputs = CollectorInputs(
            collector: try .otlp("  ingress: {type: route, route: {termination: \(termination)}}")
        )
        #expect(try !plan(inputs).apply.contains { $0.kind == "Route" })
        inputs.facts.openShiftRoutes = true
        let routes = try plan(inputs).apply.filter { $0.kind == "Route" }
        #expect(routes.map(\.name) == ["otlp-grpc-simplest-route", "otlp-http-simplest-route"])
        #expect(routes.allSatisfy { $0.spec?["tls"]?["termination"]?.string == tls && $0.spec?["host"] == nil })
        // The router speaks gRPC without TLS under another name.
        let service = try plan(inputs).object("Service", "simplest-collector")
        #expect(service?.spec?["ports"]?.array?.compactMap { $0["appProtocol"]?.string } == ["h2c", "http"])
    }

    @Test func httpRoutesSkipGRPC() throws {
        var inputs = CollectorInputs(collector: try .otlp("  httpRoute: {enabled: true, gateway: g}"))
        inputs.facts.gatewayRoutes = true
        let routes = try plan(inputs).apply.filter { $0.kind == "HTTPRoute" }
        #expect(routes.map(\.name) == ["simplest-otlp-http-httproute"])
        #expect(routes.first?.spec?["parentRefs"]?[0]?["namespace"] == "default")
    }

    @Test func unmanagedIsLeftAlone() throws {
        let owned = OwnedObject(
            ObjectReference(.init(apiVersion: "v1", kind: "Service"), ObjectKey(namespace: "default", name: "x"))
        )
        let plan = try plan(CollectorInputs(collector: .otlp("  managementState: unmanaged"), owned: [owned]))
        #expect(plan == .unmanaged)
        #expect(!plan.isManaged && plan.apply.isEmpty && plan.prune.isEmpty)
    }

    @Test func refusals() throws {
        func error(_ collector: Collector) -> PlanError? {
            #expect(throws: PlanError.self) { try plan(CollectorInputs(collector: collector)) }
        }
        var collector = try Collector.otlp()
        collector.spec.modeText = "job"
        #expect(error(collector)?.code == .unknownMode)
        collector = try Collector.otlp()
        collector.metadata.labels = [Collector.targetAllocatorLabel: "gone"]
        #expect(error(collector)?.code == .missingTargetAllocator)
        collector = try Collector.otlp()
        collector.spec.config = try JSONValue.yaml("{receivers: [], exporters: {}, service: {pipelines: {}}}").object
        #expect(error(collector)?.description == "spec.config.receivers: expected a map, got 'slice'")
        collector.spec.config = try JSONValue.yaml(
            "{receivers: {}, exporters: {}, service: {pipelines: {}, telemetry: {metrics: {address: 'localhost:${env:P}'}}}}"
        ).object
        #expect(
            error(collector)?.description
                == "spec.config.service.telemetry.metrics.address: couldn't determine metrics port from configuration: localhost:${env:P}"
        )
    }

    /// Server-side apply takes quantities as strings only.
    @Test func quantitiesAreStrings() throws {
        let plan = try plan(
            CollectorInputs(
                collector: .otlp(
                    """
                      resources: {limits: {cpu: 1, memory: 1e9}, requests: {cpu: 0.5, memory: 1Gi}}
                      env: [{name: A, valueFrom: {resourceFieldRef: {resource: limits.cpu, divisor: 1}}}]
                      volumes: [{name: a, emptyDir: {sizeLimit: 1000}}]
                      terminationGracePeriodSeconds: 5
                      autoscaler: {maxReplicas: 2, metrics: [{type: Pods, pods: {target: {type: AverageValue, averageValue: 5}}}]}
                    """
                )
            )
        )
        let pod = plan.object("Deployment", "simplest-collector")?.spec?["template"]?["spec"]
        let container = pod?["containers"]?[0]
        #expect(
            container?["resources"] == [
                "limits": ["cpu": "1", "memory": "1e9"], "requests": ["cpu": "0.5", "memory": "1Gi"],
            ]
        )
        #expect(container?["env"]?[0]?["valueFrom"]?["resourceFieldRef"]?["divisor"] == "1")
        #expect(pod?["volumes"]?[1]?["emptyDir"] == ["sizeLimit": "1000"])
        #expect(pod?["terminationGracePeriodSeconds"] == 5)
        let metrics = plan.object("HorizontalPodAutoscaler", "simplest-collector")?.spec?["metrics"]
        #expect(metrics?[1]?["pods"]?["target"]?["averageValue"] == "5")
        #expect(metrics?[0]?["resource"]?["target"]?["averageUtilization"] == 90)
    }

    @Test(arguments: [("", false), ("  sessionAffinity: None", false), ("  sessionAffinity: ClientIP", true)])
    func theSettingsOfAnAffinityNeedIt(_ affinity: String, _ isThere: Bool) throws {
        let collector = try Collector.otlp("  sessionAffinityConfig: {clientIP: {timeoutSeconds: 1}}\n\(affinity)")
        let service = try plan(CollectorInputs(collector: collector)).object("Service", "simplest-collector")
        #expect((service?.spec?["sessionAffinityConfig"] != nil) == isThere)
    }
}
