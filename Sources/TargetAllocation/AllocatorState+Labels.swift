import PrometheusModel

/// Labels are kept once, whoever has them.
extension AllocatorState {
    /// The labels of a group's targets, merged, with one more reference. What a group has is overridden by what a target
    /// has itself.
    mutating func intern(_ group: TargetGroup) -> Int32 {
        var pairs: [LabelPair] = []
        var ends: [UInt32] = []
        var shared: [LabelPair] = []
        self.memory.intern(group.labels, from: 0, in: &self.symbols, to: &shared)
        if let first = group.targets.first { pairs.reserveCapacity((shared.count + first.count) * group.targets.count) }
        var labels = shared
        for target in group.targets {
            labels.removeSubrange(shared.count...)
            self.memory.intern(target, from: shared.count, in: &self.symbols, to: &labels)
            self.merger.merge(labels, in: self.symbols, to: &pairs)
            ends.append(UInt32(truncatingIfNeeded: pairs.count))
        }
        if ends.count == 1 { ends = [] }
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        func mix(_ number: UInt64) {
            hash = (hash ^ number) &* 0x9E37_79B9_7F4A_7C15
            hash ^= hash >> 29
        }
        for pair in pairs { mix(UInt64(pair.name.index) << 32 | UInt64(pair.value.index)) }
        for end in ends { mix(UInt64(end)) }
        if let slot = self.contentSlots[hash] {
            if self.contents[slot].pairs == pairs, self.contents[slot].ends == ends {
                self.contents[slot].references += 1
                return slot
            }
            // Another content with the same hash, which is as good as never: kept beside it, and found by nobody.
            return self.contents.insert(GroupContent(pairs: pairs, ends: ends, hash: hash, references: 1))
        }
        let slot = self.contents.insert(GroupContent(pairs: pairs, ends: ends, hash: hash, references: 1))
        self.contentSlots[hash] = slot
        return slot
    }

    mutating func release(content slot: Int32) {
        self.contents[slot].references -= 1
        guard self.contents[slot].references == 0 else { return }
        let hash = self.contents[slot].hash
        if self.contentSlots[hash] == slot { self.contentSlots[hash] = nil }
        self.contents.remove(slot, leaving: GroupContent(pairs: [], ends: [], hash: 0, references: 0))
    }

    /// Throws away text that no label has any more, when there is twice as much as was left the last time.
    mutating func collectSymbols() {
        guard self.symbols.isWorthCollecting else { return }
        let (contents, groups) = (self.contents.elements, self.groups.elements)
        let (items, nodes, labels) = (self.items.elements, self.nodes.keys, self.nodeLabels.live)
        let address = self.addressLabel
        let ofFilters = self.jobs.elements.compactMap { $0.filter?.live }
        self.symbols.collect { marker in
            marker.mark(address)
            for label in labels { marker.mark(label) }
            for node in nodes { marker.mark(node) }
            for content in contents {
                for pair in content.pairs {
                    marker.mark(pair.name)
                    marker.mark(pair.value)
                }
            }
            for label in ofFilters { marker.mark(label) }
            for group in groups { marker.mark(group.source) }
            for item in items { marker.mark(item.node) }
        }
        self.merger.forget()
        self.memory.forget()
    }
}
