package import PrometheusConfig
import PrometheusModel

/// Everything the allocator knows: jobs, what was discovered for them, collectors, and who has what.
///
/// Each function that changes something takes the current time as a duration since any fixed moment. A change costs what
/// changed: one target's change looks at one group, gives one target away and makes one list out of date.
package struct AllocatorState: Sendable {
    package private(set) var settings: AllocationSettings
    /// Until the first discovery is complete nothing is given out: what comes first would else get everything, and then lose
    /// it again.
    package private(set) var isHolding: Bool

    var symbols = SymbolTable()
    var merger = LabelMerger()
    var memory = LabelMemory()
    var nodeLabels: NodeLabels
    var addressLabel: Symbol

    var jobs = Slots<JobState>()
    var jobSlots: [String: Int32] = [:]
    var contents = Slots<GroupContent>()
    var contentSlots: [UInt64: Int32] = [:]
    var groups = Slots<Group>()
    var items = Slots<Item>()
    var itemSlots = HashIndex()
    /// The places of targets that were found in several ones, without that whose labels are served.
    var shared: [Int32: Set<Place>] = [:]

    var collectors = Slots<Collector>()
    var collectorSlots: [String: Int32] = [:]
    var nodes: [Symbol: Int32] = [:]
    var lists = Slots<TargetList>()
    var unassigned: [Int32] = []
    var ring = HashRing()
    var loads = LeastLoaded()

    /// Counts changes. A list's version is the change that made it what it is.
    var change: UInt64 = 0
    /// When the change began.
    var now: Duration = .zero
    /// Lists with this change's version, and all that is no list any more.
    var changes = ListChanges()
    var deadlines = HandOverDeadlines()
    /// Who had what: from before a restart, or from the replica that is followed.
    var known = KnownOwners()
    /// Targets whose collector may be another one with their new labels.
    var doubtful: [Int32] = []

    package init(_ settings: AllocationSettings = AllocationSettings(), isHolding: Bool = false) {
        self.settings = settings
        self.isHolding = isHolding
        self.nodeLabels = NodeLabels(&self.symbols)
        self.addressLabel = self.symbols.intern("__address__")
    }

    // MARK: Jobs

    /// The scrape configurations that count from now on. What was discovered for a job stays until its changed discovery
    /// has said what there is; changed relabel rules are applied at once.
    package mutating func setJobs(_ wanted: [ScrapeJob], now: Duration) {
        self.begin(now)
        var departing: [Int32] = []
        var newcomers: [Newcomer] = []
        var seen: Set<String> = []
        for job in wanted {
            seen.insert(job.name)
            if let slot = self.jobSlots[job.name] {
                self.update(slot, job, &departing, &newcomers)
            } else {
                self.jobSlots[job.name] = self.jobs.insert(JobState(job, &self.symbols))
            }
        }
        for (name, slot) in self.jobSlots where !seen.contains(name) {
            departing += self.jobs[slot].sources.flatMap { $0.values }
        }
        for group in departing { self.remove(group: group) }
        for (name, slot) in self.jobSlots where !seen.contains(name) { self.remove(job: name, slot) }
        self.admit(newcomers)
        self.finish()
    }

    private mutating func update(
        _ slot: Int32,
        _ job: ScrapeJob,
        _ departing: inout [Int32],
        _ newcomers: inout [Newcomer]
    ) {
        let isSame = self.jobs[slot].filter?.isThat(of: job) ?? false
        if !isSame { self.jobs[slot].filter = TargetFilter(job, &self.symbols) }
        let discoveries = self.jobs[slot].discoveries
        if discoveries != job.discoveries {
            let (sources, left) = Self.carry(self.jobs[slot].sources, from: discoveries, to: job.discoveries)
            for (index, groups) in sources.enumerated() {
                for group in groups.values { self.groups[group].discovery = Int32(truncatingIfNeeded: index) }
            }
            self.jobs[slot].sources = sources
            self.jobs[slot].discoveries = job.discoveries
            departing += left
        }
        if !isSame, self.settings.filters { self.filterAgain(slot, &departing, &newcomers) }
    }

    /// All groups of a job through its new filter, as if they had come anew with the same labels.
    private mutating func filterAgain(_ slot: Int32, _ departing: inout [Int32], _ newcomers: inout [Newcomer]) {
        self.jobs[slot].forgetCounts()
        for (discovery, sources) in self.jobs[slot].sources.enumerated() {
            for (source, group) in sources {
                self.groups[group].isCounted = false
                let content = self.groups[group].content
                self.contents[content].references += 1
                self.replace(group, Origin(job: slot, discovery: discovery, source: source), content, &newcomers)
                departing.append(group)
            }
        }
    }

    /// Which groups go on, by the new discoveries. An equal discovery takes its groups along; a changed one keeps those of
    /// the one in its place, until it has its own.
    private static func carry(
        _ old: [[Symbol: Int32]],
        from: [DiscoveryConfig],
        to: [DiscoveryConfig]
    ) -> (sources: [[Symbol: Int32]], left: [Int32]) {
        var taken = Set<Int>()
        var origins = [Int?](repeating: nil, count: to.count)
        for (index, discovery) in to.enumerated() where index < from.count && from[index] == discovery {
            origins[index] = index
            taken.insert(index)
        }
        for (index, discovery) in to.enumerated() where origins[index] == nil {
            let origin = from.indices.first { !taken.contains($0) && from[$0] == discovery }
            guard let origin else { continue }
            origins[index] = origin
            taken.insert(origin)
        }
        for index in to.indices where origins[index] == nil && index < from.count && !taken.contains(index) {
            origins[index] = index
            taken.insert(index)
        }
        let sources = origins.map { origin in origin.map { old[$0] } ?? [:] }
        return (sources, old.indices.filter { !taken.contains($0) }.flatMap { old[$0].values })
    }

    private mutating func remove(job name: String, _ slot: Int32) {
        for collector in self.collectorSlots.values {
            guard Int(slot) < self.collectors[collector].lists.count else { continue }
            let list = self.collectors[collector].lists[Int(slot)]
            guard list >= 0 else { continue }
            self.collectors[collector].lists[Int(slot)] = -1
            self.remove(list: list)
        }
        self.changes.goneJobs.append(name)
        self.jobSlots[name] = nil
        self.jobs.remove(slot, leaving: JobState.gone)
    }

    // MARK: Settings

    /// Another strategy or filter from now on. Targets move as if their collectors had changed.
    package mutating func setSettings(_ settings: AllocationSettings, now: Duration) {
        guard settings != self.settings else { return }
        self.begin(now)
        let old = self.settings
        self.settings = settings
        var departing: [Int32] = []
        var newcomers: [Newcomer] = []
        if old.filters != settings.filters {
            for slot in self.jobSlots.values { self.filterAgain(slot, &departing, &newcomers) }
        }
        if !settings.handsOver { self.endAllHandOvers() }
        for slot in Int32(0)..<Int32(self.items.capacity) where self.items[slot].isLive { self.locate(slot) }
        self.rebuildStrategies()
        for group in departing { self.remove(group: group) }
        self.admit(newcomers)
        self.offerAll()
        self.finish()
    }

    /// The first discovery is complete, or did not become so in time: targets are given out from now on.
    package mutating func release(now: Duration) {
        guard self.isHolding else { return }
        self.begin(now)
        self.isHolding = false
        self.offerAll()
        self.finish()
    }

    // MARK: Changes

    mutating func begin(_ now: Duration) {
        self.change += 1
        self.now = now
    }

    mutating func finish() {
        let doubtful = self.doubtful
        self.doubtful = []
        for item in doubtful where self.items[item].isLive { self.offer(item) }
        self.collectSymbols()
    }

    /// Which lists are others since the last call: what keeps their bytes throws those away.
    package mutating func takeChanges() -> ListChanges {
        var changes = self.changes
        self.changes = ListChanges()
        for list in changes.lists.indices {
            let slot = changes.lists[list]
            let (collector, job) = (self.lists[slot].collector, self.lists[slot].job)
            // A list that went since then was told by name.
            guard collector >= 0 else { continue }
            changes.changed.append(ListName(job: self.jobs[job].name, collector: self.collectors[collector].name))
        }
        changes.lists = []
        return changes
    }
}

/// Which lists' bytes are out of date.
package struct ListChanges: Sendable {
    var lists: [Int32] = []
    var goneJobs: [String] = []
    var goneCollectors: [String] = []
    var changed: [ListName] = []
    /// Those without a collector's name show every collector, also one without targets.
    var collectorsChanged = false
    /// Another set of jobs has targets.
    var jobsChanged = false
}

/// A list by its names; without a collector it is the one of all collectors.
package struct ListName: Sendable, Hashable {
    package var job: String
    package var collector: String?

    package init(job: String, collector: String?) {
        self.job = job
        self.collector = collector
    }
}
