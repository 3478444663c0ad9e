import Testing

@testable import KubeRuntime

@Suite struct BackoffTests {
    @Test func doublesUpToTheCap() {
        let policy = Backoff.Policy(base: .milliseconds(5), cap: .seconds(1000), jitter: 0)
        let pauses = (1...20).map { policy.pause(failures: $0, random: 0.5) }
        #expect(pauses.prefix(4) == [.milliseconds(5), .milliseconds(10), .milliseconds(20), .milliseconds(40)])
        #expect(pauses.last == .seconds(1000))
        #expect(policy.pause(failures: .max, random: 0) == .seconds(1000))
        #expect(policy.pause(failures: 0, random: 0) == .milliseconds(5))
    }

    @Test(arguments: [(0.0, 0.8), (0.5, 1.0), (0.999_999, 1.2)])
    func jitterSpreadsAroundThePause(random: Double, share: Double) {
        let policy = Backoff.Policy(base: .seconds(10), cap: .seconds(30), jitter: 0.2)
        #expect(abs(policy.pause(failures: 1, random: random).seconds - 10 * share) < 0.001)
        #expect(abs(policy.pause(failures: 9, random: random).seconds - 30 * share) < 0.001)
    }

    @Test func startsOverAfterAQuietTime() {
        var backoff = Backoff(
            Backoff.Policy(base: .seconds(1), cap: .seconds(30), jitter: 0, resetAfter: .seconds(120))
        )
        #expect(backoff.fail(now: .zero, random: 0.5) == .seconds(1))
        #expect(backoff.fail(now: .seconds(1), random: 0.5) == .seconds(2))
        // The pause ended at 3 s; 119 s later is not quiet for long enough.
        #expect(backoff.fail(now: .seconds(122), random: 0.5) == .seconds(4))
        // Now it ended at 126 s.
        #expect(backoff.fail(now: .seconds(246), random: 0.5) == .seconds(1))
        backoff.reset()
        #expect(backoff.failures == 0)
    }

    @Test func watchPolicyIsTheAgreedOne() {
        let policy = Backoff.Policy.watch
        #expect(policy.pause(failures: 1, random: 0.5) == .milliseconds(800))
        #expect(policy.pause(failures: 7, random: 0.5) == .seconds(30))
        #expect(policy.resetAfter == .seconds(120))
    }
}
