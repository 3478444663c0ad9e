/// Spans that wait to be exported, in the order in which they ended: the pure half of ``OTLPExporter``.
///
/// A bounded number of them. When the collector does not keep up, what comes last is dropped and counted, so that it can be
/// seen and nothing grows.
package struct SpanQueue: Sendable {
    private var spans: [FinishedSpan] = []
    private let limit: Int
    private let batch: Int
    /// How many were dropped since the start.
    package private(set) var dropped = 0

    package init(limit: Int, batch: Int) {
        self.limit = max(1, limit)
        self.batch = max(1, min(batch, limit))
    }

    package var count: Int { self.spans.count }
    package var isEmpty: Bool { self.spans.isEmpty }

    /// What became of a span.
    package enum Admission: Sendable, Hashable {
        case queued
        /// A whole batch waits: it need not wait for its time.
        case batchIsFull
        case dropped
    }

    package mutating func add(_ span: FinishedSpan) -> Admission {
        guard self.spans.count < self.limit else {
            self.dropped += 1
            return .dropped
        }
        self.spans.append(span)
        return self.spans.count % self.batch == 0 ? .batchIsFull : .queued
    }

    /// Takes out what is to be sent next; empty when there is nothing.
    package mutating func next() -> [FinishedSpan] {
        let batch = Array(self.spans.prefix(self.batch))
        self.spans.removeFirst(batch.count)
        return batch
    }

    /// Spans that were taken out and could not be delivered.
    package mutating func lose(_ count: Int) { self.dropped += count }
}

/// What to do after an attempt to deliver a batch.
package struct ExportRetry: Sendable {
    package enum Outcome: Sendable, Hashable {
        /// A status of the collector, with the seconds of its `Retry-After`.
        case answered(Int, retryAfter: Double?)
        /// The connection failed or took too long.
        case unreachable
    }

    package enum Decision: Sendable, Hashable {
        case delivered
        case retry(after: Duration)
        case giveUp
    }

    private var failures = 0

    package init() {}

    /// - Parameters:
    ///   - remaining: how much of the batch's time is left.
    ///   - random: 0 to 1, so that many exporters do not come back at once.
    package mutating func decide(_ outcome: Outcome, remaining: Duration, random: Double) -> Decision {
        var pause: Duration?
        switch outcome {
        case .answered(200..<300, _): return .delivered
        // The protocol's retryable ones; all others will not get better.
        case .answered(let code, let seconds) where [429, 502, 503, 504].contains(code):
            pause = seconds.map { .seconds(max(0, min($0, 3_600))) }
        case .answered: return .giveUp
        case .unreachable: break
        }
        self.failures += 1
        let backoff = min(1.0 * Double(1 << min(self.failures - 1, 5)), 30)
        let wait = pause ?? .seconds(backoff * (0.5 + random / 2))
        return wait < remaining ? .retry(after: wait) : .giveUp
    }
}
