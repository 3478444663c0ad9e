import JSONTree
import KubeModel
import Testing

@testable import KubeRuntime

@Suite struct LeaderElectionStateTests {
    static func lease(_ holder: String, version: Int, renewed: String = "t", seconds: Int? = 15) -> LeaseRecord {
        var object = KubeObject(APIResource.leases.groupVersionKind, namespace: "ns", name: "lease")
        var metadata = object.metadata
        metadata.resourceVersion = "\(version)"
        object.metadata = metadata
        var spec: JSONObject = ["holderIdentity": .string(holder), "renewTime": .string(renewed)]
        spec[int: "leaseDurationSeconds"] = seconds
        object.spec = spec
        return LeaseRecord(object)
    }

    private static func state() -> LeaderElectionState { LeaderElectionState(identity: "me") }

    /// A state that leads since a write sent at zero.
    private static func leader() -> LeaderElectionState {
        var state = Self.state()
        state.wrote(Self.lease("me", version: 1), start: .zero, now: .milliseconds(20), random: 0)
        return state
    }

    @Test func createsALeaseThatIsNotThere() {
        var state = Self.state()
        #expect(state.next(now: .zero) == .read)
        state.observe(nil, now: .seconds(1), random: 0)
        #expect(state.next(now: .seconds(1)) == .write(over: nil, until: .seconds(6)))
        #expect(!state.isLeader)
        state.wrote(Self.lease("me", version: 1), start: .seconds(1), now: .seconds(2), random: 0)
        #expect(state.isLeader && state.holder == "me")
        #expect(state.deadline == .seconds(11), "counted from before the request")
    }

    @Test func takesAReleasedLeaseAtOnce() {
        var state = Self.state()
        state.observe(Self.lease("", version: 1, seconds: 1), now: .zero, random: 0)
        #expect(state.next(now: .zero) == .write(over: Self.lease("", version: 1, seconds: 1), until: .seconds(5)))
    }

    @Test func takesItsOwnLeaseBackAtOnce() {
        var state = Self.state()
        state.observe(Self.lease("me", version: 1), now: .zero, random: 0)
        #expect(state.next(now: .zero) == .write(over: Self.lease("me", version: 1), until: .seconds(5)))
    }

    @Test func waitsForTheLeaseOfAnotherByItsOwnClock() {
        var state = Self.state()
        state.isWatching = true
        // The renew time is years old (or ahead): it does not matter.
        let held = Self.lease("host_6ba7b810", version: 7, renewed: "1999-01-01T00:00:00.000000Z")
        state.observe(held, now: .seconds(100), random: 0)
        #expect(state.next(now: .seconds(100)) == .wait(until: .seconds(115)))
        // Seen again unchanged: the clock goes on.
        state.observe(held, now: .seconds(110), random: 0)
        #expect(state.next(now: .seconds(110)) == .wait(until: .seconds(115)))
        // Renewed: it starts anew.
        let renewed = Self.lease("host_6ba7b810", version: 8, renewed: "1999-01-01T00:00:02.000000Z")
        state.observe(renewed, now: .seconds(112), random: 0)
        #expect(state.next(now: .seconds(112)) == .wait(until: .seconds(127)))
        #expect(state.next(now: .seconds(127)) == .write(over: renewed, until: .seconds(132)))
    }

    @Test(arguments: [(137, 137), (nil, 15), (0, 15), (1, 1)])
    func theHoldersOwnDurationCounts(seconds: Int?, expected: Int) {
        var state = Self.state()
        state.isWatching = true
        state.observe(Self.lease("other", version: 1, seconds: seconds), now: .zero, random: 0)
        #expect(state.next(now: .zero) == .wait(until: .seconds(expected)))
    }

    @Test func pollsWhenItCannotWatch() {
        var state = Self.state()
        state.observe(Self.lease("other", version: 1), now: .zero, random: 1)
        #expect(state.next(now: .zero) == .wait(until: .milliseconds(800)))
        #expect(state.next(now: .milliseconds(800)) == .read)
        state.observe(Self.lease("other", version: 1), now: .milliseconds(900), random: 0)
        #expect(state.next(now: .milliseconds(900)) == .wait(until: .milliseconds(1540)))
        state.isWatching = true
        #expect(state.next(now: .seconds(2)) == .wait(until: .seconds(15)))
    }

    @Test func anOlderSightingIsIgnored() {
        var state = Self.state()
        state.isWatching = true
        state.observe(Self.lease("b", version: 10, renewed: "2"), now: .seconds(5), random: 0)
        state.observe(Self.lease("a", version: 9, renewed: "1"), now: .seconds(6), random: 0)
        #expect(state.holder == "b")
        #expect(state.next(now: .seconds(6)) == .wait(until: .seconds(20)))
    }

    @Test func aLostRaceIsReadAgain() {
        var state = Self.state()
        state.observe(Self.lease("", version: 1), now: .zero, random: 0)
        state.conflicted(now: .seconds(1))
        #expect(state.next(now: .seconds(1)) == .read)
        state.observe(Self.lease("other", version: 2, renewed: "u"), now: .seconds(1), random: 0)
        state.isWatching = true
        #expect(state.next(now: .seconds(1)) == .wait(until: .seconds(16)))
    }

    @Test func aFollowerThatGetsNoAnswerTriesAgainWithAPause() {
        var state = Self.state()
        state.failed(now: .zero, random: 0)
        #expect(state.next(now: .zero) == .wait(until: .seconds(1)))
        #expect(state.next(now: .seconds(1)) == .read)
        state.observe(nil, now: .seconds(1), random: 0)
        state.failed(now: .seconds(2), random: 1)
        #expect(state.next(now: .seconds(2)) == .wait(until: .seconds(4)))
    }

    @Test func renewsInTime() {
        var state = Self.leader()
        #expect(state.next(now: .seconds(1)) == .wait(until: .seconds(2)))
        #expect(state.next(now: .seconds(2)) == .write(over: Self.lease("me", version: 1), until: .seconds(7)))
        state.wrote(Self.lease("me", version: 2), start: .seconds(2), now: .seconds(3), random: 1)
        #expect(state.next(now: .seconds(3)) == .wait(until: .milliseconds(4500)), "with jitter")
        #expect(state.deadline == .seconds(12))
    }

    @Test func stepsDownWhenItCannotRenew() {
        var state = Self.leader()
        var now = Duration.seconds(2)
        var attempts = 0
        while now < .seconds(10) {
            switch state.next(now: now) {
            case .wait(let until):
                #expect(until <= .seconds(10))
                now = until
            case .read, .write:
                attempts += 1
                state.failed(now: now, random: 1)
            case .stepDown: Issue.record("too early, at \(now)")
            }
        }
        #expect(attempts == 4)
        #expect(state.isLeader)
        #expect(state.next(now: now) == .stepDown)
        #expect(!state.isLeader)
    }

    @Test func aRequestNeverOutlivesTheDeadline() {
        let state = Self.leader()
        var copy = state
        #expect(copy.next(now: .seconds(8)) == .write(over: Self.lease("me", version: 1), until: .seconds(10)))
    }

    @Test func recoversFromAFailedRenewal() {
        var state = Self.leader()
        state.failed(now: .seconds(3), random: 0)
        #expect(state.next(now: .seconds(4)) == .read)
        // The write had arrived: its version is needed to go on.
        state.observe(Self.lease("me", version: 5, renewed: "u"), now: .seconds(4), random: 0)
        #expect(
            state.next(now: .seconds(4)) == .write(over: Self.lease("me", version: 5, renewed: "u"), until: .seconds(9))
        )
        #expect(state.deadline == .seconds(10), "only an answered renewal counts")
    }

    @Test func stepsDownAtOnceWhenSomebodyElseHoldsTheLease() {
        var state = Self.leader()
        state.conflicted(now: .seconds(2))
        #expect(state.next(now: .seconds(2)) == .read)
        state.observe(Self.lease("other", version: 9, renewed: "u"), now: .seconds(2), random: 0)
        #expect(state.next(now: .seconds(2)) == .stepDown)
        #expect(!state.isLeader)
        state.isWatching = true
        #expect(state.next(now: .seconds(2)) == .wait(until: .seconds(17)), "and follows from then on")
    }

    @Test func createsALeaseThatWasDeletedUnderIt() {
        var state = Self.leader()
        state.conflicted(now: .seconds(2))
        state.observe(nil, now: .seconds(2), random: 0)
        #expect(state.next(now: .seconds(2)) == .write(over: nil, until: .seconds(7)))
    }

    /// A request on its way: it reaches the server and its answer arrives some time later, or never.
    private struct Flight {
        var action: LeaderElectionState.Action
        var start: Duration
        var arrival: Duration
        var answer: Duration
        var isLostBefore: Bool
        var isLostAfter: Bool
        /// What the server did, once it arrived: the lease as it is then, or a refusal.
        var outcome: Result<LeaseRecord?, Refusal>?
    }

    private struct Refusal: Error {}

    /// The point of it all: whatever becomes of requests, two replicas never lead at once.
    @Test(arguments: 0..<30)
    func neverTwoLeaders(seed: UInt64) {
        var random = SplitMix(state: seed)
        var states = (0..<3).map { LeaderElectionState(identity: "r\($0)") }
        var flights: [Flight?] = [nil, nil, nil]
        var outages = Array(repeating: Duration.zero, count: 3)
        var server: LeaseRecord?
        var version = 0
        var now = Duration.zero
        var leaders: [String] = []
        for _ in 0..<8000 {
            now += .milliseconds(Int.random(in: 1...100, using: &random))
            for place in states.indices.shuffled(using: &random) {
                if Int.random(in: 0..<1000, using: &random) == 0 {
                    outages[place] = now + .seconds(Int.random(in: 1...40, using: &random))
                }
                let draw = Double.random(in: 0..<1, using: &random)
                if var flight = flights[place] {
                    if flight.outcome == nil, !flight.isLostBefore, now >= flight.arrival {
                        flight.outcome = .success(server)
                        if case .write(let over, _) = flight.action {
                            if over?.resourceVersion == server?.resourceVersion {
                                version += 1
                                server = Self.lease("r\(place)", version: version, renewed: "\(version)")
                                flight.outcome = .success(server)
                            } else {
                                flight.outcome = .failure(Refusal())
                            }
                        }
                    }
                    flights[place] = flight
                    guard now >= flight.answer else { continue }
                    flights[place] = nil
                    switch (flight.isLostAfter ? nil : flight.outcome, flight.action) {
                    case (nil, _): states[place].failed(now: now, random: draw)
                    case (.failure?, _): states[place].conflicted(now: now)
                    case (.success(let lease)?, .read): states[place].observe(lease, now: now, random: draw)
                    case (.success(let lease?)?, _):
                        states[place].wrote(lease, start: flight.start, now: now, random: draw)
                    case (.success(nil)?, _): break
                    }
                    continue
                }
                let action = states[place].next(now: now)
                switch action {
                case .wait, .stepDown: break
                case .read, .write:
                    let isDown = now < outages[place]
                    let arrival = now + .milliseconds(Int.random(in: 1...400, using: &random))
                    var answer = arrival + .milliseconds(Int.random(in: 1...(isDown ? 9000 : 400), using: &random))
                    if case .write(_, let until) = action { answer = min(answer, until) }
                    flights[place] = Flight(
                        action: action,
                        start: now,
                        arrival: arrival,
                        answer: answer,
                        isLostBefore: isDown && Bool.random(using: &random),
                        isLostAfter: isDown
                    )
                }
            }
            // The driver ends a request at the deadline and asks the state then: it has a timer for that.
            let leading = states.filter { $0.deadline.map { now < $0 } ?? false }.map(\.identity)
            #expect(leading.count <= 1, "at \(now)")
            if let leader = leading.first, leader != leaders.last { leaders.append(leader) }
        }
        #expect(leaders.count > 1, "leadership moved at least once")
    }

    @Test func problemsOfTheTimesAreNamed() {
        typealias Configuration = LeaderElectionState.Configuration
        #expect(Configuration.standard.problem == nil)
        #expect(Configuration.compatible.problem == nil)
        #expect(Configuration(leaseDuration: .seconds(10), renewDeadline: .seconds(10)).problem != nil)
        #expect(Configuration(retryPeriod: .seconds(6)).problem != nil)
        #expect(Configuration(retryPeriod: .zero).problem != nil)
        #expect(Configuration(leaseDuration: .milliseconds(500), renewDeadline: .milliseconds(100)).problem != nil)
    }
}

@Suite struct LeaseRecordTests {
    private static let now = Timestamp(seconds: 1_700_000_000)

    private func held(by identity: String, over previous: LeaseRecord?) -> LeaseRecord {
        .held(
            by: identity,
            previous: previous,
            namespace: "ns",
            name: "l",
            duration: .milliseconds(1500),
            now: Self.now
        )
    }

    @Test func aNewLease() {
        let lease = self.held(by: "me", over: nil)
        #expect(
            lease.object.json.description
                == #"{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"l","namespace":"ns"},"#
                + #""spec":{"holderIdentity":"me","leaseDurationSeconds":2,"acquireTime":"2023-11-14T22:13:20.000000Z","#
                + #""renewTime":"2023-11-14T22:13:20.000000Z","leaseTransitions":0}}"#
        )
    }

    @Test func takingOverCountsAndKeepsWhatIsNotOurs() {
        var previous = LeaderElectionStateTests.lease("other", version: 4)
        previous.object.json["spec"] = [
            "holderIdentity": "other", "leaseTransitions": 3, "strategy": "OldestEmulation",
        ]
        let lease = self.held(by: "me", over: previous)
        #expect(lease.holder == "me" && lease.transitions == 4 && lease.resourceVersion == "4")
        #expect(lease.object.spec?[string: "strategy"] == "OldestEmulation")
        let renewed = self.held(by: "me", over: lease)
        #expect(renewed.transitions == 4)
        #expect(renewed.object.spec?["acquireTime"] == lease.object.spec?["acquireTime"])
        let released = renewed.released(now: Self.now)
        #expect(released.holder.isEmpty && released.duration == .seconds(1) && released.transitions == 4)
        #expect(self.held(by: "you", over: released).transitions == 5)
    }
}
