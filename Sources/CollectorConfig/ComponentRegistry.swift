import JSONTree

/// What the operator knows of one type of component: one entry of ``ComponentRegistry``.
///
/// To teach it a component, add one entry with the names it goes by and what follows from its body.
package struct ComponentParser: Sendable {
    package var kind: ComponentKind
    /// The type as the collector spells it now, then the names it used to have.
    package var names: [String]
    package var ports: PortRule
    package var permissions: PermissionRule
    /// Environment variables its default configuration reads, and the pod field each takes its value from.
    package var environment: [FieldVariable]

    package init(
        _ kind: ComponentKind,
        _ names: String...,
        ports: PortRule = .none,
        permissions: PermissionRule = .none,
        environment: [FieldVariable] = []
    ) {
        self.kind = kind
        self.names = names
        self.ports = ports
        self.permissions = permissions
        self.environment = environment
    }
}

/// A transport protocol of a port.
package enum Transport: String, Sendable, Hashable {
    case tcp = "TCP"
    case udp = "UDP"
}

/// An environment variable that takes its value from a field of the pod.
package struct FieldVariable: Sendable, Hashable {
    package var name: String
    package var fieldPath: String

    package init(name: String, fieldPath: String) {
        self.name = name
        self.fieldPath = fieldPath
    }
}

/// How the ports of a component follow from its body.
package enum PortRule: Sendable, Hashable {
    /// Never a port.
    case none
    /// `endpoint`, or `listen_address` when that is empty.
    case endpoint(EndpointRule)
    /// One endpoint for each member of `protocols`.
    case protocols([ProtocolRule])
    /// `api_server.server_config.endpoint` of the prometheus receiver, when that server is enabled.
    case prometheusServer
    /// `endpoint` of the health_check extension, which always has a port.
    case healthCheck(defaultPort: Int)
    /// `http.endpoint` and, when it differs, `grpc.endpoint` of the jaeger_query extension.
    case jaegerQuery(defaultPort: Int)
}

/// A component with one endpoint.
package struct EndpointRule: Sendable, Hashable {
    /// Used when the body names none; nil for components without a default.
    package var defaultPort: Int?
    package var transport: Transport?
    package var appProtocol: String?
    /// Services then name the target port too.
    package var setsTargetPort: Bool
    /// Without a port the configuration is refused.
    package var isRequired: Bool

    package init(
        _ defaultPort: Int?,
        _ transport: Transport? = nil,
        appProtocol: String? = nil,
        setsTargetPort: Bool = true,
        isRequired: Bool = false
    ) {
        self.defaultPort = defaultPort
        self.transport = transport
        self.appProtocol = appProtocol
        self.setsTargetPort = setsTargetPort
        self.isRequired = isRequired
    }
}

/// One protocol of a component with several.
package struct ProtocolRule: Sendable, Hashable {
    package var name: String
    package var defaultPort: Int
    package var transport: Transport?
    package var appProtocol: String?

    package init(_ name: String, _ defaultPort: Int, _ transport: Transport? = nil, appProtocol: String? = nil) {
        self.name = name
        self.defaultPort = defaultPort
        self.transport = transport
        self.appProtocol = appProtocol
    }
}

/// How the cluster permissions of a component follow from its body (specification section 6.1).
package enum PermissionRule: Sendable, Hashable {
    case none
    case kubernetesAttributes
    case resourceDetection
    case kubernetesCluster
    case kubernetesEvents
    case kubernetesObjects
    case kubeletStats
    case leaderElector
    case kubernetesObserver
}

/// All components the operator knows (specification section 5): 58, with 11 further names.
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
        ComponentParser(.receiver, "k8s_events", permissions: .kubernetesEvents),
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
        ComponentParser(.extension, "k8s_leader_elector", permissions: .leaderElector),
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

    /// What is known of a component by its id, such as `otlp/2`.
    package static func parser(_ kind: ComponentKind, id: String) -> ComponentParser {
        if let known = self.index[Key(kind: kind, type: CollectorConfiguration.type(ofComponent: id))] { return known }
        return kind == .receiver ? self.unknownReceiver : ComponentParser(kind)
    }
}
