import JSONTree
import KubeModel
import Rendering
import TelemetryAPI
import Testing

/// What the API server refuses although the resource passes: a warning that names the field. hack/check-properties asks
/// a real API server whether each of these is true.
struct ServerRulesTests {
    private func warnings(_ fields: String, facts: ClusterFacts = ClusterFacts(gatewayRoutes: true)) throws -> [String]
    {
        let config =
            "config: {receivers: {otlp: {protocols: {grpc: {}}}}, exporters: {debug: {}}, extensions: {health_check: {}}, service: {extensions: [health_check], pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}}"
        let collector = try Collector.yaml("spec:\n  \(config)\n  \(fields)")
        let result = validateCollector(collector, settings: OperatorSettings(), facts: facts)
        #expect(result.errors == [])
        return result.warnings
    }

    static let again = "the API server will refuse the Deployment"

    @Test(arguments: [
        ("ports: [{name: a, port: 1, protocol: ICMP}]", "spec.ports[0].protocol is none of TCP, UDP, SCTP"),
        ("ports: [{name: a, port: 1, targetPort: 65536}]", "spec.ports[0].targetPort is no port"),
        (
            "ports: [{name: a, port: 1, targetPort: A_B}]",
            "spec.ports[0].targetPort is neither a number nor the name of a port"
        ), ("ports: [{name: a, port: 1, appProtocol: a b}]", "spec.ports[0].appProtocol is no protocol name: \"a b\""),
        (
            "ports: [{name: a, port: 1, nodePort: 30080}]",
            "spec.ports[0].nodePort is set, which Services of type ClusterIP can't have"
        ),
        (
            "ports: [{name: a, port: 1, hostPort: 9}, {name: b, port: 2, hostPort: 9}]",
            "spec.ports[1] takes the port 9/TCP of the node, as does spec.ports[0]"
        ),
        (
            "hostNetwork: true\n  ports: [{name: a, port: 1, hostPort: 9}]",
            "spec.ports[0].hostPort differs from the port although spec.hostNetwork is true"
        ),
        (
            "hostNetwork: true\n  additionalContainers: [{name: b, image: c, ports: [{containerPort: 4317}]}]",
            "spec.additionalContainers[0].ports[0] takes the port 4317/TCP of the node, as does the collector's port otlp-grpc"
        ),
        (
            "volumes: [{name: otc-internal}]",
            "spec.volumes[0].name gives a second volume \"otc-internal\", beside the volume of the configuration"
        ),
        (
            "volumes: [{name: a}, {name: a}]",
            "spec.volumes[1].name gives a second volume \"a\", beside spec.volumes[0].name"
        ), ("volumes: [{name: A_b}]", "spec.volumes[0].name is no name: \"A_b\""),
        ("volumes: [{name: a, emptyDir: {}, hostPath: {path: /a}}]", "spec.volumes[0] has several sources"),
        ("volumeMounts: [{name: x, mountPath: /a}]", "spec.volumeMounts[0].name names no volume: \"x\""),
        (
            "volumes: [{name: a}]\n  volumeMounts: [{name: a, mountPath: /conf}]",
            "spec.volumeMounts[0].mountPath is \"/conf\" again, as of the configuration"
        ),
        (
            "additionalContainers: [{name: otc-container, image: a}]",
            "spec.additionalContainers[0].name is \"otc-container\" again, as of the collector's container"
        ), ("additionalContainers: [{name: a}]", "spec.additionalContainers[0].image is missing"),
        ("env: [{name: a b}]", "spec.env[0].name is no name of a variable: \"a b\""),
        (
            "env: [{name: A, value: b, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]",
            "spec.env[0] has both a value and valueFrom"
        ), ("env: [{name: A, valueFrom: {}}]", "spec.env[0].valueFrom has no source"),
        ("envFrom: [{prefix: A}]", "spec.envFrom[0] has no source"),
        ("resources: {limits: {cpu: 100m}, requests: {cpu: 1}}", "spec.resources.requests.cpu is more than its limit"),
        (
            "securityContext: {privileged: true, allowPrivilegeEscalation: false}",
            "spec.securityContext.allowPrivilegeEscalation is false for a privileged container"
        ), ("lifecycle: {preStop: {}}", "spec.lifecycle.preStop has no source"),
        ("podAnnotations: {a b: c}", "spec.podAnnotations has the invalid key \"a b\""),
        ("nodeSelector: {a: b c}", "spec.nodeSelector.a is no label value: \"b c\""),
        ("serviceAccount: A_b", "spec.serviceAccount is no name: \"A_b\""),
        ("priorityClassName: A_b", "spec.priorityClassName is no name: \"A_b\""),
        ("dnsPolicy: X", "spec.dnsPolicy is none of ClusterFirst, ClusterFirstWithHostNet, Default, None"),
        ("podDnsConfig: {nameservers: [a]}", "spec.podDnsConfig.nameservers has no address: \"a\""),
        (
            "podDnsConfig: {nameservers: []}",
            "spec.podDnsConfig.nameservers is empty, which makes no sense with the DNS policy None"
        ), ("hostAliases: [{ip: a}]", "spec.hostAliases[0].ip is no address: \"a\""),
        (
            "shareProcessNamespace: true\n  hostPID: true",
            "spec.shareProcessNamespace is true although spec.hostPID is, too"
        ), ("tolerations: [{value: a}]", "spec.tolerations[0].operator must be Exists without a key"),
        (
            "tolerations: [{key: a, operator: Exists, value: b}]",
            "spec.tolerations[0].value is set, which the operator Exists does not take"
        ),
        (
            "tolerations: [{key: a, tolerationSeconds: 1}]",
            "spec.tolerations[0].tolerationSeconds needs the effect NoExecute"
        ),
        (
            "topologySpreadConstraints: [{maxSkew: 1, topologyKey: a, whenUnsatisfiable: DoNotSchedule}, {maxSkew: 1, topologyKey: a, whenUnsatisfiable: DoNotSchedule}]",
            "spec.topologySpreadConstraints[1] has key and whenUnsatisfiable of another one"
        ),
        (
            "deploymentUpdateStrategy: {type: Recreate, rollingUpdate: {maxSurge: 1}}",
            "spec.deploymentUpdateStrategy.rollingUpdate is set, which the type Recreate does not take"
        ),
        (
            "deploymentUpdateStrategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 0%}}",
            "spec.deploymentUpdateStrategy.rollingUpdate allows neither a pod more nor one less"
        ), ("livenessProbe: {successThreshold: 2}", "spec.livenessProbe.successThreshold is not 1"),
        (
            "readinessProbe: {terminationGracePeriodSeconds: 2}",
            "spec.readinessProbe.terminationGracePeriodSeconds is set, which only the other probes may have"
        ),
        (
            "podDisruptionBudget: {minAvailable: 1, maxUnavailable: 1}",
            "spec.podDisruptionBudget has both minAvailable and maxUnavailable"
        ), ("ingress: {type: ingress, hostname: a b}", "spec.ingress.hostname is no DNS name: \"a b\""),
        ("ingress: {type: ingress, hostname: '*'}", "spec.ingress.hostname is no DNS name: \"*\""),
        (
            "ingress: {type: ingress, ruleType: subdomain, hostname: '*.a.b'}",
            "spec.ingress.hostname is no DNS name: \"*.a.b\""
        ), ("ingress: {type: ingress, ingressClassName: A_b}", "spec.ingress.ingressClassName is no name: \"A_b\""),
        (
            "httpRoute: {enabled: true, gateway: a, hostnames: [a_b]}",
            "spec.httpRoute.hostnames has no DNS name: \"a_b\""
        ),
        ("sessionAffinity: X", "spec.sessionAffinity is neither None nor ClientIP"),
        ("ipFamilies: [IPv4, IPv6]", "spec.ipFamilies has two families although spec.ipFamilyPolicy is SingleStack"),
        ("ipFamilyPolicy: X", "spec.ipFamilyPolicy is none of SingleStack, PreferDualStack, RequireDualStack"),
        (
            "autoscaler: {maxReplicas: 1, metrics: [{type: Pods, pods: {target: {type: Value, value: 1}}}]}",
            "spec.autoscaler.metrics[0].pods.target has no averageValue"
        ), ("image: ' a'", "spec.image has spaces around it"),
    ])
    func refused(_ fields: String, _ what: String) throws {
        let warnings = try self.warnings(fields)
        #expect(warnings.count == 1, "\(warnings)")
        #expect(warnings.first?.hasPrefix(what + ": the API server will refuse ") == true, "\(warnings)")
    }

    @Test(arguments: [
        (
            "ports: [{name: a, port: 80}, {name: b, port: 80, protocol: TCP}]",
            "spec.ports[1] has no effect: port 80/TCP is already in spec.ports[0]"
        ),
        (
            "ports: [{name: a, port: 80}, {name: a, port: 81}]",
            "spec.ports[1].name is the name of spec.ports[0] already: this port is called port-81"
        ), ("args: {'': x}", "spec.args has an argument without a name: the collector will not start"),
        ("image: 'A'", "spec.image is no image name: \"A\": no pod will start"),
        (
            "sessionAffinityConfig: {clientIP: {timeoutSeconds: 1}}",
            "spec.sessionAffinityConfig has no effect without spec.sessionAffinity: ClientIP"
        ),
    ])
    func others(_ fields: String, _ warning: String) throws { #expect(try self.warnings(fields) == [warning]) }

    /// Edge characters of a tag are left out of the label; what is no tag at all can't be mended.
    @Test func theLabelMadeOfAnImage() throws {
        let tag = String(repeating: "t", count: 62) + "-x"
        #expect(try self.warnings("image: a:\(tag)") == [])
        let warnings = try self.warnings("image: 'a:b c'")
        #expect(
            warnings.contains(
                "spec.image gives the invalid label app.kubernetes.io/version: \"b c\": the API server will refuse every object"
            ),
            "\(warnings)"
        )
    }

    @Test func servicesBeginWithALetter() throws {
        var collector = try Collector.otlp()
        collector.metadata.name = "0"
        let result = validateCollector(collector, settings: OperatorSettings(), facts: ClusterFacts())
        #expect(result.warnings == ["metadata.name begins with a digit: the API server will refuse the Services"])
    }

    /// What other modes, or other fields, make right.
    @Test(arguments: [
        "mode: sidecar\n  volumeMounts: [{name: of-the-pod, mountPath: /a}]\n  ports: [{name: a, port: 1, nodePort: 2}]",
        "mode: statefulset\n  volumeClaimTemplates: [{metadata: {name: a}}]\n  volumeMounts: [{name: a, mountPath: /a}]",
        "mode: daemonset\n  topologySpreadConstraints: [{maxSkew: 0, topologyKey: a, whenUnsatisfiable: X}]",
        "ports: [{name: a, port: 1, hostPort: 9}, {name: b, port: 2, hostPort: 9, protocol: UDP}]",
        "ingress: {type: ingress, ruleType: path, hostname: '*.a.b'}", "ingress: {hostname: a b}",
        "httpRoute: {enabled: false, gateway: a, hostnames: [a_b]}",
        "dnsPolicy: Default\n  podDnsConfig: {nameservers: []}",
        "observability: {metrics: {extraLabels: {a b: c}}}",
        "volumes: [{name: a}]\n  volumeMounts: [{name: a, mountPath: /a}]",
        "tolerations: [{operator: Exists}, {key: a, value: b, effect: NoExecute, tolerationSeconds: 1}]",
        "resources: {limits: {cpu: 1000m}, requests: {cpu: 1}}", "env: [{name: A, value: ''}]",
        "sessionAffinity: ClientIP\n  sessionAffinityConfig: {clientIP: {timeoutSeconds: 1}}",
    ])
    func accepted(_ fields: String) throws { #expect(try self.warnings(fields) == []) }

    @Test func labelsOfMonitors() throws {
        let facts = ClusterFacts(prometheusMonitors: true)
        #expect(
            try self.warnings("observability: {metrics: {enableMetrics: true, extraLabels: {a: b c}}}", facts: facts)
                == [
                    "spec.observability.metrics.extraLabels.a is no label value: \"b c\": the API server will refuse the ServiceMonitors"
                ]
        )
    }
}
