import AdmissionServer
import JSONTree
import Logging
import NIOCore
import NIOHTTP1
import PrometheusConfig
import PrometheusMetrics
import PrometheusModel
import TargetAllocation
import Testing

@testable import TargetAllocator

/// The answers of section 3 of the specification, without sockets.
struct AllocatorServerTests {
    private static let configuration = """
        collector_namespace: ns
        collector_selector: {}
        allocation_strategy: consistent-hashing
        config:
          scrape_configs:
          - job_name: job1
            basic_auth: {username: me, password: hidden}
            static_configs:
            - targets: ["10.0.0.1:9090", "10.0.0.2:9090"]
              labels: {team: a}
          - job_name: serviceMonitor/ns/app/0
            static_configs: [{targets: ["10.0.0.3:9090"]}]
          - job_name: a b
            static_configs: [{targets: ["drop.me:1"]}]
            relabel_configs: [{action: drop, source_labels: [__address__], regex: "drop.*"}]
        """

    /// A core that runs until `body` is done, with two collectors and what static discovery finds.
    private func serving(
        collectors: [String] = ["collector-0", "collector-1"],
        showsSecrets: Bool = false,
        ready: Bool = true,
        _ body: (AllocatorServer, AllocatorCore) async throws -> Void
    ) async throws {
        let settings = try AllocatorSettings.load(file: Self.configuration)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let metrics = PrometheusMetrics()
        let core = AllocatorCore(settings: settings, metrics: metrics, logger: logger)
        let runner = DiscoveryRunner(client: nil) { core.receive($0) }
        core.use(runner)
        let server = AllocatorServer(core: core, showsSecrets: showsSecrets) { metrics.exposition() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await core.run() }
            group.addTask { try await runner.run() }
            if ready {
                core.setCollectors(collectors.map { CollectorPod(name: $0, nodeName: "node") })
                for _ in 0..<500 where !core.isReady { try await Task.sleep(for: .milliseconds(10)) }
                #expect(core.isReady)
            }
            try await body(server, core)
            group.cancelAll()
        }
    }

    private func get(
        _ server: AllocatorServer,
        _ uri: String,
        _ headers: HTTPHeaders = [:]
    ) async -> (response: ServerResponse, text: String) {
        let request = ServerRequest(method: .GET, uri: uri, headers: headers, body: ByteBuffer())
        let response = await server.answer(request)
        let text =
            switch response.body {
            case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
            case .buffer(let buffer): String(buffer: buffer)
            }
        return (response, text)
    }

    @Test func otherReplicasGetTheAssignment() async throws {
        try await self.serving { server, core in
            let (response, _) = await self.get(server, "/replicas/assignment")
            #expect(response.status == 200)
            #expect(response.contentType == "application/vnd.swiftlet.assignment")
            guard case .buffer(let buffer) = response.body else {
                Issue.record("no body")
                return
            }
            let snapshot = try AssignmentSnapshot(parsing: Array(buffer.readableBytesView))
            #expect(snapshot == core.lists.read { $0.snapshot() })
            #expect(snapshot.collectors == ["collector-0", "collector-1"])
            #expect(snapshot.entries.count == 3)
            let tag = response.headers.first { $0.0 == "etag" }?.1 ?? ""
            #expect(!tag.isEmpty)
            let (second, _) = await self.get(server, "/replicas/assignment", ["if-none-match": tag])
            #expect(second.status == 304)
            core.lists.update({ $0.setCollectors([CollectorPod(name: "collector-1")], now: .zero) }, now: .zero)
            let (third, _) = await self.get(server, "/replicas/assignment", ["if-none-match": tag])
            #expect(third.status == 200)
        }
    }

    @Test func beforeItIsReadyNobodyGetsTheAssignment() async throws {
        try await self.serving(ready: false) { server, _ in
            let (response, _) = await self.get(server, "/replicas/assignment")
            #expect(response.status == 503)
        }
    }

    @Test func jobsAreThoseWithTargets() async throws {
        try await self.serving { server, _ in
            let (response, text) = await self.get(server, "/jobs")
            #expect(response.status == 200)
            #expect(response.contentType == "application/json")
            let expected =
                #"{"job1":{"_link":"/jobs/job1/targets"},"serviceMonitor/ns/app/0":"#
                + #"{"_link":"/jobs/serviceMonitor%2Fns%2Fapp%2F0/targets"}}"# + "\n"
            #expect(text == expected)
        }
    }

    /// By the vectors of the specification: .1 belongs to collector-1, .2 to collector-0.
    @Test func listsAreInTheFormOfHTTPDiscovery() async throws {
        try await self.serving { server, _ in
            let (response, text) = await self.get(server, "/jobs/job1/targets?collector_id=collector-1")
            #expect(response.contentType == "application/json")
            let expected =
                #"[{"targets":["10.0.0.1:9090"],"labels":{"__address__":"10.0.0.1:9090","team":"a"}}]"# + "\n"
            #expect(text == expected)
            let (_, other) = await self.get(server, "/jobs/job1/targets?collector_id=collector-0")
            #expect(other.contains("10.0.0.2:9090") && !other.contains("10.0.0.1:9090"))
            let (_, all) = await self.get(server, "/jobs/job1/targets")
            #expect(
                all.hasPrefix(
                    #"{"collector-0":{"_link":"/debug/jobs/job1/targets?collector_id=collector-0","targets":["#
                )
            )
        }
    }

    @Test(
        arguments: [
            "/jobs/nothing/targets?collector_id=collector-0", "/jobs/job1/targets?collector_id=nobody",
            "/jobs/a+b/targets?collector_id=collector-0",
        ]
    )
    func whatIsNotThereIsAnEmptyList(uri: String) async throws {
        try await self.serving { server, _ in
            let (response, text) = await self.get(server, uri)
            #expect(response.status == 200 && text == "[]\n")
        }
    }

    @Test func segmentsAreDecodedAfterTheyWereTold() async throws {
        try await self.serving { server, _ in
            let (_, text) = await self.get(
                server,
                "/jobs/serviceMonitor%2Fns%2Fapp%2F0/targets?collector_id=collector-0"
            )
            #expect(text.contains("10.0.0.3:9090") || text == "[]\n")
            let (response, _) = await self.get(server, "/jobs/serviceMonitor/ns/app/0/targets")
            #expect(response.status == 404)
        }
    }

    @Test func secretsAreMaskedUnlessTheyMayBeShown() async throws {
        try await self.serving { server, _ in
            let (_, text) = await self.get(server, "/scrape_configs")
            #expect(text.contains(#""password":"<secret>""#) && !text.contains("hidden"))
            let (page, html) = await self.get(server, "/scrape_configs", ["accept": "text/html"])
            #expect(page.contentType == "text/html; charset=utf-8")
            #expect(!html.contains("hidden"))
        }
        try await self.serving(showsSecrets: true) { server, _ in
            let (_, text) = await self.get(server, "/scrape_configs")
            #expect(text.contains(#""password":"hidden""#))
        }
    }

    @Test func answersAreComparedByTag() async throws {
        try await self.serving { server, _ in
            let uri = "/jobs/job1/targets?collector_id=collector-1"
            let (first, _) = await self.get(server, uri, ["accept-encoding": "gzip"])
            #expect(first.headers.contains { $0 == ("content-encoding", "gzip") })
            let tag = try #require(Dictionary(first.headers) { $1 }["etag"])
            #expect(tag.hasSuffix("-gzip\""))
            let (second, _) = await self.get(server, uri, ["accept-encoding": "gzip", "if-none-match": tag])
            #expect(second.status == 304 && second.body.count == 0)
            let (third, _) = await self.get(server, uri, ["accept-encoding": "gzip;q=0"])
            #expect(!third.headers.contains { $0.0 == "content-encoding" })
        }
    }

    @Test func nothingIsGivenOutBeforeItIsComplete() async throws {
        try await self.serving(ready: false) { server, _ in
            for uri in ["/readyz", "/jobs", "/jobs/job1/targets?collector_id=collector-0"] {
                let (response, _) = await self.get(server, uri)
                #expect(response.status == 503)
            }
            let (live, text) = await self.get(server, "/livez")
            #expect(live.status == 200 && text.isEmpty)
        }
    }

    @Test(
        arguments: [
            ("/", 200), ("/debug/jobs", 200), ("/debug/targets", 200), ("/debug/targets?page=0", 400),
            ("/debug/scrape_configs", 200), ("/debug/unassigned", 200), ("/debug/dropped?job_id=a+b", 200),
            ("/debug/collector", 400), ("/debug/collector?collector_id=x", 404),
            ("/debug/collector?collector_id=collector-0", 200), ("/debug/job", 400),
            ("/debug/job?job_id=a&job_id=b", 400), ("/debug/job?job_id=job1", 200), ("/debug/target", 400),
            ("/debug/target?target_hash=0", 400), ("/debug/target?target_hash=x", 400),
            ("/debug/target?target_hash=1", 404), ("/debug/pprof/heap", 404), ("/nothing", 404), ("/metrics", 200),
        ]
    )
    func statusOf(uri: String, status: Int) async throws {
        try await self.serving { server, _ in
            let (response, _) = await self.get(server, uri)
            #expect(response.status == status)
        }
    }

    @Test func aDroppedTargetIsShownWithItsRule() async throws {
        try await self.serving { server, _ in
            let (_, text) = await self.get(server, "/debug/dropped?job_id=a+b")
            #expect(text.contains("drop.me:1") && text.contains("relabel_configs[0]"))
        }
    }

    @Test func namesAreEscapedInPages() {
        var page = HTMLPage("<x>")
        page.table(["a"], [[.link("<b>\"", "/?q=\"'>")]])
        guard case .bytes(let bytes) = page.response().body else { return }
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(!text.contains("<x>") && !text.contains("<b>") && !text.contains("\"'>"))
    }
}
