package import KubeClient
import KubeModel
import Logging
import Metrics
package import ServiceLifecycle
import Synchronization

/// Why leading did not come about or came to an end.
package struct LeaderElectionError: Error, Sendable, CustomStringConvertible {
    package struct Code: Sendable, Hashable {
        private let name: String

        /// The times contradict each other.
        package static let configuration = Code(name: "configuration")
        /// The lease was not renewed in time or somebody else holds it: whatever only the leader may do has been stopped.
        package static let lost = Code(name: "lost")
    }

    package var code: Code
    package var message: String
    package var description: String { self.message }
}

/// What happened to the leadership, for logs and probes.
package enum LeadershipEvent: Sendable, Equatable {
    /// We lead now.
    case started
    /// We do not lead any more, and what only the leader may do is being cancelled (or has ended).
    case stopped
    /// Somebody else leads.
    case observed(holder: String)
}

/// Leads when it holds a Lease (coordination.k8s.io/v1), so that of several replicas one acts.
///
/// Works together with client-go's leader election, whatever its times and identities. Needs get, create and update on
/// leases; with watch a follower takes over at once, without it reads the lease about each second.
package final class LeaderElector: Sendable {
    package let namespace: String
    package let name: String
    package let identity: String
    private let client: KubeClient
    private let configuration: LeaderElectionState.Configuration
    private let time: TimeSource
    private let wallClock: WallClock
    private let jitter: JitterSource
    private let onEvent: @Sendable (LeadershipEvent) -> Void
    private let state: Mutex<LeaderElectionState>
    private let changed = Signal()
    /// Whether a write was ever sent: it may have made us the holder even if no answer came.
    private let wasWriting = Atomic<Bool>(false)
    private let status: Gauge

    /// - Parameters:
    ///   - namespace: of the Lease.
    ///   - name: of the Lease.
    ///   - identity: tells this process from all others, such as ``makeIdentity(host:)``.
    ///   - wallClock: for the times that the Lease shows to people.
    ///   - onEvent: told of changes, in order; must be short.
    /// - Throws: ``LeaderElectionError`` with code `configuration`.
    package init(
        client: KubeClient,
        namespace: String,
        name: String,
        identity: String,
        configuration: LeaderElectionState.Configuration = .standard,
        clock: some Clock<Duration> = ContinuousClock(),
        wallClock: WallClock = .system,
        jitter: JitterSource = .random,
        onEvent: @escaping @Sendable (LeadershipEvent) -> Void = { _ in }
    ) throws {
        if let problem = configuration.problem {
            throw LeaderElectionError(code: .configuration, message: "leader election: \(problem)")
        }
        self.client = client
        self.namespace = namespace
        self.name = name
        self.identity = identity
        self.configuration = configuration
        self.time = TimeSource(clock)
        self.wallClock = wallClock
        self.jitter = jitter
        self.onEvent = onEvent
        self.state = Mutex(LeaderElectionState(identity: identity, configuration: configuration))
        self.status = Gauge(label: "leader_election_master_status", dimensions: [("name", name)])
        self.status.record(0)
    }

    /// An identity that no other process has: host name and a random part.
    package static func makeIdentity(host: String) -> String {
        let random = UInt64.random(in: .min ... .max)
        let text = String(random, radix: 16)
        return "\(host)_\(String(repeating: "0", count: 16 - text.utf8.count))\(text)"
    }

    package var isLeader: Bool { self.state.withLock { $0.isLeader } }
    /// Who holds the lease as far as we know; empty for nobody.
    package var holder: String { self.state.withLock { $0.holder } }

    /// Waits to become the leader, then runs `body` while renewing the lease.
    ///
    /// When `body` ends, the lease is released, so that another replica takes over at once: also when this task was
    /// cancelled, but not when leadership was lost. Graceful shutdown ends the waiting; `body` has to heed it by itself.
    /// One call at a time.
    ///
    /// - Returns: false when graceful shutdown came before leadership.
    /// - Throws: ``LeaderElectionError`` with code `lost`, after `body` was cancelled and has ended; otherwise what `body`
    ///   throws; `CancellationError`.
    @discardableResult
    package func withLeadership(_ body: @escaping @Sendable () async throws -> Void) async throws -> Bool {
        let metadata: Logger.Metadata = ["lease": "\(self.namespace)/\(self.name)", "identity": "\(self.identity)"]
        return try await withLogger(mergingMetadata: metadata) { logger in
            do {
                try await untilGracefulShutdown { try await self.campaign(logger) }
                if !self.isLeader || Task.isShuttingDownGracefully {
                    await self.release(logger)
                    return false
                }
            } catch {
                await self.release(logger)
                throw error
            }
            switch await self.lead(body, logger) {
            case .lost:
                throw LeaderElectionError(code: .lost, message: "lost the lease \(self.namespace)/\(self.name)")
            case .ended(let result):
                await self.release(logger)
                try result.get()
                return true
            }
        }
    }

    // MARK: Following

    /// Returns when we lead.
    private func campaign(_ logger: Logger) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.watchLease(logger) }
            defer {
                group.cancelAll()
                self.state.withLock { $0.isWatching = false }
            }
            var known = ""
            while !self.isLeader {
                try Task.checkCancellation()
                try await self.step(logger)
                let holder = self.holder
                if holder != known, holder != self.identity, !holder.isEmpty {
                    logger.info("somebody else leads", metadata: ["holder": "\(holder)"])
                    self.onEvent(.observed(holder: holder))
                }
                known = holder
            }
        }
    }

    /// Tells the state of each change of the lease as it happens. Without the permission to watch, the state polls.
    private func watchLease(_ logger: Logger) async throws {
        var backoff = Backoff(.watch)
        while true {
            do {
                let stream = try await self.client.watch(
                    .leases,
                    namespace: self.namespace,
                    options: WatchOptions(fieldSelector: "metadata.name=\(self.name)")
                )
                for try await event in stream {
                    let now = self.time.now
                    switch event.kind {
                    case .error: throw event.status()
                    case .bookmark: break
                    case .added, .modified:
                        let lease = LeaseRecord(try event.tree())
                        guard lease.object.name == self.name else { break }
                        self.state.withLock {
                            $0.isWatching = true
                            $0.observe(lease, now: now, random: self.jitter.next())
                        }
                        self.changed.raise()
                    case .deleted:
                        // Read again: an event older than what we know must not count.
                        self.state.withLock { $0.conflicted(now: now) }
                        self.changed.raise()
                    }
                }
            } catch {
                try Task.checkCancellation()
                logger.debug("cannot watch the lease", metadata: ["error": "\(error)"])
            }
            self.state.withLock { $0.isWatching = false }
            self.changed.raise()
            let now = self.time.now
            try await self.time.sleep(until: now + backoff.fail(now: now, random: self.jitter.next()))
        }
    }

    // MARK: Leading

    private enum End: Sendable {
        case lost
        case ended(Result<Void, any Error>)
    }

    private func lead(_ body: @escaping @Sendable () async throws -> Void, _ logger: Logger) async -> End {
        logger.info("became the leader")
        self.status.record(1)
        self.onEvent(.started)
        return await withTaskGroup(of: End?.self) { group in
            group.addTask {
                do {
                    return .ended(.success(try await body()))
                } catch {
                    return .ended(.failure(error))
                }
            }
            group.addTask {
                while !Task.isCancelled, self.isLeader {
                    do { try await self.step(Logger.current) } catch { return nil }
                }
                return self.isLeader ? nil : .lost
            }
            var end: End?
            for await next in group {
                // The first that ends decides; after a loss the body's own end is only waited for.
                guard end == nil, let next else { continue }
                end = next
                self.status.record(0)
                if case .lost = next { logger.warning("lost the leadership") }
                self.onEvent(.stopped)
                group.cancelAll()
            }
            return end ?? .ended(.failure(CancellationError()))
        }
    }

    /// Does one thing: a request or a wait.
    private func step(_ logger: Logger) async throws {
        switch self.state.withLock({ $0.next(now: self.time.now) }) {
        case .wait(let until):
            try await self.changed.wait(until: until, on: self.time)
        case .stepDown:
            return
        case .read:
            await self.request(logger, until: nil) {
                let lease = try await self.read(timeout: $0)
                let now = self.time.now
                self.state.withLock { $0.observe(lease, now: now, random: self.jitter.next()) }
            }
        case .write(let previous, let until):
            let start = self.time.now
            self.wasWriting.store(true, ordering: .relaxed)
            await self.request(logger, until: until) {
                let lease = try await self.write(over: previous, timeout: $0)
                let now = self.time.now
                self.state.withLock { $0.wrote(lease, start: start, now: now, random: self.jitter.next()) }
            }
        }
    }

    /// Runs a request within the time there is and tells the state of its failure.
    private func request(
        _ logger: Logger,
        until end: Duration?,
        _ body: @escaping @Sendable (_ timeout: Duration) async throws -> Void
    ) async {
        var end = end ?? (self.time.now + self.configuration.attemptTime)
        if let deadline = self.state.withLock({ $0.deadline }) { end = min(end, deadline) }
        let timeout = end - self.time.now
        do {
            // The client's own timeout is the friendlier one; this one holds whatever the client is doing.
            let answered = try await self.time.withDeadline(end) {
                try await body(timeout)
                return true
            }
            if answered == nil { self.state.withLock { $0.failed(now: self.time.now, random: self.jitter.next()) } }
        } catch {
            let now = self.time.now
            let isStale = (error as? APIError).map { $0.code == 409 || $0.isNotFound } ?? false
            self.state.withLock {
                if isStale { $0.conflicted(now: now) } else { $0.failed(now: now, random: self.jitter.next()) }
            }
            if !isStale, !Task.isCancelled {
                logger.warning("a request for the lease failed", metadata: ["error": "\(error)"])
            }
        }
    }

    // MARK: Requests

    private func read(timeout: Duration) async throws -> LeaseRecord? {
        do {
            let object = try await self.client.get(
                .leases,
                namespace: self.namespace,
                name: self.name,
                timeout: timeout
            )
            return LeaseRecord(object)
        } catch let error as APIError where error.isNotFound {
            return nil
        }
    }

    private func write(over previous: LeaseRecord?, timeout: Duration) async throws -> LeaseRecord {
        let lease = LeaseRecord.held(
            by: self.identity,
            previous: previous,
            namespace: self.namespace,
            name: self.name,
            duration: self.configuration.leaseDuration,
            now: self.wallClock.now()
        )
        let options = WriteOptions(timeout: timeout)
        let written =
            previous == nil
            ? try await self.client.create(lease.object, .leases, options: options)
            : try await self.client.update(lease.object, .leases, options: options)
        return LeaseRecord(written)
    }

    /// Gives the lease up, if it is ours, for at most two seconds.
    private func release(_ logger: Logger) async {
        let isHeld = self.isLeader
        self.state.withLock { $0.resign() }
        guard isHeld || self.wasWriting.exchange(false, ordering: .relaxed) else { return }
        // A task of its own, because this one may be cancelled, and just then a clean stop is worth a request.
        await Task {
            do {
                _ = try await self.time.withDeadline(self.time.now + .seconds(2)) {
                    try await self.writeReleased(isHeld ? self.state.withLock { $0.lease } : nil, logger)
                }
            } catch {
                logger.warning("could not release the lease", metadata: ["error": "\(error)"])
            }
        }.value
    }

    /// - Parameter known: the lease as we wrote it last; `nil` reads it.
    private func writeReleased(_ known: LeaseRecord?, _ logger: Logger) async throws {
        let timeout = Duration.seconds(2)
        var lease: LeaseRecord? = known
        // A renewal that the end cut short may have arrived all the same: then the second attempt knows its version.
        for attempt in 1...2 {
            if lease == nil { lease = try await self.read(timeout: timeout) }
            guard let current = lease, current.holder == self.identity else { return }
            do {
                let released = current.released(now: self.wallClock.now())
                try await self.client.update(released.object, .leases, options: WriteOptions(timeout: timeout))
                logger.info("released the lease")
                return
            } catch let error as APIError where error.isConflict && attempt == 1 {
                lease = nil
            }
        }
    }
}

/// Services of which only the leader may run one.
///
/// Ends with the services. A lost leadership cancels them, and they are run again when it was regained: what else the
/// process does, such as serving webhooks, goes on. So each service must be one that can be run again.
package struct LeaderServices: Service {
    private let elector: LeaderElector
    private let services: [any Service]

    package init(_ elector: LeaderElector, services: [any Service]) {
        self.elector = elector
        self.services = services
    }

    /// - Throws: whatever a service throws, `CancellationError`.
    package func run() async throws {
        while true {
            do {
                try await self.elector.withLeadership {
                    try await withThrowingDiscardingTaskGroup { group in
                        for service in self.services { group.addTask { try await service.run() } }
                    }
                }
                return
            } catch let error as LeaderElectionError where error.code == .lost {
                if Task.isShuttingDownGracefully { return }
                try Task.checkCancellation()
                Logger.current.warning("follows until it leads again", metadata: ["error": "\(error)"])
            }
        }
    }
}
