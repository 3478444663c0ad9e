import JSONTree
import KubeModel
import KubeRuntime
import Rendering
import Testing

@testable import Controllers

/// What is kept of an object that we rendered.
struct OwnedRecordTests {
    static let configMap = """
        apiVersion: v1
        kind: ConfigMap
        metadata:
          name: a
          namespace: shop
          uid: u-1
          resourceVersion: "7"
          generation: 1
          creationTimestamp: "2026-01-01T00:00:00Z"
          labels: {app.kubernetes.io/managed-by: opentelemetry-operator}
          annotations: {operator.opentelemetry.io/applied-sha256: abc, note: x}
          ownerReferences:
            - {apiVersion: v1, kind: Secret, name: other, uid: u-9}
            - {apiVersion: opentelemetry.io/v1beta1, kind: OpenTelemetryCollector, name: web, uid: u-0, controller: true}
          managedFields: [{manager: swiftlet}]
        data: {collector.yaml: "a: b"}
        """

    private func record(_ change: (inout KubeObject) -> Void = { _ in }) throws -> OwnedRecord {
        var object = try yamlObject(Self.configMap)
        change(&object)
        return try OwnedRecord.read(object.json, ResourceCatalog.configMaps)
    }

    @Test func members() throws {
        let record = try self.record()
        #expect(record.object.reference.key == ObjectKey(namespace: "shop", name: "a"))
        #expect(record.object.reference.groupVersionKind == ResourceCatalog.configMaps.groupVersionKind)
        #expect(record.uid == "u-1" && record.object.resourceVersion == "7")
        #expect(record.object.creationTimestamp == "2026-01-01T00:00:00Z" && !record.object.isDeleting)
        #expect(record.collector == "shop/web")
        #expect(record.appliedHash == "abc")
        #expect(record.content?.tree()?["data"] == ["collector.yaml": "a: b"])
    }

    @Test(arguments: [
        "resourceVersion", "generation", "managedFields", "creationTimestamp", "selfLink", "status", "kind",
    ])
    func fingerprintIgnoresBookkeeping(_ what: String) throws {
        let changed = try self.record { object in
            switch what {
            case "status": object.json["status"] = ["x": 1]
            case "kind": object.json.remove("kind")
            case "generation": object.metadata.json["generation"] = 99
            case "managedFields": object.metadata.json["managedFields"] = [["manager": "kubectl", "time": "now"]]
            default: object.metadata.json[what] = "2026-02-02T00:00:00Z"
            }
        }
        #expect(try changed.fingerprint == self.record().fingerprint)
    }

    @Test(arguments: [
        "label", "no label", "annotation", "data", "data key", "moved", "immutable", "owner", "no owner", "binaryData",
    ])
    func fingerprintSeesChanges(_ what: String) throws {
        let changed = try self.record { object in
            switch what {
            case "label": object.metadata.labels["x"] = "y"
            case "no label": object.metadata.json["labels"] = nil
            case "annotation": object.metadata.annotations["note"] = "y"
            case "data": object.json["data"] = ["collector.yaml": "a: c"]
            case "data key": object.json["data"] = ["collector.yam": "la: b"]
            case "moved":
                object.json["stringData"] = object.json["data"]
                object.json.remove("data")
            case "immutable": object.json["immutable"] = true
            case "owner": object.metadata.ownerReferences = Array(object.metadata.ownerReferences.dropFirst())
            case "no owner": object.metadata.json["ownerReferences"] = nil
            default: object.json["binaryData"] = ["x": ""]
            }
        }
        #expect(try changed.fingerprint != self.record().fingerprint)
    }

    /// Every byte of a long value counts, wherever it lies in the eight that are mixed at once.
    @Test func everyByteCounts() throws {
        let text = Array(repeating: "a", count: 37).joined()
        func fingerprint(_ value: String) throws -> UInt64 {
            try self.record { $0.json["data"] = ["k": .string(value)] }.fingerprint
        }
        var seen: Set<UInt64> = [try fingerprint(text)]
        for place in 0..<37 {
            var bytes = Array(text.utf8)
            bytes[place] = UInt8(ascii: "b")
            seen.insert(try fingerprint(String(decoding: bytes, as: UTF8.self)))
        }
        #expect(seen.count == 38)
    }

    @Test func collectors() throws {
        // Of another API group, or not as controller: not ours.
        #expect(
            try self.record {
                $0.metadata.json["ownerReferences"] = [
                    [
                        "apiVersion": "example.com/v1", "kind": "OpenTelemetryCollector", "name": "web", "uid": "u",
                        "controller": true,
                    ]
                ]
            }.collector.isEmpty
        )
        #expect(
            try self.record {
                $0.metadata.json["ownerReferences"] = [
                    [
                        "apiVersion": "opentelemetry.io/v1beta1", "kind": "OpenTelemetryCollector", "name": "web",
                        "uid": "u",
                    ]
                ]
            }.collector.isEmpty
        )
        // The version of the owner's kind does not matter.
        #expect(
            try self.record {
                $0.metadata.json["ownerReferences"] = [
                    [
                        "apiVersion": "opentelemetry.io/v1alpha1", "kind": "OpenTelemetryCollector", "name": "old",
                        "uid": "u", "controller": true,
                    ]
                ]
            }.collector == "shop/old"
        )
        let role = APIResource(
            group: "rbac.authorization.k8s.io",
            version: "v1",
            plural: "clusterroles",
            kind: "ClusterRole",
            isNamespaced: false
        )
        var object = KubeObject(role.groupVersionKind, name: "r")
        object.metadata.annotations = [ObjectAnnotations.collector: "shop/web"]
        let record = try OwnedRecord.read(object.json, role)
        #expect(record.collector == "shop/web" && record.object.collector == "shop/web")
    }

    @Test(arguments: ["shop", "", "/", "shop/", "/web"])
    func oddCollectorAnnotationsWakeNobody(_ text: String) throws {
        var object = try yamlObject(Self.configMap)
        object.metadata.json["ownerReferences"] = nil
        object.metadata.annotations[ObjectAnnotations.collector] = text
        let record = try OwnedRecord.read(object.json, ResourceCatalog.configMaps)
        #expect(OwnedStores.collector(of: record) == nil)
    }

    @Test func contentIsKeptUntilVerified() throws {
        let verified = VerifiedObjects()
        let object = try yaml(Self.configMap)
        let first = try OwnedRecord.read(object, ResourceCatalog.configMaps, verified: verified)
        #expect(first.content != nil)
        verified.verify("u-1", fingerprint: first.fingerprint, hash: "abc")
        #expect(try OwnedRecord.read(object, ResourceCatalog.configMaps, verified: verified).content == nil)
        // Another fingerprint: the object has to be looked at.
        var changed = object
        changed["data"] = ["x": "y"]
        let second = try OwnedRecord.read(changed, ResourceCatalog.configMaps, verified: verified)
        #expect(second.content?.tree()?["data"] == ["x": "y"])
        second.content?.release()
        #expect(second.content?.tree() == nil)
        verified.forget("u-1")
        #expect(verified.count == 0)
        #expect(try OwnedRecord.read(object, ResourceCatalog.configMaps, verified: verified).content != nil)
    }

    @Test func workloads() throws {
        let deployment = try yaml(
            """
            metadata: {name: a, namespace: shop, uid: u, labels: {a: b}, managedFields: [
              {manager: swiftlet, fieldsV1: {"f:metadata": {"f:labels": {"f:a": {}}}}}, {manager: other, fieldsV1: {}}]}
            spec: {selector: {matchLabels: {a: b}}, template: {spec: {containers: [{name: c, image: "x:1"}, {name: d, image: y}]}}}
            status: {replicas: 3, readyReplicas: 2, conditions: [{type: Available}], observedGeneration: 4, label: x}
            """
        )
        let record = try OwnedRecord.read(deployment, ResourceCatalog.deployments)
        #expect(record.workload == .init(replicas: 3, readyReplicas: 2, image: "x:1"))
        #expect(record.object.fixed?.selector == ["matchLabels": ["a": "b"]])
        #expect(record.object.applied.labels == ["a": "b"])
        #expect(record.object.reference.groupVersionKind == ResourceCatalog.deployments.groupVersionKind)

        var other = deployment
        other["status"] = ["replicas": 3, "readyReplicas": 3]
        let scaled = try OwnedRecord.read(other, ResourceCatalog.deployments)
        #expect(scaled.fingerprint == record.fingerprint && scaled != record)
        let daemons = try OwnedRecord.read(
            ["metadata": ["name": "a"], "status": ["desiredNumberScheduled": 5, "numberReady": 4]],
            ResourceCatalog.daemonSets
        )
        #expect(daemons.workload == .init(desiredNumberScheduled: 5, numberReady: 4))
    }

    /// Versions say nothing to a decision, so such a change must wake nobody.
    @Test func equality() throws {
        let one = try self.record()
        #expect(try self.record { $0.metadata.json["resourceVersion"] = "8" } == one)
        #expect(try self.record { $0.metadata.json["uid"] = "u-2" } != one)
        #expect(try self.record { $0.metadata.json["deletionTimestamp"] = "2026-02-02T00:00:00Z" } != one)
        #expect(try self.record { $0.json["data"] = [:] } != one)
    }

    /// They are a store's business: it keeps what it knew of the object and goes on.
    @Test(arguments: [
        "[]", "1", "null", "{", #"{"metadata":[]}"#, #"{"metadata":{"name":1}}"#, #"{"metadata":{"uid":{}}}"#,
        #"{"metadata":{"ownerReferences":{}}}"#, #"{"metadata":{"ownerReferences":[1]}}"#,
        #"{"metadata":{"name":"a"},"data":}"#,
    ])
    func malformed(_ text: String) {
        for resource in [ResourceCatalog.configMaps, ResourceCatalog.deployments] {
            #expect(throws: JSONError.self) {
                try JSONCursor.withCursor(over: Array(text.utf8)) { (cursor) throws(JSONError) in
                    try OwnedRecord(&cursor, resource: resource, verified: VerifiedObjects())
                }
            }
        }
    }

    @Test func oddButReadable() throws {
        for text in [
            #"{"metadata":{"name":"a","creationTimestamp":null,"annotations":null,"labels":null},"status":null}"#,
            #"{"metadata":{"name":"a","annotations":[]},"status":[]}"#,
            #"{"metadata":{"name":"a"},"status":{"replicas":1.5,"readyReplicas":"x"},"spec":7}"#,
        ] {
            for resource in [ResourceCatalog.configMaps, ResourceCatalog.deployments] {
                let record = try JSONCursor.withCursor(over: Array(text.utf8)) { (cursor) throws(JSONError) in
                    try OwnedRecord(&cursor, resource: resource, verified: VerifiedObjects())
                }
                #expect(record.object.reference.key.name == "a" && record.collector.isEmpty)
            }
        }
    }
}
