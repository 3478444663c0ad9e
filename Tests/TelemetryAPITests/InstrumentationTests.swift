import JSONTree
import KubeModel
import TelemetryAPI
import Testing

struct InstrumentationViewTests {
    private let full = Instrumentation([
        "metadata": ["name": "main", "namespace": "shop"],
        "spec": [
            "exporter": [
                "endpoint": "https://x",
                "tls": [
                    "secretName": "s", "configMapName": "c", "ca_file": "ca", "cert_file": "cert", "key_file": "key",
                ],
            ],
            "resource": ["resourceAttributes": ["b": "2", "a": "1"], "addK8sUIDAttributes": true],
            "propagators": ["b3", "xray"],
            "sampler": ["type": "traceidratio", "argument": "0.5"],
            "defaults": ["useLabelsForResourceAttributes": true],
            "env": [["name": "A", "value": "1"]],
            "imagePullPolicy": "Always",
            "initContainerSecurityContext": ["runAsUser": 1],
            "java": [
                "image": "j", "env": [["name": "J"]], "resources": ["limits": ["cpu": "1"]],
                "extensions": [["image": "e", "dir": "/d"]],
            ],
            "python": ["resourceRequirements": ["limits": ["cpu": "2"]]],
            "go": ["securityContext": ["privileged": true]],
            "apacheHttpd": ["version": "2.2", "configPath": "/c", "attrs": [["name": "x", "value": "y"]]],
            "nginx": ["configFile": "/n"],
        ],
    ])

    @Test func readsEveryMember() {
        let spec = self.full.spec
        #expect(self.full.key == ObjectKey(namespace: "shop", name: "main"))
        #expect(spec.exporter.endpoint == "https://x")
        #expect(spec.exporter.tls?.secretName == "s")
        #expect(spec.exporter.tls?.configMapName == "c")
        #expect(spec.exporter.tls?.caFile == "ca")
        #expect(spec.exporter.tls?.certFile == "cert")
        #expect(spec.exporter.tls?.keyFile == "key")
        #expect(Array(spec.resourceAttributes.keys) == ["b", "a"])
        #expect(spec.addsKubernetesUIDs)
        #expect(spec.propagators == ["b3", "xray"])
        #expect(spec.samplerType == "traceidratio")
        #expect(spec.samplerArgument == "0.5")
        #expect(spec.usesLabelsForResourceAttributes)
        #expect(spec.env.map(\.name) == ["A"])
        #expect(spec.imagePullPolicy == "Always")
        #expect(spec.initContainerSecurityContext == ["runAsUser": 1])
        #expect(spec[.java].image == "j")
        #expect(spec[.java].env.map(\.name) == ["J"])
        #expect(spec[.java].resources == ["limits": ["cpu": "1"]])
        #expect(spec[.java].extensions.map(\.image) == ["e"])
        #expect(spec[.java].extensions.map(\.directory) == ["/d"])
        #expect(spec[.python].resources == ["limits": ["cpu": "2"]])
        #expect(spec[.go].securityContext == ["privileged": true])
        #expect(spec[.apacheHttpd].version == "2.2")
        #expect(spec[.apacheHttpd].configPath == "/c")
        #expect(spec[.apacheHttpd].attributes.map(\.name) == ["x"])
        #expect(spec[.nginx].configFile == "/n")
        #expect(spec[.sdk].env.isEmpty)
    }

    @Test func absentMembersAreEmpty() {
        let spec = Instrumentation([:]).spec
        #expect(spec.exporter.endpoint == "")
        #expect(spec.exporter.tls == nil)
        #expect(Instrumentation(["spec": ["exporter": ["tls": [:]]]]).spec.exporter.tls != nil)
        #expect(!spec.addsKubernetesUIDs)
        #expect(spec[.java].image == "")
        #expect(spec[.java].resources == nil)
    }

    /// What the Go operator stores for a template that the user never wrote.
    @Test func emptyClaimTemplateIsUnset() {
        var spec = LanguageSpec(
            ["volumeClaimTemplate": ["metadata": [:], "spec": ["resources": [:]]]],
            language: .java
        )
        #expect(spec.volumeClaimTemplate == nil)
        spec.json = ["volumeClaimTemplate": ["spec": ["accessModes": ["ReadWriteOnce"]]]]
        #expect(spec.volumeClaimTemplate != nil)
    }

    @Test func blockedVersions() {
        var instrumentation = Instrumentation(["status": ["other": 1]])
        instrumentation.status.upgradeBlockedVersions = ["java": "no"]
        #expect(instrumentation.json["status"] == ["other": 1, "upgradeBlockedVersions": ["java": "no"]])
        instrumentation.status.upgradeBlockedVersions = [:]
        #expect(instrumentation.json["status"] == ["other": 1])
    }

    @Test func languageNames() {
        #expect(
            Language.allCases.map(\.id) == ["java", "nodejs", "python", "dotnet", "go", "apache-httpd", "nginx", "sdk"]
        )
        #expect(Language.apacheHttpd.specKey == "apacheHttpd")
        #expect(Language.apacheHttpd.lowercasedSpecKey == "apachehttpd")
        #expect(Language.dotnet.injectAnnotation == "instrumentation.opentelemetry.io/inject-dotnet")
        #expect(
            Language.nginx.containerNamesAnnotation == "instrumentation.opentelemetry.io/inject-nginx-container-names"
        )
        #expect(Language.sdk.containerNamesAnnotation == "instrumentation.opentelemetry.io/sdk-container-names")
        #expect(
            Language.apacheHttpd.defaultImageAnnotation
                == "instrumentation.opentelemetry.io/default-auto-instrumentation-apache-httpd-image"
        )
        #expect(
            Language.withAgent.map(\.displayName) == [
                "Java", "NodeJS", "Python", ".NET", "Go", "Apache HTTPD", "Nginx",
            ]
        )
    }
}

/// Specification section 1.4.
struct InstrumentationDefaultingTests {
    private func defaulted(_ spec: JSONObject, annotations: [String: String] = [:], _ images: [Language: String] = [:])
        -> Instrumentation
    {
        var instrumentation = Instrumentation(["metadata": ["name": "x"], "spec": .object(spec)])
        instrumentation.metadata.annotations = annotations
        InstrumentationDefaulting(images: images).apply(to: &instrumentation)
        return instrumentation
    }

    static let imageRows: [(Language, String)] = [
        (.java, "ghcr.io/open-telemetry/opentelemetry-operator/autoinstrumentation-java:2.30.0"),
        (.nodejs, "ghcr.io/open-telemetry/opentelemetry-operator/autoinstrumentation-nodejs:0.78.0"),
        (.python, "ghcr.io/open-telemetry/opentelemetry-operator/autoinstrumentation-python:0.64b0"),
        (.dotnet, "ghcr.io/open-telemetry/opentelemetry-operator/autoinstrumentation-dotnet:1.16.0"),
        (.go, "ghcr.io/open-telemetry/opentelemetry-go-instrumentation/autoinstrumentation-go:v0.24.0"),
        (.apacheHttpd, "ghcr.io/open-telemetry/opentelemetry-operator/autoinstrumentation-apache-httpd:1.0.4"),
        (.nginx, "ghcr.io/open-telemetry/opentelemetry-operator/autoinstrumentation-apache-httpd:1.0.4"),
    ]

    @Test(arguments: Self.imageRows) func images(_ language: Language, _ image: String) {
        let instrumentation = self.defaulted([:])
        #expect(instrumentation.spec[language].image == image)
        #expect(instrumentation.metadata.annotations[language.defaultImageAnnotation] == image)
        let own = self.defaulted([language.specKey: ["image": "mine"]], [language: "theirs"])
        #expect(own.spec[language].image == "mine")
        #expect(own.metadata.annotations[language.defaultImageAnnotation] == "theirs")
        #expect(InstrumentationDefaulting(images: [language: ""]).defaultImage(language) == image)
    }

    static let resourceRows: [(Language, String, String)] = [
        (.java, "50m", "64Mi"), (.python, "50m", "64Mi"), (.go, "50m", "64Mi"), (.nodejs, "50m", "128Mi"),
        (.dotnet, "50m", "128Mi"), (.apacheHttpd, "1m", "128Mi"), (.nginx, "1m", "128Mi"),
    ]

    @Test(arguments: Self.resourceRows) func resources(_ language: Language, _ cpu: String, _ memory: String) {
        let limits: JSONValue = ["cpu": "500m", "memory": "256Mi"]
        let requests: JSONValue = ["cpu": .string(cpu), "memory": .string(memory)]
        #expect(self.defaulted([:]).spec[language].resources == ["limits": limits, "requests": requests])
        // A whole map or nothing.
        let own = self.defaulted([language.specKey: [language.resourcesKey: ["limits": ["cpu": "2"]]]])
        #expect(own.spec[language].resources == ["limits": ["cpu": "2"], "requests": requests])
    }

    @Test func webServers() {
        let spec = self.defaulted([:]).spec
        #expect(spec[.apacheHttpd].version == "2.4")
        #expect(spec[.apacheHttpd].configPath == "/usr/local/apache2/conf")
        #expect(spec[.nginx].configFile == "/etc/nginx/nginx.conf")
        let own = self.defaulted([
            "apacheHttpd": ["version": "2.2", "configPath": "/a"], "nginx": ["configFile": "/b"],
        ]).spec
        #expect(own[.apacheHttpd].version == "2.2")
        #expect(own[.apacheHttpd].configPath == "/a")
        #expect(own[.nginx].configFile == "/b")
    }

    @Test func nothingElseIsAdded() {
        let instrumentation = self.defaulted(["unknown": ["kept": 1], "java": ["unknown": true]])
        #expect(instrumentation.json["spec"]?["unknown"] == ["kept": 1])
        #expect(instrumentation.json["spec"]?["java"]?["unknown"] == true)
        #expect(Set(instrumentation.spec.json.keys) == Set(["unknown"] + Language.withAgent.map(\.specKey)))
        #expect(instrumentation.spec[.java].volumeLimitSize == nil)
        #expect(instrumentation.metadata.annotations.count == 7)
    }

    @Test func twiceIsOnce() {
        let once = self.defaulted(["java": ["image": "x"]])
        var twice = once
        InstrumentationDefaulting().apply(to: &twice)
        #expect(twice == once)
    }

    /// Sharp edges 46 and 47: an older default stays recorded as such, another image gets the current default recorded.
    @Test func olderDefaultKeepsItsRecord() {
        let annotation = Language.java.defaultImageAnnotation
        let old = self.defaulted(["java": ["image": "old"]], annotations: [annotation: "old"])
        #expect(old.metadata.annotations[annotation] == "old")
        let own = self.defaulted(["java": ["image": "mine"]], annotations: [annotation: "old"])
        #expect(own.metadata.annotations[annotation] == InstrumentationDefaulting.defaultImages[.java])
    }
}
