import JSONTree
import KubeModel
import Testing

@testable import TargetAllocator

struct ReplicaTests {
    private static func replica(
        _ name: String,
        _ second: Int64?,
        isRunning: Bool = true,
        isLeaving: Bool = false,
        address: String = "10.0.0.1",
        workload: String = "ReplicaSet/ta"
    ) -> Replica {
        Replica(
            name: name,
            address: address,
            created: second.map { Timestamp(seconds: $0) },
            isRunning: isRunning,
            isLeaving: isLeaving,
            workload: workload
        )
    }

    private func names(_ replicas: [Replica], own: String) -> (elders: [String], juniors: [String]) {
        let order = ReplicaOrder(replicas, own: own)
        return (order.elders.map(\.name), order.juniors.map(\.name))
    }

    /// Whatever order they are listed in: of each two, one is the other's elder.
    @Test func allSeeTheSameOrder() {
        let replicas = [Self.replica("c", 5), Self.replica("a", 5), Self.replica("b", 3), Self.replica("d", nil)]
        for listed in [replicas, replicas.reversed(), replicas.sorted { $0.name < $1.name }] {
            let ranks = ["b", "a", "c", "d"]
            for (place, own) in ranks.enumerated() {
                let found = self.names(listed, own: own)
                #expect(found.elders == Array(ranks[..<place]))
                #expect(found.juniors == Array(ranks[(place + 1)...]))
            }
        }
    }

    @Test func whoGivesNothingOutIsNotAsked() {
        let replicas = [
            Self.replica("leaving", 1, isLeaving: true), Self.replica("pending", 1, isRunning: false),
            Self.replica("bare", 1, address: ""), Self.replica("other", 1, workload: "ReplicaSet/other"),
            Self.replica("own", 9), Self.replica("young", 10),
        ]
        let found = self.names(replicas, own: "own")
        #expect(found.elders.isEmpty)
        #expect(found.juniors == ["young"])
        #expect(self.names(replicas, own: "unknown").juniors.isEmpty)
    }

    @Test func whoLeavesFollowsThoseWhoStay() {
        let replicas = [Self.replica("old", 1, isLeaving: true), Self.replica("new", 9), Self.replica("newer", 10)]
        #expect(self.names(replicas, own: "old").elders == ["new", "newer"])
        #expect(self.names(replicas, own: "new").elders.isEmpty)
    }

    private static func pod(_ name: String, hash: String) -> KubeObject {
        var pod = KubeObject([
            "apiVersion": "v1", "kind": "Pod",
            "status": ["phase": "Running", "podIP": "10.0.0.7"],
        ])
        pod.metadata = ObjectMeta([
            "name": .string(name), "creationTimestamp": "2026-11-28T10:00:00Z",
            "labels": [
                "app.kubernetes.io/name": "x-targetallocator", "app.kubernetes.io/instance": "ns.x",
                "app.kubernetes.io/version": .string(hash), "pod-template-hash": .string(hash),
            ],
            "ownerReferences": [
                [
                    "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": .string("x-targetallocator-\(hash)"),
                    "uid": "1", "controller": true,
                ]
            ],
        ])
        return pod
    }

    /// Through a roll-out the assignment goes from the old pods to the new ones.
    @Test func podsOfTwoReplicaSetsAreReplicas() {
        let (old, new) = (Self.pod("a", hash: "6d4c"), Self.pod("b", hash: "9f1e"))
        #expect(Replica(old).workload == "ReplicaSet/x-targetallocator")
        #expect(Replica(old).workload == Replica(new).workload)
        #expect(Replica(old).address == "10.0.0.7")
        #expect(Replica(old).isRunning)
        #expect(Replica(old).created == Timestamp("2026-11-28T10:00:00Z"))
        #expect(Replica.selector(of: old) == Replica.selector(of: new))
        #expect(Replica.selector(of: old).matches(new.metadata.labels))
        #expect(!Replica.selector(of: old).isEmpty)
    }

    @Test func withoutTheUsualLabelsAllButHashesCount() {
        var pod = Self.pod("a", hash: "6d4c")
        pod.metadata.labels = ["app": "allocator", "pod-template-hash": "6d4c"]
        #expect(
            Replica.selector(of: pod).query == "app in (allocator)"
                || Replica.selector(of: pod).query == "app=allocator"
        )
    }
}
