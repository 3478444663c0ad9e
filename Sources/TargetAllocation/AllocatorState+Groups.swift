package import PrometheusModel

/// What a discovery has found since it was last heard.
package struct TargetUpdate: Sendable {
    package var job: String
    /// Which of the job's discoveries.
    package var discovery: Int
    package var changed: [TargetGroup]
    /// Sources of groups that are gone.
    package var removed: [String]
    /// Whether the changed groups are all there are: the first complete state.
    package var isComplete: Bool

    package init(
        job: String,
        discovery: Int = 0,
        changed: [TargetGroup] = [],
        removed: [String] = [],
        isComplete: Bool = false
    ) {
        self.job = job
        self.discovery = discovery
        self.changed = changed
        self.removed = removed
        self.isComplete = isComplete
    }
}

/// A target that was in no place before.
struct Newcomer: Sendable {
    var hash: UInt64
    var place: Place
}

extension AllocatorState {
    /// Takes in what was discovered. All of one call is one change: what goes makes room before what comes is given away.
    package mutating func apply(_ updates: [TargetUpdate], now: Duration) {
        self.begin(now)
        var departing: [Int32] = []
        var newcomers: [Newcomer] = []
        for update in updates {
            guard let job = self.jobSlots[update.job], self.jobs[job].sources.indices.contains(update.discovery) else {
                continue
            }
            self.groups.reserve(update.changed.count)
            var complete: Set<Symbol> = []
            for group in update.changed {
                let source = self.symbols.intern(group.source)
                let origin = Origin(job: job, discovery: update.discovery, source: source)
                if update.isComplete { complete.insert(source) }
                self.take(group, origin, &departing, &newcomers)
            }
            for name in update.removed {
                guard let source = self.symbols.find(name) else { continue }
                let group = self.jobs[job].sources[update.discovery].removeValue(forKey: source)
                if let group { departing.append(group) }
            }
            if update.isComplete {
                for (source, group) in self.jobs[job].sources[update.discovery] where !complete.contains(source) {
                    self.jobs[job].sources[update.discovery][source] = nil
                    departing.append(group)
                }
            }
        }
        for group in departing { self.remove(group: group) }
        self.admit(newcomers)
        self.finish()
    }

    private mutating func take(
        _ group: TargetGroup,
        _ origin: Origin,
        _ departing: inout [Int32],
        _ newcomers: inout [Newcomer]
    ) {
        let old = self.jobs[origin.job].sources[origin.discovery][origin.source]
        guard !group.targets.isEmpty else {
            guard let old else { return }
            self.jobs[origin.job].sources[origin.discovery][origin.source] = nil
            departing.append(old)
            return
        }
        let content = self.intern(group)
        if let old, self.groups[old].content == content {
            self.contents[content].references -= 1
            return
        }
        self.replace(old, origin, content, &newcomers)
        if let old { departing.append(old) }
    }

    /// Makes a group and finds out what becomes of its targets. Those that were in the group's old version stay the same
    /// items, whatever their labels are now.
    mutating func replace(_ old: Int32?, _ origin: Origin, _ content: Int32, _ newcomers: inout [Newcomer]) {
        let count = self.contents[content].count
        let new = self.groups.insert(
            Group(
                content: content,
                job: origin.job,
                discovery: Int32(truncatingIfNeeded: origin.discovery),
                source: origin.source,
                records: []
            )
        )
        self.jobs[origin.job].sources[origin.discovery][origin.source] = new
        var records = [Record](repeating: .pending, count: count)
        let filters = self.settings.filters
        let known = old.map { self.sameTargets(self.groups[$0], content) } ?? []
        for index in 0..<count {
            let outcome: TargetFilter.Outcome
            if index < known.count, let same = known[index] {
                outcome = same
            } else {
                outcome = self.contents[content].pairs.withUnsafeBufferPointer { pairs in
                    let own = UnsafeBufferPointer(rebasing: pairs[self.contents[content].range(index)])
                    return self.jobs[origin.job].outcome(own, isFiltered: filters, in: &self.symbols)
                }
            }
            switch outcome {
            case .dropped(let rule):
                records[index] = .dropped(rule: rule)
                self.jobs[origin.job].countDropped(rule, 1)
            case .kept(let hash):
                let place = Place(group: new, index: Int32(truncatingIfNeeded: index))
                if let item = self.itemSlots[hash] {
                    records[index] = .kept(item)
                    self.keep(item, place, insteadOf: old)
                } else {
                    newcomers.append(Newcomer(hash: hash, place: place))
                }
            }
        }
        self.groups[new].records = records
        self.jobs[origin.job].discovered += count
    }

    /// What became of the targets at the beginning and the end of a large group that are as they were.
    private func sameTargets(_ old: Group, _ content: Int32) -> [TargetFilter.Outcome?] {
        // The filter may be another one; and for a few targets it isn't worth the look.
        guard old.isCounted, old.records.count >= 16 else { return [] }
        let (before, after) = (self.contents[old.content], self.contents[content])
        var outcomes = [TargetFilter.Outcome?](repeating: nil, count: after.count)
        func isSame(_ left: Int, _ right: Int) -> Bool {
            before.pairs[before.range(left)] == after.pairs[after.range(right)]
        }
        func outcome(_ index: Int) -> TargetFilter.Outcome? {
            if let item = old.records[index].item { return .kept(self.items[item].hash) }
            return old.records[index].droppingRule.map { .dropped(rule: $0) }
        }
        let shorter = min(before.count, after.count)
        var head = 0
        while head < shorter, isSame(head, head) {
            outcomes[head] = outcome(head)
            head += 1
        }
        var tail = 0
        while tail < shorter - head, isSame(before.count - 1 - tail, after.count - 1 - tail) {
            outcomes[after.count - 1 - tail] = outcome(before.count - 1 - tail)
            tail += 1
        }
        return outcomes
    }

    /// An item is at one more place.
    private mutating func keep(_ item: Int32, _ place: Place, insteadOf old: Int32?) {
        let current = self.items[item].place
        if let old, current.group == old {
            self.groups[old].records[Int(current.index)] = .moved
            self.show(item, place)
            return
        }
        self.items[item].isShared = true
        if self.precedes(place, current) {
            self.shared[item, default: []].insert(current)
            self.show(item, place)
        } else {
            self.shared[item, default: []].insert(place)
        }
    }

    /// Serves the labels of another place.
    private mutating func show(_ item: Int32, _ place: Place) {
        let old = self.items[item].place
        self.items[item].place = place
        let (before, after) = (self.groups[old.group].content, self.groups[place.group].content)
        let isSame =
            self.contents[before].pairs[self.contents[before].range(Int(old.index))]
            == self.contents[after].pairs[self.contents[after].range(Int(place.index))]
        guard !isSame else { return }
        self.touch(item)
        let (node, partition) = (self.items[item].node, self.items[item].partition)
        self.locate(item)
        if self.items[item].node != node || self.items[item].partition != partition { self.doubtful.append(item) }
    }

    /// One order for all replicas: what is served doesn't depend on what was heard first.
    private func precedes(_ left: Place, _ right: Place) -> Bool {
        if left.group == right.group { return left.index < right.index }
        let (one, other) = (self.groups[left.group], self.groups[right.group])
        if one.discovery != other.discovery { return one.discovery < other.discovery }
        return self.symbols.precedes(one.source, other.source)
    }

    /// A group's targets are gone, unless they are somewhere else, too.
    mutating func remove(group slot: Int32) {
        let group = self.groups[slot]
        if group.isCounted {
            self.jobs[group.job].discovered -= group.records.count
            for record in group.records {
                if let rule = record.droppingRule { self.jobs[group.job].countDropped(rule, -1) }
            }
        }
        // Backwards, so that the places whose labels aren't served go before the one whose are.
        for index in group.records.indices.reversed() {
            guard let item = group.records[index].item else { continue }
            self.leave(item, Place(group: slot, index: Int32(truncatingIfNeeded: index)))
        }
        self.release(content: group.content)
        self.groups.remove(
            slot,
            leaving: Group(content: -1, job: -1, discovery: 0, source: .empty, records: [], isCounted: false)
        )
    }

    private mutating func leave(_ item: Int32, _ place: Place) {
        guard self.items[item].isShared else {
            self.remove(item: item)
            return
        }
        if self.items[item].place == place {
            var next: Place?
            for other in self.shared[item] ?? [] {
                if let best = next, !self.precedes(other, best) { continue }
                next = other
            }
            guard let next else {
                self.remove(item: item)
                return
            }
            self.show(item, next)
            self.shared[item]?.remove(next)
        } else {
            self.shared[item]?.remove(place)
        }
        if self.shared[item]?.isEmpty ?? true {
            self.shared[item] = nil
            self.items[item].isShared = false
        }
    }

    private mutating func remove(item slot: Int32) {
        self.clearPrevious(slot)
        self.takeAway(slot)
        let job = self.items[slot].job
        self.removeUnassigned(slot)
        self.itemSlots.remove(self.items[slot].hash)
        self.jobs[job].kept -= 1
        if self.jobs[job].kept == 0 { self.changes.jobsChanged = true }
        self.shared[slot] = nil
        self.items.remove(
            slot,
            leaving: Item(hash: 0, since: 0, place: Place(group: -1, index: 0), job: -1, isLive: false)
        )
    }

    /// New targets are given away in the order of their hashes, so that two allocators do the same.
    mutating func admit(_ newcomers: [Newcomer]) {
        guard !newcomers.isEmpty else { return }
        let inOrder = self.settings.weighs ? newcomers.sorted { $0.hash < $1.hash } : newcomers
        self.items.reserve(inOrder.count)
        self.itemSlots.reserve(self.itemSlots.count + inOrder.count)
        for newcomer in inOrder {
            let (group, index) = (newcomer.place.group, Int(newcomer.place.index))
            // The group may have been replaced within the same change.
            guard index < self.groups[group].records.count, self.groups[group].records[index] == .pending else {
                continue
            }
            if let item = self.itemSlots[newcomer.hash] {
                self.groups[group].records[index] = .kept(item)
                self.keep(item, newcomer.place, insteadOf: nil)
                continue
            }
            let job = self.groups[group].job
            let item = self.items.insert(Item(hash: newcomer.hash, since: 0, place: newcomer.place, job: job))
            self.itemSlots.insert(newcomer.hash, item)
            self.groups[group].records[index] = .kept(item)
            self.items[item].ownerSlot = Int32(truncatingIfNeeded: self.unassigned.count)
            self.unassigned.append(item)
            if self.jobs[job].kept == 0 { self.changes.jobsChanged = true }
            self.jobs[job].kept += 1
            self.locate(item)
            self.offer(item)
        }
    }

    /// Reads from the labels what a strategy looks at.
    mutating func locate(_ item: Int32) {
        let place = self.items[item].place
        let content = self.groups[place.group].content
        let range = self.contents[content].range(Int(place.index))
        var address = Symbol.empty
        var node = Symbol.empty
        let looksForNodes = self.settings.strategy == .perNode
        self.contents[content].pairs.withUnsafeBufferPointer { pairs in
            let own = UnsafeBufferPointer(rebasing: pairs[range])
            for pair in own where pair.name == self.addressLabel { address = pair.value }
            if looksForNodes { node = self.nodeLabels.node(of: own) }
        }
        self.items[item].node = node
        self.items[item].partition =
            self.settings.hashes ? self.symbols.withBytes(of: address) { HashRing.partition(of: $0) } : 0
    }
}

/// The labels that say on which node a target is.
struct NodeLabels: Sendable {
    private let names: [Symbol]
    private let kind: Symbol
    private let name: Symbol
    private let isNode: Symbol

    init(_ symbols: inout SymbolTable) {
        self.names = [
            symbols.intern("__meta_kubernetes_pod_node_name"), symbols.intern("__meta_kubernetes_node_name"),
            symbols.intern("__meta_kubernetes_endpoint_node_name"),
        ]
        self.kind = symbols.intern("__meta_kubernetes_endpointslice_address_target_kind")
        self.name = symbols.intern("__meta_kubernetes_endpointslice_address_target_name")
        self.isNode = symbols.intern("Node")
    }

    var live: [Symbol] { self.names + [self.kind, self.name, self.isNode] }

    /// Empty where no label says it.
    func node(of labels: UnsafeBufferPointer<LabelPair>) -> Symbol {
        for name in self.names {
            for pair in labels where pair.name == name && pair.value != .empty { return pair.value }
        }
        var (isNode, node) = (false, Symbol.empty)
        for pair in labels {
            if pair.name == self.kind { isNode = pair.value == self.isNode }
            if pair.name == self.name { node = pair.value }
        }
        return isNode ? node : .empty
    }
}
