import ArgumentParser
import Controllers
import TelemetryAPI

#if canImport(Glibc)
import Glibc
#endif

/// Which languages are injected, and with which images: flags that the operator and the commands without one share.
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

    private var all: [(language: Language, image: String?, enabled: String?, variable: String, key: String)] {
        [
            (.java, self.autoInstrumentationJavaImage, self.enableJavaInstrumentation, "JAVA", "java"),
            (.nodejs, self.autoInstrumentationNodejsImage, self.enableNodejsInstrumentation, "NODEJS", "node-js"),
            (.python, self.autoInstrumentationPythonImage, self.enablePythonInstrumentation, "PYTHON", "python"),
            (.dotnet, self.autoInstrumentationDotnetImage, self.enableDotnetInstrumentation, "DOTNET", "dot-net"),
            (.go, self.autoInstrumentationGoImage, self.enableGoInstrumentation, "GO", "go"),
            (
                .apacheHttpd, self.autoInstrumentationApacheHttpdImage, self.enableApacheHttpdInstrumentation,
                "APACHE_HTTPD", "apache-httpd"
            ),
            (.nginx, self.autoInstrumentationNginxImage, self.enableNginxInstrumentation, "NGINX", "nginx"),
        ]
    }

    /// Images that differ from the compiled-in defaults.
    func images(_ sources: SettingSources) throws -> [Language: String] {
        var images: [Language: String] = [:]
        for flag in self.all {
            images[flag.language] = try sources.text(
                flag.image,
                "RELATED_IMAGE_AUTO_INSTRUMENTATION_\(flag.variable)",
                "auto-instrumentation-\(flag.key)-image"
            )
        }
        return images
    }

    func apply(to languages: inout Set<Language>, multiple: inout Bool, _ sources: SettingSources) throws {
        for flag in self.all {
            var isEnabled = languages.contains(flag.language)
            // Apache's key is without `auto`, like its flag.
            let key =
                flag.language == .apacheHttpd
                ? "enable-apache-httpd-instrumentation" : "enable-\(flag.key)-auto-instrumentation"
            try sources.set(
                &isEnabled,
                flag.enabled,
                "ENABLE_\(flag.variable)_AUTO_INSTRUMENTATION",
                key
            )
            if isEnabled { languages.insert(flag.language) } else { languages.remove(flag.language) }
        }
        try sources.set(
            &multiple,
            self.enableMultiInstrumentation,
            "ENABLE_MULTI_INSTRUMENTATION",
            "enable-multi-instrumentation"
        )
    }
}

/// Where settings come from: a flag wins over the environment, that over the configuration file.
struct SettingSources {
    var environment: Environment? = Environment()
    var file = ConfigFile()

    /// - Throws: exit code 1 after `configuration error: …` for a value in the file that makes no sense.
    func text(_ flag: String?, _ variable: String?, _ key: String) throws -> String? {
        if let text = flag ?? variable.flatMap({ self.environment?[$0] }) { return text }
        return try ConfigFileInput.checked { () throws(ConfigFileError) in try self.file.text(key) }
    }

    func list(_ flags: [String], _ variable: String, _ key: String) throws -> [String]? {
        if !flags.isEmpty { return flags }
        if let text = self.environment?[variable] { return text.split(separator: ",").map(String.init) }
        return try ConfigFileInput.checked { () throws(ConfigFileError) in try self.file.list(key) }
    }

    func set(_ value: inout Bool, _ flag: String?, _ variable: String?, _ key: String) throws {
        if let text = flag ?? variable.flatMap({ self.environment?[$0] }) {
            value = BooleanFlags.value(text)
            return
        }
        let given = try ConfigFileInput.checked { () throws(ConfigFileError) in try self.file.bool(key) }
        if let given { value = given }
    }
}

enum ConfigFileInput {
    /// - Throws: exit code 1 after `configuration error: …`, as the Go operator ends.
    static func read(_ path: String?) throws -> ConfigFile {
        guard let path, !path.isEmpty else { return ConfigFile() }
        guard access(path, R_OK) == 0 else {
            complain("configuration error: \(path): \(String(cString: strerror(errno)))")
            throw ExitCode(1)
        }
        let bytes = try ManifestInput.read(path)
        return try self.checked(path: path) { () throws(ConfigFileError) in try ConfigFile(parsing: bytes) }
    }

    static func checked<Value>(path: String = "", _ body: () throws(ConfigFileError) -> Value) throws -> Value {
        do throws(ConfigFileError) {
            return try body()
        } catch {
            complain("configuration error: \(path.isEmpty ? "" : path + ": ")\(error)")
            throw ExitCode(1)
        }
    }
}
