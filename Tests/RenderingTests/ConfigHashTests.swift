import JSONTree
import KubeModel
import Rendering
import TelemetryAPI
import Testing

/// Hashes the Go operator is known to give (specification section 4.5).
struct ConfigHashTests {
    @Test(arguments: [("10s", "5723ff27"), ("20s", "dfcfaead"), ("30s", "398edf51")])
    func published(_ timeout: String, _ hash: String) throws {
        let collector = try Collector.yaml(
            """
            spec:
              config:
                receivers: {otlp: {protocols: {grpc: {}, http: {}}}}
                processors: {batch: {send_batch_size: 10000, timeout: \(timeout)}}
                exporters: {debug: {}}
                service: {pipelines: {traces: {receivers: [otlp], processors: [batch], exporters: [debug]}}}
            """
        )
        let objects = try plan(CollectorInputs(collector: collector)).apply
        #expect(objects.contains { $0.kind == "ConfigMap" && $0.name == "simplest-collector-\(hash)" })
        let annotation = objects[0].spec?["template"]?["metadata"]?["annotations"]?[
            "opentelemetry-operator-config/sha256"
        ]
        #expect(annotation?.string?.hasPrefix(hash) == true)
        #expect(annotation?.string?.count == 64)
    }
}
