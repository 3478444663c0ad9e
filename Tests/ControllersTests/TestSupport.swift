import JSONTree
import KubeModel
import KubeRuntime
import KubeTesting
import Logging
import Rendering
import Synchronization
import TelemetryAPI
import Testing
import YAMLTree

@testable import Controllers
@testable import KubeClient

/// A logger that says nothing.
let silence = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

/// The only document of a YAML text, which must be an object.
func yaml(_ text: String) throws -> JSONObject {
    try #require(try YAMLReader.document(in: Array(text.utf8)).object)
}

func yamlObject(_ text: String) throws -> KubeObject { KubeObject(try yaml(text)) }

/// Collects requests to an API server by verb and resource.
final class RequestLog: RequestObserver {
    struct Entry: Sendable, Hashable {
        var verb: String
        var resource: String
        var code: Int
    }

    private let entries = Mutex<[Entry]>([])

    func finished(_ request: ObservedRequest, duration: Duration) {
        self.entries.withLock {
            $0.append(Entry(verb: request.verb, resource: request.resource, code: request.code))
        }
    }

    var all: [Entry] { self.entries.withLock { $0 } }
    func clear() { self.entries.withLock { $0 = [] } }

    /// Requests that may change something, as `verb resource`.
    var writes: [String] {
        self.all.filter { !["get", "list", "watch"].contains($0.verb) }.map { "\($0.verb) \($0.resource)" }
    }
}

extension KubeClient {
    /// Runs `body` with a client that is shut down afterwards.
    static func with<Value>(
        _ configuration: ClientConfiguration,
        observer: (any RequestObserver)? = nil,
        _ body: (KubeClient) async throws -> Value
    ) async throws -> Value {
        let client = try KubeClient(configuration: configuration, logger: silence, observer: observer)
        do {
            let value = try await body(client)
            await client.shutdown()
            return value
        } catch {
            await client.shutdown()
            throw error
        }
    }

    static func with<Value>(url: String, _ body: (KubeClient) async throws -> Value) async throws -> Value {
        try await Self.with(ClientConfiguration(serverURL: url), body)
    }
}

extension OwnedRecord {
    /// Reads an object as a store would.
    static func read(
        _ object: JSONObject,
        _ resource: APIResource,
        verified: VerifiedObjects = VerifiedObjects()
    ) throws -> OwnedRecord {
        try JSONCursor.withCursor(over: object.bytes()) { (cursor) throws(JSONError) in
            try OwnedRecord(&cursor, resource: resource, verified: verified)
        }
    }
}

/// A complete store of what a projection makes of some objects.
func store<Item: Sendable & Equatable>(
    _ name: String,
    _ objects: [JSONObject],
    _ read: (inout JSONCursor) throws(JSONError) -> Item
) throws -> Store<Item> {
    var watched: [WatchedObject<Item>] = []
    for object in objects {
        let item = try JSONCursor.withCursor(over: object.bytes()) { (cursor) throws(JSONError) in try read(&cursor) }
        watched.append(WatchedObject(key: KubeObject(object).key, resourceVersion: "1", item: item))
    }
    return Store(name: name, objects: watched)
}
