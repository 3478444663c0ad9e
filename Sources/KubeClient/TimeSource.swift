/// A clock reduced to what clients and the runtime need: the time elapsed since an origin of its own, and sleeping.
///
/// State machines take that elapsed time as a plain `Duration`, so their tests pass literals; drivers are made with
/// `some Clock<Duration>`, so their tests pass a manual clock.
package struct TimeSource: Sendable {
    private let elapsed: @Sendable () -> Duration
    private let sleeping: @Sendable (Duration) async throws -> Void

    package init(_ clock: some Clock<Duration>) {
        let origin = clock.now
        self.elapsed = { origin.duration(to: clock.now) }
        self.sleeping = { try await clock.sleep(until: origin.advanced(by: $0), tolerance: nil) }
    }

    package static let continuous = TimeSource(ContinuousClock())

    /// Time since the origin; on Linux the default `ContinuousClock` counts time spent suspended, too.
    package var now: Duration { self.elapsed() }

    /// - Throws: `CancellationError`.
    package func sleep(until deadline: Duration) async throws {
        try await self.sleeping(deadline)
    }

    /// - Throws: `CancellationError`.
    package func sleep(for duration: Duration) async throws {
        try await self.sleeping(self.now + duration)
    }

    /// Runs `body` until the deadline; past it the body is cancelled, waited for, and the answer is `nil`.
    ///
    /// - Throws: whatever `body` throws in time, `CancellationError` when the caller is cancelled.
    package func withDeadline<Value: Sendable>(
        _ deadline: Duration,
        _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value? {
        try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask { try await body() }
            group.addTask {
                try await self.sleep(until: deadline)
                return nil
            }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
    }
}
