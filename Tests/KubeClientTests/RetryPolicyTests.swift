import KubeModel
import KubeTesting
import NIOHTTP1
import Testing

@testable import KubeClient

struct RetryPolicyTests {
    @Test(arguments: [
        // What was asked, the answer, and whether it is sent again.
        (status: 429, idempotent: false, retryAfter: 1, again: true),
        (status: 429, idempotent: true, retryAfter: 1, again: true),
        (status: 429, idempotent: true, retryAfter: nil, again: false),
        (status: 503, idempotent: true, retryAfter: 1, again: true),
        (status: 503, idempotent: false, retryAfter: 1, again: false),
        (status: 503, idempotent: true, retryAfter: nil, again: false),
        (status: 500, idempotent: true, retryAfter: 1, again: false),
        (status: 409, idempotent: true, retryAfter: 1, again: false),
        (status: 200, idempotent: true, retryAfter: 1, again: false),
        // Longer than the request may take.
        (status: 429, idempotent: true, retryAfter: 30, again: false),
    ])
    func decides(status: Int, idempotent: Bool, retryAfter: Int?, again: Bool) {
        var policy = RetryPolicy(maximumRetries: 5, isIdempotent: idempotent)
        let decision = policy.decide(
            status: status,
            retryAfter: retryAfter.map { .seconds($0) },
            remaining: .seconds(20)
        )
        #expect(decision == (again ? .retry(after: .seconds(retryAfter ?? 0)) : .giveUp))
    }

    @Test func endsAfterSoMany() {
        var policy = RetryPolicy(maximumRetries: 2, isIdempotent: true)
        for expected in [true, true, false] {
            let decision = policy.decide(status: 429, retryAfter: .zero, remaining: .seconds(1))
            #expect((decision == .retry(after: .zero)) == expected)
        }
    }

    @Test func lostConnectionsOnce() {
        var policy = RetryPolicy(maximumRetries: 5, isIdempotent: true)
        #expect(policy.decideAfterLostConnection() == .retry(after: .zero))
        #expect(policy.decideAfterLostConnection() == .giveUp)
        var post = RetryPolicy(maximumRetries: 5, isIdempotent: false)
        #expect(post.decideAfterLostConnection() == .giveUp)
    }

    @Test(
        arguments: [
            ("3", 3), ("0", 0), ("-1", 0), ("100000000", 86_400), ("Wed, 21 Oct 2015 07:28:30 GMT", 30),
            ("Wed, 21 Oct 2015 07:27:00 GMT", 0), ("soon", nil),
        ] as [(String, Int?)]
    )
    func retryAfterHeaders(value: String, seconds: Int?) {
        let now = Timestamp(seconds: 1_445_412_480)
        #expect(RetryPolicy.retryAfter(["Retry-After": value], now: now) == seconds.map { .seconds($0) })
    }

    @Test func noRetryAfterHeader() { #expect(RetryPolicy.retryAfter([:]) == nil) }

    @Test func rateLimiterSpacesRequests() {
        let clock = ManualClock()
        let limiter = RateLimiter(RateLimit(requestsPerSecond: 10, burst: 3), time: TimeSource(clock))
        // The burst at once, then one each tenth of a second.
        #expect(
            (0..<5).map { _ in limiter.reserve() } == [.zero, .zero, .zero, .milliseconds(100), .milliseconds(200)]
        )
        clock.advance(by: .milliseconds(300))
        #expect(limiter.reserve() == .zero)
        #expect(limiter.reserve() == .milliseconds(100))
        // A long rest fills the bucket, and no more than that.
        clock.advance(by: .seconds(60))
        #expect((0..<4).map { _ in limiter.reserve() } == [.zero, .zero, .zero, .milliseconds(100)])
    }

    @Test func nonsenseLimitsAreMended() {
        #expect(RateLimit(requestsPerSecond: 0, burst: 0) == RateLimit(requestsPerSecond: 0.001, burst: 1))
    }
}
