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
    /// Always the same.
    case always([PolicyRule])
    case kubernetesAttributes
    case resourceDetection
    case kubernetesCluster
    case kubernetesObjects
    case kubeletStats
    case kubernetesObserver
}
