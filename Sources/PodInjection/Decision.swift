package import KubeModel
package import TelemetryAPI

/// What became of one thing that was asked for, and if it didn't happen, why and how to mend it.
package struct Decision: Sendable, Hashable {
    /// What was asked for.
    package enum Subject: Sendable, Hashable {
        case language(Language)
        case sidecar
        /// Nothing of it in particular: there is nothing that it asks for.
        case pod

        /// `java`, …, `sidecar`: a bounded label for metrics.
        package var id: String {
            switch self {
            case .pod: "pod"
            case .language(let language): language.id
            case .sidecar: "sidecar"
            }
        }
    }

    package var subject: Subject
    package var code: ReasonCode
    /// A sentence for people; empty when there is nothing to say beyond the code.
    package var message: String
    /// The containers that were changed, or the one that was refused.
    package var containers: [String]
    /// The Instrumentation or collector that was used.
    package var source: ObjectKey?

    package init(
        _ subject: Subject,
        _ code: ReasonCode,
        _ message: String = "",
        containers: [String] = [],
        source: ObjectKey? = nil
    ) {
        self.subject = subject
        self.code = code
        self.message = message
        self.containers = containers
        self.source = source
    }
}

/// Why a decision is what it is: stable words for metrics, events and people. New ones may come.
package struct ReasonCode: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
    package let rawValue: String

    package init(rawValue: String) { self.rawValue = rawValue }
    private init(_ rawValue: String) { self.rawValue = rawValue }

    package var description: String { self.rawValue }

    /// Whether it says that something that was asked for did not happen.
    package var isRefusal: Bool {
        switch self {
        case .injected, .removed, .noAnnotation, .alreadyInstrumented, .leftOut: false
        default: true
        }
    }

    /// It was done.
    package static let injected = ReasonCode("Injected")
    /// `sidecar.opentelemetry.io/inject: false` took a sidecar away.
    package static let removed = ReasonCode("Removed")

    /// Neither the pod nor its namespace asks for it.
    package static let noAnnotation = ReasonCode("NoAnnotation")
    package static let instrumentationNotFound = ReasonCode("InstrumentationNotFound")
    package static let ambiguousInstrumentation = ReasonCode("AmbiguousInstrumentation")
    package static let collectorNotFound = ReasonCode("CollectorNotFound")
    package static let ambiguousCollector = ReasonCode("AmbiguousCollector")
    package static let collectorNotSidecar = ReasonCode("CollectorNotSidecar")
    package static let collectorInvalid = ReasonCode("CollectorInvalid")
    package static let languageDisabled = ReasonCode("LanguageDisabled")
    package static let alreadyInstrumented = ReasonCode("AlreadyInstrumented")
    /// A variable that injection would have to change comes from elsewhere (`valueFrom`).
    package static let envFromConflict = ReasonCode("EnvFromConflict")
    /// A variable is set that excludes the agent.
    package static let environmentConflict = ReasonCode("EnvironmentConflict")
    package static let unsupportedPlatform = ReasonCode("UnsupportedPlatform")
    package static let containerNotFound = ReasonCode("ContainerNotFound")
    /// The pod has no container that the language could go into.
    package static let noContainer = ReasonCode("NoContainer")
    package static let invalidContainerNames = ReasonCode("InvalidContainerNames")
    package static let duplicateContainerNames = ReasonCode("DuplicateContainerNames")
    /// Several languages, and it isn't said which container is for which.
    package static let missingContainerNames = ReasonCode("MissingContainerNames")
    package static let unsupportedContainer = ReasonCode("UnsupportedContainer")
    package static let certificatesNotFound = ReasonCode("CertificatesNotFound")
    package static let imageNotSet = ReasonCode("ImageNotSet")
    package static let processNamespaceNotShared = ReasonCode("ProcessNamespaceNotShared")
    package static let targetExecutableNotSet = ReasonCode("TargetExecutableNotSet")
    /// A container of the pod has the name that one to be added needs.
    package static let nameConflict = ReasonCode("NameConflict")
    /// The pod mounts something of its own where the agent goes.
    package static let mountConflict = ReasonCode("MountConflict")
    /// Apache HTTPD and nginx in one pod would share the volume of their configuration.
    package static let languageConflict = ReasonCode("LanguageConflict")
    package static let namespaceNotFound = ReasonCode("NamespaceNotFound")
    package static let lookupFailed = ReasonCode("LookupFailed")
    /// Done for its own part, but all changes were given up because another part failed.
    package static let discarded = ReasonCode("Discarded")
    /// In a stamp: there is more to say than it has room for.
    package static let leftOut = ReasonCode("LeftOut")
    /// Not by the webhook, which was not asked: found later.
    package static let webhookNotAsked = ReasonCode("WebhookNotAsked")
}
