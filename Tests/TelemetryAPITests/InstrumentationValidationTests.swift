import JSONTree
import KubeModel
import TelemetryAPI
import Testing

/// Specification section 1.5.
struct InstrumentationValidationTests {
    private func validate(_ spec: JSONObject) -> InstrumentationValidation {
        InstrumentationValidation(
            Instrumentation(["metadata": ["name": "main", "namespace": "shop"], "spec": .object(spec)]),
            defaults: InstrumentationDefaulting()
        )
    }

    static let samplers: [(String, String, String?)] = [
        ("", "ignored", nil),
        ("traceidratio", "", nil), ("traceidratio", "0.5", nil), ("traceidratio", "0", nil), ("traceidratio", "1", nil),
        ("parentbased_traceidratio", "1e-3", nil),
        ("traceidratio", "abc", "spec.sampler.argument is not a number: abc"),
        ("parentbased_traceidratio", "0.5x", "spec.sampler.argument is not a number: 0.5x"),
        ("traceidratio", "NaN", "spec.sampler.argument is not a number: NaN"),
        ("traceidratio", "1.01", "spec.sampler.argument should be in rage [0..1]: 1.01"),
        ("traceidratio", "-1", "spec.sampler.argument should be in rage [0..1]: -1"),
        ("always_on", "whatever", nil), ("always_off", "", nil), ("parentbased_always_on", "", nil),
        ("parentbased_always_off", "", nil), ("xray", "endpoint=x", nil),
        ("parentbased_sometimes", "", "spec.sampler.type is not valid: parentbased_sometimes"),
        ("jaeger_remote", "", nil),
        ("jaeger_remote", "endpoint=http://x:14250,pollingIntervalMs=5000,initialSamplingRate=0.25,other=x", nil),
        ("parentbased_jaeger_remote", "endpoint=http://x", nil),
        (
            "jaeger_remote", "endpoint",
            "spec.sampler.argument is not a valid argument for sampler jaeger_remote: invalid argument: endpoint, the argument should be in the form of key=value"
        ),
        (
            "jaeger_remote", "a=b=c",
            "spec.sampler.argument is not a valid argument for sampler jaeger_remote: invalid argument: a=b=c, the argument should be in the form of key=value"
        ),
        (
            "jaeger_remote", "endpoint=",
            "spec.sampler.argument is not a valid argument for sampler jaeger_remote: endpoint cannot be empty"
        ),
        (
            "jaeger_remote", "pollingIntervalMs=1.5",
            "spec.sampler.argument is not a valid argument for sampler jaeger_remote: invalid pollingIntervalMs: 1.5"
        ),
        (
            "jaeger_remote", "initialSamplingRate=x",
            "spec.sampler.argument is not a valid argument for sampler jaeger_remote: invalid initialSamplingRate: x"
        ),
        (
            "parentbased_jaeger_remote", "initialSamplingRate=2",
            "spec.sampler.argument is not a valid argument for sampler parentbased_jaeger_remote: initialSamplingRate should be in rage [0..1]: 2"
        ),
    ]

    @Test(arguments: Self.samplers) func sampler(_ type: String, _ argument: String, _ error: String?) {
        let validation = self.validate(["sampler": ["type": .string(type), "argument": .string(argument)]])
        #expect(validation.error == error)
        #expect(validation.warnings == (type.isEmpty ? ["sampler type not set"] : []))
    }

    @Test func volumes() {
        let template: JSONValue = ["spec": ["accessModes": ["ReadWriteOnce"]]]
        for language in Language.withAgent {
            let key = language.lowercasedSpecKey
            let both = self.validate([
                language.specKey: ["volumeClaimTemplate": template, "volumeLimitSize": "1Gi"],
                "sampler": ["type": "xray"],
            ])
            #expect(
                both.error
                    == "spec.\(key).volumeClaimTemplate and spec.\(key).volumeSizeLimit cannot both be defined: unable to resolve volume size"
            )
            #expect(both.warnings == [])
            let empty = self.validate([
                language.specKey: ["volumeClaimTemplate": ["spec": ["resources": [:]]], "volumeLimitSize": "1Gi"],
                "sampler": ["type": "xray"],
            ])
            #expect(empty.error == nil)
            #expect(
                empty.warnings == [
                    "spec.\(key).volumeSizeLimit is deprecated and will be removed in a future release; use spec.\(key).volume.size instead"
                ]
            )
        }
    }

    @Test func firstVolumeConflictCounts() {
        let both: JSONValue = ["volumeClaimTemplate": ["spec": ["a": "b"]], "volumeLimitSize": "1Gi"]
        let validation = self.validate(["java": both, "dotnet": both, "python": both])
        #expect(validation.error?.hasPrefix("spec.dotnet.") == true)
        #expect(validation.warnings == ["sampler type not set"])
    }

    static let exporters: [(JSONValue, [String])] = [
        (["endpoint": "http://x"], []),
        (["endpoint": "https://x"], ["exporter is using https:// but exporter.tls is unset"]),
        (["endpoint": "https://x", "tls": [:]], []),
        (["tls": [:]], ["exporter.tls is configured but exporter.endpoint is not enabling TLS with https://"]),
        (
            ["endpoint": "http://x", "tls": ["key_file": "k"]],
            [
                "both exporter.tls.key and exporter.tls.cert mut be set",
                "exporter.tls is configured but exporter.endpoint is not enabling TLS with https://",
            ]
        ),
        (
            ["endpoint": "https://x", "tls": ["cert_file": "c"]],
            ["both exporter.tls.key and exporter.tls.cert mut be set"]
        ),
        (["endpoint": "https://x", "tls": ["cert_file": "c", "key_file": "k"]], []),
    ]

    @Test(arguments: Self.exporters) func exporter(_ exporter: JSONValue, _ warnings: [String]) {
        let validation = self.validate(["exporter": exporter, "sampler": ["type": "always_on"]])
        #expect(validation.error == nil)
        #expect(validation.warnings == warnings)
    }

    /// Sharp edge 49: in the order of the languages, before everything else.
    @Test func blockedImages() {
        let registry = "ghcr.io/open-telemetry/opentelemetry-operator/autoinstrumentation"
        let validation = self.validate([
            "dotnet": ["image": .string("\(registry)-dotnet:1.2.0")],
            "java": ["image": .string("\(registry)-java:1.33.6")],
            "sampler": ["type": "nonsense"],
        ])
        #expect(validation.error == "spec.sampler.type is not valid: nonsense")
        #expect(validation.warnings.count == 2)
        #expect(
            validation.warnings.first
                == "Instrumentation shop/main: java image \(registry)-java:1.33.6 is at a version that cannot be automatically upgraded. Java instrumentation 2.0.0 contains breaking HTTP semantic convention changes. See https://opentelemetry.io/blog/2023/http-conventions-declared-stable/ for a general description of the changes. To upgrade, manually set the image on this Instrumentation resource to 2.0.0 or higher."
        )
    }
}

/// Specification section 1.6.
struct InstrumentationUpgradeTests {
    static let rows: [(Language, String, String, Bool)] = [
        (.java, "repo/java:1.33.6", "repo/java:2.30.0", true),
        (.java, "repo/java:v1.0", "repo/java:2.0.0", true),
        (.java, "repo/java:1", "repo/java:1.9.9", false),
        (.java, "repo/java:2.0.0", "repo/java:2.30.0", false),
        (.java, "repo/java:2.0.0-rc.1", "repo/java:2.0.0", true),
        (.java, "repo/java:2.1.0", "repo/java:2.30.0", false),
        (.java, "other/java:1.0.0", "repo/java:2.30.0", false),
        // What isn't a version is compared literally.
        (.java, "repo/java:2.0.0", "repo/java:latest", true),
        (.java, "repo/java:1.0.0", "repo/java:latest", false),
        (.java, "repo/java", "repo/java:2.30.0", false),
        (.dotnet, "host:5000/dotnet:1.2.0", "host:5000/dotnet:1.16.0", true),
        (.dotnet, "host:5000/dotnet", "host:5000/dotnet:1.16.0", false),
        (.python, "repo/python:0.1", "repo/python:0.64b0", false),
    ]

    @Test(arguments: Self.rows) func blocked(_ language: Language, _ image: String, _ wanted: String, _ isBlocked: Bool)
    {
        #expect(
            (InstrumentationUpgrade.blockedMessage(language, image: image, defaultImage: wanted) != nil) == isBlocked
        )
    }

    private let defaults = InstrumentationDefaulting(images: [.java: "repo/java:2.30.0", .python: "repo/python:2"])

    private func plan(_ image: String, recorded: String, _ language: Language = .java, enabled: Bool = true)
        -> InstrumentationUpgrade.Plan
    {
        var instrumentation = Instrumentation(["spec": [language.specKey: ["image": .string(image)]]])
        instrumentation.metadata.annotations = [language.defaultImageAnnotation: recorded]
        return InstrumentationUpgrade.plan(instrumentation, defaults: self.defaults, isEnabled: { _ in enabled })
    }

    @Test func olderDefaultFollows() {
        let plan = self.plan("repo/java:2.1.0", recorded: "repo/java:2.1.0")
        #expect(plan.instrumentation.spec[.java].image == "repo/java:2.30.0")
        #expect(plan.instrumentation.metadata.annotations[Language.java.defaultImageAnnotation] == "repo/java:2.30.0")
        #expect(plan.blocked == [:])
        #expect(plan.events.isEmpty)
    }

    @Test func ownImageStays() {
        let plan = self.plan("mine", recorded: "repo/java:2.1.0")
        #expect(plan.instrumentation.spec[.java].image == "mine")
        #expect(plan.instrumentation.metadata.annotations[Language.java.defaultImageAnnotation] == "repo/java:2.1.0")
    }

    @Test func disabledLanguageStays() {
        #expect(
            self.plan("repo/java:2.1.0", recorded: "repo/java:2.1.0", enabled: false).instrumentation.spec[.java].image
                == "repo/java:2.1.0"
        )
    }

    @Test func unrecordedStays() {
        let plan = self.plan("repo/java:2.1.0", recorded: "")
        #expect(plan.instrumentation.spec[.java].image == "repo/java:2.1.0")
    }

    @Test func breakingUpgradeIsBlocked() {
        let plan = self.plan("repo/java:1.33.6", recorded: "repo/java:1.33.6")
        #expect(plan.instrumentation.spec[.java].image == "repo/java:1.33.6")
        #expect(plan.instrumentation.metadata.annotations[Language.java.defaultImageAnnotation] == "repo/java:1.33.6")
        #expect(
            plan.blocked["java"]?.hasPrefix("Automated upgrade blocked for java: Java instrumentation 2.0.0 contains")
                == true
        )
        #expect(plan.events.map(\.action) == ["Upgrade-java"])
    }

    /// Sharp edge 46: through the defaulting webhook a block stays what it is, and nothing is written twice.
    @Test func blockSurvivesTheDefaultingWebhook() {
        var stored = self.plan("repo/java:1.33.6", recorded: "repo/java:1.33.6").instrumentation
        self.defaults.apply(to: &stored)
        let again = InstrumentationUpgrade.plan(stored, defaults: self.defaults, isEnabled: { _ in true })
        #expect(again.blocked.keys.sorted() == ["java"])
        #expect(again.instrumentation == stored)
    }

    @Test func whatIsCurrentIsNotWritten() {
        var stored = Instrumentation(["metadata": ["name": "x"]])
        self.defaults.apply(to: &stored)
        let plan = InstrumentationUpgrade.plan(stored, defaults: self.defaults, isEnabled: { _ in true })
        #expect(plan.instrumentation == stored)
        #expect(plan.blocked == [:])
    }
}
