import JSONTree
import KubeModel
import TelemetryAPI
import Testing

/// The operator's configuration file (specification operations.md section 1.2, injection.md section 1.7).
struct ConfigFileTests {
    private func file(_ text: String) throws -> ConfigFile { try ConfigFile(parsing: Array(text.utf8)) }

    @Test func valuesOfAllKinds() throws {
        let file = try self.file(
            """
            collector-image: otel:1
            webhook-port: 9443
            enable-go-auto-instrumentation: true
            enable-webhooks: "false"
            labels-filter: [a, b]
            watch-namespace: x,y
            feature-gates: ""
            metrics-addr:
            zap: {log-level: debug}
            something-else: 1
            """
        )
        #expect(try file.text("collector-image") == "otel:1")
        #expect(try file.text("webhook-port") == "9443")
        #expect(try file.bool("enable-go-auto-instrumentation") == true)
        #expect(try file.bool("enable-webhooks") == false)
        #expect(try file.list("labels-filter") == ["a", "b"])
        #expect(try file.list("watch-namespace") == ["x", "y"])
        #expect(try file.text("feature-gates") == nil)
        #expect(try file.text("metrics-addr") == nil)
        #expect(try file.text("absent") == nil && file.bool("absent") == nil && file.list("absent") == nil)
        #expect(try file.group("zap").text("log-level") == "debug")
        #expect(try file.staticInstrumentation() == nil)
    }

    @Test(arguments: ["", "---\n", "# nothing\n", "null"]) func emptyFile(_ text: String) throws {
        #expect(try self.file(text).text("collector-image") == nil)
    }

    @Test(arguments: [
        ("- a", "not a mapping"), ("text", "not a mapping"), ("a: 1\n---\nb: 2", "2 documents"), ("a: [", "line"),
    ])
    func fileThatIsNone(_ text: String, _ part: String) {
        let error = #expect(throws: ConfigFileError.self) { try self.file(text) }
        #expect(error?.description.contains(part) == true, "\(String(describing: error))")
    }

    @Test func valuesOfAnotherKind() throws {
        let file = try self.file("collector-image: {a: 1}\nenable-webhooks: maybe\nlabels-filter: [1]")
        #expect(throws: ConfigFileError.self) { try file.text("collector-image") }
        #expect(throws: ConfigFileError.self) { try file.bool("enable-webhooks") }
        #expect(throws: ConfigFileError.self) { try file.list("labels-filter") }
    }

    /// As the Go operator's loader reads it: lower-case names of Go's fields. And as the resource has it.
    @Test(arguments: [
        """
        enable-instrumentation-crds: false
        instrumentations:
          spec:
            imagepullpolicy: Always
            exporter: {endpoint: "http://c:4317", tls: {secretname: s, cafile: ca.crt}}
            resource: {addk8suidattributes: true, resourceattributes: {Team.Name: Shop}}
            env: [{name: A, valuefrom: {fieldref: {fieldpath: metadata.name}}}]
            java: {image: "java:1", resources: {limits: {cpu: 1}}, volumelimitsize: 1Gi}
            apachehttpd: {image: "apache:1", configpath: /etc/httpd}
        """,
        """
        enable-instrumentation-crds: false
        instrumentations:
        - metadata: {name: all}
          spec:
            imagePullPolicy: Always
            exporter: {endpoint: "http://c:4317", tls: {secretName: s, ca_file: ca.crt}}
            resource: {addK8sUIDAttributes: true, resourceAttributes: {Team.Name: Shop}}
            env: [{name: A, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]
            java: {image: "java:1", resources: {limits: {cpu: 1}}, volumeLimitSize: 1Gi}
            apacheHttpd: {image: "apache:1", configPath: /etc/httpd}
        """,
    ])
    func staticInstrumentation(_ text: String) throws {
        let instrumentation = try #require(try self.file(text).staticInstrumentation())
        let spec = instrumentation.spec
        #expect(!instrumentation.key.name.isEmpty)
        #expect(spec.imagePullPolicy == "Always")
        #expect(spec.exporter.endpoint == "http://c:4317")
        #expect(spec.exporter.tls?.secretName == "s" && spec.exporter.tls?.caFile == "ca.crt")
        #expect(spec.addsKubernetesUIDs)
        // Keys of maps are the user's.
        #expect(spec.resourceAttributes == ["Team.Name": "Shop"])
        #expect(spec.env.first?.valueFrom == ["fieldRef": ["fieldPath": "metadata.name"]])
        #expect(spec[.java].image == "java:1")
        #expect(spec[.java].resources == ["limits": ["cpu": 1]])
        #expect(spec[.java].volumeLimitSize == "1Gi")
        #expect(spec[.apacheHttpd].configPath == "/etc/httpd")
        // It is not defaulted: what is not written out is not there.
        #expect(spec[.python].image.isEmpty)
    }

    @Test(arguments: ["instrumentations: 1", "instrumentations: [{}, {}]", "instrumentations: {spec: 1}"])
    func staticInstrumentationThatIsNone(_ text: String) throws {
        let file = try self.file("enable-instrumentation-crds: false\n" + text)
        #expect(throws: ConfigFileError.self) { try file.staticInstrumentation() }
    }

    @Test func withoutABlockThereIsAnEmptyOne() throws {
        #expect(try self.file("enable-instrumentation-crds: false").staticInstrumentation() != nil)
    }
}
