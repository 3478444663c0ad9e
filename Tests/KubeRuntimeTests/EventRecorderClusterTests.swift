import JSONTree
import KubeClient
import KubeModel
import KubeTesting
import Logging
import ServiceLifecycle
import Testing

@testable import KubeRuntime

@Suite(.enabled(if: TestCluster.isAvailable, "\(TestCluster.skipReason)"), .timeLimit(.minutes(1)))
struct EventRecorderClusterTests {
    private static let coreEvents = EventAPI.core.resource

    private func recorder(_ client: KubeClient, api: EventAPI? = nil, updates: Duration = .milliseconds(20))
        -> EventRecorder
    {
        var configuration = EventSeries.Configuration()
        configuration.updateInterval = updates
        return EventRecorder(
            client: client,
            reporter: EventReporter(controller: "opentelemetry-operator", instance: "pod-1"),
            configuration: configuration,
            api: api,
            clock: ContinuousClock(),
            wallClock: .system
        )
    }

    private func note(_ text: String, _ cluster: Cluster, namespace: String? = nil) -> EventNote {
        EventNote(
            .warning,
            reason: "Failed",
            action: "Apply",
            note: text,
            regarding: ObjectReference(
                APIResource.configMaps.groupVersionKind,
                ObjectKey(namespace: namespace ?? cluster.namespace, name: "web"),
                uid: "11111111-2222-3333-4444-555555555555"
            )
        )
    }

    /// Through the core API, which shows events of both.
    private func events(_ cluster: Cluster) async throws -> [KubeObject] {
        try await cluster.client.listAll(Self.coreEvents, namespace: cluster.namespace).items
    }

    @Test(arguments: [EventAPI.events, .core])
    func equalNotesBecomeOneEventWithACount(api: EventAPI) async throws {
        try await Cluster.run { cluster in
            // For events.k8s.io discovery has to find it.
            let recorder = self.recorder(cluster.client, api: api == .core ? .core : nil)
            try await running(recorder) {
                for _ in 0..<30 { recorder.record(self.note("it failed", cluster)) }
                recorder.record(self.note("something else", cluster))
                let isThere = try await TestCluster.eventually { try await self.events(cluster).count == 2 }
                #expect(isThere)
                for _ in 0..<3 {
                    try await Task.sleep(for: .milliseconds(50))
                    recorder.record(self.note("it failed", cluster))
                }
                let isCounted = try await TestCluster.eventually {
                    let failed = try await self.events(cluster).first { $0.json[string: "message"] == "it failed" }
                    let count = failed?.json[path: "series", "count"]?.int ?? failed?.json[int: "count"]
                    return count == 33
                }
                #expect(isCounted)
            }
            let events = try await self.events(cluster)
            #expect(events.count == 2)
            let event = try #require(events.first)
            #expect(event.json[string: "reportingComponent"] == "opentelemetry-operator")
            #expect(event.json[string: "type"] == "Warning" && event.json[string: "reason"] == "Failed")
            #expect(event.json[path: "involvedObject", "kind"] == "ConfigMap")
            #expect(event.json[path: "involvedObject", "uid"] == "11111111-2222-3333-4444-555555555555")
            if api == .events {
                #expect(event.json[string: "eventTime"] != nil && event.json[string: "action"] == "Apply")
            }
        }
    }

    @Test func sendingSurvivesFaultsAndGivesUpOnWhatIsRefused() async throws {
        try await Cluster.run { cluster in
            try await KubeClient.with(cluster.proxied) { proxied in
                let recorder = self.recorder(proxied, api: .events)
                cluster.proxy.inject(.status(500))
                cluster.proxy.inject(.dropAnswer)
                recorder.record(self.note("no such namespace", cluster, namespace: "missing-\(cluster.namespace)"))
                recorder.record(self.note("it failed", cluster))
                try await running(recorder) {
                    let isThere = try await TestCluster.eventually { try await self.events(cluster).count == 1 }
                    #expect(isThere)
                    // Expired meanwhile: the next sighting is a new event.
                    let name = try #require(try await self.events(cluster).first).name
                    try await cluster.client.delete(Self.coreEvents, namespace: cluster.namespace, name: name)
                    recorder.record(self.note("it failed", cluster))
                    // Under another name, or under the same if the answer to its creation was lost.
                    let isBack = try await TestCluster.eventually { try await self.events(cluster).count == 1 }
                    #expect(isBack)
                }
            }
        }
    }

    @Test func gracefulShutdownSendsTheRest() async throws {
        try await Cluster.run { cluster in
            let recorder = self.recorder(cluster.client, updates: .seconds(1000))
            let group = ServiceGroup(services: [recorder], gracefulShutdownSignals: [], logger: Logger(label: "test"))
            async let run: Void = group.run()
            recorder.record(self.note("it failed", cluster))
            #expect(try await TestCluster.eventually { try await self.events(cluster).count == 1 })
            recorder.record(self.note("it failed", cluster))
            recorder.record(self.note("last words", cluster))
            await group.triggerGracefulShutdown()
            try await run
            let events = try await self.events(cluster)
            #expect(Set(events.compactMap { $0.json[string: "message"] }) == ["it failed", "last words"])
            #expect(events.compactMap { $0.json[path: "series", "count"]?.int } == [2])
        }
    }
}
