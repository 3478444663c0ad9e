import JSONTree
import KubeClient
import KubeModel
import KubeTesting
import Testing

@testable import KubeRuntime

@Suite(.enabled(if: TestCluster.isAvailable, "\(TestCluster.skipReason)"), .timeLimit(.minutes(2)))
struct ResourcePresenceClusterTests {
    /// A kind comes with its CRD and goes with it; a store of it follows.
    @Test(arguments: [true, false])
    func tellsWhenAKindComesAndGoes(canWatch: Bool) async throws {
        try await Cluster.run { cluster in
            try await KubeClient.with(cluster.proxied) { proxied in
                if !canWatch {
                    cluster.proxy.inject(.status(403), next: 1000) { $0.path.hasSuffix("/customresourcedefinitions") }
                }
                try await self.followAKind(cluster, proxied)
            }
        }
    }

    private func followAKind(_ cluster: Cluster, _ client: KubeClient) async throws {
        let plural = TestCluster.uniqueName("gadgets").replacing("-", with: "")
        let kind = GroupKind(group: "presence.swiftlet.test", kind: "Gadget" + plural.suffix(8))
        let missing = GroupKind(group: "presence.swiftlet.test", kind: "Missing")
        let deployments = GroupKind(group: "apps", kind: "Deployment")
        var configuration = ResourcePresence.Configuration()
        configuration.pollPeriod = .milliseconds(300)
        configuration.secondLook = .milliseconds(600)
        let presence = ResourcePresence(
            client: client,
            kinds: [kind: ["v1"], missing: [], deployments: ["v1"]],
            configuration: configuration
        )
        let changes = Recorder<ResourcePresence.Change>()
        let subscription = presence.subscribe { changes.add($0) }
        let resource = APIResource(group: kind.group, version: "v1", plural: plural, kind: kind.kind)
        let store = Store(metadataOf: WatchTarget(resource, namespace: cluster.namespace), client: cluster.client)
        let wake = presence.subscribe { changes in
            if changes.contains(where: { $0.kind == kind && $0.resource != nil }) { store.retryNow() }
        }
        let objects = Recorder<String>()
        store.subscribe { objects.add($0.map { "\($0.kind) \($0.key.name)" }) }
        try await running(store) {
            try await running(presence) {
                try await presence.waitForSync()
                #expect(changes.values.map(\.kind) == [deployments])
                #expect(presence[deployments]?.plural == "deployments" && presence[kind] == nil)
                try await cluster.client.create(Self.definition(resource), .customResourceDefinitions)
                await changes.wait(count: 2)
                #expect(changes.values.last == ResourcePresence.Change(kind: kind, resource: resource))
                try await store.waitForSync()
                let gadget = KubeObject(resource.groupVersionKind, namespace: cluster.namespace, name: "one")
                try await cluster.client.create(gadget, resource)
                await objects.wait(count: 1)
                try await cluster.client.delete(
                    .customResourceDefinitions,
                    name: "\(resource.plural).\(resource.group)"
                )
                await changes.wait(count: 3)
                await objects.wait(count: 2)
                #expect(changes.values.last == ResourcePresence.Change(kind: kind, resource: nil))
                #expect(objects.values == ["added one", "deleted one"])
            }
        }
        subscription.cancel()
        wake.cancel()
    }

    private static func definition(_ resource: APIResource) -> KubeObject {
        var object = KubeObject(
            APIResource.customResourceDefinitions.groupVersionKind,
            name: "\(resource.plural).\(resource.group)"
        )
        object.spec = [
            "group": .string(resource.group), "scope": "Namespaced",
            "names": [
                "plural": .string(resource.plural), "singular": .string(resource.kind.lowercased()),
                "kind": .string(resource.kind), "listKind": .string(resource.kind + "List"),
            ],
            "versions": [
                [
                    "name": "v1", "served": true, "storage": true,
                    "schema": ["openAPIV3Schema": ["type": "object", "x-kubernetes-preserve-unknown-fields": true]],
                ]
            ],
        ]
        return object
    }
}
