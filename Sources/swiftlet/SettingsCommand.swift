import ArgumentParser
import JSONTree
import PrometheusConfig
import TelemetryAPI
import YAMLTree

/// `swiftlet settings`: what the operator can be told.
struct SettingsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "settings",
        abstract: "Lists settings: flags, environment variables and keys of the configuration file.",
        discussion: """
            Examples:
              swiftlet settings | grep image
              swiftlet settings -o json
              swiftlet settings --of target-allocator
            """
    )

    @Option(name: .shortAndLong, help: "table, markdown, json or yaml.") var output = Output.table

    @Option(help: "operator or target-allocator.") var of = Role.operator

    enum Role: String, ExpressibleByArgument, CaseIterable {
        case `operator`
        case targetAllocator = "target-allocator"
    }

    enum Output: String, ExpressibleByArgument, CaseIterable { case table, markdown, json, yaml }

    func run() throws {
        let isOperator = self.of == .operator
        let json = isOperator ? SettingCatalog.json : AllocatorSettingCatalog.json
        switch self.output {
        case .table: try emit(isOperator ? SettingCatalog.table : AllocatorSettingCatalog.table)
        case .markdown: try emit(isOperator ? SettingCatalog.markdown : AllocatorSettingCatalog.markdown)
        case .json: try emit(String(decoding: json.bytes(), as: UTF8.self) + "\n")
        case .yaml: try emit(YAMLWriter.text(json))
        }
    }
}
