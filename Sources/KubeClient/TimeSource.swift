/// The clock of a client, so that tests can hold it.
struct TimeSource: Sendable {
    /// Time since some fixed point; never goes back.
    var now: @Sendable () -> Duration
    /// Throws `CancellationError` when the task is cancelled meanwhile.
    var sleep: @Sendable (Duration) async throws -> Void

    init<C: Clock>(_ clock: C) where C.Duration == Duration {
        let start = clock.now
        self.now = { start.duration(to: clock.now) }
        self.sleep = { try await clock.sleep(until: clock.now.advanced(by: $0), tolerance: nil) }
    }

    static let continuous = TimeSource(ContinuousClock())
}
