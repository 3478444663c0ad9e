import JSONTree
import KubeModel
import KubeTesting
import Logging
import NIOCore
import NIOSSL
import Synchronization
import Testing

@testable import KubeClient

/// Runs `body` with a client that is shut down afterwards.
func withClient<Value>(
    _ url: String,
    logger: Logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
    time: TimeSource = .continuous,
    observer: (any RequestObserver)? = nil,
    configure: (inout ClientConfiguration) -> Void = { _ in },
    _ body: (KubeClient) async throws -> Value
) async throws -> Value {
    var configuration = ClientConfiguration(serverURL: url)
    configuration.requestTimeout = .seconds(20)
    configure(&configuration)
    return try await withConfiguredClient(configuration, logger: logger, time: time, observer: observer, body)
}

func withConfiguredClient<Value>(
    _ configuration: ClientConfiguration,
    logger: Logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
    time: TimeSource = .continuous,
    observer: (any RequestObserver)? = nil,
    _ body: (KubeClient) async throws -> Value
) async throws -> Value {
    let client = KubeClient(
        transport: try Transport(
            configuration: configuration,
            logger: logger,
            eventLoopGroup: nil,
            observer: observer,
            time: time
        )
    )
    do {
        let value = try await body(client)
        await client.shutdown()
        return value
    } catch {
        await client.shutdown()
        throw error
    }
}

/// The error that `body` throws, `nil` when it throws none.
func failure<Value>(_ body: () async throws -> Value) async -> (any Error)? {
    do {
        _ = try await body()
        return nil
    } catch {
        return error
    }
}

func apiFailure<Value>(_ body: () async throws -> Value) async -> APIError? {
    await failure(body) as? APIError
}

func clientFailure<Value>(_ body: () async throws -> Value) async -> KubeClientError? {
    await failure(body) as? KubeClientError
}

enum Resources {
    static let configMaps = APIResource(group: "", version: "v1", plural: "configmaps", kind: "ConfigMap")
    static let deployments = APIResource(group: "apps", version: "v1", plural: "deployments", kind: "Deployment")
    static let clusterRoles = APIResource(
        group: "rbac.authorization.k8s.io",
        version: "v1",
        plural: "clusterroles",
        kind: "ClusterRole",
        isNamespaced: false
    )
}

/// Collects requests as an observer.
final class Observations: RequestObserver {
    struct Entry: Hashable {
        var verb: String
        var resource: String
        var code: Int
    }
    private let state = Mutex<[Entry]>([])
    var entries: [Entry] { self.state.withLock { $0 } }
    func finished(_ request: ObservedRequest, duration: Duration) {
        self.state.withLock {
            $0.append(Entry(verb: request.verb, resource: request.resource, code: request.code))
        }
    }
}

/// Collects numbers in the order they come.
final class Numbers: Sendable {
    private let state = Mutex<[Int]>([])
    var all: [Int] { self.state.withLock { $0 } }
    func append(_ number: Int) { self.state.withLock { $0.append(number) } }
}

/// Collects log lines.
final class LogLines: Sendable {
    private let state = Mutex<[String]>([])
    /// Level, message and metadata of each line.
    var lines: [String] { self.state.withLock { $0 } }

    var logger: Logger {
        Logger(label: "test", factory: { _ in Handler(lines: self) })
    }

    private struct Handler: LogHandler {
        let lines: LogLines
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { self.metadata[key] }
            set { self.metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let metadata = (event.metadata ?? [:]).sorted { $0.key < $1.key }
                .map { "\($0.key)=\($0.value)" }.joined(separator: " ")
            self.lines.state.withLock { $0.append("\(event.level) \(event.message) \(metadata)") }
        }
    }
}

extension TLSConfiguration {
    /// A test server with a certificate of ``TestCertificates``.
    static func testServer(
        certificate: String = TestCertificates.server,
        key: String = TestCertificates.serverKey,
        wantsClient: Bool = false
    ) throws -> TLSConfiguration {
        var tls = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMBytes(Array(certificate.utf8)).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(key.utf8), format: .pem))
        )
        if wantsClient {
            tls.certificateVerification = .noHostnameVerification
            tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(TestCertificates.authority.utf8)))
        }
        return tls
    }
}

extension ClientConfiguration {
    /// Trusts the authority of ``TestCertificates``.
    mutating func trustTestAuthority() {
        self.certificateAuthorities = Array(TestCertificates.authority.utf8)
    }
}

extension ByteBuffer {
    var text: String { String(decoding: self.readableBytesView, as: UTF8.self) }
}

/// Runs `body` with a folder that is removed afterwards.
func withFolder<Value>(_ body: (String) async throws -> Value) async throws -> Value {
    let folder = try TestFile.temporaryFolder("kubeclient")
    defer { TestFile.remove(folder) }
    return try await body(folder)
}

/// Expects that a server soon has this many open connections.
func expectConnections(
    _ count: Int,
    of server: ScriptedServer,
    sourceLocation: SourceLocation = #_sourceLocation
) async throws {
    let reached = try await TestCluster.eventually { server.openConnectionCount == count }
    #expect(reached, "\(server.openConnectionCount) connections are open", sourceLocation: sourceLocation)
}
