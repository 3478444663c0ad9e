import JSONTree
import KubeModel
import KubeRuntime
import TelemetryAPI
import Testing

@testable import Controllers

struct CollectorMetricsTests {
    @Test func definedTypesAreCountedOnce() throws {
        let collector = Collector(
            try yaml(
                """
                apiVersion: opentelemetry.io/v1beta1
                kind: OpenTelemetryCollector
                metadata: {name: a, namespace: shop}
                spec:
                  mode: daemonset
                  config:
                    receivers: {otlp: {}, otlp/2: {}, zipkin: {}}
                    processors: {batch: {}}
                    exporters: {debug: null}
                    connectors: {forward/x: {}}
                    extensions: {health_check: {}}
                    service: {pipelines: {}}
                """
            )
        )
        let found = CollectorMetrics.series(of: collector).map { "\($0.name) \($0.type)" }.sorted()
        #expect(
            found == [
                "connectors forward", "exporters debug", "extensions health_check", "info daemonset",
                "processors batch", "receivers otlp", "receivers zipkin",
            ]
        )
    }

    @Test(arguments: ["{}", "{spec: {}}", "{spec: {config: {receivers: 7}}}", "{spec: {mode: odd}}"])
    func whatIsOddIsCountedByItsMode(_ text: String) throws {
        #expect(CollectorMetrics.series(of: Collector(try yaml(text))).count == 1)
    }
}
