// What tests need around a Kubernetes client: a scripted HTTP server, a proxy that injects faults between a client and a
// real API server, where that server is, a clock that only moves when told to, fixtures and golden files.

import Synchronization

/// A clock that stands still until it is told to move.
///
///     let clock = ManualClock()
///     async let result = subject.run(clock: clock)
///     await clock.waitUntilSleeping()      // it got as far as its sleep
///     clock.advance(by: .seconds(30))
package final class ManualClock: Clock {
    package struct Instant: InstantProtocol {
        /// Time since the clock was made.
        package var offset: Swift.Duration

        package init(offset: Swift.Duration = .zero) { self.offset = offset }
        package func advanced(by duration: Swift.Duration) -> Instant { Instant(offset: self.offset + duration) }
        package func duration(to other: Instant) -> Swift.Duration { other.offset - self.offset }
        package static func < (left: Instant, right: Instant) -> Bool { left.offset < right.offset }
    }

    private struct Sleeper {
        var deadline: Instant
        var continuation: CheckedContinuation<Void, any Error>
    }

    private struct Watcher {
        var count: Int
        var continuation: CheckedContinuation<Void, Never>
    }

    private struct State {
        var now = Instant()
        var nextID = 0
        var sleepers: [Int: Sleeper] = [:]
        var watchers: [Watcher] = []

        /// Takes out those who wait for as many sleepers as there are now.
        mutating func satisfiedWatchers() -> [Watcher] {
            let count = self.sleepers.count
            let satisfied = self.watchers.filter { $0.count <= count }
            self.watchers.removeAll { $0.count <= count }
            return satisfied
        }
    }

    private let state = Mutex(State())

    package init() {}

    package var now: Instant { self.state.withLock { $0.now } }
    package var minimumResolution: Swift.Duration { .nanoseconds(1) }

    /// How many tasks sleep now.
    package var sleeperCount: Int { self.state.withLock { $0.sleepers.count } }

    /// When the earliest of those who sleep wakes, `nil` when nobody does.
    package var nextDeadline: Instant? { self.state.withLock { $0.sleepers.values.map(\.deadline).min() } }

    /// Returns when the clock was moved to the deadline.
    ///
    /// - Throws: `CancellationError`.
    package func sleep(until deadline: Instant, tolerance: Swift.Duration? = nil) async throws {
        let id = self.state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                self.add(id, Sleeper(deadline: deadline, continuation: continuation))
            }
        } onCancel: {
            self.cancel(id)
        }
    }

    private func add(_ id: Int, _ sleeper: Sleeper) {
        if Task.isCancelled {
            sleeper.continuation.resume(throwing: CancellationError())
            return
        }
        let (isDue, watchers) = self.state.withLock { state in
            if sleeper.deadline <= state.now { return (true, [] as [Watcher]) }
            state.sleepers[id] = sleeper
            return (false, state.satisfiedWatchers())
        }
        if isDue { sleeper.continuation.resume() }
        for watcher in watchers { watcher.continuation.resume() }
        // Cancelled between the check and the registration: the handler found nobody.
        if Task.isCancelled { self.cancel(id) }
    }

    private func cancel(_ id: Int) {
        let sleeper = self.state.withLock { $0.sleepers.removeValue(forKey: id) }
        sleeper?.continuation.resume(throwing: CancellationError())
    }

    /// Moves the clock and wakes whoever is due, earliest first.
    package func advance(by duration: Swift.Duration) {
        self.advance(to: self.now.advanced(by: duration))
    }

    package func advance(to instant: Instant) {
        let due = self.state.withLock { state in
            state.now = max(state.now, instant)
            let due = state.sleepers.filter { $0.value.deadline <= state.now }
            for id in due.keys { state.sleepers[id] = nil }
            return due.values.sorted { $0.deadline < $1.deadline }
        }
        for sleeper in due { sleeper.continuation.resume() }
    }

    /// Returns when at least `count` tasks sleep.
    package func waitUntilSleeping(count: Int = 1) async {
        await withCheckedContinuation { continuation in
            let isSatisfied = self.state.withLock { state in
                if state.sleepers.count >= count { return true }
                state.watchers.append(Watcher(count: count, continuation: continuation))
                return false
            }
            if isSatisfied { continuation.resume() }
        }
    }
}
