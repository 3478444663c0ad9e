import JSONTree

/// A command line of the target allocator: `--flag value`, `--flag=value`, one dash or two; a boolean without a value is
/// true. A flag that is given twice counts as last given.
package struct AllocatorFlags: Sendable, Hashable {
    /// By name, without dashes: what ``AllocatorSettings/load(file:environment:flags:)`` takes.
    package private(set) var values: [String: String] = [:]
    package private(set) var asksForHelp = false

    /// - Throws: ``AllocatorSettingsError`` for the first argument that is no flag of ours, or that lacks its value.
    package init(parsing arguments: [String]) throws(AllocatorSettingsError) {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            let body = argument.drop { $0 == "-" }
            let dashes = argument.utf8.count - body.utf8.count
            guard dashes == 1 || dashes == 2, !body.isEmpty else {
                throw Self.usage("unexpected argument \(argument.abbreviated()): there are flags only, see --help")
            }
            let parts = body.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let name = parts[0]
            if name == "h" || name == "help" {
                self.asksForHelp = true
                continue
            }
            guard let setting = AllocatorSettingCatalog.flags[name] else { throw Self.usage(Self.unknown(name)) }
            if parts.count == 2 {
                self.values[name] = parts[1]
            } else if setting.kind == .boolean {
                self.values[name] = "true"
            } else if let next = rest.popFirst(), !Self.isFlag(next) {
                self.values[name] = next
            } else {
                throw Self.usage(
                    "--\(name) needs a value: --\(name)=\(setting.preset.isEmpty ? "VALUE" : setting.preset)"
                )
            }
        }
    }

    static func unknown(_ name: String) -> String {
        let names = AllocatorSettingCatalog.all.compactMap(\.flag) + ["help"]
        let near = Spelling.nearest(to: name, among: names).map { "did you mean --\($0)?" }
        return "unknown flag --\(name.abbreviated()): \(near ?? "see --help for those there are")"
    }

    private static func isFlag(_ argument: String) -> Bool {
        guard argument.hasPrefix("-") else { return false }
        return AllocatorSettingCatalog.flags[String(argument.drop { $0 == "-" }.prefix { $0 != "=" })] != nil
    }

    private static func usage(_ message: String) -> AllocatorSettingsError {
        AllocatorSettingsError([message], isUsage: true)
    }
}
