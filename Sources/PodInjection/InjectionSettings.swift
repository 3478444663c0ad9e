package import TelemetryAPI

/// What the operator's settings say about injection (specification section 2).
package struct InjectionSettings: Sendable {
    /// Languages that may be injected. ``Language/sdk`` cannot be switched off.
    package var enabledLanguages: Set<Language>
    /// Whether a pod may ask for several languages, each with its own containers.
    package var allowsMultipleLanguages: Bool
    /// Whether sidecars are init containers with `restartPolicy: Always`: from Kubernetes 1.29 on.
    package var usesNativeSidecars: Bool
    /// The Instrumentation of the configuration file, in the mode without custom resources (specification section 1.7).
    package var staticInstrumentation: Instrumentation?
    /// Images for Instrumentations that were stored while no webhook was there to default them.
    package var defaultImages: [Language: String]
    /// What was read from Instrumentations, for the next pods.
    let memory = InstrumentationMemory()

    package init(
        enabledLanguages: Set<Language> = Self.defaultLanguages,
        allowsMultipleLanguages: Bool = true,
        usesNativeSidecars: Bool = false,
        staticInstrumentation: Instrumentation? = nil,
        defaultImages: [Language: String] = [:]
    ) {
        self.enabledLanguages = enabledLanguages
        self.allowsMultipleLanguages = allowsMultipleLanguages
        self.usesNativeSidecars = usesNativeSidecars
        self.staticInstrumentation = staticInstrumentation
        self.defaultImages = defaultImages
    }

    /// What is enabled when nothing is set; the shipped Deployment enables nginx as well.
    package static let defaultLanguages: Set<Language> = [.java, .nodejs, .python, .dotnet, .apacheHttpd]

    func isEnabled(_ language: Language) -> Bool { language == .sdk || self.enabledLanguages.contains(language) }
}
