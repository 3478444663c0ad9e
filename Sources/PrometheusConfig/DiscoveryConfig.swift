package import PrometheusModel

/// One way in which a job finds its targets. Each configuration is checked and has its defaults.
package enum DiscoveryConfig: Sendable, Equatable {
    /// All of a job's `static_configs`.
    case statics([TargetGroup])
    case kubernetes(KubernetesDiscovery)
    case file(FileDiscovery)
    case http(HTTPDiscovery)
    case dns(DNSDiscovery)
}

/// An element of `kubernetes_sd_configs`.
package struct KubernetesDiscovery: Sendable, Hashable {
    package enum Role: String, Sendable, Hashable, CaseIterable {
        case pod, service, endpoints, endpointslice, node, ingress
    }

    /// Narrows what is listed of one kind; both texts are as the API server takes them.
    package struct Selector: Sendable, Hashable {
        package var role: Role
        package var label: String
        package var field: String

        package init(role: Role, label: String = "", field: String = "") {
            self.role = role
            self.label = label
            self.field = field
        }
    }

    package var role: Role
    package var apiServer: String?
    package var kubeconfigFile: String?
    package var http: HTTPClientSettings
    /// Empty means all.
    package var namespaces: [String]
    /// Also, or only, the namespace that the process runs in.
    package var ownNamespace: Bool
    package var selectors: [Selector]
    package var attachNode: Bool
    package var attachNamespace: Bool

    package init(
        role: Role,
        apiServer: String? = nil,
        kubeconfigFile: String? = nil,
        http: HTTPClientSettings = HTTPClientSettings(),
        namespaces: [String] = [],
        ownNamespace: Bool = false,
        selectors: [Selector] = [],
        attachNode: Bool = false,
        attachNamespace: Bool = false
    ) {
        self.role = role
        self.apiServer = apiServer
        self.kubeconfigFile = kubeconfigFile
        self.http = http
        self.namespaces = namespaces
        self.ownNamespace = ownNamespace
        self.selectors = selectors
        self.attachNode = attachNode
        self.attachNamespace = attachNamespace
    }
}

/// An element of `file_sd_configs`.
package struct FileDiscovery: Sendable, Hashable {
    /// Paths whose last part may have `*`.
    package var files: [String]
    package var refreshInterval: PrometheusDuration

    package init(files: [String], refreshInterval: PrometheusDuration = PrometheusDuration(milliseconds: 300_000)) {
        self.files = files
        self.refreshInterval = refreshInterval
    }
}

/// An element of `http_sd_configs`.
package struct HTTPDiscovery: Sendable, Hashable {
    package var url: String
    package var refreshInterval: PrometheusDuration
    package var http: HTTPClientSettings

    package init(
        url: String,
        refreshInterval: PrometheusDuration = PrometheusDuration(milliseconds: 60_000),
        http: HTTPClientSettings = HTTPClientSettings()
    ) {
        self.url = url
        self.refreshInterval = refreshInterval
        self.http = http
    }
}

/// An element of `dns_sd_configs`.
package struct DNSDiscovery: Sendable, Hashable {
    package enum RecordType: String, Sendable, Hashable, CaseIterable {
        case srv = "SRV"
        case a = "A"
        case aaaa = "AAAA"
        case mx = "MX"
        case ns = "NS"
    }

    package var names: [String]
    package var type: RecordType
    /// 0 for SRV records, which say it themselves.
    package var port: Int
    package var refreshInterval: PrometheusDuration

    package init(
        names: [String],
        type: RecordType = .srv,
        port: Int = 0,
        refreshInterval: PrometheusDuration = PrometheusDuration(milliseconds: 30_000)
    ) {
        self.names = names
        self.type = type
        self.port = port
        self.refreshInterval = refreshInterval
    }
}
