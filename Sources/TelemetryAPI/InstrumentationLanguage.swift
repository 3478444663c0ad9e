/// What an Instrumentation can put into a pod: an agent for one language, or (``sdk``) only the settings that an SDK
/// compiled into the program reads.
///
/// The order of the cases is the order in which references are resolved and languages are injected (specification
/// sections 3.3.2 and 3.3.7). The raw value is the id used in annotations, status and events.
package enum Language: String, Sendable, Hashable, CaseIterable, Codable {
    case java
    case nodejs
    case python
    case dotnet
    case go
    case apacheHttpd = "apache-httpd"
    case nginx
    case sdk

    /// The languages that have an agent, in the order of the specification's tables: all but ``sdk``.
    package static let withAgent: [Language] = [.java, .nodejs, .python, .dotnet, .go, .apacheHttpd, .nginx]

    /// The order in which certificates are looked for (specification section 3.3.5).
    package static let materialOrder: [Language] = [
        .java, .nodejs, .python, .dotnet, .apacheHttpd, .nginx, .go, .sdk,
    ]

    /// The order in which volume settings are checked (specification section 1.5.3).
    package static let volumeCheckOrder: [Language] = [.apacheHttpd, .dotnet, .go, .java, .nginx, .nodejs, .python]

    /// The order of deprecation warnings (specification section 1.5.5).
    package static let deprecationOrder: [Language] = [.java, .nodejs, .python, .dotnet, .go, .apacheHttpd, .nginx]

    /// The id in annotations, status and events: `apache-httpd`.
    package var id: String { self.rawValue }

    /// The member of `spec`: `apacheHttpd`. For ``sdk``, which has none, `sdk`.
    package var specKey: String { self == .apacheHttpd ? "apacheHttpd" : self.rawValue }

    /// The member in texts of the validating webhook: `apachehttpd`.
    package var lowercasedSpecKey: String { self == .apacheHttpd ? "apachehttpd" : self.rawValue }

    /// The name in events: `Apache HTTPD`.
    package var displayName: String {
        switch self {
        case .java: "Java"
        case .nodejs: "NodeJS"
        case .python: "Python"
        case .dotnet: ".NET"
        case .go: "Go"
        case .apacheHttpd: "Apache HTTPD"
        case .nginx: "Nginx"
        case .sdk: "SDK"
        }
    }

    /// The member of its object that holds resource requirements (specification section 1.2).
    package var resourcesKey: String { self == .java ? "resources" : "resourceRequirements" }

    /// The pod or namespace annotation that asks for it: `instrumentation.opentelemetry.io/inject-java`.
    package var injectAnnotation: String { "instrumentation.opentelemetry.io/inject-\(self.id)" }

    /// The annotation with its own container names (specification section 4.1; nginx is irregular, sharp edge 9).
    package var containerNamesAnnotation: String {
        self == .nginx
            ? "instrumentation.opentelemetry.io/inject-nginx-container-names"
            : "instrumentation.opentelemetry.io/\(self.id)-container-names"
    }

    /// The annotation of the Instrumentation that records the default image it was last defaulted with.
    package var defaultImageAnnotation: String {
        "instrumentation.opentelemetry.io/default-auto-instrumentation-\(self.id)-image"
    }
}
