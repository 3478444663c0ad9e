/// Growing pauses between attempts, with jitter, starting over after a quiet time.
package struct Backoff: Sendable, Equatable {
    package struct Policy: Sendable, Equatable {
        /// The first pause.
        package var base: Duration
        /// The longest pause, before jitter.
        package var cap: Duration
        /// What each pause is multiplied by to give the next.
        package var factor: Double
        /// How far a pause may lie from its nominal length, as a share of it: 0.2 gives 80 to 120 %.
        package var jitter: Double
        /// Attempts that fail this long after the end of the last pause count as the first; `nil` for never.
        package var resetAfter: Duration?

        package init(
            base: Duration,
            cap: Duration,
            factor: Double = 2,
            jitter: Double = 0.2,
            resetAfter: Duration? = nil
        ) {
            self.base = base
            self.cap = cap
            self.factor = factor
            self.jitter = jitter
            self.resetAfter = resetAfter
        }

        /// The pause after `failures` failures (1 for the first), `random` in `0..<1`.
        package func pause(failures: Int, random: Double) -> Duration {
            var nominal = self.base
            // Multiplied step by step and stopped at the cap: a power of a large count would overflow.
            for _ in 1..<max(1, failures) {
                guard nominal < self.cap else { break }
                nominal = nominal * self.factor
            }
            return min(nominal, self.cap) * (1 + self.jitter * (2 * random - 1))
        }
    }

    package let policy: Policy
    /// Failures since the last reset.
    package private(set) var failures = 0
    private var pauseEnds: Duration?

    package init(_ policy: Policy) { self.policy = policy }

    /// Counts a failure at `now` and gives the pause until the next attempt.
    package mutating func fail(now: Duration, random: Double) -> Duration {
        if let resetAfter = policy.resetAfter, let pauseEnds, now - pauseEnds >= resetAfter { self.failures = 0 }
        self.failures += 1
        let pause = self.policy.pause(failures: self.failures, random: random)
        self.pauseEnds = now + pause
        return pause
    }

    package mutating func reset() {
        self.failures = 0
        self.pauseEnds = nil
    }
}
