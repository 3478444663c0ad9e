import JSONTree
import KubeModel
import KubeTesting
import Logging
import NIOCore
import NIOHTTP1
import Testing

@testable import KubeClient

/// Against a real API server.
@Suite(.enabled(if: TestCluster.isAvailable, "\(TestCluster.skipReason)"))
struct ClusterTests {
    private let maps = Resources.configMaps

    private func withNamespace(
        _ body: (KubeClient, String) async throws -> Void
    ) async throws {
        let configuration = try await ClientConfiguration.load(kubeconfig: TestCluster.kubeconfig)
        try await withConfiguredClient(configuration) { client in
            try await TestCluster.withNamespace(
                "kubeclient",
                create: { try await client.create($0, TestCluster.namespaces) },
                delete: { try await client.delete(TestCluster.namespaces, name: $0) }
            ) { namespace in try await body(client, namespace) }
        }
    }

    private func configMap(_ name: String, _ namespace: String, _ data: [String: String] = [:]) -> KubeObject {
        var object = KubeObject(self.maps.groupVersionKind, namespace: namespace, name: name)
        object.json["data"] = .strings(data)
        return object
    }

    @Test func version() async throws {
        try await self.withNamespace { client, _ in
            let version = try await client.version()
            #expect(version.major == 1 && version.minor >= 20 && version.gitVersion.hasPrefix("v1."))
            #expect(try await client.request(.GET, path: "/readyz").status == 200)
        }
    }

    @Test func createReadChangeDelete() async throws {
        try await self.withNamespace { client, namespace in
            let created = try await client.create(self.configMap("a", namespace, ["x": "1"]), self.maps)
            #expect(created.metadata.uid != nil && created.kind == "ConfigMap")
            let again = await apiFailure { try await client.create(self.configMap("a", namespace), self.maps) }
            #expect(again?.isAlreadyExists == true && again?.isConflict == false)

            var read = try await client.get(self.maps, namespace: namespace, name: "a")
            #expect(read.json == created.json)
            read.json["data"] = .strings(["x": "2"])
            let updated = try await client.update(read, self.maps)
            #expect(updated.metadata.resourceVersion != created.metadata.resourceVersion)
            // With the version of before.
            let stale = await apiFailure { try await client.update(read, self.maps) }
            #expect(stale?.isConflict == true && stale?.isAlreadyExists == false)

            let merged = try await client.patch(
                self.maps,
                namespace: namespace,
                name: "a",
                .merge(["data": ["x": nil, "y": "3"]])
            )
            #expect(merged.json["data"] == ["y": "3"])
            let patched = try await client.patch(
                self.maps,
                namespace: namespace,
                name: "a",
                .json([
                    ["op": "test", "path": "/data/y", "value": "3"], ["op": "add", "path": "/data/z", "value": "ü\n"],
                ])
            )
            #expect(patched.json["data"] == ["y": "3", "z": "ü\n"])
            let refused = await apiFailure {
                try await client.patch(
                    self.maps,
                    namespace: namespace,
                    name: "a",
                    .json([["op": "test", "path": "/data/y", "value": "other"]])
                )
            }
            #expect(refused?.isInvalid == true)

            let wrongVersion = await apiFailure {
                try await client.delete(
                    self.maps,
                    namespace: namespace,
                    name: "a",
                    options: DeleteOptions(resourceVersion: created.metadata.resourceVersion)
                )
            }
            #expect(wrongVersion?.isConflict == true)
            let wrongUID = await apiFailure {
                try await client.delete(
                    self.maps,
                    namespace: namespace,
                    name: "a",
                    options: DeleteOptions(uid: "other")
                )
            }
            #expect(wrongUID?.isConflict == true)
            try await client.delete(
                self.maps,
                namespace: namespace,
                name: "a",
                options: DeleteOptions(uid: created.metadata.uid, dryRun: true)
            )
            _ = try await client.get(self.maps, namespace: namespace, name: "a")
            try await client.delete(
                self.maps,
                namespace: namespace,
                name: "a",
                options: DeleteOptions(uid: created.metadata.uid, propagation: .background, gracePeriodSeconds: 0)
            )
            let gone = await apiFailure { try await client.get(self.maps, namespace: namespace, name: "a") }
            #expect(gone?.isNotFound == true)
            #expect(gone?.path == "/api/v1/namespaces/\(namespace)/configmaps/a")
        }
    }

    @Test func dryRunsLeaveNothing() async throws {
        try await self.withNamespace { client, namespace in
            let options = WriteOptions(dryRun: true)
            let created = try await client.create(self.configMap("a", namespace), self.maps, options: options)
            #expect(created.metadata.uid != nil)
            let applied = self.configMap("b", namespace)
            try await client.apply(applied, self.maps, fieldManager: "test", options: options)
            #expect(try await client.list(self.maps, namespace: namespace).items.count { $0.name.count == 1 } == 0)
        }
    }

    @Test func applyOwnsFields() async throws {
        try await self.withNamespace { client, namespace in
            let one = try await client.apply(
                self.configMap("a", namespace, ["x": "1", "y": "1"]),
                self.maps,
                fieldManager: "first"
            )
            let managers = (one.metadata.json[array: "managedFields"] ?? []).map { $0["manager"]?.string }
            #expect(managers == ["first"])

            // Somebody else wants another value.
            let other = self.configMap("a", namespace, ["x": "2"])
            let error = try #require(
                await apiFailure {
                    try await client.apply(other, self.maps, fieldManager: "second", force: false)
                }
            )
            #expect(error.isConflict)
            #expect(error.causes.first?[string: "reason"] == "FieldManagerConflict")
            #expect(error.causes.first?[string: "field"] == ".data.x")
            let forced = try await client.apply(other, self.maps, fieldManager: "second")
            #expect(forced.json["data"] == ["x": "2", "y": "1"])

            // What is no longer applied goes away; what somebody else owns stays.
            let less = try await client.apply(self.configMap("a", namespace), self.maps, fieldManager: "first")
            #expect(less.json["data"] == ["x": "2"])
            // The same again changes nothing.
            let same = try await client.apply(self.configMap("a", namespace), self.maps, fieldManager: "first")
            #expect(same.metadata.resourceVersion == less.metadata.resourceVersion)
        }
    }

    @Test func pagesAndSelectors() async throws {
        try await self.withNamespace { client, namespace in
            for number in 0..<7 {
                var object = self.configMap("m\(number)", namespace)
                object.metadata.labels = ["app": "test", "even": number % 2 == 0 ? "yes" : "no"]
                try await client.create(object, self.maps)
            }
            let ours = ListOptions(labelSelector: "app=test", limit: 3)
            let first = try await client.list(self.maps, namespace: namespace, options: ours)
            #expect(first.items.map(\.name) == ["m0", "m1", "m2"])
            #expect(first.items.allSatisfy { $0.kind == "ConfigMap" && $0.apiVersion == "v1" })
            var second = ours
            second.continueToken = first.continueToken
            let page = try await client.listPage(self.maps, namespace: namespace, options: second) {
                (cursor) throws(JSONError) in
                KubeObject(try cursor.readObjectTree()).name
            }
            #expect(page.items == ["m3", "m4", "m5"] && page.resourceVersion == first.resourceVersion)
            let all = try await client.listAll(self.maps, namespace: namespace, options: ours)
            #expect(all.items.count == 7 && all.continueToken == nil)
            let even = ListOptions(labelSelector: "app=test,even in (yes)", fieldSelector: "metadata.name!=m0")
            let some = try await client.list(self.maps, namespace: namespace, options: even)
            #expect(some.items.map(\.name) == ["m2", "m4", "m6"])

            let bad = await apiFailure {
                try await client.list(self.maps, namespace: namespace, options: ListOptions(continueToken: "nonsense"))
            }
            #expect(bad?.code == 400 || bad?.isGone == true)

            try await client.deleteCollection(
                self.maps,
                namespace: namespace,
                matching: ListOptions(labelSelector: "even=yes")
            )
            let rest = try await client.listAll(self.maps, namespace: namespace, options: ours)
            #expect(rest.items.map(\.name) == ["m1", "m3", "m5"])
        }
    }

    @Test func metadataOnly() async throws {
        try await self.withNamespace { client, namespace in
            try await client.create(self.configMap("a", namespace, ["big": "value"]), self.maps)
            let one = try await client.get(self.maps, namespace: namespace, name: "a", metadataOnly: true)
            #expect(one.kind == "ConfigMap" && one.apiVersion == "v1" && one.name == "a")
            #expect(!one.json.contains("data"))
            let options = ListOptions(fieldSelector: "metadata.name=a", metadataOnly: true)
            let list = try await client.list(self.maps, namespace: namespace, options: options)
            #expect(list.items.map(\.kind) == ["ConfigMap"] && list.items.first?.json.contains("data") == false)
            #expect(!list.resourceVersion.isEmpty)
        }
    }

    @Test(.timeLimit(.minutes(2)), arguments: [false, true])
    func watching(metadataOnly: Bool) async throws {
        try await self.withNamespace { client, namespace in
            try await client.create(self.configMap("before", namespace, ["a": "b"]), self.maps)
            let list = try await client.list(self.maps, namespace: namespace)
            let stream = try await client.watch(
                self.maps,
                namespace: namespace,
                options: WatchOptions(
                    resourceVersion: list.resourceVersion,
                    timeout: .seconds(60),
                    metadataOnly: metadataOnly
                )
            )
            var events = stream.makeAsyncIterator()
            try await client.create(self.configMap("a", namespace, ["big": "value"]), self.maps)
            try await client.patch(self.maps, namespace: namespace, name: "a", .merge(["data": ["x": "y"]]))
            try await client.delete(self.maps, namespace: namespace, name: "a")
            var seen: [String] = []
            while let event = try await events.next() {
                let object = try event.tree()
                // Newer servers put a ConfigMap of their own into each namespace.
                guard object.name == "a" else { continue }
                #expect(object.json.contains("data") == !metadataOnly)
                seen.append(event.kind.rawValue)
                if event.kind == .deleted { break }
            }
            #expect(seen == ["ADDED", "MODIFIED", "DELETED"])
        }
    }

    @Test(.timeLimit(.minutes(2))) func bookmarksAndOrderlyEnd() async throws {
        try await self.withNamespace { client, namespace in
            let list = try await client.list(self.maps, namespace: namespace)
            let stream = try await client.watch(
                self.maps,
                namespace: namespace,
                options: WatchOptions(resourceVersion: list.resourceVersion, timeout: .seconds(4))
            )
            var bookmark: String?
            for try await event in stream where event.kind == .bookmark {
                bookmark = try event.tree().metadata.resourceVersion
            }
            // The server sends one shortly before its timeout ends the stream.
            #expect(Int(bookmark ?? "") ?? 0 >= Int(list.resourceVersion) ?? .max, "\(bookmark ?? "none")")
        }
    }

    @Test func aVersionOfTheFuture() async throws {
        try await self.withNamespace { client, namespace in
            // As after etcd was restored from a backup: the server waits for it in vain.
            let options = ListOptions(resourceVersion: "99999999999", resourceVersionMatch: .notOlderThan)
            let error = await apiFailure {
                try await client.list(self.maps, namespace: namespace, options: options)
            }
            #expect(error?.isServerTimeout == true)
            #expect(error?.causes.first?[string: "reason"] == "ResourceVersionTooLarge")
            #expect(error?.retryAfter == .seconds(1))
        }
    }

    @Test func scaleAndStatus() async throws {
        try await self.withNamespace { client, namespace in
            let template: JSONValue = [
                "metadata": ["labels": ["app": "a"]],
                "spec": ["containers": [["name": "c", "image": "none"]]],
            ]
            var deployment = KubeObject(Resources.deployments.groupVersionKind, namespace: namespace, name: "a")
            deployment.spec = ["replicas": 0, "selector": ["matchLabels": ["app": "a"]], "template": template]
            try await client.apply(deployment, Resources.deployments, fieldManager: "test")
            var scale = try await client.get(
                Resources.deployments,
                namespace: namespace,
                name: "a",
                subresource: "scale"
            )
            #expect(scale.kind == "Scale" && scale.spec?[int: "replicas"] ?? 0 == 0)
            // Paused, so that no pods are made of the image that is none.
            try await client.patch(
                Resources.deployments,
                namespace: namespace,
                name: "a",
                .merge(["spec": ["paused": true]])
            )
            scale = try await client.patch(
                Resources.deployments,
                namespace: namespace,
                name: "a",
                subresource: "scale",
                .merge(["spec": ["replicas": 2]])
            )
            #expect(scale.spec?[int: "replicas"] == 2)
            let status = try await client.patch(
                Resources.deployments,
                namespace: namespace,
                name: "a",
                subresource: "status",
                .merge(["status": ["collisionCount": 3], "spec": ["replicas": 9]])
            )
            #expect(status.status?[int: "collisionCount"] == 3)
            #expect(status.spec?[int: "replicas"] == 2)
        }
    }

    @Test func discovery() async throws {
        try await self.withNamespace { client, _ in
            let discovery = client.discovery
            #expect(try await discovery.resource(for: Resources.deployments.groupKind) == Resources.deployments)
            let entry = try #require(try await discovery.entry(for: Resources.deployments.groupKind))
            #expect(entry.subresources.sorted() == ["scale", "status"])
            #expect(Set(["get", "list", "watch", "create", "patch", "delete"]).isSubset(of: entry.verbs))
            #expect(try await discovery.resource(for: GroupKind(group: "", kind: "Namespace"))?.isNamespaced == false)
            let scaler = GroupKind(group: "autoscaling", kind: "HorizontalPodAutoscaler")
            let known = ["v2", "v2beta2"]
            let version = try await discovery.resource(for: scaler, preferredVersions: known)?.version
            #expect(known.contains(version ?? ""))
            #expect(try await discovery.serves(group: "no.such.group") == false)
        }
    }

    @Test func unknownFieldsAndWarnings() async throws {
        try await self.withNamespace { client, namespace in
            var object = self.configMap("a", namespace)
            object.json["nonsense"] = "x"
            let strict = WriteOptions(fieldValidation: .strict)
            let result = await failure { try await client.create(object, self.maps, options: strict) }
            // Servers before 1.25 ignore the option.
            if let error = result as? APIError { #expect(error.code == 400 || error.isInvalid) }
            let minor = try await client.version().minor
            #expect((result != nil) == (minor >= 25))
        }
    }

    @Test func forbiddenAndUnauthorized() async throws {
        var configuration = try await ClientConfiguration.load(kubeconfig: TestCluster.kubeconfig)
        var nobody = configuration
        nobody.authentication = .token("not-a-token")
        nobody.clientCertificate = nil
        try await withConfiguredClient(nobody) { client in
            let error = await apiFailure { try await client.list(self.maps, namespace: "default") }
            #expect(error?.isUnauthorized == true)
        }
        configuration.impersonation = .init(user: "jane", groups: ["nobodies"])
        try await withConfiguredClient(configuration) { client in
            let error = await apiFailure { try await client.list(self.maps, namespace: "default") }
            #expect(error?.isForbidden == true)
            #expect(error?.message.contains(#"User "jane""#) == true, "\(error?.message ?? "")")
        }
    }

    @Test func concurrentWrites() async throws {
        try await self.withNamespace { client, namespace in
            try await withThrowingTaskGroup { group in
                for number in 0..<200 {
                    group.addTask {
                        let object = self.configMap("m\(number)", namespace, ["n": "\(number)"])
                        try await client.apply(object, self.maps, fieldManager: "test")
                    }
                }
                try await group.waitForAll()
            }
            let options = ListOptions(limit: 50)
            let list = try await client.listAll(self.maps, namespace: namespace, options: options)
            #expect(list.items.count { $0.json["data"]?["n"] != nil } == 200)
        }
    }
}
