import DequeModule
import HeapModule

/// Which key to work on next: the pure half of ``WorkQueue``.
///
/// A key is queued at most once and the earlier of two times wins. A key that is added while it runs is held until it
/// ends and then runs again, so no key ever runs twice at once and no change goes unseen. Keys that are due run in the
/// order in which they became due. Times are durations since one origin the caller keeps to.
package struct KeyQueue<Key: Hashable & Sendable>: Sendable {
    /// What ``next(now:)`` found.
    package enum Step: Sendable, Equatable {
        /// Work on this key, which was due for that long; report back with `finish` or `fail`.
        case run(Key, waited: Duration)
        /// Nothing is due before that time.
        case wait(until: Duration)
        /// Nothing is queued.
        case idle
    }

    /// Counters since the start.
    package struct Statistics: Sendable, Equatable {
        /// How often a key became queued (not: how often it was asked for).
        package var adds = 0
        /// How often a key was queued again because it failed.
        package var retries = 0
    }

    private enum Place {
        /// In `ready`. `next` moves it to running.
        case ready(since: Duration)
        /// In `delayed` under that ticket; other entries of the key there are stale. An earlier `add` gives it a new
        /// ticket or makes it ready, time passing makes it ready.
        case delayed(due: Duration, ticket: Int)
        /// Handed out. `finish` and `fail` queue it again when `again` is set or drop it.
        case running(again: Duration?)
    }

    private struct Timer: Comparable {
        var due: Duration
        var ticket: Int
        var key: Key

        static func < (left: Timer, right: Timer) -> Bool { (left.due, left.ticket) < (right.due, right.ticket) }
        static func == (left: Timer, right: Timer) -> Bool { left.ticket == right.ticket }
    }

    private let backoff: Backoff.Policy
    private var places: [Key: Place] = [:]
    private var ready: Deque<Key> = []
    private var delayed: Heap<Timer> = []
    private var failures: [Key: Int] = [:]
    private var lastTicket = 0

    package private(set) var statistics = Statistics()
    /// Keys that wait for their time.
    package private(set) var delayedCount = 0
    /// Keys handed out.
    package private(set) var runningCount = 0

    /// - Parameter backoff: the pauses after failures, kept per key until ``forget(_:)``.
    package init(backoff: Backoff.Policy = .reconcile) { self.backoff = backoff }

    /// Keys that could run now.
    package var readyCount: Int { self.ready.count }
    package var isEmpty: Bool { self.places.isEmpty }
    /// Timers held, live and stale.
    var timerCount: Int { self.delayed.count }

    /// Asks for a key to run at `due`, or at once when that has passed.
    package mutating func add(_ key: Key, due: Duration, now: Duration) {
        // First those whose time came before this one's.
        self.promote(now: now)
        switch self.places[key] {
        case nil:
            self.statistics.adds += 1
            self.enqueue(key, due: due, now: now)
        case .ready:
            break
        case .delayed(let queued, _):
            guard due < queued else { break }
            self.delayedCount -= 1
            self.enqueue(key, due: due, now: now)
        case .running(let again):
            self.places[key] = .running(again: again.map { min($0, due) } ?? due)
        }
    }

    package mutating func next(now: Duration) -> Step {
        self.promote(now: now)
        if let key = self.ready.popFirst() {
            var since = now
            if case .ready(let start) = self.places[key] { since = start }
            self.places[key] = .running(again: nil)
            self.runningCount += 1
            return .run(key, waited: now - since)
        }
        if let timer = self.delayed.min { return .wait(until: timer.due) }
        return .idle
    }

    /// The key ran well: forgets its failures, and queues it for `requeue` or for what was asked meanwhile, whichever is
    /// earlier.
    package mutating func finish(_ key: Key, requeue: Duration? = nil, now: Duration) {
        self.failures[key] = nil
        self.end(key, due: requeue, now: now)
    }

    /// The key failed: it runs again after its backoff, but not before `notBefore`, unless it was asked for meanwhile.
    ///
    /// - Returns: the pause until the retry.
    @discardableResult
    package mutating func fail(
        _ key: Key,
        notBefore: Duration? = nil,
        now: Duration,
        random: Double = 0.5
    ) -> Duration {
        let count = self.failures[key, default: 0] + 1
        self.failures[key] = count
        self.statistics.retries += 1
        let due = max(now + self.backoff.pause(failures: count, random: random), notBefore ?? now)
        self.end(key, due: due, now: now)
        return due - now
    }

    /// The next failure of the key counts as its first.
    package mutating func forget(_ key: Key) { self.failures[key] = nil }

    package func failureCount(of key: Key) -> Int { self.failures[key, default: 0] }

    private mutating func end(_ key: Key, due: Duration?, now: Duration) {
        guard case .running(let again) = self.places[key] else { return }
        self.promote(now: now)
        self.runningCount -= 1
        self.places[key] = nil
        guard let next = [due, again].compactMap({ $0 }).min() else { return }
        self.statistics.adds += 1
        self.enqueue(key, due: next, now: now)
    }

    private mutating func enqueue(_ key: Key, due: Duration, now: Duration) {
        if due <= now {
            self.places[key] = .ready(since: now)
            self.ready.append(key)
            return
        }
        self.lastTicket += 1
        self.places[key] = .delayed(due: due, ticket: self.lastTicket)
        self.delayed.insert(Timer(due: due, ticket: self.lastTicket, key: key))
        self.delayedCount += 1
        self.compact()
    }

    /// Makes keys ready whose time has come and drops stale timers from the front, so that the first one is live.
    private mutating func promote(now: Duration) {
        while let timer = self.delayed.min {
            guard case .delayed(_, timer.ticket) = self.places[timer.key] else {
                self.delayed.removeMin()
                continue
            }
            guard timer.due <= now else { return }
            self.delayed.removeMin()
            self.delayedCount -= 1
            self.places[timer.key] = .ready(since: timer.due)
            self.ready.append(timer.key)
        }
    }

    /// Keeps stale timers from piling up when keys are moved forward again and again.
    private mutating func compact() {
        guard self.delayed.count > 2 * self.delayedCount + 64 else { return }
        self.delayed = Heap(
            self.delayed.unordered.filter { timer in
                if case .delayed(_, timer.ticket) = self.places[timer.key] { true } else { false }
            }
        )
    }
}

extension Backoff.Policy {
    /// For keys of a controller: 5 ms doubling up to 1,000 s (16.7 minutes), without jitter as keys fail one by one.
    package static let reconcile = Backoff.Policy(base: .milliseconds(5), cap: .seconds(1000), jitter: 0)
    /// For watches: 0.8 s doubling up to 30 s, starting over after two quiet minutes.
    package static let watch = Backoff.Policy(base: .milliseconds(800), cap: .seconds(30), resetAfter: .seconds(120))
    /// For a resource the server does not serve (yet): 5 s doubling up to 30 s.
    package static let absentResource = Backoff.Policy(base: .seconds(5), cap: .seconds(30))
}
