import JSONTree
import KubeModel
import Rendering
import TelemetryAPI
import Testing

/// Names and labels (specification sections 0.3 and 0.4).
struct NamingTests {
    static let long = "d0c1e62-4d96-11ea-b174-c85b7644b6b5-5d0c1e62-4d96-11ea-b174-c85b7644b6b5"

    @Test(
        arguments: [
            ("%s-collector", [.string("simplest")], "simplest-collector"),
            ("%s-collector", [.string(long)], "d0c1e62-4d96-11ea-b174-c85b7644b6b5-5d0c1e62-4d96-11e-collector"),
            (
                "%s-%s-collector",
                [.string("d0c1e62"), .string("4d96-11ea-b174-c85b7644b6b5-5d0c1e62-4d96-11ea-b174-c85b7644b6b5")],
                "4d96-11ea-b174-c85b7644b6b5-5d0c1e62-4d96-11ea-b174--collector"
            ),
            (
                "%s-%s-collector",
                [.string("4d96-11ea-b174-c85b7644b6b5-5d0c1e62-4d96-11ea-b174-c85b7644b6b5"), .string("d0c1e62")],
                "4d96-11ea-b174-c85b7644b6b5-5d0c1e62-4d96-11e-d0c1e62-collector"
            ),
            (
                "%d-%s-collector", [.int(42), .string(long)],
                "42-d0c1e62-4d96-11ea-b174-c85b7644b6b5-5d0c1e62-4d96--collector"
            ),
            (long, [], "d0c1e62-4d96-11ea-b174-c85b7644b6b5-5d0c1e62-4d96-11ea-b174-c85"),
            ("%s", [.string("-a.")], "a"), ("%s", [.string("")], ""),
        ] as [(String, [ObjectName.Argument], String)]
    )
    func truncated(_ format: String, _ arguments: [ObjectName.Argument], _ expected: String) {
        #expect(ObjectName.truncated(format, arguments) == expected)
    }

    @Test(arguments: [
        ("foo-", "fooa"), ("-foo", "afoo"), ("Service🦄", "servicea"), ("📈Stock-Tracker", "astock-tracker"),
        ("-📈Stock-Tracker", "a-stock-tracker"), ("📈", "a"), ("simplest-collector", "simplest-collector"),
        ("a.b_c", "a-b-c"), ("", ""),
    ])
    func dns(_ text: String, _ expected: String) { #expect(ObjectName.dns(text) == expected) }

    @Test func objects() {
        #expect(ObjectName.configMap("x", hash: "0123456789abcdef") == "x-collector-01234567")
        #expect(ObjectName.headlessService("x") == "x-collector-headless")
        #expect(ObjectName.monitoringService("x") == "x-collector-monitoring")
        #expect(ObjectName.extensionService("x") == "x-collector-extension")
        #expect(ObjectName.monitoringServiceMonitor("x") == "x-monitoring-collector")
        #expect(ObjectName.ingress("x") == "x-ingress")
        #expect(ObjectName.networkPolicy("x") == "x-collector-networkpolicy")
        #expect(ObjectName.route("x", port: "otlp-grpc") == "otlp-grpc-x-route")
        #expect(ObjectName.httpRoute("x", port: "otlp-http") == "x-otlp-http-httproute")
        #expect(ObjectName.clusterRole("x", namespace: "n") == "x-n-cluster-role")
        #expect(ObjectName.clusterRoleBinding("x", namespace: "n") == "x-n-collector")
        #expect(ObjectName.targetAllocator("x") == "x-targetallocator")
        #expect(ObjectName.clientCertificate("x") == "x-ta-client-cert")
        #expect(ObjectName.certificateVolume("x-ta-client-cert", 1) == "x-ta-client-cert-1")
        #expect(ObjectName.configMapVolume("a.b") == "configmap-a-b")
        #expect(ObjectName.instance("x", namespace: "n") == "n.x")
    }

    @Test(arguments: [
        ("", "latest"), ("repo", "latest"), ("repo:1.0", "1.0"), ("ghcr.io/x/y:0.158.0", "0.158.0"),
        (
            "repo@sha256:0123456789012345678901234567890123456789012345678901234567890123",
            "012345678901234567890123456789012345678901234567890123456789012"
        ), ("repo:1.0@sha256:0123", "1.0"), ("host:5000/img:tag", "tag"), ("host:5000/img", "latest"),
        ("host:5000/img@sha256:0123", "0123"),
        ("host:5000/img:tag@sha256:0123", "latest"), ("repo:_1.0-", "1.0"),
    ])
    func versionOfImage(_ image: String, _ version: String) { #expect(ObjectLabels.version(ofImage: image) == version) }

    @Test func labels() throws {
        var metadata = ObjectMeta(["name": "x", "namespace": "n"])
        metadata.labels = ["team": "a", "drop.me": "b", "app.kubernetes.io/component": "mine"]
        var labels = ObjectLabels.labels(
            metadata,
            name: "x-collector",
            image: "r:1",
            component: .collector,
            filter: try KeyFilter(["^drop"])
        )
        #expect(
            labels == [
                "team": "a", "app.kubernetes.io/component": "opentelemetry-collector",
                "app.kubernetes.io/instance": "n.x",
                "app.kubernetes.io/managed-by": "opentelemetry-operator", "app.kubernetes.io/name": "x-collector",
                "app.kubernetes.io/part-of": "opentelemetry", "app.kubernetes.io/version": "1",
            ]
        )
        metadata.labels["app.kubernetes.io/name"] = "own"
        labels = ObjectLabels.labels(metadata, name: "x-collector", image: "", component: .collector)
        #expect(labels["app.kubernetes.io/name"] == "own")
        #expect(labels["drop.me"] == "b")
        #expect(ObjectLabels.selector(metadata, component: .collector)["app.kubernetes.io/name"] == nil)
    }
}
