package import KubeModel
package import KubeRuntime

/// Whether the Lease of an operator in another namespace is being renewed.
///
/// As leader election does it, by our own clock: a Lease that changes is held, and one that does not change for as long as
/// it says has lapsed. Only one that was last renewed long ago, by the wall clock, is not waited for at first sight.
package struct PredecessorLease: Sendable, Hashable {
    /// Clocks of a cluster may differ by so much.
    static let skew = Duration.seconds(600)
    /// What the Go operator's lasts, for a Lease that does not say.
    static let standardDuration = Duration.seconds(137)

    private var seen: LeaseRecord?
    private var since = Duration.zero

    package init() {}

    /// - Parameters:
    ///   - lease: as it was just read; `nil` when there is none.
    ///   - now: by a clock that only goes forward.
    ///   - time: by the wall clock.
    package mutating func isHeld(_ lease: LeaseRecord?, now: Duration, time: Timestamp) -> Bool {
        guard let lease, !lease.holder.isEmpty else {
            self.seen = nil
            return false
        }
        let duration = lease.duration ?? Self.standardDuration
        if let seen = self.seen {
            if seen.holder != lease.holder || seen.renewTime != lease.renewTime {
                self.since = now
                self.seen = lease
            }
        } else {
            self.seen = lease
            self.since = now
            if let renewed = Timestamp(lease.renewTime), time - renewed > duration + Self.skew {
                self.since = now - duration
            }
        }
        return now - self.since < duration
    }
}
