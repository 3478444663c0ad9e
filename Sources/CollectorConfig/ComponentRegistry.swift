/// All components the operator knows (specification section 5): 58, with 11 further names.
///
/// A line of the table is all there is to a component: its kind, its names, its ports, its permissions, its variables. So
/// is one for a component of your own; ports and permissions that follow from a body in a new way are a new case of
/// ``PortRule`` or ``PermissionRule``.
package enum ComponentRegistry {
    package static let parsers: [ComponentParser] = [
        // Receivers with several protocols.
        ComponentParser(
            .receiver,
            "otlp",
            ports: .protocols([
                ProtocolRule("grpc", 4317, appProtocol: "grpc"), ProtocolRule("http", 4318, appProtocol: "http"),
            ])
        ),
        ComponentParser(
            .receiver,
            "skywalking",
            ports: .protocols([
                ProtocolRule("grpc", 11800, appProtocol: "grpc"), ProtocolRule("http", 12800, appProtocol: "http"),
            ])
        ),
        ComponentParser(
            .receiver,
            "jaeger",
            ports: .protocols([
                ProtocolRule("grpc", 14250, .tcp, appProtocol: "grpc"),
                ProtocolRule("thrift_http", 14268, .tcp, appProtocol: "http"),
                ProtocolRule("thrift_compact", 6831, .udp),
                ProtocolRule("thrift_binary", 6832, .udp),
            ])
        ),
        ComponentParser(
            .receiver,
            "loki",
            ports: .protocols([
                ProtocolRule("grpc", 9095, appProtocol: "grpc"), ProtocolRule("http", 3100, appProtocol: "http"),
            ])
        ),

        // Receivers with one endpoint.
        ComponentParser(.receiver, "awsxray", ports: .endpoint(EndpointRule(2000, .udp))),
        ComponentParser(.receiver, "carbon", ports: .endpoint(EndpointRule(2003))),
        ComponentParser(.receiver, "collectd", ports: .endpoint(EndpointRule(8081))),
        ComponentParser(.receiver, "fluent_forward", "fluentforward", ports: .endpoint(EndpointRule(8006))),
        ComponentParser(.receiver, "influxdb", ports: .endpoint(EndpointRule(8086))),
        ComponentParser(.receiver, "sapm", ports: .endpoint(EndpointRule(7276))),
        ComponentParser(.receiver, "signalfx", ports: .endpoint(EndpointRule(9943))),
        ComponentParser(.receiver, "splunk_hec", ports: .endpoint(EndpointRule(8088))),
        ComponentParser(.receiver, "statsd", ports: .endpoint(EndpointRule(8125, .udp))),
        ComponentParser(.receiver, "wavefront", ports: .endpoint(EndpointRule(2003))),
        ComponentParser(.receiver, "zipkin", ports: .endpoint(EndpointRule(9411, .tcp, appProtocol: "http"))),
        ComponentParser(
            .receiver,
            "tcp_log",
            "tcplog",
            ports: .endpoint(EndpointRule(nil, .tcp, setsTargetPort: false, isRequired: true))
        ),
        ComponentParser(
            .receiver,
            "udp_log",
            "udplog",
            ports: .endpoint(EndpointRule(nil, .udp, setsTargetPort: false, isRequired: true))
        ),

        // Receivers that ask the cluster.
        ComponentParser(.receiver, "prometheus", ports: .prometheusServer),
        ComponentParser(
            .receiver,
            "kubelet_stats",
            "kubeletstats",
            permissions: .kubeletStats,
            environment: [FieldVariable(name: "K8S_NODE_NAME", fieldPath: "spec.nodeName")]
        ),
        ComponentParser(
            .receiver,
            "k8s_events",
            permissions: .always([PolicyRule("", ["events"], ["get", "list", "watch"])])
        ),
        ComponentParser(.receiver, "k8s_cluster", permissions: .kubernetesCluster),
        ComponentParser(.receiver, "k8s_objects", "k8sobjects", permissions: .kubernetesObjects),

        // Receivers that fetch: their `endpoint` is where they connect to, never a port of the collector.
        ComponentParser(.receiver, "ssh_check", "sshcheck"),
        ComponentParser(.receiver, "cloud_foundry", "cloudfoundry"),
        ComponentParser(.receiver, "vcenter"),
        ComponentParser(.receiver, "oracledb"),
        ComponentParser(.receiver, "snmp"),
        ComponentParser(.receiver, "googlecloudpubsub"),
        ComponentParser(.receiver, "chrony"),
        ComponentParser(.receiver, "jmx"),
        ComponentParser(.receiver, "podman_stats"),
        ComponentParser(.receiver, "pulsar"),
        ComponentParser(.receiver, "docker_stats"),
        ComponentParser(.receiver, "aerospike"),
        ComponentParser(.receiver, "zookeeper"),
        ComponentParser(.receiver, "prometheus_simple"),
        ComponentParser(.receiver, "saphana"),
        ComponentParser(.receiver, "riak"),
        ComponentParser(.receiver, "redis"),
        ComponentParser(.receiver, "rabbitmq"),
        ComponentParser(.receiver, "purefb"),
        ComponentParser(.receiver, "postgresql"),
        ComponentParser(.receiver, "nsxt"),
        ComponentParser(.receiver, "nginx"),
        ComponentParser(.receiver, "mysql"),
        ComponentParser(.receiver, "memcached"),
        ComponentParser(.receiver, "http_check", "httpcheck"),
        ComponentParser(.receiver, "haproxy"),
        ComponentParser(.receiver, "flink_metrics", "flinkmetrics"),
        ComponentParser(.receiver, "couchdb"),
        ComponentParser(.receiver, "filelog"),

        ComponentParser(.exporter, "prometheus", ports: .endpoint(EndpointRule(8888, setsTargetPort: false))),

        ComponentParser(.extension, "health_check", ports: .healthCheck(defaultPort: 13133)),
        ComponentParser(.extension, "jaeger_query", ports: .jaegerQuery(defaultPort: 16686)),
        ComponentParser(
            .extension,
            "k8s_leader_elector",
            permissions: .always([
                PolicyRule(
                    "coordination.k8s.io",
                    ["leases"],
                    ["get", "list", "watch", "create", "update", "patch", "delete"]
                )
            ])
        ),
        ComponentParser(.extension, "k8s_observer", permissions: .kubernetesObserver),

        ComponentParser(.processor, "k8s_attributes", "k8sattributes", permissions: .kubernetesAttributes),
        ComponentParser(.processor, "resource_detection", "resourcedetection", permissions: .resourceDetection),
    ]

    private struct Key: Hashable {
        var kind: ComponentKind
        var type: String
    }

    private static let index: [Key: ComponentParser] = {
        var index: [Key: ComponentParser] = [:]
        for parser in parsers {
            for name in parser.names { index[Key(kind: parser.kind, type: name)] = parser }
        }
        return index
    }()

    /// A receiver nobody told us of: its `endpoint`, if it has a port, is a port of the collector.
    private static let unknownReceiver = ComponentParser(
        .receiver,
        ports: .endpoint(EndpointRule(nil, setsTargetPort: false))
    )

    static func isKnown(_ kind: ComponentKind, id: String) -> Bool {
        self.index[Key(kind: kind, type: CollectorConfiguration.type(ofComponent: id))] != nil
    }

    /// What is known of a component by its id, such as `otlp/2`.
    package static func parser(_ kind: ComponentKind, id: String) -> ComponentParser {
        if let known = self.index[Key(kind: kind, type: CollectorConfiguration.type(ofComponent: id))] { return known }
        return kind == .receiver ? self.unknownReceiver : ComponentParser(kind)
    }
}
