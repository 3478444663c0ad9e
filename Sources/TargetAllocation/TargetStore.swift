import PrometheusModel

/// Where one discovered target is: which group, and the how manieth there.
struct Place: Sendable, Hashable {
    var group: Int32
    var index: Int32
}

/// The labels of a group's targets, sorted, one target after the other. Jobs that discover the same share it.
struct GroupContent: Sendable {
    var pairs: [LabelPair]
    /// Where each target's labels end; empty when there is one target, which has them all: groups of one are the most.
    var ends: [UInt32]
    var hash: UInt64
    var references: Int32

    var count: Int { self.ends.isEmpty ? 1 : self.ends.count }

    func range(_ index: Int) -> Range<Int> {
        guard !self.ends.isEmpty else { return 0..<self.pairs.count }
        return (index == 0 ? 0 : Int(self.ends[index - 1]))..<Int(self.ends[index])
    }
}

/// A group as one job sees it.
struct Group: Sendable {
    var content: Int32
    var job: Int32
    var discovery: Int32
    var source: Symbol
    /// What became of each target.
    var records: [Record]
    /// Whether its targets are in the counts of its job.
    var isCounted = true
}

/// Where a group comes from.
struct Origin: Sendable, Hashable {
    var job: Int32
    var discovery: Int
    var source: Symbol
}

/// What became of a discovered target, in four bytes.
struct Record: Sendable, Hashable {
    private var value: Int32

    static func kept(_ item: Int32) -> Record { Record(value: item) }
    static func dropped(rule: Int) -> Record { Record(value: -3 - Int32(truncatingIfNeeded: rule)) }
    /// Not yet an item.
    static let pending = Record(value: -1)
    /// The group's next version has it already.
    static let moved = Record(value: -2)

    var item: Int32? { self.value >= 0 ? self.value : nil }
    var droppingRule: Int? { self.value <= -3 ? Int(-3 - self.value) : nil }
}

/// A target: what has the same labels after relabelling, in one job.
struct Item: Sendable {
    var hash: UInt64
    /// Since which change it is on its collector's list; 0 when the collector has it from before.
    var since: UInt64
    /// Whose labels are served. Further places are in `AllocatorState.shared`.
    var place: Place
    var job: Int32
    /// The collector's slot; -1 without.
    var owner: Int32 = -1
    /// Where in its owner's list, or among the unassigned.
    var ownerSlot: Int32 = -1
    /// Who hands it over; -1 when nobody does.
    var previous: Int32 = -1
    var previousSlot: Int32 = -1
    var node: Symbol = .empty
    var partition: UInt16 = 0
    var isShared = false
    var isLive = true
}

/// What one collector gets of one job.
struct TargetList: Sendable {
    var collector: Int32
    var job: Int32
    /// Its own.
    var items: [Int32] = []
    /// What it keeps until the new owner has fetched it.
    var leaving: [Int32] = []
    /// What others keep until this list was fetched; some may be out of date.
    var arriving: [Int32] = []
    /// The change at which its content became what it is.
    var version: UInt64
    /// The version that was fetched last; 0 for none.
    var fetched: UInt64 = 0
}

struct Collector: Sendable {
    var name: String
    var nodeName: String
    /// By name among all.
    var rank: Int32 = 0
    var count = 0
    /// Lists by job slot; -1 where there is none.
    var lists: [Int32] = []
    var isLive = true
}

/// An array whose places are given out and taken back, so that a number stands for one thing as long as it is there.
struct Slots<Element: Sendable>: Sendable {
    private(set) var elements: [Element] = []
    private var free: [Int32] = []

    var count: Int { self.elements.count - self.free.count }
    var capacity: Int { self.elements.count }

    subscript(slot: Int32) -> Element {
        _read { yield self.elements[Int(slot)] }
        _modify { yield &self.elements[Int(slot)] }
    }

    mutating func insert(_ element: Element) -> Int32 {
        if let slot = self.free.popLast() {
            self.elements[Int(slot)] = element
            return slot
        }
        self.elements.append(element)
        return Int32(self.elements.count - 1)
    }

    mutating func remove(_ slot: Int32, leaving element: Element) {
        self.elements[Int(slot)] = element
        self.free.append(slot)
    }

    mutating func reserve(_ more: Int) {
        let wanted = self.count + more
        if wanted > self.elements.capacity { self.elements.reserveCapacity(max(wanted, self.elements.count * 2)) }
    }
}
