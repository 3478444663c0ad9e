import ArgumentParser
import Controllers
import TelemetryAPI

#if canImport(Glibc)
import Glibc
#endif

/// What this process was told: by its arguments, its environment and the file that they name.
struct OperatorArguments {
    var options: OperatorOptions
    /// All settings, for the log.
    var summary: [(key: String, value: String)]

    /// - Throws: `ExitCode`, after one line that says what is wrong, where, and how to mend it; 0 after help and version.
    static func read(_ arguments: [String], command: String, purpose: String) throws -> OperatorArguments {
        let flags = try self.checked { () throws(SettingError) in try CommandLineFlags(parsing: arguments) }
        if flags.asksForHelp {
            try emit(SettingCatalog.help(command: command, purpose: purpose))
            throw ExitCode.success
        }
        if flags.asksForVersion {
            try emit(Version.current + "\n")
            throw ExitCode.success
        }
        var file = ConfigFile()
        if let path = flags.values[Setting.configFile.name]?.last, !path.isEmpty { file = try self.file(path) }
        let environment = Environment.variables
        let values = try self.checked { () throws(SettingError) in
            try SettingValues(flags: flags, environment: environment, file: file)
        }
        var options = try self.checked { () throws(SettingError) in
            try OperatorOptions(values, requiresFIPS: OperatorRun.hostRequiresFIPS())
        }
        options.telemetryPorts = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"]
            .compactMap { environment[$0].flatMap { URLPort($0).port } }
        return OperatorArguments(options: options, summary: values.summary)
    }

    private static func file(_ path: String) throws -> ConfigFile {
        guard access(path, R_OK) == 0 else {
            complain("configuration error: \(path): \(String(cString: strerror(errno)))")
            throw ExitCode(1)
        }
        let bytes = try ManifestInput.read(path)
        return try self.checked { () throws(SettingError) in
            do throws(ConfigFileError) {
                return try ConfigFile(parsing: bytes, named: path)
            } catch {
                throw SettingError(.configuration, "\(path): \(error)")
            }
        }
    }

    private static func checked<Value>(_ body: () throws(SettingError) -> Value) throws -> Value {
        do throws(SettingError) {
            return try body()
        } catch {
            complain(error.line)
            throw ExitCode(error.exitCode)
        }
    }
}
