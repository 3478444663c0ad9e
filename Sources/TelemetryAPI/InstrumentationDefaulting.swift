import JSONTree
import KubeModel

/// What the defaulting webhook does to an Instrumentation (specification section 1.4).
package struct InstrumentationDefaulting: Sendable {
    /// The operator's image for each language.
    package var images: [Language: String]

    /// - Parameter images: settings that override ``defaultImages``; empty ones count as unset.
    package init(images: [Language: String] = [:]) {
        self.images = Self.defaultImages.merging(images.filter { !$0.value.isEmpty }) { $1 }
    }

    private static let registry = "ghcr.io/open-telemetry/opentelemetry-operator/autoinstrumentation"

    /// The images of the Go operator 0.158.
    package static let defaultImages: [Language: String] = [
        .java: "\(Self.registry)-java:2.30.0",
        .nodejs: "\(Self.registry)-nodejs:0.78.0",
        .python: "\(Self.registry)-python:0.64b0",
        .dotnet: "\(Self.registry)-dotnet:1.16.0",
        .go: "ghcr.io/open-telemetry/opentelemetry-go-instrumentation/autoinstrumentation-go:v0.24.0",
        .apacheHttpd: "\(Self.registry)-apache-httpd:1.0.4",
        .nginx: "\(Self.registry)-apache-httpd:1.0.4",
    ]

    package func defaultImage(_ language: Language) -> String { self.images[language] ?? "" }

    /// Fills what is unset. Doing it again changes nothing.
    package func apply(to instrumentation: inout Instrumentation) {
        instrumentation.json.mutateObject("spec") { spec in
            for language in Language.withAgent {
                spec.mutateObject(language.specKey) { json in
                    var view = LanguageSpec(json, language: language)
                    self.apply(to: &view)
                    json = view.json
                }
            }
        }
        let spec = instrumentation.spec
        instrumentation.json.mutateObject("metadata") { metadata in
            metadata.mutateObject("annotations") { annotations in
                for language in Language.withAgent {
                    // An image that is an older default, as recorded, keeps its record: with a new one it would look like
                    // the user's own choice and never be upgraded again (sharp edges 46 and 47).
                    let recorded = annotations[string: language.defaultImageAnnotation] ?? ""
                    if !recorded.isEmpty, recorded == spec[language].image { continue }
                    annotations[string: language.defaultImageAnnotation] = self.defaultImage(language)
                }
            }
        }
    }

    private func apply(to language: inout LanguageSpec) {
        if language.image.isEmpty { language.image = self.defaultImage(language.language) }
        // A whole map or nothing: a user who limits only memory wants no CPU limit.
        var resources = language.resources ?? [:]
        if resources[object: "limits"] == nil { resources["limits"] = ["cpu": "500m", "memory": "256Mi"] }
        if resources[object: "requests"] == nil { resources["requests"] = .object(Self.requests(language.language)) }
        language.resources = resources
        switch language.language {
        case .apacheHttpd:
            if language.version.isEmpty { language.version = "2.4" }
            if language.configPath.isEmpty { language.configPath = "/usr/local/apache2/conf" }
        case .nginx:
            if language.configFile.isEmpty { language.configFile = "/etc/nginx/nginx.conf" }
        default: break
        }
    }

    private static func requests(_ language: Language) -> JSONObject {
        switch language {
        case .nodejs, .dotnet: ["cpu": "50m", "memory": "128Mi"]
        case .apacheHttpd, .nginx: ["cpu": "1m", "memory": "128Mi"]
        default: ["cpu": "50m", "memory": "64Mi"]
        }
    }
}
