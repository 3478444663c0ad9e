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

    /// - Parameter defaultImage: for an Instrumentation that names none.
    init(_ instrumentation: Instrumentation, _ language: Language, defaultImage: String? = nil) {
        let spec = instrumentation.spec
        let exporter = spec.exporter
        self.key = instrumentation.key
        var languageSpec = spec[language]
        if let defaultImage, languageSpec.image.isEmpty { languageSpec.image = defaultImage }
        self.language = languageSpec
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
