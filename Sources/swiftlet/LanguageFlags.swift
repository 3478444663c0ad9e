import ArgumentParser
import TelemetryAPI

/// Which languages are injected, and with which images: flags of the operator that the commands without one have as well.
struct LanguageFlags: ParsableArguments {
    @Option(help: "Image of the Java agent.") var autoInstrumentationJavaImage: String?
    @Option(help: "Image of the Node.js agent.") var autoInstrumentationNodejsImage: String?
    @Option(help: "Image of the Python agent.") var autoInstrumentationPythonImage: String?
    @Option(help: "Image of the .NET agent.") var autoInstrumentationDotnetImage: String?
    @Option(help: "Image of the Go agent.") var autoInstrumentationGoImage: String?
    @Option(help: "Image of the Apache HTTPD agent.") var autoInstrumentationApacheHttpdImage: String?
    @Option(help: "Image of the nginx agent.") var autoInstrumentationNginxImage: String?
    @Option(help: "Allow several languages in one pod.") var enableMultiInstrumentation: String?
    @Option(help: "Allow Java injection.") var enableJavaInstrumentation: String?
    @Option(help: "Allow Node.js injection.") var enableNodejsInstrumentation: String?
    @Option(help: "Allow Python injection.") var enablePythonInstrumentation: String?
    @Option(help: "Allow .NET injection.") var enableDotnetInstrumentation: String?
    @Option(help: "Allow Apache HTTPD injection.") var enableApacheHttpdInstrumentation: String?
    @Option(help: "Allow Go injection.") var enableGoInstrumentation: String?
    @Option(help: "Allow nginx injection.") var enableNginxInstrumentation: String?

    /// What was given, by flag.
    private var values: SettingValues {
        get throws {
            var values: [String: [String]] = [:]
            for (language, image, enabled) in [
                (Language.java, self.autoInstrumentationJavaImage, self.enableJavaInstrumentation),
                (.nodejs, self.autoInstrumentationNodejsImage, self.enableNodejsInstrumentation),
                (.python, self.autoInstrumentationPythonImage, self.enablePythonInstrumentation),
                (.dotnet, self.autoInstrumentationDotnetImage, self.enableDotnetInstrumentation),
                (.go, self.autoInstrumentationGoImage, self.enableGoInstrumentation),
                (.apacheHttpd, self.autoInstrumentationApacheHttpdImage, self.enableApacheHttpdInstrumentation),
                (.nginx, self.autoInstrumentationNginxImage, self.enableNginxInstrumentation),
            ] {
                values[Setting.image(language).name] = image.map { [$0] }
                values[Setting.enable(language).name] = enabled.map { [$0] }
            }
            values[Setting.enableMulti.name] = self.enableMultiInstrumentation.map { [$0] }
            do throws(SettingError) {
                return try SettingValues(flags: CommandLineFlags(values))
            } catch {
                throw ValidationError(error.description)
            }
        }
    }

    /// Images that differ from the compiled-in defaults.
    func images() throws -> [Language: String] {
        let values = try self.values
        return Dictionary(uniqueKeysWithValues: Language.withAgent.map { ($0, values.text(.image($0))) })
    }

    /// Changes what was told; what was not stays as it is.
    func apply(to languages: inout Set<Language>, multiple: inout Bool) throws {
        let values = try self.values
        for language in Language.withAgent where values.source(.enable(language)) == .flag {
            if values.isOn(.enable(language)) { languages.insert(language) } else { languages.remove(language) }
        }
        if values.source(.enableMulti) == .flag { multiple = values.isOn(.enableMulti) }
    }
}
