import KubeModel

/// Which images of stored Instrumentations follow the operator's defaults when it starts (specification section 1.6).
package enum InstrumentationUpgrade {
    /// What to do with one Instrumentation.
    package struct Plan: Sendable, Hashable {
        /// The object with new images and annotations; equal to the old one when nothing follows.
        package var instrumentation: Instrumentation
        /// Language id to message; replaces `status.upgradeBlockedVersions`.
        package var blocked: [String: String]
        /// The events to emit: of each blocked language, the action (which must differ per language) and the note.
        package var events: [(action: String, note: String)] {
            Language.withAgent.compactMap { language in
                self.blocked[language.id].map { ("Upgrade-\(language.id)", $0) }
            }
        }
    }

    /// The plan for an instance as it is stored.
    ///
    /// - Parameter isEnabled: whether a language is switched on; others are left alone.
    package static func plan(
        _ instrumentation: Instrumentation,
        defaults: InstrumentationDefaulting,
        isEnabled: (Language) -> Bool
    ) -> Plan {
        var plan = Plan(instrumentation: instrumentation, blocked: [:])
        let annotations = instrumentation.metadata.annotations
        for language in Language.withAgent {
            guard let recorded = annotations[language.defaultImageAnnotation], !recorded.isEmpty, isEnabled(language)
            else {
                continue
            }
            let wanted = defaults.defaultImage(language)
            if let message = Self.blockedMessage(language, image: recorded, defaultImage: wanted) {
                plan.blocked[language.id] = Self.note(language, message)
                continue
            }
            let image = instrumentation.spec[language].image
            // An image that the user chose stays.
            guard image == recorded, image != wanted else { continue }
            var spec = plan.instrumentation.spec
            spec[language].image = wanted
            plan.instrumentation.spec = spec
            var metadata = plan.instrumentation.metadata
            metadata.annotations[language.defaultImageAnnotation] = wanted
            plan.instrumentation.metadata = metadata
        }
        return plan
    }

    private static func note(_ language: Language, _ message: String) -> String {
        let reason = message.isEmpty ? "version is marked as unupgradable. Manual upgrade required." : message
        return "Automated upgrade blocked for \(language.id): \(reason)"
    }

    /// Versions that an image is not moved across by itself, with the reason.
    private static let breakingVersions: [Language: [(version: String, message: String)]] = [
        .dotnet: [("1.3.0", Self.breaking(".NET", "1.3.0"))],
        .java: [("2.0.0", Self.breaking("Java", "2.0.0"))],
    ]

    private static func breaking(_ name: String, _ version: String) -> String {
        "\(name) instrumentation \(version) contains breaking HTTP semantic convention changes. See "
            + "https://opentelemetry.io/blog/2023/http-conventions-declared-stable/ for a general description of the changes. "
            + "To upgrade, manually set the image on this Instrumentation resource to \(version) or higher."
    }

    /// Why an image is not replaced by the default one; `nil` when it may be, empty for a reason without a text.
    package static func blockedMessage(_ language: Language, image: String, defaultImage: String) -> String? {
        let (repository, tag) = Self.split(image)
        let (defaultRepository, defaultTag) = Self.split(defaultImage)
        guard repository == defaultRepository, let table = Self.breakingVersions[language] else { return nil }
        guard let version = SemanticVersion(lenient: tag), let wanted = SemanticVersion(lenient: defaultTag) else {
            return table.first { $0.version == tag }?.message
        }
        return table.first { entry in
            guard let breaking = SemanticVersion(lenient: entry.version) else { return entry.version == tag }
            return version < breaking && breaking <= wanted
        }?.message
    }

    private static func split(_ image: String) -> (repository: String, tag: String) {
        guard let colon = image.utf8.lastIndex(of: UInt8(ascii: ":")),
            !image.utf8[colon...].contains(UInt8(ascii: "/"))
        else { return (image, "latest") }
        return (String(image[..<colon]), String(image[image.utf8.index(after: colon)...]))
    }
}
