/// Who leads, decided from what was seen of one Lease: the pure half of ``LeaderElector``.
///
/// Clocks of different hosts are never compared: a lease has expired when it was not seen to change for as long as its
/// holder promised to renew it, measured here. And a leader stops leading when it did not manage to renew for
/// `renewDeadline`, measured from before the last request that worked, which is earlier than any follower can start to
/// count. The loop is: ask ``next(now:)``, do it, report.
package struct LeaderElectionState: Sendable {
    package struct Configuration: Sendable, Equatable {
        /// How long followers wait for a leader that renews nothing.
        package var leaseDuration: Duration
        /// How long a leader keeps trying to renew before it steps down. Must be shorter than the lease.
        package var renewDeadline: Duration
        /// How often a leader renews.
        package var retryPeriod: Duration
        /// How often a follower reads the lease when it cannot watch it.
        package var pollPeriod: Duration

        package init(
            leaseDuration: Duration = .seconds(15),
            renewDeadline: Duration = .seconds(10),
            retryPeriod: Duration = .seconds(2),
            pollPeriod: Duration? = nil
        ) {
            self.leaseDuration = leaseDuration
            self.renewDeadline = renewDeadline
            self.retryPeriod = retryPeriod
            self.pollPeriod = pollPeriod ?? min(retryPeriod, .milliseconds(800))
        }

        /// The longest that one request may take.
        package var attemptTime: Duration { min(self.renewDeadline / 2, .seconds(10)) }

        /// A new leader within a second of a clean stop, within 18 of a crash.
        package static let standard = Configuration()
        /// What the OpenTelemetry operator written in Go uses.
        package static let compatible = Configuration(
            leaseDuration: .seconds(137),
            renewDeadline: .seconds(107),
            retryPeriod: .seconds(26)
        )

        /// What is wrong with these times, `nil` if nothing is.
        package var problem: String? {
            if self.leaseDuration < .seconds(1) { return "the lease must last a second or longer" }
            if self.renewDeadline >= self.leaseDuration { return "the renew deadline must be shorter than the lease" }
            if self.retryPeriod <= .zero || self.pollPeriod <= .zero { return "periods must be longer than zero" }
            // With jitter a renewal may come half a period late; one attempt may fail.
            if self.retryPeriod * 2 > self.renewDeadline {
                return "the retry period must be at most half of the renew deadline"
            }
            return nil
        }
    }

    package enum Action: Sendable, Equatable {
        /// Read the lease and report with `observe` or `failed`.
        case read
        /// Write the lease with us as holder, over this record; without one create it. Report with `wrote`, `conflicted`
        /// or `failed`. The request must end by `until`.
        case write(over: LeaseRecord?, until: Duration)
        /// Nothing to do before that time, unless something is observed.
        case wait(until: Duration)
        /// We led and no longer do.
        case stepDown
    }

    private enum Role: Equatable {
        /// Somebody else leads, or nobody. `wrote` makes it leader.
        case follower
        /// We lead; the last renewal was sent at `renewed`. The deadline passing or another holder makes it follower.
        case leader(renewed: Duration)
    }

    package let identity: String
    package let configuration: Configuration
    private var role = Role.follower
    private var record: LeaseRecord?
    /// When `record` was first seen as it is.
    private var seen: Duration = .zero
    private var hasRead = false
    private var nextRead: Duration = .zero
    private var nextWrite: Duration = .zero
    /// Whether a watch tells us of changes, so that there is no need to poll.
    package var isWatching = false

    package init(identity: String, configuration: Configuration = .standard) {
        self.identity = identity
        self.configuration = configuration
    }

    package var isLeader: Bool {
        if case .leader = self.role { true } else { false }
    }

    /// Who holds the lease as far as we know; empty for nobody.
    package var holder: String { self.record?.holder ?? "" }
    /// The lease as last seen.
    package var lease: LeaseRecord? { self.record }

    /// When a leader has to have renewed; `nil` for followers.
    package var deadline: Duration? {
        if case .leader(let renewed) = self.role { renewed + self.configuration.renewDeadline } else { nil }
    }

    package mutating func next(now: Duration) -> Action {
        if case .leader = self.role, let deadline {
            if now >= deadline || (self.hasRead && !self.isOurs) {
                self.role = .follower
                return .stepDown
            }
            if now < self.nextWrite { return .wait(until: min(self.nextWrite, deadline)) }
            if !self.hasRead { return now < self.nextRead ? .wait(until: min(self.nextRead, deadline)) : .read }
            return .write(over: self.record, until: min(deadline, now + self.configuration.attemptTime))
        }
        if !self.hasRead { return now < self.nextRead ? .wait(until: self.nextRead) : .read }
        if let expiry = self.expiry(now: now), now < expiry {
            if self.isWatching { return .wait(until: expiry) }
            if now >= self.nextRead { return .read }
            return .wait(until: min(expiry, self.nextRead))
        }
        if now < self.nextWrite { return .wait(until: self.nextWrite) }
        return .write(over: self.record, until: now + self.configuration.attemptTime)
    }

    /// The lease was seen, by reading or watching; `nil`: there is none.
    package mutating func observe(_ lease: LeaseRecord?, now: Duration, random: Double) {
        self.hasRead = true
        self.nextRead = now + self.configuration.pollPeriod * (0.8 + 0.2 * random)
        // A watch may deliver what a write of ours has replaced already.
        if let lease, let record, lease != record, !lease.isNewer(than: record) { return }
        if lease?.holder != self.record?.holder || lease?.renewTime != self.record?.renewTime { self.seen = now }
        self.record = lease
    }

    /// We wrote the lease; the request began at `start`.
    package mutating func wrote(_ lease: LeaseRecord, start: Duration, now: Duration, random: Double) {
        self.record = lease
        self.seen = now
        self.hasRead = true
        self.role = .leader(renewed: start)
        self.nextWrite = start + self.configuration.retryPeriod * (1 + 0.25 * random)
    }

    /// Somebody else wrote first (409), or the lease has gone (404): look again before anything else.
    package mutating func conflicted(now: Duration) {
        self.hasRead = false
        self.nextRead = now
        self.nextWrite = now
    }

    /// A read or write got no useful answer. A write may have happened all the same.
    package mutating func failed(now: Duration, random: Double) {
        // Retried faster than renewed, so that several attempts fit into the deadline.
        let pause = min(self.configuration.retryPeriod, .seconds(2)) * (0.5 + 0.5 * random)
        self.nextRead = now + pause
        self.nextWrite = now + pause
        // What we believe may be old now, above all the version to write over.
        self.hasRead = false
    }

    /// No longer the leader, by our own will.
    package mutating func resign() { self.role = .follower }

    private var isOurs: Bool { self.record == nil || self.holder == self.identity }

    /// When the lease may be taken from its holder; `nil` when it has none (or we are it).
    private func expiry(now: Duration) -> Duration? {
        guard let record, !record.holder.isEmpty, record.holder != self.identity else { return nil }
        return self.seen + (record.duration ?? self.configuration.leaseDuration)
    }
}
