import JSONTree
import KubeModel
import PodInjection
import TelemetryAPI
import Testing

/// Specification section 11 by number, as docs/decisions.md decides it, where no other test does:
///
/// | # | test |
/// | --- | --- |
/// | 1 | `SidecarTests.missingCollectorGivesUpInstrumentation`, Fixtures/sidecar-lost-with-instrumentation |
/// | 2 | `SidecarTests.noCollectorKeepsInstrumentation` |
/// | 3 | `MutatorTests.podOfAWrongShapeIsRefused`, `AdmissionRequestTests` |
/// | 4 | `MutatorTests.ownOperandsAreLeftAlone` |
/// | 5 | `PropertyTests`, `futureField` of Fixtures/python |
/// | 6, 13, 45, 48 | of the webhooks: ControllersTests |
/// | 7 | `MutatorTests.resolutionComesBeforeTheSwitch` |
/// | 8 | `MutatorTests.staticInstrumentationHasNoName` |
/// | 9 | `AnnotationTests.knowsEveryKey`, below |
/// | 10, 11 | `ContainerSelectionTests`, below |
/// | 12 | `MutatorTests.badContainerNames` |
/// | 14 | `MutatorTests.asksForWhatItNeedsOnce` |
/// | 15 | `MutatorTests.leavesInjectedPodsAlone` and `otherMarksDoNotCount` |
/// | 16 | `EnvironmentTests.refusesAContainer`, Fixtures/python-unsupported-platform |
/// | 17 | `ResourceAttributeTests.referencedAttributesAreLeftAlone`, `EnvironmentTests.referenceOfTheInstrumentationIsLeftAlone`, `WebServerTests.libraryPathFromElsewhere` |
/// | 18, 19, 25 | `ResourceAttributeTests` |
/// | 20 | Fixtures/two-languages |
/// | 22 | `ResourceAttributeTests.commasAreEscaped`, `ResourceAttributeTests.itemsOfTheUser` |
/// | 24 | `ResourceAttributeTests.samplerArgumentAloneKeepsBothAway` |
/// | 30 | `EnvironmentTests.volumeNamesHaveNoDots` and `filesWithoutAnObjectStayAsTheyAre` |
/// | 31 | Fixtures/apache-and-nginx |
/// | 33 | `ContainerSelectionTests.securityContext` |
/// | 34 | Fixtures/nginx, below |
/// | 37 | `WebServerTests.mountsThatGiveWay`, below |
/// | 38 | of the scripts: hack/ and EndToEnd |
/// | 40 | `SidecarTests.nativeSidecar`, Fixtures/sidecar-and-java |
/// | 42 | `SidecarTests.injects`, which compares all labels |
/// | 43, 44, 46, 47, 49 to 52 | TelemetryAPITests; 43 also below |
struct SharpEdgeTests {
    private let agents = "opentelemetry-auto-instrumentation"

    @Test(arguments: ["inject-nginx-container-names", "nginx-container-names"])
    func edge9NginxHasTwoKeys(_ name: String) throws {
        let result = try scenario(
            [key("inject-nginx"): "true", key(name): "b"],
            spec: "containers: [{name: a, image: a}, {name: b, image: b}]"
        ).run()
        #expect(result.outcome.decisions.map(\.containers) == [["b"]])
    }

    @Test func edge10BothListsCount() throws {
        let result = try scenario(
            [key("inject-java"): "true", key("container-names"): "a", key("java-container-names"): "b"],
            spec: "containers: [{name: a, image: a}, {name: b, image: b}, {name: c, image: c}]"
        ).run()
        #expect(result.codes == ["java Injected"])
        #expect(result.outcome.decisions[0].containers == ["a", "b"])
    }

    @Test func edge11WithoutMultiInstrumentationTheCommonListCounts() throws {
        var scenario = try scenario(
            [
                key("inject-java"): "true", key("inject-python"): "true", key("container-names"): "b",
                key("java-container-names"): "a",
            ],
            spec: "containers: [{name: a, image: a}, {name: b, image: b}]"
        )
        scenario.settings.allowsMultipleLanguages = false
        let result = try scenario.run()
        #expect(result.outcome.decisions.map(\.containers) == [["b"], ["b"]])
    }

    /// 15: nothing marks an init container that got settings only, so it is worked on again, to no effect.
    @Test func edge15InitContainersWithSettingsHaveNoMark() throws {
        let scenario = try scenario(
            [
                key("inject-sdk"): "true", key("container-names"): "warm",
                // A value with `=` in it must be recognized as well.
                "resource.opentelemetry.io/query": "a=b",
            ],
            spec: "containers: [{name: app, image: a}]\ninitContainers: [{name: warm, image: 'a:1'}]",
            instrumentation: "resource: {addK8sUIDAttributes: true}"
        )
        let again = try scenario.run(try scenario.run().pod.json)
        #expect(again.codes == ["sdk Injected"])
        let isUnchanged = again.isUnchanged
        #expect(isUnchanged)
    }

    @Test func edge21ServiceNameOfTheAttributesStopsNothing() throws {
        let result = try scenario(
            spec:
                "containers: [{name: app, image: a, env: [{name: OTEL_RESOURCE_ATTRIBUTES, value: service.name=mine}]}]"
        ).run()
        #expect(try result.value("OTEL_SERVICE_NAME") == "app")
        #expect(try result.attributes().filter { $0.hasPrefix("service.name=") } == ["service.name=mine"])
    }

    /// 23: whose `OTEL_NODE_IP` holds in the program's container.
    static let addresses: [(own: String, language: String, common: String, expected: String?)] = [
        ("", "", "common", nil),
        ("", "language", "common", "language"),
        ("own", "language", "common", "own"),
    ]

    @Test(arguments: Self.addresses)
    func edge23Addresses(_ row: (own: String, language: String, common: String, expected: String?)) throws {
        func list(_ value: String) -> String { value.isEmpty ? "[]" : "[{name: OTEL_NODE_IP, value: \(value)}]" }
        let result = try scenario(
            [key("inject-java"): "true"],
            spec: "containers: [{name: app, image: a, env: \(list(row.own))}]",
            instrumentation: "env: \(list(row.common))\njava: {env: \(list(row.language))}"
        ).run()
        let entries = try result.env().filter { $0.name == "OTEL_NODE_IP" }
        #expect(entries.map(\.value) == [row.expected])
        #expect(entries.map(\.fieldPath) == [row.expected == nil ? "status.hostIP" : nil])
    }

    @Test(arguments: [
        ("apache-httpd", "apache", "APACHE_SERVICE_INSTANCE_ID"), ("nginx", "nginx", "OTEL_NGINX_SERVICE_INSTANCE_ID"),
    ])
    func edge23AddressesOfTheAttachContainer(_ language: String, _ name: String, _ instance: String) throws {
        let specKey = language == "nginx" ? "nginx" : "apacheHttpd"
        let result = try scenario(
            [key("inject-\(language)"): "true"],
            instrumentation: """
                env: [{name: B, value: b}, {name: A, value: hidden}, {name: OTEL_NODE_IP, value: common}]
                \(specKey): {env: [{name: A, value: a}]}
                """
        ).run()
        let attach = "otel-agent-attach-\(name)"
        #expect(
            try result.names(attach) == [
                "A", "B", "OTEL_NODE_IP", "OTEL_POD_IP", "OTEL_\(name.uppercased())_AGENT_CONF", instance,
            ]
        )
        #expect(try result.value("A", attach) == "a")
        #expect(try result.value("OTEL_NODE_IP", attach) == "common")
    }

    @Test func edge26NodeNameOfTheInstrumentation() throws {
        let result = try scenario(instrumentation: "resource: {resourceAttributes: {k8s.node.name: cr}}").run()
        #expect(try result.attributes().contains("k8s.node.name=cr"))
        #expect(try !result.names().contains("OTEL_RESOURCE_ATTRIBUTES_NODE_NAME"))
    }

    @Test func edge27ServiceNameAsAnAttribute() throws {
        let annotated = try scenario(
            [key("inject-sdk"): "true", "resource.opentelemetry.io/service.name": "annotated"]
        ).run()
        #expect(try annotated.value("OTEL_SERVICE_NAME") == "annotated")
        #expect(try annotated.attributes().allSatisfy { !$0.hasPrefix("service.name=") })
        let given = try scenario(instrumentation: "resource: {resourceAttributes: {service.name: cr}}").run()
        #expect(try given.value("OTEL_SERVICE_NAME") == "app")
        #expect(try given.attributes().contains("service.name=cr"))
    }

    @Test(arguments: [("apache-httpd", "Apache", ""), ("nginx", "Nginx", ";")])
    func edge28DirectivesKnowNothingOfVariables(_ language: String, _ prefix: String, _ end: String) throws {
        let specKey = language == "nginx" ? "nginx" : "apacheHttpd"
        let result = try scenario(
            [key("inject-\(language)"): "true", "resource.opentelemetry.io/service.namespace": "annotated"],
            instrumentation: """
                exporter: {endpoint: 'http://exporter'}
                \(specKey):
                  env: [{name: OTEL_EXPORTER_OTLP_ENDPOINT, value: 'http://variable'}, {name: OTEL_SERVICE_NAME, value: variable}]
                  attrs: [{name: \(prefix)ModuleX, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]
                """
        ).run()
        let attach = language == "nginx" ? "otel-agent-attach-nginx" : "otel-agent-attach-apache"
        let variable = language == "nginx" ? "OTEL_NGINX_AGENT_CONF" : "OTEL_APACHE_AGENT_CONF"
        let lines = try #require(try result.value(variable, attach)).split(separator: "\n").map(String.init)
        for line in [
            "ModuleOtelExporterEndpoint http://exporter", "ModuleServiceName app", "ModuleServiceNamespace shop",
            "ModuleX ",
        ] {
            #expect(lines.contains(prefix + line + end))
        }
        #expect(try result.value("OTEL_EXPORTER_OTLP_ENDPOINT") == "http://variable")
    }

    @Test(arguments: [("dotnet", "otel-dotnet-auto-runtime"), ("python", "otel-python-platform")])
    func edge29MessagesNameTheAnnotation(_ language: String, _ annotation: String) throws {
        let result = try scenario([key("inject-\(language)"): "true", key(annotation): "odd"]).run()
        #expect(
            result.outcome.decisions[0].message.contains(
                "provided instrumentation.opentelemetry.io/\(annotation) annotation value 'odd' is not supported"
            )
        )
    }

    /// 32: the first target decides, and only it gets mounts.
    @Test(arguments: [("apache-httpd", "apache"), ("nginx", "nginx")])
    func edge32FirstTargetDecides(_ language: String, _ name: String) throws {
        let result = try scenario(
            [key("inject-\(language)"): "true", key("container-names"): "b,a"],
            spec: """
                containers:
                - {name: a, image: 'a:1', securityContext: {runAsUser: 1}}
                - {name: b, image: 'b:1', securityContext: {runAsUser: 2}}
                """
        ).run()
        for container in ["otel-agent-source-container-clone", "otel-agent-attach-\(name)"] {
            #expect(try result.container(container).json["securityContext"]?["runAsUser"] == 2)
        }
        #expect(try result.container("otel-agent-source-container-clone").image == "b:1")
        #expect(try result.container("b").volumeMounts.count == 2)
        #expect(try result.container("a").volumeMounts.isEmpty)
        #expect(try result.names("a").last == "OTEL_RESOURCE_ATTRIBUTES")
        #expect(try !result.names("a").contains("LD_LIBRARY_PATH"))
        #expect(try result.names("b").contains("LD_LIBRARY_PATH") == (language == "nginx"))
    }

    /// 34: the clone has what stood in the program's container before, so also what earlier languages put there.
    @Test func edge34CloneKeepsWhatWasThere() throws {
        let result = try scenario(
            [key("inject-nodejs"): "true", key("inject-apache-httpd"): "true", key("container-names"): "app"],
            spec: "containers: [{name: app, image: a, env: [{name: OWN, value: x}]}]",
            instrumentation: "apacheHttpd: {env: [{name: A, value: a}]}\nenv: [{name: COMMON, value: c}]"
        ).run()
        #expect(
            try result.names("otel-agent-source-container-clone") == [
                "OTEL_NODE_IP", "OTEL_POD_IP", "OWN", "COMMON", "NODE_OPTIONS", "OTEL_METRICS_EXPORTER",
                "OTEL_SERVICE_NAME",
                "OTEL_RESOURCE_ATTRIBUTES_POD_NAME", "OTEL_RESOURCE_ATTRIBUTES_NODE_NAME", "OTEL_RESOURCE_ATTRIBUTES",
                "A",
            ]
        )
    }

    /// 35 and section 5.2: what each language makes of its volume settings.
    static let volumes: [(language: String, settings: String, expected: [JSONValue])] = [
        ("java", "{}", [["name": "opentelemetry-auto-instrumentation-java", "emptyDir": ["sizeLimit": "200Mi"]]]),
        (
            "nodejs", "{volumeLimitSize: 1Gi}",
            [["name": "opentelemetry-auto-instrumentation-nodejs", "emptyDir": ["sizeLimit": "1Gi"]]]
        ),
        // Zero is a size.
        (
            "nodejs", "{volumeLimitSize: 0}",
            [["name": "opentelemetry-auto-instrumentation-nodejs", "emptyDir": ["sizeLimit": 0]]]
        ),
        (
            "python", "{volumeClaimTemplate: {metadata: {labels: {a: b}}, spec: {accessModes: [ReadWriteOnce]}}}",
            [
                [
                    "name": "opentelemetry-auto-instrumentation-python",
                    "ephemeral": [
                        "volumeClaimTemplate": [
                            "metadata": ["labels": ["a": "b"]], "spec": ["accessModes": ["ReadWriteOnce"]],
                        ]
                    ],
                ]
            ]
        ),
        (
            "dotnet", "{volumeClaimTemplate: {spec: {storageClassName: fast}}, volumeLimitSize: 1Gi}",
            [
                [
                    "name": "opentelemetry-auto-instrumentation-dotnet",
                    "ephemeral": ["volumeClaimTemplate": ["spec": ["storageClassName": "fast"]]],
                ]
            ]
        ),
        // 43: what the Go operator stores where nothing was set.
        (
            "dotnet", "{volumeClaimTemplate: {metadata: {}, spec: {resources: {}}}, volumeLimitSize: 1Gi}",
            [["name": "opentelemetry-auto-instrumentation-dotnet", "emptyDir": ["sizeLimit": "1Gi"]]]
        ),
        (
            "apache-httpd", "{volumeClaimTemplate: {spec: {storageClassName: fast}}}",
            [
                ["name": "otel-apache-conf-dir", "emptyDir": ["sizeLimit": "200Mi"]],
                [
                    "name": "otel-apache-agent",
                    "ephemeral": ["volumeClaimTemplate": ["spec": ["storageClassName": "fast"]]],
                ],
            ]
        ),
        (
            "nginx", "{volumeClaimTemplate: {spec: {storageClassName: fast}}, volumeLimitSize: 1Gi}",
            [["name": "otel-nginx-conf-dir", "emptyDir": [:]], ["name": "otel-nginx-agent", "emptyDir": [:]]]
        ),
        (
            "go", "{volumeClaimTemplate: {spec: {storageClassName: fast}}, volumeLimitSize: 1Gi}",
            [["name": "kernel-debug", "hostPath": ["path": "/sys/kernel/debug"]]]
        ),
    ]

    @Test(arguments: Self.volumes)
    func edge35Volumes(_ row: (language: String, settings: String, expected: [JSONValue])) throws {
        let language = try #require(Language(rawValue: row.language))
        let result = try scenario(
            [key("inject-\(row.language)"): "true", key("otel-go-auto-target-exe"): "/app"],
            instrumentation: "\(language.specKey): \(row.settings)"
        ).run()
        #expect(result.pod.spec.volumes.map { .object($0.json) } == row.expected)
    }

    /// 36, and section 5.3: the policy is the Instrumentation's, for the agent's container alone.
    @Test func edge36ExtensionsHaveNoPullPolicy() throws {
        let result = try scenario(
            [key("inject-java"): "true"],
            instrumentation: "imagePullPolicy: Always\njava: {extensions: [{image: e, dir: /d}]}"
        ).run()
        #expect(try result.container("\(self.agents)-java").json["imagePullPolicy"] == "Always")
        #expect(try result.container("\(self.agents)-extension-0").json["imagePullPolicy"] == nil)
        #expect(try result.container("\(self.agents)-extension-0").json["resources"] != nil)
    }

    /// 37: a mount at the directory itself must give way, as two at one path make the pod invalid.
    @Test(arguments: ["/etc/nginx", "/etc/nginx/"]) func edge37MountAtTheDirectoryItself(_ path: String) throws {
        let result = try scenario(
            [key("inject-nginx"): "true"],
            spec: """
                containers:
                - name: app
                  image: a
                  volumeMounts: [{name: types, mountPath: /etc/nginx/mime.types}, {name: conf, mountPath: \(path)}]
                """
        ).run()
        #expect(
            try result.container("app").volumeMounts.map(\.mountPath) == [
                "/etc/nginx/mime.types", "/opt/opentelemetry-webserver/agent", "/etc/nginx",
            ]
        )
    }

    // MARK: 39, Go

    /// What the program's variable says is left out of the agent's, but only of what describes the program: pod, node and
    /// version are those of the agent's own variable, which is empty (section 6, steps 4 to 8).
    @Test func edge39AttributesOfTheProgram() throws {
        let result = try scenario(
            [key("inject-go"): "true", key("otel-go-auto-target-exe"): "/app"],
            spec: """
                containers:
                - name: app
                  image: 'app:1.0'
                  env:
                  - name: OTEL_RESOURCE_ATTRIBUTES
                    value: foo=app,k8s.container.name=x,k8s.pod.name=p,k8s.pod.uid=u,k8s.node.name=n,service.version=9
                """,
            instrumentation: "resource: {addK8sUIDAttributes: true, resourceAttributes: {foo: cr, bar: cr}}"
        ).run()
        #expect(
            try result.attributes(self.agents) == [
                "bar=cr", "k8s.namespace.name=shop", "k8s.node.name=$(OTEL_RESOURCE_ATTRIBUTES_NODE_NAME)",
                "k8s.pod.name=$(OTEL_RESOURCE_ATTRIBUTES_POD_NAME)", "k8s.pod.uid=$(OTEL_RESOURCE_ATTRIBUTES_POD_UID)",
                "service.instance.id=shop.$(OTEL_RESOURCE_ATTRIBUTES_POD_NAME).app", "service.namespace=shop",
                "service.version=1.0",
            ]
        )
        #expect(result.pod.spec.containers[0] == result.original.spec.containers[0])
    }

    /// Attributes that the Instrumentation gives to the agent are the user's own there.
    @Test func edge39AttributesOfTheAgent() throws {
        let result = try scenario(
            [key("inject-go"): "true", key("otel-go-auto-target-exe"): "/app"],
            instrumentation: "go: {env: [{name: OTEL_RESOURCE_ATTRIBUTES, value: 'k8s.pod.name=p,service.version=9'}]}"
        ).run()
        #expect(
            try result.attributes(self.agents) == [
                "k8s.pod.name=p", "service.version=9", "k8s.container.name=app", "k8s.namespace.name=shop",
                "k8s.node.name=$(OTEL_RESOURCE_ATTRIBUTES_NODE_NAME)",
                "service.instance.id=shop.$(OTEL_RESOURCE_ATTRIBUTES_POD_NAME).app", "service.namespace=shop",
            ]
        )
    }

    @Test func edge39EmptyTargetPasses() throws {
        let result = try scenario([key("inject-go"): "true", key("otel-go-auto-target-exe"): ""]).run()
        #expect(result.codes == ["go Injected"])
        #expect(try result.value("OTEL_GO_AUTO_TARGET_EXE", self.agents) == "")
    }

    /// Several names are noticed in the pod's own annotation only.
    @Test func edge39NamesOfTheNamespace() throws {
        let result = try scenario(
            [key("inject-go"): "true", key("otel-go-auto-target-exe"): "/app"],
            spec: "containers: [{name: a, image: a}, {name: b, image: b}]",
            more:
                "{apiVersion: v1, kind: Namespace, metadata: {name: shop, annotations: {\(key("go-container-names")): 'b,a'}}}"
        ).run()
        #expect(result.codes == ["go Injected"])
        #expect(try result.value("OTEL_SERVICE_NAME", self.agents) == "b")
    }

    @Test func edge39ListOfTheOtherMode() throws {
        var scenario = try scenario(
            [
                key("inject-go"): "true", key("otel-go-auto-target-exe"): "/app", key("container-names"): "b,a",
                key("go-container-names"): "",
            ],
            spec: "containers: [{name: a, image: a}, {name: b, image: b}]"
        )
        #expect(try scenario.run().codes == ["go Injected"])
        scenario.settings.allowsMultipleLanguages = false
        #expect(try scenario.run().codes == ["go UnsupportedContainer"])
    }

    @Test func edge41RemovalLeavesTheRest() throws {
        let result = try scenario(
            ["sidecar.opentelemetry.io/inject": "false"],
            spec: """
                containers: [{name: app, image: a}, {name: otc-container, image: c}]
                initContainers: [{name: prepare, image: p}]
                volumes: [{name: configmap-x, configMap: {name: x}}]
                """,
            metadata: "labels: {sidecar.opentelemetry.io/injected: shop.agent}"
        ).run()
        #expect(result.pod.spec.containers.map(\.name) == ["app"])
        #expect(result.pod.spec.initContainers == result.original.spec.initContainers)
        #expect(result.pod.spec.volumes == result.original.spec.volumes)
        #expect(result.pod.metadata == result.original.metadata)
    }
}
