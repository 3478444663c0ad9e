import JSONTree
import KubeModel
import Synchronization
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

/// What was read from Instrumentations, kept from one pod to the next: a thousand pods ask for the same few.
final class InstrumentationMemory: Sendable {
    private struct Key: Hashable {
        var instrumentation: ObjectKey
        var language: Language
    }

    private struct Entry {
        var source: JSONObject
        var defaultImage: String?
        var settings: InstrumentationSettings
    }

    /// A changed Instrumentation takes the place of its former self. Deleted ones stay until there are so many.
    private static let capacity = 1024

    private let entries = Mutex<[Key: Entry]>([:])

    func settings(
        of instrumentation: Instrumentation,
        _ language: Language,
        defaultImage: String?
    ) -> InstrumentationSettings {
        let key = Key(instrumentation: instrumentation.key, language: language)
        return self.entries.withLock { entries in
            // Trees are compared by their storage alone, which the entry holds on to: an unchanged store has the same.
            if let known = entries[key], known.source.isIdentical(to: instrumentation.json),
                known.defaultImage == defaultImage
            {
                return known.settings
            }
            let settings = InstrumentationSettings(instrumentation, language, defaultImage: defaultImage)
            if entries.count >= Self.capacity { entries = [:] }
            entries[key] = Entry(source: instrumentation.json, defaultImage: defaultImage, settings: settings)
            return settings
        }
    }
}
