import KubeModel
import NIOHTTP1

/// When a request is sent again. Values in, decision out.
///
/// - 429 with Retry-After: the server did not begin, so any request is sent again after that time.
/// - 503 with Retry-After: sent again if sending twice does no harm, since something may have begun.
/// - The connection went away before any answer: once, if sending twice does no harm. Keep-alive connections that the
///   server closes at the very moment of their reuse look like this. If the first one did arrive, an update with a
///   resource version then meets a conflict and a delete a 404, which every caller has to expect anyway.
/// - 401: once, if the credential can be got anew (rotated token, exec plugin).
///
/// Nothing is sent again when that would be too late for the request's timeout.
struct RetryPolicy {
    let maximumRetries: Int
    let isIdempotent: Bool
    /// How much time is left of the request's timeout is up to the caller; this counts attempts.
    private(set) var retries = 0
    private var hasReconnected = false
    private var hasRefreshed = false

    init(maximumRetries: Int, isIdempotent: Bool) {
        self.maximumRetries = maximumRetries
        self.isIdempotent = isIdempotent
    }

    enum Decision: Hashable {
        case giveUp
        case retry(after: Duration)
    }

    /// After an answer.
    mutating func decide(status: Int, retryAfter: Duration?, remaining: Duration) -> Decision {
        guard status == 429 || (status == 503 && self.isIdempotent), let retryAfter,
            self.retries < self.maximumRetries, retryAfter < remaining
        else { return .giveUp }
        self.retries += 1
        return .retry(after: retryAfter)
    }

    /// After the connection was lost without an answer.
    mutating func decideAfterLostConnection() -> Decision {
        guard self.isIdempotent, !self.hasReconnected else { return .giveUp }
        self.hasReconnected = true
        return .retry(after: .zero)
    }

    /// After 401, when the credential can be got anew.
    mutating func decideAfterUnauthorized() -> Decision {
        guard !self.hasRefreshed else { return .giveUp }
        self.hasRefreshed = true
        return .retry(after: .zero)
    }

    /// The Retry-After of an answer, `nil` without one. Whole seconds, or a date (RFC 9110 section 10.2.3).
    static func retryAfter(_ headers: HTTPHeaders, now: Timestamp = .now()) -> Duration? {
        guard let value = headers.first(name: "Retry-After") else { return nil }
        if let seconds = Int(value) { return .seconds(max(0, min(seconds, 86_400))) }
        if let date = Timestamp(httpDate: value) { return max(.zero, min(date - now, .seconds(86_400))) }
        return nil
    }
}
