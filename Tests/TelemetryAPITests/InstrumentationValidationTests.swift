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
        ("traceidratio", "nan", "spec.sampler.argument is not a number: nan"),
        ("traceidratio", "-nan", "spec.sampler.argument is not a number: -nan"),
        ("traceidratio", " 0.5", "spec.sampler.argument is not a number:  0.5"),
        ("traceidratio", "0,5", "spec.sampler.argument is not a number: 0,5"),
        ("traceidratio", "50%", "spec.sampler.argument is not a number: 50%"),
        ("traceidratio", "-0", nil), ("traceidratio", "+1", nil), ("traceidratio", ".5", nil),
        ("traceidratio", "inf", "spec.sampler.argument should be in rage [0..1]: inf"),
        ("parentbased_traceidratio", "-0.1", "spec.sampler.argument should be in rage [0..1]: -0.1"),
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
            "jaeger_remote", "initialSamplingRate=nan",
            "spec.sampler.argument is not a valid argument for sampler jaeger_remote: invalid initialSamplingRate: nan"
        ),
        (
            "jaeger_remote", "initialSamplingRate=-0.1",
            "spec.sampler.argument is not a valid argument for sampler jaeger_remote: initialSamplingRate should be in rage [0..1]: -0.1"
        ),
        (
            "jaeger_remote", "pollingIntervalMs=",
            "spec.sampler.argument is not a valid argument for sampler jaeger_remote: invalid pollingIntervalMs: "
        ),
        (
            "jaeger_remote", "pollingIntervalMs=99999999999999999999",
            "spec.sampler.argument is not a valid argument for sampler jaeger_remote: invalid pollingIntervalMs: 99999999999999999999"
        ),
        // The first part that is wrong counts, blanks belong to the key, and a trailing comma makes an empty part.
        (
            "jaeger_remote", "endpoint=,pollingIntervalMs=x",
            "spec.sampler.argument is not a valid argument for sampler jaeger_remote: endpoint cannot be empty"
        ),
        ("jaeger_remote", "endpoint=x, pollingIntervalMs=x", nil),
        (
            "jaeger_remote", "endpoint=x,",
            "spec.sampler.argument is not a valid argument for sampler jaeger_remote: invalid argument: , the argument should be in the form of key=value"
        ),
        ("jaeger_remote", "=", nil),
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

    /// The first error stops; warnings gathered before it come with it.
    @Test func orderOfChecks() {
        let image = "ghcr.io/open-telemetry/opentelemetry-operator/autoinstrumentation-dotnet:1.2.0"
        let blocked =
            "Instrumentation shop/main: dotnet image \(image) is at a version that cannot be automatically upgraded. .NET instrumentation 1.3.0 contains breaking HTTP semantic convention changes. See https://opentelemetry.io/blog/2023/http-conventions-declared-stable/ for a general description of the changes. To upgrade, manually set the image on this Instrumentation resource to 1.3.0 or higher."
        var spec: JSONObject = [
            "sampler": ["type": "nonsense"], "exporter": ["endpoint": "https://x"],
            "dotnet": ["image": .string(image)],
            "nginx": ["volumeLimitSize": "1Gi", "volumeClaimTemplate": ["metadata": ["labels": ["a": "b"]]]],
        ]
        let all = self.validate(spec)
        #expect(all.error == "spec.sampler.type is not valid: nonsense")
        #expect(all.warnings == [blocked])

        spec["sampler"] = nil
        let volumes = self.validate(spec)
        #expect(
            volumes.error
                == "spec.nginx.volumeClaimTemplate and spec.nginx.volumeSizeLimit cannot both be defined: unable to resolve volume size"
        )
        #expect(volumes.warnings == [blocked, "sampler type not set"])

        spec["nginx"] = ["volumeLimitSize": 0]
        spec["java"] = ["volumeLimitSize": "1Gi"]
        let warned = self.validate(spec)
        #expect(warned.error == nil)
        #expect(
            warned.warnings == [
                blocked, "sampler type not set", "exporter is using https:// but exporter.tls is unset",
                "spec.java.volumeSizeLimit is deprecated and will be removed in a future release; use spec.java.volume.size instead",
                "spec.nginx.volumeSizeLimit is deprecated and will be removed in a future release; use spec.nginx.volume.size instead",
            ]
        )
    }

    /// Sharp edge 43: what says nothing at any depth is unset.
    static let templates: [(JSONValue, Bool)] = [
        (.null, false), ([:], false), (["metadata": [:]], false),
        (["metadata": [:], "spec": ["resources": [:]]], false),
        (["metadata": ["creationTimestamp": .null], "spec": [:]], false),
        (["spec": ["accessModes": [], "storageClassName": "", "selector": .null]], false),
        (["spec": ["accessModes": ["ReadWriteOnce"]]], true), (["metadata": ["labels": ["a": "b"]]], true),
        (["spec": ["storageClassName": "fast"]], true),
        (["spec": ["resources": ["requests": ["storage": "1Gi"]]]], true),
    ]

    @Test(arguments: Self.templates) func claimTemplates(_ template: JSONValue, _ isSet: Bool) {
        for language in Language.withAgent {
            let spec: JSONObject = [language.specKey: ["volumeClaimTemplate": template, "volumeLimitSize": "1Gi"]]
            #expect((self.validate(spec).error != nil) == isSet, "\(language.id)")
            #expect((Instrumentation(["spec": .object(spec)]).spec[language].volumeClaimTemplate != nil) == isSet)
        }
    }

    @Test(
        arguments: [(.null, false), ("", false), ("1Gi", true), ("0", true), (0, true), (1_000, true)]
            as [(JSONValue, Bool)]
    )
    func sizes(_ size: JSONValue, _ isSet: Bool) {
        let validation = self.validate(["java": ["volumeLimitSize": size], "sampler": ["type": "xray"]])
        #expect(validation.warnings.isEmpty != isSet)
    }

    /// Each names the setting that an operator of ours has for the image, so that only the repository's own tags are judged.
    @Test(arguments: [
        ("repo/java:1.0.0", true), ("repo/java:2.0.0", false), ("repo/java", false), ("repo/java:latest", false),
        ("other/java:1.0.0", false), ("", false), ("repo/java@sha256:00", false),
    ])
    func onlyOlderImagesOfTheRepositoryAreBlocked(_ image: String, _ isBlocked: Bool) {
        let validation = InstrumentationValidation(
            Instrumentation(["spec": ["java": ["image": .string(image)], "sampler": ["type": "xray"]]]),
            defaults: InstrumentationDefaulting(images: [.java: "repo/java:2.30.0"])
        )
        #expect(validation.warnings.isEmpty != isBlocked)
        #expect(validation.error == nil)
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
        (.java, "repo/java:2.0.0-rc.1", "repo/java:2.0.0-rc.2", false),
        (.java, "repo/java:1.99.99+build.7", "repo/java:2.0.0+build.8", true),
        (.java, "repo/java:v1", "repo/java:v2", true),
        (.java, "repo/java:1.2.3.4", "repo/java:2.30.0", false),
        (.java, "repo/java:2.30.0", "repo/java:1.0.0", false),
        (.java, "repo/java@sha256:00", "repo/java:2.30.0", false),
        (.java, "repo/java:99999999999999999999", "repo/java:2.30.0", false),
        (.java, "", "repo/java:2.30.0", false),
        (.dotnet, "repo/dotnet:1.2.9", "repo/dotnet:1.3.0", true),
        (.dotnet, "repo/dotnet:1.3.0", "repo/dotnet:1.3.0", false),
        (.dotnet, "repo/dotnet:1.3.0", "repo/dotnet:edge", true),
        (.nodejs, "repo/nodejs:0.1.0", "repo/nodejs:9.0.0", false),
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

    /// Sharp edges 46 and 47. What an operator finds at its start, what it makes of it, and what is left when the object
    /// has gone through the defaulting webhook; a second start then changes nothing.
    static let starts: [(image: String, recorded: String, after: String, record: String, isBlocked: Bool)] = [
        ("repo/java:2.1.0", "repo/java:2.1.0", "repo/java:2.30.0", "repo/java:2.30.0", false),
        ("repo/java:2.30.0", "repo/java:2.30.0", "repo/java:2.30.0", "repo/java:2.30.0", false),
        // A newer default than ours follows as well: the operator was put back.
        ("repo/java:3.0.0", "repo/java:3.0.0", "repo/java:2.30.0", "repo/java:2.30.0", false),
        ("repo/java:1.33.6", "repo/java:1.33.6", "repo/java:1.33.6", "repo/java:1.33.6", true),
        // The user's own images stay, and are recorded as such with the current default.
        ("mine", "repo/java:2.1.0", "mine", "repo/java:2.30.0", false),
        ("repo/java:2.0.0", "repo/java:2.30.0", "repo/java:2.0.0", "repo/java:2.30.0", false),
        // What an update by the Go operator left: an old image with a current record is the user's choice now.
        ("repo/java:1.33.6", "repo/java:2.30.0", "repo/java:1.33.6", "repo/java:2.30.0", false),
    ]

    @Test(arguments: Self.starts)
    func startAndStartAgain(_ row: (image: String, recorded: String, after: String, record: String, isBlocked: Bool)) {
        let annotation = Language.java.defaultImageAnnotation
        var plan = self.plan(row.image, recorded: row.recorded)
        for _ in 0..<2 {
            #expect(plan.blocked.keys.sorted() == (row.isBlocked ? ["java"] : []))
            #expect(plan.instrumentation.spec[.java].image == row.after)
            var stored = plan.instrumentation
            self.defaults.apply(to: &stored)
            #expect(stored.metadata.annotations[annotation] == row.record)
            plan = InstrumentationUpgrade.plan(stored, defaults: self.defaults, isEnabled: { _ in true })
            #expect(plan.instrumentation == stored)
        }
    }

    /// The way out of a block: the user sets a newer image, and from then on it is his.
    @Test func blockEndsWithANewerImage() {
        var stored = self.plan("repo/java:1.33.6", recorded: "repo/java:1.33.6").instrumentation
        var spec = stored.spec
        spec[.java].image = "repo/java:2.30.0"
        stored.spec = spec
        self.defaults.apply(to: &stored)
        let plan = InstrumentationUpgrade.plan(stored, defaults: self.defaults, isEnabled: { _ in true })
        #expect(plan.blocked == [:])
        #expect(plan.instrumentation == stored)
        #expect(stored.metadata.annotations[Language.java.defaultImageAnnotation] == "repo/java:2.30.0")
    }

    /// Every language by itself: one that is blocked holds up no other, and each has an action of its own.
    @Test func languagesAreIndependent() {
        var instrumentation = Instrumentation([
            "spec": [
                "java": ["image": "repo/java:1.0.0"], "dotnet": ["image": "repo/dotnet:1.0.0"],
                "python": ["image": "repo/python:1"], "go": ["image": "repo/go:1"],
            ]
        ])
        instrumentation.metadata.annotations = [
            Language.java.defaultImageAnnotation: "repo/java:1.0.0",
            Language.dotnet.defaultImageAnnotation: "repo/dotnet:1.0.0",
            Language.python.defaultImageAnnotation: "repo/python:1", Language.go.defaultImageAnnotation: "repo/go:1",
        ]
        let defaults = InstrumentationDefaulting(images: [
            .java: "repo/java:2.0.0", .dotnet: "repo/dotnet:1.3.0", .python: "repo/python:2", .go: "repo/go:2",
        ])
        let plan = InstrumentationUpgrade.plan(instrumentation, defaults: defaults, isEnabled: { $0 != .go })
        #expect(plan.events.map(\.action) == ["Upgrade-java", "Upgrade-dotnet"])
        #expect(plan.events.map(\.note) == ["java", "dotnet"].compactMap { plan.blocked[$0] })
        #expect(plan.instrumentation.spec[.java].image == "repo/java:1.0.0")
        #expect(plan.instrumentation.spec[.python].image == "repo/python:2")
        #expect(plan.instrumentation.spec[.go].image == "repo/go:1")
        #expect(
            plan.blocked["dotnet"]
                == "Automated upgrade blocked for dotnet: .NET instrumentation 1.3.0 contains breaking HTTP semantic convention changes. See https://opentelemetry.io/blog/2023/http-conventions-declared-stable/ for a general description of the changes. To upgrade, manually set the image on this Instrumentation resource to 1.3.0 or higher."
        )
    }
}
