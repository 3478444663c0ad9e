import Synchronization

/// A text of a ``SymbolTable``. Two symbols of one table are equal exactly when their texts are.
package struct Symbol: Sendable, Hashable {
    package var index: UInt32

    package init(index: UInt32) { self.index = index }

    /// The empty text, in every table.
    package static let empty = Symbol(index: 0)
    package var isEmpty: Bool { self.index == 0 }
}

/// Texts that are kept once: the names and values of all labels.
///
/// A table is changed in place. A copy is for reading only: what both intern later would get equal symbols.
package struct SymbolTable: Sendable {
    /// Where a text lies.
    private struct Entry: Sendable {
        var chunk: UInt32
        var offset: UInt32
        var length: UInt32
        /// Lower half of the hash of the text: most others are told apart by it, and a larger table is made of it.
        var hash: UInt32
    }

    private var entries: [Entry] = [Entry(chunk: 0, offset: 0, length: 0, hash: 0)]
    /// Indices that a sweep has freed.
    private var free: [UInt32] = []
    private var chunks: [[UInt8]] = [[]]
    /// The chunk that is being filled.
    private var current = 0
    /// Open addressing; zero is nothing, as the empty text is not in it.
    private var slots = [UInt32](repeating: 0, count: 64)
    private let seed = UInt64.random(in: 0...UInt64.max)
    private var collectedBytes = 0

    /// Changes when symbols may have come to mean other texts, and differs from table to table. What remembers symbols
    /// that nobody marks has to forget them then.
    private(set) var epoch = Self.nextEpoch()

    /// How many texts there are, the empty one included.
    package private(set) var count = 1
    /// How many bytes of text there are.
    package private(set) var byteCount = 0

    private static let chunkSize = 64 << 10
    private static let leastCollected = 64 << 10
    private static let epochs = Atomic<UInt64>(0)

    package init() {}

    private static func nextEpoch() -> UInt64 { self.epochs.add(1, ordering: .relaxed).newValue }

    /// What the table takes in memory, about.
    package var footprint: Int {
        self.entries.capacity * MemoryLayout<Entry>.stride + (self.slots.capacity + self.free.capacity) * 4
            + self.chunks.reduce(0) { $0 + $1.capacity }
    }

    // MARK: From text to symbol and back

    package mutating func intern(_ string: String) -> Symbol {
        var string = string
        return string.withUTF8 { self.intern($0) }
    }

    /// - Parameter bytes: UTF-8.
    package mutating func intern(_ bytes: UnsafeBufferPointer<UInt8>) -> Symbol {
        if bytes.isEmpty { return .empty }
        let hash = UInt32(truncatingIfNeeded: XXH64.hash(bytes, seed: self.seed))
        let (slot, found) = self.search(bytes, hash)
        if found != 0 { return Symbol(index: found) }
        return self.insert(bytes, hash, slot)
    }

    package func find(_ string: String) -> Symbol? {
        var string = string
        return string.withUTF8 { self.find($0) }
    }

    package func find(_ bytes: UnsafeBufferPointer<UInt8>) -> Symbol? {
        if bytes.isEmpty { return .empty }
        let hash = UInt32(truncatingIfNeeded: XXH64.hash(bytes, seed: self.seed))
        let found = self.search(bytes, hash).found
        return found == 0 ? nil : Symbol(index: found)
    }

    package func withBytes<Result, Failure: Error>(
        of symbol: Symbol,
        _ body: (UnsafeBufferPointer<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let entry = self.entries[Int(symbol.index)]
        return try self.chunks[Int(entry.chunk)].withUnsafeBufferPointer { (chunk) throws(Failure) -> Result in
            let range = Int(entry.offset)..<Int(entry.offset) &+ Int(entry.length)
            return try body(UnsafeBufferPointer(rebasing: chunk[range]))
        }
    }

    package func string(of symbol: Symbol) -> String {
        self.withBytes(of: symbol) { String(decoding: $0, as: UTF8.self) }
    }

    /// The length of its UTF-8.
    package func length(of symbol: Symbol) -> Int { Int(self.entries[Int(symbol.index)].length) }

    /// Whether one text comes before the other, byte by byte.
    package func precedes(_ left: Symbol, _ right: Symbol) -> Bool {
        if left == right { return false }
        return self.withBytes(of: left) { left in
            self.withBytes(of: right) { right in
                let (left, right) = (UnsafeRawBufferPointer(left), UnsafeRawBufferPointer(right))
                let shared = min(left.count, right.count)
                var at = 0
                // Names of labels begin alike: eight bytes at once.
                while at &+ 8 <= shared {
                    let one = left.loadUnaligned(fromByteOffset: at, as: UInt64.self)
                    let other = right.loadUnaligned(fromByteOffset: at, as: UInt64.self)
                    if one != other { return UInt64(bigEndian: one) < UInt64(bigEndian: other) }
                    at &+= 8
                }
                while at < shared {
                    if left[at] != right[at] { return left[at] < right[at] }
                    at &+= 1
                }
                return left.count < right.count
            }
        }
    }

    /// Where the text is in the table, or would be.
    private func search(_ bytes: UnsafeBufferPointer<UInt8>, _ hash: UInt32) -> (slot: Int, found: UInt32) {
        let mask = self.slots.count &- 1
        var slot = Int(hash) & mask
        while true {
            let index = self.slots[slot]
            if index == 0 { return (slot, 0) }
            let entry = self.entries[Int(index)]
            if entry.hash == hash, Int(entry.length) == bytes.count,
                self.withBytes(of: Symbol(index: index), { Self.areEqual($0, bytes) })
            {
                return (slot, index)
            }
            slot = (slot &+ 1) & mask
        }
    }

    private static func areEqual(_ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>) -> Bool {
        let (left, right) = (UnsafeRawBufferPointer(left), UnsafeRawBufferPointer(right))
        var at = 0
        while at &+ 8 <= left.count {
            guard
                left.loadUnaligned(fromByteOffset: at, as: UInt64.self)
                    == right.loadUnaligned(fromByteOffset: at, as: UInt64.self)
            else { return false }
            at &+= 8
        }
        while at < left.count {
            if left[at] != right[at] { return false }
            at &+= 1
        }
        return true
    }

    private mutating func insert(_ bytes: UnsafeBufferPointer<UInt8>, _ hash: UInt32, _ slot: Int) -> Symbol {
        var entry = self.place(bytes)
        entry.hash = hash
        let index: UInt32
        if let freed = self.free.popLast() {
            index = freed
            self.entries[Int(index)] = entry
        } else {
            index = UInt32(self.entries.count)
            self.entries.append(entry)
        }
        self.slots[slot] = index
        self.count += 1
        self.byteCount += bytes.count
        if self.count * 4 > self.slots.count * 3 { self.rehash(self.slots.count * 2) }
        return Symbol(index: index)
    }

    /// Copies the bytes into a chunk that has room for them.
    private mutating func place(_ bytes: UnsafeBufferPointer<UInt8>) -> Entry {
        if self.chunks[self.current].count + bytes.count > Self.chunkSize {
            var fresh: [UInt8] = []
            if bytes.count > Self.chunkSize / 4 {
                // A chunk of its own; the current one still has room.
                fresh.append(contentsOf: bytes)
                self.chunks.append(fresh)
                return Entry(chunk: UInt32(self.chunks.count - 1), offset: 0, length: UInt32(bytes.count), hash: 0)
            }
            fresh.reserveCapacity(Self.chunkSize)
            self.current = self.chunks.count
            self.chunks.append(fresh)
        }
        let chunk = self.current
        let offset = self.chunks[chunk].count
        self.chunks[chunk].append(contentsOf: bytes)
        return Entry(chunk: UInt32(chunk), offset: UInt32(offset), length: UInt32(bytes.count), hash: 0)
    }

    private mutating func rehash(_ size: Int) {
        var slots = [UInt32](repeating: 0, count: size)
        let mask = size - 1
        for index in 1..<self.entries.count where self.entries[index].length > 0 {
            var slot = Int(self.entries[index].hash) & mask
            while slots[slot] != 0 { slot = (slot &+ 1) & mask }
            slots[slot] = UInt32(index)
        }
        self.slots = slots
    }

    // MARK: Throwing away

    /// Whether there is twice as much text as the last collection left.
    package var isWorthCollecting: Bool {
        self.byteCount > 2 * self.collectedBytes && self.byteCount > Self.leastCollected
    }

    /// Throws away the texts that are not marked, if it is worth it. Marked symbols stay what they are.
    /// - Parameters:
    ///   - force: throws away in any case.
    ///   - live: marks what is in use; not called when it is not worth it.
    package mutating func collect(force: Bool = false, live: (inout SymbolMarker) -> Void) {
        guard force || self.isWorthCollecting else { return }
        var marker = SymbolMarker(count: self.entries.count)
        live(&marker)
        let chunks = self.chunks
        self.chunks = [[]]
        self.current = 0
        self.free = []
        self.count = 1
        self.byteCount = 0
        for index in 1..<max(1, self.entries.count) {
            var entry = self.entries[index]
            guard entry.length > 0, marker.isMarked(index) else {
                self.entries[index] = Entry(chunk: 0, offset: 0, length: 0, hash: 0)
                self.free.append(UInt32(index))
                continue
            }
            let (hash, length) = (entry.hash, Int(entry.length))
            chunks[Int(entry.chunk)].withUnsafeBufferPointer { chunk in
                let range = Int(entry.offset)..<Int(entry.offset) + length
                entry = self.place(UnsafeBufferPointer(rebasing: chunk[range]))
            }
            entry.hash = hash
            self.entries[index] = entry
            self.count += 1
            self.byteCount += length
        }
        // Free indices at the end are given back.
        while let last = self.entries.indices.last, last > 0, self.entries[last].length == 0 {
            self.entries.removeLast()
        }
        let end = UInt32(self.entries.count)
        self.free.removeAll { $0 >= end }
        self.free.reverse()
        var size = 64
        while self.count * 2 > size { size *= 2 }
        self.rehash(size)
        self.collectedBytes = self.byteCount
        self.epoch = Self.nextEpoch()
    }
}

/// Which symbols are in use.
package struct SymbolMarker: Sendable {
    private var words: [UInt64]

    init(count: Int) { self.words = [UInt64](repeating: 0, count: count / 64 + 1) }

    package mutating func mark(_ symbol: Symbol) {
        let word = Int(symbol.index >> 6)
        guard word < self.words.count else { return }
        self.words[word] |= 1 << UInt64(symbol.index & 63)
    }

    func isMarked(_ index: Int) -> Bool { self.words[index >> 6] >> UInt64(index & 63) & 1 == 1 }
}
