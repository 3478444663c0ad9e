import PrometheusModel

/// Who has what, without the targets themselves: kept over a restart, or fetched by another replica.
package struct AssignmentSnapshot: Sendable, Equatable {
    package struct Entry: Sendable, Hashable {
        /// The target's hash.
        package var target: UInt64
        /// Places in `collectors`.
        package var owner: UInt32
        package var previous: UInt32?

        package init(target: UInt64, owner: UInt32, previous: UInt32? = nil) {
            self.target = target
            self.owner = owner
            self.previous = previous
        }
    }

    package var collectors: [String]
    package var entries: [Entry]

    package init(collectors: [String] = [], entries: [Entry] = []) {
        self.collectors = collectors
        self.entries = entries
    }

    /// As equal assignments are written: in the order of the targets.
    package mutating func sort() { self.entries.sort { $0.target < $1.target } }

    /// The type of ``bytes`` in an answer.
    package static let contentType = "application/vnd.swiftlet.assignment"

    private static let mark = Array("SWTA1\n".utf8)

    /// `SWTA1`, the collectors' names, then 8 bytes of hash and one or two numbers for each target; a checksum at the end.
    package var bytes: [UInt8] {
        var bytes = Self.mark
        bytes.reserveCapacity(bytes.count + self.entries.count * 12 + 1024)
        func append(_ number: UInt64) {
            var rest = number
            while rest >= 0x80 {
                bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
                rest >>= 7
            }
            bytes.append(UInt8(rest))
        }
        func append(fixed number: UInt64) {
            withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
        }
        append(UInt64(self.collectors.count))
        for name in self.collectors {
            append(UInt64(name.utf8.count))
            bytes.append(contentsOf: name.utf8)
        }
        append(UInt64(self.entries.count))
        for entry in self.entries {
            append(fixed: entry.target)
            append(UInt64(entry.owner) << 1 | (entry.previous == nil ? 0 : 1))
            if let previous = entry.previous { append(UInt64(previous)) }
        }
        append(fixed: bytes.withUnsafeBufferPointer { XXH64.hash($0) })
        return bytes
    }

    package struct Failure: Error, Hashable, CustomStringConvertible {
        package var description: String
    }

    package init(parsing bytes: [UInt8]) throws(Failure) {
        guard bytes.count >= Self.mark.count + 8, bytes.starts(with: Self.mark) else {
            throw Failure(description: "not a kept assignment: it does not begin with SWTA1")
        }
        let end = bytes.count - 8
        let sum = bytes.withUnsafeBufferPointer { XXH64.hash(UnsafeBufferPointer(rebasing: $0[..<end])) }
        var reader = Reader(bytes: bytes, place: end, end: bytes.count)
        guard try reader.fixed() == sum else {
            throw Failure(description: "the kept assignment is damaged: its checksum is another one")
        }
        reader = Reader(bytes: bytes, place: Self.mark.count, end: end)
        self.collectors = []
        for _ in 0..<(try reader.count(ofAtLeast: 1)) {
            self.collectors.append(try reader.text())
        }
        self.entries = []
        let count = try reader.count(ofAtLeast: 9)
        self.entries.reserveCapacity(count)
        for _ in 0..<count {
            let target = try reader.fixed()
            let owner = try reader.number()
            self.entries.append(
                Entry(
                    target: target,
                    owner: try reader.collector(owner >> 1, of: self.collectors.count),
                    previous: owner & 1 == 0
                        ? nil : try reader.collector(reader.number(), of: self.collectors.count)
                )
            )
        }
        guard reader.place == end else { throw Reader.damaged }
    }

    private struct Reader {
        var bytes: [UInt8]
        var place: Int
        var end: Int

        static let damaged = Failure(description: "the kept assignment is damaged: its parts don't fit together")

        mutating func number() throws(Failure) -> UInt64 {
            var number: UInt64 = 0
            var shift: UInt64 = 0
            while self.place < self.end, shift < 63 {
                let byte = self.bytes[self.place]
                self.place += 1
                number |= UInt64(byte & 0x7F) << shift
                if byte < 0x80 { return number }
                shift += 7
            }
            throw Self.damaged
        }

        mutating func fixed() throws(Failure) -> UInt64 {
            guard self.end - self.place >= 8 else { throw Self.damaged }
            var number: UInt64 = 0
            for index in 0..<8 { number |= UInt64(self.bytes[self.place + index]) << (8 * UInt64(index)) }
            self.place += 8
            return number
        }

        /// A number of things of which each takes some bytes: more than fit are not believed.
        mutating func count(ofAtLeast size: Int) throws(Failure) -> Int {
            let number = try self.number()
            guard number <= UInt64((self.end - self.place) / size) else { throw Self.damaged }
            return Int(number)
        }

        mutating func text() throws(Failure) -> String {
            let length = try self.count(ofAtLeast: 1)
            let text = String(decoding: self.bytes[self.place..<self.place + length], as: UTF8.self)
            self.place += length
            return text
        }

        func collector(_ number: UInt64, of count: Int) throws(Failure) -> UInt32 {
            guard number < UInt64(count) else { throw Self.damaged }
            return UInt32(number)
        }
    }
}

/// A snapshot by targets.
struct KnownOwners: Sendable {
    private var collectors: [String] = []
    private var entries: [UInt64: AssignmentSnapshot.Entry] = [:]

    init() {}

    init(_ snapshot: AssignmentSnapshot) {
        let isSound = { (index: UInt32) in Int(index) < snapshot.collectors.count }
        self.collectors = snapshot.collectors
        self.entries.reserveCapacity(snapshot.entries.count)
        for entry in snapshot.entries where isSound(entry.owner) && entry.previous.map(isSound) ?? true {
            self.entries[entry.target] = entry
        }
    }

    var isEmpty: Bool { self.entries.isEmpty }

    func owner(of target: UInt64) -> String? {
        self.entries[target].map { self.collectors[Int($0.owner)] }
    }

    mutating func take(_ target: UInt64) -> (owner: String?, previous: String?)? {
        guard let entry = self.entries.removeValue(forKey: target) else { return nil }
        return (self.collectors[Int(entry.owner)], entry.previous.map { self.collectors[Int($0)] })
    }
}

extension AllocatorState {
    /// Another number whenever something may have changed: as long as it is the same, a snapshot is, too.
    package var changeCount: UInt64 { self.change }

    /// Who has what now; equal assignments give equal snapshots.
    package func snapshot() -> AssignmentSnapshot {
        var snapshot = self.gatherSnapshot()
        snapshot.sort()
        return snapshot
    }

    /// The same in any order, for who holds a lock: sorting takes longer than looking.
    package func gatherSnapshot() -> AssignmentSnapshot {
        let inOrder = self.collectorSlots.sorted { $0.key < $1.key }
        var entries: [AssignmentSnapshot.Entry] = []
        entries.reserveCapacity(self.items.count)
        for item in self.items.elements where item.isLive && item.owner >= 0 {
            entries.append(
                AssignmentSnapshot.Entry(
                    target: item.hash,
                    owner: UInt32(self.collectors[item.owner].rank),
                    previous: item.previous < 0 ? nil : UInt32(self.collectors[item.previous].rank)
                )
            )
        }
        return AssignmentSnapshot(collectors: inOrder.map(\.key), entries: entries)
    }

    /// Remembers who had what: a target that is found goes there if the strategy leaves it a choice, and moves on from
    /// there, with a hand-over, if it does not. For a restart; targets that have a collector keep it.
    package mutating func restore(_ snapshot: AssignmentSnapshot) {
        self.known = KnownOwners(snapshot)
    }

    /// What was remembered and not found by now won't be found again.
    package mutating func forgetRestored() {
        self.known = KnownOwners()
    }

    /// Does as another replica does: with `least-weighted` its assignment counts, targets it does not know go to who has
    /// least. The other strategies need nobody to tell them.
    package mutating func follow(_ snapshot: AssignmentSnapshot, now: Duration) {
        self.known = KnownOwners(snapshot)
        guard self.settings.weighs, !self.isHolding else { return }
        self.begin(now)
        for slot in 0..<Int32(self.items.capacity) where self.items[slot].owner >= 0 {
            // Where the strategy does not ask for weights it has decided.
            guard self.settings.strategy == .leastWeighted || self.items[slot].node == .empty else { continue }
            guard let name = self.known.owner(of: self.items[slot].hash), let owner = self.collectorSlots[name] else {
                continue
            }
            _ = self.known.take(self.items[slot].hash)
            self.assign(slot, to: owner)
        }
        self.offerAll()
        self.finish()
    }
}
