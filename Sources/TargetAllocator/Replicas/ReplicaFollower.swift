import AsyncHTTPClient
import JSONTree
import KubeClient
import KubeModel
import KubeRuntime
import Logging
import NIOCore
import NIOHTTP1
import ServiceLifecycle
import Synchronization
import TargetAllocation

/// Finds the allocator's other replicas and does as the oldest of them does, where the assignment depends on what was before
/// (`least-weighted`).
///
/// Replicas are the running pods of this pod's workload. Each asks those that are older than itself, once a second, for their
/// assignment: the first that answers decides. Before a replica gives anything out it asks the younger ones, too: they have
/// what it gave out before its container was started again. Nobody has to be told anything, and there is no lease: pods and
/// their ages are the same for all.
final class ReplicaFollower: Service {
    private static let pods = APIResource(group: "", version: "v1", plural: "pods", kind: "Pod")
    /// How long an answer may take.
    private static let timeout = Duration.seconds(5)
    private static let largestBody = 256 << 20

    private let client: KubeClient
    private let namespaces: [String]
    private let podName: String
    private let port: Int
    private let core: AllocatorCore
    private let time = TimeSource(ContinuousClock())
    private let state = Mutex(State())

    private struct State {
        /// Whom this one follows; empty when it decides itself, `nil` before that is known.
        var leader: String?
        /// What was followed last, by its tag, and what this replica's own state was then: a target that comes back here
        /// alone changes nothing there, and is given away here anew.
        var followed = ""
        var change: UInt64 = 0
        /// What was told of each replica, so that it is told once.
        var told: [String: String] = [:]
    }

    /// - Parameters:
    ///   - namespaces: where this pod may be.
    ///   - port: of the plain listener, the same in all replicas.
    init(client: KubeClient, namespaces: [String], podName: String, port: Int, core: AllocatorCore) {
        self.client = client
        self.namespaces = namespaces
        self.podName = podName
        self.port = port
        self.core = core
    }

    func run() async throws {
        try await untilGracefulShutdown {
            guard let own = try await self.findOwnPod() else {
                self.core.metrics.replicas(1, decides: true)
                self.core.replicasAreSettled()
                return try await Signal().wait()
            }
            let store = self.store(of: own)
            try await withThrowingDiscardingTaskGroup { group in
                group.addTask { try await store.run() }
                try await store.waitForSync()
                try await self.follow(store, own: own.name)
            }
        }
    }

    // MARK: Pods

    /// - Returns: `nil` where this is no pod, or pods may not be read.
    private func findOwnPod() async throws -> KubeObject? {
        while true {
            var refusal: (any Error)?
            do {
                for namespace in Set(self.namespaces).sorted() where !namespace.isEmpty {
                    do {
                        return try await self.client.get(Self.pods, namespace: namespace, name: self.podName)
                    } catch let error as APIError where error.isNotFound {
                        continue
                    } catch let error as APIError where error.isForbidden {
                        refusal = error
                    }
                }
            } catch let error as CancellationError {
                throw error
            } catch {
                // The API server is away: others are told of it by who needs it more.
                try await self.time.sleep(for: .seconds(2))
                continue
            }
            if let refusal {
                Logger.current.warning(
                    "other replicas can't be found: each decides for itself",
                    metadata: [
                        "error": "\(refusal)",
                        "mend": "let the allocator's account get, list and watch pods in its own namespace",
                    ]
                )
            } else {
                Logger.current.info(
                    "this is no pod of the cluster: there are no other replicas",
                    metadata: ["pod": "\(self.podName)", "mend": "if it is one, set POD_NAME to its name"]
                )
            }
            return nil
        }
    }

    private func store(of own: KubeObject) -> Store<Replica> {
        let projection = KubeObject.projection(of: Self.pods)
        return Store(
            client: self.client,
            target: WatchTarget(
                Self.pods,
                namespace: own.namespace,
                labelSelector: Replica.selector(of: own).isEmpty ? nil : Replica.selector(of: own).query
            ),
            projection: { (cursor) throws(JSONError) in Replica(try projection(&cursor)) }
        )
    }

    // MARK: Asking

    private func follow(_ store: Store<Replica>, own name: String) async throws {
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        configuration.tracing.tracer = nil
        configuration.timeout = .init(connect: .seconds(2))
        configuration.connectionPool.retryConnectionEstablishment = false
        let http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        do {
            while true {
                try await self.ask(ReplicaOrder(store.items(), own: name), http)
                try await self.time.sleep(for: self.core.isReady ? .seconds(1) : .milliseconds(250))
            }
        } catch {
            try? await http.shutdown()
            throw error
        }
    }

    private func ask(_ order: ReplicaOrder, _ http: HTTPClient) async throws {
        let isReady = self.core.isReady
        var mayComeYet = false
        for replica in order.elders + (isReady ? [] : order.juniors) {
            let answer = await self.assignment(of: replica, http)
            try Task.checkCancellation()
            switch answer {
            case .same, .assignment:
                if case .assignment(let snapshot, let tag) = answer {
                    let change = self.core.follow(snapshot)
                    self.state.withLock { ($0.followed, $0.change) = (tag, change) }
                }
                self.core.metrics.fetchedAssignment("success")
                self.tell(replica, nil)
                let isElder = order.elders.contains(replica)
                return self.settle(on: isElder ? replica : nil, order)
            case .notYet:
                // An older one that starts is waited for; a younger one has nothing to tell.
                if order.elders.contains(replica) { mayComeYet = true }
                self.tell(replica, nil)
            case .failure(let reason, let isAway):
                if isAway, order.elders.contains(replica) { mayComeYet = true }
                self.core.metrics.fetchedAssignment("failure")
                // While it starts that is usual.
                if isReady || !isAway { self.tell(replica, reason) }
            }
        }
        if !isReady, mayComeYet { return }
        self.settle(on: nil, order)
    }

    private func settle(on leader: Replica?, _ order: ReplicaOrder) {
        self.core.replicasAreSettled()
        self.core.metrics.replicas(1 + order.elders.count + order.juniors.count, decides: leader == nil)
        let name = leader?.name ?? ""
        let isNew = self.state.withLock { state in
            if leader == nil { state.followed = "" }
            defer { state.leader = name }
            return state.leader != name
        }
        guard isNew else { return }
        if let leader {
            Logger.current.info("doing as another replica does", metadata: ["replica": "\(leader.name)"])
        } else {
            Logger.current.info(
                "this replica decides",
                metadata: ["others": "\(order.elders.count + order.juniors.count)"]
            )
        }
    }

    /// Once for each replica and reason.
    private func tell(_ replica: Replica, _ reason: String?) {
        let isNew = self.state.withLock { state in
            defer { state.told[replica.name] = reason }
            return reason != nil && state.told[replica.name] != reason
        }
        guard isNew, let reason else { return }
        Logger.current.warning(
            "the assignment of an older replica can't be had; going on without it",
            metadata: ["replica": "\(replica.name)", "address": "\(replica.address)", "reason": "\(reason)"]
        )
    }

    private enum Answer {
        case assignment(AssignmentSnapshot, tag: String)
        case same
        case notYet
        /// - Parameter isAway: whether it may only be starting.
        case failure(String, isAway: Bool)
    }

    private func assignment(of replica: Replica, _ http: HTTPClient) async -> Answer {
        let host = replica.address.contains(":") ? "[\(replica.address)]" : replica.address
        var request = HTTPClientRequest(url: "http://\(host):\(self.port)/replicas/assignment")
        request.headers.add(name: "user-agent", value: "swiftlet-target-allocator")
        let (followed, change) = self.state.withLock { ($0.followed, $0.change) }
        if !followed.isEmpty, change == self.core.changeCount {
            request.headers.add(name: "if-none-match", value: followed)
        }
        let sent = request
        do {
            let answer = try await self.time.withDeadline(self.time.now + Self.timeout) {
                let response = try await http.execute(sent, deadline: .distantFuture)
                let body = try await response.body.collect(upTo: Self.largestBody)
                return (response, Array(body.readableBytesView))
            }
            guard let (response, body) = answer else {
                return .failure("no answer within \(Self.timeout)", isAway: true)
            }
            switch response.status.code {
            case 304: return .same
            case 503: return .notYet
            case 200 where response.headers.first(name: "content-type") == AssignmentSnapshot.contentType:
                let tag = response.headers.first(name: "etag") ?? ""
                return .assignment(try AssignmentSnapshot(parsing: body), tag: tag)
            default:
                return .failure(
                    "status \(response.status.code): it is of a version that gives out no assignment",
                    isAway: false
                )
            }
        } catch let error as AssignmentSnapshot.Failure {
            return .failure("it is of another version: \(error)", isAway: false)
        } catch {
            return .failure("\(error)", isAway: true)
        }
    }
}
