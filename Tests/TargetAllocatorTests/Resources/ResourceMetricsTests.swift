import CoreMetrics
import KubeModel
import PrometheusMetrics
import PrometheusResources
import Testing

@testable import TargetAllocator

struct ResourceMetricsTests {
    private static func rejected(_ name: String, _ reason: RejectionReason) -> RejectedResource {
        let key = ObjectKey(namespace: "shop", name: name)
        return RejectedResource(PrometheusResourceID(.serviceMonitor, key), reason: reason, message: "m")
    }

    /// What was rejected once stays as a series, at 0.
    @Test func rejectionsByKindAndReason() {
        let registry = PrometheusMetrics()
        let metrics = ResourceMetrics(factory: registry)
        metrics.changed.increment(by: 3)
        metrics.taken(.podMonitor, count: 4)
        metrics.rejected([
            Self.rejected("a", .missingSecret), Self.rejected("b", .missingSecret), Self.rejected("c", .invalidField),
        ])
        metrics.rejected([Self.rejected("b", .missingSecret)])
        let text = String(decoding: registry.exposition(), as: UTF8.self)
        let lines = text.split(separator: "\n").map(String.init)
        for line in [
            #"opentelemetry_allocator_events_total{source="EventSourcePrometheusCR"} 3"#,
            #"swiftlet_allocator_resources{kind="PodMonitor"} 4"#,
            #"swiftlet_allocator_resources_rejected{kind="ServiceMonitor",reason="MissingSecret"} 1"#,
            #"swiftlet_allocator_resources_rejected{kind="ServiceMonitor",reason="InvalidField"} 0"#,
        ] {
            #expect(lines.contains(line), "\(line) is not in\n\(text)")
        }
    }

    /// Each rejection is told once, as long as it lasts.
    @Test func rejectionsAreToldOnce() {
        var log = RejectionLog()
        let a = Self.rejected("a", .missingSecret)
        let b = Self.rejected("b", .missingSecret)
        #expect(log.new(in: [a]) == [a])
        #expect(log.new(in: [a, b]) == [b])
        #expect(log.new(in: [a, b]) == [])
        #expect(log.new(in: [b]) == [])
        #expect(log.new(in: [a, b]) == [a])
        #expect(log.new(in: [Self.rejected("a", .missingKey), b]).map(\.reason) == [.missingKey])
    }
}
