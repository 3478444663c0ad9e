/// When the hand-overs end for which nobody comes. The time that each gets is the same, so the first one is due first.
struct HandOverDeadlines: Sendable {
    struct Entry {
        var item: Int32
        var since: UInt64
        var deadline: Duration
    }

    private var entries: [Entry] = []
    private var head = 0

    var next: Duration? { self.head < self.entries.count ? self.entries[self.head].deadline : nil }

    mutating func append(_ item: Int32, since: UInt64, _ deadline: Duration) {
        self.entries.append(Entry(item: item, since: since, deadline: deadline))
    }

    mutating func popDue(_ now: Duration) -> Entry? {
        guard let next = self.next, next <= now else { return nil }
        let entry = self.entries[self.head]
        self.head += 1
        if self.head == self.entries.count {
            (self.entries, self.head) = ([], 0)
        } else if self.head > 4096, self.head * 2 > self.entries.count {
            self.entries.removeFirst(self.head)
            self.head = 0
        }
        return entry
    }

    mutating func removeAll() { (self.entries, self.head) = ([], 0) }
}

extension AllocatorState {
    /// A collector has got its list of a job: what was handed over to it leaves the old collectors' lists.
    ///
    /// - Parameter version: that of the list it got, which may be out of date by now.
    package mutating func fetched(job: String, collector: String, version: UInt64, now: Duration) {
        guard let list = self.find(job: job, collector: collector), version > self.lists[list].fetched else { return }
        self.lists[list].fetched = version
        guard !self.lists[list].arriving.isEmpty else { return }
        self.begin(now)
        var waiting: [Int32] = []
        let arriving = self.lists[list].arriving
        self.lists[list].arriving = []
        for item in arriving {
            let state = self.items[item]
            guard state.isLive, state.owner == self.lists[list].collector, state.job == self.lists[list].job,
                state.previous >= 0
            else { continue }
            if state.since <= version { self.clearPrevious(item) } else { waiting.append(item) }
        }
        self.lists[list].arriving = waiting
        self.finish()
    }

    /// Ends hand-overs whose time is over.
    package mutating func tick(now: Duration) {
        guard let next = self.deadlines.next, next <= now else { return }
        self.begin(now)
        while let entry = self.deadlines.popDue(now) {
            let item = self.items[entry.item]
            if item.isLive, item.since == entry.since, item.previous >= 0 { self.clearPrevious(entry.item) }
        }
        self.finish()
    }

    /// When `tick` has something to do next.
    package var nextDeadline: Duration? { self.deadlines.next }

    mutating func endAllHandOvers() {
        for item in 0..<Int32(self.items.capacity) where self.items[item].previous >= 0 { self.clearPrevious(item) }
        self.deadlines.removeAll()
    }

    /// The old collector has it no longer.
    mutating func clearPrevious(_ item: Int32) {
        let previous = self.items[item].previous
        guard previous >= 0 else { return }
        let list = self.collectors[previous].lists[Int(self.items[item].job)]
        self.forgetPrevious(item)
        self.touch(list: list)
    }

    /// Without a change of the old collector's list.
    mutating func forgetPrevious(_ item: Int32) {
        let (previous, slot) = (self.items[item].previous, self.items[item].previousSlot)
        let list = self.collectors[previous].lists[Int(self.items[item].job)]
        let last = self.lists[list].leaving.removeLast()
        if last != item {
            self.lists[list].leaving[Int(slot)] = last
            self.items[last].previousSlot = slot
        }
        self.items[item].previous = -1
        self.items[item].previousSlot = -1
    }
}
