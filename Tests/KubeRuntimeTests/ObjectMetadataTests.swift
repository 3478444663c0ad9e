import JSONTree
import KubeModel
import Testing

@testable import KubeRuntime

@Suite struct ObjectMetadataTests {
    private static let pod = """
        {"kind":"PartialObjectMetadata","metadata":{"name":"web-1","namespace":"shop","uid":"0b6b3a3c-1111-2222-3333-444455556666",
        "resourceVersion":"77","generation":3,"deletionTimestamp":"2024-01-01T00:00:00Z",
        "labels":{"app":"web","app.kubernetes.io/managed-by":"opentelemetry-operator"},
        "annotations":{"a":"1","b":"2"},"managedFields":[{"x":{}}],
        "ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"web","uid":"u1","controller":true},
        {"apiVersion":"v1","kind":"Thing","name":"t","uid":"u2"}]},"spec":{"containers":[1,2]}}
        """

    private static func read<Value>(
        _ text: String,
        _ projection: (inout JSONCursor) throws(JSONError) -> Value
    ) throws -> Value {
        try JSONCursor.withCursor(over: Array(text.utf8), projection)
    }

    @Test func readsWhatItKeeps() throws {
        let metadata = try Self.read(Self.pod, ObjectMetadata.projection(annotations: .only(["b"])))
        #expect(metadata.key == ObjectKey(namespace: "shop", name: "web-1"))
        #expect(metadata.resourceVersion == "77" && metadata.generation == 3 && metadata.isDeleting)
        #expect(metadata.labels["app.kubernetes.io/managed-by"] == "opentelemetry-operator")
        #expect(metadata.labels["none"] == nil && metadata.labels.count == 2)
        #expect(metadata.annotations.dictionary == ["b": "2"])
        #expect(metadata.controller?.groupKind == GroupKind(group: "apps", kind: "ReplicaSet"))
        #expect(metadata.owners.map(\.uid) == ["u1", "u2"] && metadata.label("app") == "web")
        #expect(StoreIndex.ownerUID.values(metadata) == ["u1", "u2"])
        #expect(StoreIndex<ObjectMetadata>.label("app").values(metadata) == ["web"])
    }

    @Test func annotationsAndVersionsAreAChoice() throws {
        let none = try Self.read(Self.pod, ObjectMetadata.projection(versions: false))
        #expect(none.annotations.isEmpty && none.resourceVersion.isEmpty)
        let all = try Self.read(Self.pod, ObjectMetadata.projection(annotations: .all))
        #expect(all.annotations.dictionary == ["a": "1", "b": "2"])
    }

    @Test func nullAndMissingMapsAreEmpty() throws {
        let metadata = try Self.read(#"{"metadata":{"name":"a","labels":null}}"#, ObjectMetadata.projection())
        #expect(metadata.labels.isEmpty && metadata.owners.isEmpty && metadata.key == ObjectKey(name: "a"))
    }

    @Test func headerNeedsMetadata() throws {
        let header = try Self.read(Self.pod) { (cursor) throws(JSONError) in try ObjectHeader(&cursor) }
        #expect(header == ObjectHeader(key: ObjectKey(namespace: "shop", name: "web-1"), resourceVersion: "77"))
        #expect(throws: JSONError.self) {
            try Self.read(#"{"spec":{}}"#) { (cursor) throws(JSONError) in try ObjectHeader(&cursor) }
        }
    }

    @Test func aMalformedObjectDoesNotHideTheNext() throws {
        let text = """
            [{"metadata":{"name":"a","resourceVersion":"1"},"spec":1}, {"metadata":{"name":"b","resourceVersion":"2"},
            "spec":"wrong"}, {"metadata":7}, 12, {"metadata":{"resourceVersion":"5"}},
            {"metadata":{"name":"c","resourceVersion":"3"},"spec":3}]
            """
        let projection: Projection<Int> = { (cursor) throws(JSONError) in
            var spec = 0
            try cursor.readObject { (key, cursor) throws(JSONError) in
                if key == "spec" { spec = try cursor.readNumber().int ?? 0 } else { try cursor.skip() }
            }
            return spec
        }
        var read: [String] = []
        try Self.read(text) { (cursor) throws(JSONError) in
            try cursor.readArray { (cursor) throws(JSONError) in
                switch try ReadObject(&cursor, projection) {
                case .good(let object): read.append("\(object.key)@\(object.resourceVersion)=\(object.item)")
                case .malformed(let header, _): read.append("bad \(header.map { "\($0.key)" } ?? "?")")
                }
            }
        }
        #expect(read == ["a@1=1", "bad b", "bad ?", "bad ?", "bad ", "c@3=3"])
    }

    @Test func stringMapsCompareByContents() {
        #expect(StringMap(["a": "1", "b": "2"]) == ["b": "2", "a": "1"])
        #expect(StringMap(["a": "1"]) != ["a": "2"])
    }

    @Test(arguments: [
        "0b6b3a3c-1111-2222-3333-444455556666", "ffffffff-ffff-ffff-ffff-ffffffffffff", "", "u1",
        "0B6B3A3C-1111-2222-3333-444455556666", "0b6b3a3c-1111-2222-3333-44445555666",
        "0b6b3a3c11112222333344445555666600",
        "0b6b3a3c-1111-2222-3333-4444555566667", "0b6b3a3cx1111-2222-3333-444455556666",
        "0b6b3a3c-1111-2222-3333-44445555666g", "------------------------------------",
    ])
    func uidsComeBackAsTheyWere(text: String) {
        #expect(CompactUID(text).text == text)
        #expect(CompactUID(text) == CompactUID(text))
        #expect(CompactUID(text) != CompactUID(text + "0"))
    }

    @Test func thePoolIsBounded() {
        let pool = StringPool(capacity: 2)
        for number in 0..<100 {
            let text = "a string of more than fifteen bytes \(number)"
            #expect(pool.intern(text) == text)
        }
        #expect(pool.count <= 2)
    }
}
