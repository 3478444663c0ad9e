import JSONTree
import PrometheusModel
import YAMLTree

extension AllocatorSettings {
    /// Puts together what was said in all places.
    ///
    /// - Parameters:
    ///   - file: the text of the configuration file, `nil` for none.
    ///   - environment: of the process.
    ///   - flags: those that were given, by their name without dashes.
    /// - Throws: ``AllocatorSettingsError`` when the allocator can't work with it. Jobs with problems are no reason.
    package static func load(
        file: String?,
        environment: [String: String] = [:],
        flags: [String: String] = [:]
    ) throws(AllocatorSettingsError) -> AllocatorSettings {
        var settings = AllocatorSettings()
        try settings.take(flags: flags)
        // Flags come last, but a wrong one is told first: it is nearest to whoever types.
        settings = AllocatorSettings()
        var problems: [String] = []
        let json = try Self.read(file)
        settings.take(file: json, &problems)
        settings.take(environment: environment)
        try settings.take(flags: flags)
        settings.complete(environment)
        do throws(ConfigProblem) {
            settings.document = try PrometheusDocument(json: settings.config)
        } catch {
            problems.append(error.within("config").description)
        }
        settings.metricReaders = MetricReader.read(json, environment, &problems, &settings.warnings)
        if !problems.isEmpty { throw AllocatorSettingsError(problems) }
        problems = settings.contradictions
        if !problems.isEmpty { throw AllocatorSettingsError(problems) }
        return settings
    }

    // MARK: - File

    private static func read(_ text: String?) throws(AllocatorSettingsError) -> JSONObject {
        guard let text else { return [:] }
        let value: JSONValue
        do {
            value = try YAMLReader.document(in: text, dialect: .trueFalseOnly)
        } catch {
            throw AllocatorSettingsError(["\(error)"])
        }
        switch value {
        case .null: return [:]
        case .object(let object): return object
        default:
            throw AllocatorSettingsError([
                "the configuration file must be a mapping of keys to values, not \(FieldSchema.shown(value))"
            ])
        }
    }

    private mutating func take(file: JSONObject, _ problems: inout [String]) {
        for setting in AllocatorSettingCatalog.all {
            guard let key = setting.key else { continue }
            guard let value = Self.value(at: key, of: file), !value.isNull else { continue }
            do throws(FieldError) {
                try setting.apply(&self, value)
            } catch {
                problems.append(error.within(key).problem(job: nil).description)
            }
        }
        self.checkKeys(of: file, within: "", &problems)
    }

    private static func value(at key: String, of file: JSONObject) -> JSONValue? {
        var value = JSONValue.object(file)
        for name in key.split(separator: ".") {
            guard let next = value[String(name)] else { return nil }
            value = next
        }
        return value
    }

    /// Unknown keys are left out, as the Go allocator does, but told: most are slips.
    private mutating func checkKeys(of object: JSONObject, within path: String, _ problems: inout [String]) {
        let known = AllocatorSettingCatalog.all.compactMap(\.key)
        for (name, value) in object {
            let key = path.isEmpty ? name : "\(path).\(name)"
            if known.contains(key) { continue }
            if known.contains(where: { $0.hasPrefix("\(key).") }) {
                switch value {
                case .object(let group): self.checkKeys(of: group, within: key, &problems)
                case .null: continue
                default: problems.append("\(key): must be a mapping, not \(FieldSchema.shown(value))")
                }
                continue
            }
            let prefix = path.isEmpty ? "" : "\(path)."
            let siblings = known.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
            let near = Spelling.nearest(to: name, among: siblings)
            self.warnings.append(
                ConfigProblem(
                    path: key.abbreviated(),
                    message: "unknown key, left out",
                    hint: near.map { "did you mean \(prefix)\($0)?" } ?? ""
                )
            )
        }
    }

    // MARK: - Environment and flags

    private mutating func take(environment: [String: String]) {
        if let namespace = environment["OTELCOL_NAMESPACE"] { self.collectorNamespace = namespace }
        if environment["ALLOW_INSECURE_AUTH_SECRETS"] == "true" { self.allowsInsecureAuthSecrets = true }
    }

    private mutating func take(flags: [String: String]) throws(AllocatorSettingsError) {
        for (name, text) in flags.sorted(by: { $0.key < $1.key }) {
            guard let setting = AllocatorSettingCatalog.flags[name] else {
                throw AllocatorSettingsError([AllocatorFlags.unknown(name)], isUsage: true)
            }
            do throws(FieldError) {
                if setting.kind == .boolean {
                    guard let flag = goBoolean(text) else {
                        throw FieldError("\"\(text.abbreviated())\" is not true or false")
                    }
                    try setting.apply(&self, .bool(flag))
                } else {
                    try setting.apply(&self, .string(text))
                }
            } catch {
                throw AllocatorSettingsError(
                    [error.within("--\(name)").problem(job: nil).description],
                    isUsage: true
                )
            }
        }
    }

    // MARK: - All together

    private mutating func complete(_ environment: [String: String]) {
        if self.kubeconfigFile.hasPrefix("~/"), let home = environment["HOME"], !home.isEmpty {
            self.kubeconfigFile = home + self.kubeconfigFile.dropFirst()
        }
        if self.prometheusCR.secretNamespaces.isEmpty, !self.collectorNamespace.isEmpty {
            self.prometheusCR.secretNamespaces = [self.collectorNamespace]
        }
        if self.collectorSelector == nil {
            self.warnings.append(
                ConfigProblem(
                    path: "collector_selector",
                    message: "is not given, so no pod is a collector and targets are nobody's",
                    hint: "give the labels of the collectors' pods, or {} for every pod of the namespace"
                )
            )
        }
        if !self.filters, !self.filterStrategy.isEmpty,
            Spelling.nearest(to: self.filterStrategy, among: [Self.filteringStrategy]) != nil
        {
            self.warnings.append(
                ConfigProblem(
                    path: "filter_strategy",
                    message: "\"\(self.filterStrategy.abbreviated())\" switches the filter off",
                    hint: "did you mean \(Self.filteringStrategy)?"
                )
            )
        }
    }

    /// What can't be together; the first four in the words and the order of the Go allocator.
    private var contradictions: [String] {
        var messages: [String] = []
        if !self.prometheusCR.isEnabled && self.document.scrapeConfigCount == 0 {
            messages.append(
                "at least one scrape config must be defined, or Prometheus CR watching must be enabled"
            )
        }
        if self.collectorNamespace.isEmpty { messages.append("collector namespace must be set") }
        if !self.prometheusCR.allowNamespaces.isEmpty && !self.prometheusCR.denyNamespaces.isEmpty {
            messages.append("only one of allowNamespaces or denyNamespaces can be set")
        }
        if self.https.isEnabled {
            let files = [
                ("ca_file_path", self.https.caFile), ("tls_cert_file_path", self.https.certificateFile),
                ("tls_key_file_path", self.https.keyFile),
            ]
            for (key, path) in files where path.isEmpty {
                messages.append("https.\(key): must be set when https.enabled is true")
            }
        }
        return messages
    }
}

/// Go's `ParseBool`; `nil` for what it refuses.
private func goBoolean(_ text: String) -> Bool? {
    if ["1", "t", "T", "true", "TRUE", "True"].contains(text) { return true }
    if ["0", "f", "F", "false", "FALSE", "False"].contains(text) { return false }
    return nil
}
