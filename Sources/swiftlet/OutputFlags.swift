import ArgumentParser
import Diagnostics
import JSONTree
import YAMLTree

#if canImport(Glibc)
import Glibc
#endif

/// How a command prints its result.
struct OutputFlags: ParsableArguments {
    enum Format: String, ExpressibleByArgument, CaseIterable { case table, json, yaml }
    enum Colour: String, ExpressibleByArgument, CaseIterable { case auto, always, never }

    @Option(name: .shortAndLong, help: "table, json or yaml.")
    var output = Format.table
    @Option(help: "Colours: auto (on a terminal, unless NO_COLOR is set), always or never.")
    var color = Colour.auto

    var paint: Paint {
        switch self.color {
        case .always: Paint(true)
        case .never: Paint(false)
        case .auto: Paint(Self.isTerminal(STDOUT_FILENO) && Environment.variables["NO_COLOR"] == nil)
        }
    }

    static func isTerminal(_ descriptor: Int32) -> Bool {
        isatty(descriptor) == 1 && Environment.variables["TERM"] != "dumb"
    }

    /// Prints one result in the form that was asked for.
    func emit(_ json: @autoclosure () -> JSONValue, table: (Paint) -> String) throws {
        switch self.output {
        case .table: try swiftlet.emit(table(self.paint))
        case .json: try swiftlet.emit(json().text() + "\n")
        case .yaml: try swiftlet.emit(YAMLWriter.text(json()))
        }
    }
}
