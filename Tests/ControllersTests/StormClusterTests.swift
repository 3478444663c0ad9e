import JSONTree
import KubeClient
import KubeModel
import KubeTesting
import Rendering
import TelemetryAPI
import Testing

@testable import Controllers

extension ClusterTests {
    /// Many collectors change while the API server misbehaves: in the end everything is as if it never had.
    @Suite(.timeLimit(.minutes(4))) struct Storms {
        enum Storm: String, CaseIterable, Sendable {
            case conflicts, tooManyRequests, goneWatches, droppedAnswers, cutWatches, restarts
        }

        /// What the collectors of a namespace come to, and what is there.
        private struct Census {
            var wanted: Set<String> = []
            var found: Set<String> = []
            /// Of objects that are neither wanted nor an earlier configuration of a collector that exists.
            var leftovers: Set<String> = []
            var isReady = true

            var isRight: Bool { self.isReady && self.wanted.isSubset(of: self.found) && self.leftovers.isEmpty }
        }

        private func census(_ cluster: Cluster, _ process: Process) async throws -> Census {
            var census = Census()
            let collectors = try await cluster.client.list(ResourceCatalog.collectors, namespace: cluster.namespace)
                .items.map { Collector($0.json) }
            var maps: [String: Int] = [:]
            for stored in collectors {
                let collector = try defaultCollector(stored, settings: OperatorSettings()).collector
                for object in try plan(CollectorInputs(collector: collector, facts: process.owned.facts)).apply {
                    census.wanted.insert("\(object.kind)/\(object.name)")
                }
                maps[ObjectName.collector(stored.name)] = stored.spec.configVersions + 1
                let ready = stored.status.conditions.first { $0.type == CollectorCondition.ready }
                if ready?.status != .true || stored.status.observedGeneration != stored.metadata.generation {
                    census.isReady = false
                }
            }
            for kind in process.owned.kinds {
                let objects = try await cluster.client.list(
                    kind.resource,
                    namespace: kind.resource.isNamespaced ? cluster.namespace : nil,
                    options: ListOptions(labelSelector: OwnedStores.selector)
                ).items
                for object in objects {
                    let instance = object.metadata.labels["app.kubernetes.io/instance"] ?? ""
                    guard instance.hasPrefix(cluster.namespace + ".") else { continue }
                    let name = "\(kind.resource.kind)/\(object.name)"
                    census.found.insert(name)
                    if census.wanted.contains(name) { continue }
                    // Earlier configurations are kept, but only as many as were asked for.
                    let owner = object.metadata.labels["app.kubernetes.io/name"] ?? ""
                    if kind.resource == ResourceCatalog.configMaps, let left = maps[owner], left > 0 {
                        maps[owner] = left - 1
                    } else {
                        census.leftovers.insert(name)
                    }
                }
            }
            return census
        }

        private func begin(_ storm: Storm, _ proxy: FaultProxy) {
            switch storm {
            case .conflicts: proxy.inject(.status(409), next: 60) { "\($0.method)" == "PATCH" }
            case .tooManyRequests: proxy.inject(.status(429, retryAfter: 1), next: 60) { !$0.body.isEmpty }
            case .goneWatches:
                proxy.inject(.status(410), next: 60) { $0.query("watch") != nil }
                proxy.cutWatches()
            case .droppedAnswers:
                proxy.inject(.dropAnswer, next: 20) { "\($0.method)" == "PATCH" }
                proxy.inject(.drop, next: 20) { !$0.body.isEmpty }
            case .cutWatches: proxy.cutWatches()
            case .restarts: proxy.setDown(true)
            }
        }

        private func end(_ storm: Storm, _ proxy: FaultProxy) {
            proxy.setDown(false)
            // What is left of it would only go on.
            if storm != .restarts { proxy.clearFaults() }
        }

        @Test(arguments: Storm.allCases)
        func everythingEndsRight(_ storm: Storm) async throws {
            try await Cluster.run { cluster in
                for number in 0..<8 {
                    try await cluster.create(
                        try cluster.collector("c\(number)", config: number % 4 == 0 ? Cluster.events : Cluster.otlp)
                    )
                }
                try await Process.run(cluster, controls: true) { process in
                    #expect(
                        try await TestCluster.eventually(within: .seconds(40)) {
                            try await self.census(cluster, process).isRight
                        }
                    )
                    var met = 0
                    for round in 0..<3 {
                        self.begin(storm, cluster.proxy)
                        let waiting = cluster.proxy.pendingFaultCount
                        for number in 0..<8 {
                            switch (number + round) % 4 {
                            case 0:
                                try await cluster.change("c\(number)", ["config": .object(try yaml(Cluster.zipkin))])
                            case 1: try await cluster.change("c\(number)", ["replicas": .int(round + 2)])
                            case 2:
                                // Gone, and there again under the same name.
                                try await cluster.client.delete(
                                    ResourceCatalog.collectors,
                                    namespace: cluster.namespace,
                                    name: "c\(number)"
                                )
                                try await cluster.create(
                                    try cluster.collector("c\(number)", config: Cluster.events)
                                )
                            default: try await cluster.change("c\(number)", ["config": .object(try yaml(Cluster.otlp))])
                            }
                        }
                        try await Task.sleep(for: .milliseconds(500))
                        met += waiting - cluster.proxy.pendingFaultCount
                        self.end(storm, cluster.proxy)
                    }
                    try await cluster.client.delete(
                        ResourceCatalog.collectors,
                        namespace: cluster.namespace,
                        name: "c7"
                    )
                    let isRight = try await TestCluster.eventually(within: .seconds(60)) {
                        try await self.census(cluster, process).isRight
                    }
                    let census = try await self.census(cluster, process)
                    #expect(
                        isRight,
                        "missing: \(census.wanted.subtracting(census.found).sorted()), left: \(census.leftovers.sorted()), ready: \(census.isReady)"
                    )
                    if storm != .cutWatches, storm != .restarts { #expect(met > 0, "no request met the storm") }
                    // And then nothing more is written.
                    try await process.catchUp(cluster)
                    process.log.clear()
                    try await Task.sleep(for: .seconds(1))
                    let stored = try await cluster.client.list(
                        ResourceCatalog.collectors,
                        namespace: cluster.namespace
                    ).items
                    for collector in stored { _ = try await process.reconciler.reconcile(collector.key) }
                    #expect(process.log.writes.isEmpty, "\(process.log.writes)")
                }
            }
        }

        /// A namespace goes with all that is in it, while somebody still changes its collectors.
        @Test func aNamespaceIsDeletedMeanwhile() async throws {
            try await Cluster.run { cluster in
                let doomed = TestCluster.uniqueName("doomed")
                try await cluster.client.create(
                    KubeObject(TestCluster.namespaces.groupVersionKind, name: doomed),
                    TestCluster.namespaces
                )
                var inside = cluster
                inside.namespace = doomed
                try await Process.run(cluster, controls: true, namespaces: [cluster.namespace, doomed]) { process in
                    for number in 0..<4 {
                        try await inside.create(try inside.collector("c\(number)", config: Cluster.events))
                    }
                    try await cluster.create(try cluster.collector("stays", config: Cluster.events))
                    #expect(
                        try await TestCluster.eventually {
                            let isRight = try await self.census(inside, process).isRight
                            return try await self.census(cluster, process).isRight && isRight
                        }
                    )
                    try await cluster.client.delete(TestCluster.namespaces, name: doomed)
                    for number in 0..<4 {
                        do {
                            try await inside.change("c\(number)", ["config": .object(try yaml(Cluster.otlp))])
                        } catch let error as APIError where error.isNotFound || error.isForbidden || error.isConflict {
                            // Too late for this one.
                        }
                    }
                    let isGone = try await TestCluster.eventually(within: .seconds(60)) {
                        let isThere = try await cluster.get(TestCluster.namespaces, doomed) != nil
                        let found = try await self.census(inside, process).found
                        return !isThere && found.isEmpty
                    }
                    let left = try await self.census(inside, process).found
                    #expect(isGone, "\(left.sorted())")
                    #expect(try await self.census(cluster, process).isRight)
                }
            }
        }
    }
}
