import JSONTree

/// What the operator was told, of every ``SettingCatalog`` setting: a flag wins over the environment, that over the
/// configuration file, that over the default.
///
/// Made of values only; a setting that can't be used is found here, whoever looks at it later.
package struct SettingValues: Sendable {
    /// Where a value comes from.
    package enum Source: Sendable, Hashable {
        case preset, file, environment, flag
    }

    private enum Value: Hashable {
        case text(String)
        case list([String])
    }

    private var values: [String: (value: Value, source: Source)] = [:]
    package let file: ConfigFile
    /// What was said that has no effect, or not the one that somebody may have meant.
    package private(set) var warnings: [String] = []

    /// - Throws: ``SettingError`` for the first value that is none of its setting, and for keys of the file that nothing
    ///   is known by.
    package init(
        flags: CommandLineFlags = CommandLineFlags(),
        environment: [String: String] = [:],
        file: ConfigFile = ConfigFile()
    ) throws(SettingError) {
        self.file = file
        do throws(ConfigFileError) {
            try self.checkKeys()
        } catch {
            throw Self.refusal(file, error)
        }
        for setting in SettingCatalog.all {
            let given = try self.given(setting, flags, environment)
            if let given { self.values[setting.name] = given }
            if let given, let reason = setting.reasonWithoutUse, !self.isDefault(given.value, of: setting) {
                self.warnings.append("\(Self.place(setting, given.source)) has no effect: \(reason)")
            }
        }
        self.warnings += Self.slips(in: environment)
    }

    // MARK: Values

    /// The value as it would be written; of a list its words with commas.
    package func text(_ setting: Setting) -> String {
        switch self.values[setting.name]?.value {
        case .text(let text)?: text
        case .list(let words)?: words.joined(separator: ",")
        case nil: setting.preset
        }
    }

    /// The same, `nil` where it is empty.
    package func textIfAny(_ setting: Setting) -> String? {
        let text = self.text(setting)
        return text.isEmpty ? nil : text
    }

    package func isOn(_ setting: Setting) -> Bool { goBoolean(self.text(setting)) ?? false }

    /// 0 where the default is no number, which no setting of that kind has.
    package func number(_ setting: Setting) -> Int { Int(self.text(setting)) ?? 0 }

    package func list(_ setting: Setting) -> [String] {
        switch self.values[setting.name]?.value {
        case .text(let text)?: [text]
        case .list(let words)?: words
        // Expressions hold commas of their own, and the default of such a setting is one expression.
        case nil where setting.kind == .patterns: setting.preset.isEmpty ? [] : [setting.preset]
        case nil: Self.words(setting.preset)
        }
    }

    package func source(_ setting: Setting) -> Source { self.values[setting.name]?.source ?? .preset }

    /// The error for a value that turned out to make no sense: it says where the value was given.
    package func refusal(_ setting: Setting, _ reason: String) -> SettingError {
        let source = self.source(setting)
        if source == .file {
            return Self.refusal(self.file, ConfigFileError("\(Self.place(setting, source)): \(reason)"))
        }
        return Self.refusal(setting, source, reason)
    }

    /// Everything, by the keys of the configuration file where there is one (and by flag or variable otherwise), for the
    /// first line of the log. Blocks of the file are left out: they can hold what is secret, and so do the addresses of
    /// proxies.
    package var summary: [(key: String, value: String)] {
        let hidden: Set<String> = [Setting.httpProxy.name, Setting.httpsProxy.name, Setting.noProxy.name]
        return SettingCatalog.all.compactMap { setting in
            guard setting.kind != .block, !hidden.contains(setting.name) else { return nil }
            return (setting.key ?? setting.name, self.text(setting))
        }.sorted { $0.key < $1.key }
    }

    // MARK: Reading

    private func given(
        _ setting: Setting,
        _ flags: CommandLineFlags,
        _ environment: [String: String]
    ) throws(SettingError) -> (value: Value, source: Source)? {
        // The file is looked at in any case: what is wrong in it is wrong.
        let file: Value?
        do throws(ConfigFileError) {
            file = try self.fromFile(setting)
        } catch {
            throw Self.refusal(self.file, error)
        }
        if let name = setting.flag, let given = flags.values[name], let last = given.last {
            switch setting.kind {
            case .list: return (.list(given.flatMap(Self.words)), .flag)
            case .patterns: return (.list(given.filter { !$0.isEmpty }), .flag)
            default:
                // As a chart has it that passes on a value that nobody set.
                if !last.isEmpty {
                    if let reason = Self.objection(to: last, of: setting) {
                        throw Self.refusal(setting, .flag, "\"\(last)\": \(reason)")
                    }
                    return (.text(last), .flag)
                }
            }
        }
        if let name = setting.variable, let text = environment[name], !text.isEmpty, !Self.isServiceLink(text, setting)
        {
            if setting.isList { return (.list(Self.words(text)), .environment) }
            // Any text but Go's words for true is false, as for the Go operator.
            if setting.kind == .boolean { return (.text("\(goBoolean(text) ?? false)"), .environment) }
            if let reason = Self.objection(to: text, of: setting) {
                throw Self.refusal(setting, .environment, "\"\(text)\": \(reason)")
            }
            return (.text(text), .environment)
        }
        return file.map { ($0, .file) }
    }

    private func fromFile(_ setting: Setting) throws(ConfigFileError) -> Value? {
        guard let key = setting.key else { return nil }
        var file = self.file
        var member = key
        if let dot = key.firstIndex(of: ".") {
            file = try file.group(String(key[..<dot]))
            member = String(key[key.index(after: dot)...])
        }
        switch setting.kind {
        case .block: return nil
        case .boolean: return try file.bool(member).map { .text("\($0)") }
        case .list, .patterns: return try file.list(member).map { .list($0.filter { !$0.isEmpty }) }
        default:
            guard let text = try file.text(member) else { return nil }
            if let reason = Self.objection(to: text, of: setting) {
                throw ConfigFileError("\(key): \(reason), not \(text)")
            }
            return .text(text)
        }
    }

    /// Why this is no value of the setting.
    private static func objection(to text: String, of setting: Setting) -> String? {
        switch setting.kind {
        case .boolean: goBoolean(text) == nil ? "must be true or false" : nil
        case .integer(let range):
            Int(text).map(range.contains) == true ? nil : "must be a \(setting.kindText)"
        case .choice(let words): words.contains(text) ? nil : "must be one of \(words.joined(separator: ", "))"
        default: nil
        }
    }

    /// The kubelet gives a pod `WEBHOOK_PORT=tcp://…` for a Service with the name `webhook` beside it. Nobody said that.
    private static func isServiceLink(_ text: String, _ setting: Setting) -> Bool {
        guard case .integer = setting.kind else { return false }
        return text.hasPrefix("tcp://") || text.hasPrefix("udp://")
    }

    private static func words(_ text: String) -> [String] {
        text.split(separator: ",").map { word in
            var word = word.drop { $0 == " " }
            while word.last == " " { word.removeLast() }
            return String(word)
        }.filter { !$0.isEmpty }
    }

    private func isDefault(_ value: Value, of setting: Setting) -> Bool {
        switch value {
        case .text(let text):
            setting.kind == .boolean ? goBoolean(text) == goBoolean(setting.preset) : text == setting.preset
        case .list(let words): words.joined(separator: ",") == setting.preset
        }
    }

    // MARK: Words for people

    private static func place(_ setting: Setting, _ source: Source) -> String {
        switch source {
        case .flag: setting.flag.map { "--\($0)" } ?? setting.name
        case .environment: setting.variable ?? setting.name
        case .file: setting.key ?? setting.name
        case .preset: setting.name
        }
    }

    private static func refusal(_ setting: Setting, _ source: Source, _ reason: String) -> SettingError {
        SettingError(source == .flag ? .usage : .configuration, "\(self.place(setting, source)): \(reason)")
    }

    private static func refusal(_ file: ConfigFile, _ error: ConfigFileError) -> SettingError {
        SettingError(.configuration, file.name.isEmpty ? "\(error)" : "\(file.name): \(error)")
    }

    /// The error of the file's part that has a reader of its own.
    package func refusal(_ error: ConfigFileError) -> SettingError { Self.refusal(self.file, error) }

    /// - Throws: for a key that no setting has, in the file and in its groups.
    private func checkKeys() throws(ConfigFileError) {
        let groups = Set(
            SettingCatalog.keys.keys.compactMap {
                $0.split(separator: ".").count == 2 ? $0.split(separator: ".").first.map(String.init) : nil
            }
        )
        for key in self.file.keys {
            if groups.contains(key) {
                for member in try self.file.group(key).keys where SettingCatalog.keys["\(key).\(member)"] == nil {
                    throw Self.unknown("\(key).\(member)")
                }
            } else if SettingCatalog.keys[key] == nil || key.contains(".") {
                throw Self.unknown(key)
            }
        }
    }

    private static func unknown(_ key: String) -> ConfigFileError {
        // The name of the flag is what most would try.
        let last = key.split(separator: ".").last.map(String.init) ?? key
        let meant =
            SettingCatalog.flags[key]?.key ?? SettingCatalog.flags["zap-\(last)"]?.key
            ?? Spelling.nearest(to: key, among: SettingCatalog.all.compactMap(\.key))
            ?? Spelling.nearest(to: key, among: SettingCatalog.all.compactMap(\.flag)).flatMap {
                SettingCatalog.flags[$0]?.key
            }
        let hint = meant.map { "did you mean \($0)?" } ?? "`swiftlet settings` lists those there are"
        return ConfigFileError("unknown key \(key): \(hint)")
    }

    /// Variables that are a slip away from one of ours. Others share the environment, so only long names are looked at, and
    /// nothing is refused.
    private static func slips(in environment: [String: String]) -> [String] {
        let ours = SettingCatalog.all.compactMap(\.variable).filter { $0.utf8.count >= 10 }
        return environment.keys.sorted().compactMap { name in
            guard name.utf8.count >= 10, name.utf8.count <= 100, SettingCatalog.variables[name] == nil else {
                return nil
            }
            let near = ours.first { abs($0.utf8.count - name.utf8.count) <= 2 && Spelling.distance($0, name) <= 2 }
            return near.map { "the variable \(name) is unknown: did you mean \($0)?" }
        }
    }
}
