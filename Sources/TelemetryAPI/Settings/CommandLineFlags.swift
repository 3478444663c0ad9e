import JSONTree

/// What a command line says in flags of the ``SettingCatalog``, read as Go programs read theirs: `--flag value`,
/// `--flag=value`, one dash or two; a boolean without a value is true.
package struct CommandLineFlags: Sendable, Hashable {
    /// The values of each flag, in the order in which they were given.
    package private(set) var values: [String: [String]] = [:]
    package private(set) var asksForHelp = false
    package private(set) var asksForVersion = false

    /// - Parameter values: by flag, without dashes.
    package init(_ values: [String: [String]] = [:]) { self.values = values }

    /// - Throws: ``SettingError`` for the first argument that is no flag of ours, or that lacks its value.
    package init(parsing arguments: [String]) throws(SettingError) {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            guard argument.hasPrefix("-"), argument.utf8.count > 1 else { throw Self.unexpected(argument) }
            if argument == "--" {
                if let next = rest.first { throw Self.unexpected(next) }
                return
            }
            let body = argument.drop { $0 == "-" }
            let dashes = argument.prefix(argument.utf8.count - body.utf8.count)
            let name = String(body.prefix { $0 != "=" })
            let value = name.utf8.count == body.utf8.count ? nil : String(body.dropFirst(name.count + 1))
            guard dashes.utf8.count <= 2 else { throw Self.unknown("\(dashes)\(name)", name) }
            switch name {
            case "h", "help":
                self.asksForHelp = true
                continue
            case "version":
                self.asksForVersion = true
                continue
            default: break
            }
            guard let setting = SettingCatalog.flags[name] else { throw Self.unknown("\(dashes)\(name)", name) }
            if let value {
                self.values[name, default: []].append(value)
            } else if setting.kind == .boolean {
                self.values[name, default: []].append("true")
                if let next = rest.first, goBoolean(next) != nil {
                    throw SettingError(.usage, "unexpected argument \(next): write --\(name)=\(next)")
                }
            } else {
                guard let next = rest.popFirst(), !Self.isFlag(next) else {
                    throw SettingError(.usage, "--\(name) needs a value: --\(name)=\(Self.example(setting))")
                }
                self.values[name, default: []].append(next)
            }
        }
    }

    /// `-operator.networkpolicy` can be a value; what is one of our flags was not meant as one.
    private static func isFlag(_ argument: String) -> Bool {
        guard argument.hasPrefix("-") else { return false }
        return SettingCatalog.flags[String(argument.drop { $0 == "-" }.prefix { $0 != "=" })] != nil
    }

    private static func example(_ setting: Setting) -> String {
        if !setting.preset.isEmpty, !setting.isList { return setting.preset }
        return switch setting.kind {
        case .integer: "NUMBER"
        default: "VALUE"
        }
    }

    private static func unexpected(_ argument: String) -> SettingError {
        SettingError(.usage, "unexpected argument \(argument): the operator takes flags only, see --help")
    }

    private static func unknown(_ flag: String, _ name: String) -> SettingError {
        let names = SettingCatalog.all.compactMap(\.flag) + ["help", "version"]
        let hint = Spelling.nearest(to: name, among: names).map { "did you mean --\($0)?" }
        return SettingError(.usage, "unknown flag \(flag): \(hint ?? "see --help for those there are")")
    }
}

/// Go's `ParseBool`: 1, t, T, TRUE, true, True and their opposites; `nil` for anything else.
package func goBoolean(_ text: String) -> Bool? {
    switch text {
    case "1", "t", "T", "TRUE", "true", "True": true
    case "0", "f", "F", "FALSE", "false", "False": false
    default: nil
    }
}
