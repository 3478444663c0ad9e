import KubeModel

extension EnvironmentName {
    static let profilingEnabled: EnvironmentName = "CORECLR_ENABLE_PROFILING"
    static let profiler: EnvironmentName = "CORECLR_PROFILER"
    static let profilerPath: EnvironmentName = "CORECLR_PROFILER_PATH"
    static let startupHooks: EnvironmentName = "DOTNET_STARTUP_HOOKS"
    static let additionalDependencies: EnvironmentName = "DOTNET_ADDITIONAL_DEPS"
    static let dotnetHome: EnvironmentName = "OTEL_DOTNET_AUTO_HOME"
    static let sharedStore: EnvironmentName = "DOTNET_SHARED_STORE"
}

// Specification section 7.5.
extension Injection {
    mutating func injectDotNet(_ request: Request) {
        let path = "/otel-auto-instrumentation-dotnet"
        let runtime = self.annotation(.dotnetRuntime)
        let isHomeInSpec = request.settings.languageEnvironment.contains { $0.name == EnvironmentName.dotnetHome.text }
        let agent = Agent(
            name: "opentelemetry-auto-instrumentation-dotnet",
            mountPath: path,
            command: ["cp", "-r", "/autoinstrumentation/.", path],
            containerMountPath: { _ in path },
            joined: [.startupHooks, .additionalDependencies, .sharedStore],
            refusal: { environment in
                if !runtime.isEmpty, runtime != "linux-x64", runtime != "linux-musl-x64" {
                    return Agent.Refusal(
                        code: .unsupportedPlatform,
                        message: "provided instrumentation.opentelemetry.io/otel-dotnet-auto-runtime annotation value "
                            + "'\(runtime)' is not supported: use linux-x64 or linux-musl-x64"
                    )
                }
                if environment.contains(.dotnetHome) {
                    return Agent.Refusal(
                        code: .environmentConflict,
                        message: "OTEL_DOTNET_AUTO_HOME environment variable is already set in the container"
                    )
                }
                if isHomeInSpec {
                    return Agent.Refusal(
                        code: .environmentConflict,
                        message:
                            "OTEL_DOTNET_AUTO_HOME environment variable is already set in the .NET instrumentation spec"
                    )
                }
                return nil
            },
            defaults: { environment, _ in
                let library = runtime == "linux-musl-x64" ? "linux-musl" : "linux"
                environment.appendIfAbsent(.profilingEnabled, "1")
                environment.appendIfAbsent(.profiler, "{918728DD-259F-4A6A-AC2B-B85E1B658318}")
                environment.appendIfAbsent(
                    .profilerPath,
                    "\(path)/\(library)/OpenTelemetry.AutoInstrumentation.Native.so"
                )
                environment.join(.startupHooks, "\(path)/net/OpenTelemetry.AutoInstrumentation.StartupHook.dll")
                environment.join(.additionalDependencies, "\(path)/AdditionalDeps")
                environment.appendIfAbsent(.dotnetHome, path)
                environment.join(.sharedStore, "\(path)/store")
            }
        )
        self.inject(agent, request)
    }
}

extension EnvironmentDraft {
    /// Appends a value to a list of paths; a variable from elsewhere is left alone.
    fileprivate mutating func join(_ name: EnvironmentName, _ value: String) {
        guard let place = self.place(of: name) else { return self.append(name, value) }
        let old = self.entries[place].value
        self.setValue(at: place, old.isEmpty ? value : "\(old):\(value)")
    }
}
