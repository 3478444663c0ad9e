package import PrometheusModel

/// Why a target is nobody's.
package enum UnassignedReason: Sendable, Hashable {
    case waitingForDiscovery
    case noCollectors
    /// No label says on which node it is, and there is no fallback.
    case noNode
    case noCollectorOnNode
}

/// What pages and metrics show, without the targets.
package struct AllocationOverview: Sendable, Hashable {
    package struct Collector: Sendable, Hashable {
        package var name: String
        package var nodeName: String
        package var targets: Int
        /// What it keeps until others have fetched it.
        package var handingOver: Int
        /// Jobs by name with how many targets it has of each, none without.
        package var jobs: [JobCount]
    }

    package struct JobCount: Sendable, Hashable {
        package var job: String
        package var targets: Int
    }

    package struct Job: Sendable, Hashable {
        package var name: String
        /// Before filtering.
        package var discovered: Int
        /// After filtering, equal ones counted once.
        package var targets: Int
        package var unassigned: Int
        /// How many each relabel rule dropped, by the rule's place in the job's `relabel_configs`.
        package var dropped: [Int: Int]
    }

    package var collectors: [Collector]
    package var jobs: [Job]
    package var targets: Int
    package var unassigned: Int
}

/// One target, for a page about it.
package struct TargetDetails: Sendable, Hashable {
    package var job: String
    package var hash: UInt64
    /// As discovered.
    package var labels: [Label]
    package var collector: String?
    package var previousCollector: String?
    package var unassigned: UnassignedReason?
    /// The groups it was found in.
    package var sources: [Source]

    package struct Source: Sendable, Hashable {
        package var discovery: Int
        package var name: String
    }
}

/// A discovered target that a relabel rule dropped.
package struct DroppedTarget: Sendable, Hashable {
    package var job: String
    package var labels: [Label]
    /// The rule's place in the job's `relabel_configs`.
    package var rule: Int
    package var discovery: Int
    package var source: String
}

extension AllocatorState {
    package func overview() -> AllocationOverview {
        let inOrder = self.collectorSlots.sorted { $0.key < $1.key }
        var unassigned: [Int32: Int] = [:]
        for item in self.unassigned { unassigned[self.items[item].job, default: 0] += 1 }
        let collectors = inOrder.map { name, slot in
            let lists = self.collectors[slot].lists.filter { $0 >= 0 }
            let jobs = lists.filter { !self.lists[$0].items.isEmpty }.map {
                AllocationOverview.JobCount(
                    job: self.jobs[self.lists[$0].job].name,
                    targets: self.lists[$0].items.count
                )
            }
            return AllocationOverview.Collector(
                name: name,
                nodeName: self.collectors[slot].nodeName,
                targets: self.collectors[slot].count,
                handingOver: lists.reduce(0) { $0 + self.lists[$1].leaving.count },
                jobs: jobs.sorted { $0.job < $1.job }
            )
        }
        let jobs = self.jobSlots.sorted { $0.key < $1.key }.map { name, slot in
            AllocationOverview.Job(
                name: name,
                discovered: self.jobs[slot].discovered,
                targets: self.jobs[slot].kept,
                unassigned: unassigned[slot] ?? 0,
                dropped: self.jobs[slot].droppedByRule
            )
        }
        return AllocationOverview(
            collectors: collectors,
            jobs: jobs,
            targets: self.items.count,
            unassigned: self.unassigned.count
        )
    }

    package func target(_ hash: UInt64) -> TargetDetails? {
        self.itemSlots[hash].map { self.details(of: $0) }
    }

    /// Targets of a job, or of all, in the order of their hashes; with a collector only those it has.
    package func targets(job: String? = nil, collector: String? = nil, limit: Int) -> [TargetDetails] {
        self.targets(self.hashes(job: job, collector: collector).sorted().prefix(limit))
    }

    /// The hashes of the same targets in any order: all that is read of many targets while others wait for the state.
    package func hashes(job: String? = nil, collector: String? = nil) -> [UInt64] {
        var wanted: Int32?
        if let job {
            guard let slot = self.jobSlots[job] else { return [] }
            wanted = slot
        }
        var hashes: [UInt64] = []
        if let collector {
            guard let slot = self.collectorSlots[collector] else { return [] }
            for list in self.collectors[slot].lists where list >= 0 {
                if let wanted, self.lists[list].job != wanted { continue }
                for item in self.lists[list].items { hashes.append(self.items[item].hash) }
            }
        } else {
            hashes.reserveCapacity(wanted == nil ? self.items.count : 0)
            for item in self.items.elements where item.isLive && wanted ?? item.job == item.job {
                hashes.append(item.hash)
            }
        }
        return hashes
    }

    package var unassignedHashes: [UInt64] { self.unassigned.map { self.items[$0].hash } }

    /// Those that are still there.
    package func targets(_ hashes: some Sequence<UInt64>) -> [TargetDetails] { hashes.compactMap { self.target($0) } }

    private func details(of slot: Int32) -> TargetDetails {
        let item = self.items[slot]
        var reason: UnassignedReason?
        if item.owner < 0, case .nobody(let why) = self.decide(slot) { reason = why }
        let places = [item.place] + (self.shared[slot].map(Array.init) ?? [])
        return TargetDetails(
            job: self.jobs[item.job].name,
            hash: item.hash,
            labels: self.labels(at: item.place),
            collector: item.owner < 0 ? nil : self.collectors[item.owner].name,
            previousCollector: item.previous < 0 ? nil : self.collectors[item.previous].name,
            unassigned: reason,
            sources: places.map {
                TargetDetails.Source(
                    discovery: Int(self.groups[$0.group].discovery),
                    name: self.symbols.string(of: self.groups[$0.group].source)
                )
            }
        )
    }

    /// Some of what relabel rules dropped of a job, by discovery and source.
    package func droppedTargets(job: String, limit: Int) -> [DroppedTarget] {
        guard let slot = self.jobSlots[job] else { return [] }
        var dropped: [DroppedTarget] = []
        groups: for (discovery, sources) in self.jobs[slot].sources.enumerated() {
            for (source, group) in sources {
                for (index, record) in self.groups[group].records.enumerated() {
                    guard let rule = record.droppingRule else { continue }
                    guard dropped.count < limit else { break groups }
                    dropped.append(
                        DroppedTarget(
                            job: job,
                            labels: self.labels(at: Place(group: group, index: Int32(truncatingIfNeeded: index))),
                            rule: rule,
                            discovery: discovery,
                            source: self.symbols.string(of: source)
                        )
                    )
                }
            }
        }
        return dropped.sorted { ($0.discovery, $0.source) < ($1.discovery, $1.source) }
    }

    private func labels(at place: Place) -> [Label] {
        let content = self.contents[self.groups[place.group].content]
        return content.pairs[content.range(Int(place.index))].map {
            Label(name: self.symbols.string(of: $0.name), value: self.symbols.string(of: $0.value))
        }
    }
}
