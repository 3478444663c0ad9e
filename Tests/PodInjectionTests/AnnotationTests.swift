import JSONTree
import TelemetryAPI
import Testing

@testable import PodInjection

/// Specification sections 4.1, 4.2 and 9.1.
struct AnnotationTests {
    static let precedence: [(pod: String?, namespace: String?, effective: String)] = [
        ("true", "false", "true"),
        ("true", "some-instance", "some-instance"),
        ("some-instance-from-pod", "some-instance", "some-instance-from-pod"),
        ("false", "some-instance", "false"),
        (nil, "some-instance", "some-instance"),
        ("true", nil, "true"),
        ("TRUE", "some-instance", "some-instance"),
        ("True", "FALSE", "True"),
        ("true", "", "true"),
        ("", "false", "false"),
        (nil, nil, ""),
        // No blanks are taken off.
        (" true", "some-instance", " true"),
    ]

    @Test(
        arguments: Self.precedence,
        ["instrumentation.opentelemetry.io/inject-java", "sidecar.opentelemetry.io/inject"]
    )
    func effective(_ row: (pod: String?, namespace: String?, effective: String), _ key: String) {
        func annotations(_ value: String?) -> InjectionAnnotations {
            InjectionAnnotations(value.map { [(key: key, value: $0)] } ?? [])
        }
        let wanted: InjectionAnnotations.Key = key.hasPrefix("sidecar") ? .sidecar : .inject(.java)
        #expect(
            InjectionAnnotations.effective(wanted, pod: annotations(row.pod), namespace: annotations(row.namespace))
                == row.effective
        )
    }

    @Test func knowsEveryKey() {
        let prefix = "instrumentation.opentelemetry.io/"
        let keys: [(String, InjectionAnnotations.Key)] =
            [
                ("container-names", .containerNames), ("otel-python-platform", .pythonPlatform),
                ("otel-dotnet-auto-runtime", .dotnetRuntime), ("otel-go-auto-target-exe", .goTargetExecutable),
                ("inject-nginx-container-names", .containerNames(.nginx)),
                ("nginx-container-names", .containerNames(.nginx)),
                ("java-container-names", .containerNames(.java)), ("nodejs-container-names", .containerNames(.nodejs)),
                ("python-container-names", .containerNames(.python)),
                ("dotnet-container-names", .containerNames(.dotnet)), ("go-container-names", .containerNames(.go)),
                ("apache-httpd-container-names", .containerNames(.apacheHttpd)),
                ("sdk-container-names", .containerNames(.sdk)),
                ("inject-java", .inject(.java)), ("inject-nodejs", .inject(.nodejs)),
                ("inject-python", .inject(.python)),
                ("inject-dotnet", .inject(.dotnet)), ("inject-go", .inject(.go)),
                ("inject-apache-httpd", .inject(.apacheHttpd)), ("inject-nginx", .inject(.nginx)),
                ("inject-sdk", .inject(.sdk)),
            ]
        for (name, key) in keys {
            let annotations = InjectionAnnotations([(key: prefix + name, value: "x")])
            #expect(annotations.value(key) == "x", "\(name)")
            for (_, other) in keys where other != key { #expect(annotations.value(other) == nil, "\(name)") }
        }
        #expect(InjectionAnnotations([(key: "sidecar.opentelemetry.io/inject", value: "x")]).value(.sidecar) == "x")
    }

    @Test(arguments: [
        "instrumentation.opentelemetry.io/inject-ruby", "instrumentation.opentelemetry.io/", "app", "",
        "sidecar.opentelemetry.io/injected", "Instrumentation.opentelemetry.io/inject-java",
        "instrumentation.opentelemetry.io/-container-names",
    ])
    func passesOverOthers(_ key: String) {
        #expect(InjectionAnnotations([(key: key, value: "true")]).isEmpty)
    }

    @Test func keepsResourceAttributes() {
        let annotations = InjectionAnnotations(
            [
                "resource.opentelemetry.io/foo": "bar", "resource.opentelemetry.io/empty": "", "other": "x",
                "resource.opentelemetry.io/number": 3,
            ] as JSONObject
        )
        #expect(
            annotations.resourceAttributes == [Attribute(key: "foo", value: "bar"), Attribute(key: "empty", value: "")]
        )
        #expect(annotations.resourceAttribute("foo") == "bar")
        #expect(annotations.resourceAttribute("nosuch") == "")
        #expect(!annotations.holdsRequests)
        #expect(!annotations.isEmpty)
    }

    @Test func lastValueCounts() {
        let key = "instrumentation.opentelemetry.io/inject-java"
        #expect(InjectionAnnotations([(key: key, value: "a"), (key: key, value: "b")]).value(.inject(.java)) == "b")
    }
}
