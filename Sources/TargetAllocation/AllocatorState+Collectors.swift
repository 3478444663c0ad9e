import PrometheusModel

extension AllocatorState {
    /// The collectors that there are now. One that stays keeps its targets as far as the strategy says so; one that is gone
    /// loses them at once.
    package mutating func setCollectors(_ pods: [CollectorPod], now: Duration) {
        var wanted: [String: String] = [:]
        for pod in pods { wanted[pod.name] = pod.nodeName }
        let gone = self.collectorSlots.filter { wanted[$0.key] == nil }
        let new = wanted.filter { self.collectorSlots[$0.key] == nil }
        let moved = self.collectorSlots.filter { name, slot in
            wanted[name].map { $0 != self.collectors[slot].nodeName } ?? false
        }
        guard !gone.isEmpty || !new.isEmpty || !moved.isEmpty else { return }
        self.begin(now)
        for (name, slot) in moved { self.collectors[slot].nodeName = wanted[name] ?? "" }
        for (name, slot) in gone { self.remove(collector: name, slot) }
        for (name, nodeName) in new {
            self.collectorSlots[name] = self.collectors.insert(Collector(name: name, nodeName: nodeName))
        }
        self.changes.collectorsChanged = true
        self.rebuildStrategies()
        self.offerAll()
        self.finish()
    }

    private mutating func remove(collector name: String, _ slot: Int32) {
        for list in self.collectors[slot].lists where list >= 0 {
            while let item = self.lists[list].items.last { self.takeAway(item) }
            while let item = self.lists[list].leaving.last { self.clearPrevious(item) }
            self.remove(list: list)
        }
        self.changes.goneCollectors.append(name)
        self.collectorSlots[name] = nil
        self.collectors.remove(slot, leaving: Collector(name: "", nodeName: "", isLive: false))
    }

    /// All that follows from the set of collectors alone.
    mutating func rebuildStrategies() {
        let inOrder = self.collectorSlots.sorted { $0.key < $1.key }
        for (rank, collector) in inOrder.enumerated() { self.collectors[collector.value].rank = Int32(rank) }
        self.ring.rebuild(self.settings.hashes ? inOrder.map { ($0.key, $0.value) } : [])
        self.nodes = [:]
        if self.settings.strategy == .perNode {
            for (_, slot) in inOrder where !self.collectors[slot].nodeName.isEmpty {
                self.nodes[self.symbols.intern(self.collectors[slot].nodeName)] = slot
            }
        }
        guard self.settings.weighs else {
            self.loads = LeastLoaded()
            return
        }
        self.loads = LeastLoaded(inOrder.map { ($0.value, self.collectors[$0.value].count) })
        for (_, slot) in inOrder {
            for list in self.collectors[slot].lists where list >= 0 {
                self.loads.set(job: self.lists[list].job, of: slot, self.lists[list].items.count)
            }
        }
    }

    /// Every target to the strategy; where that asks how many others have, in the order of the targets' hashes.
    mutating func offerAll() {
        guard !self.isHolding, self.collectors.count > 0 else {
            // Who hands something over hands it to nobody now.
            for item in self.unassigned where self.items[item].previous >= 0 { self.clearPrevious(item) }
            return
        }
        if self.settings.strategy == .leastWeighted {
            for item in self.byHash(self.unassigned) { self.offer(item) }
        } else if self.settings.weighs {
            let live = (0..<Int32(self.items.capacity)).filter { self.items[$0].isLive }
            for item in self.byHash(live) { self.offer(item) }
        } else {
            for item in 0..<Int32(self.items.capacity) where self.items[item].isLive { self.offer(item) }
        }
    }

    private func byHash(_ items: [Int32]) -> [Int32] {
        // The hashes beside them: looking each up while sorting takes three times as long.
        var keyed = items.map { (hash: self.items[$0].hash, item: $0) }
        keyed.sort { $0.hash < $1.hash }
        return keyed.map(\.item)
    }

    // MARK: The strategies

    /// Whose a target is, or why nobody's.
    enum Decision {
        case collector(Int32)
        case nobody(UnassignedReason)
    }

    func decide(_ item: Int32) -> Decision {
        guard !self.isHolding else { return .nobody(.waitingForDiscovery) }
        guard self.collectors.count > 0 else { return .nobody(.noCollectors) }
        switch self.settings.strategy {
        case .consistentHashing: return self.byRing(item)
        case .leastWeighted: return self.byWeight(item)
        case .perNode:
            let node = self.items[item].node
            guard node == .empty else {
                return self.nodes[node].map { .collector($0) } ?? .nobody(.noCollectorOnNode)
            }
            switch self.settings.fallback {
            case .consistentHashing: return self.byRing(item)
            case .leastWeighted: return self.byWeight(item)
            case .perNode, nil: return .nobody(.noNode)
            }
        }
    }

    private func byRing(_ item: Int32) -> Decision {
        self.ring[self.items[item].partition].map { .collector($0) } ?? .nobody(.noCollectors)
    }

    private func byWeight(_ item: Int32) -> Decision {
        let owner = self.items[item].owner
        if owner >= 0 { return .collector(owner) }
        if let known = self.known.owner(of: self.items[item].hash), let slot = self.collectorSlots[known] {
            return .collector(slot)
        }
        return self.loads.least(job: self.items[item].job).map { .collector($0) } ?? .nobody(.noCollectors)
    }

    mutating func offer(_ item: Int32) {
        switch self.decide(item) {
        case .collector(let collector):
            if self.items[item].owner < 0, !self.known.isEmpty { self.recall(item) }
            self.assign(item, to: collector)
        case .nobody:
            self.takeAway(item)
            self.clearPrevious(item)
        }
    }

    /// Puts a target where it was before a restart, or where another replica has it: from there it moves as any other.
    private mutating func recall(_ item: Int32) {
        guard let known = self.known.take(self.items[item].hash) else { return }
        let owner = known.owner.flatMap { self.collectorSlots[$0] }
        let previous = known.previous.flatMap { self.collectorSlots[$0] }
        guard let first = owner ?? previous else { return }
        if let owner, let previous, owner != previous, self.settings.handsOver {
            self.assign(item, to: previous, isKnown: true)
            self.assign(item, to: owner)
        } else {
            self.assign(item, to: first, isKnown: true)
        }
    }

    // MARK: Moves

    /// Gives a target to a collector, which need not be another one.
    ///
    /// - Parameter isKnown: whether the collector has it from before, and nothing of it has to be fetched.
    mutating func assign(_ item: Int32, to collector: Int32, isKnown: Bool = false) {
        let old = self.items[item].owner
        guard old != collector else { return }
        let job = self.items[item].job
        if old >= 0 {
            let list = self.collectors[old].lists[Int(job)]
            let since = self.items[item].since
            let wasFetched = since == 0 || self.lists[list].fetched >= since
            self.detach(item, list)
            if wasFetched, self.settings.handsOver, self.items[item].previous < 0 {
                // Its list stays as it is.
                self.items[item].previous = old
                self.items[item].previousSlot = Int32(truncatingIfNeeded: self.lists[list].leaving.count)
                self.lists[list].leaving.append(item)
            } else {
                self.touch(list: list)
            }
        } else {
            self.removeUnassigned(item)
        }
        let list = self.list(of: collector, job)
        self.attach(item, list, collector)
        if isKnown {
            self.items[item].since = 0
            self.touch(list: list)
        } else if self.items[item].previous == collector {
            // It comes back, and never was away.
            self.forgetPrevious(item)
            self.items[item].since = 0
        } else {
            self.items[item].since = self.change
            self.touch(list: list)
            if self.items[item].previous >= 0 {
                self.lists[list].arriving.append(item)
                self.deadlines.append(item, since: self.change, self.now + self.settings.handOverDeadline)
            }
        }
    }

    /// Nobody's any more, at once.
    mutating func takeAway(_ item: Int32) {
        let owner = self.items[item].owner
        guard owner >= 0 else { return }
        let list = self.collectors[owner].lists[Int(self.items[item].job)]
        self.detach(item, list)
        self.touch(list: list)
        self.items[item].owner = -1
        self.items[item].ownerSlot = Int32(truncatingIfNeeded: self.unassigned.count)
        self.unassigned.append(item)
    }

    private mutating func attach(_ item: Int32, _ list: Int32, _ collector: Int32) {
        self.items[item].owner = collector
        self.items[item].ownerSlot = Int32(truncatingIfNeeded: self.lists[list].items.count)
        self.lists[list].items.append(item)
        self.collectors[collector].count += 1
        if self.settings.weighs { self.loads.increase(collector, job: self.items[item].job) }
    }

    private mutating func detach(_ item: Int32, _ list: Int32) {
        let owner = self.items[item].owner
        let slot = self.items[item].ownerSlot
        // The last one takes its place.
        let last = self.lists[list].items.removeLast()
        if last != item {
            self.lists[list].items[Int(slot)] = last
            self.items[last].ownerSlot = slot
        }
        self.collectors[owner].count -= 1
        if self.settings.weighs { self.loads.decrease(owner, job: self.items[item].job) }
    }

    mutating func removeUnassigned(_ item: Int32) {
        let slot = self.items[item].ownerSlot
        let last = self.unassigned.removeLast()
        guard last != item else { return }
        self.unassigned[Int(slot)] = last
        self.items[last].ownerSlot = slot
    }

    // MARK: Lists

    private mutating func list(of collector: Int32, _ job: Int32) -> Int32 {
        let count = self.collectors[collector].lists.count
        if count <= Int(job) {
            self.collectors[collector].lists += Array(repeating: -1, count: Int(job) + 1 - count)
        }
        let list = self.collectors[collector].lists[Int(job)]
        if list >= 0 { return list }
        let new = self.lists.insert(TargetList(collector: collector, job: job, version: 0))
        self.collectors[collector].lists[Int(job)] = new
        return new
    }

    func find(job: String, collector: String) -> Int32? {
        guard let job = self.jobSlots[job], let slot = self.collectorSlots[collector] else { return nil }
        guard Int(job) < self.collectors[slot].lists.count else { return nil }
        let list = self.collectors[slot].lists[Int(job)]
        return list < 0 ? nil : list
    }

    mutating func remove(list: Int32) {
        self.lists.remove(list, leaving: TargetList(collector: -1, job: -1, version: self.change))
    }

    mutating func touch(list: Int32) {
        guard self.lists[list].version != self.change else { return }
        self.lists[list].version = self.change
        self.changes.lists.append(list)
        self.jobs[self.lists[list].job].version = self.change
    }

    /// A target looks another way to who has it.
    mutating func touch(_ item: Int32) {
        let job = Int(self.items[item].job)
        let (owner, previous) = (self.items[item].owner, self.items[item].previous)
        if owner >= 0 { self.touch(list: self.collectors[owner].lists[job]) }
        if previous >= 0 { self.touch(list: self.collectors[previous].lists[job]) }
    }
}
