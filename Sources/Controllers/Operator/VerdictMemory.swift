import AdmissionServer
import Crypto
import Synchronization

/// What the API server said of tokens, for a short time and a bounded number of them.
final class VerdictMemory: Sendable {
    private struct Entry {
        var verdict: MetricsEndpoint.Verdict
        var until: ContinuousClock.Instant
    }

    private let lifetime: Duration
    private let limit: Int
    private let entries = Mutex<[SHA256Digest: Entry]>([:])

    init(lifetime: Duration = .seconds(10), limit: Int = 256) {
        self.lifetime = lifetime
        self.limit = max(1, limit)
    }

    static func key(of token: String) -> SHA256Digest { SHA256.hash(data: Array(token.utf8)) }

    func verdict(of key: SHA256Digest, now: ContinuousClock.Instant) -> MetricsEndpoint.Verdict? {
        self.entries.withLock { entries in
            guard let entry = entries[key] else { return nil }
            if now < entry.until { return entry.verdict }
            entries[key] = nil
            return nil
        }
    }

    /// What could not be found out is not remembered.
    func remember(_ verdict: MetricsEndpoint.Verdict, of key: SHA256Digest, now: ContinuousClock.Instant) {
        if case .failed = verdict { return }
        self.entries.withLock { entries in
            if entries[key] == nil, entries.count >= self.limit {
                entries = entries.filter { now < $0.value.until }
                // Somebody tries many tokens. Whoever may read keeps its place, if that makes room.
                if entries.count >= self.limit { entries = entries.filter { $0.value.verdict == .allowed } }
                if entries.count >= self.limit { entries = [:] }
            }
            entries[key] = Entry(verdict: verdict, until: now + self.lifetime)
        }
    }

    var count: Int { self.entries.withLock { $0.count } }
}
