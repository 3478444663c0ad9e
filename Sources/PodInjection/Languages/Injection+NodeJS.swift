extension EnvironmentName {
    static let nodeOptions: EnvironmentName = "NODE_OPTIONS"
}

// Specification section 7.3.
extension Injection {
    mutating func injectNodeJS(_ request: Request) {
        let path = "/otel-auto-instrumentation-nodejs"
        let agent = Agent(
            name: "opentelemetry-auto-instrumentation-nodejs",
            mountPath: path,
            command: ["cp", "-r", "/autoinstrumentation/.", path],
            containerMountPath: { _ in path },
            joined: [.nodeOptions],
            defaults: { environment, _ in
                let options = " --require \(path)/autoinstrumentation.js"
                if let place = environment.place(of: .nodeOptions) {
                    environment.setValue(at: place, environment.entries[place].value + options)
                } else {
                    environment.append(.nodeOptions, options)
                }
                environment.appendIfAbsent(.metricsExporter, "otlp")
            }
        )
        self.inject(agent, request)
    }
}
