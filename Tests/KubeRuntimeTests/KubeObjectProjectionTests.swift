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

@Suite struct TmpMeasure {
    @Test func memory() throws {
        func rss() -> Int {
            guard let f = try? TestFileX.read("/proc/self/statm") else { return 0 }
            return (Int(f.split(separator: " ")[1]) ?? 0) * 4
        }
        var state = StoreState<ObjectMetadata>(indexes: [.ownerUID])
        let projection = ObjectMetadata.projection()
        let before = rss()
        for n in 0..<10_000 {
            let text = """
                {"metadata":{"name":"collector-instance-\(n)-7d9f8b-abcde","namespace":"namespace-\(n % 50)","uid":"0b6b3a3c-1111-2222-3333-\(100_000_000_000 + n)","resourceVersion":"\(n)","labels":{"app.kubernetes.io/managed-by":"opentelemetry-operator","app.kubernetes.io/component":"opentelemetry-collector","app.kubernetes.io/instance":"namespace-\(n % 50).collector-\(n)","app.kubernetes.io/part-of":"opentelemetry"},"ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"collector-instance-\(n)-7d9f8b","uid":"0b6b3a3c-1111-2222-4444-\(100_000_000_000 + n)","controller":true}]}}
                """
            let item = try JSONCursor.withCursor(over: Array(text.utf8), projection)
            _ = state.apply(WatchedObject(key: item.key, resourceVersion: item.resourceVersion, item: item))
        }
        print("MEASURE 10,000 metadata: \(rss() - before) KiB for \(state.count)")
    }
}
#if canImport(Glibc)
import Glibc
#endif
enum TestFileX {
    static func read(_ p: String) throws -> String {
        guard let f = fopen(p, "r") else { return "" }
        defer { fclose(f) }
        var b = [CChar](repeating: 0, count: 256)
        fgets(&b, 256, f)
        return String(cString: b)
    }
}
