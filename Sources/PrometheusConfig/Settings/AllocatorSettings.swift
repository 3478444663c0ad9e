package import JSONTree
package import KubeModel
package import PrometheusModel

/// What the target allocator was told: built-in defaults, then its file, then the environment, then flags
/// (specification targetallocator.md section 2).
package struct AllocatorSettings: Sendable, Equatable {
    /// The second listener, with mutual TLS.
    package struct HTTPS: Sendable, Hashable {
        package var isEnabled = false
        package var listenAddress = ":8443"
        package var caFile = ""
        package var certificateFile = ""
        package var keyFile = ""
    }

    /// Which resources of one kind are taken.
    package struct Selection: Sendable, Hashable {
        /// By their own labels; `nil` takes none, an empty selector takes all.
        package var objects: LabelSelectorSetting?
        /// By the labels of their namespace.
        package var namespaces = LabelSelectorSetting()
    }

    /// The Prometheus operator's resources.
    package struct PrometheusCR: Sendable, Hashable {
        package var isEnabled = false
        package var allowNamespaces: [String] = []
        package var denyNamespaces: [String] = []
        /// Where referenced Secrets are looked for.
        package var secretNamespaces: [String] = []
        package var serviceMonitors = Selection()
        package var podMonitors = Selection()
        package var scrapeConfigs = Selection()
        package var probes = Selection()
        package var scrapeInterval = PrometheusDuration(milliseconds: 30_000)
        package var evaluationInterval: PrometheusDuration?
        package var scrapeProtocols = Array(ScrapeJobDraft.protocols.dropFirst())
        /// monitoring.coreos.com/v1 ScrapeClass.
        package var scrapeClasses: [JSONObject] = []
        package var deniesFileAccess = false

        /// What generated jobs take as `global`, in Prometheus' form.
        package var global: JSONObject {
            var global: JSONObject = ["scrape_interval": .string("\(self.scrapeInterval)")]
            global[strings: "scrape_protocols"] = self.scrapeProtocols
            global["evaluation_interval"] = self.evaluationInterval.map { .string("\($0)") }
            return global
        }
    }

    /// A target that moves stays with its old collector until the new one has fetched it.
    package struct HandOver: Sendable, Hashable {
        package var isEnabled = true
        package var deadline = GoDuration(nanoseconds: 60_000_000_000)
    }

    /// The `--zap-` flags as they were given, checked; empty is not given.
    package struct Log: Sendable, Hashable {
        package var isDevelopment = false
        package var encoder = ""
        package var level = ""
        package var stacktraceLevel = ""
        package var timeEncoding = ""
    }

    package var configFile = Self.defaultConfigFile
    package var listenAddress = ":8080"
    /// `~` is put in full where the environment says what it is.
    package var kubeconfigFile = "~/.kube/config"
    /// Which pods are collectors; see ``collectorPods``.
    package var collectorSelector: LabelSelectorSetting?
    package var collectorNamespace = ""
    package var allocationStrategy = "consistent-hashing"
    /// For targets that `per-node` can't place; empty for none.
    package var allocationFallbackStrategy = ""
    package var filterStrategy = Self.filteringStrategy
    package var collectorNotReadyGracePeriod = GoDuration(nanoseconds: 30_000_000_000)
    package var allowsInsecureAuthSecrets = false
    package var https = HTTPS()
    package var prometheusCR = PrometheusCR()
    package var metricReaders: [MetricReader] = []
    package var handOver = HandOver()
    /// Where the assignment is kept over a restart; empty for nowhere.
    package var stateFile = ""
    package var log = Log()
    /// `config` as it was given.
    package var config: JSONObject = [:]
    /// `config`, read.
    package var document = PrometheusDocument()
    /// What is odd about the settings, without being wrong; those of jobs are in ``document``.
    package var warnings: [ConfigProblem] = []

    package static let defaultConfigFile = "/conf/targetallocator.yaml"
    static let filteringStrategy = "relabel-config"
    static let strategies = ["consistent-hashing", "least-weighted", "per-node"]

    package init() {}

    /// The selector of collector pods. None at all means no pod: the Go operator takes every pod of the namespace then,
    /// itself too, and gives targets to pods that never ask for them.
    package var collectorPods: LabelSelector? { self.collectorSelector?.selector }

    /// Whether targets that their job's relabel rules drop are left out.
    package var filters: Bool { self.filterStrategy == Self.filteringStrategy }
}

/// A label selector as the allocator's file has it: `matchLabels` and `matchExpressions`, or the same in lower case.
package struct LabelSelectorSetting: Sendable, Hashable {
    package var selector: LabelSelector

    package init(_ selector: LabelSelector = LabelSelector()) { self.selector = selector }

    init(reading value: JSONValue) throws(FieldError) {
        let given = try FieldSchema.object(value)
        var json: JSONObject = [:]
        for (name, lower) in [("matchLabels", "matchlabels"), ("matchExpressions", "matchexpressions")] {
            guard let member = given[name] ?? given[lower], !member.isNull else { continue }
            do throws(FieldError) {
                json[name] = name == "matchLabels" ? try Self.labels(member) : member
            } catch {
                throw error.within(given.contains(name) ? name : lower)
            }
        }
        for name in given.keys where !Self.names.contains(name) {
            throw FieldError("unknown field \"\(name.abbreviated())\"", hint: "there are matchLabels, matchExpressions")
        }
        do {
            self.selector = try LabelSelector(json)
        } catch {
            throw FieldError(error.message)
        }
    }

    private static let names: Set<String> = ["matchLabels", "matchlabels", "matchExpressions", "matchexpressions"]

    /// Label values that YAML takes for numbers or booleans are texts all the same.
    private static func labels(_ value: JSONValue) throws(FieldError) -> JSONValue {
        try FieldSchema.convert(value, .textMap, keepsEmpty: false) ?? [:]
    }
}

/// One element of `telemetry.metrics.readers`: where the allocator's own metrics are pushed to.
package struct MetricReader: Sendable, Hashable {
    package enum Transport: Sendable, Hashable { case grpc, http }

    package struct Header: Sendable, Hashable {
        package var name: String
        /// May be a secret.
        package var value: String

        package init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    package enum Temporality: String, Sendable, Hashable, CaseIterable {
        case cumulative, delta
        case lowMemory = "low_memory"
    }

    package var interval: Duration
    package var timeout: Duration
    package var transport: Transport
    package var endpoint: String
    package var headers: [Header]
    package var temporality: Temporality
    /// Without TLS; for gRPC only, HTTP has it in the endpoint.
    package var isInsecure: Bool

    package init(
        interval: Duration = .seconds(60),
        timeout: Duration = .seconds(30),
        transport: Transport,
        endpoint: String,
        headers: [Header] = [],
        temporality: Temporality = .cumulative,
        isInsecure: Bool = false
    ) {
        self.interval = interval
        self.timeout = timeout
        self.transport = transport
        self.endpoint = endpoint
        self.headers = headers
        self.temporality = temporality
        self.isInsecure = isInsecure
    }
}

/// Why the allocator can't start with what it was told.
package struct AllocatorSettingsError: Error, Sendable, Hashable, CustomStringConvertible {
    /// One sentence each, the first is the one to mend first.
    package var messages: [String]
    /// Whether the command line is wrong, not a file or the environment.
    package var isUsage: Bool

    package init(_ messages: [String], isUsage: Bool = false) {
        self.messages = messages
        self.isUsage = isUsage
    }

    package var description: String { self.messages.joined(separator: "\n") }

    /// 2 for wrong use, 1 for a configuration that makes no sense.
    package var exitCode: Int32 { self.isUsage ? 2 : 1 }
}
