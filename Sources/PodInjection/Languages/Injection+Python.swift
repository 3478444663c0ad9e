extension EnvironmentName {
    static let pythonPath: EnvironmentName = "PYTHONPATH"
}

// Specification section 7.4.
extension Injection {
    mutating func injectPython(_ request: Request) {
        let path = "/otel-auto-instrumentation-python"
        let platform = self.annotation(.pythonPlatform)
        let source = platform == "musl" ? "/autoinstrumentation-musl/." : "/autoinstrumentation/."
        let agent = Agent(
            name: "opentelemetry-auto-instrumentation-python",
            mountPath: path,
            command: ["cp", "-r", source, path],
            containerMountPath: { _ in path },
            joined: [.pythonPath],
            refusal: { _ in
                if !platform.isEmpty, platform != "glibc", platform != "musl" {
                    return Agent.Refusal(
                        code: .unsupportedPlatform,
                        message: "provided instrumentation.opentelemetry.io/otel-python-platform annotation value "
                            + "'\(platform)' is not supported: use glibc or musl"
                    )
                }
                return nil
            },
            beforeCommon: { environment in
                // The first directory's sitecustomize starts the agent; the last one holds its packages.
                let first = "\(path)/opentelemetry/instrumentation/auto_instrumentation"
                guard let place = environment.place(of: .pythonPath) else {
                    return environment.append(.pythonPath, "\(first):\(path)")
                }
                let old = environment.entries[place].value
                // An empty entry of the list would mean the working directory.
                environment.setValue(at: place, old.isEmpty ? "\(first):\(path)" : "\(first):\(old):\(path)")
            },
            defaults: { environment, _ in
                environment.appendIfAbsent(.protocolName, "http/protobuf")
                environment.appendIfAbsent(.tracesExporter, "otlp")
                environment.appendIfAbsent(.metricsExporter, "otlp")
                environment.appendIfAbsent(.logsExporter, "otlp")
            }
        )
        self.inject(agent, request)
    }
}
