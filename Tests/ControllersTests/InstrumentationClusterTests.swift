import JSONTree
import KubeClient
import KubeModel
import KubeRuntime
import KubeTesting
import PodInjection
import Synchronization
import TelemetryAPI
import Testing

@testable import Controllers

extension ClusterTests {
    /// What is written into Instrumentations of a real API server: counts, and images at the start.
    @Suite struct InstrumentationClusterTests {
        private func create(
            _ cluster: Cluster,
            _ name: String,
            _ yaml: String = "{}",
            _ annotations: [String: String] = [:]
        )
            async throws -> ObjectKey
        {
            var object = KubeObject(
                Instrumentation.groupVersionKind,
                namespace: cluster.namespace,
                name: name
            )
            object.json["spec"] = try yamlObject("{spec: \(yaml)}").json["spec"]
            object.metadata.annotations = annotations
            try await cluster.client.create(object, ResourceCatalog.instrumentations)
            return object.key
        }

        private func read(_ cluster: Cluster, _ key: ObjectKey) async throws -> Instrumentation {
            Instrumentation(
                try await cluster.client.get(
                    ResourceCatalog.instrumentations,
                    namespace: key.namespace,
                    name: key.name
                ).json
            )
        }

        private func decisions(_ key: ObjectKey, _ count: Int, _ code: ReasonCode = .injected) -> [Decision] {
            (0..<count).map { _ in
                Decision(.language(.java), code, code == .injected ? "" : "because", source: key)
            }
        }

        /// Two replicas count at the same time; nothing is lost and nothing counted twice.
        @Test func countsOfAllReplicasAddUp() async throws {
            try await Cluster.run { cluster in
                let key = try await self.create(cluster, "main")
                let gone = ObjectKey(namespace: cluster.namespace, name: "gone")
                let tallies = (0..<3).map { _ in
                    InstrumentationTally(client: cluster.client, now: { "2026-01-02T03:04:05Z" })
                }
                for round in 0..<4 {
                    try await withThrowingDiscardingTaskGroup { group in
                        for tally in tallies {
                            group.addTask {
                                tally.count(self.decisions(key, 5))
                                tally.count(self.decisions(key, 1, .envFromConflict))
                                tally.count(self.decisions(gone, 1))
                                // The second time is for those that lost the race.
                                for _ in 0..<4 { await tally.write(timeout: .seconds(5)) }
                            }
                        }
                    }
                    let status = try await self.read(cluster, key).status
                    let counts = Dictionary(uniqueKeysWithValues: status.injections.map { ($0.reason, $0.count) })
                    #expect(counts == ["Injected": 15 * (round + 1), "EnvFromConflict": 3 * (round + 1)])
                }
                let status = try await self.read(cluster, key).status
                let refused = try #require(status.injections.first { $0.reason == "EnvFromConflict" })
                #expect(refused.language == "java" && refused.message == "because")
                #expect(refused.lastTime == "2026-01-02T03:04:05Z")
            }
        }

        /// What was there already is no work, and of what is not a language nobody keeps count.
        @Test func nothingIsWrittenForNothing() async throws {
            try await Cluster.run { cluster in
                let key = try await self.create(cluster, "main")
                let before = try await self.read(cluster, key).metadata.resourceVersion
                let tally = InstrumentationTally(client: cluster.client, now: { "2026-01-02T03:04:05Z" })
                tally.count(self.decisions(key, 3, .alreadyInstrumented))
                tally.count([Decision(.sidecar, .injected, source: key), Decision(.language(.java), .lookupFailed)])
                await tally.write(timeout: .seconds(5))
                #expect(try await self.read(cluster, key).metadata.resourceVersion == before)
            }
        }

        /// Specification section 1.6, and sharp edge 46: the second start writes nothing.
        @Test func imagesFollowTheDefaults() async throws {
            try await Cluster.run { cluster in
                let repository = "ghcr.io/open-telemetry/opentelemetry-operator/autoinstrumentation"
                func annotation(_ language: String) -> String {
                    "instrumentation.opentelemetry.io/default-auto-instrumentation-\(language)-image"
                }
                let follows = try await self.create(
                    cluster,
                    "follows",
                    "{python: {image: '\(repository)-python:0.40b0'}, nodejs: {image: 'mine:1'}}",
                    [annotation("python"): "\(repository)-python:0.40b0", annotation("nodejs"): "theirs:1"]
                )
                let blocked = try await self.create(
                    cluster,
                    "blocked",
                    "{java: {image: '\(repository)-java:1.9.0'}}",
                    [annotation("java"): "\(repository)-java:1.9.0"]
                )
                let plain = try await self.create(cluster, "plain", "{java: {image: 'mine:1'}}")
                let untouched = try await self.read(cluster, plain).metadata.resourceVersion

                let defaults = InstrumentationDefaulting()
                let upgrader = InstrumentationUpgrader(
                    client: cluster.client,
                    namespaces: [cluster.namespace],
                    defaults: defaults,
                    languages: Set(Language.allCases),
                    events: EventRecorder(
                        client: cluster.client,
                        reporter: EventReporter(controller: "opentelemetry-operator", instance: "test")
                    ),
                    isRegistered: { true }
                )
                #expect(await upgrader.upgrade() == [])
                let new = try await self.read(cluster, follows)
                #expect(new.spec[.python].image == defaults.defaultImage(.python))
                #expect(new.metadata.annotations[annotation("python")] == defaults.defaultImage(.python))
                #expect(new.spec[.nodejs].image == "mine:1")
                let stuck = try await self.read(cluster, blocked)
                #expect(stuck.spec[.java].image == "\(repository)-java:1.9.0")
                #expect(
                    stuck.status.upgradeBlockedVersions["java"]?
                        .hasPrefix("Automated upgrade blocked for java: Java instrumentation 2.0.0 contains") == true
                )
                #expect(try await self.read(cluster, plain).metadata.resourceVersion == untouched)

                let versions = [new, stuck].map(\.metadata.resourceVersion)
                #expect(await upgrader.upgrade() == [])
                let again = [try await self.read(cluster, follows), try await self.read(cluster, blocked)]
                #expect(again.map(\.metadata.resourceVersion) == versions)

                // The user mends it: the note goes away.
                var mended = stuck
                var spec = mended.spec
                spec[.java].image = defaults.defaultImage(.java)
                mended.spec = spec
                mended.metadata.annotations[annotation("java")] = defaults.defaultImage(.java)
                try await cluster.client.update(KubeObject(mended.json), ResourceCatalog.instrumentations)
                #expect(await upgrader.upgrade() == [])
                #expect(try await self.read(cluster, blocked).status.upgradeBlockedVersions.isEmpty)
            }
        }

        /// A pod that came while no webhook was registered, as here none is; others have an answer, or ask for nothing.
        @Test func podsThatWereMissedAreFound() async throws {
            try await Cluster.run { cluster in
                _ = try await self.create(cluster, "main", "{java: {image: 'java:1'}}")
                let pods = APIResource(group: "", version: "v1", plural: "pods", kind: "Pod")
                func pod(_ name: String, _ annotations: [String: String], _ spec: String = "") async throws {
                    var pod = KubeObject(pods.groupVersionKind, namespace: cluster.namespace, name: name)
                    pod.metadata.annotations = annotations
                    pod.json["spec"] = try yamlObject(
                        "{spec: {schedulerName: nobody, automountServiceAccountToken: false, containers: "
                            + "[{name: app, image: 'a:1'\(spec)}]}}"
                    ).json["spec"]
                    try await cluster.client.create(pod, pods)
                }
                let asks = ["instrumentation.opentelemetry.io/inject-java": "true"]
                try await pod("missed", asks)
                try await pod("silent", [:])
                try await pod("refusing", ["instrumentation.opentelemetry.io/inject-java": "false"])
                try await pod("hopeless", ["instrumentation.opentelemetry.io/inject-java": "nosuch"])
                try await pod("stamped", asks.merging([InjectionStamp.annotation: "[]"]) { $1 })
                try await pod("theirs", asks, ", env: [{name: OTEL_RESOURCE_ATTRIBUTES_NODE_NAME, value: x}]")
                let facts = ClusterFacts(nativeSidecars: false)
                let watch = MissedPods(
                    client: cluster.client,
                    stores: ClusterStores(
                        namespaces: Store(name: "namespaces", objects: []),
                        instrumentations: Store(name: "instrumentations", objects: []),
                        collectors: Store(name: "collectors", objects: []),
                        replicaSets: Store(name: "replicasets", objects: []),
                        jobs: Store(name: "jobs", objects: [])
                    ),
                    namespaces: [cluster.namespace],
                    excluded: [],
                    fetcher: InjectionFetcher(client: cluster.client) {
                        SidecarCollector($0, settings: OperatorSettings(), facts: facts)
                    },
                    settings: InjectionSettings(enabledLanguages: Set(Language.allCases)),
                    events: EventRecorder(
                        client: cluster.client,
                        reporter: EventReporter(controller: "opentelemetry-operator", instance: "test")
                    )
                )
                let missed = try await watch.look()
                #expect(missed.map(\.pod.name) == ["missed"])
                #expect(missed.first?.workload.description == "Pod \(cluster.namespace)/missed")
            }
        }
    }
}
