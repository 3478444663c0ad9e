import Testing

@testable import KubeRuntime

@Suite struct HealthTests {
    @Test func reportsEachCheck() {
        let store = Store<String>(name: "pods")
        let health = Health([.ping, .synced(store)])
        #expect(!health.report().isHealthy)
        #expect(
            health.report().text(for: "readyz")
                == "[+]ping ok\n[-]informer-sync-pods failed: not synced yet\nreadyz check failed\n"
        )
        #expect(health.report(excluding: ["informer-sync-pods"]).isHealthy)
        store.receive(.listing)
        store.receive(.listed)
        #expect(health.report().text(for: "readyz") == "[+]ping ok\n[+]informer-sync-pods ok\nreadyz check passed\n")
    }

    @Test func aCheckOfTheSameNameReplaces() {
        let health = Health()
        health.add(HealthCheck("webhook") { .unhealthy("no certificate") })
        #expect(!health.report().isHealthy)
        health.add(HealthCheck("webhook") { .healthy })
        #expect(health.report().isHealthy && health.report().results.count == 2)
    }
}
