import JSONTree
import KubeModel
import TelemetryAPI

/// What an Instrumentation says, read once per language instead of once per container and variable.
final class InstrumentationSettings: Sendable {
    let key: ObjectKey
    let language: LanguageSpec
    let languageEnvironment: [EnvVar]
    let environment: [EnvVar]
    let endpoint: String
    let tls: InstrumentationTLS?
    let resourceAttributes: [Attribute]
    let addsKubernetesUIDs: Bool
    let usesLabels: Bool
    /// Joined by commas.
    let propagators: String
    let samplerType: String
    let samplerArgument: String
    /// Empty when unset.
    let imagePullPolicy: String
    let initContainerSecurityContext: JSONObject?

    init(_ instrumentation: Instrumentation, _ language: Language) {
        let spec = instrumentation.spec
        let exporter = spec.exporter
        self.key = instrumentation.key
        self.language = spec[language]
        self.languageEnvironment = self.language.env
        self.environment = spec.env
        self.endpoint = exporter.endpoint
        self.tls = exporter.tls
        self.resourceAttributes = spec.resourceAttributes.members.compactMap { member in
            member.value.string.map { Attribute(key: member.key, value: $0) }
        }
        self.addsKubernetesUIDs = spec.addsKubernetesUIDs
        self.usesLabels = spec.usesLabelsForResourceAttributes
        self.propagators = spec.propagators.joined(separator: ",")
        self.samplerType = spec.samplerType
        self.samplerArgument = spec.samplerArgument
        self.imagePullPolicy = spec.imagePullPolicy
        self.initContainerSecurityContext = spec.initContainerSecurityContext
    }
}
