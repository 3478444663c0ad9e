import JSONTree
import KubeModel
import PodInjection
import Testing

/// Specification section 9.2.
struct ServiceNameTests {
    struct Row: Sendable, CustomTestStringConvertible {
        var name: String
        var metadata = ""
        var annotations: [String: String] = [:]
        var usesLabels = false
        var more = ""
        var expected: String
        var testDescription: String { self.name }
    }

    private static let labels = "labels: {app.kubernetes.io/name: secondary, app.kubernetes.io/instance: label}"
    private static func owner(_ kind: String, _ name: String) -> String {
        "ownerReferences: [{apiVersion: apps/v1, kind: \(kind), name: \(name), uid: u-\(name)}]"
    }
    private static func owned(_ kind: String, _ name: String, by owner: String, _ ownerName: String) -> String {
        "{apiVersion: \(kind == "Job" ? "batch/v1" : "apps/v1"), kind: \(kind), metadata: {name: \(name), ownerReferences: "
            + "[{apiVersion: x/v1, kind: \(owner), name: \(ownerName), uid: u-\(ownerName)}]}}"
    }

    static let rows = [
        Row(name: "nothing: the container", expected: "app"),
        Row(name: "the pod", metadata: "name: my-pod", expected: "my-pod"),
        Row(
            name: "a label that isn't used",
            metadata: "name: my-pod\nlabels: {app.kubernetes.io/name: label}",
            expected: "my-pod"
        ),
        Row(
            name: "a label",
            metadata: "name: my-pod\nlabels: {app.kubernetes.io/name: label}",
            usesLabels: true,
            expected: "label"
        ),
        Row(name: "the instance before the name", metadata: Self.labels, usesLabels: true, expected: "label"),
        Row(
            name: "an annotation before labels",
            metadata: Self.labels,
            annotations: ["resource.opentelemetry.io/service.name": "annotated"],
            usesLabels: true,
            expected: "annotated"
        ),
        Row(
            name: "an annotation without labels",
            metadata: Self.labels,
            annotations: ["resource.opentelemetry.io/service.name": "annotated"],
            expected: "annotated"
        ),
        Row(
            name: "an empty annotation",
            metadata: "name: my-pod",
            annotations: ["resource.opentelemetry.io/service.name": ""],
            expected: "my-pod"
        ),
        Row(name: "a replica set", metadata: "name: my-pod\n" + Self.owner("ReplicaSet", "rs"), expected: "rs"),
        Row(
            name: "its deployment",
            metadata: "name: my-pod\n" + Self.owner("ReplicaSet", "rs"),
            more: Self.owned("ReplicaSet", "rs", by: "Deployment", "deploy"),
            expected: "deploy"
        ),
        Row(name: "a stateful set", metadata: "name: my-pod\n" + Self.owner("StatefulSet", "set"), expected: "set"),
        Row(name: "a daemon set", metadata: "name: my-pod\n" + Self.owner("DaemonSet", "set"), expected: "set"),
        Row(name: "kinds in any case", metadata: "name: my-pod\n" + Self.owner("dAEMONsET", "set"), expected: "set"),
        Row(name: "a job", metadata: "name: my-pod\n" + Self.owner("Job", "job"), expected: "job"),
        Row(
            name: "its cron job",
            metadata: "name: my-pod\n" + Self.owner("Job", "job"),
            more: Self.owned("Job", "job", by: "CronJob", "cron"),
            expected: "cron"
        ),
        Row(
            name: "an owner that says nothing",
            metadata: "name: my-pod\n" + Self.owner("Node", "node"),
            expected: "my-pod"
        ),
        Row(
            name: "an annotated deployment",
            metadata: "name: my-pod",
            annotations: ["resource.opentelemetry.io/k8s.deployment.name": "d"],
            expected: "d"
        ),
    ]

    @Test(arguments: Self.rows) func row(_ row: Row) throws {
        var annotations = row.annotations
        annotations[key("inject-sdk")] = "true"
        let result = try scenario(
            annotations,
            metadata: row.metadata,
            instrumentation: row.usesLabels ? "defaults: {useLabelsForResourceAttributes: true}" : "{}",
            more: row.more
        ).run()
        #expect(try result.value("OTEL_SERVICE_NAME") == row.expected)
    }

    @Test func secondContainerHasItsOwn() throws {
        let result = try scenario(
            [key("inject-sdk"): "true", key("container-names"): "1st,2nd"],
            spec: "containers: [{name: 1st, image: a}, {name: 2nd, image: a}]"
        ).run()
        #expect(try result.value("OTEL_SERVICE_NAME", "1st") == "1st")
        #expect(try result.value("OTEL_SERVICE_NAME", "2nd") == "2nd")
    }
}

/// Specification section 9.3.
struct ResourceAttributeTests {
    private let sdk = [key("inject-sdk"): "true"]

    @Test func annotationOverridesTheInstrumentation() throws {
        let result = try scenario(
            self.sdk.merging(["resource.opentelemetry.io/foo": "bar"]) { $1 },
            instrumentation: "resource: {resourceAttributes: {foo: hidden}}"
        ).run()
        #expect(try result.attributes().contains("foo=bar"))
    }

    @Test func factsOverrideTheInstrumentation() throws {
        let result = try scenario(
            self.sdk,
            spec: "nodeName: real-node\ncontainers: [{name: app, image: 'a:1.2'}]",
            metadata: """
                name: real-pod
                uid: real-uid
                ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: rs, uid: rs-uid}]
                """,
            instrumentation: """
                resource:
                  addK8sUIDAttributes: true
                  resourceAttributes: {k8s.namespace.name: x, k8s.container.name: x, k8s.pod.name: x, k8s.pod.uid: x, k8s.node.name: x,
                    k8s.replicaset.name: x, k8s.replicaset.uid: x, service.instance.id: x, service.version: x, service.namespace: x}
                """
        ).run()
        #expect(
            try result.attributes() == [
                "k8s.container.name=app", "k8s.namespace.name=shop", "k8s.node.name=real-node",
                "k8s.pod.name=$(OTEL_RESOURCE_ATTRIBUTES_POD_NAME)", "k8s.pod.uid=real-uid", "k8s.replicaset.name=rs",
                "k8s.replicaset.uid=rs-uid", "service.instance.id=shop.$(OTEL_RESOURCE_ATTRIBUTES_POD_NAME).app",
                "service.namespace=shop", "service.version=1.2",
            ]
        )
        #expect(try !result.names().contains("OTEL_RESOURCE_ATTRIBUTES_NODE_NAME"))
        #expect(try !result.names().contains("OTEL_RESOURCE_ATTRIBUTES_POD_UID"))
    }

    @Test func versionWithDigest() throws {
        let digest = String(repeating: "ab", count: 32)
        let result = try scenario(
            spec: "containers: [{name: app, image: 'app:v1@sha256:\(digest)'}]"
        ).run()
        #expect(try result.attributes().contains("service.version=v1@sha256:\(digest)"))
    }

    @Test func versionFromALabel() throws {
        let result = try scenario(
            spec: "containers: [{name: app, image: 'app:latest'}]",
            metadata: "labels: {app.kubernetes.io/version: v1, app.kubernetes.io/name: from-label}",
            instrumentation: "defaults: {useLabelsForResourceAttributes: true}"
        ).run()
        #expect(try result.attributes().contains("service.version=v1"))
        #expect(try result.value("OTEL_SERVICE_NAME") == "from-label")
    }

    @Test func whatTheUserSaysStays() throws {
        let own =
            "foo=bar,k8s.container.name=other,service.version=explicit,service.namespace=explicit,service.instance.id=explicit,"
        let result = try scenario(
            spec: """
                containers:
                - {name: app, image: 'app:1', env: [{name: OTEL_RESOURCE_ATTRIBUTES, value: '\(own)'}, {name: LAST, value: x}]}
                """,
            instrumentation: "resource: {resourceAttributes: {fromcr: val, foo: hidden}}"
        ).run()
        #expect(
            try result.value("OTEL_RESOURCE_ATTRIBUTES")
                == own + "fromcr=val,k8s.namespace.name=shop,k8s.node.name=$(OTEL_RESOURCE_ATTRIBUTES_NODE_NAME),"
                + "k8s.pod.name=$(OTEL_RESOURCE_ATTRIBUTES_POD_NAME)"
        )
        #expect(try result.names().last == "OTEL_RESOURCE_ATTRIBUTES")
        #expect(try result.names().filter { $0 == "OTEL_RESOURCE_ATTRIBUTES" }.count == 1)
    }

    @Test func otherVariablesOfTheUserStay() throws {
        let result = try scenario(
            spec: """
                containers:
                - name: app
                  image: app
                  env:
                  - {name: OTEL_TRACES_SAMPLER, value: always_off}
                  - {name: OTEL_PROPAGATORS, value: b3}
                  - {name: OTEL_EXPORTER_OTLP_ENDPOINT, value: 'http://mine'}
                  - {name: OTEL_SERVICE_NAME, value: mine}
                """,
            instrumentation: """
                exporter: {endpoint: 'http://cr'}
                propagators: [jaeger]
                sampler: {type: parentbased_traceidratio, argument: "0.25"}
                """
        ).run()
        #expect(
            try result.names() == [
                "OTEL_NODE_IP", "OTEL_POD_IP", "OTEL_TRACES_SAMPLER", "OTEL_PROPAGATORS", "OTEL_EXPORTER_OTLP_ENDPOINT",
                "OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES_POD_NAME", "OTEL_RESOURCE_ATTRIBUTES_NODE_NAME",
                "OTEL_RESOURCE_ATTRIBUTES",
            ]
        )
        #expect(try result.value("OTEL_TRACES_SAMPLER") == "always_off")
        #expect(try result.value("OTEL_SERVICE_NAME") == "mine")
    }

    /// Sharp edge 24: one of both is enough for neither to be added.
    @Test func samplerArgumentAloneKeepsBothAway() throws {
        let result = try scenario(
            spec: "containers: [{name: app, image: app, env: [{name: OTEL_TRACES_SAMPLER_ARG, value: '1'}]}]",
            instrumentation: "sampler: {type: traceidratio, argument: '0.5'}"
        ).run()
        #expect(try !result.names().contains("OTEL_TRACES_SAMPLER"))
        #expect(try result.value("OTEL_TRACES_SAMPLER_ARG") == "1")
    }

    @Test func annotationsDoNotOverrideTheVariable() throws {
        let result = try scenario(
            self.sdk.merging(["resource.opentelemetry.io/fromtest": "val", "resource.opentelemetry.io/foo": "test"]) {
                $1
            },
            spec: "containers: [{name: app, image: app, env: [{name: OTEL_RESOURCE_ATTRIBUTES, value: foo=bar}]}]"
        ).run()
        let attributes = try result.attributes()
        #expect(attributes.first == "foo=bar")
        #expect(attributes.contains("fromtest=val"))
        #expect(!attributes.contains("foo=test"))
    }

    @Test func emptyInstrumentation() throws {
        let result = try scenario(
            spec: "containers: [{name: app, image: app}]",
            metadata: """
                name: my-pod
                uid: pod-uid
                ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: rs, uid: rs-uid}]
                """,
            more: """
                apiVersion: apps/v1
                kind: ReplicaSet
                metadata: {name: rs, ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: deploy, uid: d-uid}]}
                """
        ).run()
        #expect(
            try result.names() == [
                "OTEL_NODE_IP", "OTEL_POD_IP", "OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES_POD_NAME",
                "OTEL_RESOURCE_ATTRIBUTES_NODE_NAME", "OTEL_RESOURCE_ATTRIBUTES",
            ]
        )
        #expect(
            try result.attributes() == [
                "k8s.container.name=app", "k8s.deployment.name=deploy", "k8s.namespace.name=shop",
                "k8s.node.name=$(OTEL_RESOURCE_ATTRIBUTES_NODE_NAME)",
                "k8s.pod.name=$(OTEL_RESOURCE_ATTRIBUTES_POD_NAME)",
                "k8s.pod.uid=pod-uid", "k8s.replicaset.name=rs",
                "service.instance.id=shop.$(OTEL_RESOURCE_ATTRIBUTES_POD_NAME).app", "service.namespace=shop",
            ]
        )
    }

    @Test(arguments: [("host:10443/imagename", nil), ("host:10443/imagename:latest", "service.version=latest")])
    func containerAndNamespaceWithoutNames(_ image: String, _ version: String?) throws {
        var nameless = try scenario(spec: "containers: [{image: '\(image)'}]", instrumentation: "{}")
        _ = nameless.pod.mutateObject("metadata") { $0.remove("namespace") }
        nameless.namespace = ""
        let inputs = nameless.inputs(try PodDocument(nameless.pod))
        #expect(inputs.asksForNothing == false)
        // The catalog puts objects without a namespace into the default one, here "".
        let outcome = inject(inputs)
        let pod = Pod(try outcome.applied(to: nameless.pod))
        let env = try #require(pod.spec.containers.first).env
        #expect(env.first { $0.name == "OTEL_SERVICE_NAME" }?.value == "")
        #expect(
            env.last?.value
                == "k8s.node.name=$(OTEL_RESOURCE_ATTRIBUTES_NODE_NAME),k8s.pod.name=$(OTEL_RESOURCE_ATTRIBUTES_POD_NAME)"
                + (version.map { "," + $0 } ?? "")
        )
    }

    @Test func ownerThatCannotBeRead() throws {
        let result = try scenario(
            metadata: "ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: rs, uid: rs-uid}]",
            instrumentation: "resource: {addK8sUIDAttributes: true}"
        ).run()
        let attributes = try result.attributes()
        #expect(attributes.contains("k8s.replicaset.name=rs"))
        #expect(attributes.contains("k8s.replicaset.uid=rs-uid"))
        #expect(attributes.contains("k8s.pod.uid=$(OTEL_RESOURCE_ATTRIBUTES_POD_UID)"))
    }

    @Test func jobOfACronJob() throws {
        let result = try scenario(
            metadata: "ownerReferences: [{apiVersion: batch/v1, kind: Job, name: job, uid: job-uid}]",
            instrumentation: "resource: {addK8sUIDAttributes: true}",
            more: """
                apiVersion: batch/v1
                kind: Job
                metadata: {name: job, ownerReferences: [{apiVersion: batch/v1, kind: CronJob, name: cron, uid: cron-uid}]}
                """
        ).run()
        let attributes = try result.attributes()
        for wanted in ["k8s.job.name=job", "k8s.job.uid=job-uid", "k8s.cronjob.name=cron", "k8s.cronjob.uid=cron-uid"] {
            #expect(attributes.contains(wanted))
        }
    }

    @Test func ownersInACircle() throws {
        let result = try scenario(
            metadata: "ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: rs, uid: u}]",
            more: """
                apiVersion: apps/v1
                kind: ReplicaSet
                metadata: {name: rs, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: rs, uid: u}]}
                """
        ).run()
        #expect(try result.attributes().filter { $0 == "k8s.replicaset.name=rs" }.count == 1)
    }

    // MARK: Sharp edges

    @Test func referencedAttributesAreLeftAlone() throws {
        let result = try scenario(
            spec: """
                containers:
                - name: app
                  image: app
                  env: [{name: OTEL_RESOURCE_ATTRIBUTES, valueFrom: {configMapKeyRef: {name: c, key: k}}}]
                """
        ).run()
        let entry = try #require(try result.env().first { $0.name == "OTEL_RESOURCE_ATTRIBUTES" })
        #expect(entry.value == nil)
        #expect(entry.json["valueFrom"] == ["configMapKeyRef": ["name": "c", "key": "k"]])
        #expect(result.codes == ["sdk EnvFromConflict", "sdk Injected"])
        #expect(try result.names().contains("OTEL_SERVICE_NAME"))
    }

    @Test func emptyAttributesCountAsNone() throws {
        let result = try scenario(
            spec: "containers: [{name: app, image: app, env: [{name: OTEL_RESOURCE_ATTRIBUTES, value: ''}]}]"
        ).run()
        #expect(try result.value("OTEL_RESOURCE_ATTRIBUTES")?.hasPrefix("k8s.container.name=app,") == true)
    }

    @Test func podAndNodeNameOfTheUserStay() throws {
        let result = try scenario(
            spec: """
                containers:
                - name: app
                  image: app
                  env: [{name: OTEL_RESOURCE_ATTRIBUTES, value: 'k8s.pod.name=p,k8s.node.name=n,k8s.pod.uid=u'}]
                """,
            instrumentation: "resource: {addK8sUIDAttributes: true}"
        ).run()
        let attributes = try result.attributes()
        #expect(attributes.filter { $0.hasPrefix("k8s.pod.name=") } == ["k8s.pod.name=p"])
        #expect(attributes.filter { $0.hasPrefix("k8s.node.name=") } == ["k8s.node.name=n"])
        #expect(attributes.filter { $0.hasPrefix("k8s.pod.uid=") } == ["k8s.pod.uid=u"])
    }

    @Test func versionIsLookedForAsAKey() throws {
        let result = try scenario(
            spec: """
                containers:
                - {name: app, image: 'app:1', env: [{name: OTEL_RESOURCE_ATTRIBUTES, value: 'myservice.version=x, a = b ,c=d=e'}]}
                """
        ).run()
        #expect(try result.attributes().contains("service.version=1"))
    }

    /// Sharp edge 22: only a value that would otherwise fall apart is escaped.
    @Test func commasAreEscaped() throws {
        let result = try scenario(
            self.sdk.merging([
                "resource.opentelemetry.io/list": "a,b 5%", "resource.opentelemetry.io/plain": "a=b 5%;c",
            ]) { $1 }
        ).run()
        let attributes = try result.attributes()
        #expect(attributes.contains("list=a%2Cb 5%25"))
        #expect(attributes.contains("plain=a=b 5%;c"))
    }

    /// Section 6.2: the user's items stay as they are, and what they name is not said again.
    static let items: [(own: String, added: [String])] = [
        ("a=1, b = 2 ,c=3", []),
        ("a=1,\n  b=2,\n  c=3\n", []),
        ("\ta=1,b=2,c=3", []),
        ("a=1=2,b=c=d,c==", []),
        ("a=,b=,c=", []),
        ("a=1,a=2,b=3,b=4,c=5", []),
        ("a,b=2,c", ["a=cr", "c=cr"]),
        ("x=a=b,c=3", ["a=cr", "b=cr"]),
        ("A=1,b.c=2,ab=3", ["a=cr", "b=cr", "c=cr"]),
        (",,=1,", ["a=cr", "b=cr", "c=cr"]),
    ]

    @Test(arguments: Self.items) func itemsOfTheUser(_ row: (own: String, added: [String])) throws {
        var scenario = try scenario(instrumentation: "resource: {resourceAttributes: {a: cr, b: cr, c: cr}}")
        scenario.pod["spec"] = [
            "containers": [
                [
                    "name": "app", "image": "app",
                    "env": [["name": "OTEL_RESOURCE_ATTRIBUTES", "value": .string(row.own)]],
                ]
            ]
        ]
        let value = try #require(try scenario.run().value("OTEL_RESOURCE_ATTRIBUTES"))
        let joint = row.own.hasSuffix(",") ? "" : ","
        let added = row.added.map { $0 + "," }.joined()
        #expect(value.utf8.starts(with: (row.own + joint + added + "k8s.container.name=app,").utf8), "\(value)")
    }

    /// Sharp edge 25: the Go operator looks for the text, so an odd way of writing it must not lose the user's version.
    @Test(arguments: [
        "service.version=1.0-mine", "service.version = 1", "a=b,\n service.version=1", "service.version=a=b",
    ])
    func versionOfTheUserStays(_ own: String) throws {
        var scenario = try scenario()
        scenario.pod["spec"] = [
            "containers": [
                [
                    "name": "app", "image": "app:9",
                    "env": [["name": "OTEL_RESOURCE_ATTRIBUTES", "value": .string(own)]],
                ]
            ]
        ]
        let value = try #require(try scenario.run().value("OTEL_RESOURCE_ATTRIBUTES"))
        #expect(!value.contains("service.version=9"))
    }

    @Test func manyAttributesAreFoundByKey() throws {
        var annotations = self.sdk
        for number in 0..<40 { annotations["resource.opentelemetry.io/k\(number)"] = "annotated" }
        let given = (0..<40).map { "k\($0): cr" }.joined(separator: ", ")
        let result = try scenario(annotations, instrumentation: "resource: {resourceAttributes: {\(given)}}").run()
        let attributes = try result.attributes()
        #expect(attributes.filter { $0.hasSuffix("=annotated") }.count == 40)
        #expect(attributes.allSatisfy { !$0.hasSuffix("=cr") })
        #expect(attributes.filter { $0.hasPrefix("k8s.pod.name=") }.count == 1)
    }
}
