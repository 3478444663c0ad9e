import JSONTree
import KubeModel
import KubeTesting
import Testing

@testable import KubeRuntime

@Suite struct KubeObjectProjectionTests {
    private static func read(_ text: String, dropping: Set<String> = []) throws -> KubeObject {
        let projection = KubeObject.projection(of: .configMaps, dropping: dropping)
        return try JSONCursor.withCursor(over: Array(text.utf8), projection)
    }

    @Test func listsAndWatchesGiveTheSameObject() throws {
        let listed = try Self.read(#"{"metadata":{"name":"a","managedFields":[{"f":{}}]},"data":{"v":"1"}}"#)
        let watched = try Self.read(
            #"{"kind":"ConfigMap","apiVersion":"v1","metadata":{"managedFields":[],"name":"a"},"data":{"v":"1"}}"#
        )
        #expect(listed == watched)
        #expect(
            listed.json.description
                == #"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"v":"1"}}"#
        )
    }

    @Test func dropsWhatNobodyReads() throws {
        let object = try Self.read(#"{"metadata":{"name":"a"},"spec":{},"status":{"x":[1,2]}}"#, dropping: ["status"])
        #expect(object.status == nil && object.spec == [:])
    }

    @Test(arguments: [
        (#"{"metadata":{"name":"a","resourceVersion":"2","generation":1},"spec":{"n":1},"status":{"y":1}}"#, false),
        (#"{"metadata":{"name":"a","resourceVersion":"2","generation":1},"spec":{"n":1}}"#, false),
        (#"{"metadata":{"name":"a","resourceVersion":"2","generation":2},"spec":{"n":2},"status":{}}"#, true),
        (#"{"metadata":{"name":"a","labels":{"l":"1"}},"spec":{"n":1},"status":{}}"#, true),
        (#"{"metadata":{"name":"a","deletionTimestamp":"2024-01-01T00:00:00Z"},"spec":{"n":1},"status":{}}"#, true),
    ])
    func tellsStatusFromWishes(next: String, isMore: Bool) throws {
        let old = try Self.read(
            #"{"metadata":{"name":"a","resourceVersion":"1","generation":1},"spec":{"n":1},"status":{}}"#
        )
        let change = StoreChange(key: old.key, old: old, new: try Self.read(next))
        #expect(change.isMoreThanStatus == isMore)
        #expect(StoreChange<KubeObject>(key: old.key, old: old, new: nil).isMoreThanStatus)
        #expect(StoreChange<KubeObject>(key: old.key, old: nil, new: old).isMoreThanStatus)
    }
}
