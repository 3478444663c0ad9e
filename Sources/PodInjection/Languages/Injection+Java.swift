import JSONTree
import KubeModel
import TelemetryAPI

extension EnvironmentName {
    static let javaToolOptions: EnvironmentName = "JAVA_TOOL_OPTIONS"
}

// Specification section 7.2.
extension Injection {
    mutating func injectJava(_ request: Request) {
        let name = "opentelemetry-auto-instrumentation-java"
        let path = "/otel-auto-instrumentation-java"
        let extensions = request.settings.language.extensions
        let agent = Agent(
            name: name,
            mountPath: path,
            command: ["cp", "/javaagent.jar", "\(path)/javaagent.jar"],
            // The JVM's options name the path, and two containers may share a file system elsewhere.
            containerMountPath: { "\(path)-\($0)" },
            joined: [.javaToolOptions],
            defaults: { environment, container in
                var options = " -javaagent:\(path)-\(container)/javaagent.jar"
                if !extensions.isEmpty { options += " -Dotel.javaagent.extensions=\(path)-\(container)/extensions" }
                guard let place = environment.place(of: .javaToolOptions) else {
                    return environment.append(.javaToolOptions, options)
                }
                environment.setValue(at: place, environment.entries[place].value + options)
            },
            extensions: extensions.enumerated().map { index, item in
                var container: JSONObject = [
                    "name": .string("opentelemetry-auto-instrumentation-extension-\(index)"),
                    "image": .string(item.image),
                    "command": .strings(["cp", "-r", "\(item.directory)/.", "\(path)/extensions"]),
                ]
                container[object: "resources"] = request.settings.language.resources
                container["volumeMounts"] = [.object(VolumeMount(name, at: path).json)]
                return container
            }
        )
        self.inject(agent, request)
    }
}
