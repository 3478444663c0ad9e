import JSONTree
import KubeClient
import KubeModel
import KubeTesting
import Logging
import ServiceLifecycle
import Synchronization

@testable import KubeRuntime

/// Collects values from anywhere; tests wait for what they expect to arrive.
final class Recorder<Value: Sendable>: Sendable {
    private struct State {
        var values: [Value] = []
        var waiting: [(condition: @Sendable ([Value]) -> Bool, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state = Mutex(State())

    var values: [Value] { self.state.withLock { $0.values } }

    func add(_ value: Value) { self.add([value]) }

    func add(_ values: [Value]) {
        let ready = self.state.withLock { state in
            state.values += values
            let ready = state.waiting.filter { $0.condition(state.values) }
            let all = state.values
            state.waiting.removeAll { $0.condition(all) }
            return ready
        }
        for waiter in ready { waiter.continuation.resume() }
    }

    /// Returns when the condition holds; the time limit of the test ends a wait in vain.
    func wait(until condition: @escaping @Sendable ([Value]) -> Bool) async {
        await withCheckedContinuation { continuation in
            let holds = self.state.withLock { state in
                if condition(state.values) { return true }
                state.waiting.append((condition, continuation))
                return false
            }
            if holds { continuation.resume() }
        }
    }

    func wait(count: Int) async { await self.wait { $0.count >= count } }
}

/// Runs `body` while `service` runs; then the service is cancelled and waited for.
func running<Value: Sendable>(_ service: some Service, _ body: () async throws -> Value) async throws -> Value {
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
            do { try await service.run() } catch is CancellationError {}
        }
        let value = try await body()
        group.cancelAll()
        try await group.waitForAll()
        return value
    }
}

/// Keeps what is logged.
struct RecordingLogHandler: LogHandler {
    struct Line: Sendable {
        var level: Logger.Level
        var message: String
        var metadata: [String: String]
    }

    let lines: Recorder<Line>
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .trace

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let metadata = self.metadata.merging(event.metadata ?? [:]) { $1 }
        self.lines.add(
            Line(
                level: event.level,
                message: "\(event.message)",
                metadata: metadata.mapValues { "\($0)" }
            )
        )
    }

    static func logger(_ lines: Recorder<Line>) -> Logger {
        Logger(label: "test") { _ in RecordingLogHandler(lines: lines) }
    }
}

extension KubeClient {
    /// Runs `body` with a client of the server at `url`.
    static func with<Value>(
        url: String,
        _ body: (KubeClient) async throws -> Value
    ) async throws -> Value {
        try await Self.with(ClientConfiguration(serverURL: url), body)
    }

    static func with<Value>(
        _ configuration: ClientConfiguration,
        _ body: (KubeClient) async throws -> Value
    ) async throws -> Value {
        let client = try KubeClient(configuration: configuration, logger: Logger(label: "test"))
        do {
            let value = try await body(client)
            await client.shutdown()
            return value
        } catch {
            await client.shutdown()
            throw error
        }
    }
}

extension APIResource {
    static let configMaps = APIResource(group: "", version: "v1", plural: "configmaps", kind: "ConfigMap")
}

/// `data.v` of a ConfigMap, which must be a string.
let valueProjection: Projection<String> = { (cursor) throws(JSONError) in
    var value = ""
    try cursor.readObject { (key, cursor) throws(JSONError) in
        guard key == "data" else { return try cursor.skip() }
        try cursor.readObject { (key, cursor) throws(JSONError) in
            if key == "v" { value = try cursor.readString() } else { try cursor.skip() }
        }
    }
    return value
}
