import JSONTree
import KubeClient
import KubeModel
import KubeTesting
import Logging
import ServiceLifecycle
import Testing

@testable import KubeRuntime

/// All parts together, as the module's usage example has them.
@Suite(.enabled(if: TestCluster.isAvailable, "\(TestCluster.skipReason)"), .timeLimit(.minutes(1)))
struct RuntimeClusterTests {
    /// A controller that keeps one child for each parent, in a process that leads.
    @Test func storeControllerLeaderAndEvents() async throws {
        try await Cluster.run { cluster in
            let client = cluster.client
            let parentTarget = WatchTarget(.configMaps, namespace: cluster.namespace, labelSelector: "role=parent")
            let parents = Store(
                client: client,
                target: parentTarget,
                projection: KubeObject.projection(of: .configMaps)
            )
            let childTarget = WatchTarget(.configMaps, namespace: cluster.namespace, labelSelector: "role=child")
            let children = Store(metadataOf: childTarget, client: client, indexes: [.ownerUID])
            let events = EventRecorder(
                client: client,
                reporter: EventReporter(controller: "opentelemetry-operator", instance: "test")
            )
            let reconciled = Recorder<ObjectKey>()
            let controller = Controller<ObjectKey>(name: "parent", kind: "ConfigMap", parallelism: 4) { key in
                defer { reconciled.add(key) }
                guard let parent = parents[key] else { return .done }
                guard children.keys(by: .ownerUID, parent.metadata.uid ?? "").isEmpty else { return .done }
                var child = cluster.configMap("\(key.name)-child", "1", labels: ["role": "child"])
                child.metadata.ownerReferences = [OwnerReference(controller: parent)]
                try await client.create(child, .configMaps)
                events.record(.normal, reason: "Created", note: "made a child", regarding: parent)
                return .requeue(after: .seconds(600))
            }
            controller.watch(parents, where: \.isMoreThanStatus)
            controller.watch(owned: children, by: GroupKind(group: "", kind: "ConfigMap"))
            let elector = try LeaderElector(
                client: client,
                namespace: cluster.namespace,
                name: "lease",
                identity: LeaderElector.makeIdentity(host: "test")
            )
            let group = ServiceGroup(
                services: [parents, children, events, LeaderServices(elector, services: [controller])],
                gracefulShutdownSignals: [],
                logger: Logger(label: "test")
            )
            #expect(!parents.isSynced && !children.isSynced)

            for name in ["a", "b"] {
                try await client.create(cluster.configMap(name, "1", labels: ["role": "parent"]), .configMaps)
            }
            async let run: Void = group.run()
            #expect(try await TestCluster.eventually { children.count == 2 })
            #expect(parents.isSynced && children.isSynced && elector.isLeader)
            // Somebody removes a child, then a parent comes.
            try await client.delete(.configMaps, namespace: cluster.namespace, name: "a-child")
            #expect(try await TestCluster.eventually { children.count == 2 && children[cluster.key("a-child")] != nil })
            try await client.create(cluster.configMap("c", "1", labels: ["role": "parent"]), .configMaps)
            #expect(try await TestCluster.eventually { children.count == 3 })
            // Each parent once, each child that came or went once more; nothing wakes itself for ever. On a busy machine
            // two of these can be one, as a key is queued at most once.
            #expect(try await TestCluster.eventually { reconciled.values.count >= 4 })
            #expect(try await TestCluster.eventually { controller.queue.depth.running == 0 })
            try await Task.sleep(for: .milliseconds(300))
            #expect(reconciled.values.count <= 9, "\(reconciled.values)")
            #expect(controller.queue.depth.ready == 0 && controller.queue.depth.running == 0)

            await group.triggerGracefulShutdown()
            try await run
            let lease = try await client.get(.leases, namespace: cluster.namespace, name: "lease")
            #expect(LeaseRecord(lease).holder.isEmpty)
            let recorded = try await client.listAll(EventAPI.core.resource, namespace: cluster.namespace).items
            #expect(Set(recorded.compactMap { $0.json[path: "involvedObject", "name"]?.string }) == ["a", "b", "c"])
        }
    }
}
