import JSONTree

/// One thing the target allocator can be told: by a key of its file, a variable of the environment, a flag, or several
/// of these.
package struct AllocatorSetting: Sendable {
    package enum Kind: String, Sendable, Hashable {
        case boolean = "true or false"
        case text
        case choice
        case duration = "duration of Go"
        case scrapeDuration = "duration of Prometheus"
        case list
        case selector = "label selector"
        case block = "mapping"
    }

    package enum Group: String, Sendable, Hashable, CaseIterable {
        case process = "Process and cluster"
        case collectors = "Collectors and allocation"
        case jobs = "Jobs"
        case https = "HTTPS"
        case resources = "Prometheus operator resources"
        case telemetry = "Telemetry of its own"
        case logs = "Logs"
    }

    typealias Apply = @Sendable (inout AllocatorSettings, JSONValue) throws(FieldError) -> Void

    /// Key of the file, with dots: `https.enabled`.
    package var key: String?
    package var variable: String?
    /// Without dashes.
    package var flag: String?
    package var kind: Kind
    package var choices: [String]
    /// The default as it would be written.
    package var preset: String
    package var help: String
    package var group: Group
    let apply: Apply

    init(
        key: String? = nil,
        env variable: String? = nil,
        flag: String? = nil,
        _ kind: Kind,
        choices: [String] = [],
        preset: String = "",
        _ group: Group,
        _ help: String,
        apply: @escaping Apply
    ) {
        self.key = key
        self.variable = variable
        self.flag = flag
        self.kind = kind
        self.choices = choices
        self.preset = preset
        self.help = help
        self.group = group
        self.apply = apply
    }

    /// `true or false`, `list`, or the words there are.
    package var kindText: String { self.choices.isEmpty ? self.kind.rawValue : self.choices.joined(separator: ", ") }
}

extension AllocatorSetting {
    typealias Path<Value> = WritableKeyPath<AllocatorSettings, Value> & Sendable

    static func boolean(
        _ key: String?,
        env: String? = nil,
        flag: String? = nil,
        preset: Bool = false,
        _ group: Group,
        _ help: String,
        _ path: any Path<Bool>
    ) -> Self {
        Self(key: key, env: env, flag: flag, .boolean, preset: "\(preset)", group, help) {
            (settings, value) throws(FieldError) in settings[keyPath: path] = try FieldSchema.flag(value)
        }
    }

    static func text(
        _ key: String?,
        env: String? = nil,
        flag: String? = nil,
        preset: String = "",
        _ group: Group,
        _ help: String,
        _ path: any Path<String>
    ) -> Self {
        Self(key: key, env: env, flag: flag, .text, preset: preset, group, help) {
            (settings, value) throws(FieldError) in settings[keyPath: path] = try FieldSchema.text(value)
        }
    }

    static func choice(
        _ key: String?,
        flag: String? = nil,
        _ choices: [String],
        preset: String = "",
        _ group: Group,
        _ help: String,
        _ path: any Path<String>
    ) -> Self {
        Self(key: key, flag: flag, .choice, choices: choices, preset: preset, group, help) {
            (settings, value) throws(FieldError) in
            let text = try FieldSchema.text(value)
            guard choices.contains(text) || text.isEmpty && preset.isEmpty else {
                throw FieldSchema.notOneOf(choices, text)
            }
            settings[keyPath: path] = text
        }
    }

    static func list(
        _ key: String,
        preset: String = "",
        _ group: Group,
        _ help: String,
        _ path: any Path<[String]>
    ) -> Self {
        Self(key: key, .list, preset: preset, group, help) { (settings, value) throws(FieldError) in
            settings[keyPath: path] = try FieldSchema.texts(value)
        }
    }

    static func selector(_ key: String, _ help: String, _ path: any Path<LabelSelectorSetting?>) -> Self {
        Self(key: key, .selector, preset: "null", .resources, help) { (settings, value) throws(FieldError) in
            settings[keyPath: path] = try LabelSelectorSetting(reading: value)
        }
    }

    static func namespaceSelector(_ key: String, _ help: String, _ path: any Path<LabelSelectorSetting>) -> Self {
        Self(key: key, .selector, preset: "{}", .resources, help) { (settings, value) throws(FieldError) in
            settings[keyPath: path] = try LabelSelectorSetting(reading: value)
        }
    }
}
