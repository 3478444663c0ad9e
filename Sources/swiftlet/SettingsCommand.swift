import ArgumentParser
import JSONTree
import TelemetryAPI
import YAMLTree

/// `swiftlet settings`: what the operator can be told.
struct SettingsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "settings",
        abstract: "Lists the operator's settings: flags, environment variables and keys of its configuration file.",
        discussion: """
            Examples:
              swiftlet settings | grep image
              swiftlet settings -o json
            """
    )

    @Option(name: .shortAndLong, help: "table, markdown, json or yaml.") var output = Output.table

    enum Output: String, ExpressibleByArgument, CaseIterable { case table, markdown, json, yaml }

    func run() throws {
        switch self.output {
        case .table: try emit(SettingCatalog.table)
        case .markdown: try emit(SettingCatalog.markdown)
        case .json: try emit(String(decoding: SettingCatalog.json.bytes(), as: UTF8.self) + "\n")
        case .yaml: try emit(YAMLWriter.text(SettingCatalog.json))
        }
    }
}
