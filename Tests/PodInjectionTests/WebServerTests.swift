import JSONTree
import KubeModel
import PodInjection
import Testing

/// Specification sections 7.7, 7.8 and 9.8; what the containers hold in full is in the golden files.
struct WebServerTests {
    /// The pod may be without a namespace, and the request may be for another one than the pod says.
    private func run(
        _ language: String,
        spec: String = "containers: [{name: app, image: 'a:1'}]",
        instrumentation: String = "{}",
        podNamespace: Bool = true,
        namespace: String = "shop"
    ) throws -> Scenario.Result {
        var scenario = try scenario(
            [key("inject-\(language)"): "shop/main"],
            spec: spec,
            instrumentation: instrumentation
        )
        if !podNamespace { _ = scenario.pod.mutateObject("metadata") { $0.remove("namespace") } }
        let catalog = scenario.catalog
        var inputs = InjectionInputs(
            pod: try PodDocument(scenario.pod),
            namespace: .found(InjectionNamespace(name: namespace, annotations: InjectionAnnotations())),
            settings: scenario.settings
        )
        while case let missing = inputs.missingLookups(), !missing.isEmpty {
            for lookup in missing { inputs.answer(lookup, with: catalog.answer(to: lookup)) }
        }
        let outcome = inject(inputs)
        return try Scenario.Result(scenario.pod, outcome)
    }

    private func directives(_ result: Scenario.Result, _ language: String) throws -> [String] {
        let name = language == "nginx" ? "otel-agent-attach-nginx" : "otel-agent-attach-apache"
        let variable = language == "nginx" ? "OTEL_NGINX_AGENT_CONF" : "OTEL_APACHE_AGENT_CONF"
        return try #require(try result.value(variable, name)).split(separator: "\n").map(String.init)
    }

    @Test(arguments: [("apache-httpd", "Apache", ""), ("nginx", "Nginx", ";")])
    func serviceNamespace(_ language: String, _ prefix: String, _ end: String) throws {
        let own = try self.directives(try self.run(language, namespace: "elsewhere"), language)
        #expect(own.contains("\(prefix)ModuleServiceNamespace shop\(end)"))
        let request = try self.directives(try self.run(language, podNamespace: false, namespace: "elsewhere"), language)
        #expect(request.contains("\(prefix)ModuleServiceNamespace elsewhere\(end)"))
        let none = try self.directives(try self.run(language, podNamespace: false, namespace: ""), language)
        #expect(none.contains("\(prefix)ModuleServiceNamespace \(language)\(end)"))
    }

    @Test func apacheConfigurationPath() throws {
        let result = try self.run("apache-httpd", instrumentation: "apacheHttpd: {configPath: /opt/customPath}")
        let clone = try result.container("otel-agent-source-container-clone")
        #expect(clone.command == ["cp", "-r", "/opt/customPath/.", "/opt/opentelemetry-webserver/source-conf"])
        #expect(
            try result.container("app").volumeMounts.last == VolumeMount("otel-apache-conf-dir", at: "/opt/customPath")
        )
        #expect(try result.container("otel-agent-attach-apache").args.last == "/opt/customPath")
    }

    @Test func nginxConfigurationFile() throws {
        let result = try self.run("nginx", instrumentation: "nginx: {configFile: /opt/nginx/custom-nginx.conf}")
        #expect(try result.container("otel-agent-source-container-clone").args.last == "/opt/nginx")
        #expect(try result.container("app").volumeMounts.last == VolumeMount("otel-nginx-conf-dir", at: "/opt/nginx"))
        #expect(try result.container("otel-agent-attach-nginx").args.last == "custom-nginx.conf")
    }

    @Test(arguments: ["apache-httpd", "nginx"]) func cloneHasOnlyWhatItNeeds(_ language: String) throws {
        let result = try self.run(
            language,
            spec: """
                containers:
                - name: app
                  image: a:1
                  args: [x]
                  workingDir: /w
                  ports: [{containerPort: 80}]
                  livenessProbe: {httpGet: {path: /, port: 80}}
                  lifecycle: {postStart: {exec: {command: [echo]}}}
                  resizePolicy: [{resourceName: cpu, restartPolicy: NotRequired}]
                  volumeMounts: [{name: one, mountPath: /one}, {name: two, mountPath: /two, subPath: x}]
                """
        )
        let clone = try result.container("otel-agent-source-container-clone")
        for member in ["workingDir", "ports", "livenessProbe", "lifecycle", "resizePolicy"] {
            #expect(clone.json[member] == nil, "\(member)")
            #expect(try result.container("app").json[member] == result.original.spec.containers[0].json[member])
        }
        #expect(clone.volumeMounts.map(\.name).prefix(2) == ["one", "two"])
        #expect(clone.volumeMounts[1].json["subPath"] == "x")
        #expect(clone.volumeMounts.last?.mountPath == "/opt/opentelemetry-webserver/source-conf")
    }

    /// Sharp edge 37: compared by steps, and the first one only.
    @Test func mountsThatGiveWay() throws {
        let result = try self.run(
            "nginx",
            spec: """
                containers:
                - name: app
                  image: a:1
                  volumeMounts:
                  - {name: extra, mountPath: /etc/nginx-extra}
                  - {name: conf, mountPath: /etc/nginx/nginx.conf}
                  - {name: other, mountPath: /etc/nginx/mime.types}
                """
        )
        #expect(
            try result.container("app").volumeMounts.map(\.name) == [
                "extra", "other", "otel-nginx-agent", "otel-nginx-conf-dir",
            ]
        )
    }

    @Test(arguments: ["apache-httpd", "nginx"]) func initContainersAreNoTargets(_ language: String) throws {
        let result = try scenario(
            [key("inject-\(language)"): "true", key("container-names"): "warm"],
            spec: "containers: [{name: app, image: a}]\ninitContainers: [{name: warm, image: a}]"
        ).run()
        #expect(result.isUnchanged)
        #expect(result.codes == ["\(language) UnsupportedContainer"])
    }

    @Test func libraryPathFromElsewhere() throws {
        let result = try self.run(
            "nginx",
            spec:
                "containers: [{name: app, image: a, env: [{name: LD_LIBRARY_PATH, valueFrom: {fieldRef: {fieldPath: x}}}]}]"
        )
        #expect(result.codes == ["nginx EnvFromConflict", "nginx Injected"])
        #expect(try result.env().first { $0.name == "LD_LIBRARY_PATH" }?.value == nil)
    }

    /// Specification section 9.4: what the attach containers' lists hold.
    @Test func attachEnvironment() throws {
        let result = try self.run(
            "nginx",
            instrumentation: """
                env: [{name: B, value: b}, {name: A, value: hidden}, {name: OTEL_NODE_IP, value: common}]
                nginx: {env: [{name: A, value: a}]}
                """
        )
        #expect(
            try result.names("otel-agent-attach-nginx") == [
                "A", "B", "OTEL_NODE_IP", "OTEL_POD_IP", "OTEL_NGINX_AGENT_CONF", "OTEL_NGINX_SERVICE_INSTANCE_ID",
            ]
        )
        #expect(try result.value("A", "otel-agent-attach-nginx") == "a")
        #expect(try result.value("OTEL_NODE_IP", "otel-agent-attach-nginx") == "common")
    }
}
