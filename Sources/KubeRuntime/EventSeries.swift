import KubeModel

/// Which events are to be sent and as what: the pure half of ``EventRecorder``.
///
/// Equal notes within the window are one event with a count. An object gets a burst of different events, then one each
/// refill time, so that a reconcile gone wild cannot fill the cluster with events.
struct EventSeries: Sendable {
    struct Configuration: Sendable, Equatable {
        /// Notes equal to one not longer ago than this are counted instead of created.
        var window: Duration = .seconds(600)
        /// The shortest time between two updates of a count; a series that goes on grows it up to six times.
        var updateInterval: Duration = .seconds(10)
        /// How many series are remembered, and how many may wait to be sent.
        var capacity = 1000
        /// How many different events an object may have at once, and how long until it may have one more.
        var burst = 25
        var refill: Duration = .seconds(300)
        /// A write that fails this often is dropped.
        var attempts = 8
    }

    enum Admission: Sendable, Equatable {
        /// To be sent at that time, unless it waits to be sent already.
        case send(at: Duration)
        /// There is no room for it.
        case full
        /// The object has had too many.
        case limited
    }

    /// What to write for a note.
    enum Write: Sendable, Equatable {
        case create(name: String, first: Timestamp, last: Timestamp, count: Int)
        case update(name: String, last: Timestamp, count: Int)
    }

    private struct Series {
        var name: String
        var first: Timestamp
        var last: Timestamp
        var lastSeen: Duration
        var count = 1
        /// The count the server knows, 0 before the event was created.
        var sent = 0
        var writes = 0
        var lastWrite: Duration?
        var failures = 0

        var isSent: Bool { self.sent == self.count }
    }

    private struct Bucket {
        var tokens: Double
        var filled: Duration
    }

    let configuration: Configuration
    private var series: [EventNote: Series] = [:]
    private var buckets: [ObjectIdentity: Bucket] = [:]
    private var lastCleaning: Duration = .zero
    private var names = 0

    private struct ObjectIdentity: Hashable {
        var kind: String
        var namespace: String
        var name: String

        init(_ note: EventNote) {
            self.kind = note.regarding.groupVersionKind.kind
            self.namespace = note.regarding.key.namespace
            self.name = note.regarding.key.name
        }
    }

    init(configuration: Configuration = Configuration()) { self.configuration = configuration }

    /// Series that are remembered.
    var count: Int { self.series.count }
    /// Notes that the server does not know, or not as often as they were seen.
    var unsent: [EventNote] { self.series.filter { !$0.value.isSent }.map(\.key) }

    mutating func record(_ note: EventNote, wallTime: Timestamp, now: Duration) -> Admission {
        self.clean(now: now)
        if var known = self.series[note], now - known.lastSeen < self.configuration.window {
            known.count += 1
            known.last = max(known.last, wallTime)
            known.lastSeen = now
            self.series[note] = known
            guard let lastWrite = known.lastWrite else { return .send(at: now) }
            return .send(at: lastWrite + self.configuration.updateInterval * min(6, known.writes))
        }
        guard self.series.count < self.configuration.capacity else { return .full }
        guard self.takeToken(ObjectIdentity(note), now: now) else { return .limited }
        self.names += 1
        self.series[note] = Series(
            name: Self.name(note.regarding.key.name, wallTime, self.names),
            first: wallTime,
            last: wallTime,
            lastSeen: now
        )
        return .send(at: now)
    }

    /// What the server has to be told about a note, `nil` when it knows all.
    func write(for note: EventNote) -> Write? {
        guard let known = self.series[note], !known.isSent else { return nil }
        return known.sent == 0
            ? .create(name: known.name, first: known.first, last: known.last, count: known.count)
            : .update(name: known.name, last: known.last, count: known.count)
    }

    mutating func wrote(_ note: EventNote, count: Int, now: Duration) {
        guard var known = self.series[note] else { return }
        known.sent = count
        known.writes += 1
        known.lastWrite = now
        known.failures = 0
        self.series[note] = known
    }

    /// The event is no longer there (they expire): the next write creates one that counts from the last sighting.
    mutating func vanished(_ note: EventNote) {
        guard var known = self.series[note] else { return }
        self.names += 1
        known.name = Self.name(note.regarding.key.name, known.last, self.names)
        known.first = known.last
        known.count = 1
        known.sent = 0
        self.series[note] = known
    }

    /// A write failed.
    ///
    /// - Parameter isFinal: the server will never take it.
    /// - Returns: true when it should be tried again.
    mutating func failed(_ note: EventNote, isFinal: Bool) -> Bool {
        guard var known = self.series[note] else { return false }
        known.failures += 1
        if isFinal || known.failures >= self.configuration.attempts {
            // Remembered as sent, so that the next one like it is not a new attempt at once.
            known.failures = 0
            if known.sent == 0 {
                self.series[note] = nil
            } else {
                known.sent = known.count
                self.series[note] = known
            }
            return false
        }
        self.series[note] = known
        return true
    }

    private mutating func takeToken(_ object: ObjectIdentity, now: Duration) -> Bool {
        let burst = Double(self.configuration.burst)
        var bucket = self.buckets[object] ?? Bucket(tokens: burst, filled: now)
        bucket.tokens = min(burst, bucket.tokens + (now - bucket.filled) / self.configuration.refill)
        bucket.filled = now
        defer { self.buckets[object] = bucket }
        guard bucket.tokens >= 1 else { return false }
        bucket.tokens -= 1
        return true
    }

    /// Forgets what does not matter any more, once a minute or when there is no room.
    private mutating func clean(now: Duration) {
        let isDue = now - self.lastCleaning >= .seconds(60) || self.series.count >= self.configuration.capacity
        guard isDue else { return }
        self.lastCleaning = now
        self.series = self.series.filter { !$0.value.isSent || now - $0.value.lastSeen < self.configuration.window }
        let burst = Double(self.configuration.burst)
        self.buckets = self.buckets.filter {
            $0.value.tokens + (now - $0.value.filled) / self.configuration.refill < burst
        }
    }

    /// Unique within the process by the number, between processes by the time.
    private static func name(_ object: String, _ time: Timestamp, _ number: Int) -> String {
        let nanoseconds = UInt64(bitPattern: time.seconds &* 1_000_000_000 &+ Int64(time.nanoseconds))
        return "\(object.prefix(200)).\(String(nanoseconds, radix: 16)).\(String(number, radix: 16))"
    }
}
