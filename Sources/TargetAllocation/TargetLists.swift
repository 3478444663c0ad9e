import PrometheusModel
import Synchronization

/// The allocator's state and the bytes of its lists, for one writer and many readers.
///
/// A reader of a list that is kept takes one short lock. A list that changed is written when somebody asks for it, in pieces
/// between which the state is free; while a long change runs a reader gets what held before it. What a reader got counts for
/// hand-overs as what it is, not as what there is by then.
package final class TargetLists<Body: Sendable>: Sendable {
    /// How many bytes are kept. Which list was asked for last is kept longest.
    private let capacity: Int
    private let makeBody: @Sendable (UnsafeRawBufferPointer) -> Body
    private let state: Mutex<AllocatorState>
    private let cache = Mutex(Cache())
    private let deliveries = Mutex<[ListName: UInt64]>([:])
    /// How many changes run or wait.
    private let changing = Atomic<Int>(0)

    /// How many targets are written before others get the state.
    private static var piece: Int { 512 }

    /// - Parameters:
    ///   - capacity: how many bytes of lists are kept.
    ///   - makeBody: what is kept and handed out of an answer's bytes; called once for each, outside of any lock.
    package init(
        _ state: sending AllocatorState,
        capacity: Int = 192 << 20,
        makeBody: @escaping @Sendable (UnsafeRawBufferPointer) -> Body
    ) {
        var state = state
        // There is nobody yet who could have them.
        _ = state.takeChanges()
        self.state = Mutex(state)
        self.capacity = capacity
        self.makeBody = makeBody
    }

    private struct Key: Hashable {
        var name: ListName?
        var isCompressed: Bool
    }

    private struct Entry {
        /// nil as long as somebody writes it for the first time.
        var list: EncodedList<Body>?
        var size = 0
        var isFresh = false
        /// Another one whenever the list has changed: what was read before that doesn't become fresh after it.
        var generation: UInt64
        var used: UInt64
        var delivered: UInt64 = 0
    }

    private struct Cache {
        var entries: [Key: Entry] = [:]
        var size = 0
        var clock: UInt64 = 0
    }

    // MARK: Changing

    /// Changes the state. Readers are told what they have no longer, before this returns.
    @discardableResult
    package func update<Result: Sendable>(_ body: (inout AllocatorState) -> Result, now: Duration) -> Result {
        self.changing.add(1, ordering: .sequentiallyConsistent)
        defer { self.changing.subtract(1, ordering: .sequentiallyConsistent) }
        return self.state.withLock { state in
            self.count(deliveriesTo: &state, now)
            let result = body(&state)
            self.publish(&state)
            return result
        }
    }

    /// Reads the state, waiting for a change that runs.
    package func read<Result: Sendable>(_ body: (borrowing AllocatorState) -> Result) -> Result {
        self.state.withLock { body($0) }
    }

    private func count(deliveriesTo state: inout AllocatorState, _ now: Duration) {
        let delivered = self.deliveries.withLock { pending in
            let delivered = pending
            pending = [:]
            return delivered
        }
        for (name, version) in delivered {
            guard let collector = name.collector else { continue }
            state.fetched(job: name.job, collector: collector, version: version, now: now)
        }
    }

    /// The state's lock is held: nobody can write an old list as a new one meanwhile.
    private func publish(_ state: inout AllocatorState) {
        let changes = state.takeChanges()
        self.cache.withLock { cache in
            cache.clock += 1
            func outdate(_ name: ListName?) {
                for isCompressed in [false, true] {
                    let key = Key(name: name, isCompressed: isCompressed)
                    guard cache.entries[key] != nil else { continue }
                    cache.entries[key]?.isFresh = false
                    cache.entries[key]?.generation = cache.clock
                }
            }
            for name in changes.changed {
                outdate(name)
                outdate(ListName(job: name.job, collector: nil))
            }
            if changes.jobsChanged || !changes.goneJobs.isEmpty { outdate(nil) }
            guard changes.collectorsChanged || !changes.goneJobs.isEmpty else { return }
            let (jobs, collectors) = (Set(changes.goneJobs), Set(changes.goneCollectors))
            for key in cache.entries.keys {
                guard let name = key.name else { continue }
                if jobs.contains(name.job) || name.collector.map(collectors.contains) ?? false {
                    // Nobody asks for it again.
                    cache.size -= cache.entries.removeValue(forKey: key)?.size ?? 0
                } else if name.collector == nil {
                    cache.entries[key]?.isFresh = false
                    cache.entries[key]?.generation = cache.clock
                }
            }
        }
    }

    // MARK: Reading

    /// The list if it is kept and holds: this never waits for more than a look.
    package func kept(job: String, collector: String?, compressed: Bool) -> EncodedList<Body>? {
        self.kept(Key(name: ListName(job: job, collector: collector), isCompressed: compressed))
    }

    private func kept(_ key: Key) -> EncodedList<Body>? {
        self.cache.withLock { cache in
            cache.clock += 1
            guard let entry = cache.entries[key], entry.isFresh else { return nil }
            cache.entries[key]?.used = cache.clock
            return entry.list
        }
    }

    /// A list as it is, or as it was before a change that runs just now. Writing it takes some milliseconds for thousands of
    /// targets, compressing some more; `kept` says whether it has to be.
    ///
    /// - Parameter collector: without one the list shows every collector.
    package func list(job: String, collector: String?, compressed: Bool) -> EncodedList<Body> {
        self.list(Key(name: ListName(job: job, collector: collector), isCompressed: compressed))
    }

    /// The jobs that have targets.
    package func jobs(compressed: Bool = false) -> EncodedList<Body> {
        self.list(Key(name: nil, isCompressed: compressed))
    }

    private func list(_ key: Key) -> EncodedList<Body> {
        let (entry, generation) = self.cache.withLock { cache in
            cache.clock += 1
            var entry = cache.entries[key] ?? Entry(generation: cache.clock, used: cache.clock)
            entry.used = cache.clock
            cache.entries[key] = entry
            return (entry, entry.generation)
        }
        if let list = entry.list, entry.isFresh || self.changing.load(ordering: .sequentiallyConsistent) > 0 {
            return list
        }
        var writer = TargetListWriter(reserving: entry.size + entry.size / 16)
        guard let version = self.write(key.name, to: &writer) else {
            // Names that stand for nothing are not remembered: there are endlessly many.
            self.cache.withLock { cache in
                cache.size -= cache.entries.removeValue(forKey: key)?.size ?? 0
            }
            return self.encode(writer.bytes, version: 0, isCompressed: key.isCompressed).list
        }
        let (list, size) = self.encode(writer.bytes, version: version, isCompressed: key.isCompressed)
        self.cache.withLock { cache in
            guard var entry = cache.entries[key] else { return }
            cache.size += size - entry.size
            entry.list = list
            entry.size = size
            entry.isFresh = entry.generation == generation
            cache.entries[key] = entry
            self.shrink(&cache)
        }
        return list
    }

    /// Writes the bytes of a list; nil for one of a job or collector that there isn't.
    private func write(_ name: ListName?, to writer: inout TargetListWriter) -> UInt64? {
        guard let name else {
            return self.state.withLock {
                $0.writeJobs(to: &writer)
                return $0.change
            }
        }
        guard let collector = name.collector else {
            return self.state.withLock {
                $0.writeAll(of: name.job, to: &writer)
                return $0.has(job: name.job) ? $0.change : nil
            }
        }
        // A list that changes all the time is written in one go in the end.
        for _ in 0..<3 {
            let content = self.state.withLock { $0.content(job: name.job, collector: collector) }
            writer.removeAll()
            writer.write(raw: "[")
            var place = 0
            while let content, place < content.items.count {
                let range = place..<min(place + Self.piece, content.items.count)
                guard self.state.withLock({ $0.write(content, range, to: &writer) }) else { break }
                place = range.upperBound
            }
            if place == content?.items.count ?? 0 {
                writer.write(raw: "]\n")
                return content?.version
            }
        }
        return self.state.withLock { state in
            writer.removeAll()
            writer.write(raw: "[")
            defer { writer.write(raw: "]\n") }
            guard let content = state.content(job: name.job, collector: collector) else { return nil }
            _ = state.write(content, content.items.indices, to: &writer)
            return content.version
        }
    }

    private func encode(
        _ bytes: UnsafeRawBufferPointer,
        version: UInt64,
        isCompressed: Bool
    ) -> (list: EncodedList<Body>, size: Int) {
        // Where there is no memory for it the bytes go as they are.
        let compressed = isCompressed ? Gzip.compress(bytes) : nil
        let tag = EntityTag.make(bytes, isCompressed: compressed != nil)
        let body = compressed?.withUnsafeBytes { self.makeBody($0) } ?? self.makeBody(bytes)
        let list = EncodedList(body: body, isCompressed: compressed != nil, entityTag: tag, version: version)
        return (list, compressed?.count ?? bytes.count)
    }

    /// Throws away what was not asked for longest, an eighth at once: looking for it costs something, too.
    private func shrink(_ cache: inout Cache) {
        guard cache.size > self.capacity else { return }
        for (key, entry) in cache.entries.sorted(by: { $0.value.used < $1.value.used }) where entry.size > 0 {
            guard cache.size > self.capacity / 8 * 7 else { return }
            cache.size -= entry.size
            cache.entries[key] = nil
        }
    }

    /// How many bytes of lists are kept now.
    package var keptBytes: Int { self.cache.withLock { $0.size } }

    // MARK: Hand-over

    /// A collector has got a list's bytes, or was told that it has them. Never waits: what can't be counted at once is
    /// counted with the next change.
    package func delivered(job: String, collector: String, compressed: Bool, version: UInt64, now: Duration) {
        guard version > 0 else { return }
        let name = ListName(job: job, collector: collector)
        let key = Key(name: name, isCompressed: compressed)
        let isNew = self.cache.withLock { cache in
            guard let entry = cache.entries[key] else { return true }
            guard entry.delivered < version else { return false }
            cache.entries[key]?.delivered = version
            return true
        }
        guard isNew else { return }
        self.deliveries.withLock { $0[name] = max($0[name] ?? 0, version) }
        self.state.withLockIfAvailable { state in
            self.count(deliveriesTo: &state, now)
            self.publish(&state)
        }
    }
}
