/// Which traces are recorded (https://opentelemetry.io/docs/specs/otel/trace/sdk/#built-in-samplers).
package struct SpanSampler: Sendable, Hashable {
    /// What decides where there is no parent, or where parents do not count.
    package enum Root: Sendable, Hashable {
        case always, never
        /// This part of all traces, by their id, so that every process decides the same.
        case ratio(Double)
    }

    package var root: Root
    /// A child is recorded when its parent is.
    package var followsParent: Bool

    package init(root: Root, followsParent: Bool = true) {
        self.root = root
        self.followsParent = followsParent
    }

    package func samples(traceLow: UInt64, parent: TraceIdentity?) -> Bool {
        if self.followsParent, let parent { return parent.isSampled }
        switch self.root {
        case .always: return true
        case .never: return false
        case .ratio(let ratio):
            if ratio >= 1 { return true }
            if !(ratio > 0) { return false }
            // The last 56 bits are the random ones (W3C Trace Context level 2).
            return Double(traceLow & 0x00FF_FFFF_FFFF_FFFF) < ratio * 0x1p56
        }
    }
}
