package import AdmissionServer
import PodInjection
package import Rendering
package import TelemetryAPI

/// What the operator is told at its start; flags, environment and files are the executable's business.
package struct OperatorOptions: Sendable {
    package var kubeconfig: String?
    package var context: String?
    /// Where the operator itself lives: its Lease and its certificates. `nil` for a plain process without a namespace.
    package var ownNamespace: String?
    package var serviceAccountName: String?
    /// Names this process among replicas, such as the pod's name.
    package var identity: String?
    /// Namespaces to watch; empty for all.
    package var watchNamespaces: [String] = []

    package var servesWebhooks = true
    /// `webhook-server`: webhooks alone, without controllers and leadership.
    package var servesWebhooksOnly = false
    /// Namespaces whose pods the API server never sends, besides our own.
    package var excludedNamespaces: [String] = []
    /// `https://host:port` under which the API server reaches us; `nil` for the webhook Service.
    package var webhookURL: String?
    /// The Service through which the API server reaches us, and the Secret with our certificates, in our own namespace.
    package var webhookService = OperatorOptions.defaultWebhookService
    package var certificateSecret = OperatorOptions.certificateSecret
    package var webhookPolicy = WebhookPolicy()
    package var webhookHost: String?
    package var webhookPort = 9443
    /// How long serving certificates live, in seconds; `nil` for the standard.
    package var servingCertificateSeconds: Double?
    /// How long their authorities live, in seconds; `nil` for the standard.
    package var authoritySeconds: Double?
    package var metricsAddress = ":8443"
    package var isMetricsSecure = true
    /// The certificate of `/metrics`; `nil` for one of our own.
    package var metricsFiles: MetricsFiles?
    package var createsServiceMonitor = false
    /// Of the webhook and the metrics server.
    package var tls = TLSPolicy.standard
    /// `--enable-cr-metrics`.
    package var countsComponents = false
    package var healthAddress = ":8081"
    package var electsLeader = false
    package var leaseSeconds = 15
    package var maxConcurrentReconciles = 16
    package var ignoresMissingCollectors = false
    package var logFormat = LogFormat()
    /// What was set without effect, for the log.
    package var warnings: [String] = []
    /// Where the operator sends traces of its own: ports that its NetworkPolicy must let out.
    package var telemetryPorts: [Int] = []

    package var settings = OperatorSettings()
    /// Images of agents that differ from the compiled-in defaults.
    package var images: [Language: String] = [:]
    package var languages: Set<Language> = InjectionSettings.defaultLanguages
    package var allowsMultipleLanguages = true
    /// The mode without Instrumentation resources: what annotations with `true` mean then.
    package var staticInstrumentation: Instrumentation?

    package init() {}

    /// Paths of PEM files.
    package struct MetricsFiles: Sendable, Hashable {
        package var certificate: String
        package var key: String

        package init(certificate: String, key: String) {
            self.certificate = certificate
            self.key = key
        }
    }

    package static let defaultWebhookService = "opentelemetry-operator-webhook-service"
    package static let certificateSecret = "opentelemetry-operator-webhook-certificates"
    package static let deployment = "opentelemetry-operator-controller-manager"
    package static let lease = "9f7554c3.opentelemetry.io"
}
