import CDiscovery
import JSONTree
import KubeClient
import KubeRuntime
package import Logging
package import Metrics
package import NIOCore
package import PrometheusConfig
import PrometheusModel
package import PrometheusResources
import ServiceLifecycle
import Synchronization
package import TargetAllocation

/// What the process knows, behind one door: jobs of the file and of resources, what was discovered, who collects, and the
/// answers made of that. It is fed from watches and read by the HTTP server.
package final class AllocatorCore: Service {
    /// What is shown of jobs beside their targets.
    package struct Jobs: Sendable {
        package var all: [ScrapeJob] = []
        /// Jobs of the file that can't be used, and what else is odd.
        package var problems: [String] = []
        package var rejected: [RejectedResource] = []
    }

    private struct State {
        var file: PrometheusDocument
        /// `nil` until resources were read, or when they are not followed.
        var resources: ResourceOutcome?
        var followsResources: Bool
        var jobs = Jobs()
        var answers: (masked: StoredAnswer, clear: StoredAnswer)?
        /// Discoveries that have not said yet what there is.
        var awaited: Set<Place> = []
        var hasCollectors = false
        /// Whether another replica may have an assignment that counts rather than one made here.
        var awaitsReplicas: Bool
        var isReady = false
        var pending: [TargetUpdate] = []
        var collectors: [CollectorPod]?
    }

    private struct Place: Hashable {
        var job: String
        var discovery: Int
    }

    package let lists: TargetLists<ByteBuffer>
    let metrics: AllocatorMetrics
    private let state: Mutex<State>
    private let discovery = Mutex<DiscoveryRunner?>(nil)
    private let logger: Logger
    private let work = Signal()
    private let time = TimeSource(ContinuousClock())
    private let patience: Duration
    /// Changes of jobs come from the file and from resources, each in its own task: one after the other.
    private let order = Mutex(())
    private let isTellingOfDelay = Atomic(true)
    /// Tells answers of this process from those of the one before it.
    private let instance = String(UInt64.random(in: 0 ... .max), radix: 16)
    /// The assignment as it was last written for other replicas.
    private let written = Mutex<WrittenAssignment?>(nil)

    /// - Parameters:
    ///   - patience: how long discoveries may take before targets are given out without them.
    ///   - kept: the assignment from before a restart.
    ///   - awaitsReplicas: whether other replicas are asked first for the assignment; ``replicasAreSettled()`` says when
    ///     that is done.
    package init(
        settings: AllocatorSettings,
        kept: AssignmentSnapshot? = nil,
        awaitsReplicas: Bool = false,
        patience: Duration = .seconds(30),
        metrics: any MetricsFactory = MetricsSystem.factory,
        logger: Logger
    ) {
        var state = AllocatorState(AllocationSettings(settings), isHolding: true)
        if let kept { state.restore(kept) }
        self.lists = TargetLists(state) { ByteBuffer(bytes: $0) }
        self.metrics = AllocatorMetrics(factory: metrics)
        self.metrics.use(strategy: settings.allocationStrategy)
        self.state = Mutex(
            State(
                file: settings.document,
                followsResources: settings.prometheusCR.isEnabled,
                awaitsReplicas: awaitsReplicas
            )
        )
        self.patience = patience
        self.logger = logger
        self.metrics.ready(false)
    }

    // MARK: Jobs

    /// Where jobs are discovered from now on; before anything else.
    package func use(_ runner: DiscoveryRunner) {
        self.discovery.withLock { $0 = runner }
        self.jobsChanged()
    }

    package func use(_ settings: AllocatorSettings) {
        self.metrics.use(strategy: settings.allocationStrategy)
        self.state.withLock { state in
            state.file = settings.document
            state.followsResources = settings.prometheusCR.isEnabled
            if !settings.prometheusCR.isEnabled { state.resources = nil }
            if !AllocationSettings(settings).weighs { state.awaitsReplicas = false }
        }
        let now = self.time.now
        self.lists.update({ $0.setSettings(AllocationSettings(settings), now: now) }, now: now)
        self.metrics.fileEvents.increment()
        self.jobsChanged()
    }

    package func use(_ resources: ResourceOutcome) {
        self.state.withLock { state in
            if state.followsResources { state.resources = resources }
        }
        self.jobsChanged()
    }

    private func jobsChanged() {
        self.order.withLock { _ in
            // Without the jobs of resources collectors would drop those at a restart.
            let known: (jobs: Jobs, isComplete: Bool) = self.state.withLock { state in
                (Self.merge(state.file, state.resources), !state.followsResources || state.resources != nil)
            }
            guard known.isComplete else { return }
            let jobs = known.jobs
            let now = self.time.now
            let start = ContinuousClock.now
            let wanted = jobs.all
            self.lists.update({ $0.setJobs(wanted, now: now) }, now: now)
            self.metrics.allocated("SetTargets", nanoseconds: Self.nanoseconds(since: start))
            self.metrics.rejected(jobs: jobs.problems.count)
            let answers = (
                masked: StoredAnswer(json: Self.served(jobs.all, masked: true)),
                clear: StoredAnswer(json: Self.served(jobs.all, masked: false))
            )
            let places = Set(
                jobs.all.flatMap { job in
                    job.discoveries.indices.map { Place(job: job.name, discovery: $0) }
                }
            )
            let told = self.state.withLock { state in
                let known = Set(
                    state.jobs.all.flatMap { job in
                        job.discoveries.indices.map { Place(job: job.name, discovery: $0) }
                    }
                )
                state.awaited = state.awaited.intersection(places).union(places.subtracting(known))
                let told = Set(state.jobs.problems)
                state.jobs = jobs
                state.answers = answers
                return told
            }
            for problem in jobs.problems where !told.contains(problem) {
                self.logger.error("a job can't be used; the others go on", metadata: ["problem": "\(problem)"])
            }
            self.discovery.withLock { $0 }?.setJobs(jobs.all)
            self.work.raise()
        }
    }

    /// Jobs by name; a job of the file stands before one of a resource.
    private static func merge(_ file: PrometheusDocument, _ resources: ResourceOutcome?) -> Jobs {
        var jobs = Jobs(all: file.jobs, problems: file.problems.map(\.description))
        let names = Set(file.jobs.map(\.name))
        for job in resources?.jobs ?? [] {
            if names.contains(job.name) {
                jobs.problems.append(
                    "job \"\(job.name)\" is in the configuration file and made of a resource; that of the file is used"
                )
            } else {
                jobs.all.append(job)
            }
        }
        jobs.rejected = resources?.rejected ?? []
        return jobs
    }

    private static func served(_ jobs: [ScrapeJob], masked: Bool) -> [UInt8] {
        var object: JSONObject = [:]
        for job in jobs { object[job.name] = .object(job.served(masked: masked)) }
        return object.bytes() + [UInt8(ascii: "\n")]
    }

    // MARK: Discovery and collectors

    /// Takes what a discovery found; it is given out soon after.
    package func receive(_ update: DiscoveryUpdate) {
        self.state.withLock { state in
            state.pending.append(
                TargetUpdate(
                    job: update.job,
                    discovery: update.discovery,
                    changed: update.changed,
                    removed: update.removed,
                    isComplete: update.isInitial
                )
            )
        }
        self.work.raise()
    }

    package func setCollectors(_ collectors: [CollectorPod]) {
        self.state.withLock { state in
            state.collectors = collectors
        }
        self.work.raise()
    }

    // MARK: Work

    /// Takes changes in: the first at once, in a storm of them four times a second.
    package func run() async throws {
        let deadline = self.time.now + self.patience
        try await untilGracefulShutdown {
            // How many groups came, and when memory is given back for many of them: at once, and when collectors have
            // fetched their lists, which are made in pieces.
            var taken = 0
            var returns: [Duration] = []
            while true {
                taken += self.step(deadline: deadline)
                try await self.time.sleep(for: .milliseconds(200))
                let now = self.time.now
                if taken >= Self.manyGroups { (taken, returns) = (0, [now, now + .seconds(10)]) }
                if let due = returns.first, now >= due, self.state.withLock({ $0.pending.isEmpty }) {
                    returns.removeFirst()
                    try await blocking { cdiscovery_give_back_memory() }
                }
                let isReady = self.isReady
                let handOver = self.lists.read { $0.nextDeadline }
                let wakesLate = !isReady && self.time.now < deadline
                let next = [handOver, wakesLate ? deadline : nil].compactMap { $0 }.min()
                try await self.work.wait(until: next ?? self.time.now + .seconds(15), on: self.time)
            }
        }
    }

    /// So many groups leave behind what is worth giving back: texts of files and answers, and what was made of them.
    private static let manyGroups = 5000

    /// - Returns: how many groups were taken in.
    private func step(deadline: Duration) -> Int {
        let now = self.time.now
        let (updates, collectors) = self.state.withLock { state in
            let found = (state.pending, state.collectors)
            (state.pending, state.collectors) = ([], nil)
            return found
        }
        if let collectors {
            let start = ContinuousClock.now
            self.lists.update({ $0.setCollectors(collectors, now: now) }, now: now)
            self.metrics.allocated("SetCollectors", nanoseconds: Self.nanoseconds(since: start))
        }
        if !updates.isEmpty {
            let start = ContinuousClock.now
            self.lists.update({ $0.apply(updates, now: now) }, now: now)
            let spent = Self.nanoseconds(since: start)
            self.metrics.allocated("SetTargets", nanoseconds: spent)
            self.metrics.processed(jobs: Set(updates.map(\.job)), nanoseconds: spent)
        }
        // Only now: what was heard counts when it is taken in.
        self.state.withLock { state in
            if collectors != nil { state.hasCollectors = true }
            for update in updates where update.isComplete {
                state.awaited.remove(Place(job: update.job, discovery: update.discovery))
            }
        }
        self.becomeReady(now: now, deadline: deadline)
        self.lists.update({ $0.tick(now: now) }, now: now)
        self.metrics.show(self.lists.read { $0.overview() })
        return updates.reduce(0) { $0 + $1.changed.count }
    }

    private func becomeReady(now: Duration, deadline: Duration) {
        let isLate = now >= deadline
        let (mayStart, waiting): (Bool, [String]) = self.state.withLock { state in
            guard !state.isReady else { return (false, []) }
            var waiting = state.awaited.map { "targets of job \"\($0.job)\"" }.sorted()
            // Without these, giving out would take from collectors what they have: a slow discovery leaves one job
            // empty, an API server that is away leaves all of them to nobody.
            let lacksBasis = state.answers == nil || !state.hasCollectors
            if state.answers == nil { waiting.insert("Prometheus resources", at: 0) }
            if !state.hasCollectors { waiting.insert("collector pods", at: 0) }
            if state.awaitsReplicas { waiting.insert("the assignment of another replica", at: 0) }
            return (!lacksBasis && (waiting.isEmpty || isLate), waiting)
        }
        let names = "\(waiting.prefix(20).joined(separator: ", "))"
        guard mayStart else {
            if isLate, !waiting.isEmpty, self.isTellingOfDelay.exchange(false, ordering: .relaxed) {
                self.logger.error("nothing is given out yet", metadata: ["waiting-for": "\(names)"])
            }
            return
        }
        self.lists.update({ $0.release(now: now) }, now: now)
        // Whoever is told that it is ready finds the lists filled.
        self.state.withLock { $0.isReady = true }
        self.metrics.ready(true)
        if waiting.isEmpty {
            self.logger.info("the first discovery is complete; targets are given out")
        } else {
            self.logger.warning(
                "targets are given out although not everything was discovered in time",
                metadata: ["waiting-for": "\(names)"]
            )
        }
    }

    private static func nanoseconds(since start: ContinuousClock.Instant) -> Int64 {
        let parts = start.duration(to: .now).components
        return parts.seconds * 1_000_000_000 + parts.attoseconds / 1_000_000_000
    }

    // MARK: Replicas

    /// Who has what now, for other replicas and for a restart; `nil` before anything is given out. Written once for each
    /// state that is asked for.
    func writtenAssignment() -> WrittenAssignment? {
        guard self.isReady else { return nil }
        return self.written.withLock { written in
            let count = self.lists.read { $0.changeCount }
            if let written, written.change == count { return written }
            var (change, snapshot) = self.lists.read { ($0.changeCount, $0.gatherSnapshot()) }
            snapshot.sort()
            let new = WrittenAssignment(
                change: change,
                entityTag: "\"\(self.instance)-\(change)\"",
                body: ByteBuffer(bytes: snapshot.bytes)
            )
            written = new
            return new
        }
    }

    /// Another replica decides, and has decided this.
    ///
    /// - Returns: what ``changeCount`` is until something else changes.
    func follow(_ snapshot: AssignmentSnapshot) -> UInt64 {
        let now = self.time.now
        let count = self.lists.update(
            { state in
                state.follow(snapshot, now: now)
                return state.changeCount
            },
            now: now
        )
        self.replicasAreSettled()
        return count
    }

    var changeCount: UInt64 { self.lists.read { $0.changeCount } }

    /// It is known whose assignment counts.
    func replicasAreSettled() {
        self.state.withLock { $0.awaitsReplicas = false }
        self.work.raise()
    }

    // MARK: Reading

    package var isReady: Bool { self.state.withLock { $0.isReady } }

    package var jobs: Jobs { self.state.withLock { $0.jobs } }

    /// `nil` until all jobs are known.
    func scrapeConfigs(masked: Bool) -> StoredAnswer? {
        self.state.withLock { state in state.answers.map { masked ? $0.masked : $0.clear } }
    }

    func delivered(job: String, collector: String, _ list: EncodedList<ByteBuffer>) {
        self.lists.delivered(
            job: job,
            collector: collector,
            compressed: list.isCompressed,
            version: list.version,
            now: self.time.now
        )
    }
}

/// The assignment as other replicas get it, and the state file.
struct WrittenAssignment: Sendable {
    var change: UInt64
    var entityTag: String
    var body: ByteBuffer
}

/// An answer that many get, in both encodings.
struct StoredAnswer: Sendable {
    struct Encoding: Sendable {
        var body: ByteBuffer
        var isCompressed: Bool
        var entityTag: String
    }

    private var plain: Encoding
    private var compressed: Encoding?

    init(json bytes: [UInt8]) {
        let tag = bytes.withUnsafeBufferPointer { String(XXH64.hash($0), radix: 16) }
        self.plain = Encoding(body: ByteBuffer(bytes: bytes), isCompressed: false, entityTag: "\"\(tag)\"")
        self.compressed = bytes.withUnsafeBytes { Gzip.compress($0) }.map {
            Encoding(body: ByteBuffer(bytes: $0), isCompressed: true, entityTag: "\"\(tag)-gzip\"")
        }
    }

    func encoded(compressed: Bool) -> Encoding { compressed ? self.compressed ?? self.plain : self.plain }
}

extension StoredAnswer.Encoding {
    init(_ list: EncodedList<ByteBuffer>) {
        self.init(body: list.body, isCompressed: list.isCompressed, entityTag: list.entityTag)
    }
}
