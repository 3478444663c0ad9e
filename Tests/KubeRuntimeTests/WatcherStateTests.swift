import Testing

@testable import KubeRuntime

@Suite struct WatcherStateTests {
    /// No jitter, so that times are exact.
    private static func make() -> WatcherState {
        var configuration = WatcherState.Configuration()
        configuration.backoff.jitter = 0
        configuration.absentBackoff.jitter = 0
        return WatcherState(configuration: configuration)
    }

    /// A state that has listed up to version 10.
    private static func makeListed() -> WatcherState {
        var state = Self.make()
        _ = state.listed(resourceVersion: "10", continuing: nil)
        return state
    }

    private static func end(
        _ state: inout WatcherState,
        _ failure: WatcherState.Failure?,
        lasted: Duration = .seconds(60),
        events: Int = 1,
        now: Duration = .zero
    ) {
        state.watchEnded(failure, lasted: lasted, events: events, now: now, random: 0.5)
    }

    @Test func listsInPagesThenWatches() {
        var state = Self.make()
        #expect(state.next(now: .zero) == .list(continuing: nil, limit: 500))
        #expect(state.listed(resourceVersion: "10", continuing: "next") == .partial)
        #expect(state.resourceVersion == nil)
        #expect(state.next(now: .zero) == .list(continuing: "next", limit: 500))
        #expect(state.listed(resourceVersion: "10", continuing: "") == .complete)
        #expect(state.next(now: .zero) == .watch(from: "10"))
    }

    @Test func resumesFromTheLastVersionSeen() {
        var state = Self.makeListed()
        state.saw(resourceVersion: "11")
        state.saw(resourceVersion: "")
        Self.end(&state, nil)
        #expect(state.next(now: .zero) == .watch(from: "11"), "the server closed in good order: at once")
        Self.end(&state, .broken, now: .zero)
        #expect(state.next(now: .zero) == .wait(until: .milliseconds(800)))
        #expect(state.next(now: .milliseconds(800)) == .watch(from: "11"))
    }

    @Test func aWatchThatEndsAtOnceIsNotReopenedInATightLoop() {
        var state = Self.makeListed()
        Self.end(&state, nil, lasted: .milliseconds(10), events: 0)
        #expect(state.next(now: .zero) == .wait(until: .milliseconds(800)))
        state = Self.makeListed()
        Self.end(&state, nil, lasted: .milliseconds(10), events: 1)
        #expect(state.next(now: .zero) == .watch(from: "10"))
    }

    @Test func anExpiredVersionIsListedAnewAtOnceTheFirstTime() {
        var state = Self.makeListed()
        Self.end(&state, .expired)
        #expect(state.next(now: .zero) == .list(continuing: nil, limit: 500))
        _ = state.listed(resourceVersion: "20", continuing: nil)
        Self.end(&state, .expired, now: .seconds(1))
        #expect(state.next(now: .seconds(1)) == .wait(until: .milliseconds(2600)), "the second time with a pause")
        #expect(state.next(now: .seconds(3)) == .list(continuing: nil, limit: 500))
        _ = state.listed(resourceVersion: "30", continuing: nil)
        Self.end(&state, .expired, now: .seconds(200))
        #expect(state.next(now: .seconds(200)) == .list(continuing: nil, limit: 500), "after two quiet minutes at once")
    }

    @Test func anExpiredContinueTokenStartsOverInOnePiece() {
        var state = Self.make()
        _ = state.listed(resourceVersion: "10", continuing: "next")
        #expect(state.listFailed(.expired, now: .zero, random: 0.5) == false)
        #expect(state.next(now: .zero) == .list(continuing: nil, limit: nil))
        #expect(state.listed(resourceVersion: "11", continuing: nil) == .complete)
        Self.end(&state, .expired)
        #expect(state.next(now: .zero) == .list(continuing: nil, limit: 500), "the next list is in pages again")
    }

    @Test(arguments: [WatcherState.Failure.broken, .refused()])
    func aPageIsAskedForAgain(failure: WatcherState.Failure) {
        var state = Self.make()
        _ = state.listed(resourceVersion: "10", continuing: "next")
        #expect(state.listFailed(failure, now: .zero, random: 0.5) == false)
        #expect(state.next(now: .zero) == .wait(until: .milliseconds(800)))
        #expect(state.next(now: .seconds(1)) == .list(continuing: "next", limit: 500))
    }

    @Test func pausesGrowTo30Seconds() {
        var state = Self.makeListed()
        var now = Duration.zero
        var pauses: [Duration] = []
        for _ in 0..<8 {
            Self.end(&state, .broken, events: 0, now: now)
            guard case .wait(let until) = state.next(now: now) else { break }
            pauses.append(until - now)
            now = until
        }
        #expect(pauses.map(\.seconds) == [0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30, 30])
        Self.end(&state, .broken, now: now + .seconds(120))
        #expect(state.next(now: now) == .wait(until: now + .seconds(120) + .milliseconds(800)))
    }

    @Test func theServersWishToWaitIsHeeded() {
        var state = Self.makeListed()
        Self.end(&state, .refused(retryAfter: .seconds(7)))
        #expect(state.next(now: .zero) == .wait(until: .seconds(7)))
        state = Self.make()
        _ = state.listFailed(.refused(retryAfter: .seconds(9)), now: .zero, random: 0.5)
        #expect(state.next(now: .zero) == .wait(until: .seconds(9)))
    }

    @Test func aVersionRefusedFiveTimesIsGivenUp() {
        var state = Self.makeListed()
        var now = Duration.zero
        for attempt in 1...5 {
            now += .seconds(60)
            #expect(state.next(now: now) == .watch(from: "10"), "attempt \(attempt)")
            Self.end(&state, .refused(), events: 0, now: now)
        }
        now += .seconds(60)
        #expect(state.next(now: now) == .list(continuing: nil, limit: 500))
        // Broken connections say nothing about the version.
        state = Self.makeListed()
        for _ in 0..<20 { Self.end(&state, .broken, events: 0, now: now) }
        #expect(state.next(now: now + .seconds(60)) == .watch(from: "10"))
    }

    @Test func aResourceThatIsNotServedIsAskedForMoreSlowlyAndRecovers() {
        var state = Self.make()
        var now = Duration.zero
        var pauses: [Duration] = []
        for _ in 0..<5 {
            #expect(state.listFailed(.absent, now: now, random: 0.5) == true, "there are no objects")
            guard case .wait(let until) = state.next(now: now) else { break }
            pauses.append(until - now)
            now = until
        }
        #expect(pauses.map(\.seconds) == [5, 10, 20, 30, 30])
        #expect(state.next(now: now) == .list(continuing: nil, limit: 500))
        #expect(state.listed(resourceVersion: "10", continuing: nil) == .complete)
        #expect(state.next(now: now) == .watch(from: "10"))
    }

    @Test func aResourceThatVanishesIsBelievedTheSecondTime() {
        var state = Self.makeListed()
        Self.end(&state, .absent)
        #expect(state.next(now: .zero) == .wait(until: .milliseconds(800)))
        #expect(state.next(now: .seconds(1)) == .list(continuing: nil, limit: 500))
        #expect(
            state.listFailed(.absent, now: .seconds(1), random: 0.5) == false,
            "may be a server that has just started"
        )
        #expect(state.next(now: .seconds(1)) == .wait(until: .seconds(6)))
        #expect(state.listFailed(.absent, now: .seconds(6), random: 0.5) == true)
        // And once back, it is trusted again.
        _ = state.listed(resourceVersion: "12", continuing: nil)
        Self.end(&state, .absent, now: .seconds(500))
        #expect(state.listFailed(.absent, now: .seconds(501), random: 0.5) == false)
    }

    @Test func aPauseCanBeSkipped() {
        var state = Self.make()
        _ = state.listFailed(.absent, now: .zero, random: 0.5)
        state.skipPause()
        #expect(state.next(now: .zero) == .list(continuing: nil, limit: 500))
    }
}
