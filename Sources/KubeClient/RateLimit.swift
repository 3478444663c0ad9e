/// How many requests a client may send: a bucket of `burst` tokens that fills at `requestsPerSecond`.
package struct RateLimit: Sendable, Hashable {
    package var requestsPerSecond: Double
    package var burst: Int

    /// Both must be positive; smaller values are taken as one request in a thousand seconds, and one.
    package init(requestsPerSecond: Double, burst: Int) {
        self.requestsPerSecond = max(requestsPerSecond, 0.001)
        self.burst = max(burst, 1)
    }
}
