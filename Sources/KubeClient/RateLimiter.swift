import Synchronization

/// A token bucket: each request takes a token, waiting in the order of asking until there is one.
final class RateLimiter: Sendable {
    private let limit: RateLimit
    private let time: TimeSource
    /// When the bucket would be full again; each request moves this on by one token's time.
    private let fullAt: Mutex<Duration>

    init(_ limit: RateLimit, time: TimeSource) {
        self.limit = limit
        self.time = time
        self.fullAt = Mutex(time.now)
    }

    /// Takes a token.
    ///
    /// - Throws: `CancellationError` when cancelled while waiting; the token stays taken.
    func wait() async throws {
        let delay = self.reserve()
        if delay > .zero { try await self.time.sleep(for: delay) }
    }

    /// Takes a token, perhaps from the future, and says how long until it may be used.
    func reserve() -> Duration {
        let now = self.time.now
        let perToken = Duration.seconds(1 / self.limit.requestsPerSecond)
        return self.fullAt.withLock { fullAt in
            fullAt = max(fullAt, now) + perToken
            return max(.zero, fullAt - now - perToken * self.limit.burst)
        }
    }
}
