import CoreMetrics
import Synchronization

/// One line, or for a histogram one block of lines, of the exposition.
protocol Series: AnyObject, Sendable {
    func write(to writer: inout ExpositionWriter, name: String, labels: String)
    var point: MetricPoint.Value { get }
    /// Called under the registry's lock: how many handles share this series.
    func retainHandle()
    /// True when that was the last one.
    func releaseHandle() -> Bool
}

/// How many handles share a series; changed under the registry's lock only, atomic for the compiler's sake.
final class HandleCount: Sendable {
    private let count = Atomic<Int>(0)
    func retain() { self.count.add(1, ordering: .relaxed) }
    func release() -> Bool { self.count.subtract(1, ordering: .relaxed).newValue <= 0 }
}

/// A counter: integer and floating additions are kept apart, so that the usual integer one is a single atomic addition.
final class CounterSeries: Series, CounterHandler, FloatingPointCounterHandler {
    private let whole = Atomic<UInt64>(0)
    private let fraction = AtomicDouble()
    private let handles = HandleCount()

    func increment(by amount: Int64) {
        // A counter never goes down; a negative amount is a caller's mistake that must not end the process.
        guard amount > 0 else { return }
        self.whole.wrappingAdd(UInt64(amount), ordering: .relaxed)
    }

    func increment(by amount: Double) {
        guard amount > 0, amount.isFinite else { return }
        self.fraction.add(amount)
    }

    func reset() {
        self.whole.store(0, ordering: .relaxed)
        self.fraction.store(0)
    }

    var point: MetricPoint.Value {
        let whole = self.whole.load(ordering: .relaxed)
        let fraction = self.fraction.load()
        return fraction == 0 ? .count(whole) : .number(Double(whole) + fraction)
    }

    func write(to writer: inout ExpositionWriter, name: String, labels: String) {
        let whole = self.whole.load(ordering: .relaxed)
        let fraction = self.fraction.load()
        if fraction == 0 {
            writer.sample(name, labels: labels, value: whole)
        } else {
            writer.sample(name, labels: labels, value: Double(whole) + fraction)
        }
    }

    func retainHandle() { self.handles.retain() }
    func releaseHandle() -> Bool { self.handles.release() }
}

/// A gauge: the last value set.
final class GaugeSeries: Series, MeterHandler, RecorderHandler {
    private let value = AtomicDouble()
    private let handles = HandleCount()

    func set(_ value: Int64) { self.value.store(Double(value)) }
    func set(_ value: Double) { self.value.store(value) }
    func increment(by amount: Double) { self.value.add(amount) }
    func decrement(by amount: Double) { self.value.add(-amount) }
    func record(_ value: Int64) { self.value.store(Double(value)) }
    func record(_ value: Double) { self.value.store(value) }

    var point: MetricPoint.Value { .number(self.value.load()) }

    func write(to writer: inout ExpositionWriter, name: String, labels: String) {
        writer.sample(name, labels: labels, value: self.value.load())
    }

    func retainHandle() { self.handles.retain() }
    func releaseHandle() -> Bool { self.handles.release() }
}

/// Upper bounds of a histogram's buckets, in order, with the text of their `le` label.
struct HistogramBounds: Sendable {
    let values: [Double]
    let texts: [String]

    init(_ values: [Double]) {
        var sorted: [Double] = []
        for value in values.filter(\.isFinite).sorted() where sorted.last != value { sorted.append(value) }
        self.values = sorted
        self.texts = sorted.map { ExpositionWriter.text(of: $0) }
    }
}

/// A histogram with fixed bounds. Timers record nanoseconds into it and it holds seconds.
final class HistogramSeries: Series, TimerHandler, RecorderHandler {
    private struct State {
        /// Observations per bucket, not cumulative; the last is what lies above all bounds.
        var counts: [UInt64]
        var sum: Double = 0
    }

    private let bounds: HistogramBounds
    private let state: Mutex<State>
    private let handles = HandleCount()

    init(bounds: HistogramBounds) {
        self.bounds = bounds
        self.state = Mutex(State(counts: Array(repeating: 0, count: bounds.values.count + 1)))
    }

    func recordNanoseconds(_ duration: Int64) { self.observe(Double(duration) / 1e9) }
    func record(_ value: Int64) { self.observe(Double(value)) }
    func record(_ value: Double) { self.observe(value) }

    private func observe(_ value: Double) {
        // One value that is not a number would make the sum not a number for ever.
        guard value.isFinite else { return }
        // Most values fall into low buckets, so a walk from below beats a binary search.
        var place = 0
        while place < self.bounds.values.count, value > self.bounds.values[place] { place += 1 }
        self.state.withLock {
            $0.counts[place] &+= 1
            $0.sum += value
        }
    }

    var point: MetricPoint.Value {
        let (counts, sum) = self.state.withLock { ($0.counts, $0.sum) }
        return .histogram(counts: counts, bounds: self.bounds.values, sum: sum)
    }

    func write(to writer: inout ExpositionWriter, name: String, labels: String) {
        // Taken at once: buckets, sum and count of one scrape agree.
        let (counts, sum) = self.state.withLock { ($0.counts, $0.sum) }
        var cumulative: UInt64 = 0
        for (count, bound) in zip(counts, self.bounds.texts) {
            cumulative &+= count
            writer.bucket(name, labels: labels, bound: bound, count: cumulative)
        }
        cumulative &+= counts.last ?? 0
        writer.bucket(name, labels: labels, bound: "+Inf", count: cumulative)
        writer.sample(name, suffix: "_sum", labels: labels, value: sum)
        writer.sample(name, suffix: "_count", labels: labels, value: cumulative)
    }

    func retainHandle() { self.handles.retain() }
    func releaseHandle() -> Bool { self.handles.release() }
}

/// A double that many threads change: its bits in an atomic word.
struct AtomicDouble: ~Copyable, Sendable {
    private let bits = Atomic<UInt64>(0)

    func load() -> Double { Double(bitPattern: self.bits.load(ordering: .relaxed)) }
    func store(_ value: Double) { self.bits.store(value.bitPattern, ordering: .relaxed) }

    func add(_ amount: Double) {
        var old = self.bits.load(ordering: .relaxed)
        while true {
            let new = (Double(bitPattern: old) + amount).bitPattern
            let (exchanged, original) = self.bits.weakCompareExchange(expected: old, desired: new, ordering: .relaxed)
            if exchanged { return }
            old = original
        }
    }
}
