/// A clock reduced to what the runtime needs: the time elapsed since an origin of its own, and sleeping.
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

/// Where jitter comes from: evenly distributed values in `0..<1`. Tests pass a constant.
package struct JitterSource: Sendable {
    private let draw: @Sendable () -> Double

    package init(_ draw: @escaping @Sendable () -> Double) { self.draw = draw }

    package static let random = JitterSource { Double.random(in: 0..<1) }
    package static func constant(_ value: Double) -> JitterSource { JitterSource { value } }

    package func next() -> Double { self.draw() }
}

extension Duration {
    /// The duration in seconds, with fractions.
    package var seconds: Double {
        Double(self.components.seconds) + Double(self.components.attoseconds) / 1e18
    }

    /// Whole nanoseconds, saturating at what 64 bits hold (292 years).
    var nanoseconds: Int64 {
        let (seconds, overflow) = self.components.seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else { return self < .zero ? .min : .max }
        let (sum, overflowed) = seconds.addingReportingOverflow(self.components.attoseconds / 1_000_000_000)
        return overflowed ? (self < .zero ? .min : .max) : sum
    }
}
