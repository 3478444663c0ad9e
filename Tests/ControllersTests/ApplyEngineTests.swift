import JSONTree
import KubeClient
import KubeModel
import KubeTesting
import Testing

@testable import Controllers

/// When an object is written, and when not.
struct ApplyEngineTests {
    private let maps = ResourceCatalog.configMaps

    private func wanted(_ value: String = "1") -> KubeObject {
        KubeObject([
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "a", "namespace": "shop"],
            "data": ["x": .string(value)],
        ])
    }

    /// A server that holds one object: it answers an apply with what it got, and what it adds.
    private func run(_ body: (KubeClient, ScriptedServer, ApplyEngine, VerifiedObjects) async throws -> Void)
        async throws
    {
        try await ScriptedServer.run(script: { request, number in
            if "\(request.method)" == "GET" { return .failure(404, reason: "NotFound") }
            guard var object = (try? JSONValue(parsing: request.body))?.object else {
                return .failure(400, reason: "Bad")
            }
            object.mutateObject("metadata") { metadata in
                metadata["uid"] = "u-1"
                metadata["resourceVersion"] = .string("\(number + 10)")
            }
            return .json(JSONValue.object(object).text())
        }) { server in
            try await KubeClient.with(url: server.url) { client in
                let verified = VerifiedObjects()
                try await body(client, server, ApplyEngine(client: client, verified: verified), verified)
            }
        }
    }

    /// What a store holds after the server took an apply.
    private func stored(_ server: ScriptedServer, _ verified: VerifiedObjects, _ request: Int) throws -> OwnedRecord {
        var object = try #require(try JSONValue(parsing: server.requests[request].body).object)
        object.mutateObject("metadata") { metadata in
            metadata["uid"] = "u-1"
            metadata["resourceVersion"] = .string("\(request + 10)")
        }
        return try OwnedRecord.read(object, self.maps, verified: verified)
    }

    @Test func writesByServerSideApply() async throws {
        try await self.run { _, server, engine, _ async throws in
            #expect(try await engine.apply(self.wanted(), self.maps, existing: nil) == .created)
            let request = try #require(server.requests.first)
            #expect("\(request.method)" == "PATCH" && request.path == "/api/v1/namespaces/shop/configmaps/a")
            #expect(request.query("fieldManager") == "swiftlet" && request.query("force") == "true")
            #expect(request.headers.first { $0.name == "Content-Type" }?.value == "application/apply-patch+yaml")
            let sent = KubeObject(try #require(try JSONValue(parsing: request.body).object))
            #expect(sent.json["data"] == ["x": "1"])
            #expect(sent.metadata.annotations[OwnedRecord.hashAnnotation]?.utf8.count == 16)
        }
    }

    /// Woken by the first of several objects it wrote, a reconcile must not write the others again.
    @Test func whatTheStoreHasNotShownIsNotWrittenAgain() async throws {
        try await self.run { _, server, engine, _ async throws in
            #expect(try await engine.apply(self.wanted(), self.maps, existing: nil) == .created)
            #expect(try await engine.apply(self.wanted(), self.maps, existing: nil) == .unchanged)
            #expect(server.requests.count == 1)
            // Something else is wanted now.
            #expect(try await engine.apply(self.wanted("2"), self.maps, existing: nil) == .created)
            #expect(server.requests.count == 2)
            // And the first again.
            #expect(try await engine.apply(self.wanted(), self.maps, existing: nil) == .created)
            #expect(server.requests.count == 3)
        }
    }

    @Test func whatTheStoreHasShownAndLostIsWrittenAgain() async throws {
        try await self.run { _, server, engine, verified async throws in
            #expect(try await engine.apply(self.wanted(), self.maps, existing: nil) == .created)
            let record = try self.stored(server, verified, 0)
            engine.observed(self.maps.groupKind, ObjectKey(namespace: "shop", name: "a"), record)
            #expect(try await engine.apply(self.wanted(), self.maps, existing: record) == .unchanged)
            // Somebody deletes it.
            engine.observed(self.maps.groupKind, ObjectKey(namespace: "shop", name: "a"), nil)
            #expect(try await engine.apply(self.wanted(), self.maps, existing: nil) == .created)
            #expect(server.requests.count == 2)
        }
    }

    /// The status of a workload changes all the time; such an event from before the write says nothing about it.
    @Test func anOlderEventDoesNotCauseASecondWrite() async throws {
        try await self.run { _, server, engine, verified async throws in
            _ = try await engine.apply(self.wanted(), self.maps, existing: nil)
            let first = try self.stored(server, verified, 0)
            let key = ObjectKey(namespace: "shop", name: "a")
            engine.observed(self.maps.groupKind, key, first)
            #expect(try await engine.apply(self.wanted("2"), self.maps, existing: first) == .updated)
            engine.observed(self.maps.groupKind, key, first)
            #expect(try await engine.apply(self.wanted("2"), self.maps, existing: first) == .unchanged)
            let second = try self.stored(server, verified, 1)
            engine.observed(self.maps.groupKind, key, second)
            #expect(try await engine.apply(self.wanted("2"), self.maps, existing: second) == .unchanged)
            #expect(server.requests.count == 2)
        }
    }

    @Test func whatIsWrittenIsRecognized() async throws {
        try await self.run { _, server, engine, verified async throws in
            _ = try await engine.apply(self.wanted(), self.maps, existing: nil)
            let record = try self.stored(server, verified, 0)
            #expect(record.content == nil)
            #expect(try await engine.apply(self.wanted(), self.maps, existing: record) == .unchanged)
            // The plan keeps what was applied to a workload, our own annotation included: it must not count as wanted.
            var kept = self.wanted()
            kept.metadata.annotations[OwnedRecord.hashAnnotation] = record.appliedHash
            #expect(try await engine.apply(kept, self.maps, existing: record) == .unchanged)
            #expect(server.requests.count == 1)
        }
    }

    /// A new process finds its predecessor's objects.
    @Test func anotherProcessComparesOnce() async throws {
        try await self.run { client, server, engine, _ async throws in
            _ = try await engine.apply(self.wanted(), self.maps, existing: nil)
            let verified = VerifiedObjects()
            let successor = ApplyEngine(client: client, verified: verified)
            let record = try self.stored(server, verified, 0)
            #expect(record.content?.tree() != nil)
            #expect(try await successor.apply(self.wanted(), self.maps, existing: record) == .unchanged)
            #expect(record.content?.tree() == nil, "the bytes are let go")
            #expect(try await successor.apply(self.wanted(), self.maps, existing: record) == .unchanged)
            #expect(server.requests.count == 1)
        }
    }

    @Test(arguments: ["value", "no hash", "other hash", "deleting"])
    func driftIsRepaired(_ what: String) async throws {
        try await self.run { _, server, engine, verified async throws in
            _ = try await engine.apply(self.wanted(), self.maps, existing: nil)
            var object = KubeObject(try #require(try JSONValue(parsing: server.requests[0].body).object))
            object.metadata.json["uid"] = "u-1"
            object.metadata.json["resourceVersion"] = "99"
            switch what {
            case "value": object.json["data"] = ["x": "other"]
            case "no hash": object.metadata.json["annotations"] = nil
            case "other hash": object.metadata.annotations[OwnedRecord.hashAnnotation] = "0123456789abcdef"
            default: object.metadata.json["deletionTimestamp"] = "2026-01-01T00:00:00Z"
            }
            let record = try OwnedRecord.read(object.json, self.maps, verified: verified)
            engine.observed(self.maps.groupKind, object.key, record)
            #expect(try await engine.apply(self.wanted(), self.maps, existing: record) == .updated)
        }
    }

    /// Members of others stay and are no drift.
    @Test func additionsOfOthersAreNoDrift() async throws {
        try await self.run { _, server, engine, verified async throws in
            _ = try await engine.apply(self.wanted(), self.maps, existing: nil)
            var object = KubeObject(try #require(try JSONValue(parsing: server.requests[0].body).object))
            object.metadata.json["uid"] = "u-1"
            object.metadata.labels["team"] = "x"
            let record = try OwnedRecord.read(object.json, self.maps, verified: verified)
            engine.observed(self.maps.groupKind, object.key, record)
            #expect(try await engine.apply(self.wanted(), self.maps, existing: record) == .unchanged)
            #expect(server.requests.count == 1)
        }
    }

    @Test func failuresAreNotRemembered() async throws {
        try await ScriptedServer.run([.failure(409, reason: "Conflict"), .failure(403, reason: "Forbidden")]) {
            server in
            try await KubeClient.with(url: server.url) { client in
                let engine = ApplyEngine(client: client, verified: VerifiedObjects())
                for code in [409, 403, 403] {
                    let error = await #expect(throws: APIError.self) {
                        try await engine.apply(self.wanted(), self.maps, existing: nil)
                    }
                    #expect(error?.code == code)
                }
            }
        }
    }

    @Test func saysWhyItWrites() throws {
        var object = try yaml(OwnedRecordTests.configMap)
        let record = try OwnedRecord.read(object, self.maps)
        var metadata = try #require(object[object: "metadata"])
        metadata["annotations"] = ["note": "x"]
        object["metadata"] = .object(metadata)
        let foreign = try OwnedRecord.read(object, self.maps)
        #expect(ApplyEngine.reason("abc", nil) == .missing)
        #expect(ApplyEngine.reason("abc", record) == .drifted)
        #expect(ApplyEngine.reason("other", record) == .changed)
        #expect(ApplyEngine.reason("abc", foreign) == .adopted)
    }
}
